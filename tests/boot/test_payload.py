# SPDX-License-Identifier: MIT
"""The hand-over to a payload: it checks from inside all that it was promised, we from outside.

The checking payload is tests/payload/check; payloads.py builds and starts it.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import pytest

import grub
import image as image_file
import payloads
import snapshot
from boots import EFI_SECONDS, GRUB_SECONDS, MIB, ROM_SECONDS, Bench, Module, RomBoot, assert_panic
from console import SIZES
from intervals import intersect, union
from machine import EXIT_PANIC, EXIT_SUCCESS, Machine
from payloads import FORMS, WAYS, Segment, elf, long_mode, rom_boot, rom_succeeds
from rom import MSR_EFER, Firmware

GIB = 1 << 30
HIGHEST = 0xFEB00000  # as in test_load.py: the most RAM that the older PC board has below 4 GiB

Forms = dict[str, bytes]


def _data(seed: str, size: int) -> bytes:
    source = random.Random(seed)
    chunks = [source.randbytes(min(64 * MIB, size - at)) for at in range(0, size, 64 * MIB)]
    return b"".join(chunks)


# ---- every way to start, every form


@dataclass(frozen=True)
class Case:
    """One boot."""

    way: str
    form: str
    maxpage: str
    memory: str = "256M"
    cpu: str = "max"

    @property
    def name(self) -> str:
        """As pytest shows it."""
        return "-".join([self.way, self.form, self.maxpage, self.memory, self.cpu])


ALL = [
    case
    for case in (Case(*each) for each in product(WAYS, FORMS, SIZES, ("256M", "5000M"), ("max", "qemu64")))
    if case.cpu == "max" or case.way not in ("uefi", "efi")  # which take ten times as long
]
SMOKE = [Case("pvh", form, "1g") for form in ("exec-1m", "exec-64k-big", "pie-big")]
QUICK = {
    *SMOKE,
    *(Case("pvh", form, size) for form, size in product(FORMS, SIZES)),
    *(Case("microvm", form, "1g") for form in FORMS),
    *(Case("bios", form, list(SIZES)[i % 3]) for i, form in enumerate(FORMS)),
    *(Case("pvh", "pie-big", size, "5000M", cpu) for size in SIZES for cpu in ("max", "qemu64")),
    Case("uefi", "exec-1m", "1g"),
    Case("efi", "pie-big", "1g", "5000M"),
}


def _param(case: Case) -> object:
    marks = [] if case in QUICK else [pytest.mark.full]
    return pytest.param(case, id=case.name, marks=[*marks, *([pytest.mark.smoke] if case in SMOKE else [])])


@pytest.mark.parametrize("case", [_param(case) for case in ALL])
def test_start(bench: Bench, forms: Forms, case: Case) -> None:
    """The payload finds every promise held, however it was started."""
    options = f"maxpage={case.maxpage}"
    machine = payloads.start(
        bench, case.way, forms[case.form], options, "one  two", memory=case.memory, cpu=case.cpu
    )
    with machine:
        outcome = payloads.wait_success(machine, payloads.seconds_for(case.way))
    outcome.word('command line "(payload.elf )?one +two"')
    assert int(outcome.word(r"rsdp 0x[0-9a-f]+ size (\d+)")[1]) in (20, 36)
    if case.way in ("bios", "pvh", "efi"):
        assert outcome.word(r"smbios 0x([0-9a-f]+)")[1] != "0"
    if case.way in ("uefi", "efi"):
        outcome.word(r"time 20\d\d-\d+-\d+")
        assert outcome.word(r"framebuffer 0x([0-9a-f]+) at .*")[1] != "0"
    if "big" in case.form:
        size = "0x1000" if case.maxpage == "4k" else "0x200000"
        outcome.word(f"large data in pages of {size}")


@pytest.mark.parametrize("way", ["pvh", "bios", pytest.param("efi", marks=pytest.mark.full)])
def test_all_free_memory(bench: Bench, forms: Forms, way: str) -> None:
    """Every page that is called free can be written, and nothing else changes by it."""
    with payloads.start(bench, way, forms["pie"], "", "full") as machine:
        payloads.wait_success(machine, payloads.seconds_for(way))


@pytest.mark.parametrize("way", ["pvh", "bios", "rom", "microvm"])
def test_linked(bench: Bench, cache: Path, image_path: Path, way: str) -> None:
    """Linked to libfooting.a, it is promised the same; an ELF file is a module like others."""
    path = payloads.build_linked(cache, image_path.parent)
    linked = replace(bench, raw=path.read_bytes(), image=image_file.load(path))
    module = elf(_CODE)
    words = f"full {payloads.sums([module], 0)}"
    if way == "rom":
        outcome = rom_succeeds(linked, rom_boot(RomBoot(), module, arguments=words))
    else:
        with payloads.start(linked, way, module, "", words) as machine:
            outcome = payloads.wait_success(machine, payloads.seconds_for(way))
    assert [kind for _, _, kind, _ in outcome.modules()] == [0]


@pytest.mark.parametrize("scrub", ["on", "verify"])
def test_after_a_scrub(bench: Bench, forms: Forms, scrub: str) -> None:
    """The scrub of free RAM leaves the payload alone, and its file."""
    with payloads.start(bench, "pvh", forms["exec-1m"], f"scrub={scrub}") as machine:
        payloads.wait_success(machine, ROM_SECONDS)


@pytest.mark.parametrize("form", ["exec-1m", "pie"])
def test_first_page_of_relro(bench: Bench, forms: Forms, form: str) -> None:
    """RELRO is read-only from where its segment begins, as dynamic linkers make it."""
    with payloads.start(bench, "pvh", forms[form], "", "relro") as machine:
        payloads.wait_success(machine, ROM_SECONDS)


def test_limit_on_ram(bench: Bench, forms: Forms) -> None:
    """With mem=, nothing above is handed out: neither as free nor by reclaim()."""
    boot = rom_boot(RomBoot(), forms["pie"], options="mem=64M")
    rom_succeeds(bench, boot)


# ---- the image anywhere, the payload where it is linked


def _at(load: int, payload: bytes) -> RomBoot:
    """2 MiB and more of the image's neighbourhood are free of anything else."""
    return rom_boot(RomBoot(load=load, info_at=0x10000), payload)


