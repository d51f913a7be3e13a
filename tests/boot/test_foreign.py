# SPDX-License-Identifier: MIT
"""foreign=SIZE: physical addresses above all that the machine has, or RAM for want of them.

foreign.py has the rules; here are the machines, and the proof that each rule
can be broken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

import foreign
import mb2
import oracle
import payloads
import pvh
import snapshot
from boots import (
    EFI_SECONDS, GRUB_SECONDS, MIB, ROM_SECONDS, Bench, RomBoot, assert_panic, assert_ready,
)  # fmt: skip
from console import MapLine
from foreign import HYPERTRANSPORT, Found, Guest
from intervals import intersect, union
from machine import EXIT_PANIC, EXIT_SUCCESS, Machine
from payloads import rom_boot
from rom import Firmware

GIB, TIB = 1 << 30, 1 << 40
_UNITS = {"K": 1 << 10, "M": MIB, "G": GIB, "T": TIB}


def _bytes(size: str) -> int:
    return int(size[:-1]) * _UNITS[size[-1]]


# Devices with BARs above 4 GiB: firmware puts there what has no room below.
_SHARED = ["-object", "memory-backend-ram,id=shared,size={size},share=on,reserve=off"]
DEVICES: dict[str, Sequence[str]] = {
    "none": [],
    "small": ["-device", "virtio-gpu-pci", "-device", "nvme,serial=1"],
    "1G": [*_SHARED, "-device", "ivshmem-plain,memdev=shared"],
    "8G": [*_SHARED, "-device", "ivshmem-plain,memdev=shared", "-device", "virtio-gpu-pci"],
    "behind-a-bridge": [
        *_SHARED,
        "-device", "pcie-root-port,id=root,chassis=1,pref64-reserve=16G",
        "-device", "ivshmem-plain,memdev=shared,bus=root",
    ],
    "behind-two-bridges": [
        *_SHARED,
        "-device", "pcie-root-port,id=root,chassis=1",
        "-device", "x3130-upstream,id=up,bus=root",
        "-device", "xio3130-downstream,id=down,bus=up,chassis=2",
        "-device", "ivshmem-plain,memdev=shared,bus=down",
    ],
    "empty-bridge": ["-device", "pcie-root-port,id=root,chassis=1,pref64-reserve=16G"],
    "second-function": [
        *_SHARED,
        "-device", "virtio-gpu-pci,addr=5.0,multifunction=on",
        "-device", "ivshmem-plain,memdev=shared,addr=5.3",
    ],
    "second-root-bus": [
        *_SHARED,
        "-device", "pxb-pcie,id=pxb,bus_nr=64",
        "-device", "pcie-root-port,id=root,bus=pxb,chassis=1",
        "-device", "ivshmem-plain,memdev=shared,bus=root",
    ],
}  # fmt: skip


def _devices(name: str, size: str = "8G") -> list[str]:
    size = name if name in ("1G", "8G") else size
    return [word.replace("{size}", size) for word in DEVICES[name]]


@dataclass(frozen=True)
class Case:
    """One boot."""

    size: str
    cpu: str = "max"  # AMD's vendor, 40 bits
    memory: str = "256M"
    devices: str = "none"
    way: str = "pvh"
    machine: str = "q35"
    full: bool = False

    @property
    def name(self) -> str:
        """As pytest shows it."""
        return f"{self.way}-{self.machine}-{self.cpu}-{self.memory}-{self.size}-{self.devices}"


INTEL, EPYC = "Skylake-Server,phys-bits=46", "EPYC,phys-bits=48"
CASES = [
    Case("4K"), Case("64M"), Case("1G"), Case("1G", memory="5G"), Case("1000G", memory="5G"),
    Case("1G", INTEL), Case("1T", INTEL, "5G"), Case("60T", INTEL),
    Case("1G", EPYC, "5G"), Case("1T", EPYC, "5G"), Case("200T", EPYC),
    Case("1G", "EPYC"), Case("4G", "qemu64,phys-bits=36", "5G"),
    Case("1T", EPYC, devices="8G"), Case("1T", INTEL, devices="8G"),
    *(Case("16G", devices=name) for name in DEVICES if name not in ("none", "8G", "1G")),
    Case("16G", devices="8G"), Case("16G", devices="8G", machine="pc"),
    Case("1G", way="bios", memory="5G"), Case("16G", way="bios", devices="8G", memory="5G"),
    Case("1G", way="efi", devices="1G"),
    *(Case("4G", way="efi", devices=name, full=True) for name in DEVICES),
    Case("1G", way="uefi", devices="8G", memory="1G", full=True),
    Case("1T", "max,phys-bits=46,vendor=GenuineIntel", "1G", "8G", "efi", full=True),
]  # fmt: skip
# Where the map alone would give addresses that a BAR or a bridge has.
OVERLAP = [case for case in CASES if case.devices not in ("none", "small") and case.way in ("pvh", "bios")]


def _start(bench: Bench, case: Case) -> tuple[Machine, float]:
    options = f"then=halt foreign={case.size}"
    args = _devices(case.devices)
    more = {"memory": case.memory, "cpu": case.cpu, "machine": case.machine}
    if case.way == "pvh":
        return pvh.start(bench, options, args=args, **more), ROM_SECONDS
    if case.way == "efi":
        return bench.by_efi(bench.esp_files(options), args=args, **more), EFI_SECONDS
    return bench.by_grub(case.way, options, args=args, **more), GRUB_SECONDS[case.way]


@pytest.mark.parametrize(
    "case",
    [pytest.param(c, id=c.name, marks=[pytest.mark.full] if c.full else []) for c in CASES],
)
def test_above_all(bench: Bench, case: Case) -> None:
    """The range begins above everything there is, and ends where the CPU does at the latest."""
    machine, seconds = _start(bench, case)
    with machine:
        machine.wait_halted(seconds)
        assert_ready(machine)
        guest = foreign.look(machine)
        range_ = foreign.found(machine.serial)
    size = _bytes(case.size)
    assert not range_.ram
    assert not foreign.judge(range_, guest, size)
    naive = guest.without_scan(size)
    if case.devices not in ("none", "small"):
        assert any(end > 4 * GIB for _, end in guest.bars), "the firmware has put nothing above 4 GiB"
        assert foreign.judge(naive, guest, size), "the map would have been enough"
    if case in OVERLAP:
        assert intersect([(naive.start, naive.end)], guest.bars)


def test_the_rest_is_right(bench: Bench) -> None:
    """With a foreign range and BARs above 4 GiB the outside reader is content."""
    options = "then=halt foreign=16G loglevel=3"
    with pvh.start(bench, options, args=_devices("8G")) as machine:
        pvh.halts_right(machine)
        assert not foreign.held(machine.serial), "addresses that are no RAM are held by nobody"


@pytest.mark.parametrize("devices", ["8G", "behind-two-bridges", "second-root-bus"])
def test_pci_is_left_as_it_was(bench: Bench, devices: str) -> None:
    """Looking for BARs changes nothing of what QEMU says of PCI, nor of where memory is."""
    seen = []
    for name, words in (("with", "foreign=1G"), ("without", "")):
        args = _devices(devices)
        with pvh.start(bench, f"then=halt {words}", args=args, name=name) as machine:
            machine.wait_halted(ROM_SECONDS)
            assert_ready(machine)
            seen.append((machine.hmp("info pci"), snapshot.read_memory(machine)))
    assert seen[0] == seen[1]


def test_no_option_no_range(bench: Bench) -> None:
    """Without the option there is no such line."""
    with pvh.start(bench, "then=halt") as machine:
        pvh.halts_right(machine)
        assert "footing: foreign" not in machine.serial


# ---- maps that end high


@dataclass(frozen=True)
class High:
    """What a firmware's map has high up, and where the range is to begin at the earliest."""

    entry: tuple[int, int, int]
    cpu: str
    bits: int
    from_: int


