# SPDX-License-Identifier: MIT
"""Page tables read from outside: the walk of the SDM (vol. 3, chapter 4), on plain data.

Leaves come as runs: neighbours of one size and one set of attributes, whose
virtual and physical addresses both ascend without a gap. A 5 GiB guest has a
million 4 KiB leaves, but few runs.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

_P, _W, _U, _PWT, _PCD, _PS, _G = 1, 2, 4, 8, 16, 0x80, 0x100
_PAT_SMALL, _PAT_LARGE = 0x80, 0x1000
_NX = 1 << 63
_ADDRESS = 0x000FFFFFFFFFF000
_IGNORED = 0x60  # accessed and dirty, which the CPU may set
_SIZES = (0x1000, 0x200000, 0x40000000)

Tables = Mapping[int, Sequence[int]]


@dataclass(frozen=True)
class Run:
    """Leaves of one size in a row."""

    va: int
    pa: int
    length: int
    size: int
    writable: bool
    executable: bool
    user: bool
    global_: bool
    pat_index: int

    @property
    def rights(self) -> str:
        """As the plan's lines say it."""
        return "r" + ("w" if self.writable else "-") + ("x" if self.executable else "-")

    @property
    def frames(self) -> tuple[int, int]:
        """The physical interval."""
        return (self.pa, self.pa + self.length)

    def __str__(self) -> str:
        return f"va {self.va:#x} pa {self.pa:#x} len {self.length:#x} {self.rights} pages {self.size:#x}"


@dataclass(frozen=True)
class Walk:
    """What a root reaches: runs in ascending order, table frames by level, flaws met."""

    runs: list[Run]
    tables: list[list[int]]  # [level] -> frames; one that is reached twice is in there twice
    flaws: list[str]


def load_tables(
    root: int, levels: int, read_frames: Callable[[Iterable[int]], Mapping[int, array[int]]]
) -> dict[int, array[int]]:
    """All table frames, fetched one level at a time."""
    found: dict[int, array[int]] = {}
    wanted = {root}
    for level in range(levels - 1, -1, -1):
        fresh = read_frames(wanted - found.keys())
        found.update(fresh)
        if level == 0:
            break
        wanted = {
            entry & _ADDRESS
            for frame in wanted
            for entry in found[frame]
            if entry & _P and not (entry & _PS and level <= 2)
        }
    return found


def walk(root: int, levels: int, phys_bits: int, tables: Tables) -> Walk:
    """Visit everything below the root."""
    visitor = _Walker(levels, phys_bits, tables)
    visitor.visit(root, levels - 1, 0, True, True, True)
    return Walk(visitor.runs, visitor.frames, visitor.flaws)


class _Walker:
    def __init__(self, levels: int, phys_bits: int, tables: Tables) -> None:
        self._sign = 1 << (12 + 9 * levels - 1)
        self._beyond = _ADDRESS & ~((1 << phys_bits) - 1)
        self._tables = tables
        self.runs: list[Run] = []
        self.frames: list[list[int]] = [[] for _ in range(levels)]
        self.flaws: list[str] = []

    def visit(self, frame: int, level: int, va: int, write: bool, execute: bool, user: bool) -> None:
        self.frames[level].append(frame)
        shift = 12 + 9 * level
        step = 1 << shift
        entries = self._tables[frame]
        index = 0
        while index < 512:
            entry = entries[index]
            if not entry:
                index += 1
                continue
            at = va + (index << shift)
            if at & self._sign:
                at |= -(self._sign << 1) & (1 << 64) - 1
            if not entry & _P:
                self.flaws.append(f"entry {entry:#x} at level {level}, va {at:#x}: not present, not 0")
                index += 1
                continue
            if entry & self._beyond:
                self.flaws.append(f"entry {entry:#x} at level {level}, va {at:#x}: beyond the width")
            if level == 0 or entry & _PS:
                if level > 2:
                    self.flaws.append(f"entry {entry:#x} at level {level}: no such page size")
                    index += 1
                    continue
                # The leaves that follow without a gap differ by one page each.
                last = index + 1
                expected = (entry & ~_IGNORED) + step
                while last < 512 and entries[last] & ~_IGNORED == expected:
                    expected += step
                    last += 1
                self._leaves(entry, level, at, (last - index) << shift, write, execute, user)
                index = last
                continue
            self.visit(
                entry & _ADDRESS, level - 1, at,
                write and bool(entry & _W), execute and not entry & _NX, user and bool(entry & _U),
            )  # fmt: skip
            index += 1

    def _leaves(
        self, entry: int, level: int, va: int, length: int, write: bool, execute: bool, user: bool
    ) -> None:
        size = _SIZES[level]
        pat_bit = _PAT_LARGE if level else _PAT_SMALL
        pat = (entry & _PWT) >> 3 | (entry & _PCD) >> 3 | (4 if entry & pat_bit else 0)
        pa = entry & _ADDRESS & ~(_PAT_LARGE if level else 0)
        if pa % size:
            self.flaws.append(f"leaf {entry:#x} at va {va:#x}: reserved address bits set")
        run = Run(
            va, pa, length, size, write and bool(entry & _W), execute and not entry & _NX,
            user and bool(entry & _U), bool(entry & _G), pat,
        )  # fmt: skip
        if self.runs and (joined := _join(self.runs[-1], run)):
            self.runs[-1] = joined
        else:
            self.runs.append(run)


def _join(left: Run, right: Run) -> Run | None:
    """One run, if the right one carries on where the left one ends."""
    moved = Run(
        left.va + left.length, left.pa + left.length, right.length, left.size, left.writable,
        left.executable, left.user, left.global_, left.pat_index,
    )  # fmt: skip
    if moved != right:
        return None
    return Run(
        left.va, left.pa, left.length + right.length, left.size, left.writable,
        left.executable, left.user, left.global_, left.pat_index,
    )  # fmt: skip
