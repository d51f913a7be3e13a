# SPDX-License-Identifier: MIT
"""Commands for gdb, attached to QEMU: `pt walk`, `pt dump`, `memmap`; `help pt` says more.

Load it with `source`. The pt commands want nothing of Footing's but its PAT; memmap reads
Footing's state by its debug information.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import gdb  # pylint: disable=import-error

_WORD = (1 << 64) - 1
_SLOTS = 512
_PAGE = 0x1000

# Entries of page tables, SDM vol. 3 section 4.5. Level 0 holds 4 KiB leaves, and is printed as l1.
_P, _W, _U, _PWT, _PCD, _A, _D, _PS, _G = (1 << bit for bit in range(9))
_PAT_SMALL, _PAT_LARGE = 0x80, 0x1000
_NX = 1 << 63
_ADDRESS = 0x000FFFFFFFFFF000
_SET_BY_CPU = _A | _D
_FLAGS = (("A", _A), ("D", _D), ("G", _G), ("U", _U))
_SIZES = ("4K", "2M", "1G")

_CR0_PG, _CR4_LA57, _EFER_LMA, _EFER_NXE = 1 << 31, 1 << 12, 1 << 10, 1 << 11

_PAT_VALUE = 0x0007050100070406  # include/memtype.h; the stub does not give IA32_PAT
_TYPES = {0: "UC", 1: "WC", 4: "WT", 5: "WP", 6: "WB", 7: "UC-"}
_RIGHT_W, _RIGHT_X = 2, 4  # include/plan.h
_MAX_RANGES = 2 * 4096 - 1  # boot/main.c


class _Grant(NamedTuple):
    """What entries allow; reading goes without saying."""

    write: bool = True
    execute: bool = True
    user: bool = True

    def narrow(self, entry: int) -> _Grant:
        """What is left of it below this entry."""
        return _Grant(
            self.write and bool(entry & _W),
            self.execute and not entry & _NX,
            self.user and bool(entry & _U),
        )

    def __str__(self) -> str:
        return "r" + ("w" if self.write else "-") + ("x" if self.execute else "-")


@dataclass(frozen=True)
class _Paging:
    """How the CPU translates, and from which root."""

    root: int
    levels: int
    nx: bool  # bit 63 is execute-disable, not reserved
    width: int  # of physical addresses

    def extended(self, linear: int) -> int:
        """The canonical address of these 48 or 57 bits."""
        sign = 1 << (11 + 9 * self.levels)
        return (linear ^ sign) - sign & _WORD

    def linear(self, va: int) -> int:
        """The bits that are translated."""
        return va & (1 << (12 + 9 * self.levels)) - 1

    def is_canonical(self, va: int) -> bool:
        """Does the CPU take this address?"""
        return self.extended(self.linear(va)) == va

    def flaw(self, entry: int, level: int) -> str:
        """Why the CPU gets no further here, or nothing; SDM vol. 3 tables 4-15 to 4-20."""
        if not entry & _P:
            return "not present"
        bits = _ADDRESS & ~((1 << self.width) - 1)
        if not self.nx:
            bits |= _NX
        if level > 2:
            bits |= _PS
        elif level > 0 and entry & _PS:
            bits |= _ADDRESS & _span(level) - 1 & ~_PAT_LARGE
        return f"reserved bits {entry & bits:#x}" if entry & bits else ""


def _span(level: int) -> int:
    return 1 << (12 + 9 * level)


def _is_leaf(entry: int, level: int) -> bool:
    return level == 0 or (level <= 2 and bool(entry & _PS))


def _leaf_pa(entry: int, level: int) -> int:
    return entry & _ADDRESS & -_span(level)


def _leaf_type(entry: int, level: int) -> str:
    pat = _PAT_LARGE if level else _PAT_SMALL
    index = (entry & _PWT) // _PWT + (entry & _PCD) // _PCD * 2 + (entry & pat) // pat * 4
    return _TYPES[_PAT_VALUE >> 8 * index & 0xFF]


def _packet(text: str) -> str:
    """What the stub answers; nothing if it does not know such a packet."""
    said = gdb.execute(f"maintenance packet {text}", to_string=True)
    answer = re.search(r'received: "(.*)"', said)
    return answer[1] if answer else ""


@contextmanager
def _physical() -> Iterator[None]:
    """While this context lasts, gdb's addresses are physical."""
    try:
        if _packet("Qqemu.PhyMemMode:1") != "OK":
            raise gdb.GdbError("the stub refuses to read physical memory")
        yield
    finally:
        _packet("Qqemu.PhyMemMode:0")


