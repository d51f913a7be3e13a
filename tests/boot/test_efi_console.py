# SPDX-License-Identifier: MIT
"""footing.efi's consoles while the firmware lives: its own text output, and the serial port."""

from __future__ import annotations

import time
from itertools import groupby

import pytest

import console
import esp
import oracle
import snapshot
from boots import EFI_SECONDS, Bench, assert_ready
from machine import EXIT_SUCCESS, Machine, Screen

_LINE = (
    "footing: panic OPTION: unknown option or value: footing.cfg:4: frob=1: Footing's options are console= maxpage= "
    "mem= scrub= loglevel= then= la57= directmap= foreign=; the payload's own words come after --"
)
_WIDTH = 70 * 8  # pixels of what is compared: GRUB and firmware do not wrap a line at the same column
_INVITATION = "footing: press a key, or wait 10 seconds, and the boot manager goes on"
_LIT = 2000  # bytes that are not black in a picture of so many characters; a shorter line has fewer
_POLL_SECONDS = 0.3
_PROGRESS = 16 << 20  # files from this size on show how far they are


def _lines(screen: Screen) -> list[tuple[bytes, ...]]:
    """Pictures of how lines of text begin: rows that are not black, between such as are."""
    rows = [screen.row(y)[: 3 * _WIDTH] for y in range(screen.height)]
    return [tuple(group) for lit, group in groupby(rows, key=any) if lit]


def test_lines_are_told_apart() -> None:
    """Two pictures of one line are found, and nothing is where there is one of each."""
    dark, one, two = bytes(30), b"\1" * 30, b"\1\2" * 15
    lines = _lines(Screen(10, 6, dark + one + two + dark + one + two))
    assert lines == [(one, two)] * 2
    assert len(set(_lines(Screen(10, 5, one + dark + two + dark + dark)))) == 2


def _wait_twice(machine: Machine) -> None:
    """Wait until one long line stands on the display in two places."""
    deadline = time.monotonic() + EFI_SECONDS
    while time.monotonic() < deadline:
        lines = _lines(machine.screen())
        long = [line for line in lines if sum(map(bool, b"".join(line))) > _LIT]
        if len(long) > len(set(long)):
            return
        time.sleep(_POLL_SECONDS)
    raise machine.fail("the display does not show the line a second time")


@pytest.mark.parametrize("options", [pytest.param("", marks=pytest.mark.full), "console=efi "])
def test_panic_on_the_display(bench: Bench, options: str) -> None:
    """A refusal looks on the firmware's display as the same words look that GRUB writes there."""
    script = ["terminal_output console", f'echo "{_LINE[:70]}"', "terminal_output serial"]
    script += ["chainloader /x/footing.efi", "boot", "sleep 60", "halt"]
    files = bench.chainloading(script, **{"footing.cfg": esp.config(f"{options}frob=1")})
    with bench.by_efi(files) as machine:
        _wait_twice(machine)
        assert console.panics(machine.debugcon) == [("OPTION", _LINE.partition(": panic OPTION: ")[2])]


def _wait_after_the_panic(machine: Machine, key: str | None) -> float:
    """Wait until the boot manager goes on, with a key or without; the seconds from the invitation on."""
    machine.wait_line(_LINE, EFI_SECONDS)
    machine.wait_line(_INVITATION, EFI_SECONDS)
    start = time.monotonic()
    if key:
        machine.hmp(f"sendkey {key}")
    machine.wait_line(r".*BdsDxe: failed to start .*: Invalid Parameter", EFI_SECONDS)
    return time.monotonic() - start


@pytest.mark.smoke
def test_a_key_ends_the_wait(bench: Bench) -> None:
    """With a display, the panic stays until a key is pressed: what comes next may clear it."""
    with bench.by_efi(bench.esp_files("frob=1"), bench.chainloading(["halt"])) as machine:
        assert _wait_after_the_panic(machine, "a") < 8


@pytest.mark.full
def test_the_wait_ends(bench: Bench) -> None:
    """Without a key it stays for 10 seconds."""
    with bench.by_efi(bench.esp_files("frob=1"), bench.chainloading(["halt"])) as machine:
        assert 8 < _wait_after_the_panic(machine, None) < 30


@pytest.mark.full
def test_silent(bench: Bench) -> None:
    """console=none prints nothing anywhere, and boots to the same tables."""
    script = ["chainloader /x/footing.efi", "boot"]
    files = bench.chainloading(script, **{"footing.cfg": esp.config("then=halt")})
    with bench.by_efi(files, vga=False, name="talking") as machine:
        machine.wait_halted(EFI_SECONDS)
        assert_ready(machine)
        talk = machine.serial
    files = bench.chainloading(script, **{"footing.cfg": esp.config("then=halt console=none")})
    with bench.by_efi(files, vga=False, name="silent") as machine:
        machine.wait_halted(EFI_SECONDS)
        assert "footing: " not in machine.serial and "footing: " not in machine.debugcon
        firmware = esp.parse_lsefimmap(machine.serial)
        taken = snapshot.take(
            machine, firmware.usable, text=talk, runtime=firmware.runtime, runtime_code=firmware.runtime_code
        )
        oracle.hold(taken)


@pytest.mark.full
def test_com2(bench: Bench) -> None:
    """console=com2 alone: the lines come there, and not on COM1."""
    with bench.by_efi(
        bench.esp_files("then=exit console=com2"), vga=False, args=["-serial", "file:com2"]
    ) as machine:
        assert machine.wait_exit(EFI_SECONDS) == EXIT_SUCCESS
        said = (machine.directory / "com2").read_text(encoding="ascii", errors="replace")
        assert "footing: ready" in said and "footing: " not in machine.serial


@pytest.mark.full
def test_progress(bench: Bench) -> None:
    """A large file shows how far it is; on COM1 it does not appear among the lines."""
    files = {**bench.esp_files("then=exit", "module=m"), "EFI/BOOT/m": bytes(_PROGRESS)}
    with bench.by_efi(files) as machine:
        assert machine.wait_exit(EFI_SECONDS) == EXIT_SUCCESS
        assert "MiB" not in machine.serial.partition("footing: ")[0]
