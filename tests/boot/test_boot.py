# SPDX-License-Identifier: MIT
"""The boot matrix: every case stops at then=halt and is read from outside."""

from __future__ import annotations

import random

import pytest

import matrix
from boots import MIB, Bench, grub_halts_right
from console import SIZES
from intervals import Intervals, intersect, union
from machine import Machine
from matrix import Case

_SEARCHED = 512  # modules are looked for in guests of at most so many MiB


def _modules(seed: str) -> dict[str, bytes]:
    """Odd sizes, so that each ends inside a page; contents that occur nowhere else."""
    source = random.Random(seed)
    sizes = {"small": 1, "page": 4096, "odd": 3 * 4096 + 17, "large": MIB + 4095}
    return {name: source.randbytes(size) for name, size in sizes.items()}


def _find(machine: Machine, megabytes: int, modules: dict[str, bytes]) -> Intervals:
    """Where each module stands, whole, at a page boundary."""
    memory = machine.read(0, megabytes * MIB)
    begins = {data[:16]: name for name, data in modules.items() if len(data) >= 16}
    places: dict[str, tuple[int, int]] = {}
    for at in range(0, len(memory), 0x1000):
        if name := begins.get(memory[at : at + 16]):
            if memory[at : at + len(modules[name])] == modules[name]:
                places[name] = (at, at + len(modules[name]))
    missing = set(begins.values()) - places.keys()
    assert not missing, f"modules that are nowhere to be found whole: {missing}"
    return union(places.values())


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=[] if case in matrix.QUICK else [pytest.mark.full])
        for case in matrix.ALL
    ],
)
def test_matrix(bench: Bench, case: Case) -> None:
    """RAM is mapped exactly, by the largest pages, and modules survive."""
    if case.impossible:
        pytest.skip(case.impossible)
    modules = _modules(case.name) if case.modules else {}
    command = f"then=halt maxpage={case.maxpage}"
    with bench.by_grub(
        case.firmware, command, modules=modules, memory=case.memory, cpu=case.cpu
    ) as machine:
        taken = grub_halts_right(machine, case.firmware, maxpage=SIZES[case.maxpage])
        assert ("pdpe1gb" in taken.cpu.features) == (case.cpu == "max"), "not the CPU we meant"
        if modules and case.megabytes <= _SEARCHED:
            places = _find(machine, case.megabytes, modules)
            tables = union((f, f + 0x1000) for level in taken.walk.tables for f in level)
            assert not intersect(places, tables), "tables over a module"


@pytest.mark.full
def test_terabyte(bench: Bench) -> None:
    """A 1 TiB guest, with the hole that AMD machines have below 1 TiB."""
    backend = ["-object", "memory-backend-ram,id=m,size=1T,reserve=off"]
    with bench.by_grub(
        "bios", "then=halt", memory="1T", cpu="max,phys-bits=52", args=backend,
        machine="q35,memory-backend=m",
    ) as machine:  # fmt: skip
        grub_halts_right(machine, "bios")
