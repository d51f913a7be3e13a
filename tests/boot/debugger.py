# SPDX-License-Identifier: MIT
"""A guest under gdb, and what Footing's commands there have to say by the suite's own reading."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pages
from boots import ROM_SECONDS, Bench, RomBoot, assert_ready
from machine import Machine
from snapshot import Snapshot, take

_HELPER = Path(__file__).parents[1] / "gdb" / "footing-gdb.py"
_SIZES = {0x1000: "4K", 0x200000: "2M", 0x40000000: "1G"}
_TYPES = {0: "UC", 1: "WC", 4: "WT", 5: "WP", 6: "WB", 7: "UC-"}


def run(place: Path, before: list[str], commands: list[str]) -> list[list[str]]:
    """What each command says, line by line; no traceback is ever among it."""
    marked = [part for command in commands for part in (command, "echo \\n@\\n")]
    steps = [f"source {_HELPER}", "set width 0", *before, "echo \\n@\\n", *marked]
    done = subprocess.run(
        ["gdb", "-nx", "-batch", *(part for step in steps for part in ("-ex", step))],
        cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        timeout=ROM_SECONDS, check=False,
    )  # fmt: skip
    said = done.stdout.split("\n@\n")[1:-1]
    assert len(said) == len(commands) and "Traceback" not in done.stdout, done.stdout
    return [part.strip().splitlines() for part in said]


def ask(machine: Machine, elf: Path | None, *commands: str) -> list[list[str]]:
    """The same of a guest, which must be back at virtual addresses afterwards."""
    before = ["set arch i386:x86-64", *([f"file {elf}"] if elf else []), "target remote ./gdb"]
    said = run(machine.directory, before, [*commands, "maintenance packet qqemu.PhyMemMode"])
    assert said.pop()[-1] == 'received: "0"'
    return said


def guest(bench: Bench, boot: RomBoot) -> Machine:
    """A machine that gdb can be attached to."""
    machine = bench.by_rom(boot)
    machine.command += ["-gdb", "unix:gdb,server=on,wait=off"]
    return machine


@contextmanager
def halted(bench: Bench, boot: RomBoot) -> Iterator[tuple[Machine, Snapshot]]:
    """One that stands at then=halt, and what the suite itself reads there."""
    with guest(bench, boot) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert_ready(machine)
        yield machine, take(machine, boot.truth())


def dump_lines(taken: Snapshot, walk: pages.Walk) -> list[str]:
    """The oracle's runs as pt dump has them, which joins pages of different sizes."""
    lines: list[str] = []
    va, pa, counts = 0, 0, dict.fromkeys(_SIZES, 0)
    end: tuple[object, ...] = ()
    for each in walk.runs:
        kind = (each.rights, _TYPES[taken.pat_type(each)], each.user)
        if (each.va, each.pa, *kind) == end:
            lines.pop()
        else:
            va, pa, counts = each.va, each.pa, dict.fromkeys(_SIZES, 0)
        counts[each.size] += each.length // each.size
        last = each.va + each.length - 1
        end = (last + 1, each.pa + each.length, *kind)
        words = [f"{va:#x}-{last:#x} {pa:#x} {last + 1 - va:#x} {kind[0]} {kind[1]}"]
        words += [f"{_SIZES[size]}={count}" for size, count in counts.items() if count]
        lines.append(" ".join([*words, *(["user"] if each.user else [])]))
    leaves = {size: sum(r.length // size for r in walk.runs if r.size == size) for size in _SIZES}
    number = " ".join(f"{_SIZES[size]}={count}" for size, count in leaves.items())
    return [*lines, f"tables {sum(map(len, walk.tables))} leaves {number} bad 0"]


def walk_lines(taken: Snapshot, va: int) -> tuple[list[str], str]:
    """How each of pt walk's lines begins, by the oracle's tables, and what the last one is."""
    frame, level = taken.registers["CR3"] & ~0xFFF, taken.levels
    begins: list[str] = []
    while True:
        index = va >> (3 + 9 * level) & 511
        entry = taken.tables[frame][index]
        begins.append(f"l{level} {frame:#x}[{index}] {entry:#018x} ")
        if not entry & 1 or level == 1 or entry & 0x80:
            break
        frame, level = entry & 0x000FFFFFFFFFF000, level - 1
        begins[-1] += f"table {frame:#x} "
    for each in taken.walk.runs:
        if each.va <= va < each.va + each.length:
            page = each.pa + (va - each.va & -each.size)
            begins[-1] += f"{_SIZES[each.size]} page {page:#x} {each.rights} "
            words = f"{each.rights} supervisor {_TYPES[taken.pat_type(each)]}"
            return begins, f"{va:#x} -> {va - each.va + each.pa:#x} {words}"
    begins[-1] += "not present"
    return begins, f"{va:#x} -> nothing: not present at l{level}"