# The image is where the payload's addresses are, if they were physical; among
# these loads the one page that is identity-mapped lies in each of its segments.
NEAR = [load for load in range(0x100000, 0x340000, 0x10000)]
CLASHES = [("exec-1m", load) for load in (*range(0x100000, 0x118000, 0x1000), 0x1F0000)]
CLASHES += [("exec-2m", load) for load in (*range(0x1F8000, 0x218000, 0x2000), 0x140000)]
CLASHES += [("exec-64k-big", load) for load in NEAR]
CLASHES += [("pie", 0x100000), ("exec-kernel", 0x200000)]

_SOURCE = random.Random(20)
_PLACES = [*range(0x100000, 0x1000000, 0x40000), *(_SOURCE.randrange(0x100, 0x6F00) << 12 for _ in range(60))]
ANYWHERE = list(product(("exec-1m", "exec-2m", "exec-64k-big", "pie-big"), _PLACES))


def _id(value: object) -> str:
    return hex(value) if isinstance(value, int) else str(value)


@pytest.mark.parametrize(("form", "load"), CLASHES, ids=_id)
def test_image_at_the_payloads_addresses(bench: Bench, forms: Forms, form: str, load: int) -> None:
    """Neither the image's place nor that of its identity-mapped page matters to a payload's addresses."""
    rom_succeeds(bench, _at(load, forms[form]))


@pytest.mark.full
@pytest.mark.parametrize(("form", "load"), ANYWHERE, ids=_id)
def test_image_anywhere(bench: Bench, forms: Forms, form: str, load: int) -> None:
    """Hundreds of places."""
    rom_succeeds(bench, _at(load, forms[form]))


@pytest.mark.parametrize("levels", [4, 5])
@pytest.mark.parametrize("form", ["exec-1m", "exec-kernel", "exec-middle", "pie-big"])
def test_long_mode(bench: Bench, forms: Forms, form: str, levels: int) -> None:
    """Through the 64-bit entry, by 4 and by 5 levels, to 4 levels."""
    boot = rom_boot(long_mode(RomBoot(load=MIB), levels), forms[form], arguments="levels=4")
    outcome = rom_succeeds(bench, boot)
    assert outcome.held


_MSR_FS_BASE, _MSR_STAR = 0xC0000100, 0xC0000081


