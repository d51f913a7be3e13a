# SPDX-License-Identifier: MIT
"""A linear framebuffer that the loader names, wherever it is: mapped write-combining, with text on it."""

from __future__ import annotations

import struct

import pytest

import font
import mb2
import oracle
import snapshot
from boots import MIB, ROM_SECONDS, Bench, RomBoot, assert_ready
from machine import Screen

GIB = 1 << 30
WIDTH, HEIGHT = 1024, 768
TAG_FRAMEBUFFER, DIRECT, RESERVED = 8, 1, 2


def _tag(base: int, pitch: int) -> bytes:
    """Blue, green, red and a byte that does not count, as QEMU's VGA has them."""
    fixed = struct.pack("<QIIIBBH", base, pitch, WIDTH, HEIGHT, 32, DIRECT, 0)
    return mb2.tag(TAG_FRAMEBUFFER, fixed + bytes([16, 8, 8, 8, 0, 8]))


def _map(base: int) -> list[mb2.Entry]:
    """4 GiB as the Q35 board lays them out, and the pixels in a piece of them that is set aside."""
    entries = [*mb2.standard_map(2 * GIB), (4 * GIB, 2 * GIB, mb2.USABLE)]
    return [*entries, (base & -4096, 8 * MIB, RESERVED)]


def _usable(base: int) -> list[tuple[int, int]]:
    start, end = base & -4096, (base & -4096) + 8 * MIB
    pieces = mb2.usable_bytes(_map(base)[:-1])
    cut = [(a, min(b, start)) for a, b in pieces] + [(max(a, end), b) for a, b in pieces]
    return sorted((a, b) for a, b in cut if a < b)


@pytest.mark.parametrize("base", [0x40000000, 5 * GIB, 5 * GIB + 0x201000], ids=hex)
def test_framebuffer(bench: Bench, base: int) -> None:
    """Below 4 GiB and above, on a 2 MiB boundary and off it: the last line of the boot stands on it."""
    pitch = WIDTH * 4 + 64
    boot = RomBoot(
        command="then=halt", memory=4 * GIB, entries=_map(base), usable=_usable(base), extra=(_tag(base, pitch),)
    )
    with bench.by_rom(boot) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert_ready(machine)
        objections = oracle.judge(snapshot.take(machine, boot.truth()))
        # It stands in for video memory, and is RAM to QEMU.
        assert objections.pop("screen")[0].startswith("framebuffer: no video memory"), objections
        assert not objections
        pixels = machine.read(base, pitch * HEIGHT)
        rows = [pixels[y * pitch : y * pitch + WIDTH * 4] for y in range(HEIGHT)]
        colors = b"".join(bytes(row[i + 2 - j] for i in range(0, len(row), 4) for j in range(3)) for row in rows)
        lines = [line for line in font.read(Screen(WIDTH, HEIGHT, colors)) if line]
        assert lines[-1] == "footing: ready", lines[-3:]
        assert f" {base & -4096:#x} " in "".join(line for line in machine.serial.splitlines() if "framebuffer" in line)
