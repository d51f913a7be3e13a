# SPDX-License-Identifier: MIT
"""The outside reader's judgement: what must be true of every stopped guest.

Each check takes a snapshot and returns its violations in words. The contract
is the only source; nothing here knows how the image builds its tables.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import replace

import mtrr
from intervals import Intervals, intersect, show, subtract, total, union
from pages import Run
from snapshot import Snapshot

_GIB = 1 << 30
_HALF = 1 << 63
_PAT = 0x0007050100070406
_CACHEABLE = (mtrr.WB, mtrr.WT, mtrr.WP)

_CR0 = {"PE": 1 << 0, "WP": 1 << 16, "PG": 1 << 31}
_EFER = {"LME": 1 << 8, "LMA": 1 << 10, "NXE": 1 << 11}
_CR4 = {"umip": 1 << 11, "smep": 1 << 20, "smap": 1 << 21, "pge": 1 << 7}
# What layout.h gives the framebuffer and UEFI's runtime services.
_SCREEN = (0xFFFFFFFFC0000000, 0xFFFFFFFFF0000000)
_RUNTIME = (0xFFFFFF0000000000, 0xFFFFFF8000000000)
_CONGRUENT = 0x200000
_NO_TABLES = ("image-text", "image-rodata", "stack", "ist-stack")
_PAE, _IF = 1 << 5, 1 << 9


def exact(s: Snapshot) -> list[str]:
    """The directmap holds RAM, page by page, at its place, and nothing else; or there is none."""
    if not s.has_directmap:
        return _no_directmap(s)
    found: list[str] = []
    base = s.window[0]
    runs = [run for run in s.walk.runs if s.in_window(run)]
    found += [f"directmap: wrong frame: {run}" for run in runs if run.va - base != run.pa]
    mapped = union(run.frames for run in runs)
    if missing := subtract(s.ram, mapped):
        found.append(f"directmap: {total(missing):#x} bytes of RAM missing: {show(missing)}")
    if extra := subtract(mapped, s.ram):
        found.append(f"directmap: {total(extra):#x} bytes that are not RAM: {show(extra)}")
    return found


def _no_directmap(s: Snapshot) -> list[str]:
    """RAM is mapped once: the image, but for its guard pages, and the payload's segments."""
    found: list[str] = []
    layout, lines = s.report.layout, s.report.plan
    start, end = layout.image_va, layout.image_va + layout.image_length
    image = [run for run in s.walk.runs if start <= run.va < end]
    found += [f"image: wrong frame: {run}" for run in image if run.va - run.pa != start - layout.image_pa]
    guarded = [line for line in lines if line.what.endswith("stack")]
    guards = union((line.va - 0x1000, line.va) for line in guarded)
    whole = union((run.va, run.va + run.length) for run in image)
    if missing := subtract(subtract([(start, end)], guards), whole):
        found.append(f"image: not mapped: {show(missing)}")
    payload = union((p.va, p.va + p.length) for p in lines if p.what == "payload")
    for run in s.walk.runs:
        here = [(run.va, run.va + run.length)]
        if run not in image and intersect([run.frames], s.ram) and subtract(here, payload):
            found.append(f"RAM is mapped, with no directmap: {run}")
    frames = [(layout.image_pa, layout.image_pa + layout.image_length)]
    frames += [(p.pa, p.pa + p.length) for p in lines if p.what == "payload"]
    mapped = intersect(union(run.frames for run in s.walk.runs), s.ram)
    if other := subtract(mapped, union(frames)):
        found.append(f"RAM that is neither the image's nor the payload's: {show(other)}")
    if any(line.what == "directmap" for line in lines):
        found.append("a directmap is planned, and there is none")
    return found


def backing(s: Snapshot) -> list[str]:
    """Whatever is mapped cacheable, anywhere, is RAM in QEMU's own view."""
    ram = union((start, end) for start, end, kind in s.memory if kind == "ram")
    cacheable = union(run.frames for run in s.walk.runs if s.pat_type(run) in _CACHEABLE)
    bad = subtract(cacheable, ram)
    return [f"cacheable, but no RAM: {show(bad)}"] if bad else []


