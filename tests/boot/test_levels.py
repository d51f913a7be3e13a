# SPDX-License-Identifier: MIT
"""la57=on|off|auto: the paging levels asked for, or the fewest that hold the RAM.

Whatever the loader left: loaders leave four; the test ROM's 64-bit entry leaves four or five. Each guest
that halts is held to everything by the outside reader.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product

import pytest

import esp
import mb2
import oracle
import payloads
import pvh
import snapshot
from boots import (
    MIB, ROM_SECONDS, Bench, RomBoot, assert_panic, assert_ready, efi_halts_right, grub_halts_right,
)  # fmt: skip
from faults import Editor, NX, P, W
from intervals import union
from machine import EXIT_PANIC, Machine
from payloads import long_mode, rom_boot, rom_succeeds
from rom import Firmware

GIB, TIB = 1 << 30, 1 << 40
WINDOW = 123 * TIB  # of RAM that four levels hold, by README.md
WIDE = "max,phys-bits=52"
DIRECTMAP = {4: 0xFFFF800000000000, 5: 0xFF00000000000000}
# Command line words, the levels that little RAM is to have by them.
ASKED = {"la57=on": 5, "la57=off": 4, "la57=auto": 4, "": 4}


def _hold(taken: snapshot.Snapshot, levels: int) -> None:
    assert taken.levels == taken.report.layout.levels == levels
    assert taken.report.layout.directmap == DIRECTMAP[levels]
    mapped = {run.va for run in taken.walk.runs}
    assert 0 not in mapped and not any(va < 1 << 63 for va in mapped)


# ---- from four levels, by every loader


def _by_grub(bench: Bench, firmware: str, words: str) -> snapshot.Snapshot:
    with bench.by_grub(firmware, f"then=halt {words}") as machine:
        return grub_halts_right(machine, firmware)


def _by_efi(bench: Bench, words: str) -> snapshot.Snapshot:
    config = esp.config(f"then=halt {words}")
    files = bench.chainloading(["chainloader /x/footing.efi", "boot"], **{"footing.cfg": config})
    with bench.by_efi(files) as machine:
        return efi_halts_right(machine)


def _by_pvh(bench: Bench, words: str) -> snapshot.Snapshot:
    with pvh.start(bench, f"then=halt {words}") as machine:
        return pvh.halts_right(machine)


WAYS: dict[str, Callable[[Bench, str], snapshot.Snapshot]] = {
    "bios": lambda bench, words: _by_grub(bench, "bios", words),
    "uefi": lambda bench, words: _by_grub(bench, "uefi", words),
    "efi": _by_efi,
    "pvh": _by_pvh,
}
_SLOW = {
    *product(("uefi", "efi"), ("", "la57=off", "la57=auto")),
    *product(("bios",), ("", "la57=off")),
    ("efi", "la57=on"),
}
BY_LOADER = [
    pytest.param(way, words, marks=[pytest.mark.full] if (way, words) in _SLOW else [])
    for way, words in product(WAYS, ASKED)
]


@pytest.mark.parametrize(("way", "words"), BY_LOADER)
def test_by_loader(bench: Bench, way: str, words: str) -> None:
    """As many levels as asked for, and every invariant, on a CPU that can walk five."""
    taken = WAYS[way](bench, words)
    assert "la57" in taken.cpu.features
    _hold(taken, ASKED[words])


# ---- from four and from five levels, the image below and above 4 GiB


SPLIT = payloads.SPLIT
LOADS = {"low": 4 * MIB, "odd": 0x3FF000, "at-4g": 4 * GIB, "above-4g": 4 * GIB + 0x7FF000}


def _at(load: int, levels: int, words: str) -> RomBoot:
    boot = RomBoot(command=f"then=halt {words}", load=load, memory=4 * GIB, entries=SPLIT)
    return long_mode(boot, levels)


BY_LONG_MODE = [
    pytest.param(
        entered, load, words,
        marks=[pytest.mark.full] if load == "odd" or not words
        else [pytest.mark.smoke] if load == "above-4g" and entered != ASKED[words] else [],
    )
    for entered, load, words in product((4, 5), LOADS, ASKED)
]  # fmt: skip


@pytest.mark.parametrize(("entered", "load", "words"), BY_LONG_MODE)
def test_by_long_mode(bench: Bench, entered: int, load: str, words: str) -> None:
    """The entry's levels do not matter, nor where the image is."""
    _hold(bench.rom_halts_right(_at(LOADS[load], entered, words)), ASKED[words])


