# SPDX-License-Identifier: MIT
"""The checking payload (tests/payload/check) in all its forms, and the ways it is started."""

from __future__ import annotations

import fcntl
import re
import struct
import subprocess
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import mb2
import oracle
import snapshot
from boots import EFI_SECONDS, GRUB_SECONDS, ROM_SECONDS, Bench, Module, RomBoot, assert_panic, assert_ready
from machine import EXIT_PANIC, EXIT_SUCCESS, Machine
from pages import Run
from rom import MSR_EFER, Firmware

# All that checks; those that halt at their first instruction are to be read from outside.
FORMS = ("exec-1m", "exec-2m", "exec-kernel", "exec-64k", "exec-64k-big", "exec-middle",
         "pie", "pie-relr", "pie-big")  # fmt: skip
WAYS = ("bios", "uefi", "efi", "pvh", "microvm")

_FEWEST_PROMISES = 150
_FOLDER = Path(__file__).resolve().parents[1]
_HALF = 1 << 63

PAYLOAD_AT = 128 << 20  # where the test ROM puts the payload's file

# 4 GiB as the Q35 board lays them out: half below the PCI hole, half above 4 GiB.
SPLIT = [*mb2.standard_map(2 << 30), (4 << 30, 2 << 30, mb2.USABLE)]


def build(cache: Path) -> dict[str, bytes]:
    """All forms, by name; safe when several processes ask at once."""
    out = _make(cache, "all")
    return {path.stem: path.read_bytes() for path in sorted(out.glob("*.elf"))}


def build_linked(cache: Path, footing: Path) -> Path:
    """The one that is linked to libfooting.a, which is an image of its own."""
    return _make(cache, "linked", f"FOOTING={footing}") / "linked" / "linked.elf"


def build_roots(cache: Path) -> dict[str, bytes]:
    """The one that tries other roots and identity pages (tests/payload/roots), in its forms."""
    out = _make(cache, folder="roots", to="payload-roots")
    return {path.stem: path.read_bytes() for path in out.glob("*.elf")}


def build_access(cache: Path, compiler: str = "gcc") -> bytes:
    """The one that tries accesses (tests/payload/access)."""
    out = _make(cache, f"CC={compiler}", folder="access", to=f"payload-{compiler}")
    return (out / "access.elf").read_bytes()


def build_version2(cache: Path) -> bytes:
    """The one that was made for version 2 of footing.h (tests/payload/version2)."""
    return (_make(cache, folder="version2", to="payload-version2") / "version2.elf").read_bytes()


