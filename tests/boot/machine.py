# SPDX-License-Identifier: MIT
"""One QEMU process: start it, wait for it, stop it, look into it, reap it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
from array import array
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

EXIT_SUCCESS = 33
EXIT_PANIC = 35
FRAME = 0x1000

_POLL_SECONDS = 0.03
_QMP_SECONDS = 60.0
_READ_GAP = 64 * FRAME  # frames closer than this are read in one go


@dataclass(frozen=True)
class Screen:
    """A picture of the display: red, green and blue of each pixel, row by row."""

    width: int
    height: int
    pixels: bytes

    def row(self, y: int) -> bytes:
        """The pixels of one row."""
        return self.pixels[y * self.width * 3 : (y + 1) * self.width * 3]


class MachineError(AssertionError):
    """The machine did not do what the test waited for; the text holds its console."""


class Qmp:
    """The monitor's socket: one command at a time, events ignored."""

    def __init__(
        self, directory: Path, ended: Callable[[], int | None], deadline: float
    ) -> None:
        # A socket's path has room for 107 bytes; this one is short anywhere.
        handle = os.open(directory, os.O_PATH)
        path = f"/proc/self/fd/{handle}/qmp"
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_QMP_SECONDS)
        while True:
            try:
                self._socket.connect(path)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                if ended() is not None or time.monotonic() > deadline:
                    os.close(handle)
                    raise MachineError("QEMU's monitor does not answer") from None
                time.sleep(_POLL_SECONDS)
        os.close(handle)
        self._file = self._socket.makefile("r", encoding="utf-8")
        try:
            self._file.readline()
        except (TimeoutError, ConnectionError) as error:
            raise MachineError(f"monitor: {error}") from error
        self.command("qmp_capabilities")

    def command(self, name: str, **arguments: object) -> object:
        """Run one command and return what it returns."""
        request = {"execute": name, "arguments": arguments}
        try:
            self._socket.sendall(json.dumps(request).encode() + b"\n")
            return self._answer(name)
        except (TimeoutError, ConnectionError) as error:
            raise MachineError(f"monitor: {name}: {error}") from error

    def _answer(self, name: str) -> object:
        while line := self._file.readline():
            answer = json.loads(line)
            if "error" in answer:
                raise MachineError(f"monitor: {name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]
        raise MachineError(f"monitor: {name}: QEMU is gone")

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()


class Machine:
    """A context manager around QEMU; leaving it always ends and reaps the process."""

    def __init__(
        self,
        directory: Path,
        *,
        args: Iterable[str] = (),
        machine: str = "q35",
        cpu: str = "max",
        memory: str = "256M",
        debug_exit: bool = True,
        vga: bool = True,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self._serial = directory / "serial"
        self._debugcon = directory / "debugcon"
        self._log = directory / "qemu.log"
        self.command = [
            "qemu-system-x86_64", "-machine", machine, "-accel", "tcg", "-cpu", cpu, "-m", memory,
            "-display", "none", "-nodefaults", "-nic", "none", "-no-reboot",
            "-serial", "file:serial", "-debugcon", "file:debugcon",
            "-qmp", "unix:qmp,server=on,wait=off",
        ]  # fmt: skip
        if vga:
            self.command += ["-device", "VGA"]
        if debug_exit:
            self.command += ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
        self.command += list(args)
        self._process: subprocess.Popen[bytes] | None = None
        self._qmp: Qmp | None = None

    def __enter__(self) -> Machine:
        self._serial.unlink(missing_ok=True)
        self._debugcon.unlink(missing_ok=True)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self.command, cwd=self.directory, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._qmp:
            self._qmp.close()
        if self._process and self._process.poll() is None:
            self._process.kill()
        if self._process:
            self._process.wait()

    @staticmethod
    def _text(path: Path) -> str:
        raw = path.read_bytes() if path.exists() else b""
        return raw.decode("ascii", "replace").replace("\r", "")

    @property
    def serial(self) -> str:
        """All that COM1 has said so far."""
        return self._text(self._serial)

    @property
    def debugcon(self) -> str:
        """All that port 0xe9 has said so far."""
        return self._text(self._debugcon)

    def fail(self, what: str) -> MachineError:
        """An error that shows where the machine got to."""
        log = self._text(self._log)
        return MachineError(
            f"{what}\ncommand: {' '.join(self.command)}\nqemu: {log[-2000:]}\n"
            f"console, the end of it:\n{self.serial[-4000:]}"
        )

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process, "use the machine as a context manager"
        return self._process

    def wait_exit(self, seconds: float) -> int:
        """Wait until QEMU leaves by itself; its exit status."""
        try:
            return self._running.wait(seconds)
        except subprocess.TimeoutExpired:
            raise self.fail(f"still running after {seconds} s") from None

    def wait_line(self, pattern: str, seconds: float) -> re.Match[str]:
        """Wait until a whole line of COM1 matches."""
        wanted = re.compile(f"^{pattern}$", re.MULTILINE)
        deadline = time.monotonic() + seconds
        while True:
            gone = self._running.poll() is not None
            if match := wanted.search(self.serial):
                return match
            if gone:
                raise self.fail(f"QEMU left with {self._running.returncode} before {pattern!r}")
            if time.monotonic() > deadline:
                raise self.fail(f"no line {pattern!r} after {seconds} s")
            time.sleep(_POLL_SECONDS)

    def wait_halted(self, seconds: float) -> None:
        """Wait until the CPU has halted with interrupts off, and stop the guest there."""
        deadline = time.monotonic() + seconds
        before = ""
        while True:
            if self._running.poll() is not None:
                raise self.fail(f"QEMU left with {self._running.returncode} instead of halting")
            text = self.hmp("info registers")
            flags = re.search(r"RFL=([0-9a-f]+)|EFL=([0-9a-f]+)", text)
            assert flags, text
            halted = "HLT=1" in text and not int(flags[1] or flags[2], 16) & 0x200
            # Firmware may halt so for a moment, with an SMI or an NMI to come.
            if halted and text == before:
                break
            before = text if halted else ""
            if time.monotonic() > deadline:
                raise self.fail(f"not halted after {seconds} s")
            time.sleep(_POLL_SECONDS)
        self.qmp.command("stop")

    @property
    def qmp(self) -> Qmp:
        """The monitor, connected at first use."""
        if not self._qmp:
            self._qmp = Qmp(self.directory, self._running.poll, time.monotonic() + _QMP_SECONDS)
        return self._qmp

    def hmp(self, line: str) -> str:
        """What the human monitor answers."""
        answer = self.qmp.command("human-monitor-command", **{"command-line": line})
        return str(answer).replace("\r", "")

    def registers(self) -> dict[str, int]:
        """`info registers`, by name; a segment register gives its selector."""
        text = self.hmp("info registers")
        return {name: int(value, 16) for name, value in re.findall(r"(\w+) *=([0-9a-f]+)", text)}

    def cpu_property(self, name: str) -> object:
        """What the first CPU model says about itself: a feature, phys-bits."""
        cpus = self.qmp.command("query-cpus-fast")
        assert isinstance(cpus, list)
        return self.qmp.command("qom-get", path=cpus[0]["qom-path"], property=name)

    def read(self, address: int, length: int) -> bytes:
        """Physical memory."""
        out = self.directory / "memory"
        self.qmp.command("pmemsave", val=address, size=length, filename=str(out.resolve()))
        data = out.read_bytes()
        out.unlink()
        return data

    def read_frames(self, frames: Iterable[int]) -> dict[int, array[int]]:
        """Frames as arrays of 512 entries; neighbours are read together."""
        result: dict[int, array[int]] = {}
        run: list[int] = []
        for frame in [*sorted(set(frames)), None]:
            if run and (frame is None or frame - run[-1] > _READ_GAP):
                data = memoryview(self.read(run[0], run[-1] + FRAME - run[0]))
                for each in run:
                    at = each - run[0]
                    result[each] = array("Q", data[at : at + FRAME].tobytes())
                run = []
            if frame is not None:
                run.append(frame)
        return result

    def screen(self) -> Screen:
        """What the display shows."""
        out = self.directory / "screen.ppm"
        self.qmp.command("screendump", filename=str(out.resolve()))
        data = out.read_bytes()
        out.unlink()
        header = re.match(rb"P6\s(\d+)\s(\d+)\s255\s", data)
        assert header, data[:20]
        return Screen(int(header[1]), int(header[2]), data[header.end() :])

    def save_device_state(self) -> bytes:
        """The registers of all devices and CPUs, as a migration would carry them."""
        out = self.directory / "devices"
        self.qmp.command("xen-save-devices-state", filename=str(out.resolve()))
        data = out.read_bytes()
        out.unlink()
        return data
