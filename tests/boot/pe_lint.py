# SPDX-License-Identifier: MIT
"""What a strict firmware wants of a PE32+ file (Microsoft PE/COFF specification), read on our own."""

from __future__ import annotations

import csv
import io
import struct
from dataclasses import dataclass

PAGE = 0x1000

_AMD64, _PE32PLUS, _EFI_APPLICATION = 0x8664, 0x20B, 10
_EXECUTABLE, _DLL = 0x0002, 0x2000
_DYNAMIC_BASE, _NX_COMPAT = 0x0040, 0x0100
_RELOC, _SECURITY = 5, 4
_CODE, _EXECUTE, _READ, _WRITE = 0x20, 0x20000000, 0x40000000, 0x80000000
_ABSOLUTE, _DIR64 = 0, 10
_RELOC_WIDTH = {_ABSOLUTE: 0, _DIR64: 8}
_SBAT_HEADER = ["sbat", "1", "SBAT Version", "sbat", "1"]


@dataclass(frozen=True)
class Section:
    """One section's header."""

    name: str
    size: int  # in memory
    rva: int
    raw_size: int
    raw: int  # where in the file
    flags: int

    @property
    def end(self) -> int:
        """The RVA behind its last page."""
        return self.rva + -(-self.size // PAGE) * PAGE


@dataclass(frozen=True)
class Pe:
    """The headers of a file, and the file."""

    data: bytes
    machine: int
    stamp: int
    characteristics: int
    magic: int
    entry: int
    base: int
    section_align: int
    file_align: int
    image_size: int
    headers_size: int
    subsystem: int
    dll_characteristics: int
    directories: list[tuple[int, int]]
    sections: list[Section]
    table_end: int

    def section(self, name: str) -> bytes:
        """What is in a section, without the file's padding."""
        found, = (section for section in self.sections if section.name == name)
        return self.data[found.raw : found.raw + min(found.size, found.raw_size)]


def parse(data: bytes) -> Pe:
    """Read the headers."""
    assert data[:2] == b"MZ", "no MZ"
    at, = struct.unpack_from("<I", data, 60)
    assert data[at : at + 4] == b"PE\0\0", "no PE signature"
    machine, count, stamp, _, _, optional_size, characteristics = struct.unpack_from("<HHIIIHH", data, at + 4)
    optional = at + 24
    magic, = struct.unpack_from("<H", data, optional)
    entry, = struct.unpack_from("<I", data, optional + 16)
    base, section_align, file_align = struct.unpack_from("<QII", data, optional + 24)
    image_size, headers_size = struct.unpack_from("<II", data, optional + 56)
    subsystem, dll = struct.unpack_from("<HH", data, optional + 68)
    directories, = struct.unpack_from("<I", data, optional + 108)
    assert optional_size == 112 + 8 * directories, "the optional header has not the size of its parts"
    table = optional + optional_size
    sections = []
    for i in range(count):
        header = struct.unpack_from("<8sIIIIIIHHI", data, table + 40 * i)
        name, size, rva, raw_size, raw, relocations, lines, nrelocations, nlines, flags = header
        assert not (relocations or lines or nrelocations or nlines), f"{name!r} has object file's tables"
        sections.append(Section(name.rstrip(b"\0").decode(), size, rva, raw_size, raw, flags))
    return Pe(
        data, machine, stamp, characteristics, magic, entry, base, section_align, file_align,
        image_size, headers_size, subsystem, dll,
        [struct.unpack_from("<II", data, optional + 112 + 8 * i) for i in range(directories)],
        sections, table + 40 * count,
    )  # fmt: skip


def lint(data: bytes) -> list[str]:
    """All that is wrong."""
    pe = parse(data)
    return [*_headers(pe), *_memory(pe), *_file(pe), *_relocations(pe), *_sbat(pe)]


def _headers(pe: Pe) -> list[str]:
    found = []
    if (pe.machine, pe.magic, pe.subsystem) != (_AMD64, _PE32PLUS, _EFI_APPLICATION):
        found.append("no EFI application for x86-64")
    if not pe.characteristics & _EXECUTABLE or pe.characteristics & _DLL:
        found.append(f"characteristics {pe.characteristics:#x}")
    if pe.stamp:
        found.append(f"time stamp {pe.stamp:#x}: two builds differ")
    for name, bit in (("DYNAMIC_BASE", _DYNAMIC_BASE), ("NX_COMPAT", _NX_COMPAT)):
        if not pe.dll_characteristics & bit:
            found.append(f"{name} is not set")
    if pe.section_align != PAGE or pe.file_align not in (512, 1024, 2048, PAGE):
        found.append(f"alignments {pe.section_align:#x}, {pe.file_align:#x}")
    if pe.table_end > pe.headers_size or pe.headers_size % pe.file_align:
        found.append(f"size of headers {pe.headers_size:#x}, they end at {pe.table_end:#x}")
    return found


def _memory(pe: Pe) -> list[str]:
    """Pages: ascending, without a gap from the headers to the end, each with one purpose."""
    found = []
    at = -(-pe.headers_size // PAGE) * PAGE
    for section in pe.sections:
        if section.rva % PAGE or section.rva != at:
            found.append(f"{section.name} at RVA {section.rva:#x}, not at {at:#x}")
        if not section.size:
            found.append(f"{section.name} is empty")
        if section.flags & _WRITE and section.flags & _EXECUTE:
            found.append(f"{section.name} is writable and executable")
        if not section.flags & _READ:
            found.append(f"{section.name} is not readable")
        if bool(section.flags & _CODE) != bool(section.flags & _EXECUTE):
            found.append(f"{section.name}: flags {section.flags:#x}")
        at = section.end
    if pe.image_size != at:
        found.append(f"size of image {pe.image_size:#x}, the sections end at {at:#x}")
    names = [section.name for section in pe.sections]
    if len(names) != len(set(names)):
        found.append(f"sections of one name: {names}")
    holds_entry = [s for s in pe.sections if s.rva <= pe.entry < s.rva + s.size]
    if not holds_entry or not holds_entry[0].flags & _EXECUTE:
        found.append(f"entry {pe.entry:#x} is not in code")
    return found


def _file(pe: Pe) -> list[str]:
    """Raw data: inside the file, ascending, without gap or overlap, nothing behind but signatures."""
    found = []
    at = pe.headers_size
    for section in pe.sections:
        if not section.raw_size:
            continue
        if section.raw % pe.file_align or section.raw_size % pe.file_align:
            found.append(f"{section.name}: raw data at {section.raw:#x}+{section.raw_size:#x} not aligned")
        if section.raw != at:
            found.append(f"{section.name}: raw data at {section.raw:#x}, not at {at:#x}")
        if section.raw_size > -(-section.size // PAGE) * PAGE:
            found.append(f"{section.name}: more in the file than in memory")
        at = section.raw + section.raw_size
    signatures, length = pe.directories[_SECURITY]
    end = len(pe.data)
    if length:
        if signatures % 8 or signatures + length != end:
            found.append(f"signatures at {signatures:#x}+{length:#x}, the file ends at {end:#x}")
        end = signatures
    if not at <= end < at + 8:
        found.append(f"the file's sections end at {at:#x}, what they may fill at {end:#x}")
    return found


def _relocations(pe: Pe) -> list[str]:
    """Blocks, one behind the other, that fill their directory."""
    rva, size = pe.directories[_RELOC]
    section = next((s for s in pe.sections if s.rva <= rva and rva + size <= s.rva + s.size), None)
    if not size or not section:
        return [f"relocations at {rva:#x}+{size:#x}: in no section"]
    found = []
    at = section.raw + rva - section.rva
    end = at + size
    while at < end:
        if end - at < 8:
            return [*found, "relocations: a block without a header"]
        page, length = struct.unpack_from("<II", pe.data, at)
        if length < 8 or length % 4 or length > end - at:
            return [*found, f"relocations: a block of {length} bytes, {end - at} are left"]
        if page % PAGE or page >= pe.image_size:
            found.append(f"relocations: a block for {page:#x}")
        for entry in struct.unpack_from(f"<{(length - 8) // 2}H", pe.data, at + 8):
            kind, offset = entry >> 12, entry & PAGE - 1
            if kind not in _RELOC_WIDTH:
                found.append(f"relocations: type {kind}")
            elif page + offset + _RELOC_WIDTH[kind] > pe.image_size:
                found.append(f"relocations: {page + offset:#x} is outside the image")
        at += length
    return found


def _sbat(pe: Pe) -> list[str]:
    """Generations for shim: a line of the format's own, then one for each component."""
    if not any(section.name == ".sbat" for section in pe.sections):
        return ["no .sbat section"]
    text = pe.section(".sbat")
    if not text.isascii() or not text.endswith(b"\n"):
        return ["SBAT: no lines of ASCII"]
    rows = list(csv.reader(io.StringIO(text.decode()), strict=True))
    found = [f"SBAT: {row}" for row in rows if len(row) != 6 or not row[1].isdecimal() or not all(row)]
    if not rows or rows[0][:5] != _SBAT_HEADER:
        found.append(f"SBAT: begins with {rows[:1]}")
    if [row[0] for row in rows[1:]] != ["footing"]:
        found.append(f"SBAT: components {[row[0] for row in rows[1:]]}")
    return found
