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


@pytest.mark.smoke
def test_boot_entries(bench: Bench) -> None:
    """Optional data counts as text of either kind, or as a whole load option; each refusal goes on."""
    entries = [
        load_option(_PATH, _text("e -- frob=1")),
        load_option(_PATH, _text("e -- frob=2", b"")),
        load_option(_PATH, _text("footing-1.efi e -- frob=3")),
        load_option(_PATH, load_option(_PATH, _text("e -- frob=4"))),
        load_option(_PATH, _text("e -- frob=5") + b"behind the text"),
        load_option(_PATH, b"\1\2\3\4\5"),
        load_option(_PATH, _text("e")),
    ]
    disk = {"x/footing-1.efi": bench.efi, "x/footing.cfg": _CONFIG}
    with bench.by_efi(disk, vga=False, entries=entries) as machine:
        assert machine.wait_exit(EFI_SECONDS) == EXIT_SUCCESS
        text = machine.serial
    assert re.search(r"^footing: load options of 5 bytes are no text: ignored$", text, re.M)
    said = console.panics(text)
    assert [(code, words.split(": ")[1]) for code, words in said[:4]] == [("OPTION", f"frob={i}") for i in (1, 2, 3, 4)]
    # Odd in size is no text, whatever it begins with; and without a section there is nothing to boot.
    assert [code for code, _ in said[4:]] == ["CONFIG", "CONFIG"]
    assert text.count("footing: ready") == 1


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
