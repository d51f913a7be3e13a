# SPDX-License-Identifier: MIT
"""Big guests: 1 TiB to 32 TiB, of which the host backs only what is touched.

QEMU moves what is above 4 GiB to 1 TiB where it would reach HyperTransport's
addresses on an AMD CPU; the outside reader holds the tables to the last byte.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

import oracle
import payloads
import pvh
import snapshot
from boots import Bench, grub_halts_right
from console import SIZES
from faults import Editor, NX, P, PS, W, _add
from foreign import HYPERTRANSPORT
from intervals import intersect, total
from machine import Machine

GIB, TIB = 1 << 30, 1 << 40
WIDE = "max,phys-bits=52"  # AMD's vendor
EPYC = "EPYC,phys-bits=48"
INTEL = "Skylake-Server,phys-bits=46"
_LOST = 64 << 20  # what firmware may keep
# From some 20 TiB on QEMU needs SMBIOS 3 to describe it all.
_BOARD = "q35,memory-backend=m,smbios-entry-point-type=64"


@dataclass(frozen=True)
class Case:
    """One boot."""

    way: str
    memory: str
    cpu: str = WIDE
    words: str = ""
    full: bool = False

    @property
    def name(self) -> str:
        """As pytest shows it."""
        return f"{self.way}-{self.memory}-{self.cpu.partition(',')[0]}-{self.words}"

    @property
    def bytes(self) -> int:
        """The guest's memory."""
        return int(self.memory[:-1]) * (TIB if self.memory[-1] == "T" else GIB)

    @property
    def levels(self) -> int:
        """As asked for."""
        return 5 if "la57=on" in self.words else 4

    @property
    def maxpage(self) -> int:
        """The largest page that may be used."""
        return SIZES[self.words.partition("maxpage=")[2] or "1g"]


CASES = [
    Case("pvh", "1T"), Case("pvh", "1T", words="la57=on"), Case("pvh", "1T", words="maxpage=2m"),
    Case("pvh", "1T", INTEL), Case("pvh", "1T", INTEL, "maxpage=2m"),
    Case("pvh", "1126G", EPYC), Case("pvh", "1126G", EPYC, "maxpage=2m"),
    Case("pvh", "1126G", WIDE, "la57=on maxpage=2m"),
    Case("pvh", "1000G", EPYC, full=True), Case("pvh", "1010G", EPYC), Case("pvh", "1012G", EPYC, full=True),
    Case("pvh", "8T"), Case("pvh", "8T", words="la57=on"), Case("pvh", "8T", INTEL, full=True),
    Case("pvh", "8T", words="maxpage=2m", full=True),
    Case("pvh", "8T", words="la57=on maxpage=2m", full=True),
    Case("pvh", "8T", words="directmap=off"),
    Case("bios", "1T"), Case("bios", "1126G", EPYC, "maxpage=2m"), Case("bios", "8T"),
    *(Case("bios", memory, cpu, f"{la57} maxpage={size}", True)
      for memory, cpu in (("1T", WIDE), ("1126G", EPYC), ("8T", WIDE))
      for la57 in ("la57=off", "la57=on") for size in ("1g", "2m") if cpu == WIDE or "off" in la57),
    *(Case(way, memory, words=words, full=True)
      for way in ("pvh", "bios") for memory in ("16T", "32T") for words in ("", "la57=on", "maxpage=2m")),
]  # fmt: skip
# SeaBIOS and GRUB cope with all of these; QEMU 7.2 itself gives up at 64 TiB. 1 TiB in pages of
# 4 KiB would be 2 GiB of tables.


def _backend(memory: str) -> list[str]:
    return ["-object", f"memory-backend-ram,id=m,size={memory},reserve=off"]


def _start(bench: Bench, case: Case) -> Machine:
    more = {"memory": case.memory, "cpu": case.cpu, "machine": _BOARD}
    options = f"then=halt {case.words}"
    if case.way == "pvh":
        return pvh.start(bench, options, args=_backend(case.memory), **more)
    return bench.by_grub("bios", options, args=_backend(case.memory), **more)


def _taken(bench: Bench, case: Case) -> snapshot.Snapshot:
    with _start(bench, case) as machine:
        if case.way == "pvh":
            return pvh.halts_right(machine, maxpage=case.maxpage)
        return grub_halts_right(machine, case.way, maxpage=case.maxpage)


@pytest.mark.parametrize(
    "case",
    [pytest.param(c, id=c.name, marks=[pytest.mark.full] if c.full else []) for c in CASES],
)
def test_large(bench: Bench, case: Case) -> None:
    """All of the RAM, in the largest pages, and nothing in the hole."""
    taken = _taken(bench, case)
    assert taken.levels == case.levels
    # QEMU's own account of the size: the map has not lost a part of it.
    real = sum(end - start for start, end, kind in taken.memory if kind == "ram")
    assert case.bytes - _LOST <= total(taken.ram) <= real <= case.bytes + _LOST
    frames = [run.frames for run in taken.walk.runs]
    if case.cpu != INTEL:
        assert not intersect(sorted(frames), [HYPERTRANSPORT])
    if case.bytes > TIB:
        assert taken.ram[-1][1] > TIB
    if case.maxpage == GIB and taken.has_directmap and "pdpe1gb" in taken.cpu.features:
        assert taken.report.tables.leaves[GIB] >= case.bytes // GIB - 4


@pytest.mark.parametrize("words", ["", "la57=on", "directmap=off"])
def test_payload(bench: Bench, forms: dict[str, bytes], words: str) -> None:
    """The checking payload finds every promise held in 8 TiB."""
    place = bench.directory / "payload"
    place.mkdir()
    (place / "payload.elf").write_bytes(forms["pie"])
    said = {"la57=on": "levels=5", "directmap=off": "no-directmap"}.get(words, "levels=4")
    args = ["-initrd", "payload.elf", *_backend("8T")]
    with pvh.start(
        bench, f"{words} -- {said}", args=args, memory="8T", cpu=WIDE, machine=_BOARD,
        name="payload",
    ) as machine:  # fmt: skip
        payloads.wait_success(machine, 60.0)


def test_faults(bench: Bench) -> None:
    """High up, too, a page too many, a page missing, a page split and a wrong frame are caught."""
    good = _taken(bench, Case("pvh", "1126G", EPYC))
    base, end = good.window[0], good.ram[-1][1]
    hole, missing, other = _add(good, base + HYPERTRANSPORT[0], HYPERTRANSPORT[0]), Editor(good), Editor(good)
    table, index = missing.slot(base + end - GIB, 2)
    assert table[index] & PS
    table[index] = 0
    table, index = other.slot(base + TIB, 2)
    table[index] += GIB
    behind = _add(good, base + end, end, P | W | NX)
    short = replace(good, ram_limit=TIB)
    wanted = {
        "in the hole": (hole, {"exact", "backing"}),
        "behind the end": (behind, {"exact", "backing"}),
        "missing": (missing.done(), {"exact"}),
        "other": (other.done(), {"exact"}),
        "short": (short, {"exact"}),
    }
    found = {name: set(oracle.judge(bad)) for name, (bad, _) in wanted.items()}
    assert found == {name: catching for name, (_, catching) in wanted.items()}
