# SPDX-License-Identifier: MIT
"""Bad or odd input that must be survived, with every invariant intact.

On each byte the most restrictive type wins; what is dropped is said.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence

import pytest

import devstate
import mb2
import rom
from boots import MIB, ROM_SECONDS, Bench, Module, RomBoot, assert_ready
from console import SIZES
from intervals import subtract, union
from rom import Variable

_TOP = 256 * MIB
_PC = mb2.standard_map(_TOP)
_TOP64 = 1 << 64


def _with(*more: mb2.Entry) -> RomBoot:
    return RomBoot(entries=[*_PC, *more])


def _shuffled(entries: Sequence[mb2.Entry], seed: int) -> list[mb2.Entry]:
    result = list(entries)
    random.Random(seed).shuffle(result)
    return result


def _fragments(count: int) -> list[mb2.Entry]:
    """12 KiB of RAM, 4 KiB of nothing, and so on; room for the image before that."""
    low = [(0, 0x9F000, mb2.USABLE), (0x100000, 15 * MIB, mb2.USABLE)]
    return low + [(0x1000000 + i * 0x4000, 0x3000, mb2.USABLE) for i in range(count)]


_OVERLAPS = [
    (0x4000000, 0x400000, mb2.RESERVED), (0x4100000, 0x500000, mb2.ACPI),
    (0x4200000, 0x100000, mb2.USABLE), (0x4000800, 0x1000, mb2.NVS),
    (0x5000000, 0x1, mb2.BAD), (0x5001FFF, 0x2, mb2.RESERVED),
    (0x6000000, 0x10000000, mb2.USABLE), (0x7000000, 0x3000, mb2.PERSISTENT),
    (0x7001000, 0x1000, mb2.USABLE), (0x7FFF000, 0x2000, mb2.RESERVED),
    (0x8000000, 0x800, mb2.USABLE), (0x9000800, 0x800, mb2.RESERVED),
]  # fmt: skip

MAPS: dict[str, RomBoot] = {
    "plain": RomBoot(),
    "reversed": RomBoot(entries=_PC[::-1]),
    "shuffled": RomBoot(entries=_shuffled([*_PC, *_fragments(64)], 1)),
    "duplicated": RomBoot(entries=_PC * 3),
    "overlapping": RomBoot(entries=_shuffled([*_PC, *_OVERLAPS[:6], *_OVERLAPS[7:]], 2)),
    "many-available-in-one-reserved": RomBoot(
        entries=[*_PC, *((0x8000000 + i * 0x10000, 0x8000, 1) for i in range(32)), (0x8000000, 0x800000, 2)]
    ),
    "split-usable": RomBoot(
        entries=[(0, 0x9F000, 1), *((0x100000 + i * MIB, MIB, 1) for i in range(255))]
    ),
    "unaligned": RomBoot(
        entries=[(0x123, 0x9EABC, 1), (0x100001, 0x2FFFFFF, 1), (0x3100800, 0x1000800, 1),
                 (0x4101000, 0x123, 1), (0x4101123, 0x800000 - 0x123, 1)],
        load=0x400000,
    ),
    "empty-ranges": _with((0, 0, 1), (0x3000000, 0, 2), (0x3000800, 0, 2), (_TOP64 - 1, 0, 2), (5, 0, 77)),
    "usable-wraps-first": RomBoot(entries=[(_TOP64 - 0x1000, 0x2000, 1), *_PC]),
    "usable-wraps-last": _with((_TOP64 - 0x1000, 0x200000, 1)),
    "usable-wraps-from-ram": _with((0x5000000, _TOP64 - 0x1000, 1)),
    "reserved-wraps": _with((_TOP64 - 0x1000, 0x2000, 2)),
    "reserved-wraps-from-ram": _with((0x8000000, _TOP64 - 0x1000, 2)),
    "reserved-ends-at-2^64": _with((_TOP64 - 0x10000, 0x10000, 2)),
    "usable-ends-at-2^64": _with((_TOP64 - 0x10000, 0x10000, 1)),
    "reserved-from-ram-to-2^64": _with((0x8000000, _TOP64 - 0x8000000, 2)),
    "usable-beyond-the-width": _with((1 << 40, 1 << 30, 1), (1 << 52, 1 << 30, 1)),
    "reserved-across-the-width": _with((0xFF00000000, 1 << 40, 2)),
    "huge-reserved-near-1T": _with((0xFD00000000, 0x300000000, 2)),
    "unknown-types": _with(
        (0x3000000, 0x1000, 0), (0x3002000, 0x1000, 6), (0x3004000, 0x1000, 12),
        (0x3006000, 0x1000, 0xFFFFFFFF),
    ),
    "all-known-types": _with(*((0x3000000 + kind * 0x3000, 0x2000, kind) for kind in range(2, 8))),
    "312-entries": RomBoot(entries=_fragments(310)),
    "4000-fragments": RomBoot(entries=_fragments(4000), info_at=0xE00000),
    "4000-fragments-shuffled": RomBoot(entries=_shuffled(_fragments(4000), 3), info_at=0xE00000),
    "nothing-below-1M": RomBoot(entries=[(0, 0x100000, 2), (0x100000, _TOP - 0x100000, 1)], info_at=0xF00000),
    "low-memory-not-mentioned": RomBoot(entries=[(0x100000, _TOP - 0x100000, 1)], info_at=0xF00000),
    "ram-from-0-to-the-top": RomBoot(
        entries=[(0, _TOP, 1), (0xA0000, 0x60000, 2)], info_at=0xF00000
    ),
    # nothing of the VGA hole is RAM, though the map says so: the MTRRs know better
    "map-forgets-the-vga-hole": RomBoot(
        entries=[(0, 0xA0000, 1), (0xA0000, 0x20000, 1), (0x100000, _TOP - MIB, 1)]
    ),
}  # fmt: skip


@pytest.mark.smoke
@pytest.mark.parametrize("name", MAPS)
def test_map(bench: Bench, name: str) -> None:
    """Each map boots, and RAM is exactly what it leaves usable."""
    bench.rom_halts_right(MAPS[name])


@pytest.mark.smoke
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("maxpage", ["4k", "2m", "1g"])
def test_random_map(bench: Bench, seed: int, maxpage: str) -> None:
    """Sixty ranges at random, whole pages or not, in any order."""
    source = random.Random(seed)
    entries = [(0, 0x9F000, mb2.USABLE), (0x100000, 31 * MIB, mb2.USABLE)]
    for _ in range(60):
        unit = source.choice([1, 0x1000, 0x200000])
        base = source.randrange(32 * MIB, _TOP) // unit * unit
        length = min(source.randrange(32 * MIB) // unit * unit, _TOP - base)
        entries.append((base, length, source.choice([1, 1, 1, 2, 3, 4, 5, 9])))
    bench.rom_halts_right(
        RomBoot(
            entries=_shuffled(entries, seed),
            command=f"then=halt maxpage={maxpage}",
            maxpage=SIZES[maxpage],
        )
    )


@pytest.mark.parametrize(
    ("name", "base"),
    [("usable-wraps-last", "0xfffffffffffff000"), ("usable-beyond-the-width", "0x10000000000")],
)
def test_says_what_it_dropped(bench: Bench, name: str, base: str) -> None:
    """A range that is dropped is named on the console."""
    with bench.by_rom(MAPS[name]) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert_ready(machine)
        lines = [line for line in machine.serial.splitlines() if base in line]
    assert [line for line in lines if not line.startswith(("footing: map ", "footing: plan "))]


@pytest.mark.parametrize("size", [32, 40, 48, 256])
def test_larger_map_entries(bench: Bench, size: int) -> None:
    """Entries are strided by the size that the loader reports."""
    tags = [mb2.command_line("then=halt"), mb2.memory_map(_PC, entry_size=size)]
    bench.rom_halts_right(RomBoot(tags=tags))


_EFI_USABLE = [1, 2, 3, 4, 7]
_EFI_WB = 8


@pytest.mark.parametrize("size", [40, 48, 56, 64])
def test_efi_map_of_a_loader_that_left_boot_services(bench: Bench, size: int) -> None:
    """Loader, boot-services and conventional memory is RAM, runtime and ACPI memory is not."""
    pages = [(7, 0x0, 0x9F), (4, 0x100000, 0xF00), (1, 0x1000000, 0x100), (2, 0x1100000, 0x100),
             (3, 0x1200000, 0x100), (5, 0x1300000, 0x10), (6, 0x1310000, 0x10), (9, 0x1320000, 0x10),
             (10, 0x1330000, 0x10), (7, 0x1340000, 0x4000), (0, 0x5340000, 0x10), (8, 0x5350000, 0x10),
             (11, 0xE0000000, 0x100), (99, 0x5360000, 0x10), (7, 0x5370000, 0x2000)]  # fmt: skip
    descriptors = [
        (kind, start, count, _EFI_WB | (1 << 63 if kind in (5, 6) else 0)) for kind, start, count in pages
    ]
    usable = union((s, s + n * 0x1000) for kind, s, n in pages if kind in _EFI_USABLE)
    tags = [mb2.command_line("then=halt"), mb2.efi_map(descriptors, size=size)]
    bench.rom_halts_right(RomBoot(tags=tags, usable=usable))


@pytest.mark.parametrize(
    ("name", "firmware"),
    [
        ("uc-megabyte", rom.Firmware(variable=[Variable(0x4000000, MIB, 0)])),
        ("uc-page", rom.Firmware(variable=[Variable(0x4321000, 0x1000, 0)])),
        ("wt-wc-wp", rom.Firmware(variable=[Variable(0x4000000, MIB, 4), Variable(0x4400000, MIB, 1),
                                            Variable(0x4800000, MIB, 5)])),
        ("uc-by-default", rom.Firmware(mtrr_default=0, variable=[Variable(0, 128 * MIB, 6)])),
        ("wb-with-wt-is-wt", rom.Firmware(mtrr_default=0, variable=[
            Variable(0, 256 * MIB, 6), Variable(0x8000000, 2 * MIB, 4)])),
        ("uc-wins-over-wb", rom.Firmware(mtrr_default=0, variable=[
            Variable(0, 256 * MIB, 6), Variable(0x8000000, 0x10000, 0)])),
        ("wb-with-wc-is-undefined", rom.Firmware(mtrr_default=0, variable=[
            Variable(0, 256 * MIB, 6), Variable(0x8000000, 0x10000, 1)])),
        ("all-eight", rom.Firmware(variable=[
            Variable(0x4000000 + i * 0x800000, 0x1000 << i, i % 2 * 4) for i in range(8)])),
        ("fixed-uc-at-512K", rom.Firmware(msrs=[(rom.MSR_FIX16K[0], 0)])),
        ("fixed-wb-in-the-vga-hole", rom.Firmware(msrs=[(rom.MSR_FIX16K[1], 0x0606060606060606)])),
        ("fixed-off", rom.Firmware(mtrr_enable=0x800)),
    ],
)  # fmt: skip
def test_mtrrs(bench: Bench, name: str, firmware: rom.Firmware) -> None:
    """RAM that the MTRRs do not make write-back is left out, and no leaf crosses a boundary."""
    taken = bench.rom_halts_right(RomBoot(firmware=firmware))
    wanted = taken.hidden.mtrrs.variable[: len(firmware.variable)]
    assert all(mask & 0x800 for _, mask in wanted), f"{name}: the ROM's MTRRs are gone"


def test_says_what_the_mtrrs_took(bench: Bench) -> None:
    """RAM that is left out is reported with its size, an overlap without a meaning as such."""
    firmware = rom.Firmware(
        variable=[Variable(64 * MIB, MIB, 0), Variable(96 * MIB, MIB, 1), Variable(96 * MIB, MIB, 5)]
    )
    with bench.by_rom(RomBoot(firmware=firmware)) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert (
            "footing: left out 0x4000000-0x40fffff (1024 KiB): not write-back by the MTRRs\n"
            "footing: left out 0x6000000-0x60fffff (1024 KiB): not write-back by the MTRRs,"
            " their overlap is undefined\n"
        ) in machine.serial


@pytest.mark.parametrize(
    ("firmware", "cpu"),
    [
        pytest.param(rom.Firmware(cr4=1 << 7), "max", id="cr4-pge"),
        pytest.param(rom.Firmware(cr4=3 << 20), "max", id="cr4-smep-smap"),
        pytest.param(rom.Firmware(cr0=1 << 16), "max", id="cr0-wp"),
        pytest.param(rom.Firmware(msrs=[(rom.MSR_EFER, 0x801)]), "max", id="efer-nxe-sce"),
        pytest.param(rom.Firmware(msrs=[(0x277, 0)]), "max", id="pat-all-uc"),
        pytest.param(
            rom.Firmware(msrs=[(rom.MSR_MISC_ENABLE, 1 << 34 | 1)]),
            "max,vendor=GenuineIntel",
            id="xd-disable",
        ),
        pytest.param(rom.Firmware(), "max,-pdpe1gb", id="no-1g-pages"),
        pytest.param(rom.Firmware(), "max,-smep,-smap,-umip", id="no-smep-smap-umip"),
        pytest.param(rom.Firmware(), "max,-pge", id="no-pge"),
        pytest.param(rom.Firmware(phys_bits=36), "max,phys-bits=36", id="narrow"),
        pytest.param(rom.Firmware(phys_bits=52), "max,phys-bits=52", id="wide"),
        pytest.param(rom.Firmware(), "qemu64", id="qemu64"),
        pytest.param(rom.Firmware(), "Nehalem", id="Nehalem"),
        pytest.param(rom.Firmware(), "EPYC", id="EPYC"),
        pytest.param(rom.Firmware(), "Skylake-Server", id="Skylake-Server"),
    ],
)  # fmt: skip
def test_cpu(bench: Bench, firmware: rom.Firmware, cpu: str) -> None:
    """State that firmware left behind is replaced, and only what the CPU has is used."""
    bench.rom_halts_right(RomBoot(firmware=firmware, cpu=cpu))


def test_xd_disable_is_cleared_before_nx_is_missed(bench: Bench) -> None:
    """XD_DISABLE hides NX: it is cleared first, and only then is NX found missing for good."""
    firmware = rom.Firmware(msrs=[(rom.MSR_MISC_ENABLE, 1 << 34 | 1)])
    boot = RomBoot(firmware=firmware, cpu="max,-nx,vendor=GenuineIntel")
    with bench.by_rom(boot, debug_exit=False) as machine:
        machine.wait_halted(ROM_SECONDS)
        hidden = devstate.parse(machine.save_device_state(), machine.registers())
    assert not hidden.misc_enable & 1 << 34


@pytest.mark.parametrize(
    "extra",
    [
        [mb2.load_base(0x123000)],
        [mb2.framebuffer(0xB8000)],
        [mb2.framebuffer(0, 1024, 768, 32, 1)],
        [mb2.acpi_old(b"RSD PTR " + bytes(12))],
        [mb2.acpi_new(b"RSD PTR " + bytes(28))],
        [mb2.basic_memory(), mb2.loader_name(), mb2.tag(99, b"unknown tag")],
    ],
    ids=["lying-load-base", "text-framebuffer", "framebuffer-at-0", "rsdp-1", "rsdp-2", "others"],
)
def test_other_tags(bench: Bench, extra: list[bytes]) -> None:
    """What is not needed, or lies, does no harm."""
    bench.rom_halts_right(RomBoot(extra=extra))


def test_total_size_larger_than_the_list(bench: Bench) -> None:
    """The end tag ends the list, even if the total claims more."""
    tags = [mb2.command_line("then=halt"), mb2.memory_map(_PC)]
    honest = mb2.info(tags)
    bench.rom_halts_right(RomBoot(info=mb2.info(tags, total=len(honest) + 0x1000) + b"\xff" * 0x1000))


def test_no_command_line_tag_at_all(bench: Bench) -> None:
    """Without a command line the built-in payload runs and leaves with success."""
    with bench.by_rom(RomBoot(tags=[mb2.memory_map(_PC)])) as machine:
        assert machine.wait_exit(ROM_SECONDS) == 33


def test_low_memory_is_left_alone(bench: Bench) -> None:
    """With room above 1 MiB, not a byte below 640 KiB changes."""
    pattern = random.Random(5).randbytes(0x9F000 - 0x1000)
    boot = RomBoot(blobs=[(0x1000, pattern)], info_at=0xF000000)
    with bench.by_rom(boot) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert_ready(machine)
        after = machine.read(0x1000, len(pattern))
    changed = [i for i in range(0, len(pattern), 0x1000) if after[i : i + 0x1000] != pattern[i : i + 0x1000]]
    assert not changed, f"changed pages: {[hex(0x1000 + i) for i in changed]}"


def _module(address: int, size: int) -> Module:
    return Module(address, random.Random(address).randbytes(size), f"module at {address:#x}")


@pytest.mark.parametrize(
    "places",
    [
        [(0x20000, 0x5000)],
        [(0x9E000, 0x1000), (0x100000, 1)],
        [(0x100000, 0x100000)],
        [(_TOP - 0x1000, 0x1000)],
        [(0x8000001, 0xFFF), (0x8001000, 0x1001), (0x8003000, 7)],
        [(0x8003000, 7), (0x8000001, 0xFFF), (0x8001000, 0x1001)],
        [(0x8000000, 0)],
        [(0x1000000 + i * 0x2000, 0x1000) for i in range(32)],
    ],
)
def test_modules(bench: Bench, places: list[tuple[int, int]]) -> None:
    """Modules at boundaries, in any order, come through whole, and no table is on them."""
    bench.rom_halts_right(RomBoot(modules=[_module(*place) for place in places]))


def test_modules_touch_the_image(bench: Bench) -> None:
    """A module right before the image, and one in the very next page behind it."""
    load = 0x800000
    behind = load + -(-bench.image.length // 0x1000) * 0x1000
    places = [(load - 0x1800, 0x1800), (behind, 0x2345)]
    bench.rom_halts_right(RomBoot(load=load, modules=[_module(*place) for place in places]))


def test_tables_fit_between_everything(bench: Bench) -> None:
    """The only free frames are scattered single pages, some of them below 1 MiB."""
    room = -(-bench.image.length // 0x1000) * 0x1000
    load = 0x400000
    free = [0x3000, 0x7000, 0x50000, *(0x2000000 + i * 0x5000 for i in range(12))]
    entries = [(0x10000, 0x1000, 1), (load, room, 1), *((frame, 0x1000, 1) for frame in free)]
    taken = bench.rom_halts_right(RomBoot(entries=entries, load=load))
    inside = [(load, load + room), *((frame, frame + 0x1000) for frame in free)]
    used = union((f, f + 0x1000) for level in taken.walk.tables for f in level)
    assert not subtract(used, union(inside))


def test_extended_bios_data_is_kept_of_a_map_that_forgot_it(bench: Bench) -> None:
    """A map that calls the EBDA usable, and too little RAM elsewhere: no table goes there."""
    segment = struct.pack("<H", 0x9000)
    entries = [(0, 0xA0000, mb2.USABLE), (MIB, 4 * MIB, mb2.USABLE)]
    boot = RomBoot(entries=entries, blobs=[(0x40E, segment), (0x90000, b"EBDA" * 0x4000)],
                   command="then=halt scrub=on", info_at=0x380000)
    with bench.by_rom(boot) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert machine.read(0x90000, 0x10000) == b"EBDA" * 0x4000
        assert machine.read(0x40E, 2) == segment
        assert machine.read(0x80000, 0x1000) == bytes(0x1000), "the scrub has passed this way"
