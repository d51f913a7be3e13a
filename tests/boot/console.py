# SPDX-License-Identifier: MIT
"""The console lines of the contract, as data."""

from __future__ import annotations

import re
from dataclasses import dataclass

SIZES = {"4k": 0x1000, "2m": 0x200000, "1g": 0x40000000}


@dataclass(frozen=True)
class Layout:
    """`footing: layout`"""

    directmap: int
    image_va: int
    image_length: int
    image_pa: int
    levels: int


@dataclass(frozen=True)
class MapLine:
    """`footing: map`; end is exclusive."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class PlanLine:
    """`footing: plan`; largest is a size in bytes."""

    va: int
    pa: int
    length: int
    rights: str
    memory_type: str
    largest: int
    what: str


@dataclass(frozen=True)
class TablesLine:
    """`footing: tables`"""

    frames: int
    leaves: dict[int, int]


@dataclass(frozen=True)
class Report:
    """Everything one boot printed for tools."""

    layout: Layout
    map: list[MapLine]
    plan: list[PlanLine]
    tables: TablesLine


_HEX = r"0x([0-9a-f]+)"
_LAYOUT = re.compile(
    rf"^footing: layout directmap={_HEX} image={_HEX}\+{_HEX} phys={_HEX} levels=([45])$", re.M
)
_MAP = re.compile(rf"^footing: map {_HEX}-{_HEX} (\S+)$", re.M)
_PLAN = re.compile(rf"^footing: plan {_HEX} {_HEX} {_HEX} ([r-][w-][x-]) (\S+) (\S+) (\S+)$", re.M)
_TABLES = re.compile(r"^footing: tables (\d+) leaves 4K=(\d+) 2M=(\d+) 1G=(\d+)$", re.M)
_PANIC = re.compile(r"^footing: panic ([A-Z0-9]+): (.+)$", re.M)


def panics(text: str) -> list[tuple[str, str]]:
    """All panic lines: code and words."""
    return _PANIC.findall(text)


def parse(text: str) -> Report:
    """Take a successful boot's lines; every line must have the form of the contract."""
    for name in ("layout", "map", "plan", "tables"):
        pattern = {"layout": _LAYOUT, "map": _MAP, "plan": _PLAN, "tables": _TABLES}[name]
        begun = [line for line in text.splitlines() if line.startswith(f"footing: {name} ")]
        bad = [line for line in begun if not pattern.match(line)]
        assert not bad, f"not the form of the contract: {bad[:3]}"
        assert begun, f"no 'footing: {name}' line in:\n{text[-3000:]}"
        assert name in ("map", "plan") or len(begun) == 1, f"more than one: {begun}"
    layout = _LAYOUT.search(text)
    tables = _TABLES.search(text)
    assert layout and tables
    va, image_va, image_length, pa = (int(each, 16) for each in layout.groups()[:4])
    frames, small, middle, large = (int(each) for each in tables.groups())
    return Report(
        Layout(va, image_va, image_length, pa, int(layout[5])),
        [MapLine(int(s, 16), int(e, 16) + 1, kind) for s, e, kind in _MAP.findall(text)],
        [
            PlanLine(int(v, 16), int(p, 16), int(n, 16), rights, kind, _size(largest), what)
            for v, p, n, rights, kind, largest, what in _PLAN.findall(text)
        ],
        TablesLine(frames, dict(zip(SIZES.values(), (small, middle, large)))),
    )


def _size(text: str) -> int:
    assert text.lower() in SIZES, f"no page size: {text!r}"
    return SIZES[text.lower()]