@pytest.mark.parametrize("maxpage", ["4k", "2m"])
@pytest.mark.parametrize("entered", [4, 5])
def test_page_sizes(bench: Bench, entered: int, maxpage: str) -> None:
    """The same with smaller pages, always against what the entry has."""
    words = f"{'la57=on' if entered == 4 else 'la57=off'} maxpage={maxpage}"
    boot = long_mode(RomBoot(command=f"then=halt {words}"), entered)
    boot = replace(boot, maxpage={"4k": 0x1000, "2m": 0x200000}[maxpage])
    _hold(bench.rom_halts_right(boot), 9 - entered)


_FEW = (0x100000, 0x101000, 0x1FF000)
_MANY = (*range(0x102000, 0x130000, 0x1000), 0x200000, 0x201000, 0x7FF000)
ANYWHERE = [*_FEW, *(pytest.param(load, marks=[pytest.mark.full]) for load in _MANY)]


@pytest.mark.parametrize("load", ANYWHERE, ids=hex)
@pytest.mark.parametrize("entered", [4, 5])
def test_anywhere(bench: Bench, entered: int, load: int) -> None:
    """The change of levels needs a page below 4 GiB, which is nowhere in particular."""
    words = "la57=on" if entered == 4 else "la57=off"
    boot = RomBoot(command=f"then=halt {words}", load=load)
    _hold(bench.rom_halts_right(long_mode(boot, entered)), 9 - entered)


# RAM below 4 GiB that there is to change the levels in: little of it, at an end.
LITTLE = {
    "below-1m": (0x30000, 0x40000),
    "at-1m": (0x100000, 0x10000),
    "above-1m": (0x100000, 0x40000),
    "below-4g": (2 * GIB - MIB, MIB),
}

@pytest.mark.parametrize("where", LITTLE)
@pytest.mark.parametrize("entered", [4, 5])
def test_little_low_ram(bench: Bench, entered: int, where: str) -> None:
    """All of the RAM below 4 GiB is 64 KiB or a few times that, for an image above."""
    base, length = LITTLE[where]
    entries = [(base, length, mb2.USABLE), (4 * GIB, 2 * GIB, mb2.USABLE)]
    words = "la57=on" if entered == 4 else "la57=off"
    boot = replace(_at(LOADS["above-4g"], entered, words), entries=entries)
    _hold(bench.rom_halts_right(boot), 9 - entered)


# ---- what cannot be had


NO_LA57 = "paging levels cannot be had: la57=on, but the CPU has four (CPUID 7 ECX bit 16)"
NO_RAM = "paging levels cannot be had: no free RAM below 4 GiB to do it in"
_OTHER_CPUS = ("max,la57=off", "qemu64", "EPYC")


def _refuses(machine: Machine, words: str) -> None:
    assert machine.wait_exit(ROM_SECONDS) == EXIT_PANIC
    assert assert_panic(machine, "LEVELS") == words


@pytest.mark.parametrize("cpu", _OTHER_CPUS)
def test_no_la57(bench: Bench, cpu: str) -> None:
    """la57=on is refused where the CPU walks four levels only."""
    with pvh.start(bench, "la57=on", cpu=cpu) as machine:
        _refuses(machine, NO_LA57)


