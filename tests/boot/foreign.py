# SPDX-License-Identifier: MIT
"""foreign=: the range that was found, held against all that QEMU and the firmware's map have."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import snapshot
from console import MapLine
from intervals import Intervals, intersect, show, subtract, union
from machine import Machine

GIB = 1 << 30
HYPERTRANSPORT = (0xFD00000000, 0x10000000000)  # AMD's, where nothing can be addressed

_LINE = re.compile(r"^footing: foreign 0x([0-9a-f]+)-0x([0-9a-f]+) (empty|RAM set aside)$", re.M)
_HELD = re.compile(r"^footing: holds 0x([0-9a-f]+)-0x([0-9a-f]+) foreign space$", re.M)
_MAP = re.compile(r"^footing: map 0x([0-9a-f]+)-0x([0-9a-f]+) (\S+)$", re.M)
_BAR = re.compile(r"BAR\d: \d\d bit (?:prefetchable )?memory at 0x([0-9a-f]+) \[0x([0-9a-f]+)\]")
_BRIDGE = re.compile(r"memory range \[0x([0-9a-f]+), 0x([0-9a-f]+)\]")
_WINDOW = re.compile(r"^ +([0-9a-f]{16})-([0-9a-f]{16}) \(prio [^)]+\): device-memory\r?$", re.M)


@dataclass(frozen=True)
class Found:
    """`footing: foreign`; end is exclusive."""

    start: int
    end: int
    ram: bool


@dataclass(frozen=True)
class Guest:
    """What is known of the machine from outside, and the map that it printed."""

    map: Sequence[MapLine]
    regions: Sequence[tuple[int, int, str]]  # QEMU's view of physical memory
    bars: Intervals  # and what bridges forward
    is_amd: bool
    phys_bits: int
    devices: Intervals = field(default_factory=list)  # DIMMs, NVDIMMs, virtio-mem
    windows: Intervals = field(default_factory=list)  # where such can be plugged in

    def occupied(self) -> Intervals:
        """All that a range has to be above; what lies in AMD's hole is no matter there."""
        pieces = [(line.start, line.end) for line in self.map]
        pieces += [(start, end) for start, end, _ in self.regions]
        pieces += [*self.bars, *self.devices, *self.windows]
        hole = [HYPERTRANSPORT] if self.is_amd else []
        return union(piece for piece in pieces if subtract([piece], hole))

    def without_scan(self, size: int) -> Found:
        """What the map alone, without a look at PCI, would give."""
        hole = [HYPERTRANSPORT] if self.is_amd else []
        end = max(line.end for line in self.map if subtract([(line.start, line.end)], hole))
        start = -(-end // GIB) * GIB
        return Found(start, start + size, False)


def found(text: str) -> Found:
    """The one line that says it."""
    lines = _LINE.findall(text)
    assert len(lines) == 1 and text.count("footing: foreign ") == 1, text[-3000:]
    start, last, kind = lines[0]
    return Found(int(start, 16), int(last, 16) + 1, kind != "empty")


def held(text: str) -> Intervals:
    """What is held as foreign space, by the lines of loglevel=3."""
    return [(int(start, 16), int(last, 16) + 1) for start, last in _HELD.findall(text)]


def _plugged(machine: Machine) -> list[tuple[int, int]]:
    """All of each memory device, whether the guest has asked for it yet or not."""
    devices = machine.qmp.command("query-memory-devices")
    assert isinstance(devices, list)
    facts = [device["data"] for device in devices]
    starts = [data["memaddr" if "memaddr" in data else "addr"] for data in facts]
    sizes = [data["max-size" if "max-size" in data else "size"] for data in facts]
    return [(start, start + size) for start, size in zip(starts, sizes, strict=True)]


def look(machine: Machine) -> Guest:
    """Ask QEMU."""
    pci = machine.hmp("info pci")
    both = [*_BAR.findall(pci), *_BRIDGE.findall(pci)]
    bars = [(int(start, 16), int(last, 16) + 1) for start, last in both]
    plugged = _plugged(machine)
    window = [(int(start, 16), int(last, 16) + 1) for start, last in _WINDOW.findall(machine.hmp("info mtree"))]
    bits = machine.cpu_property("phys-bits")
    assert isinstance(bits, int)
    return Guest(
        map=[MapLine(int(s, 16), int(e, 16) + 1, kind) for s, e, kind in _MAP.findall(machine.serial)],
        regions=snapshot.read_memory(machine),
        bars=union(bar for bar in bars if bar[0] < bar[1] <= 1 << bits),
        devices=union(plugged),
        windows=union(window),
        is_amd=machine.cpu_property("vendor") == "AuthenticAMD",
        phys_bits=bits,
    )


def judge(range_: Found, guest: Guest, size: int) -> list[str]:
    """What is wrong with it."""
    wrong: list[str] = []
    here = [(range_.start, range_.end)]
    if range_.end - range_.start != size:
        wrong.append(f"{range_.end - range_.start:#x} bytes instead of {size:#x}")
    if range_.end > 1 << guest.phys_bits:
        wrong.append(f"ends beyond {guest.phys_bits} bits: {show(here)}")
    if range_.ram:
        usable = union((line.start, line.end) for line in guest.map if line.kind == "usable")
        ram = union((start, end) for start, end, kind in guest.regions if kind == "ram")
        if other := subtract(here, intersect(usable, ram)):
            wrong.append(f"RAM set aside that is none: {show(other)}")
        return wrong
    if range_.start % GIB:
        wrong.append(f"begins at no multiple of 1 GiB: {range_.start:#x}")
    if guest.is_amd and intersect(here, [HYPERTRANSPORT]):
        wrong.append(f"in AMD's hole: {show(here)}")
    if over := intersect(here, guest.occupied()):
        wrong.append(f"not empty: {show(over)}")
    elif range_.start < guest.occupied()[-1][1]:
        wrong.append(f"below {show(guest.occupied()[-1:])}")
    return wrong
