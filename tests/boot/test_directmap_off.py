# SPDX-License-Identifier: MIT
"""directmap=off: no RAM is mapped but what runs; everything else is reached through PMAP.

From outside, the union of all leaves is held against RAM; from inside, the
built-in payload audits, the scrub goes through all free RAM, and the checking
payload finds every promise held that still makes sense.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import esp
import image as image_file
import oracle
import payloads
import pvh
import snapshot
from boots import (
    MIB, ROM_SECONDS, Bench, Module, RomBoot, assert_ready, efi_halts_right, grub_halts_right,
)  # fmt: skip
from console import PlanLine
from faults import Editor, NX, P, W, _add, describe
from intervals import Intervals, intersect, subtract, total, union
from machine import EXIT_SUCCESS
from payloads import long_mode, rom_boot
from rom import MSR_PHYSBASE0, Firmware, Variable
from snapshot import Snapshot

GIB = 1 << 30
OFF = "then=halt directmap=off"
Forms = dict[str, bytes]


def _mapped_ram(s: Snapshot) -> Intervals:
    return intersect(union(run.frames for run in s.walk.runs), s.ram)


def _hold(s: Snapshot) -> None:
    """What oracle.py said already, once more in one sentence: it is the image, of all that RAM."""
    layout = s.report.layout
    assert layout.directmap == 0
    assert not subtract(_mapped_ram(s), [(layout.image_pa, layout.image_pa + layout.image_length)])
    assert total(_mapped_ram(s)) <= layout.image_length < total(s.ram) // 8


# ---- from outside


@pytest.mark.smoke
@pytest.mark.parametrize("words", ["", "maxpage=4k", "maxpage=2m", "la57=on", "la57=on maxpage=4k"])
def test_pvh(bench: Bench, words: str) -> None:
    """Started by PVH, with every page size and with five levels."""
    maxpage = {"4k": 0x1000, "2m": 0x200000}.get(words.partition("maxpage=")[2], GIB)
    with pvh.start(bench, f"{OFF} {words}") as machine:
        _hold(taken := pvh.halts_right(machine, maxpage=maxpage))
    assert taken.levels == (5 if "la57=on" in words else 4)


@pytest.mark.parametrize("cpu", ["qemu64", "EPYC", "Skylake-Server"])
def test_cpus(bench: Bench, cpu: str) -> None:
    """The same on other CPUs."""
    with pvh.start(bench, OFF, cpu=cpu) as machine:
        _hold(pvh.halts_right(machine))


def test_grub(bench: Bench) -> None:
    """Through GRUB on BIOS, with modules that stay whole, and are not mapped."""
    modules = {"one": b"1" * 5000, "two": b"2" * MIB}
    with bench.by_grub("bios", OFF, modules=modules, memory="128M") as machine:
        _hold(grub_halts_right(machine, "bios"))
        memory = machine.read(0, 128 * MIB)
        assert all(data in memory for data in modules.values())


@pytest.mark.full
def test_grub_uefi(bench: Bench) -> None:
    """Through GRUB on UEFI."""
    with bench.by_grub("uefi", OFF) as machine:
        _hold(grub_halts_right(machine, "uefi"))


def test_efi(bench: Bench) -> None:
    """footing.efi: runtime services and the framebuffer are mapped, and are no RAM."""
    files = bench.chainloading(
        ["chainloader /x/footing.efi", "boot"], **{"footing.cfg": esp.config(OFF)}
    )
    with bench.by_efi(files) as machine:
        taken = efi_halts_right(machine)
    _hold(taken)
    assert {"efi-runtime", "framebuffer"} <= {line.what for line in taken.report.plan}


LOADS = [MIB, 0x1234000, 4 * GIB + 0x7FF000]


@pytest.mark.parametrize("load", LOADS, ids=hex)
@pytest.mark.parametrize("entered", [4, 5])
def test_anywhere(bench: Bench, load: int, entered: int) -> None:
    """The image anywhere, by the 64-bit entry, a module beside it."""
    boot = RomBoot(
        command=OFF, load=load, memory=4 * GIB, entries=payloads.SPLIT,
        modules=[Module(0x4000000, b"module" * 1000)],
    )  # fmt: skip
    _hold(bench.rom_halts_right(long_mode(boot, entered)))


# ---- from inside


@pytest.mark.smoke
@pytest.mark.parametrize("words", ["", "scrub=on", "scrub=verify", "la57=on scrub=verify", "maxpage=4k"])
def test_builtin(bench: Bench, words: str) -> None:
    """The built-in payload audits the live tables, the scrub reaches all free RAM."""
    with pvh.start(bench, f"directmap=off {words}", memory="64M") as machine:
        assert machine.wait_exit(ROM_SECONDS) == EXIT_SUCCESS
        text = machine.serial
    assert re.search(r"^Audit: \d+ tables and \d+ leaves read back, exactly as planned$", text, re.M)
    assert "footing: layout directmap=0x0 " in text and "1G directmap\n" not in text


@pytest.mark.parametrize(
    ("way", "words"),
    [pytest.param("bios", "scrub=on", marks=pytest.mark.full), ("rom", "scrub=verify")],
)
def test_scrub_is_complete(bench: Bench, way: str, words: str) -> None:
    """After it all RAM that nothing holds reads 0, seen from outside; what is held is as it was."""
    dirt, module = b"\xa5" * (48 * MIB), Module(0x5000000, b"\x5a" * 12345)
    if way == "rom":
        place = (module.address, module.address + len(module.data))
        boot = RomBoot(command=f"{OFF} {words}", blobs=[(8 * MIB, dirt)], modules=[module], memory=128 * MIB)
        with bench.by_rom(boot) as machine:
            machine.wait_halted(ROM_SECONDS)
            taken = snapshot.take(machine, boot.truth(), modules=[place])
            memory = machine.read(0, boot.memory)
    else:
        with bench.by_grub("bios", f"{OFF} {words}", memory="128M") as machine:
            taken = grub_halts_right(machine, "bios")
            memory = machine.read(0, 128 * MIB)
    oracle.hold(taken)
    tables = [(frame, frame + 0x1000) for level in taken.walk.tables for frame in level]
    used = union([*tables, *_mapped_ram(taken), *taken.modules, (0, MIB)])
    dirty = [
        hex(at) for start, end in subtract(taken.ram, used) for at in range(start, end, 0x1000)
        if memory[at : at + 0x1000].strip(b"\0")
        and not intersect([(at, at + 0x1000)], taken.modules)
    ]  # fmt: skip
    # What the loader left: boot information, and on BIOS GRUB's own.
    assert len(dirty) <= (2 if way == "bios" else 0), dirty[:10]
    for start, end in taken.modules:
        assert memory[start:end] == module.data


PAYLOADS = [
    *[("pvh", form, "") for form in ("exec-1m", "exec-kernel", "exec-64k-big", "pie")],
    ("pvh", "pie-big", "maxpage=4k"), ("pvh", "pie", "la57=on"), ("pvh", "exec-1m", "scrub=verify"),
    ("bios", "exec-2m", ""), ("bios", "pie-big", "maxpage=2m"), ("microvm", "pie", ""),
    ("efi", "pie-big", "la57=on"),
]  # fmt: skip
FULL = [("pvh", form, "") for form in payloads.FORMS if form not in ("exec-1m", "exec-kernel", "pie")]
FULL += [("uefi", "exec-1m", ""), ("efi", "exec-kernel", ""), ("uefi", "pie", "la57=on")]


@pytest.mark.parametrize(
    ("way", "form", "words"), [*PAYLOADS, *(pytest.param(*each, marks=[pytest.mark.full]) for each in FULL)]
)
def test_payload(bench: Bench, forms: Forms, way: str, form: str, words: str) -> None:
    """The checking payload, loaded, in every form and by every way."""
    machine = payloads.start(bench, way, forms[form], f"directmap=off {words}", "no-directmap")
    with machine:
        payloads.wait_success(machine, payloads.seconds_for(way))
    assert "footing: layout directmap=0x0 " in machine.serial


def _each_second(piece: int) -> RomBoot:
    """From 128 to 256 MiB, only each second piece is write-back: an MTRR mask with a hole."""
    mask = (1 << 40) - 128 * MIB | piece | 0x800
    whole = Variable(0, 128 * MIB, 6)
    holed = [(MSR_PHYSBASE0 + 2, 128 * MIB | 6), (MSR_PHYSBASE0 + 3, mask)]
    return RomBoot(firmware=Firmware(mtrr_default=0, variable=[whole], msrs=holed))


@pytest.mark.parametrize(("piece", "fits"), [(0x4000, True), (0x2000, False)])
def test_more_free_runs_than_room(bench: Bench, forms: Forms, piece: int, fits: bool) -> None:
    """4,096 free runs are listed for the payload; 8,192 have no room, and that is said at once."""
    boot = payloads.rom_boot(_each_second(piece), forms["halt-1m"], at=64 * MIB, options="directmap=off")
    if fits:
        with bench.by_rom(boot) as machine:
            machine.wait_halted(ROM_SECONDS)
            assert_ready(machine)
        return
    words = payloads.rom_refuses(bench, boot, "LISTS")
    assert re.fullmatch(
        r"too many ranges of RAM to list for the payload: free RAM \(limit 0x[0-9a-f]+\)", words
    )


@pytest.mark.parametrize("way", ["pvh", "bios"])
def test_all_free_memory(bench: Bench, forms: Forms, way: str) -> None:
    """Every free page can be written through PMAP, and nothing else changes by it."""
    options, words = "directmap=off", "no-directmap full"
    with payloads.start(bench, way, forms["pie"], options, words, memory="64M") as machine:
        payloads.wait_success(machine, payloads.seconds_for(way))


@pytest.mark.parametrize("way", ["pvh", "bios"])
def test_linked(bench: Bench, cache: Path, image_path: Path, way: str) -> None:
    """The checking payload, linked to Footing."""
    path = payloads.build_linked(cache, image_path.parent)
    linked = replace(bench, raw=path.read_bytes(), image=image_file.load(path))
    module = payloads.elf(payloads.Segment(0x200000, 5))
    words = f"no-directmap {payloads.sums([module], 0)}"
    with payloads.start(linked, way, module, "directmap=off", words) as machine:
        payloads.wait_success(machine, payloads.seconds_for(way))


@pytest.mark.parametrize("form", ["halt-1m", "halt-pie-big"])
@pytest.mark.parametrize("levels", [4, 5])
def test_payload_from_outside(bench: Bench, forms: Forms, form: str, levels: int) -> None:
    """At the payload's first instruction no RAM is mapped but the image and its segments."""
    options = f"directmap=off la57={'on' if levels == 5 else 'off'}"
    boot = rom_boot(RomBoot(), forms[form], options=options)
    with bench.by_rom(boot) as machine:
        payloads.entered(machine, ROM_SECONDS, forms[form])
        taken = snapshot.take(machine, boot.truth())
    payloads.judge(taken)
    image = taken.report.layout.image_pa, taken.report.layout.image_pa + taken.report.layout.image_length
    segments = [(line.pa, line.pa + line.length) for line in taken.report.plan if line.what == "payload"]
    assert taken.levels == levels
    assert not subtract(_mapped_ram(taken), union([image, *segments]))


