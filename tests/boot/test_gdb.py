# SPDX-License-Identifier: MIT
"""The commands for gdb (tests/gdb/footing-gdb.py), held against the suite's own reading of a guest."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import debugger
import pages
from boots import MIB, Bench, RomBoot
from debugger import ask, dump_lines, guest, halted, walk_lines

GIB = 1 << 30
PLACE = 0x812345  # free RAM
IMAGE = 0xFFFFFFFFF0080000
P, W, U, PCD, PS, PAT_LARGE, NX = 1, 2, 4, 0x10, 0x80, 0x1000, 1 << 63
BOOTS = {
    "1g": RomBoot(memory=2 * GIB),
    "4k": RomBoot(command="then=halt maxpage=4k", memory=GIB),
    "5-levels": RomBoot(command="then=halt la57=on"),
}
BAD = [
    "pt", "pt stroll", "pt walk", "pt walk 1 2 3", "pt walk nosuch", "pt walk boot", "pt walk 1.5",
    "pt walk (", "pt walk '", "pt walk 0 1", "pt walk 0 0x10000000000000", "pt walk *(long*)0",
    "pt walk 0x1ffffffffffffffff", "pt dump 1", "pt dump 1 2 3 4", "pt dump 5 3",
    "pt dump 0x800000000000 -1", "pt dump 0 nosuch", "memmap 1 2", "memmap nosuch", "memmap $void",
]  # fmt: skip


@pytest.mark.parametrize("name", BOOTS)
def test_tables(bench: Bench, image_path: Path, name: str) -> None:
    """pt dump is the oracle's runs, pt walk its entries and where they lead; without symbols."""
    listing = subprocess.run(["nm", image_path], check=True, capture_output=True, text=True).stdout
    symbol = {name: int(at, 16) for at, name in re.findall(r"^(\w+) \w (\w+)$", listing, re.M)}
    with halted(bench, BOOTS[name]) as (machine, taken):
        assert taken.levels == (5 if name == "5-levels" else 4)
        direct, sign = taken.report.layout.directmap, 1 << 11 + 9 * taken.levels
        places = [0, 0xFFFFFFFFF0000000, symbol["boot"], symbol["footing_ready"],
                  symbol["boot_stack"] - 8, (1 << 64) - 1,
                  *(direct + at for at in (0x1234, PLACE, 0x4FFFFFFF, 0xFFFFFFFFF))]  # fmt: skip
        dump, one, beyond, *walks = ask(
            machine, None, "pt dump", f"pt dump {direct + PLACE} {direct + PLACE}",
            f"pt walk {sign:#x}", *(f"pt walk {va:#x}" for va in places),
        )  # fmt: skip
    assert dump == dump_lines(taken, taken.walk)
    size = next(r.size for r in taken.walk.runs if r.va <= direct + PLACE < r.va + r.length)
    start = PLACE & -size
    span = f"{direct + start:#x}-{direct + start + size - 1:#x}"
    assert one[0].startswith(f"{span} {start:#x} {size:#x} rw- WB ") and len(one) == 2
    assert beyond == [f"{sign:#x} -> nothing: not canonical with {taken.levels} levels"]
    for va, said in zip(places, walks, strict=True):
        begins, last = walk_lines(taken, va)
        assert said[-1] == last and len(said) == len(begins) + 1
        assert all(line.startswith(begin) for line, begin in zip(said, begins)), (said, begins)


def test_boot_tables(bench: Bench, image_path: Path) -> None:
    """The root that Footing came through: the trampoline's page where it is, and the image."""
    with halted(bench, RomBoot()) as (machine, taken):
        root = f"{2 * MIB}+(long)&boot_l4-(long)image_start"
        dump, plain = ask(machine, image_path, f"pt dump {root}", f"p/x {root}")
        frame = int(plain[0].split("= ")[1], 16)
        tables = pages.load_tables(frame, 4, machine.read_frames)
    walk = pages.walk(frame, 4, taken.cpu.phys_bits, tables)
    assert dump == dump_lines(taken, walk) and not walk.flaws
    assert [(r.length, r.rights) for r in walk.runs if r.va == r.pa] == [(0x1000, "r-x")]
    assert any(r.va == IMAGE and r.pa == 2 * MIB and r.rights == "r-x" for r in walk.runs)


