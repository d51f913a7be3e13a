# SPDX-License-Identifier: MIT
"""The image loaded anywhere: any 4 KiB-aligned physical address."""

from __future__ import annotations

import random

import pytest

import mb2
from boots import MIB, Bench, RomBoot

GIB = 1 << 30
# The older PC board can have RAM nearly up to the I/O APIC, and has no PCI hole then.
HIGHEST = 0xFEB00000

# Each is the image's first byte; see test_ends_at() for places given by its last.
STARTS = [
    0x100000, 0x101000, 0x1FF000, 0x200000, 0x201000, 0x3FF000, 0x400000, 0x7FF000, 0xFFF000,
    0x1000000, 0x1001000, 0x3FFF000, 0x4000000, 0x8080000, 0xFFFF000, 0x10000000,
    0x3FFFE000, 0x3FFFF000, 0x40000000, 0x40001000, 0x5A5A5000, 0x60000000,
]  # fmt: skip
ENDS = [0x4000000, 0x10000000, GIB, GIB + 0x1000, 0x7FFFF000, 2 * GIB]
RANDOM = [
    random.Random(seed).randrange(0x100, 0x7F000) * 0x1000 for seed in range(24)
]


def _boot(load: int) -> RomBoot:
    """2 GiB below the PCI hole, the boot information out of the image's way."""
    info = 0x10000 if load >= MIB else 0x7000000
    return RomBoot(load=load, memory=2 * GIB, info_at=info)


@pytest.mark.parametrize("load", STARTS, ids=hex)
def test_starts_at(bench: Bench, load: int) -> None:
    """Round addresses and their neighbours."""
    bench.rom_halts_right(_boot(load))


@pytest.mark.parametrize("end", ENDS, ids=hex)
def test_ends_at(bench: Bench, end: int) -> None:
    """The image's last page right before a boundary."""
    bench.rom_halts_right(_boot(end - _pages(bench)))


@pytest.mark.parametrize("load", RANDOM, ids=hex)
def test_anywhere(bench: Bench, load: int) -> None:
    """Addresses without a meaning."""
    bench.rom_halts_right(_boot(load))


@pytest.mark.parametrize("where", ["first", "last"])
def test_below_1m(bench: Bench, where: str) -> None:
    """In conventional memory: from the second page, or up to its end."""
    room = 0x9F000 - 0x1000
    if _pages(bench) > room:
        pytest.skip("the image is larger than conventional memory")
    bench.rom_halts_right(_boot(0x1000 if where == "first" else 0x9F000 - _pages(bench)))


@pytest.mark.parametrize("end", [0x80001000, 0xA5A5A000, 0xC0001000, HIGHEST - 0x2000], ids=hex)
def test_between_2g_and_4g(bench: Bench, end: int) -> None:
    """Up to the last RAM below 4 GiB, with the boot information in its very last page."""
    entries = [(0, 0x9F000, mb2.USABLE), (MIB, HIGHEST - MIB, mb2.USABLE)]
    bench.rom_halts_right(
        RomBoot(
            load=end - _pages(bench),
            info_at=HIGHEST - 0x1000,
            entries=entries,
            memory=HIGHEST,
            machine="pc,max-ram-below-4g=4G",
        )
    )


def _pages(bench: Bench) -> int:
    return -(-bench.image.length // 0x1000) * 0x1000
