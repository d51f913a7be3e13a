# SPDX-License-Identifier: MIT
"""Memory types of physical addresses by the MTRRs, as the SDM (vol. 3, 12.11) has it.

Own code, and another method than the image's: all boundaries are collected
first, then each stretch between two of them is looked up on its own.
"""

from __future__ import annotations

from devstate import Mtrrs
from intervals import Intervals, intersect, union, whole_pages

UC, WC, WT, WP, WB = 0, 1, 4, 5, 6
NAMES = {UC: "UC", WC: "WC", WT: "WT", WP: "WP", WB: "WB", 7: "UC-"}

_MIB = 0x100000
_ENABLE, _FIXED_ENABLE, _VALID = 0x800, 0x400, 0x800
# Eleven registers of eight fields: 64 KiB each, then 16 KiB, then 4 KiB.
_FIXED_SIZES = [0x10000] * 8 + [0x4000] * 16 + [0x1000] * 64

TypeMap = list[tuple[int, int, int]]


def guest_type_map(mtrrs: Mtrrs, phys_bits: int, usable: Intervals, *, amd: bool = False) -> TypeMap:
    """The same under a hypervisor: MTRRs that make no usable RAM write-back are taken as not there."""
    top = 1 << phys_bits
    types = type_map(mtrrs, phys_bits, amd=amd)
    for part in ([(_MIB, top)], [(0, _MIB)]):
        if ram := whole_pages(intersect(usable, part)):
            return types if intersect(ram, write_back(types)) else [(0, top, WB)]
    return types


def type_map(mtrrs: Mtrrs, phys_bits: int, *, amd: bool = False) -> TypeMap:
    """All of physical memory as maximal (start, end, type).

    A fixed field of AMD has its type in three bits (APM vol. 2, 7.9.1); else what is no type is UC.
    """
    top = 1 << phys_bits
    if not mtrrs.deftype & _ENABLE:
        return [(0, top, UC)]
    edges = {0, top}
    fixed: list[tuple[int, int, int]] = []
    if mtrrs.deftype & _FIXED_ENABLE:
        at = 0
        for field, size in enumerate(_FIXED_SIZES):
            kind = mtrrs.fixed[field // 8] >> (field % 8 * 8) & (7 if amd else 0xFF)
            fixed.append((at, at + size, kind if kind in (WC, WT, WP, WB) else UC))
            edges |= {at, at + size}
            at += size
    variable: list[tuple[int, int, int]] = []
    for base, mask in mtrrs.variable:
        if mask & _VALID:
            mask &= top - 1 & ~0xFFF
            size = mask & -mask
            if mask + size != top:
                raise ValueError(f"the tests use no MTRR mask with holes: {mask:#x}")
            start = base & mask
            variable.append((start, start + size, base & 0xFF))
            edges |= {start, start + size}
    result: TypeMap = []
    points = sorted(edge for edge in edges if edge <= top)
    for start, end in zip(points, points[1:]):
        kind = _type_at(start, fixed, variable, mtrrs.deftype & 0xFF)
        if result and result[-1][2] == kind:
            result[-1] = (result[-1][0], end, kind)
        else:
            result.append((start, end, kind))
    return result


def _type_at(at: int, fixed: TypeMap, variable: TypeMap, default: int) -> int:
    if fixed and at < _MIB:
        return next(kind for start, end, kind in fixed if start <= at < end)
    kinds = {kind for start, end, kind in variable if start <= at < end}
    if not kinds:
        return default
    if len(kinds) == 1:
        return kinds.pop()
    return WT if kinds == {WB, WT} else UC


def write_back(types: TypeMap) -> Intervals:
    """Where the MTRRs say write-back."""
    return union((start, end) for start, end, kind in types if kind == WB)