def test_made_up_root(bench: Bench, image_path: Path) -> None:
    """Rights that a link takes away, user pages, memory types; entries that the CPU refuses."""
    root, below = 9 * MIB, 9 * MIB + 0x1000
    entries = {
        root: below | P | W | U, root + 8: below | P | U, root + 16: below | P | W | U | NX,
        root + 24: below | P | W, below: P | W | U | PS, below + 8: 2 * GIB | P | W | U | PS,
        below + 16: 2 * GIB | P | U | PS | PAT_LARGE, below + 24: 3 * GIB | P | W | U | PS | PCD,
    }  # fmt: skip
    bad = {
        root + 32: 2, root + 40: 1 << 45 | P, root + 48: root | P | PS, below + 32: 0x2000 | P | PS,
        below + 40: 1023 * GIB | P | PS, below + 48: 1024 * GIB | P | PS,
    }  # fmt: skip
    with halted(bench, RomBoot()) as (machine, taken):
        store = f"set *(long*)({taken.report.layout.directmap} + %d) = %d"
        plant, spoil = ([store % pair for pair in table.items()] for table in (entries, bad))
        dump = ask(machine, image_path, *plant, f"pt dump {root}")[-1]
        tables = pages.load_tables(root, 4, machine.read_frames)
        spoilt, *walks = ask(
            machine, image_path, *spoil, f"pt dump {root} {4 << 30} {7 << 39 | 1}",
            *(f"pt walk {at} {root}" for at in (4 << 30, 4 << 39, 5 << 39)), f"pt walk 0 {below}",
        )[len(spoil) :]  # fmt: skip
    walk = pages.walk(root, 4, taken.cpu.phys_bits, tables)
    assert dump == dump_lines(taken, walk) and len(walk.runs) == 16 and not walk.flaws
    assert [line for line in spoilt if "bad: " in line] == [
        f"{at << 39 | index << 30:#x} l3 {bits | 0x81:#x} bad: reserved bits {bits:#x}"
        for at in range(4) for index, bits in ((4, 0x2000), (6, 1 << 40))
    ] + [
        "0x20000000000 l4 0x2 bad: not present",
        "0x28000000000 l4 0x200000000001 bad: reserved bits 0x200000000000",
        "0x30000000000 l4 0x900081 bad: reserved bits 0x80",
    ]
    assert [said[-1].partition(" -> ")[2] for said in walks] == [
        "nothing: reserved bits 0x2000 at l3", "nothing: not present at l4",
        "nothing: reserved bits 0x200000000000 at l4", "nothing: reserved bits 0x80 at l4",
    ]  # fmt: skip