_HOLE = HYPERTRANSPORT[0]
_IN_HOLE = (_HOLE, 12 * GIB, mb2.RESERVED)
_ACROSS = (_HOLE - 4 * GIB, 5 * GIB, mb2.RESERVED)
HIGH = {
    "amd-in-the-hole": High(_IN_HOLE, EPYC, 48, 4 * GIB),
    "amd-below-the-hole": High((_HOLE - 4 * GIB, 2 * GIB, mb2.RESERVED), EPYC, 48, TIB),
    "amd-across": High(_ACROSS, EPYC, 48, TIB),
    "amd-above": High((TIB, GIB, mb2.ACPI), EPYC, 48, TIB + GIB),
    "intel-there": High(_IN_HOLE, INTEL, 46, TIB),
    "intel-below": High((_HOLE - 4 * GIB, 2 * GIB, mb2.NVS), INTEL, 46, _HOLE - 2 * GIB),
    "intel-across": High(_ACROSS, INTEL, 46, _HOLE + GIB),
    "odd-end": High((5 * GIB, GIB + 5, mb2.RESERVED), INTEL, 46, 7 * GIB),
}


@pytest.mark.parametrize("name", HIGH)
def test_high_map(bench: Bench, name: str) -> None:
    """AMD's hole ends a range that would reach it; what the map has in it is no matter there."""
    high = HIGH[name]
    boot = RomBoot(
        command="then=halt foreign=4G",
        entries=[*mb2.standard_map(256 * MIB), high.entry],
        cpu=high.cpu,
        firmware=Firmware(phys_bits=high.bits),
    )
    with bench.by_rom(boot) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert_ready(machine)
        guest = foreign.look(machine)
        range_ = foreign.found(machine.serial)
    assert not foreign.judge(range_, guest, 4 * GIB)
    assert range_.start >= high.from_


