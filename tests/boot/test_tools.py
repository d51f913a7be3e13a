# SPDX-License-Identifier: MIT
"""The tools that the suite reasons with, against simpler ones."""

from __future__ import annotations

import random

import grub
import intervals
import mb2
import mtrr
from devstate import Mtrrs

_SPACE = 64


def _members(pieces: intervals.Intervals) -> set[int]:
    return {x for start, end in pieces for x in range(start, end)}


def test_intervals_are_sets() -> None:
    """Union, intersection and difference agree with Python's own sets."""
    source = random.Random(1)
    for _ in range(2000):
        raw = [
            [(at, at + source.randrange(9)) for at in source.choices(range(_SPACE), k=source.randrange(6))]
            for _ in range(2)
        ]
        left, right = intervals.union(raw[0]), intervals.union(raw[1])
        assert _members(left) == _members(raw[0])
        assert all(a[1] < b[0] for a, b in zip(left, left[1:]))
        assert _members(intervals.intersect(left, right)) == _members(left) & _members(right)
        assert _members(intervals.subtract(left, right)) == _members(left) - _members(right)


def test_whole_pages_rounds_inward() -> None:
    """A page that is only partly there is not there."""
    assert intervals.whole_pages([(1, 0x3001), (0x4000, 0x4FFF), (0x5000, 0x6000)]) == [
        (0x1000, 0x3000),
        (0x5000, 0x6000),
    ]


def test_lsmmap() -> None:
    """GRUB's lines, with whatever its terminal puts around them."""
    console = (
        "\x1b[H\x1b[Jbase_addr = 0x0, length = 0x9fc00, available RAM\n"
        "base_addr = 0x9f000, length = 0x1000, reserved RAM\n"
        "base_addr = 0x100000, length = 0x1000, ACPI reclaimable RAM\n"
        f"{grub.MEMORY_END}\n"
        "base_addr = 0x200000, length = 0x1000, available RAM\n"
    )
    assert grub.parse_lsmmap(console) == [(0, 0x9F000)]


def test_mtrrs() -> None:
    """Fixed ranges rule the first MiB, UC wins, WB with WT is WT, a mixture is UC."""
    mask = (1 << 36) - 0x1000 | 0x800
    pairs = [
        (0x200000 | 0, mask), (0x200000 | 6, mask), (0x300000 | 4, mask), (0x300000 | 6, mask),
        (0x400000 | 1, mask), (0x400000 | 6, mask), (0x1000 | 0, mask), (0x500000, mask & ~0x800),
    ]  # fmt: skip
    wb = 0x0606060606060606
    types = mtrr.type_map(Mtrrs(0xC06, (wb, wb, 0, *[wb] * 8), tuple(pairs)), 36)
    assert types == [
        (0, 0xA0000, 6), (0xA0000, 0xC0000, 0), (0xC0000, 0x200000, 6), (0x200000, 0x201000, 0),
        (0x201000, 0x300000, 6), (0x300000, 0x301000, 4), (0x301000, 0x400000, 6),
        (0x400000, 0x401000, 0), (0x401000, 1 << 36, 6),
    ]  # fmt: skip
    assert mtrr.type_map(Mtrrs(0x406, (wb,) * 11, ()), 36) == [(0, 1 << 36, 0)]


def test_mtrrs_of_a_guest() -> None:
    """They count if they make usable RAM write-back: that from 1 MiB up, if there is such."""
    wb, ram = 0x0606060606060606, [(0, 0x9F000), (0x100000, 0x8000000)]
    low = Mtrrs(0xC00, (wb,) * 11, ())
    everything = [(0, 1 << 36, 6)]
    for blank in (Mtrrs(0, (wb,) * 11, ()), Mtrrs(0x800, (), ()), Mtrrs(0xC05, (0,) * 11, ()), low):
        assert mtrr.guest_type_map(blank, 36, ram) == everything
    for mtrrs, usable in ((Mtrrs(0x806, (), ()), ram), (low, ram[:1]), (low, []), (low, [(0x100001, 0x1FFFFF)])):
        counts = usable != [(0x100001, 0x1FFFFF)]
        wanted = mtrr.type_map(mtrrs, 36) if counts else everything
        assert mtrr.guest_type_map(mtrrs, 36, usable) == wanted


def test_fixed_mtrrs_of_amd() -> None:
    """RdMem and WrMem are no part of the type there; elsewhere such a field has none."""
    flagged = Mtrrs(0xC06, (0x1E1E1E1E1E1E1E1E,) * 11, ())
    assert mtrr.type_map(flagged, 36, amd=True) == [(0, 1 << 36, 6)]
    assert mtrr.type_map(flagged, 36) == [(0, 0x100000, 0), (0x100000, 1 << 36, 6)]


def test_map_truth() -> None:
    """A usable range that wraps is nothing, a reserved one takes all from its base up."""
    top = 1 << 64
    assert mb2.usable_bytes([(0, 100, 1), (50, top, 2), (top - 5, 10, 1)]) == [(0, 50)]
    assert mb2.usable_bytes([(0, 100, 1), (10, 10, 77), (15, 10, 1)]) == [(0, 10), (20, 100)]