def types(s: Snapshot) -> list[str]:
    """One memory type per leaf by the MTRRs, one per frame by the PAT, WB in the directmap."""
    found: list[str] = []
    edges = [start for start, _, _ in s.types]
    by_type: dict[int, list[tuple[int, int]]] = {}
    for run in s.walk.runs:
        kind = s.pat_type(run)
        by_type.setdefault(kind, []).append(run.frames)
        if s.in_window(run) and kind != mtrr.WB:
            found.append(f"directmap: {mtrr.NAMES.get(kind, kind)} instead of WB: {run}")
        for edge in edges[bisect_right(edges, run.pa) :]:
            if edge >= run.pa + run.length:
                break
            if (edge - run.pa) % run.size:
                found.append(f"a leaf crosses the MTRR boundary {edge:#x}: {run}")
    kinds = sorted(by_type)
    for i, one in enumerate(kinds):
        for other in kinds[i + 1 :]:
            if both := intersect(union(by_type[one]), union(by_type[other])):
                names = f"{mtrr.NAMES.get(one, one)} and {mtrr.NAMES.get(other, other)}"
                found.append(f"frames mapped {names}: {show(both)}")
    return found


def largest(s: Snapshot) -> list[str]:
    """No leaves that a larger page could have replaced, and none larger than allowed."""
    found = [f"page size not allowed: {run}" for run in s.walk.runs if run.size not in s.sizes()]
    edges = [start for start, _, _ in s.types][1:]
    for stretch in _stretches(s.walk.runs):
        leaves = {size: 0 for size in s.sizes()}
        for run in stretch:
            leaves[run.size] = leaves.get(run.size, 0) + run.length // run.size
        first, last = stretch[0], stretch[-1]
        end = last.pa + last.length
        cuts = [first.pa, *(edge for edge in edges if first.pa < edge < end), end]
        ideal = {size: 0 for size in s.sizes()}
        for start, stop in zip(cuts, cuts[1:]):
            _cut(first.va + start - first.pa, start, stop - start, s.sizes(), ideal)
        if leaves != ideal:
            found.append(f"leaves {_sizes(leaves)}, could be {_sizes(ideal)}: {first}")
    return found


def _stretches(runs: Iterable[Run]) -> list[list[Run]]:
    """Runs that differ in page size alone and carry on where the one before ends."""
    result: list[list[Run]] = []
    for run in runs:
        if result:
            last = result[-1][-1]
            after = replace(
                last, va=last.va + last.length, pa=last.pa + last.length, length=run.length, size=run.size
            )
            if after == run:
                result[-1].append(run)
                continue
        result.append([run])
    return result