@pytest.mark.smoke
@pytest.mark.parametrize("form", FORMS)
def test_dirty_machine(bench: Bench, forms: Forms, form: str) -> None:
    """RAM full of old bytes, bases and control registers that somebody has set."""
    behind = MIB + payloads.whole(bench.image.length)
    dirt = [(at, b"\xa5" * size) for at, size in ((0x1000, 0xF000), (behind, 32 * MIB))]
    msrs = [(_MSR_FS_BASE + i, 0x12345678) for i in range(3)] + [(_MSR_STAR, 0x12345678)]
    firmware = Firmware(msrs=[*msrs, (MSR_EFER, 1)], cr0=1 << 1 | 1 << 18, cr4=1 << 9 | 1 << 2)
    boot = RomBoot(load=MIB, blobs=dirt, firmware=firmware)
    rom_succeeds(bench, rom_boot(boot, forms[form]))


@pytest.mark.parametrize("levels", [4, 5])
def test_image_above_4g(bench: Bench, forms: Forms, levels: int) -> None:
    """The image above 4 GiB, its payload below."""
    boot = RomBoot(load=4 * GIB + 0x7FF000, memory=4 * GIB, entries=payloads.SPLIT)
    rom_succeeds(bench, rom_boot(long_mode(boot, levels), forms["exec-1m"]))


# ---- read from outside, at the payload's first instruction


def _hold(
    machine: Machine,
    payload: bytes,
    usable: list[tuple[int, int]],
    seconds: float,
    maxpage: str = "1g",
    modules: Sequence[Module] = (),
) -> snapshot.Snapshot:
    """The live tables and the segments' contents, as the payload is entered with them."""
    registers = payloads.entered(machine, seconds, payload)
    general = ["RAX", "RBX", "RCX", "RDX", "RSI", "RBP", *(f"R{i}" for i in range(8, 16))]
    assert {name: registers[name] for name in general} == dict.fromkeys(general, 0)
    places = union((m.address, m.address + len(m.data)) for m in modules)
    taken = snapshot.take(machine, usable, maxpage=SIZES[maxpage], modules=places)
    payloads.judge(taken)
    lines = [line for line in taken.report.plan if line.what == "payload"]
    tables = union((frame, frame + 0x1000) for level in taken.walk.tables for frame in level)
    frames = union((line.pa, line.pa + line.length) for line in lines)
    assert not intersect(tables, frames) and not intersect(frames, places)
    assert all(machine.read(m.address, len(m.data)) == m.data for m in modules), "a module has changed"
    _hold_contents(machine, payload, taken)
    return taken


def _segments(payload: bytes) -> list[tuple[int, int, bytes, int]]:
    """Address, rights, bytes and length in memory of each segment that is not relocated."""
    table, = struct.unpack_from("<Q", payload, 32)
    count, = struct.unpack_from("<H", payload, 56)
    base = 0xFFFFFFFFA0000000 if payload[16] == 3 else 0
    result = []
    for i in range(count):
        header = struct.unpack_from("<IIQQQQQQ", payload, table + i * 56)
        kind, flags, offset, va, _, filesz, memsz, _ = header
        if kind == 1 and not (base and flags & 2 and memsz < 0x10000):
            result.append((base + va, flags, payload[offset : offset + filesz], memsz))
    return result


def _hold_contents(machine: Machine, payload: bytes, taken: snapshot.Snapshot) -> None:
    for va, flags, data, length in _segments(payload):
        wanted = data + bytes(length - len(data))
        for at in range(0, length, 0x1000):
            here = va + at & ~0xFFF
            run = next(run for run in taken.walk.runs if run.va <= here < run.va + run.length)
            assert run.executable == bool(flags & 1) and (flags & 2 or not run.writable), run
        start = va & ~0xFFF
        while start < va + length:
            run = next(run for run in taken.walk.runs if run.va <= start < run.va + run.length)
            size = min(run.va + run.length, va + length) - start
            skip = max(va - start, 0)
            got = machine.read(run.pa + start - run.va + skip, size - skip)
            assert got == wanted[start + skip - va : start + size - va], f"contents at {start:#x}"
            start += size


