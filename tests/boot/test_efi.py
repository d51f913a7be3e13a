# SPDX-License-Identifier: MIT
"""footing.efi started by UEFI firmware: the live tables, the screen, the runtime services."""

from __future__ import annotations

import datetime
import random
import re
from dataclasses import dataclass, replace
from itertools import product

import pytest

import console
import esp
import font
import oracle
import tiny_elf
from boots import EFI_SECONDS, Bench, assert_ready, efi_halts_right
from console import SIZES
from intervals import union
from machine import EXIT_SUCCESS, Machine

_DATE = datetime.datetime(2031, 5, 17, 10, 20, 30)
_CHAINLOAD = ["chainloader /x/footing.efi", "boot"]
_DATE_SLACK = datetime.timedelta(seconds=EFI_SECONDS)


@dataclass(frozen=True)
class Case:
    """One boot: the firmware starts the image itself, or GRUB's chainloader does."""

    way: str
    memory: str
    vga: bool
    maxpage: str
    cpu: str = "max"

    @property
    def name(self) -> str:
        """As pytest shows it."""
        return "-".join([self.way, self.memory, "vga" if self.vga else "novga", self.maxpage, self.cpu])


_ALL = [
    Case(*case)
    for case in product(
        ("direct", "chain"), ("128M", "512M", "4G", "5000M"), (True, False), SIZES, ("max", "qemu64")
    )
]
_SMOKE = [Case("chain", "4G", True, "1g")]
_QUICK = [
    *_SMOKE,
    Case("direct", "128M", False, "1g"),
    Case("direct", "5000M", True, "2m"),
    Case("chain", "512M", True, "4k", "qemu64"),
    Case("chain", "5000M", False, "1g", "qemu64"),
]


def _param(case: Case) -> object:
    marks = [] if case in _QUICK else [pytest.mark.full]
    return pytest.param(case, id=case.name, marks=[*marks, *([pytest.mark.smoke] if case in _SMOKE else [])])


@pytest.mark.parametrize("case", [_param(case) for case in _ALL])
def test_matrix(bench: Bench, case: Case) -> None:
    """The outside reader is content, with the EFI memory map as the truth."""
    options = f"then=halt maxpage={case.maxpage}"
    firmware = None
    if case.way == "direct":
        firmware = bench.firmware_map(memory=case.memory, cpu=case.cpu, vga=case.vga)
        files = bench.esp_files(options)
    else:
        files = bench.chainloading(_CHAINLOAD, **{"footing.cfg": esp.config(options)})
    with bench.by_efi(files, memory=case.memory, cpu=case.cpu, vga=case.vga) as machine:
        taken = efi_halts_right(machine, firmware, maxpage=SIZES[case.maxpage])
    planned = {line.what for line in taken.report.plan}
    assert ("framebuffer" in planned) == case.vga
    assert "efi-runtime" in planned and taken.runtime_code


@pytest.mark.smoke
@pytest.mark.parametrize(
    "options", [pytest.param("then=exit", marks=pytest.mark.full), "then=exit scrub=verify"]
)
def test_payload(bench: Bench, options: str) -> None:
    """The built-in payload audits the tables, reads the clock and a variable, and leaves."""
    clock = ["-rtc", f"base={_DATE.isoformat()}"]
    with bench.by_efi(bench.esp_files(options), memory="128M", vga=False, args=clock) as machine:
        assert machine.wait_exit(EFI_SECONDS) == EXIT_SUCCESS
        assert not console.panics(machine.serial)
        lines = re.findall(r"^Runtime services: (.*)$", machine.serial, re.M)
        assert re.search(r"^Audit: \d+ tables and \d+ leaves read back", machine.serial, re.M)
    assert len(lines) == 1, lines
    found = re.fullmatch(
        r"GetTime: EFI_SUCCESS, (\S+ \S+); GetVariable: EFI_SUCCESS, PlatformLang=en", lines[0]
    )
    assert found, lines[0]
    now = datetime.datetime.fromisoformat(found[1])
    assert _DATE <= now <= _DATE + _DATE_SLACK, now


@pytest.mark.full
def test_reboot(bench: Bench) -> None:
    """then=reboot resets; QEMU, told not to reboot, leaves with 0."""
    with bench.by_efi(bench.esp_files("then=reboot"), vga=False) as machine:
        assert machine.wait_exit(EFI_SECONDS) == 0
        assert_ready(machine)


def test_screen(bench: Bench) -> None:
    """The display shows, in Footing's font, what COM1 said last."""
    with bench.by_efi(bench.esp_files("then=halt")) as machine:
        machine.wait_halted(EFI_SECONDS)
        assert_ready(machine)
        rows = font.read(machine.screen())
        said = [line for line in machine.serial.splitlines() if line.startswith("footing: ")]
    shown = [row for row in rows if row]
    assert shown[-1] == "footing: ready"
    assert len(shown) > 10 and shown == said[-len(shown) :]


@pytest.mark.full
def test_both_consoles_say_the_same(bench: Bench) -> None:
    """COM1 and port 0xe9 get the same lines, each once."""
    with bench.by_efi(bench.esp_files("then=halt"), vga=False) as machine:
        machine.wait_halted(EFI_SECONDS)
        serial = [line for line in machine.serial.splitlines() if line.startswith("footing: ")]
        debugcon = [line for line in machine.debugcon.splitlines() if line.startswith("footing: ")]
    assert serial == debugcon and len(serial) == len(set(serial))


def _find(machine: Machine, data: bytes) -> int:
    """Where these bytes stand, whole, at a page boundary; they do so once."""
    memory = machine.read(0, 256 << 20)
    found = [at for at in range(0, len(memory), 0x1000) if memory.startswith(data, at)]
    assert len(found) == 1, found
    return found[0]


def test_modules(bench: Bench) -> None:
    """Payload, ramdisk and modules are loaded whole, and nothing of the boot lies over them."""
    source = random.Random(7)
    data = {"kernel": tiny_elf.build(source.randbytes(70000)), "ramdisk": source.randbytes(3 * 4096 + 17),
            "sub/module": source.randbytes(1 << 20)}  # fmt: skip
    entries = ["kernel=kernel quiet", "ramdisk=ramdisk", "module=sub/module writable"]
    files = {"footing.cfg": esp.config("then=halt", *entries), **data}
    with bench.by_efi(bench.chainloading(_CHAINLOAD, **files), vga=False) as machine:
        taken = efi_halts_right(machine)
        starts = {name: _find(machine, content) for name, content in data.items()}
    modules = union((start, start + len(data[name])) for name, start in starts.items())
    assert oracle.tables(replace(taken, modules=modules)) == []