def _make(cache: Path, *arguments: str, folder: str = "check", to: str = "payload") -> Path:
    out = cache / to
    out.mkdir(parents=True, exist_ok=True)
    with (cache / "payload.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = ["make", "-s", "-C", str(_FOLDER / "payload" / folder), f"OUT={out}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return out


def sums(modules: Iterable[bytes], first: int = 1) -> str:
    """What the payload is told of the modules, the first of which is its own file."""
    return " ".join(
        f"sum={i}:{len(data):x}:{zlib.crc32(data):x}" for i, data in enumerate(modules, first)
    )


@dataclass(frozen=True)
class Outcome:
    """What a payload said before it left."""

    text: str
    held: int

    def word(self, pattern: str) -> re.Match[str]:
        """The line of the payload that matches."""
        found = re.search(f"^payload: {pattern}$", self.text, re.M)
        assert found, f"no line {pattern!r} in:\n{self.text}"
        return found

    def modules(self) -> list[tuple[int, int, int, str]]:
        """Modules as the payload was told of them: start, end, kind, text."""
        lines = re.findall(
            r'^payload: module \d+ 0x([0-9a-f]+)-0x([0-9a-f]+) kind (\d) "(.*)"$', self.text, re.M
        )
        return [(int(s, 16), int(e, 16), int(kind), text) for s, e, kind, text in lines]


    def names(self) -> list[str]:
        """The modules' names, in the same order."""
        return re.findall(r'^payload: name of module \d+ "(.*)"$', self.text, re.M)


def wait_success(machine: Machine, seconds: float) -> Outcome:
    """The payload is entered once, finds no promise broken, and leaves with success."""
    status = machine.wait_exit(seconds)
    lines = [line for line in machine.serial.splitlines() if line.startswith("payload: ")]
    broken = [line for line in lines if line.startswith("payload: broken: ")]
    assert not broken, machine.fail("\n".join(broken))
    last = re.fullmatch(r"payload: (\d+) promises held, 0 broken", lines[-1] if lines else "")
    if not last or int(last[1]) < _FEWEST_PROMISES or status != EXIT_SUCCESS:
        raise machine.fail(f"exit status {status}, and the payload's last line is {lines[-1:]}")
    assert machine.serial.count("footing: ready") == 1
    return Outcome("\n".join(lines), int(last[1]))


def start(
    bench: Bench,
    way: str,
    payload: bytes,
    options: str = "",
    arguments: str = "",
    *,
    modules: dict[str, bytes] | None = None,
    memory: str = "256M",
    cpu: str = "max",
    name: str = "payload",
) -> Machine:
    """A machine that starts the payload by GRUB on BIOS or UEFI of either kind, footing.efi, or PVH."""
    modules = modules or {}
    if way in ("bios", "uefi", "uefi32"):
        return bench.by_grub(
            way, f"{options} -- {arguments}", modules={"payload.elf": payload, **modules},
            memory=memory, cpu=cpu, name=name,
        )  # fmt: skip
    if way == "efi":
        lines = [f"kernel=payload.elf {arguments}", *(f"module={each} {each}" for each in modules)]
        files = {f"EFI/BOOT/{each}": data for each, data in modules.items()}
        files = {**bench.esp_files(options, *lines), "EFI/BOOT/payload.elf": payload, **files}
        return bench.by_efi(files, memory=memory, cpu=cpu, name=name)
    assert not modules, "QEMU's -kernel has one module, the payload"
    place = bench.directory / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "footing.elf").write_bytes(bench.raw)
    (place / "payload.elf").write_bytes(payload)
    args = ["-kernel", "footing.elf", "-initrd", "payload.elf", "-append", f"{options} -- {arguments}"]
    micro = way == "microvm"  # which has no PCI for a screen
    board = "microvm" if micro else "q35"
    return Machine(place, args=args, memory=memory, cpu=cpu, machine=board, vga=not micro)


def seconds_for(way: str) -> float:
    """How long such a boot may take."""
    return GRUB_SECONDS.get(way, EFI_SECONDS if way == "efi" else ROM_SECONDS)


def rom_boot(
    boot: RomBoot,
    payload: bytes,
    *,
    at: int = PAYLOAD_AT,
    options: str = "",
    arguments: str = "",
    text: str = "",
    position: int = 0,
) -> RomBoot:
    """The same boot with the payload's file as a module, the others' sums on its command line."""
    others = sums((module.data for module in boot.modules), 1)
    words = f"{options} -- {arguments} {others}"
    modules = list(boot.modules)
    modules.insert(position, Module(at, payload, text))
    return replace(boot, command=words, modules=modules)


def rom_succeeds(bench: Bench, boot: RomBoot) -> Outcome:
    """Boot by ROM, as rom_boot() made it, and hear the payload out."""
    with bench.by_rom(boot) as machine:
        return wait_success(machine, ROM_SECONDS)


def rom_refuses(bench: Bench, boot: RomBoot, *codes: str) -> str:
    """The same, but Footing must stop with one of these codes. Its words."""
    with bench.by_rom(boot) as machine:
        status = machine.wait_exit(ROM_SECONDS)
        words = assert_panic(machine, *codes)
        assert status == EXIT_PANIC, machine.fail(f"exit status {status}")
        assert "\npayload: " not in machine.serial
        return words


_GIB = 1 << 30
_TABLES = 0x20000
_PRESENT_WRITE, _LARGE = 3, 0x80


def long_mode(boot: RomBoot, levels: int) -> RomBoot:
    """The same boot through the 64-bit entry: 512 GiB are identity-mapped, by 4 or 5 levels."""
    gigabytes = [i * _GIB | _PRESENT_WRITE | _LARGE for i in range(512)]
    tables = [gigabytes, [_TABLES | _PRESENT_WRITE], [_TABLES + 0x1000 | _PRESENT_WRITE]]
    blob = b"".join(struct.pack("<512Q", *(t + [0] * (512 - len(t)))) for t in tables)
    firmware = Firmware(
        cr0=1 << 31,
        cr4=1 << 5 | (1 << 12 if levels == 5 else 0),
        msrs=[(MSR_EFER, 1 << 8)],
        root=_TABLES + (levels - 3) * 0x1000,
        stack=0x8000,
    )
    return replace(boot, firmware=firmware, blobs=[*boot.blobs, (_TABLES, blob)])


