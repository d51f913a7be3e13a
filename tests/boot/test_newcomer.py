# SPDX-License-Identifier: MIT
"""What somebody is told who starts Footing for the first time and gets something wrong."""

from __future__ import annotations

import re
import struct

import pytest

from boots import EFI_SECONDS, GRUB_SECONDS, ROM_SECONDS, Bench, Module, RomBoot, assert_panic
from machine import EXIT_PANIC, EXIT_SUCCESS, Machine
from payloads import Segment, elf

_KIB = 1 << 10
_LOADED_AT = 1 << 20


def _by_pvh(bench: Bench, *, memory: str = "256M", command: str = "then=exit", initrd: bytes | None = None) -> Machine:
    """QEMU's -kernel, -append and -initrd."""
    place = bench.directory / "pvh"
    place.mkdir(parents=True, exist_ok=True)
    (place / "footing.elf").write_bytes(bench.raw)
    args = ["-kernel", "footing.elf", "-append", command]
    if initrd is not None:
        (place / "initrd").write_bytes(initrd)
        args += ["-initrd", "initrd"]
    return Machine(place, args=args, memory=memory)


def _refused(machine: Machine, code: str) -> str:
    with machine:
        assert machine.wait_exit(ROM_SECONDS) == EXIT_PANIC
        return assert_panic(machine, code)


@pytest.mark.parametrize("length", [4096, 8000, 20000])
def test_long_command_line_by_pvh(bench: Bench, length: int) -> None:
    """QEMU's loader copies it over its own start info; from about 30,000 on, over itself."""
    words = _refused(_by_pvh(bench, command="y" * length), "CMDLINE")
    assert "the limit is 4095" in words and " characters" in words


def test_image_beyond_ram(bench: Bench) -> None:
    """Where its end is no RAM, there is no stack: the first instructions say so."""
    memory = f"{(_LOADED_AT + bench.image.length >> 10) - 64}K"
    assert "the image's end does not read back" in _refused(_by_pvh(bench, memory=memory), "INUSE")


@pytest.mark.parametrize("below", [4, 64, 300])
def test_module_over_the_image(bench: Bench, below: int) -> None:
    """With too little RAM, QEMU puts its initrd over the image, of which so many KiB are hit."""
    end = (_LOADED_AT + bench.image.length >> 10) + 512  # the firmware takes 160 KiB at the end
    initrd = bytes([0x5A]) * (_KIB * (512 - 160 + below))
    words = _refused(_by_pvh(bench, memory=f"{end}K", initrd=initrd), "OVERLAP")
    assert "a module over the image" in words


_BUILT_IN = ": the built-in one runs"
_LINUX = bytes(0x202) + b"HdrS" + bytes(600)
_MULTIBOOT2 = struct.pack("<4I", 0xE85250D6, 0, 16, -(0xE85250D6 + 16) & 0xFFFFFFFF) + bytes(100)
_I386 = b"\x7fELF\1\1\1" + bytes(9) + struct.pack("<2H", 2, 3) + bytes(12) + _MULTIBOOT2
_CODE = Segment(0x200000, 5)
_LIMINE = elf(_CODE, Segment(0x300000, 6)) + struct.pack("<2Q", 0xC7B1DD30DF4C8B88, 0x0A82E883A194F07B)


def _lines(machine: Machine) -> list[str]:
    """What is said of a payload."""
    return [line for line in machine.serial.splitlines() if re.match("footing: (no )?payload: ", line)]


