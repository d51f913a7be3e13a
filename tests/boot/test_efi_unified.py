# SPDX-License-Identifier: MIT
"""One EFI file with its configuration and payload inside, and Secure Boot by OVMF's test keys."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

import console
import esp
import pe_lint
import tiny_elf
from boots import EFI_SECONDS, Bench, efi_halts_right
from machine import EXIT_SUCCESS

# Debian's ovmf package brings a key whose certificate is in OVMF_VARS_4M.snakeoil.fd.
_KEYS = Path(os.environ.get("OVMF_KEYS", "/usr/share/ovmf"))
_PASSWORD = "snakeoil"
_EXIT = esp.config("then=exit loglevel=3")
_ELF = tiny_elf.build(bytes(5000))


def unified(bench: Bench, *contents: bytes, key: tuple[Path, Path] | None = None) -> bytes:
    """The image with these parts: configuration, payload, ramdisk; an empty one is left out."""
    image, out = bench.directory / "footing.efi", bench.directory / "unified.efi"
    image.write_bytes(bench.efi)
    parts: list[Path | None] = []
    for i, content in enumerate(contents):
        part = bench.directory / f"part{i}"
        part.write_bytes(content)
        parts.append(part if content else None)
    esp.make_unified(out, image, parts, key)
    return out.read_bytes()


@pytest.fixture(scope="session")
def key(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """OVMF's test key without its password, and its certificate."""
    if not shutil.which("sbsign"):
        pytest.skip("no sbsign: install Debian's sbsigntool")
    out = tmp_path_factory.mktemp("key") / "key"
    source = _KEYS / "PkKek-1-snakeoil.key"
    command = ["openssl", "pkey", "-in", str(source), "-passin", f"pass:{_PASSWORD}", "-out", str(out)]
    subprocess.run(command, check=True, capture_output=True)
    return out, _KEYS / "PkKek-1-snakeoil.pem"


def _boot(bench: Bench, files: esp.Files, *, secure: bool = False) -> tuple[int, str]:
    """The firmware tries these files, then GRUB that halts; exit status, and what COM1 said."""
    disks: Sequence[esp.Files] = [files, bench.chainloading(["halt"])]
    with bench.by_efi(*disks[: 1 if secure else 2], vga=False, secure=secure) as machine:
        status = machine.wait_exit(EFI_SECONDS)
        return status, machine.serial


@pytest.mark.smoke
def test_boots_alone(bench: Bench) -> None:
    """Configuration, payload and ramdisk come with the image; nothing else is on the disk."""
    status, text = _boot(bench, {esp.BOOT_EFI: unified(bench, _EXIT, _ELF, b"r" * 9999)})
    assert status == EXIT_SUCCESS
    assert re.search(r"^footing: loader modules=2 ", text, re.M)


@pytest.mark.full
def test_its_tables_are_right(bench: Bench) -> None:
    """The outside reader is content with it, too."""
    image = unified(bench, esp.config("then=halt"), _ELF)
    script = ["chainloader /x/unified.efi", "boot"]
    with bench.by_efi(bench.chainloading(script, **{"unified.efi": image}), vga=False) as machine:
        efi_halts_right(machine)


def test_payload_inside_runs(bench: Bench) -> None:
    """Without then= the payload in the image is entered, and leaves QEMU itself."""
    status, text = _boot(bench, {esp.BOOT_EFI: unified(bench, esp.config(""), _ELF)})
    assert status == EXIT_SUCCESS
    assert text.rstrip().endswith("footing: ready")


def test_what_is_inside_comes_first(bench: Bench) -> None:
    """A configuration beside the image does not count; kernel= gives the command line only."""
    inside = esp.config("then=exit loglevel=3", "kernel=nowhere.elf quiet")
    files = {esp.BOOT_EFI: unified(bench, inside, _ELF), esp.BOOT_CFG: b"nonsense"}
    status, text = _boot(bench, files)
    assert status == EXIT_SUCCESS
    assert re.search(r"^footing: loader modules=1 ", text, re.M)


@pytest.mark.full
def test_config_inside_loads_files(bench: Bench) -> None:
    """Without Secure Boot it may name files beside the image."""
    image = unified(bench, esp.config("then=exit loglevel=3", "kernel=k", "module=k"))
    status, text = _boot(bench, {esp.BOOT_EFI: image, "EFI/BOOT/k": _ELF})
    assert status == EXIT_SUCCESS
    assert re.search(r"^footing: loader modules=2 ", text, re.M)


