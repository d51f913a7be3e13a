# SPDX-License-Identifier: MIT
"""Bad input that must be refused: one panic line, a code of its own, never a hang.

Codes are those of include/error.h without ERR_, and NOLM, NONX, A20 and
LOADER, which the assembly finds before C runs. Where the contract leaves a
choice between two, both are given. All say then=exit, so that the exit status
tells a panic.
"""

from __future__ import annotations

import pytest

import console
import esp
import mb2
import rom
from boots import GRUB_SECONDS, MIB, ROM_SECONDS, Bench, Module, RomBoot, assert_panic
from machine import EXIT_PANIC
from payloads import Segment, elf

_TOP = 256 * MIB
_EXIT = "then=exit"
_BARE_METAL = "max,-hypervisor"  # as a guest, MTRRs that nobody has set do not count
_COMMAND = mb2.command_line(_EXIT)
_MAP = mb2.memory_map(mb2.standard_map(_TOP))


def _tags(*tags: bytes) -> RomBoot:
    return RomBoot(tags=tags)


def _info(*tags: bytes, end: bool = True, total: int | None = None) -> RomBoot:
    return RomBoot(info=mb2.info(tags, end=end, total=total))


def _reserve(base: int, length: int, **more: object) -> RomBoot:
    entries = mb2.standard_map(_TOP, [(base, length)])
    return RomBoot(command=_EXIT, entries=entries, **more)  # type: ignore[arg-type]


_HONEST_SIZE = len(mb2.info([_COMMAND, _MAP]))