@pytest.mark.parametrize(("way", "cpu"), [("bios", "qemu64"), ("rom", "max,la57=off")])
def test_no_la57_by_other_ways(bench: Bench, way: str, cpu: str) -> None:
    """The same through GRUB and by the 64-bit entry."""
    if way == "bios":
        with bench.by_grub("bios", "la57=on", cpu=cpu) as machine:
            _refuses(machine, NO_LA57)
    else:
        with bench.by_rom(long_mode(RomBoot(command="la57=on", cpu=cpu), 4)) as machine:
            _refuses(machine, NO_LA57)


@pytest.mark.parametrize("cpu", _OTHER_CPUS)
@pytest.mark.parametrize("words", ["la57=off", "la57=auto"])
def test_four_levels_need_no_la57(bench: Bench, cpu: str, words: str) -> None:
    """Four can always be had."""
    with pvh.start(bench, f"then=halt {words}", cpu=cpu) as machine:
        _hold(pvh.halts_right(machine), 4)


# Nothing below 4 GiB is free: the levels at entry, what is asked for, and the levels that come of it.
NO_LOW = {(4, "la57=on"): 0, (5, "la57=off"): 0, (5, "la57=auto"): 0,
          (4, "la57=off"): 4, (4, "la57=auto"): 4, (5, "la57=on"): 5}  # fmt: skip


@pytest.mark.parametrize(("entered", "words"), NO_LOW)
def test_no_low_ram(bench: Bench, entered: int, words: str) -> None:
    """Without RAM below 4 GiB levels cannot be changed; where they need not, all is well."""
    wanted = NO_LOW[entered, words]
    entries = [(0, 2 * GIB, mb2.RESERVED), (4 * GIB, 2 * GIB, mb2.USABLE)]
    boot = replace(_at(LOADS["above-4g"], entered, words), entries=entries)
    if wanted:
        _hold(bench.rom_halts_right(boot), wanted)
    else:
        with bench.by_rom(replace(boot, command=words)) as machine:
            _refuses(machine, NO_RAM)


# ---- more RAM than four levels hold, by a map that claims it


@dataclass(frozen=True)
class Claim:
    """RAM that the firmware's map claims up there, without there being any."""

    base: int
    end: int
    words: str
    levels: int
    cpu: str = WIDE
    left_out: str = ""  # as the line has it

    @property
    def name(self) -> str:
        """As pytest shows it."""
        return f"{self.base >> 40}T-{self.end:x}-{self.words}-{self.cpu.removeprefix(WIDE)}"


_AT_130 = "0x820000000000-0x82003fffffff (1048576 KiB): beyond the directmap window"
_LAST_PAGE = "0x7b0000000000-0x7b0000000fff (4 KiB): beyond the directmap window"
CLAIMS = [
    Claim(130 * TIB, 130 * TIB + GIB, "", 5),
    Claim(130 * TIB, 130 * TIB + GIB, "la57=auto", 5),
    Claim(130 * TIB, 130 * TIB + GIB, "la57=on", 5),
    Claim(130 * TIB, 130 * TIB + GIB, "la57=off", 4, left_out=_AT_130),
    Claim(130 * TIB, 130 * TIB + GIB, "la57=auto", 4, WIDE + ",la57=off", _AT_130),
    Claim(122 * TIB, WINDOW, "la57=auto", 4),
    Claim(122 * TIB, WINDOW + 0xFFF, "la57=auto", 4),  # no whole page is beyond
    Claim(122 * TIB, WINDOW + 0x1000, "la57=auto", 5),
    Claim(122 * TIB, WINDOW + 0x1000, "la57=off", 4, left_out=_LAST_PAGE),
    Claim(4095 * TIB, 4096 * TIB, "", 5),
]


