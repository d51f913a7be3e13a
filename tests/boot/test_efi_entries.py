# SPDX-License-Identifier: MIT
"""footing.efi's command line as boot entries and the UEFI shell hand it over."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import console
import esp
from boots import EFI_SECONDS, Bench
from machine import EXIT_SUCCESS
from test_efi_unified import key, unified
from varstore import load_option

__all__ = ["key"]

_PATH = "\\x\\footing-1.efi"
_CONFIG = b"[e]\noptions=then=exit\n"


def _text(words: str, end: bytes = b"\0\0") -> bytes:
    return words.encode("utf-16-le") + end


def _ascii(words: str, end: bytes = b"") -> bytes:
    """As efibootmgr writes it without -u."""
    return words.encode() + end


@pytest.mark.smoke
def test_boot_entries(bench: Bench) -> None:
    """Optional data counts as text of any kind, or as a whole load option; each refusal goes on."""
    texts = [
        _text("e -- frob=1"),
        _text("e -- frob=2", b""),
        _text("footing-1.efi e -- frob=3"),
        load_option(_PATH, _text("e -- frob=4")),
        _text("e -- frob=5") + b"\x11\x92\x33",
        _ascii("e -- frob=6"),
        _ascii("e -- frob=7", b"\0"),
        _ascii("e -- frob=08"),
        _ascii("e -- frob=09", b"\0"),
        _ascii("-cfg=footing.cfg\0e\0--\0frob=10"),
        b"\xff\xfe" + _text("e -- frob=11"),
        b"\xef\xbb\xbf" + _ascii("e -- frob=12"),
        load_option(_PATH, _ascii("e -- frob=13")),
    ]
    entries = [*texts, _text("e -- f")[:-3], b"\1\2\3\4\5", b"\0\0BO", _text("e")]
    disk = {"x/footing-1.efi": bench.efi, "x/footing.cfg": _CONFIG}
    with bench.by_efi(disk, vga=False, entries=[load_option(_PATH, data) for data in entries]) as machine:
        assert machine.wait_exit(EFI_SECONDS) == EXIT_SUCCESS
        text = machine.serial
    values = [1, 2, 3, 4, 5, 6, 7, "08", "09", 10, 11, 12, 13]
    said = console.panics(text)
    found = [(code, words.split(": ")[1]) for code, words in said]
    assert found[: len(values)] == [("OPTION", f"frob={i}") for i in values]
    # Without a section that is named there is nothing to boot.
    assert [code for code, _ in said[len(values) :]] == ["INFO", "CONFIG", "CONFIG"]
    for line in (
        "load options: 3 bytes behind their text are none: ignored",
        "load options of 5 bytes are no text: ignored",
        "load options of 4 bytes are no text: ignored",
    ):
        assert re.search(rf"^footing: {line}$", text, re.M), line
    assert text.count("footing: ready") == 1


def test_ascii_chooses_no_other_section(bench: Bench) -> None:
    """The section named in 8-bit text boots, not the default one (efibootmgr #45, #195, #211)."""
    config = b"[global]\ndefault=usual\n[usual]\noptions=it-was-the-default\n"
    config += b"".join(f"[{name}]\noptions=it-was-{name}\n".encode() for name in ("even", "uneven1"))
    words = [_ascii(name, end) for name in ("even", "uneven1") for end in (b"", b"\0", b"\0\0")]
    words += [_ascii("odd"), b"\xef\xbb\xbfuneven1", b"\xff\xfe" + _text("even")]
    second = bench.chainloading(["halt"])
    entries = [load_option(_PATH, data) for data in words]
    entries += [load_option("\\" + esp.BOOT_EFI.replace("/", "\\"), b"")]
    disk = {"x/footing-1.efi": bench.efi, "x/footing.cfg": config}
    with bench.by_efi(disk, second, vga=False, entries=entries) as machine:
        assert machine.wait_exit(EFI_SECONDS) == 0
        text = "\n".join(words for _, words in console.panics(machine.serial))
        said = re.findall(r"no section \[\w+\]|it-was-[-a-z0-9]+", text)
    assert said == [*["it-was-even"] * 3, *["it-was-uneven1"] * 3,
                    "no section [odd]", "it-was-uneven1", "it-was-even"]  # fmt: skip


@pytest.mark.full
def test_shell(bench: Bench) -> None:
    """A script of the UEFI shell starts it by name, from another folder, and goes on after a refusal."""
    script = "@echo -off\r\nfs0:\r\n\\x\\footing-1.efi e -- frob=1\r\ncd x\r\nfooting-1 e\r\n"
    files = {"startup.nsh": script.encode(), "x/footing-1.efi": bench.efi, "x/footing.cfg": _CONFIG}
    with bench.by_efi(files, vga=False) as machine:
        assert machine.wait_exit(EFI_SECONDS) == EXIT_SUCCESS
        (code, words), = console.panics(machine.serial)
        assert code == "OPTION" and words.startswith("unknown option or value: frob=1: ")
        assert machine.serial.count("footing: ready") == 1


def test_secure_boot_arguments(bench: Bench, key: tuple[Path, Path]) -> None:
    """Nothing vouches for what a boot entry adds: options and other configurations are refused."""
    image = unified(bench, b"[e]\noptions=then=exit\n", key=key)
    plain = unified(bench, key=key)
    entries = [
        load_option(_PATH, _text("e -- loglevel=3")),
        load_option("\\x\\plain.efi", _text("-cfg=other.cfg e")),
        load_option(_PATH, _text("e")),
    ]
    disk = {"x/footing-1.efi": image, "x/plain.efi": plain, "x/other.cfg": _CONFIG}
    with bench.by_efi(disk, vga=False, secure=True, entries=entries) as machine:
        assert machine.wait_exit(EFI_SECONDS) == EXIT_SUCCESS
        said = console.panics(machine.serial)
        assert [code for code, _ in said] == ["VERIFY", "VERIFY"], said
        assert "options on the EFI command line" in said[0][1] and "other.cfg" in said[1][1]
        assert machine.serial.count("footing: ready") == 1