@pytest.mark.parametrize(
    ("contents", "code", "words"),
    [
        ([b"[global]\nwhat\n"], "CONFIG", r"\.config:2: what: neither .*"),
        pytest.param([b"[x]\n"], "CONFIG", r"\.config: no section chosen: .*", marks=pytest.mark.full),
        pytest.param(
            [_EXIT, b"#!/bin/sh" * 99], "PAYLOAD", r"\.kernel: it is a script, no ELF executable for x86-64",
            marks=pytest.mark.full,
        ),
        pytest.param(
            [esp.config("", "kernel=no")], "FILE", r"\.config:5: kernel=no: Open, EFI_NOT_FOUND \(.*",
            marks=pytest.mark.full,
        ),
    ],
    ids=["bad-line", "no-section", "no-payload", "no-file"],
)
def test_what_is_wrong_inside(bench: Bench, contents: list[bytes], code: str, words: str) -> None:
    """Errors name the image's section, and the next boot entry comes."""
    status, text = _boot(bench, {esp.BOOT_EFI: unified(bench, *contents)})
    said = console.panics(text)
    assert len(said) == 1 and said[0][0] == code, said
    assert re.fullmatch(rf"[^:]+: {words}", said[0][1]), said
    assert status == 0 and esp.MAP_END in text, "the next entry has not been booted"


def test_signed_file_is_well_formed(bench: Bench, key: tuple[Path, Path]) -> None:
    """Signing keeps the file fit for a strict firmware, and sbverify is content."""
    signed = unified(bench, _EXIT, _ELF, key=key)
    assert pe_lint.lint(signed) == []
    command = ["sbverify", "--cert", str(key[1]), str(bench.directory / "unified.efi")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.full
def test_secure_boot_signed(bench: Bench, key: tuple[Path, Path]) -> None:
    """A signed image boots with its own defaults; so there is nothing to verify."""
    status, text = _boot(bench, {esp.BOOT_EFI: unified(bench, key=key)}, secure=True)
    assert status == EXIT_SUCCESS
    assert "\nfooting: ready\n" in text and not console.panics(text)


def test_secure_boot_signed_with_all_inside(bench: Bench, key: tuple[Path, Path]) -> None:
    """A signature covers configuration, payload and ramdisk inside the image."""
    image = unified(bench, _EXIT, _ELF, b"r" * 9999, key=key)
    status, text = _boot(bench, {esp.BOOT_EFI: image}, secure=True)
    assert status == EXIT_SUCCESS and not console.panics(text)
    assert re.search(r"^footing: loader modules=2 ", text, re.M)


def _refused_by_firmware(bench: Bench, image: bytes) -> None:
    with bench.by_efi({esp.BOOT_EFI: image}, vga=False, secure=True) as machine:
        machine.wait_line(r".*BdsDxe: failed to load Boot\d+ .*: Access Denied", EFI_SECONDS)
        assert "footing: " not in machine.serial


def test_secure_boot_unsigned(bench: Bench) -> None:
    """The firmware does not start an image without a signature: this is Secure Boot indeed."""
    _refused_by_firmware(bench, bench.efi)


@pytest.mark.full
def test_secure_boot_changed_after_signing(bench: Bench, key: tuple[Path, Path]) -> None:
    """Nor one whose configuration has been changed since."""
    signed = unified(bench, _EXIT, key=key)
    changed = signed.replace(b"then=exit", b"then=halt")
    assert changed != signed
    _refused_by_firmware(bench, changed)


@pytest.mark.parametrize(
    ("contents", "beside", "words"),
    [
        ([], {"footing.cfg": _EXIT}, r"footing\.cfg"),
        pytest.param(
            [esp.config("then=exit", "kernel=k")], {"k": _ELF}, r"\.config:5: kernel=k: Secure Boot is on",
            marks=pytest.mark.full,
        ),
        pytest.param(
            [esp.config("then=exit", "module=k"), _ELF], {"k": _ELF},
            r"\.config:5: module=k: Secure Boot is on", marks=pytest.mark.full,
        ),
        pytest.param(
            [b"[global]\ndefault=x\nchain=c.cfg\n"], {"c.cfg": b"[x]\n"}, r"(\.config:3: chain=)?c\.cfg.*",
            marks=pytest.mark.full,
        ),
    ],
    ids=["config", "payload", "module", "chain"],
)  # fmt: skip
def test_secure_boot_unverified(
    bench: Bench, key: tuple[Path, Path], contents: list[bytes], beside: dict[str, bytes], words: str
) -> None:
    """What the signature does not cover is refused, though the image itself is signed."""
    image = unified(bench, *contents, key=key)
    files = {esp.BOOT_EFI: image, **{f"EFI/BOOT/{name}": data for name, data in beside.items()}}
    with bench.by_efi(files, vga=False, secure=True) as machine:
        machine.wait_line(r"BdsDxe: failed to start Boot\d+ .*: Security Violation", EFI_SECONDS)
        said = console.panics(machine.serial)
    assert len(said) == 1 and said[0][0] == "VERIFY", said
    assert re.fullmatch(rf"[^:]+: {words}", said[0][1]), said
    assert "footing: ready" not in machine.serial
