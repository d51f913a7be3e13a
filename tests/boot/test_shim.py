# SPDX-License-Identifier: MIT
"""Debian's shim, signed with the suite's key, starts a signed footing.efi under Secure Boot.

Shim loads a second stage by itself, and not by the firmware: it checks the signature
and the section .sbat, places and relocates the image, and hands on its load options.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

import console
import esp
import tiny_elf
from boots import EFI_SECONDS, Bench
from machine import EXIT_SUCCESS
from test_efi_unified import key, unified
from varstore import load_option

__all__ = ["key"]

_SHIM = Path(os.environ.get("SHIM_EFI", "/usr/lib/shim/shimx64.efi"))
_SECOND = "EFI/BOOT/grubx64.efi"  # what shim starts, unless its load options name another
_ELF = tiny_elf.build(bytes(5000))
_EXIT = esp.config("then=exit loglevel=3")


@pytest.fixture
def shim(bench: Bench, key: tuple[Path, Path]) -> bytes:
    """Shim as a vendor would have it: signed with a key that the firmware knows."""
    if not _SHIM.exists():
        pytest.skip("no shim: install Debian's shim-unsigned")
    out = bench.directory / "shim.efi"
    command = ["sbsign", "--key", str(key[0]), "--cert", str(key[1]), "--output", str(out), str(_SHIM)]
    subprocess.run(command, check=True, capture_output=True)
    return out.read_bytes()


def test_signed_unified_image(bench: Bench, shim: bytes, key: tuple[Path, Path]) -> None:
    """Configuration, payload and ramdisk inside the image count, as with the firmware alone."""
    image = unified(bench, _EXIT, _ELF, b"r" * 9999, key=key)
    with bench.by_efi({esp.BOOT_EFI: shim, _SECOND: image}, vga=False, secure=True) as machine:
        assert machine.wait_exit(EFI_SECONDS) == EXIT_SUCCESS
        text = machine.serial
    assert "\nfooting: ready\n" in text and not console.panics(text)
    assert re.search(r"^footing: loader modules=2 ", text, re.M)


@pytest.mark.full
@pytest.mark.parametrize("damage", ["changed", "unsigned", "no-sbat"])
def test_refused_by_shim(bench: Bench, shim: bytes, key: tuple[Path, Path], damage: str) -> None:
    """Shim does look: at the signature, and at .sbat, which footing.efi must have."""
    image = unified(bench, _EXIT, key=None if damage == "unsigned" else key)
    if damage == "changed":
        image = image.replace(b"then=exit", b"then=halt")
    if damage == "no-sbat":
        bare = bench.directory / "bare.efi"
        bare.write_bytes(bench.efi.replace(b".sbat\0", b".tabs\0", 1))
        out = bench.directory / "bare.signed.efi"
        esp.make_unified(out, bare, [], key)
        image = out.read_bytes()
    with bench.by_efi({esp.BOOT_EFI: shim, _SECOND: image}, vga=False, secure=True) as machine:
        machine.wait_line(r".*(Verification failed|Security Violation|Access Denied).*", EFI_SECONDS)
        assert "footing: " not in machine.serial


@pytest.mark.full
@pytest.mark.parametrize("end", [b"", b"\0\0"], ids=["bare", "zero"])
def test_load_options_through_shim(bench: Bench, shim: bytes, key: tuple[Path, Path], end: bytes) -> None:
    """A boot entry's data names the second stage and then its section, which is the one that boots."""
    config = b"[global]\ndefault=usual\n[usual]\noptions=then=reboot\n[debug]\noptions=then=exit\n"
    image = unified(bench, config, _ELF, key=key)
    disk = {"EFI/x/shimx64.efi": shim, "EFI/x/footing.efi": image}
    words = "\\EFI\\x\\footing.efi debug".encode("utf-16-le") + end
    entries = [load_option("\\EFI\\x\\shimx64.efi", words)]
    with bench.by_efi(disk, vga=False, secure=True, entries=entries) as machine:
        assert machine.wait_exit(EFI_SECONDS) == EXIT_SUCCESS
        assert not console.panics(machine.serial)
