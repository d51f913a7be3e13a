# SPDX-License-Identifier: MIT
"""Boots through a real GRUB, on SeaBIOS or OVMF, for x86-64 or IA-32.

One small ISO, made once, holds GRUB alone. Each test adds a disk: a tar
archive, which GRUB reads as a file system, with the image, the modules and
the commands. So a new command line costs no new ISO.
"""

from __future__ import annotations

import fcntl
import io
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from intervals import Intervals, subtract, union

OVMF = Path(os.environ.get("OVMF_DIR", "/usr/share/OVMF"))
MEMORY_END = "footing-test: end of lsmmap"

_MODULES = (
    "part_gpt part_msdos iso9660 tar serial terminal lsmmap multiboot multiboot2 test search echo configfile boot"
)
_CONFIG = """\
serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
insmod tar
search --no-floppy --set=disk --file /boot.cfg
set root=$disk
source ($disk)/boot.cfg
"""
_PLATFORMS = ("i386-pc", "x86_64-efi", "i386-efi")
_SMALLEST_DISK = 0x200000  # SeaBIOS offers no disk of less than one cylinder
_GRUB_USABLE = "available RAM"


def iso(cache: Path) -> Path:
    """The ISO with GRUB for BIOS and UEFI; safe when several processes ask at once."""
    cache.mkdir(parents=True, exist_ok=True)
    result = cache / "grub.iso"
    recipe = cache / "grub.iso.recipe"
    wanted = "\n".join([*_PLATFORMS, _MODULES, _CONFIG])
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if result.exists() and recipe.exists() and recipe.read_text() == wanted:
            return result
        tree = cache / "iso"
        shutil.rmtree(tree, ignore_errors=True)
        (tree / "boot/grub").mkdir(parents=True)
        (tree / "boot/grub/grub.cfg").write_text(_CONFIG)
        subprocess.run(
            ["grub-mkrescue", "-o", str(result), "--locales=", "--fonts=", "--themes=",
             f"--install-modules={_MODULES}", str(tree)],
            check=True, capture_output=True,
        )  # fmt: skip
        recipe.write_text(wanted)
    return result


def write_disk(
    path: Path, image: bytes, command_line: str, modules: Mapping[str, bytes], module_word: str = "module2"
) -> None:
    """A tar archive whose boot.cfg prints GRUB's view of memory and starts the image."""
    lines = ["lsmmap", f"echo '{MEMORY_END}'", f"multiboot2 ($disk)/footing.elf {command_line}"]
    lines += [f"{module_word} ($disk)/{name} {name}" for name in modules]
    write_script(path, [*lines, "boot"], {"footing.elf": image, **modules})


def write_script(path: Path, lines: Sequence[str], contents: Mapping[str, bytes]) -> None:
    """A tar archive with these files, and GRUB's commands."""
    files = {"boot.cfg": "\n".join(lines).encode() + b"\n", **contents}
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    with path.open("r+b") as disk:
        disk.truncate(max(path.stat().st_size, _SMALLEST_DISK))


def qemu_args(firmware: str, iso_path: Path, disk: Path) -> list[str]:
    """What makes QEMU boot GRUB from the ISO and show it the disk."""
    args = [
        "-drive", f"if=none,id=cd,media=cdrom,readonly=on,format=raw,file={iso_path}",
        "-device", "ide-cd,drive=cd,bootindex=0",
        "-drive", f"if=none,id=disk,snapshot=on,format=raw,file={disk}",
        "-device", "virtio-blk-pci,drive=disk,bootindex=1",
    ]  # fmt: skip
    if firmware == "uefi":
        args += [
            "-drive", f"if=pflash,format=raw,readonly=on,file={OVMF / 'OVMF_CODE_4M.fd'}",
            "-drive", f"if=pflash,format=raw,snapshot=on,file={OVMF / 'OVMF_VARS_4M.fd'}",
        ]  # fmt: skip
    elif firmware == "uefi32":
        args += uefi32_args()
    return args


def uefi32_args() -> list[str]:
    """OVMF for IA-32. Debian has it with Secure Boot, off without keys, and so with SMM alone."""
    return [
        "-machine", "smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on",
        "-drive", f"if=pflash,format=raw,readonly=on,file={OVMF / 'OVMF32_CODE_4M.secboot.fd'}",
        "-drive", f"if=pflash,format=raw,snapshot=on,file={OVMF / 'OVMF32_VARS_4M.fd'}",
    ]  # fmt: skip


def parse_lsmmap(console: str) -> Intervals:
    """What firmware calls usable: no byte that it also calls something else."""
    usable: Intervals = []
    other: Intervals = []
    text = console.partition(MEMORY_END)[0]
    for base, length, kind in re.findall(
        r"base_addr = 0x([0-9a-f]+), length = 0x([0-9a-f]+), (.+)", text
    ):
        piece = (int(base, 16), int(base, 16) + int(length, 16))
        (usable if kind.strip() == _GRUB_USABLE else other).append(piece)
    return subtract(union(usable), union(other))
