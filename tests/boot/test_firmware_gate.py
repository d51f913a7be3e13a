# SPDX-License-Identifier: MIT
"""The way to the firmware and back, under rules that QEMU's TCG does not have: PCIDs and CET.

The image's own instructions are read back by objdump, and carried out one by
one on a model of the registers that faults where the manual says so: SDM vol. 3
sections 2.5 and 4.10.1 (CR0, CR4 and PCIDs), vol. 1 chapter 17 (shadow stacks).
That the boot goes on with a real firmware, test_efi.py shows.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from boots import Bench

CR0 = 0x80010033
WP = 1 << 16
PAE, PGE, SMEP, SMAP = 1 << 5, 1 << 7, 1 << 20, 1 << 21
LA57, PCIDE, CET = 1 << 12, 1 << 17, 1 << 23
OWN_ROOT, ROOT = 0x7000, 0x123000

# Offsets in struct firmware_state (include/firmware.h), as the firmware left it.
SAVED = {16: "cr0", 24: "cr4", 80: "own_root"}

Instruction = tuple[str, list[str]]


class Fault(Exception):
    """What the CPU would raise."""


@dataclass
class Cpu:
    """Registers, and a shadow stack that is there while CR4.CET is on."""

    firmware: dict[str, int]
    r: dict[str, int | str] = field(default_factory=dict)
    cr0: int = CR0
    cr3: int = OWN_ROOT
    cr4: int = PAE
    shadow: list[str] = field(default_factory=lambda: ["before"])

    def write(self, name: str, value: int) -> None:
        """A control register, or a fault."""
        cr0 = value if name == "cr0" else self.cr0
        cr4 = value if name == "cr4" else self.cr4
        if cr4 & PCIDE and not self.cr4 & PCIDE and self.cr3 & 0xFFF:
            raise Fault("#GP: CR4.PCIDE is set while CR3 has a PCID")
        if cr4 & CET and not cr0 & WP:
            raise Fault("#GP: CR4.CET without CR0.WP")
        if (cr4 ^ self.cr4) & LA57 or not cr4 & PAE or not cr0 >> 31:
            raise Fault("#GP: paging mode")
        setattr(self, name, value)

    def calls(self) -> None:
        """And the firmware returns, as deep as it was called."""
        if self.cr4 & CET:
            self.shadow.append("called")
            self.shadow.pop()

    def returns(self, kind: str) -> None:
        """To an address that was pushed by hand: the shadow stack does not know it."""
        if self.cr4 & CET:
            raise Fault(f"#CP: {kind} to what nothing called")

    def value(self, operand: str) -> int | str:
        """Of a register, a constant or a member of the firmware's state."""
        if operand.startswith("$"):
            return int(operand[1:], 0) & (1 << 64) - 1
        memory = re.fullmatch(r"(0x[0-9a-f]+)?\(%rbp\)", operand)
        if memory:
            name = SAVED.get(int(memory[1] or "0", 0), operand)
            return self.firmware.get(name, name)
        name = operand.lstrip("%")
        return getattr(self, name) if re.fullmatch(r"cr\d", name) else self.r.get(wide(name), name)

    def step(self, name: str, operands: list[str]) -> None:
        """One instruction; what has to do with nothing here only moves names about."""
        target = wide(operands[-1].lstrip("%")) if operands else ""
        if name in ("mov", "movabs", "movzwl") and re.fullmatch(r"cr\d", target):
            value = self.value(operands[0])
            assert isinstance(value, int), operands
            self.write(target, value)
        elif name in ("mov", "movabs", "movzwl") and operands[-1].startswith("%"):
            self.r[target] = self.value(operands[0])
        elif name == "and":
            left, right = self.value(operands[1]), self.value(operands[0])
            assert isinstance(left, int) and isinstance(right, int), operands
            # A 32-bit operation clears the upper half.
            narrow = operands[1].startswith("%e")
            self.r[target] = left & right & ((1 << 32) - 1 if narrow else (1 << 64) - 1)
        elif name in ("lret", "lretq", "ret", "iretq"):
            self.returns(name)
        elif name == "call":
            self.calls()
        elif name == "rdmsr":
            self.r["rax"] = 0
        else:
            assert name in PASSIVE, (name, operands)


PASSIVE = {
    "lgdt", "lidt", "push", "lea", "sub", "testl", "je", "sti", "cli", "or", "wrmsr", "jmp", "mov",
}  # fmt: skip


def wide(register: str) -> str:
    """The 64-bit register that a narrower one is a part of."""
    return "r" + register[1:] if re.fullmatch(r"e[a-ds][xip]|e[sd]i", register) else register