# name: the boot, and the codes it may end with
REFUSED: dict[str, tuple[RomBoot, tuple[str, ...]]] = {
    # the map
    "no-map": (_tags(_COMMAND), ("NOMAP",)),
    "basic-memory-is-no-map": (_tags(_COMMAND, mb2.basic_memory()), ("NOMAP",)),
    "empty-map": (_tags(_COMMAND, mb2.memory_map([])), ("NORAM", "NOMAP")),
    "all-reserved": (RomBoot(command=_EXIT, entries=[(0, _TOP, mb2.RESERVED)]), ("NORAM",)),
    "only-empty-ranges": (RomBoot(command=_EXIT, entries=[(0, 0, mb2.USABLE)] * 9), ("NORAM",)),
    "only-beyond-the-width": (RomBoot(command=_EXIT, entries=[(1 << 50, _TOP, mb2.USABLE)]), ("NORAM",)),
    "all-usable-is-also-bad": (
        RomBoot(command=_EXIT, entries=[(0, _TOP, mb2.USABLE), (0, _TOP, mb2.BAD)]), ("NORAM",),
    ),
    "no-whole-page": (
        RomBoot(command=_EXIT, entries=[(0x100800, 0x1000, mb2.USABLE), (0x300100, 0xE00, mb2.USABLE)]),
        ("NORAM", "INUSE"),
    ),
    "mtrrs-off": (
        RomBoot(command=_EXIT, cpu=_BARE_METAL, firmware=rom.Firmware(mtrr_enable=0)), ("NORAM",),
    ),
    "mtrrs-all-uncached": (
        RomBoot(
            command=_EXIT, cpu=_BARE_METAL, firmware=rom.Firmware(mtrr_default=0, mtrr_enable=0x800),
        ),
        ("NORAM",),
    ),
    "image-not-write-back": (
        RomBoot(
            command=_EXIT, firmware=rom.Firmware(variable=[rom.Variable(2 * MIB, MIB // 2, 0)]),
        ),
        ("NOTWB",),
    ),
    "module-not-write-back": (
        RomBoot(
            command=_EXIT,
            firmware=rom.Firmware(variable=[rom.Variable(64 * MIB, MIB, 0)]),
            modules=[Module(63 * MIB, bytes(MIB + 1))],
        ),
        ("NOTWB",),
    ),
    "too-many-ranges": (
        RomBoot(
            command=_EXIT,
            info_at=0x8000000,
            entries=[(0x1000000 + 0x2000 * i, 0x1000, mb2.USABLE) for i in range(50_000)],
        ),
        ("MAPFULL", "INFOBIG"),
    ),
    **{
        f"entry-size-{size}": (_tags(_COMMAND, mb2.tag(6, size.to_bytes(8, "little") + bytes(240))),
                               ("MAPENTRY",))
        for size in (0, 1, 8, 16, 20, 23)
    },
    "entry-size-huge": (
        _tags(_COMMAND, mb2.tag(6, (0xFFFFFFF8).to_bytes(8, "little") + bytes(240))), ("MAPENTRY",),
    ),
    "map-without-its-header": (_tags(_COMMAND, mb2.tag(6, b"")), ("MAPENTRY", "INFO")),
    # the tag list
    "tag-of-size-0": (_info(_COMMAND, mb2.tag(2, b"", size=0), _MAP), ("INFO",)),
    "tag-of-size-7": (_info(_COMMAND, mb2.tag(2, b"", size=7), _MAP), ("INFO",)),
    "tag-past-the-end": (_info(_COMMAND, _MAP, mb2.tag(99, b"x" * 8, size=1 << 20)), ("INFO",)),
    "tag-of-size-max": (_info(_COMMAND, _MAP, mb2.tag(99, b"x" * 8, size=0xFFFFFFFF)), ("INFO",)),
    "no-end-tag": (_info(_COMMAND, _MAP, end=False), ("INFO",)),
    "truncated-in-a-tag": (_info(_COMMAND, _MAP, total=_HONEST_SIZE - 40), ("INFO",)),
    "truncated-in-a-header": (_info(_COMMAND, _MAP, total=_HONEST_SIZE - 4), ("INFO",)),
    "endless": (
        RomBoot(info=mb2.info([_COMMAND, _MAP] + [mb2.tag(99, b"")] * 4000, end=False)),
        ("INFO", "INFOBIG"),
    ),
    **{
        f"total-size-{size}": (_info(_COMMAND, _MAP, total=size), ("INFO",)) for size in (0, 4, 7, 8, 15)
    },
    "total-size-max": (_info(_COMMAND, _MAP, total=0xFFFFFFFF), ("INFOBIG", "INFO")),
    "rsdp-too-short": (_tags(_COMMAND, _MAP, mb2.acpi_new(b"short")), ("INFO",)),
    "module-without-addresses": (_tags(_COMMAND, _MAP, mb2.tag(3, b"\0" * 4)), ("INFO",)),
    # modules and the image
    "image-in-reserved": (_reserve(0x200000, 0x1000, load=0x200000), ("INUSE",)),
    "image-end-in-reserved": (_reserve(0x2000000 - 0x1000, 0x1000000, load=0x2000000 - 0x2000), ("INUSE",)),
    "image-in-a-hole": (
        RomBoot(
            command=_EXIT, entries=[(0, 0x9F000, 1), (0x4000000, _TOP - 0x4000000, 1)], load=0x1000000
        ),
        ("INUSE",),
    ),
    "module-in-reserved": (
        _reserve(0x8000000, 0x1000, modules=[Module(0x8000000, b"m" * 100)]), ("INUSE",),
    ),
    "module-end-in-reserved": (
        _reserve(0x8001000, 0x1000, modules=[Module(0x8000000, b"m" * 0x1001)]), ("INUSE",),
    ),
    "module-beyond-ram": (
        _tags(_COMMAND, _MAP, mb2.module(0xE0000000, 0xE0001000, "m")), ("INUSE",),
    ),
    "module-over-image": (_tags(_COMMAND, _MAP, mb2.module(0x201000, 0x202000, "m")), ("OVERLAP",)),
    "modules-overlap": (
        _tags(_COMMAND, _MAP, mb2.module(0x8000000, 0x8002000), mb2.module(0x8001000, 0x8003000)),
        ("OVERLAP",),
    ),
    "module-ends-before-it-starts": (
        _tags(_COMMAND, _MAP, mb2.module(0x8001000, 0x8000000)), ("INFO", "INUSE"),
    ),
    "too-many-modules": (
        _tags(_COMMAND, _MAP, *(mb2.module(at, at + 1) for at in range(0x4000000, 0x6000000, 0x1000))),
        ("MODULES", "INFOBIG"),
    ),
    "endless-command-line": (RomBoot(command="then=exit " + "-- " + "x" * 300_000), ("CMDLINE", "INFOBIG")),
    # RAM for the tables: the image, the boot information and two pages are all there is
    "no-frames": (
        RomBoot(command=_EXIT, entries=[(0x10000, 0x1000, 1), (0x4000000, 0x2000, 1)]), ("NOFRAMES",),
    ),
    # the CPU
    "no-long-mode": (RomBoot(command=_EXIT, cpu="qemu64,-lm"), ("NOLM",)),
    "pentium3": (RomBoot(command=_EXIT, cpu="pentium3"), ("NOLM",)),
    "no-nx": (RomBoot(command=_EXIT, cpu="qemu64,-nx"), ("NONX",)),
    "no-nx-intel": (RomBoot(command=_EXIT, cpu="max,-nx,vendor=GenuineIntel"), ("NONX",)),
    "a20-off": (RomBoot(command=_EXIT, firmware=rom.Firmware(a20=False)), ("A20",)),
    # the loader
    "multiboot1-magic": (RomBoot(command=_EXIT, firmware=rom.Firmware(eax=0x2BADB002)), ("LOADER",)),
    "no-magic": (RomBoot(command=_EXIT, firmware=rom.Firmware(eax=0)), ("LOADER",)),
}  # fmt: skip


@pytest.mark.smoke
@pytest.mark.parametrize("name", REFUSED)
def test_refused(bench: Bench, name: str) -> None:
    """Each bad input ends in its panic."""
    boot, codes = REFUSED[name]
    if name == "no-frames":
        room = -(-bench.image.length // 4096) * 4096
        boot = RomBoot(command=_EXIT, entries=[*boot.map_entries(), (boot.load, room, mb2.USABLE)])
    bench.rom_panics(boot, *codes)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("image-end-in-reserved", "image: 0x1fff000 is reserved (first 0x1ffe000, "),
        ("image-in-a-hole", "image: 0x1000000 is in no range of the map (first 0x1000000, "),
        ("module-end-in-reserved", "module 1: 0x8001000 is reserved (first 0x8000000, last 0x8001000)"),
        ("module-over-image", "module 1: image is there, 0x200000-0x"),
        ("modules-overlap", "module 2: module is there, 0x8000000-0x8001fff (first 0x8001000, last 0x8002fff)"),
    ],
)
def test_what_is_in_the_way(bench: Bench, name: str, words: str) -> None:
    """The first address that is not as it must be is named, and what is there."""
    boot, codes = REFUSED[name]
    assert words in bench.rom_panics(boot, *codes)


@pytest.mark.parametrize(
    "text",
    ["nonsense", "nonsense=1", "then", "then=", "then=nowhere", "maxpage=3m", "maxpage=4096",
     "scrub=maybe", "loglevel=9", "loglevel=x", "la57=5", "console=lpt1", "console=com1,fast",
     "mem=lots", "mem=99999999999999999999", "directmap=maybe", "THEN=halt", "then=haltx"],
)  # fmt: skip
def test_unknown_option(bench: Bench, text: str) -> None:
    """An unknown option or value stops the boot, and the line quotes it."""
    words = bench.rom_panics(RomBoot(command=f"{text} loglevel=1"), "OPTION")
    assert f": {text}: " in words
    assert " takes " in words or "come after --" in words


def test_unknown_option_through_grub(bench: Bench) -> None:
    """The same when real firmware and GRUB start it."""
    with bench.by_grub("bios", "then=exit nonsense=1") as machine:
        assert machine.wait_exit(GRUB_SECONDS["bios"]) == EXIT_PANIC
        assert "nonsense=1" in assert_panic(machine, "OPTION")


@pytest.mark.parametrize(
    "code, command, modules",
    [
        pytest.param("OPTION", "nonsense=1", {}, marks=pytest.mark.full),
        pytest.param("MODULES", "", {f"m{i}": b"x" for i in range(65)}, marks=pytest.mark.full),
        ("NORAM", "mem=1", {}),
        ("PAYLOAD", "", {"k": elf(Segment(0xFFFF800000200000, 5))}),
    ],
    ids=lambda value: value if isinstance(value, str) and value.isupper() else "",
)
def test_refused_under_uefi_through_grub(
    bench: Bench, code: str, command: str, modules: dict[str, bytes]
) -> None:
    """Boot services are alive: a refusal ends GRUB, and the boot manager tries the next entry."""
    machine = bench.by_grub("uefi", command, modules=modules, vga=False)
    esp.write(machine.directory / "next", bench.chainloading(["halt"]))
    machine.command += [
        "-drive", "if=none,id=next,snapshot=on,format=raw,file=next",
        "-device", "virtio-blk-pci,drive=next,bootindex=2",
    ]  # fmt: skip
    with machine:
        assert machine.wait_exit(GRUB_SECONDS["uefi"]) == 0, machine.fail("the next disk was not started")
        assert [found for found, _ in console.panics(machine.serial)] == [code]
        assert "footing: ready" not in machine.serial


def test_panic_stops_without_the_exit_device(bench: Bench) -> None:
    """Where there is no isa-debug-exit, a panic halts with interrupts off."""
    with bench.by_rom(_tags(_COMMAND), debug_exit=False) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert_panic(machine, "NOMAP")


def test_early_panic_stops_without_the_exit_device(bench: Bench) -> None:
    """The same before C, where there is not even a stack."""
    with bench.by_rom(RomBoot(command=_EXIT, cpu="qemu64,-lm"), debug_exit=False) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert_panic(machine, "NOLM")


def test_panic_reaches_a_console_that_was_not_asked_for(bench: Bench) -> None:
    """console=none silences the log; a panic still goes to both serial ports."""
    machine = bench.by_rom(RomBoot(command="then=exit console=none bogus"))
    machine.command += ["-serial", "file:serial2"]
    with machine:
        assert machine.wait_exit(ROM_SECONDS) == EXIT_PANIC
        assert_panic(machine, "OPTION")
        assert b"footing: panic OPTION:" in (machine.directory / "serial2").read_bytes()


def test_early_panic_reaches_the_screen(bench: Bench) -> None:
    """A PC without a serial port still shows what was wrong with the boot information."""
    modules = {f"m{i}": b"x" for i in range(65)}
    with bench.by_grub("bios", "", modules=modules, debug_exit=False) as machine:
        machine.wait_line("footing: panic MODULES: .*", GRUB_SECONDS["bios"])
        cells = machine.read(0xB8000, 80 * 25 * 2)
        assert b"footing: panic MODULES:" in cells[::2], cells[::2]