# ---- no such addresses


# 4 GiB of RAM, and a map that reserves all that a CPU of 36 bits can address above.
FULL_MAP = [*payloads.SPLIT, (6 * GIB, 58 * GIB, mb2.RESERVED)]


def _crowded(command: str) -> RomBoot:
    return RomBoot(
        command=command, memory=4 * GIB, entries=FULL_MAP, cpu="max,phys-bits=36",
        firmware=Firmware(phys_bits=36),
    )  # fmt: skip


@pytest.mark.parametrize("size", ["64K", "1G", "1300M", "2G"])
def test_ram_set_aside(bench: Bench, size: str) -> None:
    """RAM is held for it: mapped as all RAM is, and used for nothing."""
    boot = _crowded(f"then=halt loglevel=3 foreign={size}")
    with bench.by_rom(boot) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert_ready(machine)
        guest = foreign.look(machine)
        range_ = foreign.found(machine.serial)
        taken = snapshot.take(machine, boot.truth())
        held = foreign.held(machine.serial)
    oracle.hold(taken)
    here = [(range_.start, range_.end)]
    assert range_.ram and held == here
    assert not foreign.judge(range_, guest, _bytes(size))
    tables = [(frame, frame + 0x1000) for level in taken.walk.tables for frame in level]
    image = [(p.pa, p.pa + p.length) for p in taken.report.plan if p.what != "directmap"]
    assert not intersect(here, union([*tables, *image]))


@pytest.mark.parametrize("words", ["scrub=verify", "directmap=off scrub=on", "la57=on"])
def test_ram_set_aside_with(bench: Bench, words: str) -> None:
    """Beside other options; the built-in payload is content."""
    entries = [*mb2.standard_map(128 * MIB), (GIB, 63 * GIB, mb2.RESERVED)]
    boot = replace(_crowded(f"foreign=32M {words}"), memory=128 * MIB, entries=entries)
    with bench.by_rom(boot) as machine:
        assert machine.wait_exit(ROM_SECONDS) == EXIT_SUCCESS
        assert foreign.found(machine.serial).ram


# Not that much RAM in one piece, nor addresses.
TOO_LARGE = {"3G": "0xc0000000", "60G": "0xf00000000", "1T": "0x10000000000"}


@pytest.mark.parametrize("size", TOO_LARGE)
def test_not_enough_ram(bench: Bench, size: str) -> None:
    """Neither: one line that says how much was wanted."""
    words = bench.rom_panics(_crowded(f"foreign={size}"), "FOREIGN")
    assert words == f"no range for foreign=, nor RAM for it (bytes {TOO_LARGE[size]})"


@pytest.mark.parametrize(
    ("cpu", "size", "memory"),
    [("max", "1T", "1G"), ("max", "1010G", "5G"), ("max,phys-bits=36", "61G", "1G"), (EPYC, "256T", "1G")],
)
def test_larger_than_the_cpu(bench: Bench, cpu: str, size: str, memory: str) -> None:
    """The CPU's width, or AMD's hole, leaves less than that."""
    with pvh.start(bench, f"foreign={size}", cpu=cpu, memory=memory) as machine:
        assert machine.wait_exit(ROM_SECONDS) == EXIT_PANIC
        assert f"(bytes {_bytes(size):#x})" in assert_panic(machine, "FOREIGN")


# ---- what the payload is told


def _told(outcome: payloads.Outcome, text: str) -> None:
    """The same as the line says, if this version says it."""
    word = outcome.word(r"foreign 0x([0-9a-f]+) len 0x([0-9a-f]+) ram (\d)")
    if int(word[2], 16):
        start = int(word[1], 16)
        assert foreign.found(text) == Found(start, start + int(word[2], 16), word[3] == "1")


