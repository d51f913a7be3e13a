# SPDX-License-Identifier: MIT
"""QEMU's -kernel: a PVH start without GRUB, and the memory map that it hands over."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import oracle
import snapshot
from boots import ROM_SECONDS, Bench, assert_ready
from intervals import Intervals, subtract, union
from machine import Machine

_MAGIC = struct.pack("<2I", 0x336EC578, 1)  # of the start info, and its version
_CONVENTIONAL = 0xA0000
_USABLE = 1


def start(
    bench: Bench,
    options: str,
    *,
    memory: str = "256M",
    cpu: str = "max",
    machine: str = "q35",
    args: Sequence[str] = (),
    name: str = "pvh",
) -> Machine:
    """A machine that starts the image by PVH."""
    place = bench.directory / name
    place.mkdir(parents=True, exist_ok=True)
    (place / "footing.elf").write_bytes(bench.raw)
    return Machine(
        place,
        args=["-kernel", "footing.elf", "-append", options, *args],
        memory=memory,
        cpu=cpu,
        machine=machine,
        vga=machine != "microvm",  # which has no PCI for a screen
    )


def usable(machine: Machine) -> Intervals:
    """What the start info, still in the guest's memory, calls usable, and nothing else in it takes back."""
    low = machine.read(0, _CONVENTIONAL)
    at = low.find(_MAGIC)
    assert at >= 0, machine.fail("no PVH start info below 640 KiB")
    table, count = struct.unpack_from("<QI", low, at + 40)
    entries = struct.iter_unpack("<QQII", machine.read(table, count * 24))
    good: list[tuple[int, int]] = []
    other: list[tuple[int, int]] = []
    for base, length, kind, _ in entries:
        (good if kind == _USABLE else other).append((base, base + length))
    return subtract(union(good), union(other))


def halts_right(machine: Machine, *, maxpage: int = 0x40000000) -> snapshot.Snapshot:
    """Take a machine that was started so to then=halt, and hold everything that must be true."""
    machine.wait_halted(ROM_SECONDS)
    assert_ready(machine)
    taken = snapshot.take(machine, usable(machine), maxpage=maxpage, by_pvh=True)
    oracle.hold(taken)
    return taken