def _cut(va: int, pa: int, length: int, sizes: list[int], counts: dict[int, int]) -> None:
    """Count the pages of an optimal cut."""
    size, smaller = sizes[0], sizes[1:]
    if not smaller:
        counts[size] += length // size
        return
    first = -(-va // size) * size
    last = (va + length) // size * size
    if (va - pa) % size or first >= last:
        _cut(va, pa, length, smaller, counts)
        return
    counts[size] += (last - first) // size
    if first > va:
        _cut(va, pa, first - va, smaller, counts)
    if last < va + length:
        _cut(last, pa + last - va, va + length - last, smaller, counts)


def _sizes(counts: dict[int, int]) -> str:
    return " ".join(f"{size >> 10}K={count}" for size, count in sorted(counts.items()))


def tables(s: Snapshot) -> list[str]:
    """As few table frames as the leaves need, in RAM that nothing else uses, and as printed."""
    found: list[str] = []
    frames = [frame for level in s.walk.tables for frame in level]
    if len(frames) != len(set(frames)):
        found.append("a table is reached in two ways")
    needed = 1
    for level in range(s.levels - 1):
        shift = 12 + 9 * (level + 1)
        windows = union(
            (run.va >> shift, (run.va + run.length - 1 >> shift) + 1)
            for run in s.walk.runs
            if run.size <= 0x1000 << 9 * level
        )
        if total(windows) != len(s.walk.tables[level]):
            found.append(
                f"{len(s.walk.tables[level])} tables at level {level}, {total(windows)} are needed"
            )
        needed += total(windows)
    used = union((frame, frame + 0x1000) for frame in frames)
    if outside := subtract(used, s.ram):
        found.append(f"table frames that are not RAM: {show(outside)}")
    # The image may set aside data of its own for a table, but nothing else of it.
    image = [(p.pa, p.pa + p.length) for p in s.report.plan if p.what in _NO_TABLES]
    if over := intersect(used, union([*image, *s.modules])):
        found.append(f"table frames over the image or a module: {show(over)}")
    leaves = {0x1000: 0, 0x200000: 0, 0x40000000: 0}
    for run in s.walk.runs:
        leaves[run.size] += run.length // run.size
    printed = s.report.tables
    if printed.frames != len(frames) or printed.leaves != leaves:
        found.append(f"printed {printed}, found {len(frames)} frames and leaves {_sizes(leaves)}")
    return found


def identity(s: Snapshot) -> list[str]:
    """Nothing in the low half, least of all in its first gigabyte."""
    return [
        f"mapped {'below 1 GiB' if run.va < _GIB else 'in the low half'}: {run}"
        for run in s.walk.runs
        if run.va < _HALF
    ]


def wx(s: Snapshot) -> list[str]:
    """No frame is writable through one mapping and executable through this or another."""
    writable = union(run.frames for run in s.walk.runs if run.writable)
    executable = union(run.frames for run in s.walk.runs if run.executable)
    both = intersect(writable, executable)
    return [f"writable and executable: {show(both)}"] if both else []


def state(s: Snapshot) -> list[str]:
    """The CPU's registers, and entries that are well formed and the supervisor's."""
    r = s.registers
    found = [f"CR0.{name} is off" for name, bit in _CR0.items() if not r["CR0"] & bit]
    found += [f"EFER.{name} is off" for name, bit in _EFER.items() if not r["EFER"] & bit]
    for name, bit in _CR4.items():
        if (name in s.cpu.features) != bool(r["CR4"] & bit):
            found.append(f"CR4.{name.upper()} disagrees with the CPU's features")
    if not r["CR4"] & _PAE:
        found.append("CR4.PAE is off")
    if r["RFL"] & _IF:
        found.append("interrupts are on")
    if r["CPL"]:
        found.append(f"CPL is {r['CPL']}")
    if "pat" in s.cpu.features and s.hidden.pat != _PAT:
        found.append(f"PAT is {s.hidden.pat:#x}")
    if s.report.layout.levels != s.levels:
        found.append(f"{s.levels} levels, printed {s.report.layout.levels}")
    found += [f"user can reach it: {run}" for run in s.walk.runs if run.user]
    return found + s.walk.flaws


def guards(s: Snapshot) -> list[str]:
    """Under every stack a page that is not mapped; the one in use is among them."""
    found: list[str] = []
    stacks = [line for line in s.report.plan if line.what.endswith("stack")]
    for line in stacks:
        if any(run.va < line.va and line.va - 0x1000 < run.va + run.length for run in s.walk.runs):
            found.append(f"no guard page under the stack at {line.va:#x}")
    # A full-descending stack that is empty points right behind itself.
    if not any(line.va < s.registers["RSP"] <= line.va + line.length for line in stacks):
        found.append(f"RSP {s.registers['RSP']:#x} is in no planned stack")
    return found


def plan(s: Snapshot) -> list[str]:
    """The printed plan describes exactly the leaves."""
    found: list[str] = []
    lines = s.report.plan
    for one, two in zip(lines, lines[1:]):
        if one.va + one.length > two.va:
            found.append(f"plan not ascending or not disjoint at {two.va:#x}")
    planned = [(p.va, p.pa, p.length, p.rights, p.memory_type) for p in lines]
    live = [
        (r.va, r.pa, r.length, r.rights, mtrr.NAMES.get(s.pat_type(r), "?")) for r in s.walk.runs
    ]
    wanted, got = _join(planned), _join(live)
    found += [f"planned, not mapped so: {_mapping(m)}" for m in sorted(set(wanted) - set(got))]
    found += [f"mapped, not planned so: {_mapping(m)}" for m in sorted(set(got) - set(wanted))]
    starts = [line.va for line in lines]
    for run in s.walk.runs:
        at = bisect_right(starts, run.va) - 1
        if at >= 0 and run.size > lines[at].largest:
            found.append(f"larger than planned ({lines[at].largest:#x}): {run}")
    return found


_Mapping = tuple[int, int, int, str, str]


def _join(mappings: Iterable[_Mapping]) -> list[_Mapping]:
    """Maximal mappings: neighbours of one kind become one."""
    result: list[_Mapping] = []
    for va, pa, length, rights, kind in sorted(mappings):
        if result:
            before = result[-1]
            at = (before[0] + before[2], before[1] + before[2], before[3], before[4])
            if at == (va, pa, rights, kind):
                result[-1] = (before[0], before[1], before[2] + length, rights, kind)
                continue
        result.append((va, pa, length, rights, kind))
    return result


def _mapping(m: _Mapping) -> str:
    return f"va {m[0]:#x} pa {m[1]:#x} len {m[2]:#x} {m[3]} {m[4]}"


def map_lines(s: Snapshot) -> list[str]:
    """The printed map is sorted, disjoint and maximal, and as usable as the firmware's."""
    found: list[str] = []
    for one, two in zip(s.report.map, s.report.map[1:]):
        if one.end > two.start:
            found.append(f"map not ascending or not disjoint at {two.start:#x}")
        if one.end == two.start and one.kind == two.kind:
            found.append(f"map not maximal at {two.start:#x}")
    printed = union((line.start, line.end) for line in s.report.map if line.kind == "usable")
    truth: Intervals = intersect(s.usable, [(0, 1 << s.cpu.phys_bits)])
    if extra := subtract(printed, truth):
        found.append(f"called usable, not by firmware: {show(extra)}")
    if missing := subtract(truth, printed):
        found.append(f"usable by firmware, not printed so: {show(missing)}")
    return found


def screen(s: Snapshot) -> list[str]:
    """Where the framebuffer is mapped there is video memory: at its place, write-combining."""
    found: list[str] = []
    runs = [run for run in s.walk.runs if _SCREEN[0] <= run.va < _SCREEN[1]]
    kind = mtrr.WC if "pat" in s.cpu.features else mtrr.UC
    for run in runs:
        if (run.va - run.pa) % _CONGRUENT:
            found.append(f"framebuffer: not as far into 2 MiB as its pixels: {run}")
        if run.rights != "rw-" or s.pat_type(run) != kind:
            found.append(f"framebuffer: mapped {mtrr.NAMES.get(s.pat_type(run))} {run.rights}: {run}")
    if runs and runs[0].va - _SCREEN[0] >= _CONGRUENT:
        found.append(f"framebuffer: not at {_SCREEN[0]:#x} + its address in 2 MiB: {runs[0]}")
    video = union((start, end) for start, end, kind in s.memory if kind == "video")
    if other := subtract(union(run.frames for run in runs), video):
        found.append(f"framebuffer: no video memory: {show(other)}")
    lines = [line for line in s.report.plan if line.what == "framebuffer"]
    if any(not _SCREEN[0] <= line.va < _SCREEN[1] for line in lines):
        found.append("framebuffer: planned outside its window")
    return found


def runtime(s: Snapshot) -> list[str]:
    """Where runtime services are mapped there is what they need, all of it, none of it free RAM."""
    found: list[str] = []
    runs = [run for run in s.walk.runs if _RUNTIME[0] <= run.va < _RUNTIME[1]]
    mapped = union(run.frames for run in runs)
    if free := intersect(mapped, s.usable):
        found.append(f"runtime services: free RAM mapped: {show(free)}")
    lines = [line for line in s.report.plan if line.what == "efi-runtime"]
    if any(not _RUNTIME[0] <= line.va < _RUNTIME[1] for line in lines):
        found.append("runtime services: planned outside their window")
    if s.runtime is None:
        return found
    if other := subtract(subtract(mapped, s.runtime), s.usable):
        found.append(f"runtime services: not theirs: {show(other)}")
    if missing := subtract(s.runtime, mapped):
        found.append(f"runtime services: missing: {show(missing)}")
    executable = union(run.frames for run in runs if run.executable)
    if data := subtract(executable, s.runtime_code):
        found.append(f"runtime services: executable, but no code: {show(data)}")
    if s.runtime_code and not executable:
        found.append("runtime services: none of their code is executable")
    return found


CHECKS: dict[str, Callable[[Snapshot], list[str]]] = {
    "exact": exact, "backing": backing, "types": types, "largest": largest, "tables": tables,
    "identity": identity, "wx": wx, "state": state, "guards": guards, "plan": plan, "map": map_lines,
    "screen": screen, "runtime": runtime,
}  # fmt: skip


def judge(s: Snapshot) -> dict[str, list[str]]:
    """All checks that found something, with what they found."""
    return {name: found for name, check in CHECKS.items() if (found := check(s))}


def hold(s: Snapshot) -> None:
    """Fail unless every check is content."""
    found = judge(s)
    text = "\n".join(f"{name}: {each}" for name, all_ in found.items() for each in all_[:5])
    assert not found, f"the outside reader objects:\n{text}"