def _table(frame: int) -> tuple[int, ...]:
    """All entries of the table in this frame; within _physical()."""
    return struct.unpack(f"<{_SLOTS}Q", gdb.selected_inferior().read_memory(frame, _PAGE))


def _number(text: str, name: str) -> int:
    """What gdb takes this expression for; a function or an array is its address."""
    value = gdb.parse_and_eval(text)
    code = value.type.strip_typedefs().code
    # An array that was read already is no variable: its address would be that of a copy.
    if code == gdb.TYPE_CODE_FUNC or (code == gdb.TYPE_CODE_ARRAY and value.is_lazy):
        value = gdb.parse_and_eval(f"&({text})")
    elif code not in (
        gdb.TYPE_CODE_INT, gdb.TYPE_CODE_PTR, gdb.TYPE_CODE_ENUM, gdb.TYPE_CODE_FLAGS,
        gdb.TYPE_CODE_CHAR, gdb.TYPE_CODE_BOOL,
    ):  # fmt: skip
        raise gdb.GdbError(f"{name} is not an address: {text}")
    number = int(value)
    # gdb 13 cuts such a constant without a word.
    if re.match("0x0*[0-9a-f]{17}", text, re.I) or not -(1 << 63) <= number <= _WORD:
        raise gdb.GdbError(f"{name} has more than 64 bits: {text}")
    return number & _WORD


def _width() -> int:
    """Physical address bits, where Footing's state says; else as many as there can be."""
    try:
        width = int(_boot()["map"]["phys_bits"])
    except (gdb.error, gdb.GdbError):
        return 52
    return width if 32 <= width <= 52 else 52


def _need_qemu() -> None:
    try:
        known = _packet("qqemu.PhyMemMode") in ("0", "1")
    except gdb.error as error:
        raise gdb.GdbError("attach gdb to QEMU first: target remote :1234") from error
    if not known:
        raise gdb.GdbError("the stub has no physical addressing: it is not QEMU's")


def _paging(root: str | None) -> _Paging:
    """Of the selected CPU, with its own root or this one."""
    _need_qemu()
    try:
        frame = gdb.newest_frame()
        cr0, cr3, cr4, efer = (
            int(frame.read_register(name)) & _WORD for name in ("cr0", "cr3", "cr4", "efer")
        )
    except ValueError as error:
        raise gdb.GdbError(f"no x86-64 CPU: {error}") from error
    if not cr0 & _CR0_PG:
        raise gdb.GdbError("paging is off (CR0.PG = 0)")
    if not efer & _EFER_LMA:
        raise gdb.GdbError("the CPU is not in long mode (EFER.LMA = 0)")
    width = _width()
    at = cr3 & _ADDRESS if root is None else _number(root, "ROOT")
    if at % _PAGE or at >> width:
        raise gdb.GdbError(f"ROOT {at:#x} is not a frame: a multiple of 4096 below 2^{width}")
    return _Paging(at, 5 if cr4 & _CR4_LA57 else 4, bool(efer & _EFER_NXE), width)


@dataclass
class _Run:
    """Leaves whose virtual and physical addresses both go on without a gap."""

    va: int
    pa: int
    length: int
    grant: _Grant
    memory_type: str
    pages: list[int]  # of each size

    def takes(self, other: _Run) -> bool:
        """Add the other run to this one, if that is where it goes on."""
        here = (self.va + self.length, self.pa + self.length, self.grant, self.memory_type)
        if here != (other.va, other.pa, other.grant, other.memory_type):
            return False
        self.length += other.length
        self.pages = [mine + more for mine, more in zip(self.pages, other.pages)]
        return True

    def __str__(self) -> str:
        counts = [f"{size}={count}" for size, count in zip(_SIZES, self.pages) if count]
        user = ["user"] if self.grant.user else []
        return " ".join(
            [f"{self.va:#x}-{self.va + self.length - 1:#x} {self.pa:#x} {self.length:#x}",
             str(self.grant), self.memory_type, *counts, *user]
        )  # fmt: skip


