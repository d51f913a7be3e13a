# SPDX-License-Identifier: MIT
"""footing.efi as a file: fit for a strict firmware, and the same from every build."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import esp
import pe_lint

_REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def efi(efi_path: Path) -> bytes:
    """The file under test."""
    return efi_path.read_bytes()


def _patch(offset: int, form: str, value: int) -> Callable[[bytes], bytes]:
    """Change a field of the optional header, or before it."""

    def change(data: bytes) -> bytes:
        at, = struct.unpack_from("<I", data, 60)
        result = bytearray(data)
        struct.pack_into(form, result, at + 24 + offset, value)
        return bytes(result)

    return change


def _section(name: bytes, offset: int, change: Callable[[int], int]) -> Callable[[bytes], bytes]:
    """Change a field of a section's header."""

    def apply(data: bytes) -> bytes:
        at = data.index(name.ljust(8, b"\0"), 0, 0x1000) + offset
        result = bytearray(data)
        struct.pack_into("<I", result, at, change(struct.unpack_from("<I", data, at)[0]) & 0xFFFFFFFF)
        return bytes(result)

    return apply


def _reloc(offset: int, form: str, value: int) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        pe = pe_lint.parse(data)
        raw = next(section.raw for section in pe.sections if section.name == ".reloc")
        result = bytearray(data)
        struct.pack_into(form, result, raw + offset, value)
        return bytes(result)

    return change


# name: a fault, and a word of what is said about it
FAULTS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "time-stamp": (_patch(-16, "<I", 1), "time stamp"),
    "no-nx": (_patch(70, "<H", 0x60), "NX_COMPAT"),
    "fixed-base": (_patch(70, "<H", 0x120), "DYNAMIC_BASE"),
    "image-size": (_patch(56, "<I", 0x10000), "size of image"),
    "entry-in-the-headers": (_patch(16, "<I", 0x40), "entry"),
    "driver": (_patch(68, "<H", 11), "no EFI application"),
    "headers-cut": (_patch(60, "<I", 0x200), "raw data"),
    "text-writable": (_section(b".text", 36, lambda flags: flags | 0x80000000), "writable and executable"),
    "text-unreadable": (_section(b".text", 36, lambda flags: flags & ~0x40000000), "not readable"),
    "gap": (_section(b".data", 12, lambda rva: rva + 0x1000), "not at"),
    "misaligned": (_section(b".rodata", 12, lambda rva: rva + 0x200), "not at"),
    "overlap-in-the-file": (_section(b".data", 20, lambda raw: raw - 0x200), "raw data"),
    "beyond-the-file": (_section(b".data", 16, lambda size: size + 0x200), "end at"),
    "block-of-10": (_reloc(4, "<I", 10), "a block of 10"),
    "block-of-16": (_reloc(4, "<I", 16), "a block of 16"),
    "block-of-none": (_reloc(4, "<I", 0), "a block of 0"),
    "unknown-relocation": (_reloc(8, "<H", 0x7000), "type 7"),
    "relocation-outside": (_reloc(0, "<I", 0xFF000000), "a block for"),
    "no-sbat": (lambda data: data.replace(b".sbat\0", b".tabs\0", 1), "no .sbat"),
    "bad-sbat": (lambda data: data.replace(b"footing,1,", b"footing,,1", 1), "SBAT"),
}  # fmt: skip


@pytest.mark.smoke
def test_lint(efi: bytes) -> None:
    """Aligned, W^X, relocatable, revocable, without a time of its own."""
    assert pe_lint.lint(efi) == []


@pytest.mark.parametrize("name", FAULTS)
def test_lint_can_fail(efi: bytes, name: str) -> None:
    """Each planted fault is found."""
    plant, word = FAULTS[name]
    bad = plant(efi)
    assert bad != efi
    assert any(word in each for each in pe_lint.lint(bad)), pe_lint.lint(bad)


def test_objdump_agrees(efi_path: Path, efi: bytes) -> None:
    """binutils reads the same sections and the same header."""
    pe = pe_lint.parse(efi)
    command = ["env", "LC_ALL=C", "objdump", "-x", str(efi_path)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = re.findall(r"^ +\d+ (\.\w+) +([0-9a-f]+) +([0-9a-f]+) +[0-9a-f]+ +([0-9a-f]+) ", text, re.M)
    theirs = [(name, int(rva, 16), int(raw, 16)) for name, _, rva, raw in rows]
    assert theirs == [(section.name, section.rva, section.raw) for section in pe.sections]
    for name, value in (("SizeOfImage", pe.image_size), ("AddressOfEntryPoint", pe.entry),
                        ("DllCharacteristics", pe.dll_characteristics)):  # fmt: skip
        found = re.search(rf"^{name}\s+([0-9a-f]+)", text, re.M)
        assert found and int(found[1], 16) == value, name
    assert "reloc    0 offset    0" in text


def test_two_builds_are_alike(efi: bytes, tmp_path: Path) -> None:
    """Built again in another folder, not a byte differs."""
    built = [path.parent for path in _REPOSITORY.glob("build/obj/*/footing.efi") if path.read_bytes() == efi]
    if not built:
        pytest.skip("an image that make has not built here")
    compiler, _, sanitizer = built[0].name.partition("-")
    variables = [f"B={tmp_path}/again", f"CC={compiler}", f"UBSAN={int(bool(sanitizer))}"]
    done = subprocess.run(
        ["make", "-j2", "image", *variables], cwd=_REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "again/obj" / built[0].name / "footing.efi").read_bytes() == efi


def test_unified_is_as_good(tmp_path: Path, efi_path: Path) -> None:
    """What make-unified.sh adds keeps all of this true, and the same inputs make the same file."""
    parts = [tmp_path / name for name in ("footing.cfg", "payload", "rd")]
    for part, size in zip(parts, (30, 0x1000, 0x2345)):
        part.write_bytes(b"#" * size)
    for name in ("one.efi", "two.efi"):
        esp.make_unified(tmp_path / name, efi_path, parts)
    one = (tmp_path / "one.efi").read_bytes()
    assert one == (tmp_path / "two.efi").read_bytes()
    assert pe_lint.lint(one) == []
    pe = pe_lint.parse(one)
    for part, name in zip(parts, (".config", ".kernel", ".ramdisk")):
        assert pe.section(name) == part.read_bytes()
