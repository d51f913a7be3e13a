# SPDX-License-Identifier: MIT
"""The smallest payload, one executable segment that leaves QEMU with success, or runs other code; and one that nobody
can relocate.
"""

from __future__ import annotations

import struct

_VA = 0xFFFFFFFF81000000
ENTRY = 64 + 56  # behind its headers, from its first byte on
# mov al, 0x10; out 0xf4, al; hlt; jmp $-1: isa-debug-exit makes 33 of it.
_CODE = bytes([0xB0, 0x10, 0xE6, 0xF4, 0xF4, 0xEB, 0xFD])
_EXEC, _DYN, _X86_64, _LOAD, _DYNAMIC, _READ_EXECUTE = 2, 3, 62, 1, 2, 5
_RELA, _RELASZ, _RELAENT = 7, 8, 9
_RELA_SIZE = 24


def build(tail: bytes = b"", code: bytes = _CODE) -> bytes:
    """An x86-64 ELF executable; what no segment has is behind its code."""
    size = ENTRY + len(code)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = struct.pack("<HHIQQQIHHHHHH", _EXEC, _X86_64, 1, _VA + ENTRY, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    segment = struct.pack("<IIQQQQQQ", _LOAD, _READ_EXECUTE, 0, _VA, _VA, size, size, 0x1000)
    return ident + header + segment + code + tail


def unrelocatable(kind: int) -> bytes:
    """A static PIE whose only relocation is of this type, in its text."""
    tables = ENTRY + 56
    rela = tables + len(_CODE)
    dynamic = rela + _RELA_SIZE
    pairs = struct.pack("<8Q", _RELA, rela, _RELASZ, _RELA_SIZE, _RELAENT, _RELA_SIZE, 0, 0)
    size = dynamic + len(pairs)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = struct.pack("<HHIQQQIHHHHHH", _DYN, _X86_64, 1, tables, 64, 0, 0, 64, 56, 2, 64, 0, 0)
    segment = struct.pack("<IIQQQQQQ", _LOAD, _READ_EXECUTE, 0, 0, 0, size, size, 0x1000)
    segment += struct.pack("<IIQQQQQQ", _DYNAMIC, 4, dynamic, dynamic, dynamic, len(pairs), len(pairs), 8)
    return ident + header + segment + _CODE + struct.pack("<QQQ", tables, kind, 0) + pairs