# ---- the checks can fail


def _free_page(s: Snapshot) -> int:
    return Editor(s).spare()


def _other_frame(s: Snapshot) -> Snapshot:
    """A page of the image shows another."""
    editor = Editor(s)
    line = next(line for line in s.report.plan if line.what == "image-data")
    table, index = editor.slot(line.va)
    table[index] = _free_page(s) | P | W | NX
    return editor.done()


def _hole(s: Snapshot) -> Snapshot:
    editor = Editor(s)
    table, index = editor.slot(next(line.va for line in s.report.plan if line.what == "image-data"))
    table[index] = 0
    return editor.done()


def _pmap_left(s: Snapshot) -> Snapshot:
    """A PMAP slot that shows the root is not unmapped."""
    return _add(s, 0xFFFFFFFFF0000000, s.registers["CR3"] & ~0xFFF)


def _planned(s: Snapshot) -> Snapshot:
    first = PlanLine(0, 0, 0x1000, "rw-", "WB", GIB, "directmap")
    return replace(s, report=replace(s.report, plan=[first, *s.report.plan]))


_ELSEWHERE = 0xFFFFFE0000000000


@dataclass(frozen=True)
class Fault:
    """A fault on a good snapshot, and exactly the checks that must catch it."""

    plant: Callable[[Snapshot], Snapshot]
    catching: set[str]