def _walk_lines(va: int, paging: _Paging) -> Iterator[str]:
    """The entries from the root down, a line each, and one that says where they lead; within _physical()."""
    if not paging.is_canonical(va):
        yield f"{va:#x} -> nothing: not canonical with {paging.levels} levels"
        return
    frame, grant = paging.root, _Grant()
    for level in range(paging.levels - 1, -1, -1):
        index = va // _span(level) % _SLOTS
        entry = _table(frame)[index]
        place = f"l{level + 1} {frame:#x}[{index}] {entry:#018x}"
        if why := paging.flaw(entry, level):
            yield f"{place} {why}"
            yield f"{va:#x} -> nothing: {why} at l{level + 1}"
            return
        grant = grant.narrow(entry)
        flags = "".join(f" {name}" for name, bit in _FLAGS if entry & bit)
        own = _Grant().narrow(entry)
        if _is_leaf(entry, level):
            page, kind = _leaf_pa(entry, level), _leaf_type(entry, level)
            yield f"{place} {_SIZES[level]} page {page:#x} {own} {kind}{flags}"
            rights = f"{grant} {'user' if grant.user else 'supervisor'}"
            yield f"{va:#x} -> {page + va % _span(level):#x} {rights} {kind}"
            return
        frame = entry & _ADDRESS
        yield f"{place} table {frame:#x} {own}{flags}"


