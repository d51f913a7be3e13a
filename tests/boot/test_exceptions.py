# SPDX-License-Identifier: MIT
"""What must not be reached faults, and a fault says what, where and how it was translated.

gdb stops the guest at footing_ready, on the final tables, and sends it into a
function of the image with an address that the test chose: what the CPU does
with it is the outside proof, and the vector and error code are predicted here
from the manual (SDM vol. 3 section 4.7), not read from the tables.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass

import pytest

import tiny_elf
from boots import GRUB_SECONDS, MIB, ROM_SECONDS, Bench, Module, RomBoot, assert_panic
from console import PlanLine, panics, parse
from machine import EXIT_PANIC, Machine

DIRECTMAP = 0xFFFF800000000000
LOAD = 0x200000
IMAGE = 0xFFFFFFFF80080000

# What is done, by which function of the image, with the address in which register.
READ = {"rip": "memcpy", "rsi": "{at}", "rdi": "(long)&boot_stack + 4096", "rdx": "1"}
WRITE = {"rip": "memset", "rdi": "{at}", "rsi": "0", "rdx": "1"}
EXECUTE = {"rip": "{at}"}
PUSH = {"rip": "trap_common", "rsp": "{at}"}

# The error code of a page fault, and what the report makes of it.
P, W, I = 1, 2, 16
PAGE_FAULT, DOUBLE_FAULT, GENERAL_PROTECTION = 14, 8, 13
WORDS = {0: "read, page not present", W: "write, page not present", I: "fetch, page not present",
         P | W: "write, against the page's rights", P | I: "fetch, against the page's rights"}
NAMES = {PAGE_FAULT: "#PF page fault", DOUBLE_FAULT: "#DF double fault",
         GENERAL_PROTECTION: "#GP general protection"}  # fmt: skip


@dataclass(frozen=True)
class Trespass:
    """One access, and what has to come of it."""

    name: str
    registers: dict[str, str]
    at: str  # an expression for gdb
    vector: int
    error: int
    overflow: str = ""  # whose stack it is that is full


TRESPASSES = [
    Trespass("execute-null", EXECUTE, "0", PAGE_FAULT, I),
    Trespass("read-null", READ, "0", PAGE_FAULT, 0),
    Trespass("write-null", WRITE, "0", PAGE_FAULT, W),
    Trespass("execute-identity", EXECUTE, hex(LOAD), PAGE_FAULT, I),
    Trespass("read-identity", READ, hex(LOAD), PAGE_FAULT, 0),
    Trespass("read-below-1g", READ, "0x3ffff000", PAGE_FAULT, 0),
    Trespass("write-text", WRITE, "(long)&footing_ready", PAGE_FAULT, P | W),
    Trespass("write-text-alias", WRITE, hex(DIRECTMAP + LOAD), PAGE_FAULT, P | W),
    Trespass("write-constants", WRITE, "(long)&image_segments", PAGE_FAULT, P | W),
    Trespass("execute-constants", EXECUTE, "(long)&image_segments", PAGE_FAULT, P | I),
    Trespass("execute-stack", EXECUTE, "(long)&boot_stack + 4096", PAGE_FAULT, P | I),
    Trespass("execute-directmap", EXECUTE, hex(DIRECTMAP + 0x1000000), PAGE_FAULT, P | I),
    Trespass("read-vga-hole", READ, hex(DIRECTMAP + 0xA0000), PAGE_FAULT, 0),
    Trespass("read-above-ram", READ, hex(DIRECTMAP + 0x80000000), PAGE_FAULT, 0),
    Trespass("write-guard", WRITE, "(long)&boot_stack - 8", PAGE_FAULT, W, "boot stack"),
    Trespass("read-pmap-slot", READ, "0xfffffffff0000000", PAGE_FAULT, 0),
    Trespass("read-not-canonical", READ, "0x800000000000", GENERAL_PROTECTION, 0),
    Trespass("overflow-stack", PUSH, "(long)&boot_stack", DOUBLE_FAULT, 0, "boot stack"),
    Trespass("overflow-nmi", PUSH, "(long)&ist_nmi_stack", DOUBLE_FAULT, 0, "stack of NMI"),
    Trespass("overflow-mc", PUSH, "(long)&ist_mc_stack", DOUBLE_FAULT, 0, "stack of #MC"),
    Trespass("overflow-df", PUSH, "(long)&ist_df_stack", DOUBLE_FAULT, 0, "stack of #DF"),
]


_DUMP = re.compile(
    r"^  0x([0-9a-f]{16}) 0x([0-9a-f]+) 0x([0-9a-f]+) ([r-][w-][x-]) (\S+) 4K=(\d+) 2M=(\d+) 1G=(\d+)$",
    re.M,
)


def _runs(lines: list[PlanLine]) -> list[tuple[int, int, int, str, str]]:
    """The plan as a dump has it: neighbours that go on alike are one."""
    runs: list[tuple[int, int, int, str, str]] = []
    for line in lines:
        here = (line.va, line.pa, line.length, line.rights, line.memory_type)
        if runs:
            va, pa, length, rights, kind = runs[-1]
            if (va + length, pa + length, rights, kind) == (*here[:2], *here[3:]):
                runs[-1] = (va, pa, length + here[2], rights, kind)
                continue
        runs.append(here)
    return runs


def test_details_have_a_dump(bench: Bench, image_path: object) -> None:
    """At loglevel=3, a page fault shows all that is mapped: what was planned, run by run."""
    machine = bench.by_rom(RomBoot(command="then=exit loglevel=3"))
    machine.command += ["-S", "-gdb", "unix:gdb,server=on,wait=off"]
    with machine:
        machine.qmp.command("query-status")
        _gdb(machine, str(image_path), ["hbreak *(long)&footing_ready", "continue", "set $rip = 0"])
        assert machine.wait_exit(ROM_SECONDS) == EXIT_PANIC
        said = machine.serial[machine.serial.index("footing: dump of root ") :]
        runs = [
            (int(va, 16), int(pa, 16), int(length, 16), rights, kind)
            for va, pa, length, rights, kind, *_ in _DUMP.findall(said)
        ]
        report = parse(machine.serial)
        assert runs == _runs(report.plan)
        leaves = [sum(int(m[i]) for m in _DUMP.findall(said)) for i in (5, 6, 7)]
        assert leaves == list(report.tables.leaves.values())


def _gdb(machine: Machine, elf: str, commands: list[str]) -> None:
    """Run gdb's commands on the stopped guest, then let the guest go on."""
    everything = ["set arch i386:x86-64", "target remote ./gdb", *commands, "detach"]
    arguments = [part for command in everything for part in ("-ex", command)]
    done = subprocess.run(
        ["gdb", "-batch", "-nx", elf, *arguments], cwd=machine.directory, capture_output=True,
        text=True, timeout=ROM_SECONDS, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    # The guest may have left QEMU before gdb has said goodbye.
    if "Breakpoint 1," not in said or (done.returncode != 0 and "Target disconnected" not in said):
        raise machine.fail(f"gdb: {done.stdout}{done.stderr}")


@pytest.mark.parametrize("trespass", [pytest.param(t, id=t.name) for t in TRESPASSES])
def test_trespass(bench: Bench, image_path: object, trespass: Trespass) -> None:
    """The access faults as predicted, and the report names it."""
    machine = bench.by_rom(RomBoot(command="then=exit"))
    machine.command += ["-S", "-gdb", "unix:gdb,server=on,wait=off"]
    steps = ["hbreak *(long)&footing_ready", "continue"]
    for register, value in trespass.registers.items():
        text = value.format(at=trespass.at)
        text = f"(long)&{text}" if text.isidentifier() else text
        steps.append(f"set ${register} = {text}")
    with machine:
        machine.qmp.command("query-status")
        _gdb(machine, str(image_path), steps)
        assert machine.wait_exit(ROM_SECONDS) == EXIT_PANIC
        said = re.search(r"exception (\d+) \(.*\), error code 0x([0-9a-f]+)", machine.serial)
        assert said, machine.fail("no exception was reported")
        assert (int(said[1]), int(said[2], 16)) == (trespass.vector, trespass.error)
        assert [code for code, _ in panics(machine.serial)] == ["FAULT"]
        if trespass.vector == PAGE_FAULT:
            walk = re.search(r"cr2 0x([0-9a-f]+), root 0x[0-9a-f]+((?:, l\d 0x[0-9a-f]+)+)",
                             machine.serial)
            assert walk, machine.fail("no walk was printed")
            last = int(walk[2].split("0x")[-1], 16)
            assert last & P == trespass.error & P, "the walk ends otherwise than the fault says"
        _check_words(machine, trespass)


def _check_words(machine: Machine, trespass: Trespass) -> None:
    """The panic line says in words what the exception's numbers say."""
    said = panics(machine.serial)[0][1]
    report = parse(machine.serial)
    parts = [f"exception: {NAMES[trespass.vector]}"]
    if trespass.vector == PAGE_FAULT:
        parts[0] += f": {WORDS[trespass.error]}"
    if trespass.vector in (PAGE_FAULT, DOUBLE_FAULT):
        parts.append(r"cr2 0x[0-9a-f]+")
    if trespass.overflow:
        parts.append(f"stack overflow: {trespass.overflow}")
    rip = int(re.search(r"rip 0x([0-9a-f]+), vector", said)[1], 16)  # type: ignore[index]
    text = next(m for m in report.plan if m.what == "image-text")
    if text.va <= rip < text.va + text.length:
        parts.append(f"at image.0x{rip - text.va:x}")
        assert f"rip {rip:016x} (image+0x{rip - text.va:x}) " in machine.serial
    pattern = f"{', '.join(parts)} .rip 0x[0-9a-f]+, vector 0x{trespass.vector:x}."
    assert re.fullmatch(pattern, said), said
    if trespass.vector == PAGE_FAULT:
        assert f"error code 0x{trespass.error:x} ({WORDS[trespass.error]})\n" in machine.serial


def _payload_dies(bench: Bench, code: bytes) -> tuple[str, list[str]]:
    """A payload of this code ends in an exception: its panic, and what was found on the stack."""
    boot = RomBoot(command="loglevel=0", modules=[Module(64 * MIB, tiny_elf.build(code=code))])
    with bench.by_rom(boot) as machine:
        assert machine.wait_exit(ROM_SECONDS) == EXIT_PANIC
        words = assert_panic(machine, "FAULT")
        return words, re.findall(r"^    rsp\+0x([0-9a-f]{3} \S+)$", machine.serial, re.M)


def test_stack_overflow_of_a_payload(bench: Bench) -> None:
    """Endless recursion is called so; the stack is full of where it returns to."""
    words, found = _payload_dies(bench, b"\x90\xe8\xfa\xff\xff\xff")  # nop; call to the nop
    place = f"payload+0x{tiny_elf.ENTRY + 1:x}"
    assert f"#DF double fault, cr2 0x" in words and f"stack overflow: boot stack, at {place} (rip" in words
    assert found == [f"{8 * i:03x} payload+0x{tiny_elf.ENTRY + 6:x}" for i in range(12)]


def test_selector_of_a_payload(bench: Bench) -> None:
    """A segment that is beyond the GDT: its selector in words; the stack shows who called."""
    # call over the ud2, to: mov $0x40, %ax; mov %ax, %ds
    code = b"\xe8\x02\0\0\0\x0f\x0b" + b"\x66\xb8\x40\0\x8e\xd8"
    words, found = _payload_dies(bench, code)
    assert f"#GP general protection: GDT selector 0x40, at payload+0x{tiny_elf.ENTRY + 11:x} (rip" in words
    assert found[0] == f"000 payload+0x{tiny_elf.ENTRY + 5:x}" and found[1].startswith("008 image+0x")
    assert len(found) == 2


@pytest.mark.parametrize("rsp", ["0x1234567", "-1", "0x800000000000", "0xffff8000000a0000", "$rsp + 4"])
def test_reading_the_stack_cannot_fault(bench: Bench, image_path: object, rsp: str) -> None:
    """A stack pointer that leads nowhere: the report has no stack, and goes on."""
    machine = bench.by_rom(RomBoot(command="then=exit"))
    machine.command += ["-S", "-gdb", "unix:gdb,server=on,wait=off"]
    with machine:
        machine.qmp.command("query-status")
        # Where nothing can be pushed, the double fault has a stack of its own.
        steps = ["hbreak *(long)&footing_ready", "continue", "set $rip = 0", f"set $rsp = {rsp}"]
        _gdb(machine, str(image_path), steps)
        assert machine.wait_exit(ROM_SECONDS) == EXIT_PANIC
        name = NAMES[PAGE_FAULT if rsp == "$rsp + 4" else DOUBLE_FAULT]
        assert assert_panic(machine, "FAULT").startswith(f"exception: {name}")
        assert ("on the stack" in machine.serial) == (rsp == "$rsp + 4")


def test_slot_left_open_on_the_way(bench: Bench, image_path: object) -> None:
    """A PMAP slot that nobody released before the switch stops the boot, and names its owner."""
    machine = bench.by_rom(RomBoot(command="then=exit"))
    machine.command += ["-S", "-gdb", "unix:gdb,server=on,wait=off"]
    steps = [
        "hbreak *(long)&pmap_check", "continue", 'set {char[5]}&boot_stack = "left"',
        "set var pmap.taken.used = 1", "set var pmap.taken.owners[0] = (char *)&boot_stack",
    ]  # fmt: skip
    with machine:
        machine.qmp.command("query-status")
        _gdb(machine, str(image_path), steps)
        assert machine.wait_exit(ROM_SECONDS) == EXIT_PANIC
        assert panics(machine.serial) == [
            ("PMAP", "a PMAP slot is not released: left (va 0xfffffffff0000000)")
        ]


def test_nmi_has_a_stack_of_its_own(bench: Bench) -> None:
    """A halted guest answers an NMI with a report and a panic (a BIOS set LINT1 up for it)."""
    with bench.by_grub("bios", "then=halt") as machine:
        machine.wait_line("footing: ready", GRUB_SECONDS["bios"])
        machine.qmp.command("inject-nmi")
        machine.wait_line(r"footing: exception 2 \(NMI\), error code 0x0", ROM_SECONDS)
        machine.wait_line(r"footing: panic FAULT: .*", ROM_SECONDS)
