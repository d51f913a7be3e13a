# SPDX-License-Identifier: MIT
"""Text read back from a picture of the screen, by the font in x86_64/font.c."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from machine import Screen

_SOURCE = Path(__file__).resolve().parents[2] / "x86_64" / "font.c"
_WIDTH, _HEIGHT = 8, 16
_FIRST = 0x20


@cache
def glyphs() -> dict[bytes, str]:
    """Each character by its sixteen rows; two that look the same would be of no use."""
    rows = re.findall(r"GLYPH\(((?:0x[0-9a-f]{2}(?:, )?)+)\)", _SOURCE.read_text(encoding="utf-8"))
    result: dict[bytes, str] = {}
    for i, text in enumerate(rows):
        shape = bytes([0, 0, *(int(each, 16) for each in text.split(", "))]).ljust(_HEIGHT, b"\0")
        assert len(shape) == _HEIGHT and shape not in result, chr(_FIRST + i)
        result[shape] = chr(_FIRST + i)
    assert len(result) == 95, len(result)
    return result


def _lit(row: bytes) -> bytes:
    """1 for each pixel that is not black."""
    colors = (int.from_bytes(row[i::3], "big") for i in range(3))
    joined = next(colors) | next(colors) | next(colors)
    return joined.to_bytes(len(row) // 3, "big").translate(bytes([0]) + bytes([1]) * 255)


def read(screen: Screen) -> list[str]:
    """The lines of text, from the top; a shape that is no character shows as U+FFFD."""
    lines = []
    for top in range(0, screen.height - _HEIGHT + 1, _HEIGHT):
        rows = [_lit(screen.row(top + y)) for y in range(_HEIGHT)]
        line = ""
        for left in range(0, screen.width - _WIDTH + 1, _WIDTH):
            cell = (row[left : left + _WIDTH] for row in rows)
            shape = bytes(sum(bit << _WIDTH - 1 - i for i, bit in enumerate(bits)) for bits in cell)
            line += glyphs().get(shape, "\N{REPLACEMENT CHARACTER}")
        lines.append(line.rstrip())
    return lines
