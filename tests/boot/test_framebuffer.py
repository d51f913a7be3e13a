# SPDX-License-Identifier: MIT
"""A linear framebuffer that the loader names, wherever it is: mapped write-combining, with text on it."""

from __future__ import annotations

import re
import struct
from dataclasses import replace
from pathlib import Path

import pytest

import font
import mb2
import oracle
import pvh
import snapshot
import tiny_elf
from boots import GRUB_SECONDS, MIB, ROM_SECONDS, Bench, Module, RomBoot, assert_panic, assert_ready
from debugger import ask, halted, run
from machine import EXIT_PANIC, Machine, Screen

GIB = 1 << 30
WIDTH, HEIGHT = 1024, 768
TAG_FRAMEBUFFER, DIRECT, RESERVED = 8, 1, 2


def _tag(
    base: int, pitch: int, *, bits: int = 32, kind: int = DIRECT, masks: bytes = bytes([16, 8, 8, 8, 0, 8])
) -> bytes:
    """Blue, green, red and a byte that does not count, as QEMU's VGA has them."""
    fixed = struct.pack("<QIIIBBH", base, pitch, WIDTH, HEIGHT, bits, kind, 0)
    return mb2.tag(TAG_FRAMEBUFFER, fixed + masks)


def _lines(machine: Machine, base: int, pitch: int) -> list[str]:
    """The text that stands in the memory of the framebuffer."""
    pixels = machine.read(base, pitch * HEIGHT)
    rows = [pixels[y * pitch : y * pitch + WIDTH * 4] for y in range(HEIGHT)]
    colors = b"".join(bytes(row[i + 2 - j] for i in range(0, len(row), 4) for j in range(3)) for row in rows)
    return [line for line in font.read(Screen(WIDTH, HEIGHT, colors)) if line]


def _map(base: int) -> list[mb2.Entry]:
    """4 GiB as the Q35 board lays them out, and the pixels in a piece of them that is set aside."""
    entries = [*mb2.standard_map(2 * GIB), (4 * GIB, 2 * GIB, mb2.USABLE)]
    return [*entries, (base & -4096, 8 * MIB, RESERVED)]


def _usable(base: int) -> list[tuple[int, int]]:
    start, end = base & -4096, (base & -4096) + 8 * MIB
    pieces = mb2.usable_bytes(_map(base)[:-1])
    cut = [(a, min(b, start)) for a, b in pieces] + [(max(a, end), b) for a, b in pieces]
    return sorted((a, b) for a, b in cut if a < b)


@pytest.mark.parametrize("base", [0x40000000, 5 * GIB, 5 * GIB + 0x201000], ids=hex)
def test_framebuffer(bench: Bench, base: int) -> None:
    """Below 4 GiB and above, on a 2 MiB boundary and off it: the last line of the boot stands on it."""
    pitch = WIDTH * 4 + 64
    boot = RomBoot(
        command="then=halt", memory=4 * GIB, entries=_map(base), usable=_usable(base), extra=(_tag(base, pitch),)
    )
    with bench.by_rom(boot) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert_ready(machine)
        objections = oracle.judge(snapshot.take(machine, boot.truth()))
        # It stands in for video memory, and is RAM to QEMU.
        assert objections.pop("screen")[0].startswith("framebuffer: no video memory"), objections
        assert not objections
        lines = _lines(machine, base, pitch)
        assert lines[-1] == "footing: ready", lines[-3:]
        assert f" {base & -4096:#x} " in "".join(line for line in machine.serial.splitlines() if "framebuffer" in line)


# A range of no length is dropped with a line, while the map is read.
_NOTHING = (0x5000000, 0, mb2.USABLE)


@pytest.mark.parametrize("where", ["module", "image", "table-pool", "acpi"])
def test_a_framebuffer_tag_into_ram(bench: Bench, where: str) -> None:
    """Field failure: drawn on before the map was read. Over memory of any kind nothing is drawn, and a line says so."""
    data = bytes(range(1, 251)) * 4000
    base = {"module": 0x6000000, "image": 2 * MIB, "table-pool": 0x8000000, "acpi": 0xF000000}[where]
    kind = "acpi-data" if where == "acpi" else "usable"
    boot = RomBoot(
        command="then=halt loglevel=3", modules=[Module(0x6000000, data)], blobs=[(0xF000000, data)],
        entries=[*mb2.standard_map(256 * MIB), (0xF000000, MIB, mb2.ACPI), _NOTHING],
        extra=(_tag(base, WIDTH * 4),),
    )  # fmt: skip
    bench.rom_halts_right(boot)
    console = (bench.directory / "rom" / "serial").read_text(encoding="ascii")
    said = f"footing: framebuffer: the map has memory there: {kind} ({base:#x}, 1024 x 768, pitch 4096, 32 bits a pixel)"
    assert said in console.splitlines()
    assert "footing: dropped 0x5000000+0x0 type 1 (usable): empty" in console


