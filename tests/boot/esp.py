# SPDX-License-Identifier: MIT
"""Boots of footing.efi by a real UEFI firmware, OVMF, from FAT images that mtools make.

GRUB has two parts to play, neither of them Footing's loader by multiboot2: it
prints the firmware's own memory map (lsefimmap), which is the truth that the
outside reader holds the image against; and it chainloads images with any
command line, and goes on with its next command when they return.
"""

from __future__ import annotations

import fcntl
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grub import OVMF
from intervals import Intervals, union

BOOT_EFI = "EFI/BOOT/BOOTX64.EFI"
BOOT_CFG = "EFI/BOOT/footing.cfg"
MAP_END = "footing-test: end of lsefimmap"

Files = Mapping[str, bytes]

_MODULES = "part_msdos fat serial terminal lsefimmap chain echo configfile halt sleep".split()
_CONFIG = """\
serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
source $prefix/script.cfg
"""
_SCRIPT = "grub/script.cfg"
_MIB = 1 << 20

# What lsefimmap calls the types that are free once boot services are gone.
_FREE = ("ldr-code", "ldr-data", "BS-code", "BS-data", "conv-mem")
_LINE = re.compile(r"(\S+) +([0-9a-f]{16})-([0-9a-f]{16}) [0-9a-f]{8,} +\d+[KMGT]iB((?: \S+)*)")


@dataclass(frozen=True)
class FirmwareMap:
    """What the firmware says of its memory."""

    usable: Intervals  # free after ExitBootServices, and write-back
    runtime: Intervals  # its runtime services need it
    runtime_code: Intervals
    conventional: int  # bytes that are free now


def parse_lsefimmap(text: str) -> FirmwareMap:
    """Take what GRUB prints of EFI's memory map; what loaders hold is free in the end."""
    usable, runtime, code = [], [], []
    conventional = 0
    lines = _LINE.findall(text)
    assert lines, f"GRUB printed no EFI memory map:\n{text[-2000:]}"
    for kind, start, last, attributes in lines:
        piece = (int(start, 16), int(last, 16) + 1)
        has = attributes.split()
        if "RT" in has:
            runtime.append(piece)
            if kind == "RT-code":
                code.append(piece)
        elif kind in _FREE and "WB" in has:
            usable.append(piece)
        if kind == "conv-mem":
            conventional += piece[1] - piece[0]
    return FirmwareMap(union(usable), union(runtime), union(code), conventional)


def write(path: Path, files: Files) -> None:
    """A FAT image with these files, in their folders."""
    size = sum(len(data) + 0x1000 for data in files.values()) + 2 * _MIB
    with tempfile.TemporaryDirectory() as tree:
        for name, data in files.items():
            target = Path(tree, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        path.unlink(missing_ok=True)
        with path.open("wb") as image:
            image.truncate(-(-size // _MIB) * _MIB)
        tops = sorted(str(each) for each in Path(tree).iterdir())
        _run("mformat", "-i", str(path), "-c", "1", "-v", "FOOTING", "::")
        _run("mcopy", "-s", "-i", str(path), *tops, "::/")


def config(options: str, *more: str) -> bytes:
    """A footing.cfg of one section."""
    return "\n".join(["[global]", "default=run", "[run]", f"options={options}", *more, ""]).encode()


def grub_image(cache: Path) -> Path:
    """GRUB as one EFI program; safe when several processes ask at once."""
    cache.mkdir(parents=True, exist_ok=True)
    result, recipe, early = cache / "grub.efi", cache / "grub.efi.recipe", cache / "grub.efi.cfg"
    wanted = " ".join(_MODULES) + "\n" + _CONFIG
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (result.exists() and recipe.exists() and recipe.read_text() == wanted):
            early.write_text(_CONFIG)
            target = ["-O", "x86_64-efi", "-p", "/grub", "-c", str(early), "-o", str(result)]
            _run("grub-mkimage", *target, *_MODULES)
            recipe.write_text(wanted)
    return result


def grub_files(grub: bytes, script: Sequence[str]) -> dict[str, bytes]:
    """The files that make a disk start GRUB and run this script."""
    return {BOOT_EFI: grub, _SCRIPT: "\n".join([*script, ""]).encode()}


def print_map() -> list[str]:
    """GRUB's commands that show the firmware's memory map."""
    return ["lsefimmap", f"echo '{MAP_END}'"]


def variables(secure: bool) -> Path:
    """The store of UEFI variables that a machine begins with."""
    return OVMF / ("OVMF_VARS_4M.snakeoil.fd" if secure else "OVMF_VARS_4M.fd")


def qemu_args(disks: Iterable[str], store: Path | None = None, *, secure: bool = False) -> list[str]:
    """What makes QEMU boot OVMF from these disks, in this order or by the boot entries of a store."""
    code = OVMF / ("OVMF_CODE_4M.secboot.fd" if secure else "OVMF_CODE_4M.fd")
    args = [
        "-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={code}",
        "-drive", f"if=pflash,unit=1,format=raw,snapshot=on,file={store or variables(secure)}",
    ]  # fmt: skip
    if secure:
        args += ["-global", "driver=cfi.pflash01,property=secure,value=on"]
    for i, disk in enumerate(disks):
        args += [
            "-drive", f"if=none,id=disk{i},snapshot=on,format=raw,file={disk}",
            "-device", f"virtio-blk-pci,drive=disk{i}" + ("" if store else f",bootindex={i}"),
        ]  # fmt: skip
    return args


def _run(*command: str) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, errors="replace"
    )
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


def make_unified(
    out: Path, efi: Path, parts: Sequence[Path | None] = (), key: tuple[Path, Path] | None = None
) -> None:
    """tests/make-unified.sh: configuration, payload and ramdisk, as far as given, in one image."""
    script = Path(__file__).resolve().parents[1] / "make-unified.sh"
    names = [str(part or "") for part in parts] + [""] * (3 - len(parts))
    command = [str(script), str(out), str(efi), *names, *(str(each) for each in key or ())]
    _run(*command)
