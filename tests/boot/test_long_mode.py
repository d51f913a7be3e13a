# SPDX-License-Identifier: MIT
"""The 64-bit entry: firmware's own page tables, of 4 or 5 levels, may be read-only, the image anywhere.

By la57=auto there are four after it; test_levels.py asks for others.

The ROM enters as UEFI's loader would, but with boot services already left, so
that the memory map comes with the boot information and every address is the
test's choice. GRUB on OVMF shows the other way, with boot services alive.
"""

from __future__ import annotations

import struct

import pytest

import mb2
from boots import MIB, ROM_SECONDS, Bench, RomBoot, assert_panic
from machine import EXIT_PANIC
from rom import MSR_EFER, Firmware

GIB = 1 << 30
TABLES = 0x20000  # conventional memory; the map says loader's, which is usable
STACK = 0x300000

# 4 GiB as the Q35 board lays them out: half below the PCI hole, half above 4 GiB.
SPLIT = [*mb2.standard_map(2 * GIB), (4 * GIB, 2 * GIB, mb2.USABLE)]

CR0_WP, CR0_PG = 1 << 16, 1 << 31
CR4_PAE, CR4_PGE, CR4_LA57 = 1 << 5, 1 << 7, 1 << 12
EFER_LME, EFER_NXE = 1 << 8, 1 << 11
PRESENT, WRITE, LARGE, GLOBAL = 0x1, 0x2, 0x80, 0x100


def _identity(levels: int, *, read_only: bool) -> tuple[bytes, int]:
    """Tables over the first 512 GiB, as firmware has them; where the root is."""
    l2, l3, l4, l5 = (TABLES + i * 0x1000 for i in range(4))
    leaf = PRESENT | LARGE | GLOBAL
    # The 2 MiB that the tables themselves are in are read-only, if so wished.
    first = [i << 21 | leaf | (0 if read_only and i == 0 else WRITE) for i in range(512)]
    gigabytes = [l2 | PRESENT | WRITE] + [i << 30 | leaf | WRITE for i in range(1, 512)]
    tables = [first, gigabytes, [l3 | PRESENT | WRITE], [l4 | PRESENT | WRITE]]
    blob = b"".join(struct.pack("<512Q", *(t + [0] * (512 - len(t)))) for t in tables)
    return blob, l5 if levels == 5 else l4


def _firmware(levels: int, root: int) -> Firmware:
    """Long mode with global pages, and write protection of the firmware's own."""
    return Firmware(
        cr0=CR0_PG | CR0_WP,
        cr4=CR4_PAE | CR4_PGE | (CR4_LA57 if levels == 5 else 0),
        msrs=[(MSR_EFER, EFER_LME | EFER_NXE)],
        root=root,
        stack=STACK,
    )


def _boot(levels: int, load: int, memory: int, *, read_only: bool = False, **more: object) -> RomBoot:
    blob, root = _identity(levels, read_only=read_only)
    return RomBoot(
        load=load, memory=memory, blobs=[(TABLES, blob)], firmware=_firmware(levels, root), **more
    )  # type: ignore[arg-type]


@pytest.mark.smoke
@pytest.mark.parametrize("levels", [4, 5])
@pytest.mark.parametrize("read_only", [False, True], ids=["writable", "read-only"])
def test_levels(bench: Bench, levels: int, read_only: bool) -> None:
    """Footing never writes to the firmware's tables, and leaves them whatever their number of levels."""
    for words, wanted in (("", 4), ("la57=on", 5)):
        boot = _boot(levels, 4 * MIB, 256 * MIB, read_only=read_only, command=f"then=halt {words}")
        taken = bench.rom_halts_right(boot)
        assert taken.report.layout.levels == wanted


@pytest.mark.smoke
@pytest.mark.parametrize("levels", [4, 5])
@pytest.mark.parametrize("load", [4 * GIB, 4 * GIB + 0x7FF000, 6 * GIB - 8 * MIB], ids=hex)
def test_above_4g(bench: Bench, levels: int, load: int) -> None:
    """An image above 4 GiB, where no 32-bit register reaches."""
    bench.rom_halts_right(_boot(levels, load, 4 * GIB, entries=SPLIT))


def test_wrong_magic(bench: Bench) -> None:
    """Whoever enters without being a multiboot2 loader is told so."""
    boot = _boot(4, 4 * MIB, 256 * MIB)
    firmware = Firmware(**{**boot.firmware.__dict__, "eax": 0x2BADB002})
    with bench.by_rom(RomBoot(**{**boot.__dict__, "firmware": firmware})) as machine:
        assert machine.wait_exit(ROM_SECONDS) == EXIT_PANIC
        assert_panic(machine, "LOADER")
