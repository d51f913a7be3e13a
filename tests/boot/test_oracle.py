# SPDX-License-Identifier: MIT
"""The outside reader can fail: each planted fault is caught, by exactly the right check.

On a made-up guest, which needs no image, and on a real one.
"""

from __future__ import annotations

from array import array
from pathlib import Path

import pytest

import esp
import oracle
from boots import efi_halts_right, grub_halts_right, make_bench
from console import Layout, MapLine, PlanLine, Report, TablesLine
from devstate import HiddenRegisters, Mtrrs
from faults import FAULTS, NX, PCD, PS, PWT, Editor, P, W
from snapshot import Cpu, Snapshot

_DIRECTMAP = 0xFFFF800000000000
_IMAGE = 0xFFFFFFFF80080000
_TOP = 0x7FDC000  # of RAM; what follows is reserved, but RAM for QEMU
_ROOT = 0x100000 + 0x20000
_WB = 0x0606060606060606


def _made_up() -> Snapshot:
    """128 MiB, an image at 1 MiB, a stack, the VGA text page: as the contract wants it."""
    plan = [
        PlanLine(_IMAGE - 0x1000, 0xB8000, 0x1000, "rw-", "UC", 0x1000, "vga-text"),
        PlanLine(_IMAGE, 0x100000, 0x8000, "r-x", "WB", 0x1000, "image-text"),
        PlanLine(_IMAGE + 0x8000, 0x108000, 0x2000, "r--", "WB", 0x1000, "image-rodata"),
        PlanLine(_IMAGE + 0xA000, 0x10A000, 0x4000, "rw-", "WB", 0x1000, "image-data"),
        PlanLine(_IMAGE + 0xF000, 0x10F000, 0x10000, "rw-", "WB", 0x1000, "stack"),
    ]
    usable = [(0, 0x9FC00), (0x100000, _TOP)]
    good = Snapshot(
        registers={"CR0": 0x80010033, "CR3": _ROOT, "CR4": 0x3008A0, "EFER": 0xD00, "RFL": 2,
                   "CPL": 0, "RSP": _IMAGE + 0x1F000},
        hidden=HiddenRegisters(
            pat=0x0007050100070406,
            mtrrs=Mtrrs(0xC06, (_WB, _WB, 0, *[0x0505050505050505] * 8), ((0xC0000000, 0xFFC0000800),)),
            misc_enable=1,
            a20=True,
        ),
        cpu=Cpu(40, frozenset(["pdpe1gb", "smep", "smap", "umip", "pge", "pat"])),
        tables={_ROOT: array("Q", bytes(4096))},
        memory=[(0, 0xA0000, "ram"), (0xA0000, 0xC0000, "i/o"), (0x100000, 0x8000000, "ram"),
                (0xFEE00000, 0xFEF00000, "i/o")],
        usable=usable,
        report=Report(
            Layout(_DIRECTMAP, _IMAGE, 0x1F000, 0x100000, 4),
            [MapLine(0, 0x9FC00, "usable"), MapLine(0x9FC00, 0xA0000, "reserved"),
             MapLine(0x100000, _TOP, "usable"), MapLine(_TOP, 0x8000000, "reserved")],
            plan,
            TablesLine(0, {}),
        ),
    )  # fmt: skip
    editor = Editor(good)
    for line in plan:
        flags = P | (W if "w" in line.rights else 0) | (0 if "x" in line.rights else NX)
        flags |= PWT | PCD if line.memory_type == "UC" else 0
        for at in range(0, line.length, 0x1000):
            editor.put(line.va + at, line.pa + at | flags)
    for start, end in good.ram:
        at = start
        while at < end:
            if at % 0x200000 == 0 and at + 0x200000 <= end:
                table, index = editor.slot(_DIRECTMAP + at, 1, create=True)
                table[index] = at | P | W | PS | NX
                at += 0x200000
            else:
                text = 0x100000 <= at < 0x108000
                editor.put(_DIRECTMAP + at, at | P | NX | (0 if text else W))
                at += 0x1000
    return editor.done()


@pytest.fixture(scope="module")
def made_up() -> Snapshot:
    """The made-up guest; nothing may change it."""
    return _made_up()


@pytest.fixture(scope="module")
def real(
    tmp_path_factory: pytest.TempPathFactory, cache: Path, image_path: Path, efi_path: Path
) -> Snapshot:
    """A guest that GRUB started on BIOS."""
    place = tmp_path_factory.mktemp("real")
    bench = make_bench(place, cache, image_path, efi_path)
    with bench.by_grub("bios", "then=halt", memory="128M") as machine:
        return grub_halts_right(machine, "bios")


def test_a_good_guest_passes(made_up: Snapshot) -> None:
    """The made-up guest breaks no rule, so what a fault adds is the fault's."""
    assert oracle.judge(made_up) == {}


@pytest.mark.parametrize("name", FAULTS)
def test_fault_in_a_made_up_guest(made_up: Snapshot, name: str) -> None:
    """Exactly the right checks object."""
    plant, catching = FAULTS[name]
    found = oracle.judge(plant(made_up))
    assert set(found) == catching, found


def test_faults_in_a_real_guest(real: Snapshot) -> None:
    """The same faults in the tables that the image has built."""
    wrong = {}
    for name, (plant, catching) in FAULTS.items():
        found = oracle.judge(plant(real))
        if set(found) != catching:
            wrong[name] = found
    assert not wrong


@pytest.mark.full
def test_faults_in_a_real_efi_guest(
    tmp_path: Path, cache: Path, image_path: Path, efi_path: Path
) -> None:
    """The same faults beside runtime services and a framebuffer."""
    bench = make_bench(tmp_path, cache, image_path, efi_path)
    files = bench.chainloading(
        ["chainloader /x/footing.efi", "boot"], **{"footing.cfg": esp.config("then=halt")}
    )
    with bench.by_efi(files, memory="128M") as machine:
        good = efi_halts_right(machine)
    wrong = {}
    for name, (plant, catching) in FAULTS.items():
        found = oracle.judge(plant(good))
        if set(found) != catching:
            wrong[name] = found
    assert not wrong


def test_every_check_has_a_fault() -> None:
    """There is no check that has never been seen to fail."""
    caught = {name for _, catching in FAULTS.values() if len(catching) == 1 for name in catching}
    assert caught == set(oracle.CHECKS)
