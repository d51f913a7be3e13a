# SPDX-License-Identifier: MIT
"""foreign= on machines with memory that no map lists, and with tables that cannot be believed.

"Memory that no map lists: pc-dimm, NVDIMM, virtio-mem, hot-plug window, CXL
window: given away as foreign space" (nemu #118, E #9201, #10407). Held against
QEMU's own list.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

import acpi
import foreign
import mb2
import pvh
from boots import EFI_SECONDS, GRUB_SECONDS, MIB, ROM_SECONDS, Bench, RomBoot, assert_ready
from machine import Machine

GIB = 1 << 30
_WINDOW = "256M,slots=4,maxmem=8G"
_BACKEND = ["-object", "memory-backend-ram,id=memory,size=2G,reserve=off"]
_CXL = "cxl=on,cxl-fmw.0.targets.0=cxl.1,cxl-fmw.0.size=4G"


@dataclass(frozen=True)
class Kind:
    """What makes QEMU have such memory."""

    memory: str = _WINDOW
    machine: str = "q35"
    args: Sequence[str] = ()
    devices: int = 0  # of `info memory-devices`


KINDS = {
    "hot-plug-window": Kind(),
    "pc-dimm": Kind(args=[*_BACKEND, "-device", "pc-dimm,memdev=memory"], devices=1),
    "pc-dimm-high": Kind(args=[*_BACKEND, "-device", "pc-dimm,memdev=memory,addr=0x340000000"], devices=1),
    "nvdimm": Kind(machine="q35,nvdimm=on", args=[*_BACKEND, "-device", "nvdimm,memdev=memory"], devices=1),
    "virtio-mem": Kind(
        args=[*_BACKEND, "-device", "virtio-mem-pci,memdev=memory,requested-size=1G"], devices=1
    ),
    "i440fx-pc-dimm": Kind(machine="pc", args=[*_BACKEND, "-device", "pc-dimm,memdev=memory"], devices=1),
    "numa": Kind(
        "5G,slots=4,maxmem=16G",
        args=["-object", "memory-backend-ram,id=a,size=2G", "-object", "memory-backend-ram,id=b,size=3G",
              "-numa", "node,memdev=a", "-numa", "node,memdev=b"],
    ),
    "cxl-window": Kind("256M", f"q35,{_CXL}", ["-device", "pxb-cxl,id=cxl.1,bus=pcie.0,bus_nr=52"]),
    "cxl-and-hot-plug": Kind(
        _WINDOW, f"q35,{_CXL}",
        [*_BACKEND, "-device", "pxb-cxl,id=cxl.1,bus=pcie.0,bus_nr=52", "-device", "pc-dimm,memdev=memory"], 1,
    ),
}  # fmt: skip


def _start(bench: Bench, way: str, kind: Kind) -> tuple[Machine, float]:
    options = "then=halt foreign=4G"
    more = {"memory": kind.memory, "machine": kind.machine}
    if way == "pvh":
        return pvh.start(bench, options, args=kind.args, **more), ROM_SECONDS
    if way == "efi":
        return bench.by_efi(bench.esp_files(options), args=kind.args, **more), EFI_SECONDS
    return bench.by_grub(way, options, args=kind.args, **more), GRUB_SECONDS[way]


@pytest.mark.parametrize(
    ("way", "name"),
    [
        *(("pvh", name) for name in KINDS),
        ("bios", "pc-dimm"),
        ("efi", "nvdimm"),
        *(
            pytest.param(way, name, marks=pytest.mark.full)
            for way in ("bios", "efi", "uefi")
            for name in KINDS
            if (way, name) not in (("bios", "pc-dimm"), ("efi", "nvdimm"))
            and not (way in ("efi", "uefi") and KINDS[name].machine == "pc")
        ),
    ],
)
def test_memory_that_no_map_lists(bench: Bench, way: str, name: str) -> None:
    """The range is above all of it; the map and PCI alone would have given it away."""
    kind = KINDS[name]
    machine, seconds = _start(bench, way, kind)
    with machine:
        machine.wait_halted(seconds)
        assert_ready(machine)
        guest = foreign.look(machine)
        range_ = foreign.found(machine.serial)
    assert len(guest.devices) == kind.devices
    assert not range_.ram
    assert not foreign.judge(range_, guest, 4 * GIB)
    assert foreign.judge(guest.without_scan(4 * GIB), guest, 4 * GIB)


# ---- tables by the test ROM


_AT, _SIZE = 0x2000000000, GIB
LISTED = {
    "SRAT": acpi.srat(_AT, _SIZE),
    "NFIT": acpi.nfit(_AT, _SIZE),
    "CEDT": acpi.cedt(_AT, _SIZE),
    "MCFG": acpi.mcfg((_AT + _SIZE - 16 * MIB, 1, 0, 15)),
}
OTHER = acpi.table(b"HPET", bytes(20))


def _boot(bench: Bench, blobs: acpi.Blobs, size: str = "1G") -> tuple[foreign.Found, str]:
    # The tables are in the EBDA, which the map reserves.
    boot = RomBoot(command=f"then=halt foreign={size}", blobs=blobs)
    with bench.by_rom(boot) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert_ready(machine)
        return foreign.found(machine.serial), machine.serial


@pytest.mark.parametrize("name", LISTED)
def test_table_lists_it(bench: Bench, name: str) -> None:
    """Each table by itself; the RSDP is in the EBDA alone."""
    range_, text = _boot(bench, acpi.blobs([OTHER, LISTED[name]]))
    assert (range_.start, range_.ram) == (_AT + _SIZE, False)
    assert "footing: ACPI" not in text


def test_no_table_lists_it(bench: Bench) -> None:
    """So what is above in the test before comes from the table."""
    range_, text = _boot(bench, acpi.blobs([OTHER]))
    assert (range_.start, range_.ram) == (4 * GIB, False)
    assert "footing: ACPI" not in text


def _flip(data: bytes, at: int) -> bytes:
    return data[:at] + bytes((data[at] ^ 0x10,)) + data[at + 1 :]


def _resummed(data: bytes, at: int, value: int) -> bytes:
    return acpi.summed(data[:at] + bytes((value,)) + data[at + 1 :], 9)


_FIRST = acpi.TABLES + 0x100  # where the first table is
# name: the table, and the line
DAMAGED = {
    "SRAT-sum": (_flip(LISTED["SRAT"], 60), f"SRAT at {_FIRST:#x}: its checksum is wrong"),
    "NFIT-sum": (_flip(LISTED["NFIT"], 80), f"NFIT at {_FIRST:#x}: its checksum is wrong"),
    "CEDT-sum": (_flip(LISTED["CEDT"], 40), f"CEDT at {_FIRST:#x}: its checksum is wrong"),
    "MCFG-sum": (_flip(LISTED["MCFG"], 50), f"MCFG at {_FIRST:#x}: its checksum is wrong"),
    "SRAT-length": (_flip(LISTED["SRAT"], 7), f"SRAT at {_FIRST:#x}: its length cannot be"),
    "SRAT-entry": (_resummed(LISTED["SRAT"], 49, 0), f"SRAT at {_FIRST + 48:#x}: an entry's length cannot be"),
    "SRAT-wraps": (acpi.srat(_AT, (1 << 64) - 1), f"SRAT at {_FIRST + 48:#x}: an entry's range wraps"),
    "MCFG-wraps": (
        acpi.mcfg(((1 << 64) - MIB, 0, 0, 255)), f"MCFG at {_FIRST + 44:#x}: a configuration space wraps",
    ),
    "MCFG-in-RAM": (
        acpi.mcfg((64 * MIB, 0, 0, 255)), f"MCFG at {_FIRST + 44:#x}: a configuration space lies in RAM",
    ),
    "nowhere": (b"", f"table at {_FIRST:#x}: there is none"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_damaged_table(bench: Bench, name: str) -> None:
    """Not known is not free: one line says what is damaged, and RAM is set aside."""
    damaged, line = DAMAGED[name]
    range_, text = _boot(bench, acpi.blobs([damaged]), "16M")
    assert re.findall(r"^footing: ACPI (.*)$", text, re.M) == [line]
    assert "footing: foreign=: " in text
    assert range_.ram


def test_damaged_table_and_no_ram(bench: Bench) -> None:
    """If there is not that much RAM either, the boot stops, and the line before it says why."""
    boot = RomBoot(command="foreign=64G", blobs=acpi.blobs([DAMAGED["SRAT-sum"][0]]))
    words = bench.rom_panics(boot, "FOREIGN")
    assert words == "no range for foreign=, nor RAM for it (bytes 0x1000000000)"


@pytest.mark.parametrize("damage", ["none", "sum", "missing"])
def test_xsdt(bench: Bench, damage: str) -> None:
    """The XSDT comes first; if it is damaged, a line says so, and the RSDT is used."""
    place = acpi.TABLES + 0x80
    xsdt = acpi.table(b"XSDT", struct.pack("<Q", acpi.TABLES + 0x180))
    if damage == "sum":
        xsdt = _flip(xsdt, 20)
    tables = [LISTED["NFIT"], acpi.srat(2 * _AT, _SIZE)]
    range_, text = _boot(bench, acpi.blobs(tables, xsdt=[] if damage == "missing" else [xsdt]))
    lines = {
        "none": [],
        "sum": [f"XSDT at {place:#x}: its checksum is wrong"],
        "missing": [f"XSDT at {place:#x}: it is not there"],
    }
    assert re.findall(r"^footing: ACPI (.*)$", text, re.M) == lines[damage]
    assert (range_.start, range_.ram) == (2 * _AT + _SIZE, False)


# ---- the search for the RSDP


# name: the EBDA, and where in it the RSDP is
PLACES = {
    "first": (0x9F000, 0x9F000),
    "begins-in-the-first-KiB": (0x9F000, 0x9F3F0),
    "short-EBDA": (0x9FC00, 0x9FFC0),
}


@pytest.mark.parametrize("name", PLACES)
def test_rsdp_in_the_ebda(bench: Bench, name: str) -> None:
    """Wherever it may begin, up to its end."""
    ebda, at = PLACES[name]
    range_, text = _boot(bench, acpi.blobs([LISTED["SRAT"]], ebda=ebda, at=at))
    assert range_.start == _AT + _SIZE
    assert "footing: ACPI" not in text


def test_rsdp_behind_a_damaged_one(bench: Bench) -> None:
    """The first has a wrong second checksum, and is none: the one behind it is taken."""
    wrong = _flip(acpi.rsdp(acpi.TABLES + 0x80), 32)
    blobs = [*acpi.blobs([LISTED["SRAT"]], ebda=0x9F000, at=0x9F040), (0x9F000, wrong)]
    range_, text = _boot(bench, blobs)
    assert range_.start == _AT + _SIZE
    assert "footing: ACPI" not in text


def test_rsdp_behind_the_first_kib(bench: Bench) -> None:
    """No RSDP begins there."""
    range_, _ = _boot(bench, acpi.blobs([LISTED["SRAT"]], ebda=0x9F000, at=0x9F400))
    assert range_.start == 4 * GIB


# ---- a segment of PCI that only memory shows: its configuration space is in RAM, which the map reserves


_SPACE = 64 * MIB


def _function(bars: dict[int, int], more: Sequence[tuple[int, int]] = (), header: int = 0) -> bytes:
    """4 KiB of configuration space: registers by their offsets."""
    data = bytearray(0x1000)
    registers = {0: 0x12348086, 4: 0x00100002, 8: 0x02000000, 12: header << 16, 0x34: 0x40, 0x40: 0x00020010}
    for number, base in bars.items():
        registers |= {0x10 + 4 * number: base & 0xFFFFFFFF | 12, 0x14 + 4 * number: base >> 32}
    for at, value in [*registers.items(), *more]:
        struct.pack_into("<I", data, at, value)
    return bytes(data)


def _virtual(count: int, base: int) -> list[tuple[int, int]]:
    return [(0x100, 0x14010001), (0x140, 0x00010010), (0x148, 8), (0x14C, count << 16),
            (0x140 + 0x24, base & 0xFFFFFFFF | 12), (0x140 + 0x28, base >> 32)]  # fmt: skip


_BRIDGE = [(0x24, 0xFFF10001), (0x28, 0x20), (0x2C, 0x2F)]
# name: a function of the segment, and where what it decodes ends. RAM takes all bits: BARs have 16 bytes.
FUNCTIONS = {
    "none": (b"\xff" * 0x1000, 4 * GIB),
    # RAM keeps zeros that are written to its status: it has none.
    "bar": (_function({2: 0x3000000000}, [(4, 2)]), 0x3000000010),
    "bridge": (_function({}, _BRIDGE, header=1), 0x3000000000),
    "virtual": (_function({}, _virtual(3, 0x3800000000 - 32)), 0x3800000010),
    "one-virtual": (_function({}, _virtual(1, 0x3800000000 - 32)), 0x3800000000 - 16),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_other_segment(bench: Bench, name: str) -> None:
    """What a function of segment 2 decodes is known, and its registers are as they were."""
    function, end = FUNCTIONS[name]
    space = bytearray(b"\xff" * MIB)
    place = (31 << 3 | 0) << 12
    space[place : place + 0x1000] = function
    blobs = [*acpi.blobs([acpi.mcfg((_SPACE - 5 * MIB, 2, 5, 5))]), (_SPACE, bytes(space))]
    entries = mb2.standard_map(256 * MIB, [(_SPACE, MIB)])
    boot = RomBoot(command="then=halt foreign=1G", blobs=blobs, entries=entries)
    with bench.by_rom(boot) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert_ready(machine)
        range_ = foreign.found(machine.serial)
        after = machine.read(_SPACE, MIB)
    assert after == bytes(space)
    assert (range_.start, range_.ram) == (-(-end // GIB) * GIB, False)