_PVH_MAGIC = 0x336EC578
_PVH_NOTE = struct.pack("<III4s", 4, 4, 18, b"Xen\0")


def by_pvh_rom(bench: Bench, boot: RomBoot) -> tuple[Bench, RomBoot]:
    """The same boot, but by PVH's start info, whose modules may be above 4 GiB."""
    at = bench.raw.index(_PVH_NOTE) + len(_PVH_NOTE)
    entry, = struct.unpack_from("<I", bench.raw, at)
    entries = boot.map_entries()
    text = boot.command.encode() + b"\0"
    map_at = boot.info_at + 0x100
    list_at = map_at + 24 * len(entries)
    texts_at = list_at + 32 * len(boot.modules)
    texts = [module.text.encode() + b"\0" for module in boot.modules]
    text_at = texts_at + sum(len(each) for each in texts)
    info = struct.pack(
        "<4I4Q2I", _PVH_MAGIC, 1, 0, len(boot.modules), list_at, text_at, 0, map_at, len(entries), 0
    )
    info = info.ljust(0x100, b"\0")
    info += b"".join(struct.pack("<QQII", *each, 0) for each in entries)
    for module, each in zip(boot.modules, texts):
        info += struct.pack("<4Q", module.address, len(module.data), texts_at, 0)
        texts_at += len(each)
    info += b"".join(texts) + text
    firmware = replace(boot.firmware, eax=0)
    image = replace(bench.image, entry=entry - 0x100000 + bench.image.base)
    return replace(bench, image=image), replace(boot, info=info, firmware=firmware)


@dataclass(frozen=True)
class Segment:
    """A segment of a made-up ELF file: its rights as PF_R | PF_W | PF_X."""

    va: int
    flags: int
    length: int = 0x1000
    align: int = 0x1000
    fill: int = 0xF4  # `hlt`


def elf(*segments: Segment, entry: int | None = None) -> bytes:
    """An ET_EXEC with these segments."""
    offset = 0x1000
    table, contents = b"", b""
    for s in segments:
        offset += s.va % 0x1000
        table += struct.pack("<IIQQQQQQ", 1, s.flags, offset, s.va, s.va, s.length, s.length, s.align)
        contents += bytes(s.va % 0x1000) + bytes([s.fill]) * s.length
        pad = -len(contents) % 0x1000
        contents += bytes(pad)
        offset = 0x1000 + len(contents)
    start_va = segments[0].va if entry is None else entry
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, start_va, 64, 0, 0, 64, 56, len(segments), 64, 0, 0)
    return (ident + header + table).ljust(0x1000, b"\0") + contents


def entered(machine: Machine, seconds: float, payload: bytes) -> dict[str, int]:
    """Wait until a payload that halts at its first instruction does; the registers then."""
    machine.wait_halted(seconds)
    assert_ready(machine)
    registers = machine.registers()
    linked, = struct.unpack_from("<Q", payload, 24)
    base = 0xFFFFFFFFA0000000 if payload[16] == 3 else 0
    assert base + linked < registers["RIP"] <= base + linked + 2, machine.fail("halted elsewhere")
    return registers


def judge(taken: snapshot.Snapshot) -> None:
    """The outside reader's judgement, with the payload's own mappings allowed in the low half."""
    found = oracle.judge(taken)
    planned = [(line.va, line.va + line.length) for line in taken.report.plan if line.what == "payload"]
    assert planned, "no payload in the plan"

    def is_payload(run: Run) -> bool:
        return any(start <= run.va and run.va + run.length <= end for start, end in _join(planned))

    low = [str(run) for run in taken.walk.runs if run.va < _HALF and not is_payload(run)]
    found.pop("identity", None)
    if low:
        found["identity"] = low
    if first := [str(run) for run in taken.walk.runs if run.va < 0x10000]:
        found["the first 64 KiB"] = first
    text = "\n".join(f"{name}: {each}" for name, all_ in found.items() for each in all_[:5])
    assert not found, f"the outside reader objects:\n{text}"


def _join(pieces: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    result: list[tuple[int, int]] = []
    for start_, end in sorted(pieces):
        if result and result[-1][1] == start_:
            result[-1] = (result[-1][0], end)
        else:
            result.append((start_, end))
    return result


def whole(length: int) -> int:
    return -(-length // 0x1000) * 0x1000
