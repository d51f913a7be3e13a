# SPDX-License-Identifier: MIT
"""Multiboot2 boot information, honest or not."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from intervals import subtract, union

USABLE, RESERVED, ACPI, NVS, BAD, PERSISTENT = 1, 2, 3, 4, 5, 7

Entry = tuple[int, int, int]  # base, length, type
_ALIGN = 8
_END = struct.pack("<II", 0, 8)


def tag(kind: int, content: bytes, size: int | None = None) -> bytes:
    """One tag, padded; `size` overrides what it says of itself."""
    raw = struct.pack("<II", kind, 8 + len(content) if size is None else size) + content
    return raw + bytes(-len(raw) % _ALIGN)


def command_line(text: str) -> bytes:
    """Tag 1."""
    return tag(1, text.encode() + b"\0")


def loader_name(text: str = "footing's test ROM") -> bytes:
    """Tag 2."""
    return tag(2, text.encode() + b"\0")


def module(start: int, end: int, text: str = "") -> bytes:
    """Tag 3."""
    return tag(3, struct.pack("<II", start, end) + text.encode() + b"\0")


def basic_memory(lower_kib: int = 640, upper_kib: int = 0x10000) -> bytes:
    """Tag 4; older than the map, and no substitute for it."""
    return tag(4, struct.pack("<II", lower_kib, upper_kib))


def memory_map(entries: Iterable[Entry], entry_size: int = 24, version: int = 0) -> bytes:
    """Tag 6; a larger entry size pads each entry with bytes that must be skipped."""
    content = struct.pack("<II", entry_size, version)
    filler = b"\xa5" * max(0, entry_size - 24)
    content += b"".join(struct.pack("<QQII", *entry, 0) + filler for entry in entries)
    return tag(6, content)


def framebuffer(address: int, width: int = 80, height: int = 25, bits: int = 16, kind: int = 2) -> bytes:
    """Tag 8; kind 2 is EGA text."""
    return tag(8, struct.pack("<QIIIBBH", address, width * bits // 8, width, height, bits, kind, 0))


def acpi_old(rsdp: bytes) -> bytes:
    """Tag 14: a copy of the RSDP of ACPI 1.0."""
    return tag(14, rsdp)


def acpi_new(rsdp: bytes) -> bytes:
    """Tag 15: a copy of the RSDP of ACPI 2.0 or later."""
    return tag(15, rsdp)


def efi64(address: int) -> bytes:
    """Tag 12: the system table of a 64-bit UEFI."""
    return tag(12, struct.pack("<Q", address))


def efi_map(descriptors: Sequence[tuple[int, int, int, int]], size: int = 48, version: int = 1) -> bytes:
    """Tag 17; a descriptor is type, start, pages, attributes."""
    content = struct.pack("<II", size, version)
    for kind, start, pages, attributes in descriptors:
        raw = struct.pack("<IIQQQQ", kind, 0, start, 0, pages, attributes)
        content += raw.ljust(size, b"\xa5")[:size]
    return tag(17, content)


def load_base(address: int) -> bytes:
    """Tag 21: where the loader claims to have put the image."""
    return tag(21, struct.pack("<I", address))


def info(tags: Iterable[bytes], *, end: bool = True, total: int | None = None) -> bytes:
    """The whole; `total` overrides the size that it states."""
    body = b"".join(tags) + (_END if end else b"")
    return struct.pack("<II", 8 + len(body) if total is None else total, 0) + body


def standard_map(top: int, reserved: Sequence[tuple[int, int]] = ()) -> list[Entry]:
    """A PC whose RAM ends at `top`, with reserved (base, length) holes."""
    entries = [
        (0, 0x9FC00, USABLE),
        (0x9FC00, 0x400, RESERVED),
        (0xF0000, 0x10000, RESERVED),
        (0x100000, top - 0x100000, USABLE),
    ]
    return entries + [(base, length, RESERVED) for base, length in reserved]


def usable_bytes(entries: Iterable[Entry]) -> list[tuple[int, int]]:
    """The truth of a map: usable, and nothing else on the same byte.

    A range that wraps 2^64 has no end. Usable, it counts for nothing; of any
    other type it takes away everything from its base up.
    """
    good, other = [], []
    for base, length, kind in entries:
        end = base + length
        if end > 1 << 64:
            if kind == USABLE:
                continue
            end = 1 << 64
        (good if kind == USABLE else other).append((base, end))
    return subtract(union(good), union(other))
