# SPDX-License-Identifier: MIT
"""What the command line promises, through real GRUB."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import console
import oracle
import snapshot
from boots import GRUB_SECONDS, MIB, Bench, assert_ready, grub_halts_right
from grub import OVMF, parse_lsmmap
from machine import EXIT_SUCCESS, Machine

BIOS = GRUB_SECONDS["bios"]
FIRMWARES = ["bios", "uefi"]
# UEFI takes seconds to come up, and differs from BIOS before options count.
MOSTLY_BIOS = ["bios", pytest.param("uefi", marks=pytest.mark.full)]
_SCREEN = 0xB8000
_PAYLOAD = ["", "then=payload", "scrub=on", "scrub=verify"]


@pytest.mark.parametrize("firmware", MOSTLY_BIOS)
def test_exit(bench: Bench, firmware: str) -> None:
    """then=exit leaves QEMU with success; ready is the last line for tools."""
    with bench.by_grub(firmware, "then=exit") as machine:
        assert machine.wait_exit(GRUB_SECONDS[firmware]) == EXIT_SUCCESS
        assert_ready(machine)


@pytest.mark.parametrize("firmware", MOSTLY_BIOS)
def test_reboot(bench: Bench, firmware: str) -> None:
    """then=reboot resets; QEMU, told not to reboot, leaves with 0."""
    with bench.by_grub(firmware, "then=reboot") as machine:
        assert machine.wait_exit(GRUB_SECONDS[firmware]) == 0
        assert_ready(machine)


@pytest.mark.smoke
@pytest.mark.parametrize(
    ("firmware", "command"),
    [
        *(("bios", command) for command in _PAYLOAD),
        ("uefi", "scrub=verify"),
        *(pytest.param("uefi", command, marks=pytest.mark.full) for command in _PAYLOAD if "verify" not in command),
    ],
)
def test_payload(bench: Bench, firmware: str, command: str) -> None:
    """The built-in payload audits the live tables, scrubs if asked to, and leaves with success."""
    with bench.by_grub(firmware, command, memory="128M") as machine:
        assert machine.wait_exit(GRUB_SECONDS[firmware]) == EXIT_SUCCESS
        before, ready, after = machine.serial.partition("footing: ready\n")
        assert ready and not console.panics(machine.serial)
        assert before and after.strip(), "the payload says nothing"
        console.parse(machine.serial)


@pytest.mark.parametrize("firmware", FIRMWARES)
def test_the_iso_we_hand_out(tmp_path: Path, image_path: Path, firmware: str) -> None:
    """build/footing.iso itself boots, runs the payload and leaves with success."""
    iso = Path(os.environ.get("FOOTING_ISO", image_path.with_name("footing.iso")))
    if not iso.exists():
        pytest.skip(f"{iso} does not exist")
    args = ["-cdrom", str(iso.resolve())]
    if firmware == "uefi":
        args += [
            "-drive", f"if=pflash,format=raw,readonly=on,file={OVMF / 'OVMF_CODE_4M.fd'}",
            "-drive", f"if=pflash,format=raw,snapshot=on,file={OVMF / 'OVMF_VARS_4M.fd'}",
        ]  # fmt: skip
    with Machine(tmp_path, args=args, memory="256M") as machine:
        assert machine.wait_exit(GRUB_SECONDS[firmware]) == EXIT_SUCCESS
        assert "footing: ready\n" in machine.serial


def test_both_consoles_say_the_same(bench: Bench) -> None:
    """COM1 and port 0xe9 get the same lines."""
    with bench.by_grub("bios", "then=halt") as machine:
        grub_halts_right(machine, "bios")
        serial = [line for line in machine.serial.splitlines() if line.startswith("footing: ")]
        debugcon = [line for line in machine.debugcon.splitlines() if line.startswith("footing: ")]
        assert serial == debugcon


@pytest.mark.parametrize("firmware", MOSTLY_BIOS)
def test_silent(bench: Bench, firmware: str) -> None:
    """console=none prints nothing anywhere, and boots to the same tables."""
    with bench.by_grub(firmware, "then=halt", name="talking") as machine:
        machine.wait_halted(GRUB_SECONDS[firmware])
        assert_ready(machine)
        talk = machine.serial
    with bench.by_grub(firmware, "then=halt console=none", name="silent") as machine:
        machine.wait_halted(GRUB_SECONDS[firmware])
        assert "footing: " not in machine.serial
        assert "footing: " not in machine.debugcon
        oracle.hold(snapshot.take(machine, parse_lsmmap(machine.serial), text=talk))


def test_screen(bench: Bench) -> None:
    """console=vga writes the lines to the text screen."""
    with bench.by_grub("bios", "then=halt console=vga") as machine:
        machine.wait_halted(BIOS)
        cells = machine.read(_SCREEN, 80 * 25 * 2)
        rows = [cells[i : i + 160 : 2].decode("cp437").rstrip() for i in range(0, len(cells), 160)]
        assert "footing: ready" in rows, rows
        assert any(row.startswith("footing: tables ") for row in rows), rows


@pytest.mark.parametrize(
    "command",
    ["console=com1", "console=com1,115200", "console=com1 console=vga", "console=com2 console=com1"],
)
def test_console_choices(bench: Bench, command: str) -> None:
    """Several consoles at once, with or without a speed."""
    with bench.by_grub("bios", f"then=halt {command}") as machine:
        grub_halts_right(machine, "bios")


@pytest.mark.parametrize("level", range(4))
def test_log_levels(bench: Bench, level: int) -> None:
    """At every level the boot is right; only how much is said may differ."""
    with bench.by_grub("bios", "then=halt", name="twin") as machine:
        machine.wait_halted(BIOS)
        talk = machine.serial
    with bench.by_grub("bios", f"then=halt loglevel={level}") as machine:
        machine.wait_halted(BIOS)
        assert not console.panics(machine.serial)
        text = machine.serial if "footing: tables " in machine.serial else talk
        oracle.hold(snapshot.take(machine, parse_lsmmap(machine.serial), text=text))


def test_dashes_end_the_options(bench: Bench) -> None:
    """What follows -- is the payload's, even if Footing would not know it."""
    with bench.by_grub("bios", "then=halt -- nonsense=1 then=exit maxpage=3m") as machine:
        grub_halts_right(machine, "bios")


