# SPDX-License-Identifier: MIT
"""ACPI tables as firmware leaves them, for the test ROM's boots."""

from __future__ import annotations

import struct
from collections.abc import Sequence

EBDA = 0x9FC00  # where the RSDP is looked for
TABLES = 0x9FC40  # the RSDT, and the others behind it
_STEP = 0x80

Blobs = list[tuple[int, bytes]]


def summed(data: bytes, at: int) -> bytes:
    """The same with the byte `at` so that all sum up to 0."""
    rest = data[:at] + b"\0" + data[at + 1 :]
    return rest[:at] + bytes((-sum(rest) % 256,)) + rest[at + 1 :]


def table(signature: bytes, body: bytes) -> bytes:
    """A table with its header."""
    return summed(signature + struct.pack("<IBB", 36 + len(body), 1, 0) + bytes(26) + body, 9)


def mcfg(*spaces: tuple[int, int, int, int]) -> bytes:
    """Configuration spaces: base, segment, first and last bus."""
    return table(b"MCFG", bytes(8) + b"".join(struct.pack("<QHBBI", *each, 0) for each in spaces))


def srat(base: int, length: int, flags: int = 3) -> bytes:
    """One range of memory: enabled and hot-pluggable."""
    entry = struct.pack("<BBIHQQII8x", 1, 40, 0, 0, base, length, 0, flags)
    return table(b"SRAT", bytes(12) + entry)


def nfit(base: int, length: int) -> bytes:
    """One range of persistent memory."""
    return table(b"NFIT", bytes(4) + struct.pack("<HH28xQQQ", 0, 56, base, length, 0x8008))


def cedt(base: int, length: int) -> bytes:
    """One CXL window."""
    return table(b"CEDT", struct.pack("<BxHIQQHHIHHI", 1, 40, 0, base, length, 0, 0, 0, 6, 0, 7))


def rsdp(xsdt: int | None = None) -> bytes:
    """One that leads to an RSDT at TABLES, and of revision 2 to an XSDT."""
    old = b"RSD PTR " + bytes(7) + bytes((0 if xsdt is None else 2,)) + struct.pack("<I", TABLES)
    return summed(old, 8) if xsdt is None else summed(summed(old, 8) + struct.pack("<IQ4x", 36, xsdt), 32)


def blobs(
    tables: Sequence[bytes], *, xsdt: Sequence[bytes] | None = None, ebda: int = EBDA, at: int | None = None
) -> Blobs:
    """An RSDP in the EBDA and the tables it leads to, by an RSDT, or besides by such an XSDT."""
    assert len(tables) <= 6
    places = [TABLES + _STEP * (2 + i) for i in range(len(tables))]
    rsdt = table(b"RSDT", struct.pack(f"<{len(places)}I", *places))
    found: Blobs = [(0x40E, struct.pack("<H", ebda >> 4)), (TABLES, rsdt), *zip(places, tables, strict=True)]
    found += [(TABLES + _STEP, each) for each in xsdt or ()]
    return [*found, (ebda if at is None else at, rsdp(None if xsdt is None else TABLES + _STEP))]