@pytest.mark.parametrize("maxpage", SIZES)
@pytest.mark.parametrize("form", ["halt-1m", "halt-pie-big"])
@pytest.mark.parametrize("load", [0x100000, 0x3FF000], ids=hex)
def test_read_from_outside(bench: Bench, forms: Forms, form: str, load: int, maxpage: str) -> None:
    """The outside reader is content at the payload's first instruction."""
    options = f"maxpage={maxpage}"
    modules = [Module(0x4000000, _data("one", 4097)), Module(0x9E123, _data("two", 0x6DD))]
    boot = rom_boot(RomBoot(load=load, modules=modules), forms[form], options=options)
    with bench.by_rom(boot) as machine:
        _hold(machine, forms[form], boot.truth(), ROM_SECONDS, maxpage, boot.modules)


@pytest.mark.smoke
@pytest.mark.parametrize("form", ["halt-1m", "halt-pie-big"])
def test_read_from_outside_with_5_levels(bench: Bench, forms: Forms, form: str) -> None:
    """The same with LA57."""
    boot = rom_boot(long_mode(RomBoot(), 5), forms[form], options="la57=on")
    with bench.by_rom(boot) as machine:
        assert _hold(machine, forms[form], boot.truth(), ROM_SECONDS).levels == 5


@pytest.mark.parametrize(
    ("firmware", "form"),
    [
        ("bios", "halt-1m"),
        ("bios", "halt-pie-big"),
        ("uefi", "halt-1m"),
        pytest.param("uefi", "halt-pie-big", marks=pytest.mark.full),
    ],
)
def test_read_from_outside_through_grub(bench: Bench, forms: Forms, firmware: str, form: str) -> None:
    """The same with a real loader, whose map is the truth."""
    with payloads.start(bench, firmware, forms[form]) as machine:
        payloads.entered(machine, GRUB_SECONDS[firmware], forms[form])
        usable = grub.parse_lsmmap(machine.serial)
        _hold(machine, forms[form], usable, 1.0)


@pytest.mark.smoke
def test_segments_that_share_pages(bench: Bench) -> None:
    """Segments of the same rights lie behind each other in one page, as hand-written linker scripts put them."""
    payload = elf(
        Segment(0x200000, 5), Segment(0x201000, 5, 0x10), Segment(0x201010, 5, 0x1000),
        Segment(0x300010, 6, 0x7F0, fill=0x11), Segment(0x300800, 6, 0x1000, fill=0x22),
        Segment(0x301C00, 6, 0x10, fill=0x33), Segment(0x301C20, 6, 0x3000, fill=0x44),
    )  # fmt: skip
    boot = rom_boot(RomBoot(), payload)
    with bench.by_rom(boot) as machine:
        taken = _hold(machine, payload, boot.truth(), ROM_SECONDS)
        run = next(run for run in taken.walk.runs if run.va <= 0x300000 < run.va + run.length)
        gaps = [(0x300000, 0x10), (0x301800, 0x400), (0x301C10, 0x10)]
        assert all(machine.read(run.pa + va - run.va, length) == bytes(length) for va, length in gaps)


# ---- refusals


READ, WRITE, EXECUTE = 4, 2, 1
_CODE = Segment(0x200000, READ | EXECUTE)

REFUSED: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "directmap": (elf(Segment(0xFFFF800000200000, 5)),
                  ("0xffff800000200000-0xffff800000200fff", "0xffff800000000000-0xfffffaffffffffff")),
    "runtime-services": (elf(Segment(0xFFFFFF7FFFFFF000, 5)),
                         ("0xffffff7ffffff000-0xffffff7fffffffff", "0xffffff0000000000-0xffffff7fffffffff")),
    "framebuffer": (elf(Segment(0xFFFFFFFFBFFFF000, 5, 0x2000)),
                    ("0xffffffffbffff000-0xffffffffc0000fff", "0xffffffffc0000000-0xffffffffefffffff")),
    "footing": (elf(_CODE, Segment(0xFFFFFFFFF0080000, 6)),
                ("0xfffffffff0080000-0xfffffffff0080fff", "0xfffffffff0000000-0xffffffffffffffff")),
    "first-64k": (elf(Segment(0xF000, 5)), ("0xf000",)),
    "address-0": (elf(Segment(0, 5)), ("first 64 KiB",)),
    "writable-executable": (elf(_CODE, Segment(0x300000, 7)), ("segment 01 (RWE, 0x300000+0x1000)", "writable and executable", "ALIGN(4096)")),
    "overlapping": (elf(_CODE, Segment(0x200800, 4)), ("segment 01 (R, 0x200800+0x1000)", "overlaps segment 00")),
    "sharing": (elf(_CODE, Segment(0x201000, 4, 0x10), Segment(0x201010, 6)),
                ("segment 02 (RW, 0x201010+0x1000)", "shares the page 0x201000 with segment 01 (R)", "ALIGN(4096)")),
    "descending": (elf(Segment(0x300000, 5), Segment(0x200000, 4)), ("0x200000", "ascend")),
    "wrapping": (elf(_CODE, Segment(0xFFFFFFFFFFFFF000, 6)), ("0xfffffffffffff000",)),
    "not-canonical": (elf(Segment(0x800000000000, 5)), ("0x800000000000", "canonical")),
    "no-entry": (elf(_CODE, entry=0x300000), ("0x300000", "entry")),
    "unaligned": (elf(Segment(0x200000, 5, align=0x2000)), ("unaligned",)),
    "other-class": (elf(_CODE).replace(b"\x7fELF\x02", b"\x7fELF\x01", 1), ("32-bit ELF file", "x86-64")),
}  # fmt: skip


