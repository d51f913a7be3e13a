# SPDX-License-Identifier: MIT
"""Planted faults: what the outside reader has to catch, and by which checks.

A fault takes a good snapshot and returns a bad one. Where the fault is one of
planning rather than of building, the printed lines tell the same lie as the
tables, so that the check in question cannot hide behind the others.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import replace

from console import PlanLine, Report, TablesLine
from intervals import subtract, union
from mtrr import NAMES
from pages import Run
from snapshot import Snapshot

P, W, U, PWT, PCD, PS = 1, 2, 4, 8, 16, 0x80
PAT = 0x80  # in a 4 KiB leaf; alone it asks for write-combining
NX = 1 << 63
_ADDRESS = 0x000FFFFFFFFFF000
_FRAME = 0x1000
_ELSEWHERE = 0xFFFFFE0000000000  # neither the directmap's nor the image's
_DEVICE = 1 << 36  # where no guest has RAM


class Editor:
    """The tables of a snapshot, to be changed."""

    def __init__(self, good: Snapshot) -> None:
        self.good = good
        self.tables = {frame: array("Q", entries) for frame, entries in good.tables.items()}
        self.root = good.registers["CR3"] & _ADDRESS
        image = [(line.pa, line.pa + line.length) for line in good.report.plan if line.what != "directmap"]
        busy = union([*image, *good.modules, *((f, f + _FRAME) for f in self.tables)])
        self._free = subtract(good.ram, busy)

    def spare(self) -> int:
        """A free frame of RAM, as an empty table."""
        start, end = self._free.pop()
        if start < end - _FRAME:
            self._free.append((start, end - _FRAME))
        self.tables[end - _FRAME] = array("Q", bytes(_FRAME))
        return end - _FRAME

    def slot(self, va: int, level: int = 0, create: bool = False) -> tuple[array[int], int]:
        """The entry for va at a level: its table and its index."""
        frame = self.root
        for at in range(self.good.levels - 1, level, -1):
            table, index = self.tables[frame], va >> 12 + 9 * at & 511
            if not table[index]:
                assert create, f"no table for {va:#x} at level {at - 1}"
                table[index] = self.spare() | P | W
            assert at > 2 or not table[index] & PS, f"a large page maps {va:#x}"
            frame = table[index] & _ADDRESS
        return self.tables[frame], va >> 12 + 9 * level & 511

    def put(self, va: int, entry: int) -> None:
        """A new 4 KiB leaf, with the tables that it needs."""
        table, index = self.slot(va, create=True)
        table[index] = entry

    def done(self, **changes: object) -> Snapshot:
        """The snapshot with these tables, and lines that describe them."""
        bad = replace(self.good, tables=self.tables, **changes)  # type: ignore[arg-type]
        return replace(bad, report=describe(bad))


def describe(s: Snapshot) -> Report:
    """What an image would print that had meant to build these tables."""
    leaves = {0x1000: 0, 0x200000: 0, 0x40000000: 0}
    plan: list[PlanLine] = []
    old = s.report.plan
    for run in s.walk.runs:
        leaves[run.size] += run.length // run.size
        edges = {run.va, run.va + run.length}
        for line in old:
            edges |= {e for e in (line.va, line.va + line.length) if run.va < e < run.va + run.length}
        points = sorted(edges)
        for start, end in zip(points, points[1:]):
            what = next((p.what for p in old if p.va <= start < p.va + p.length), "directmap")
            plan.append(
                PlanLine(start, run.pa + start - run.va, end - start, run.rights,
                         NAMES.get(s.pat_type(run), "?"), 0x40000000, what)
            )  # fmt: skip
    return replace(s.report, plan=plan, tables=TablesLine(sum(map(len, s.walk.tables)), leaves))


def _run(s: Snapshot, size: int, length: int) -> Run:
    """Writable pages of the directmap, in a row, that nothing else maps."""
    fixed = union((p.pa, p.pa + p.length) for p in s.report.plan if p.what != "directmap")
    for run in s.walk.runs:
        if not (s.in_window(run) and run.size == size and run.writable):
            continue
        for start, end in subtract([run.frames], fixed):
            start, end = -(-start // size) * size, end // size * size
            if end - start >= length:
                return replace(run, va=run.va + start - run.pa, pa=start, length=end - start)
    raise AssertionError(f"the snapshot has no such run of {size:#x} pages")


def _small(s: Snapshot) -> int:
    """The va of a 4 KiB leaf of the directmap, with neighbours of its kind."""
    return _run(s, 0x1000, 0x4000).va + 0x1000


def _change(s: Snapshot, va: int, change: Callable[[int], int]) -> Snapshot:
    editor = Editor(s)
    table, index = editor.slot(va)
    table[index] = change(table[index])
    return editor.done()


def _add(s: Snapshot, va: int, pa: int, flags: int = P | W | NX) -> Snapshot:
    editor = Editor(s)
    editor.put(va, pa | flags)
    return editor.done()


def _leaf_too_many(s: Snapshot) -> Snapshot:
    end = s.ram[-1][1]
    return _add(s, s.window[0] + end, end)


def _wrong_frames(s: Snapshot) -> Snapshot:
    editor = Editor(s)
    table, index = editor.slot(_small(s))
    table[index], table[index + 1] = table[index + 1], table[index]
    return editor.done()


def _writable_text(s: Snapshot) -> Snapshot:
    text = next(line for line in s.report.plan if line.what == "image-text")
    return _change(s, s.window[0] + text.pa, lambda entry: entry | W)


def _leaf_crosses_mtrr(s: Snapshot) -> Snapshot:
    middle = _run(s, 0x200000, 0x200000).pa + 0x100000
    mask = (1 << s.cpu.phys_bits) - 0x10000 | 0x800
    mtrrs = replace(s.hidden.mtrrs, variable=(*s.hidden.mtrrs.variable, (middle, mask)))
    return replace(s, hidden=replace(s.hidden, mtrrs=mtrrs))


def _uncached_leaf_crosses_mtrr(s: Snapshot) -> Snapshot:
    """2 MiB of a device, mapped uncached; the MTRRs make its second half write-protect."""
    editor = Editor(s)
    table, index = editor.slot(_ELSEWHERE, 1, create=True)
    table[index] = _DEVICE | P | W | NX | PS | PCD | PWT
    mask = (1 << s.cpu.phys_bits) - 0x100000 | 0x800
    pair = (_DEVICE + 0x100000 | 5, mask)
    mtrrs = replace(s.hidden.mtrrs, variable=(*s.hidden.mtrrs.variable, pair))
    return editor.done(hidden=replace(s.hidden, mtrrs=mtrrs))


def _split(s: Snapshot) -> Snapshot:
    editor = Editor(s)
    table, index = editor.slot(_run(s, 0x200000, 0x200000).va, 1)
    frame = editor.spare()
    entry = table[index] & ~PS
    for i in range(512):
        editor.tables[frame][i] = entry + i * _FRAME
    table[index] = frame | P | W
    return editor.done()


def _empty_table(s: Snapshot) -> Snapshot:
    editor = Editor(s)
    table, index = editor.slot(s.window[0] + s.ram[-1][1] + 0x400000, 1)
    assert not table[index]
    table[index] = editor.spare() | P | W
    return editor.done()


def _table_outside_ram(s: Snapshot) -> Snapshot:
    editor = Editor(s)
    table, index = editor.slot(_small(s), 1)
    old, new = table[index] & _ADDRESS, s.ram[-1][1]
    editor.tables[new] = editor.tables.pop(old)
    table[index] += new - old
    return editor.done()


def _user(s: Snapshot) -> Snapshot:
    editor = Editor(s)
    for level in range(s.levels):
        table, index = editor.slot(_small(s), level)
        table[index] |= U
    return editor.done()


def _stale_entry(s: Snapshot) -> Snapshot:
    editor = Editor(s)
    table, index = editor.slot(s.window[0] + s.ram[-1][1])
    table[index] = 0x1000
    return editor.done()


def _register(name: str, clear: int = 0, set_: int = 0) -> Callable[[Snapshot], Snapshot]:
    def fault(s: Snapshot) -> Snapshot:
        return replace(s, registers={**s.registers, name: s.registers[name] & ~clear | set_})

    return fault


def _report(**changes: Callable[[Report], object]) -> Callable[[Snapshot], Snapshot]:
    def fault(s: Snapshot) -> Snapshot:
        lines = {name: change(s.report) for name, change in changes.items()}
        return replace(s, report=replace(s.report, **lines))  # type: ignore[arg-type]

    return fault


def _stack(s: Snapshot) -> PlanLine:
    return next(line for line in s.report.plan if line.what == "stack")


def _longer_map(report: Report) -> object:
    last = max(i for i, line in enumerate(report.map) if line.kind == "usable")
    longer = [replace(line, start=line.start - 0x1000) if i == last else line
              for i, line in enumerate(report.map)]  # fmt: skip
    return [line for line in longer if line.kind == "usable"]


_VIDEO_MMIO = 0xFEC01000  # nothing that a display shows
# In the windows for the framebuffer and UEFI's runtime services, behind all that a guest has there.
_SCREEN = 0xFFFFFFFFD0000000
_RUNTIME = 0xFFFFFF4000000000


# name: the fault, and exactly the checks that must catch it
FAULTS: dict[str, tuple[Callable[[Snapshot], Snapshot], set[str]]] = {
    "a-leaf-too-many": (_leaf_too_many, {"exact"}),
    "a-page-missing": (lambda s: _change(s, _small(s), lambda _: 0), {"exact"}),
    "wrong-frames": (_wrong_frames, {"exact"}),
    "firmware-reserves-a-mapped-page": (
        lambda s: replace(s, usable=subtract(s.usable, [(0x3000, 0x4000)])), {"exact", "map"},
    ),
    "mmio-cacheable": (lambda s: _add(s, _ELSEWHERE, 0xFEE00000), {"backing"}),
    "directmap-uncached": (lambda s: _change(s, _small(s), lambda e: e | PCD | PWT), {"types"}),
    "two-memory-types": (
        lambda s: _add(s, _ELSEWHERE, _small(s) - s.window[0], P | W | NX | PCD | PWT), {"types"},
    ),
    "leaf-crosses-mtrr": (_leaf_crosses_mtrr, {"exact", "types", "largest"}),
    "uncached-leaf-crosses-mtrr": (_uncached_leaf_crosses_mtrr, {"types", "largest"}),
    "split-large-page": (_split, {"largest"}),
    "larger-than-asked-for": (lambda s: replace(s, maxpage=0x1000), {"largest"}),
    "empty-table": (_empty_table, {"tables"}),
    "table-outside-ram": (_table_outside_ram, {"tables"}),
    "table-over-a-module": (lambda s: replace(s, modules=[(max(s.tables), max(s.tables) + 9)]), {"tables"}),
    "printed-tables-lie": (
        _report(tables=lambda r: replace(r.tables, frames=r.tables.frames - 1)), {"tables"},
    ),
    "identity-left": (lambda s: _add(s, 0x1000, _small(s) - s.window[0]), {"identity"}),
    "low-half": (lambda s: _add(s, 0x7FFFFFFFF000, _small(s) - s.window[0]), {"identity"}),
    "writable-and-executable": (lambda s: _change(s, _small(s), lambda e: e & ~NX), {"wx"}),
    "text-writable-in-the-directmap": (_writable_text, {"wx"}),
    "user": (_user, {"state"}),
    "stale-entry": (_stale_entry, {"state"}),
    "no-write-protect": (_register("CR0", clear=1 << 16), {"state"}),
    "no-nx": (_register("EFER", clear=1 << 11), {"state"}),
    "no-smep": (_register("CR4", clear=1 << 20), {"state"}),
    "no-pge": (_register("CR4", clear=1 << 7), {"state"}),
    "interrupts-on": (_register("RFL", set_=1 << 9), {"state"}),
    "other-pat": (lambda s: replace(s, hidden=replace(s.hidden, pat=s.hidden.pat ^ 1 << 56)), {"state"}),
    "guard-page-mapped": (
        lambda s: _add(s, _stack(s).va - _FRAME, _small(s) - s.window[0]), {"guards"},
    ),
    "stack-elsewhere": (_register("RSP", clear=(1 << 64) - 1), {"guards"}),
    "plan-line-missing": (_report(plan=lambda r: r.plan[1:]), {"plan"}),
    "plan-line-too-many": (
        _report(plan=lambda r: [*r.plan, PlanLine(0xFFFFFFFFFFFFF000, 0, _FRAME, "r--", "WB", _FRAME, "x")]),
        {"plan"},
    ),
    "plan-says-other-rights": (
        _report(plan=lambda r: [replace(r.plan[0], rights="r--"), *r.plan[1:]]), {"plan"},
    ),
    "plan-unsorted": (_report(plan=lambda r: r.plan[::-1]), {"plan"}),
    "framebuffer-without-video-memory": (
        lambda s: _add(s, _SCREEN + _VIDEO_MMIO % 0x200000, _VIDEO_MMIO, P | W | NX | PAT), {"screen"},
    ),
    "runtime-services-in-free-ram": (
        lambda s: _add(s, _RUNTIME, _small(s) - s.window[0]), {"runtime"},
    ),
    "map-unsorted": (_report(map=lambda r: r.map[::-1]), {"map"}),
    "map-too-long": (_report(map=_longer_map), {"map"}),
    "map-range-missing": (_report(map=lambda r: r.map[1:]), {"map"}),
}  # fmt: skip
