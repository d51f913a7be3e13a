# SPDX-License-Identifier: MIT
"""Footing's ELF file as a multiboot2 loader sees it, at any load address."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

_HEADER_MAGIC = 0xE85250D6
_HEADER_SEARCH = 32768
_TAG_ENTRY = 3
_TAG_EFI64_ENTRY = 9
_TAG_RELOCATABLE = 10
_PT_LOAD = 1


@dataclass(frozen=True)
class Image:
    """The flat bytes of all segments from the lowest one, zero-filled, and the entry."""

    base: int
    data: bytes
    entry: int
    entry64: int
    relocatable: bool
    align: int

    @property
    def length(self) -> int:
        """Bytes from the first segment to the end of the last."""
        return len(self.data)

    def entry_at(self, address: int, *, long_mode: bool = False) -> int:
        """Where to jump if loaded at this address."""
        return address + (self.entry64 if long_mode else self.entry) - self.base


def load(path: Path) -> Image:
    """Read the program headers and the multiboot2 header."""
    raw = path.read_bytes()
    assert raw[:5] == b"\x7fELF\x02", f"{path} is no ELF64 file"
    table, = struct.unpack_from("<Q", raw, 32)
    entry_size, count = struct.unpack_from("<HH", raw, 54)
    segments = []
    for i in range(count):
        kind, _, offset, _, paddr, filesz, memsz = struct.unpack_from(
            "<IIQQQQQ", raw, table + i * entry_size
        )
        if kind == _PT_LOAD and memsz:
            segments.append((paddr, raw[offset : offset + filesz], memsz))
    base = min(paddr for paddr, _, _ in segments)
    data = bytearray(max(paddr + memsz for paddr, _, memsz in segments) - base)
    for paddr, content, _ in segments:
        data[paddr - base : paddr - base + len(content)] = content
    tags = _header_tags(raw)
    assert _TAG_ENTRY in tags, "no entry address in the multiboot2 header"
    entry, = struct.unpack_from("<I", tags[_TAG_ENTRY], 8)
    assert _TAG_EFI64_ENTRY in tags, "no EFI amd64 entry address in the multiboot2 header"
    entry64, = struct.unpack_from("<I", tags[_TAG_EFI64_ENTRY], 8)
    align = struct.unpack_from("<I", tags[_TAG_RELOCATABLE], 16)[0] if _TAG_RELOCATABLE in tags else 0
    return Image(base, bytes(data), entry, entry64, _TAG_RELOCATABLE in tags, align)


def _header_tags(raw: bytes) -> dict[int, bytes]:
    for at in range(0, min(len(raw), _HEADER_SEARCH) - 16, 8):
        magic, architecture, length, checksum = struct.unpack_from("<4I", raw, at)
        if magic == _HEADER_MAGIC and (magic + architecture + length + checksum) % 2**32 == 0:
            break
    else:
        raise AssertionError("no multiboot2 header in the first 32 KiB")
    tags: dict[int, bytes] = {}
    position, end = at + 16, at + length
    while position < end:
        kind, _, size = struct.unpack_from("<HHI", raw, position)
        if kind == 0:
            break
        tags[kind] = raw[position : position + size]
        position += -(-size // 8) * 8
    return tags