def test_memmap(bench: Bench, image_path: Path) -> None:
    """The map is that of the contract's lines, the plan and the owners those of an address."""
    with halted(bench, RomBoot()) as (machine, taken):
        root, report = taken.registers["CR3"], taken.report
        top = 2 * MIB + report.layout.image_length - 1
        places = [2 * MIB, top, top + 1, 0x400, 0x9FC00, 0xA0000, root, 0x812345]
        direct = report.layout.directmap
        virtual = {direct + PLACE: (PLACE, "rw-"), IMAGE + 0x10: (2 * MIB + 0x10, "r-x"), direct + root: (root, "rw-")}
        nowhere = {(1 << 64) - 1: "not present at l2", direct + 0xA0000: "not present at l1",
                   0x800000000000: "not canonical with 4 levels"}  # fmt: skip
        said, *about = ask(
            machine, image_path, "memmap", *(f"memmap {at:#x}" for at in [*places, *virtual, *nowhere])
        )
    assert [line.split() for line in said] == [
        [f"{m.start:#x}-{m.end - 1:#x}", f"{m.end - m.start:#x}", m.kind] for m in report.map
    ]
    owner = {0x400: "BIOS data 0x0-0x4ff", root: "the page tables"}
    owner[2 * MIB] = owner[top] = f"image 0x200000-{top:#x}"
    # A virtual address is said to be one, and where it leads: then the same as of that.
    for va, lines in zip(virtual, about[len(places) :]):
        at, rights = virtual[va]
        assert lines[0] == f"{va:#x} looks like a virtual address: it leads to {at:#x} {rights} supervisor WB"
        places.append(at)
        del lines[0]
    for va, lines in zip(nowhere, about[-len(nowhere) :], strict=True):
        assert lines == [f"{va:#x} looks like a virtual address: it leads to nothing: {nowhere[va]}"]
    owner[2 * MIB + 0x10] = owner[2 * MIB]
    for at, lines in zip(places, about[: len(places)], strict=True):
        on = [f"{r.start:#x}-{r.end - 1:#x} {r.kind}" for r in report.map if r.start <= at < r.end]
        maps = [f"mapped at {m.va + at - m.pa:#x} {m.rights} {m.memory_type} {m.what}"
                for m in report.plan if m.pa <= at < m.pa + m.length]  # fmt: skip
        assert lines == [
            f"{at:#x} is in {(on or ['no range of the memory map'])[0]}",
            *(maps or ["mapped nowhere, by the plan"]),
            f"held by {owner.get(at, 'nobody')}",
        ]


def test_backtrace_goes_through_the_fault(bench: Bench, image_path: Path) -> None:
    """From the report to who faulted, and to who called it, as far as the first function."""
    elf, machine = str(image_path), guest(bench, RomBoot(command="then=exit"))
    machine.command.append("-S")
    fault = ["set $rdi = (long)&boot_stack + 4096", "set $rsi = 0", "set $rdx = 1", "set $rip = (long)&memcpy"]
    with machine:
        machine.qmp.command("query-status")
        before = ["set arch i386:x86-64", f"file {elf}", "target remote ./gdb", "hbreak footing_ready",
                  "continue", *fault, "hbreak trap_handler", "continue"]  # fmt: skip
        said, = debugger.run(machine.directory, before, ["bt"])
    names = [re.sub(r"^#\d+ +(?:0x[0-9a-f]+ in )?", "", line) for line in said if line.startswith("#")]
    assert [name.split()[0] for name in names] == ["trap_handler", "<signal", "memcpy", "boot_main", "start_c"]
    assert not any("Backtrace stopped" in line or "corrupt" in line for line in said)


def test_refusals(bench: Bench, image_path: Path) -> None:
    """What cannot be done is one line that begins with the command's name."""
    commands = ["pt walk 0", "pt dump", "memmap"]
    with halted(bench, RomBoot()) as (machine, _):
        said = dict(zip(BAD, ask(machine, image_path, *BAD), strict=True))
        said["memmap"], = ask(machine, None, "memmap")
    machine = guest(bench, RomBoot())
    machine.command.append("-S")
    with machine:
        machine.qmp.command("query-status")
        early = ask(machine, image_path, *commands)
    alone = debugger.run(machine.directory, [f"file {image_path}"], commands)
    for command, lines in [*said.items(), *zip(commands * 2, [*early, *alone], strict=True)]:
        name = " ".join(command.removesuffix(" stroll").split()[: 1 + command.startswith("pt")])
        assert len(lines) == 1 and lines[0].startswith(f"{name}: "), (command, lines)
    assert "debug information is not loaded" in said["memmap"][0] and "attach" in alone[0][0]
    assert early[0] == ["pt walk: paging is off (CR0.PG = 0)"]