class _Tables:
    """What a root reaches of the addresses from first to last, both linear."""

    def __init__(self, paging: _Paging, first: int, last: int) -> None:
        self.paging = paging
        self.frames: list[int] = []
        self.leaves = [0, 0, 0]
        self.bad = 0
        self._first = first
        self._last = last

    def runs(self) -> Iterator[_Run | str]:
        """In ascending order; a string is a bad entry's line."""
        last: _Run | None = None
        for found in self._visit(self.paging.root, self.paging.levels - 1, 0, _Grant()):
            if isinstance(found, _Run):
                self.leaves = [all_ + more for all_, more in zip(self.leaves, found.pages)]
                if last and last.takes(found):
                    continue
            else:
                self.bad += 1
            if last:
                yield last
            last = found if isinstance(found, _Run) else None
            if isinstance(found, str):
                yield found
        if last:
            yield last

    def _visit(self, frame: int, level: int, base: int, grant: _Grant) -> Iterator[_Run | str]:
        self.frames.append(frame)
        entries = _table(frame)
        span = _span(level)
        index = max(self._first - base, 0) // span
        end = min((self._last - base) // span + 1, _SLOTS)
        while index < end:
            entry = entries[index]
            count = 1
            if entry:
                at = base + index * span
                if flaw := self.paging.flaw(entry, level):
                    yield f"{self.paging.extended(at):#x} l{level + 1} {entry:#x} bad: {flaw}"
                elif _is_leaf(entry, level):
                    count = self._alike(entries[index:end], level)
                    yield _Run(
                        self.paging.extended(at), _leaf_pa(entry, level), count * span,
                        grant.narrow(entry), _leaf_type(entry, level),
                        [count if each == level else 0 for each in range(3)],
                    )  # fmt: skip
                else:
                    below = entry & _ADDRESS
                    yield from self._visit(below, level - 1, at, grant.narrow(entry))
            index += count

    def _alike(self, entries: tuple[int, ...], level: int) -> int:
        """How many differ from the first by nothing but their place in a row of frames."""
        span = _span(level)
        expected = entries[0] & ~_SET_BY_CPU
        count = 0
        for entry in entries:
            if entry & ~_SET_BY_CPU != expected:
                break
            expected += span
            count += 1
        room = (1 << self.paging.width) - _leaf_pa(entries[0], level)
        return min(count, room // span)


def _boot() -> gdb.Value:
    """Footing's state, struct boot."""
    for symbol in gdb.lookup_static_symbols("boot"):
        # Link-time optimisation leaves a second one, which has no address.
        if symbol.type and symbol.type.strip_typedefs().tag == "boot" and symbol.value().address:
            return symbol.value()
    raise gdb.GdbError("Footing's debug information is not loaded: add-symbol-file footing.elf")


def _names(enum: str, prefix: str) -> dict[int, str]:
    """An enumeration's values, in the words of the console."""
    fields = gdb.lookup_type(f"enum {enum}").fields()
    return {f.enumval: f.name.removeprefix(prefix).lower().replace("_", "-") for f in fields}


class _Command(gdb.Command):  # type: ignore[misc]
    """A command whose failures are one line, with its name before it."""

    def __init__(self, name: str, least: int, most: int) -> None:
        super().__init__(name, gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)
        self._name = name
        self._counts = range(least, most + 1)

    def run(self, arguments: list[str]) -> None:
        """What the command does."""
        raise NotImplementedError

    def invoke(self, argument: str, _from_tty: bool) -> None:
        """From gdb."""
        try:
            arguments = gdb.string_to_argv(argument)
            if len(arguments) not in self._counts:
                raise gdb.GdbError(
                    f"not with {len(arguments)} arguments (quote one that has spaces in it): "
                    f"see help {self._name}"
                )
            self.run(arguments)
        except (gdb.error, gdb.GdbError) as error:
            words = " ".join(str(error).split())
            raise gdb.GdbError(f"{self._name}: {words}") from None


class _Prefix(gdb.Command):  # type: ignore[misc]
    """Read the guest's page tables from outside, in physical memory, through QEMU's gdbstub.

The root is CR3's unless the command is given another; the number of levels is always that of the
CPU (CR4.LA57). Memory types are those of Footing's IA32_PAT, 0x0007050100070406, and do not take
the MTRRs into account."""

    def __init__(self) -> None:
        super().__init__("pt", gdb.COMMAND_DATA, gdb.COMPLETE_COMMAND, True)

    def invoke(self, argument: str, _from_tty: bool) -> None:
        """Without one of its commands."""
        raise gdb.GdbError("pt: give `walk VA` or `dump`: see help pt walk, help pt dump")


class _Walk(_Command):
    """Show how an address is translated: pt walk VA [ROOT]

VA and ROOT are expressions; ROOT is the physical address of a root table.
A line for each entry from the root down: level, table and index, the entry, the table that it
links or the page that it maps, its own rights, memory type (for a page), and flags (A accessed,
D dirty, G global, U user). Then what comes of it: the physical address, with the rights over all
levels; or where the walk ends, and why."""

    def run(self, arguments: list[str]) -> None:
        va = _number(arguments[0], "VA")
        paging = _paging(arguments[1] if len(arguments) > 1 else None)
        with _physical():
            lines = list(_walk_lines(va, paging))
        print("\n".join(lines))


class _Dump(_Command):
    """Show all that is mapped, in runs: pt dump [ROOT] [VA-FROM VA-TO]

ROOT is the physical address of a root table; VA-FROM and VA-TO, inclusive, choose the pages that
have a byte in between.
A line is a run of pages whose virtual and physical addresses both go on, with the same rights
and memory type: 0xva-0xva 0xpa 0xlength rights type pages, and "user" where user mode may.
Entries that are neither zero nor valid have lines of their own. The last line counts what was
read."""

    def run(self, arguments: list[str]) -> None:
        given = arguments[-2:] if len(arguments) > 1 else []
        paging = _paging(arguments[0] if len(arguments) % 2 else None)
        first, last = 0, _WORD
        if given:
            first, last = _number(given[0], "VA-FROM"), _number(given[1], "VA-TO")
        for va in (first, last):
            if not paging.is_canonical(va):
                raise gdb.GdbError(f"{va:#x} is not canonical with {paging.levels} levels")
        if first > last:
            raise gdb.GdbError(f"VA-FROM {first:#x} is above VA-TO {last:#x}")
        with _physical():
            tables = _Tables(paging, paging.linear(first), paging.linear(last))
            for line in tables.runs():
                print(line)
        leaves = " ".join(f"{size}={count}" for size, count in zip(_SIZES, tables.leaves))
        print(f"tables {len(tables.frames)} leaves {leaves} bad {tables.bad}")


class _MemMap(_Command):
    """Show Footing's memory map, or what it knows of a physical address: memmap [ADDRESS]

With ADDRESS: the range of the map that it is in, where the plan maps it, and who holds it. One
that is in no range, and too wide to be physical or mapped, is taken for a virtual one: where the
active tables lead from there, and the same of that.
This reads Footing's state by its debug information: add-symbol-file footing.elf loads that."""

    def run(self, arguments: list[str]) -> None:
        boot = _boot()
        _need_qemu()
        address = _number(arguments[0], "ADDRESS") if arguments else None
        count = int(boot["map"]["count"])
        if not 0 < count <= _MAX_RANGES or not int(boot["map"]["ranges"]):
            raise gdb.GdbError("there is no memory map yet: go on to `hbreak footing_ready`")
        kinds = _names("mem_type", "MEM_")
        ranges = [
            (int(r["base"]), int(r["end"]) - 1, kinds.get(int(r["type"]), "?"))
            for r in (boot["map"]["ranges"][i] for i in range(count))
        ]
        lines = self._table(ranges) if address is None else self._about(boot, ranges, address)
        print("\n".join(lines))

    @staticmethod
    def _table(ranges: list[tuple[int, int, str]]) -> Iterator[str]:
        for first, last, kind in ranges:
            span = f"{first:#x}-{last:#x}"
            yield f"{span:<31} {last + 1 - first:#14x}  {kind}"

    def _about(
        self, boot: gdb.Value, ranges: list[tuple[int, int, str]], address: int
    ) -> Iterator[str]:
        if leads := self._as_virtual(ranges, address):
            yield f"{address:#x} looks like a virtual address: it leads to {leads}"
            if leads.startswith("nothing"):
                return
            address = int(leads.split()[0], 16)
        found = [f"{r[0]:#x}-{r[1]:#x} {r[2]}" for r in ranges if r[0] <= address <= r[1]]
        yield f"{address:#x} is in {found[0] if found else 'no range of the memory map'}"
        mapped = list(self._mapped(boot["plan"], address))
        yield from mapped or ["mapped nowhere, by the plan"]
        held = list(self._held(boot, address))
        yield from held or ["held by nobody"]

    @staticmethod
    def _as_virtual(ranges: list[tuple[int, int, str]], address: int) -> str:
        """Where it leads, if it is no physical address that anything is known of."""
        if any(first <= address <= last for first, last, _ in ranges):
            return ""
        try:
            paging = _paging(None)
        except gdb.GdbError as error:
            return f"nothing: {error}" if address >> _width() else ""
        with _physical():
            *_, last_line = _walk_lines(address, paging)
        leads = last_line.partition(" -> ")[2]
        return leads if address >> paging.width or not leads.startswith("nothing") else ""

    @staticmethod
    def _mapped(plan: gdb.Value, address: int) -> Iterator[str]:
        whats = _names("mapping_what", "WHAT_")
        for entry in (plan["entries"][i] for i in range(int(plan["count"]))):
            at = address - int(entry["pa"])
            if 0 <= at < int(entry["len"]):
                rights = int(entry["rights"])
                grant = _Grant(bool(rights & _RIGHT_W), bool(rights & _RIGHT_X))
                kind = _TYPES.get(int(entry["type"]), "?")
                what = whats.get(int(entry["what"]), "?")
                yield f"mapped at {int(entry['va']) + at:#x} {grant} {kind} {what}"

    @staticmethod
    def _held(boot: gdb.Value, address: int) -> Iterator[str]:
        busy = boot["busy"]
        for each in (busy["ranges"][i] for i in range(int(busy["count"]))):
            first, last = int(each["base"]), int(each["end"]) - 1
            if first <= address <= last:
                yield f"held by {each['owner'].string()} {first:#x}-{last:#x}"
        root = int(boot["root"])
        if not root:  # not built yet
            return
        paging = _Paging(root, int(boot["request"]["levels"]), True, _width())
        with _physical():
            tables = _Tables(paging, 0, paging.linear(_WORD))
            for _ in tables.runs():
                pass
        if address & ~(_PAGE - 1) in tables.frames:
            yield "held by the page tables"


_Prefix()
_Walk("pt walk", 1, 2)
_Dump("pt dump", 0, 3)
_MemMap("memmap", 0, 1)