@pytest.mark.smoke
@pytest.mark.parametrize("name", REFUSED)
def test_refused(bench: Bench, name: str) -> None:
    """What cannot be loaded is named, and stops the boot."""
    payload, words = REFUSED[name]
    if name == "unaligned":  # at offset 0x1000, which is no multiple of 8 KiB
        assert struct.unpack_from("<Q", payload, 64 + 8)[0] == 0x1000
    text = payloads.rom_refuses(bench, rom_boot(RomBoot(), payload), "PAYLOAD")
    assert all(word in text for word in words), text
    assert "found 0x" not in text


@pytest.mark.parametrize("way", ["bios", "pvh"])
def test_refused_by_other_ways(bench: Bench, way: str) -> None:
    """The same by GRUB, and by QEMU's -kernel."""
    with payloads.start(bench, way, REFUSED["footing"][0]) as machine:
        assert machine.wait_exit(payloads.seconds_for(way)) == EXIT_PANIC
        assert "with Footing itself" in assert_panic(machine, "PAYLOAD")


def test_no_elf_as_kernel(bench: Bench) -> None:
    """kernel= names no ELF file: one line, and no payload."""
    with payloads.start(bench, "efi", b"#!/bin/sh\necho no kernel\n" * 50) as machine:
        machine.wait_line(r"footing: panic [A-Z]+: .*payload\.elf.*", EFI_SECONDS)
        assert "ELF" in machine.serial.rpartition("footing: panic")[2]
        assert "footing: ready" not in machine.serial


def test_first_module_is_no_elf(bench: Bench) -> None:
    """Without one, the built-in payload runs, and modules are modules."""
    boot = replace(rom_boot(RomBoot(), b"\x7fEL" + bytes(5000)), command="")
    with bench.by_rom(boot) as machine:
        assert machine.wait_exit(ROM_SECONDS) == EXIT_SUCCESS
        assert "Audit: " in machine.serial


@pytest.mark.smoke
def test_returns(bench: Bench, forms: Forms) -> None:
    """A payload that returns is caught, with what it returned."""
    words = payloads.rom_refuses(bench, rom_boot(RomBoot(), forms["pie"], arguments="return"), "RETURNED")
    assert "0xf001" in words


@pytest.mark.smoke
def test_fault(bench: Bench, forms: Forms) -> None:
    """An exception in the payload is shown with its address."""
    words = payloads.rom_refuses(bench, rom_boot(RomBoot(), forms["exec-2m"], arguments="fault"), "FAULT")
    assert "0x20" in words


@pytest.mark.parametrize("then", ["exit", "halt"])
def test_not_entered(bench: Bench, forms: Forms, then: str) -> None:
    """then= other than payload: it is loaded, and not entered."""
    with bench.by_rom(rom_boot(RomBoot(), forms["exec-1m"], options=f"then={then}")) as machine:
        if then == "exit":
            assert machine.wait_exit(ROM_SECONDS) == EXIT_SUCCESS
        else:
            machine.wait_halted(ROM_SECONDS)
        assert "payload: " not in machine.serial
        assert " payload\n" in machine.serial, "its mappings are planned"