@pytest.mark.parametrize(
    ("size", "limit"), [("64M", 64 * MIB), ("33M", 33 * MIB), ("1G", 1 << 30), ("50000K", 50000 << 10)]
)
def test_mem(bench: Bench, size: str, limit: int) -> None:
    """mem= leaves RAM above it unmapped, to the page."""
    with bench.by_grub("bios", f"then=halt mem={size}", memory="256M") as machine:
        taken = grub_halts_right(machine, "bios", ram_limit=limit)
        assert taken.ram[-1][1] <= limit


def test_la57_off(bench: Bench) -> None:
    """Four levels, as asked for."""
    with bench.by_grub("bios", "then=halt la57=off") as machine:
        assert grub_halts_right(machine, "bios").levels == 4


def test_la57_auto_takes_the_fewest_levels(bench: Bench) -> None:
    """On a CPU that could walk five levels, little RAM needs four."""
    with bench.by_grub("bios", "then=halt la57=auto") as machine:
        taken = grub_halts_right(machine, "bios")
        assert "la57" in taken.cpu.features and taken.levels == 4


def test_la57_on(bench: Bench) -> None:
    """Five levels, with every invariant."""
    with bench.by_grub("bios", "then=halt la57=on") as machine:
        assert grub_halts_right(machine, "bios").levels == 5


@pytest.mark.parametrize("cpus", [1, 4])
def test_more_cpus_do_no_harm(bench: Bench, cpus: int) -> None:
    """Other processors stay where firmware left them."""
    with bench.by_grub("bios", "then=halt", args=["-smp", str(cpus)]) as machine:
        grub_halts_right(machine, "bios")


def test_lines_for_tools_are_not_mixed(bench: Bench) -> None:
    """Each kind of line for tools comes in one block, and ready is the last."""
    with bench.by_grub("bios", "then=exit") as machine:
        assert machine.wait_exit(BIOS) == EXIT_SUCCESS
        kinds = re.findall(r"^footing: (layout|map|plan|tables|ready)\b", machine.serial, re.M)
    order = [kind for i, kind in enumerate(kinds) if i == 0 or kinds[i - 1] != kind]
    assert sorted(order) == ["layout", "map", "plan", "ready", "tables"]
    assert order[-1] == "ready"