FAULTS = {
    "free-ram-mapped": Fault(lambda s: _add(s, _ELSEWHERE, _free_page(s)), {"exact"}),
    "at-the-directmaps-place": Fault(
        lambda s: _add(s, 0xFFFF800000000000 + _free_page(s), _free_page(s)), {"exact"}
    ),
    "image-mapped-twice": Fault(
        lambda s: _add(s, _ELSEWHERE, next(p.pa for p in s.report.plan if p.what == "stack")), {"exact"}
    ),
    "pmap-slot-left": Fault(_pmap_left, {"exact"}),
    "image-shows-another-frame": Fault(_other_frame, {"exact"}),
    "image-has-a-hole": Fault(_hole, {"exact"}),
    "identity": Fault(lambda s: _add(s, _free_page(s), _free_page(s)), {"exact", "identity"}),
    "planned": Fault(_planned, {"exact", "plan"}),
    "table-missing": Fault(lambda s: replace(s, modules=[(max(s.tables), max(s.tables) + 1)]), {"tables"}),
}


def test_faults(bench: Bench) -> None:
    """Each fault is caught by exactly the checks that are there for it."""
    with bench.by_grub("bios", OFF) as machine:
        good = grub_halts_right(machine, "bios")
    assert describe(good).tables == good.report.tables
    found = {name: set(oracle.judge(fault.plant(good))) for name, fault in FAULTS.items()}
    assert found == {name: fault.catching for name, fault in FAULTS.items()}


def test_payload_can_object(bench: Bench, forms: Forms) -> None:
    """The checking payload is not content with a directmap where there is to be none, nor with none."""
    for options, words in (("", "no-directmap"), ("directmap=off", "")):
        with payloads.start(bench, "pvh", forms["pie"], options, words) as machine:
            assert machine.wait_exit(ROM_SECONDS) != EXIT_SUCCESS
            assert "payload: broken: a directmap, unless there is to be none\n" in machine.serial
