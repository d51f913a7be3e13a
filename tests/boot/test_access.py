# SPDX-License-Identifier: MIT
"""Live changes of the page tables, held against a model that reads none (tests/payload/access)."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

import payloads
from boots import MIB, ROM_SECONDS, Bench, RomBoot
from console import SIZES
from machine import EXIT_PANIC, EXIT_SUCCESS, Machine
from payloads import long_mode, rom_boot

_FEWEST_ACCESSES = 60_000
_LAST = re.compile(r"access: (\d+) accesses, (\d+) calls, all as predicted")


@pytest.fixture(scope="session")
def payload(cache: Path) -> bytes:
    """The payload, by gcc."""
    return payloads.build_access(cache)


def _lines(machine: Machine) -> list[str]:
    return [line for line in machine.serial.splitlines() if line.startswith("access: ")]


def _succeeds(machine: Machine, seconds: float) -> str:
    """Every access and every call was as the model has it. What the payload said."""
    status = machine.wait_exit(seconds)
    lines = _lines(machine)
    last = _LAST.fullmatch(lines[-1]) if lines else None
    if status != EXIT_SUCCESS or not last or int(last[1]) < _FEWEST_ACCESSES:
        raise machine.fail(f"exit status {status}, and the payload's last line is {lines[-1:]}")
    assert not any(line.startswith("access: differs: ") for line in lines)
    answers = re.search(r"answers: (.*)", "\n".join(lines))
    assert answers and " 0" not in answers[1], f"an answer that no call had: {lines}"
    return "\n".join(lines)


@dataclass(frozen=True)
class Case:
    """One boot."""

    way: str
    maxpage: str = "1g"
    memory: str = "256M"
    cpu: str = "max"
    arguments: str = ""
    options: str = ""
    gib: bool = False  # pages of 1 GiB are tried

    @property
    def name(self) -> str:
        """As pytest shows it."""
        words = [self.way, self.maxpage, self.memory, self.cpu, self.options, self.arguments]
        return "-".join(word for word in words if word)


_BIG = "5000M"  # a whole GiB is free
QUICK = [
    Case("pvh"),
    Case("pvh", "4k", arguments="seed=1"),
    Case("pvh", "2m", memory=_BIG),
    Case("pvh", memory=_BIG, arguments="seed=1", gib=True),
    Case("pvh", memory=_BIG, cpu="qemu64", arguments="seed=1"),
    Case("pvh", arguments="seed=2 directmap=unmapped"),
    Case("pvh", memory=_BIG, arguments="directmap=unmapped", gib=True),
    Case("pvh", arguments="seed=2", options="directmap=off"),
    Case("pvh", arguments="seed=2", options="la57=on"),
    Case("bios", "4k", memory=_BIG),
    Case("bios", arguments="seed=1"),
    Case("efi", arguments="count=500"),
]
FULL = [
    *(Case(way, size, memory=_BIG, cpu=cpu, gib=size == "1g" and cpu == "max")
      for way in ("pvh", "bios") for size in SIZES for cpu in ("max", "qemu64")),
    *(Case(way, size) for way in ("uefi", "efi") for size in SIZES),
    *(Case("pvh", arguments=f"seed={seed} count=20000") for seed in range(2, 12)),
    *(Case("pvh", memory=_BIG, arguments=f"seed={seed} count=20000", gib=True) for seed in range(12, 16)),
    *(Case("pvh", size, memory=_BIG, arguments="seed=24", options=option, gib=size == "1g")
      for size in SIZES for option in ("directmap=off", "la57=on", "directmap=off la57=on")),
    Case("pvh", "4k", arguments="seed=16 count=20000"),
    Case("pvh", cpu="max,-smep,-smap", arguments="seed=17"),
    Case("pvh", cpu="max,-pge", arguments="seed=18"),
    Case("pvh", cpu="EPYC", arguments="seed=19"),
    *(Case("pvh", memory=_BIG, arguments=f"seed={seed} count=20000 directmap=unmapped", gib=True)
      for seed in range(20, 24)),
]  # fmt: skip


@pytest.mark.parametrize(
    "case",
    [
        *(pytest.param(each, id=each.name) for each in QUICK),
        *(pytest.param(each, id=each.name, marks=pytest.mark.full) for each in FULL if each not in QUICK),
    ],
)
def test_access(bench: Bench, payload: bytes, case: Case) -> None:
    """However Footing was started, with whatever pages it may use."""
    options = f"loglevel=1 maxpage={case.maxpage} {case.options}"
    with payloads.start(
        bench, case.way, payload, options, case.arguments, memory=case.memory, cpu=case.cpu
    ) as machine:
        said = _succeeds(machine, 2 * payloads.seconds_for(case.way))
    assert ("no page of 1 GiB" not in said) == case.gib
    assert ("no directmap" in said) == ("directmap=off" in case.options)
    assert ("5 levels" in said) == ("la57=on" in case.options)


@pytest.mark.smoke
@pytest.mark.parametrize("levels", [4, 5])
def test_levels(bench: Bench, payload: bytes, levels: int) -> None:
    """Through the 64-bit entry; with 5 levels also where 4 have no addresses."""
    options = f"loglevel=1 la57={'on' if levels == 5 else 'off'}"
    boot = rom_boot(long_mode(RomBoot(load=MIB), levels), payload, options=options)
    with bench.by_rom(boot) as machine:
        assert f" {levels} levels" in _succeeds(machine, 2 * ROM_SECONDS)


@pytest.mark.skipif(not shutil.which("clang"), reason="no clang")
def test_by_clang(bench: Bench, cache: Path) -> None:
    """The payload has no warning with clang, either, and says the same."""
    other = payloads.build_access(cache, "clang")
    with payloads.start(bench, "pvh", other, "loglevel=1", "count=500") as machine:
        _succeeds(machine, 2 * ROM_SECONDS)


# ---- that it can fail

# What is planted, and the kinds of access that must be seen to differ, by what they ended in.
_NONE, _PF = 255, 14
_READS, _WRITES = {"read1", "read8"}, {"write1", "write8", "locked"}
PLANTED: dict[str, tuple[set[str], tuple[int, int]]] = {
    "right": (_WRITES, (_PF, 0x3)),
    "writable": (_WRITES, (_NONE, 0)),
    "frame": (_READS, (_NONE, 0)),
    "split": (_READS, (_NONE, 0)),
    "missing": (_READS | _WRITES | {"fetch"}, (_PF, 0)),
    "partly": (_READS | _WRITES | {"fetch"}, (_PF, 0)),
    "nx": ({"fetch"}, (_NONE, 0)),
    "nofetch": ({"fetch"}, (_PF, 0x11)),
    "reserved": (_READS | _WRITES | {"fetch"}, (_PF, 0x8)),
    "stale": (_WRITES, (_NONE, 0)),
    "stale-unmapped": (_READS | _WRITES, (_NONE, 0)),
}
_DIFFERS = re.compile(r"access: differs: (\w+) 0x([0-9a-f]+): vector (\d+) error 0x([0-9a-f]+) .*")


def _fails(bench: Bench, payload: bytes, arguments: str) -> tuple[int, list[str]]:
    """Where something was planted, if anywhere; and what the payload found to differ."""
    with payloads.start(bench, "pvh", payload, "loglevel=1", arguments) as machine:
        status = machine.wait_exit(2 * ROM_SECONDS)
        lines = _lines(machine)
        assert status == EXIT_PANIC, machine.fail(f"exit status {status}")
        assert lines[-1].startswith("access: FAILED: "), machine.fail("it does not say so")
        at = re.search("^access: planted at 0x([0-9a-f]+)$", "\n".join(lines), re.M)
        found = [line for line in lines if line.startswith("access: differs: ")]
        assert found, machine.fail("nothing differs")
        return int(at[1], 16) if at else 0, found


@pytest.mark.parametrize("word", PLANTED)
def test_planted(bench: Bench, payload: bytes, word: str) -> None:
    """A leaf that is not what was asked for: the accesses that it changes differ, no others."""
    kinds, (vector, error) = PLANTED[word]
    place, lines = _fails(bench, payload, f"plant={word}")
    assert place
    seen = set()
    for line in lines:
        match = _DIFFERS.fullmatch(line)
        # What was written to another frame, or against the model, shows in later reads.
        if not match:
            assert line.startswith("access: differs: frame "), line
            continue
        assert int(match[2], 16) & ~0xFFF == place, line
        if int(match[3]) == vector and int(match[4], 16) & error == error:
            seen.add(match[1])
    assert seen == kinds, lines


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("word", r"call \d+: operation 0 .*: CLASH, foretold done "),
        ("leak", r"planted: 4 table frames are out, not 0 to 0"),
    ],
    ids=["word", "leak"],
)
def test_planted_in_the_model(bench: Bench, payload: bytes, word: str, line: str) -> None:
    """A call whose answer, and frames whose number, is not as foretold."""
    _, lines = _fails(bench, payload, f"plant={word}")
    assert len(lines) == 1 and re.fullmatch(f"access: differs: {line}", lines[0]), lines