def test_earlier_lines_appear(bench: Bench) -> None:
    """What was printed before the map was read stands on the screen, above what follows."""
    base = 5 * GIB
    boot = RomBoot(
        command="then=halt loglevel=1", memory=4 * GIB, entries=[*_map(base), _NOTHING],
        extra=(_tag(base, WIDTH * 4),),
    )  # fmt: skip
    with bench.by_rom(boot) as machine:
        machine.wait_halted(ROM_SECONDS)
        lines = _lines(machine, base, WIDTH * 4)
    assert lines[0] == "footing: dropped 0x5000000+0x0 type 1 (usable): empty"
    assert lines[-1] == "footing: ready"


@pytest.mark.parametrize("base, height", [(5 * GIB, 768), (5 * GIB + 0x1FD800, 768), (5 * GIB + 0x3000, 100)])
def test_before_the_switch_its_own_pages_alone(
    bench: Bench, image_path: Path, base: int, height: int
) -> None:
    """The boot tables reach the framebuffer's pages, in large ones where those hold nothing else."""
    tag = bytearray(_tag(base, WIDTH * 4))
    struct.pack_into("<I", tag, 24, height)
    boot = RomBoot(memory=4 * GIB, entries=_map(base), usable=_usable(base), extra=(bytes(tag),))
    with halted(bench, boot) as (machine, _):
        root = f"{2 * MIB}+(long)&boot_l4-(long)image_start"
        dump, = ask(machine, image_path, f"pt dump {root} {0xFFFFFFFFC0000000} {0xFFFFFFFFEFFFFFFF}")
    first, end = base & -4096, (base + WIDTH * 4 * height + 4095) & -4096
    va = 0xFFFFFFFFC0000000 + first % (2 * MIB)
    large = max(0, end // (2 * MIB) - -(-first // (2 * MIB)))
    small = (end - first - large * 2 * MIB) // 4096
    counts = " ".join([*([f"4K={small}"] if small else []), *([f"2M={large}"] if large else [])])
    assert dump[0] == f"{va:#x}-{va + end - first - 1:#x} {first:#x} {end - first:#x} rw- UC {counts}"
    assert len(dump) == 2


_UNUSABLE = {
    "its address is 0": _tag(0, 4096),
    "its colours are indexed": _tag(5 * GIB, 1024, bits=8, kind=0),
    "text, but not of 80 columns at 0xb8000": mb2.framebuffer(0xB8000, width=40),
    "of an unknown type": _tag(5 * GIB, 4096, kind=9),
    "a pixel has fewer than 15 or more than 32 bits": _tag(5 * GIB, 1024, bits=8),
    "a colour has no bits, or some that are outside the pixel": _tag(5 * GIB, 4096, masks=b""),
    "a row is longer than its pitch": _tag(5 * GIB, 4095),
    "beyond the physical address width": _tag(1 << 52, 4096),
}


@pytest.mark.parametrize("why", _UNUSABLE)
def test_unusable_is_said(bench: Bench, why: str) -> None:
    """One line says what is wrong with it; the boot goes on."""
    boot = RomBoot(memory=4 * GIB, entries=_map(5 * GIB), usable=_usable(5 * GIB), extra=(_UNUSABLE[why],))
    with bench.by_rom(boot) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert_ready(machine)
        said = re.findall(r"^footing: framebuffer: (.*) \(0x", machine.serial, re.M)
        assert said == [why]
        assert ("vga-text" in machine.serial) == (why == "its address is 0")


def test_stride_0_is_the_width(bench: Bench) -> None:
    """A loader that leaves the stride out means that one row follows the other."""
    base = 5 * GIB
    boot = RomBoot(memory=4 * GIB, entries=_map(base), usable=_usable(base), extra=(_tag(base, 0),))
    with bench.by_rom(boot) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert_ready(machine)
        assert _lines(machine, base, WIDTH * 4)[-1] == "footing: ready"


def _cells(machine: Machine) -> str:
    """What the text screen shows."""
    return machine.read(0xB8000, 80 * 25 * 2)[::2].decode("latin-1")


@pytest.mark.parametrize("option", ["nonsense=1", "console=vga nonsense=1", "console=none nonsense=1"])
def test_early_panic_by_pvh_reaches_the_screen(bench: Bench, option: str) -> None:
    """The start info's map has no RAM at 0xb8000: the text screen may be written to."""
    with pvh.start(bench, f"then=halt {option}") as machine:
        machine.wait_line("footing: panic OPTION: .*", ROM_SECONDS)
        machine.wait_halted(ROM_SECONDS)
        assert "footing: panic OPTION: unknown option or value: nonsense=1" in _cells(machine)


def test_panic_before_any_map_reaches_the_text_screen(bench: Bench) -> None:
    """A PC without a memory map has a text screen all the same."""
    boot = RomBoot(tags=[mb2.command_line("then=halt")])
    machine = bench.by_rom(boot, debug_exit=False)
    machine.command.append("-S")
    with machine:
        # What a video BIOS does, and the ROM has none: text memory at 0xb8000, both planes.
        for port, index, value in ((0x3CE, 5, 0x10), (0x3CE, 6, 0x0E), (0x3C4, 2, 3), (0x3C4, 4, 2)):
            machine.hmp(f"o /b {port} {index}")
            machine.hmp(f"o /b {port + 1} {value}")
        machine.qmp.command("cont")
        machine.wait_line("footing: panic NOMAP: .*", ROM_SECONDS)
        machine.wait_halted(ROM_SECONDS)
        assert "footing: panic NOMAP:" in _cells(machine)


@pytest.mark.parametrize("code, command", [("OPTION", "nonsense=1"), ("MODULES", "then=halt")])
def test_early_panic_reaches_the_framebuffer(bench: Bench, code: str, command: str) -> None:
    """The loader's map says that no memory is there; facts behind what was wrong are read, too."""
    base = 5 * GIB
    many = [mb2.module(0x6000000, 0x6000001)] * 65
    tags = [mb2.command_line(command), *(many if code == "MODULES" else [])]
    boot = RomBoot(tags=[*tags, mb2.memory_map(_map(base)), _tag(base, WIDTH * 4)], memory=4 * GIB)
    with bench.by_rom(boot, debug_exit=False) as machine:
        machine.wait_line(f"footing: panic {code}: .*", ROM_SECONDS)
        machine.wait_halted(ROM_SECONDS)
        lines = _lines(machine, base, WIDTH * 4)
        assert sum(line.startswith(f"footing: panic {code}: ") for line in lines) == 1
        assert_panic(machine, code)
    over = replace(boot, tags=[*boot.tags[:-1], _tag(0x8000000, WIDTH * 4)])
    with bench.by_rom(over) as machine:
        assert machine.wait_exit(ROM_SECONDS) == EXIT_PANIC
        assert_panic(machine, code)


def test_early_panic_under_uefi_through_grub_reaches_the_screen(bench: Bench) -> None:
    """Boot services are alive: the firmware is asked for its map, and the line stays for a while."""
    with bench.by_grub("uefi", "then=halt nonsense=1", debug_exit=False) as machine:
        machine.wait_line("footing: panic OPTION: .*", GRUB_SECONDS["uefi"])
        machine.wait_line("footing: press a key, or wait 10 seconds, .*", ROM_SECONDS)
        lines = [line for line in font.read(machine.screen()) if line]
    assert any(line.startswith("footing: panic OPTION: unknown option or value: nonsense=1") for line in lines)


_BASE = 5 * GIB
_SHOWN = 0xFFFFFFFFC0000000
_BYTES = WIDTH * 4 * HEIGHT
_UNMAP, _PROTECT = 1, 2
_UC, _WC = 0, 1


def _with_payload() -> RomBoot:
    """A payload that dies: nop; ud2."""
    payload = tiny_elf.build(code=b"\x90\x0f\x0b")
    return RomBoot(command="loglevel=0", memory=4 * GIB, entries=_map(_BASE), extra=(_tag(_BASE, WIDTH * 4),),
                   modules=[Module(64 * MIB, payload)])  # fmt: skip


def _update(operation: int, rights: int, kind: int) -> list[str]:
    """For gdb: from the payload's entry, call update() on the framebuffer; back at the entry, rax is the answer."""
    words = [operation, _SHOWN, 0, _BYTES, rights | kind << 32, 0, "(long)&boot_stack + 80", 0]
    frames = [0, "(long)&footing_ready", "(long)&footing_ready"]  # alloc is not called; free just returns
    stores = [f"set *((long*)&boot_stack + {i}) = {word}" for i, word in enumerate([*words, 0, 0, *frames])]
    # The stack pointer last: with it, gdb takes another frame for the one that is selected.
    return ["hbreak *$entry", "continue", *stores, "set *(long*)($rsp - 8) = $entry", "set $rdi = (long)&boot_stack",
            "set $rip = (long)&live_update", "set $rsp = $rsp - 8", "continue"]  # fmt: skip


def _stopped(bench: Bench, boot: RomBoot) -> Machine:
    """One that gdb starts, and that halts at its end."""
    machine = bench.by_rom(boot, debug_exit=False)
    machine.command += ["-S", "-gdb", "unix:gdb,server=on,wait=off"]
    return machine


def _run_in_gdb(machine: Machine, elf: Path, steps: list[str], ask_for: str) -> list[str]:
    """From reset; the guest goes on afterwards."""
    machine.qmp.command("query-status")
    before = ["set arch i386:x86-64", f"file {elf}", "target remote ./gdb", *steps]
    answer, _ = run(machine.directory, before, [ask_for, "detach"])
    return answer


@pytest.mark.parametrize(
    "operation, rights, kind, shown",
    [(_UNMAP, 0, 0, False), (_PROTECT, 0, _WC, False), (_PROTECT, 2, _UC, True)],
    ids=["unmap", "read-only", "other-type"],
)
def test_payload_takes_the_framebuffer_away(
    bench: Bench, image_path: Path, operation: int, rights: int, kind: int, shown: bool
) -> None:
    """The screen is given up with it, without a fault; a panic goes wherever else there is."""
    with _stopped(bench, _with_payload()) as machine:
        entry = f"set $entry = {0xFFFFFFFF81000000 + tiny_elf.ENTRY}"
        steps = [entry, *_update(operation, rights, kind)]
        assert _run_in_gdb(machine, image_path, steps, "p $rax")[0].endswith(" = 0")
        machine.wait_line("footing: panic FAULT: .*", ROM_SECONDS)
        machine.wait_halted(ROM_SECONDS)
        assert "#UD invalid opcode, at payload+0x" in assert_panic(machine, "FAULT")
        assert "given up" not in machine.serial
        last = _lines(machine, _BASE, WIDTH * 4)[-1]
        assert last.startswith("footing: panic FAULT: ") if shown else last == "footing: ready"


_LOST = {
    "framebuffer": (RomBoot(memory=4 * GIB, entries=_map(_BASE), extra=(_tag(_BASE, WIDTH * 4),)), "screen.pixels"),
    "text": (RomBoot(), "vga.cells"),
}


@pytest.mark.parametrize("code", ["FAULT", "PMAP"])
@pytest.mark.parametrize("name", _LOST)
def test_a_fault_while_reporting(bench: Bench, image_path: Path, name: str, code: str) -> None:
    """The screen's mapping is gone, and nobody has said so: the panic reaches the other consoles all the same."""
    boot, pixels = _LOST[name]
    lose = "set *$place = 0x123000"
    steps = ["hbreak *(long)&pmap_check", "continue", f"set $place = (long *)&{pixels}"]
    if code == "FAULT":
        steps += ["hbreak *(long)&footing_ready", "continue", lose, "set $rip = 0"]
    else:
        steps += [lose, 'set {char[5]}&boot_stack = "left"', "set var pmap.taken.used = 1",
                  "set var pmap.taken.owners[0] = (char *)&boot_stack"]  # fmt: skip
    with _stopped(bench, replace(boot, command="then=halt")) as machine:
        _run_in_gdb(machine, image_path, steps, "p 1")
        machine.wait_line(f"footing: panic {code}: .*", ROM_SECONDS)
        machine.wait_halted(ROM_SECONDS)
        words = assert_panic(machine, code)
    said = re.findall(r"^footing: screen: given up, exception 14 .* while printing .rip 0x[0-9a-f]+, cr2 (0x[0-9a-f]+).$",
                      machine.serial, re.M)  # fmt: skip
    assert [int(at, 16) // (8 * MIB) for at in said] == [0]
    assert words.startswith("exception: #PF page fault: fetch" if code == "FAULT" else "a PMAP slot is not released: left")
    assert machine.serial.count("error code 0x10 (fetch, page not present)") == (1 if code == "FAULT" else 0)
