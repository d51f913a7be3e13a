# SPDX-License-Identifier: MIT
"""Everything that the checks need of one stopped guest, as plain data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import console
import devstate
import mtrr
import pages
from intervals import Intervals, intersect, union, whole_pages
from machine import Machine

_LA57 = 1 << 12
_ADDRESS = 0x000FFFFFFFFFF000
_FEATURES = ("pdpe1gb", "smep", "smap", "umip", "pge", "pat", "la57", "hypervisor")
_AMD = ("AuthenticAMD", "HygonGenuine")
# What layout.h and DESIGN.md give the directmap, by number of levels.
_WINDOW = {4: 123 << 40, 5: 1 << 52}


@dataclass(frozen=True)
class Cpu:
    """What the CPU model can do, by QEMU's own account."""

    phys_bits: int
    features: frozenset[str]


@dataclass(frozen=True)
class Snapshot:
    """One stopped guest, what its firmware said, and what it printed."""

    registers: Mapping[str, int]
    hidden: devstate.HiddenRegisters
    cpu: Cpu
    tables: pages.Tables
    memory: Sequence[tuple[int, int, str]]  # QEMU's view: start, end, "ram", "video", "rom", "i/o"
    usable: Intervals  # firmware's usable bytes
    report: console.Report
    maxpage: int = 0x40000000
    ram_limit: int = 1 << 64
    modules: Intervals = field(default_factory=list)  # where the loader put them, if known
    runtime: Intervals | None = None  # what UEFI's runtime services need, if known
    runtime_code: Intervals = field(default_factory=list)  # and may execute
    by_pvh: bool = False  # started as hypervisors alone start a guest

    @property
    def levels(self) -> int:
        """How many the CPU walks."""
        return 5 if self.registers["CR4"] & _LA57 else 4

    @cached_property
    def walk(self) -> pages.Walk:
        """The live tables."""
        root = self.registers["CR3"] & _ADDRESS
        return pages.walk(root, self.levels, self.cpu.phys_bits, self.tables)

    @cached_property
    def types(self) -> mtrr.TypeMap:
        """The memory type of every physical address, as a guest or bare metal has to take it."""
        bits, amd = self.cpu.phys_bits, "amd" in self.cpu.features
        if "hypervisor" in self.cpu.features or self.by_pvh:
            return mtrr.guest_type_map(self.hidden.mtrrs, bits, self.usable, amd=amd)
        return mtrr.type_map(self.hidden.mtrrs, bits, amd=amd)

    @property
    def has_directmap(self) -> bool:
        """Does it print that there is one? With directmap=off there is none."""
        return self.report.layout.directmap != 0

    @property
    def window(self) -> tuple[int, int]:
        """The virtual addresses that are the directmap's; none, if there is none."""
        base = self.report.layout.directmap
        return (base, base + _WINDOW[self.levels] if self.has_directmap else base)

    @cached_property
    def ram(self) -> Intervals:
        """RAM as DESIGN.md defines it, in whole pages: what the directmap must map."""
        reached = _WINDOW[self.levels] if self.has_directmap else 1 << 64
        top = min(1 << self.cpu.phys_bits, self.ram_limit, reached)
        kept = intersect(intersect(self.usable, mtrr.write_back(self.types)), [(0, top)])
        return whole_pages(kept)

    def in_window(self, run: pages.Run) -> bool:
        """Is this run part of the directmap?"""
        start, end = self.window
        return start <= run.va < end

    def pat_type(self, run: pages.Run) -> int:
        """The memory type that a run's entries ask for."""
        return self.hidden.pat >> (8 * run.pat_index) & 0xFF

    def sizes(self) -> list[int]:
        """Page sizes that may be used, largest first."""
        wanted = [0x40000000] if "pdpe1gb" in self.cpu.features else []
        return [size for size in [*wanted, 0x200000, 0x1000] if size <= self.maxpage]


def read_cpu(machine: Machine) -> Cpu:
    """Ask QEMU about its CPU model."""
    bits = machine.cpu_property("phys-bits")
    assert isinstance(bits, int) and bits >= 32, bits
    features = {name for name in _FEATURES if machine.cpu_property(name)}
    if machine.cpu_property("vendor") in _AMD:
        features.add("amd")
    return Cpu(bits, frozenset(features))


def read_memory(machine: Machine) -> list[tuple[int, int, str]]:
    """What is behind each physical address: `info mtree -f`."""
    text = machine.hmp("info mtree -f")
    for view in text.split("FlatView #"):
        if re.search(r'^ AS "memory"', view, re.M):
            return [
                (int(start, 16), int(end, 16) + 1, "video" if "vram" in name else kind)
                for start, end, kind, name in re.findall(
                    r"^  ([0-9a-f]{16})-([0-9a-f]{16}) \(prio -?\d+, ([^)]+)\): (\S+)", view, re.M
                )
            ]
    raise machine.fail("no system memory in 'info mtree -f'")


def take(
    machine: Machine,
    usable: Intervals,
    *,
    maxpage: int = 0x40000000,
    ram_limit: int = 1 << 64,
    modules: Intervals | None = None,
    runtime: Intervals | None = None,
    runtime_code: Intervals | None = None,
    text: str | None = None,
    by_pvh: bool = False,
) -> Snapshot:
    """Read a guest that is stopped; `text` replaces its serial console."""
    registers = machine.registers()
    levels = 5 if registers["CR4"] & _LA57 else 4
    return Snapshot(
        registers=registers,
        hidden=devstate.parse(machine.save_device_state(), registers),
        cpu=read_cpu(machine),
        tables=pages.load_tables(registers["CR3"] & _ADDRESS, levels, machine.read_frames),
        memory=read_memory(machine),
        usable=union(usable),
        report=console.parse(machine.serial if text is None else text),
        maxpage=maxpage,
        ram_limit=ram_limit,
        modules=modules or [],
        runtime=runtime,
        runtime_code=runtime_code or [],
        by_pvh=by_pvh,
    )
