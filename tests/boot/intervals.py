# SPDX-License-Identifier: MIT
"""Sets of addresses as sorted lists of half-open [start, end) intervals."""

from __future__ import annotations

from collections.abc import Iterable

PAGE = 0x1000

Intervals = list[tuple[int, int]]


def union(pieces: Iterable[tuple[int, int]]) -> Intervals:
    """Any pieces in any order, as maximal disjoint intervals in ascending order."""
    result: Intervals = []
    for start, end in sorted(piece for piece in pieces if piece[0] < piece[1]):
        if result and start <= result[-1][1]:
            if end > result[-1][1]:
                result[-1] = (result[-1][0], end)
        else:
            result.append((start, end))
    return result


def intersect(left: Intervals, right: Intervals) -> Intervals:
    """What two normal lists have in common."""
    result: Intervals = []
    i = j = 0
    while i < len(left) and j < len(right):
        start = max(left[i][0], right[j][0])
        end = min(left[i][1], right[j][1])
        if start < end:
            result.append((start, end))
        if left[i][1] <= right[j][1]:
            i += 1
        else:
            j += 1
    return result


def subtract(left: Intervals, right: Intervals) -> Intervals:
    """What a normal list has that another has not."""
    if not left:
        return []
    return intersect(left, complement(right, left[-1][1]))


def complement(pieces: Intervals, top: int) -> Intervals:
    """[0, top) without the pieces."""
    result: Intervals = []
    at = 0
    for start, end in pieces:
        if at < start:
            result.append((at, min(start, top)))
        at = max(at, end)
        if at >= top:
            break
    if at < top:
        result.append((at, top))
    return union(result)


def whole_pages(pieces: Intervals) -> Intervals:
    """The pages that lie wholly inside."""
    return [(s, e) for s, e in ((-(-s // PAGE) * PAGE, e // PAGE * PAGE) for s, e in pieces) if s < e]


def total(pieces: Intervals) -> int:
    """How many addresses."""
    return sum(end - start for start, end in pieces)


def show(pieces: Intervals, limit: int = 4) -> str:
    """The first few, for a message."""
    text = ", ".join(f"{s:#x}-{e - 1:#x}" for s, e in pieces[:limit])
    return text + (f" and {len(pieces) - limit} more" if len(pieces) > limit else "")