@pytest.mark.parametrize(
    ("claim", "entered"),
    [
        pytest.param(c, n, id=f"{c.name}-{n}", marks=[pytest.mark.full] if n == 5 and c.words else [])
        for c, n in product(CLAIMS, (4, 5))
        if n == 4 or "la57=off" not in c.cpu
    ],
)
def test_claimed_ram(bench: Bench, claim: Claim, entered: int) -> None:
    """auto takes five levels for the first page that four cannot hold, and says what it leaves out."""
    claimed = (claim.base, claim.end)
    boot = RomBoot(
        command=f"then=halt {claim.words}",
        entries=[*mb2.standard_map(256 * MIB), (claim.base, claim.end - claim.base, mb2.USABLE)],
        cpu=claim.cpu,
    )
    boot = long_mode(boot, entered)
    boot = replace(boot, firmware=replace(boot.firmware, phys_bits=52))
    with bench.by_rom(boot) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert_ready(machine)
        taken = snapshot.take(machine, boot.truth())
        left_out = [line for line in machine.serial.splitlines() if "directmap window" in line]
    # QEMU has nothing there; all else is held to what it has.
    taken = replace(taken, memory=[*taken.memory, (*claimed, "ram")])
    oracle.hold(taken)
    _hold(taken, claim.levels)
    assert left_out == ([f"footing: left out {claim.left_out}"] if claim.left_out else [])


def test_limit_below(bench: Bench) -> None:
    """RAM that mem= leaves alone needs no fifth level."""
    entries = [*mb2.standard_map(256 * MIB), (130 * TIB, GIB, mb2.USABLE)]
    firmware = Firmware(phys_bits=52)
    boot = RomBoot("then=halt mem=1T", entries, cpu=WIDE, firmware=firmware, ram_limit=TIB)
    _hold(bench.rom_halts_right(boot), 4)


# ---- a payload with five levels


PAYLOADS = [
    pytest.param(
        form, entered, words,
        marks=[pytest.mark.full] if entered == ASKED[words] or form in ("exec-middle", "exec-kernel") else [],
    )
    for form, entered, words in product(
        ("exec-1m", "exec-kernel", "exec-middle", "pie-big"), (4, 5), ("la57=on", "la57=off")
    )
]


@pytest.mark.parametrize(("form", "entered", "words"), PAYLOADS)
def test_payload(bench: Bench, forms: dict[str, bytes], form: str, entered: int, words: str) -> None:
    """The payload finds every promise held, and the levels that were asked for."""
    boot = rom_boot(
        long_mode(RomBoot(load=MIB), entered), forms[form], options=words, arguments=f"levels={ASKED[words]}"
    )
    assert rom_succeeds(bench, boot).held


@pytest.mark.parametrize(
    "way", ["pvh", "bios", *(pytest.param(way, marks=pytest.mark.full) for way in ("efi", "uefi"))]
)
def test_payload_by_loader(bench: Bench, forms: dict[str, bytes], way: str) -> None:
    """The same however it was started."""
    with payloads.start(bench, way, forms["pie"], "la57=on", "levels=5") as machine:
        payloads.wait_success(machine, payloads.seconds_for(way))


# ---- the checks can fail


def test_faults(bench: Bench) -> None:
    """What a change of levels may leave behind is caught: its page, its low tables, the other window."""
    good = bench.rom_halts_right(_at(LOADS["above-4g"], 4, "la57=on"))
    page = next(start for start, end in good.ram if end - start > MIB) + 0x10000
    text = next(line.pa for line in good.report.plan if line.what == "image-text")
    low, elsewhere = Editor(good), Editor(good)
    low.put(page, page | P)
    elsewhere.put(DIRECTMAP[4] + text, text | P | W | NX)
    assert set(oracle.judge(low.done())) == {"identity", "wx"}
    assert "wx" in oracle.judge(elsewhere.done())
    assert "state" in oracle.judge(
        replace(good, report=replace(good.report, layout=replace(good.report.layout, levels=4)))
    )
    tables = union((frame, frame + 0x1000) for level in good.walk.tables for frame in level)
    assert "tables" in oracle.judge(replace(good, modules=tables[:1]))