def _read(bench: Bench, name: str) -> list[Instruction]:
    elf = bench.directory / "gate.elf"
    elf.write_bytes(bench.raw)
    text = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", f"--disassemble={name}", elf],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    found = []
    for line in re.findall(r"^ *[0-9a-f]+:\t(.*)$", text, re.M):
        words = line.partition("#")[0].split(None, 1)
        operands = re.findall(r"[^,(]*\([^)]*\)|[^,]+", words[1].strip()) if len(words) > 1 else []
        found.append((words[0], [o.split("<")[0].strip() for o in operands]))
    return found


def _way(bench: Bench) -> list[Instruction]:
    """Out to the firmware, and back through enter_footing."""
    gate, back = _read(bench, "firmware_gate"), _read(bench, "enter_footing")
    assert [name for name, _ in gate].count("call") == 1 and gate[-1][0] == "jmp"
    assert back[-1] == ("jmp", ["*%r8"])
    return [*gate, *back]


def _carry_out(way: list[Instruction], firmware: dict[str, int], levels: int) -> Iterator[Cpu]:
    """The CPU when the firmware is called, and when all is over."""
    own = PAE | (LA57 if levels == 5 else 0)
    cpu = Cpu({**firmware, "own_root": OWN_ROOT}, {"r12": firmware["cr3"]}, cr4=own)
    for name, operands in way:
        if name == "call":
            yield cpu
        cpu.step(name, operands)
    assert cpu.cr4 == own
    yield cpu


FIRMWARES = {
    "plain": {"cr0": CR0, "cr3": ROOT, "cr4": PAE | PGE},
    "no-write-protection": {"cr0": CR0 & ~WP, "cr3": ROOT, "cr4": PAE},
    "cache-bits": {"cr0": CR0, "cr3": ROOT | 0x18, "cr4": PAE | SMEP | SMAP},
    "pcide": {"cr0": CR0, "cr3": ROOT, "cr4": PAE | PGE | PCIDE},
    "pcid": {"cr0": CR0, "cr3": ROOT | 0x801, "cr4": PAE | PGE | PCIDE},
    "cet": {"cr0": CR0, "cr3": ROOT, "cr4": PAE | CET},
    "all": {"cr0": CR0, "cr3": ROOT | 0xFFF, "cr4": PAE | PGE | SMEP | SMAP | PCIDE | CET},
}


@pytest.mark.parametrize("levels", [4, 5])
@pytest.mark.parametrize("firmware", FIRMWARES.values(), ids=FIRMWARES)
def test_there_and_back(bench: Bench, firmware: dict[str, int], levels: int) -> None:
    """The firmware finds its registers as they were, Footing its own; nothing faults between."""
    firmware = {**firmware, "cr4": firmware["cr4"] | (LA57 if levels == 5 else 0)}
    seen = []
    for cpu in _carry_out(_way(bench), firmware, levels):
        seen.append((cpu.cr0, cpu.cr3, cpu.cr4))
        assert cpu.shadow == ["before"]
    assert seen[0] == (firmware["cr0"], firmware["cr3"], firmware["cr4"])
    assert seen[1][:2] == (CR0, OWN_ROOT)


@pytest.mark.parametrize("firmware", FIRMWARES.values(), ids=FIRMWARES)
def test_entry(bench: Bench, firmware: dict[str, int]) -> None:
    """The first time, from the firmware's state as it is."""
    cpu = Cpu(firmware, {"rbx": OWN_ROOT}, firmware["cr0"], firmware["cr3"], firmware["cr4"])
    for name, operands in _read(bench, "enter_footing"):
        cpu.step(name, operands)
    assert (cpu.cr0, cpu.cr3, cpu.cr4) == (CR0, OWN_ROOT, PAE)


@pytest.mark.parametrize(
    ("what", "firmware", "fault"),
    [("cr3", "pcid", "PCID"), ("lret", "cet", "#CP"), ("cr0", "no-write-protection", None)],
)
def test_the_order_matters(bench: Bench, what: str, firmware: str, fault: str | None) -> None:
    """Planted: CR4 before what it has to wait for. The model faults; where nothing depends, not."""
    way = _way(bench)
    at = next(i for i, (_, operands) in enumerate(way) if operands[-1:] == ["%cr4"])
    load = way[at - 1 : at + 1]
    rest = way[: at - 1] + way[at + 1 :]
    if what == "cr3":
        # The root with its PCID, before CR4.
        planted = way[: at - 1] + [("mov", ["%r12", "%cr3"])] + way[at - 1 :]
    else:
        first = next(i for i, (name, o) in enumerate(rest) if name.startswith(what) or o[-1:] == [f"%{what}"])
        planted = rest[: first - 1] + load + rest[first - 1 :]
    if fault is None:
        assert len(list(_carry_out(planted, FIRMWARES[firmware], 4))) == 2
        return
    with pytest.raises(Fault, match=fault):
        list(_carry_out(planted, FIRMWARES[firmware], 4))