NO_PAYLOAD: dict[str, tuple[str, list[bytes], str]] = {
    "linux": ("", [_LINUX], "the first module is a Linux kernel (bzImage); a payload is an ELF executable for x86-64"),
    "multiboot2": ("", [_MULTIBOOT2], "the first module is a file that begins with the bytes d6 50 52 e8 with a "
                   "multiboot2 header; a payload is an ELF executable for x86-64"),
    "pe": ("", [b"MZ" + bytes(500)], "the first module is a DOS or PE file; a payload is an ELF executable for x86-64"),
    "empty": ("", [b""], "the first module is an empty file; a payload is an ELF executable for x86-64"),
    "order": ("", [b"070701" + bytes(500), elf(_CODE)], "the first module is a cpio archive, as an initrd is; module "
              "2 is an ELF file: the payload comes first"),
    "words": ("-- quiet", [], "no module was loaded for the words behind --; it takes module2 (not module) in GRUB, "
              "-initrd in QEMU, kernel= in footing.cfg"),
    "then": ("then=payload", [], "no module was loaded for then=payload; it takes module2 (not module) in GRUB, "
             "-initrd in QEMU, kernel= in footing.cfg"),
}  # fmt: skip


@pytest.mark.parametrize("name", NO_PAYLOAD)
def test_no_payload(bench: Bench, name: str) -> None:
    """A payload was meant and is none: one line says what was there instead, and what runs."""
    command, files, why = NO_PAYLOAD[name]
    modules = [Module(0x5000000 + 0x10000 * i, data) for i, data in enumerate(files)]
    with bench.by_rom(RomBoot(command=command, modules=modules)) as machine:
        assert machine.wait_exit(ROM_SECONDS) == EXIT_SUCCESS
        assert _lines(machine) == [f"footing: no payload: {why}{_BUILT_IN}"]
        assert "Audit: " in machine.serial


@pytest.mark.parametrize(
    ("command", "files"), [("", []), ("then=exit", [_LINUX]), ("then=exit -- quiet", []), ("then=halt", [_MULTIBOOT2])]
)
def test_no_payload_was_meant(bench: Bench, command: str, files: list[bytes]) -> None:
    """Without a module, or where then= has no payload entered, nothing is said."""
    modules = [Module(0x5000000 + 0x10000 * i, data) for i, data in enumerate(files)]
    with bench.by_rom(RomBoot(command=command, modules=modules)) as machine:
        machine.wait_line("footing: ready", ROM_SECONDS)
        assert not _lines(machine)


def test_kernel_for_another_machine(bench: Bench) -> None:
    """A 32-bit kernel is an ELF file, and refused as what it is."""
    with bench.by_rom(RomBoot(command="", modules=[Module(0x5000000, _I386)])) as machine:
        assert machine.wait_exit(ROM_SECONDS) == EXIT_PANIC
        words = assert_panic(machine, "PAYLOAD")
        assert "it is a 32-bit ELF file for i386 with a multiboot2 header, no ELF executable for x86-64" in words


def test_kernel_for_another_protocol(bench: Bench) -> None:
    """A kernel for Limine is entered all the same: it may know both. A line says so."""
    with bench.by_rom(RomBoot(command="", modules=[Module(0x5000000, _LIMINE)])) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert _lines(machine) == [
            "footing: payload: it has requests of the Limine boot protocol, but is entered as footing.h says"
        ]


def test_module_in_place_of_module2(bench: Bench) -> None:
    """GRUB's multiboot1 word loads nothing behind multiboot2: no module is there."""
    with bench.by_grub("bios", "-- quiet", modules={"payload.elf": elf(_CODE)}, module_word="module") as machine:
        assert machine.wait_exit(GRUB_SECONDS["bios"]) == EXIT_SUCCESS
        assert _lines(machine) == [f"footing: no payload: {NO_PAYLOAD['words'][2]}{_BUILT_IN}"]


def test_no_kernel_in_the_configuration(bench: Bench) -> None:
    """footing.cfg has module=, but no kernel=."""
    files = {**bench.esp_files("", "module=linux"), "EFI/BOOT/linux": _LINUX}
    with bench.by_efi(files, vga=False) as machine:
        assert machine.wait_exit(EFI_SECONDS) == EXIT_SUCCESS
        assert _lines(machine) == [f"footing: no payload: {NO_PAYLOAD['linux'][2]}{_BUILT_IN}"]