@pytest.mark.parametrize("way", ["pvh", "bios", pytest.param("efi", marks=pytest.mark.full)])
@pytest.mark.parametrize("size", ["1G", "64M"])
def test_payload(bench: Bench, forms: dict[str, bytes], way: str, size: str) -> None:
    """Addresses that nobody has."""
    words = f"foreign={_bytes(size):x}"
    with payloads.start(bench, way, forms["pie"], f"foreign={size}", words) as machine:
        outcome = payloads.wait_success(machine, payloads.seconds_for(way))
    _told(outcome, machine.serial)


def test_payload_with_ram(bench: Bench, forms: dict[str, bytes]) -> None:
    """RAM that is held, and not free: the payload writes to all that is free, and its file survives."""
    words = f"foreign={GIB:x}"
    boot = rom_boot(_crowded(""), forms["pie"], options="foreign=1G", arguments=words)
    with bench.by_rom(boot) as machine:
        outcome = payloads.wait_success(machine, ROM_SECONDS)
    assert foreign.found(machine.serial).ram
    _told(outcome, machine.serial)


# ---- the rules can be broken


_GOOD = Found(10 * GIB, 12 * GIB, False)
_GUEST = Guest(
    map=[MapLine(0, GIB, "usable"), MapLine(0xB0000000, 0xC0000000, "reserved"),
         MapLine(*HYPERTRANSPORT, "reserved")],
    regions=[(0, GIB, "ram"), (0xFEC00000, 0xFEC01000, "i/o")],
    bars=[(8 * GIB, 9 * GIB), (9 * GIB + 0x4000, 9 * GIB + 0x8000)],
    is_amd=True,
    phys_bits=40,
)  # fmt: skip
_RAM = Found(GIB // 2, GIB, True)

# name: the range, what is changed of the guest, a word of the objection
BROKEN: dict[str, tuple[Found, Callable[[Guest], Guest], str]] = {
    "over-a-bar": (Found(8 * GIB, 10 * GIB, False), lambda g: g, "not empty"),
    "below-a-bar": (Found(4 * GIB, 6 * GIB, False), lambda g: g, "below"),
    "over-a-small-bar": (Found(9 * GIB, 11 * GIB, False), lambda g: g, "not empty"),
    "over-ram": (Found(0, 2 * GIB, False), lambda g: g, "not empty"),
    "new-bar": (_GOOD, lambda g: replace(g, bars=[(11 * GIB, 11 * GIB + 1)]), "not empty"),
    "region-above": (_GOOD, lambda g: replace(g, regions=[(13 * GIB, 14 * GIB, "i/o")]), "below"),
    "device-above": (_GOOD, lambda g: replace(g, devices=[(20 * GIB, 21 * GIB)]), "below"),
    "over-a-window": (_GOOD, lambda g: replace(g, windows=[(4 * GIB, 11 * GIB)]), "not empty"),
    "map-above": (_GOOD, lambda g: replace(g, map=[MapLine(TIB, TIB + 1, "reserved")]), "below"),
    "intels-map": (_GOOD, lambda g: replace(g, is_amd=False), "below"),
    "no-gigabyte": (Found(10 * GIB + 4096, 12 * GIB + 4096, False), lambda g: g, "multiple"),
    "in-the-hole": (Found(_HOLE - GIB, _HOLE + GIB, False), lambda g: g, "hole"),
    "too-wide": (_GOOD, lambda g: replace(g, phys_bits=33), "beyond"),
    "too-short": (Found(10 * GIB, 11 * GIB, False), lambda g: g, "bytes instead"),
    "ram-that-is-none": (Found(GIB // 2, GIB + 4096, True), lambda g: g, "none"),
    "ram-that-is-reserved": (_RAM, lambda g: replace(g, map=[MapLine(0, GIB, "reserved")]), "none"),
}


def test_a_good_range_passes() -> None:
    """So what a fault adds is the fault's."""
    assert not foreign.judge(_GOOD, _GUEST, 2 * GIB)
    assert not foreign.judge(_RAM, _GUEST, GIB // 2)


@pytest.mark.parametrize("name", BROKEN)
def test_broken(name: str) -> None:
    """Each rule objects."""
    range_, change, word = BROKEN[name]
    size = GIB // 2 if range_.ram else 2 * GIB
    assert any(word in each for each in foreign.judge(range_, change(_GUEST), size))
