# SPDX-License-Identifier: MIT
"""Nothing lost: modules of any size, at every boundary, in fragmented memory, checked by the payload."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from pathlib import Path

import pytest

import mb2
import payloads
from boots import GRUB_SECONDS, MIB, ROM_SECONDS, Bench, Module, RomBoot, assert_panic
from machine import EXIT_PANIC, EXIT_SUCCESS
from payloads import FORMS, PAYLOAD_AT, rom_boot, rom_succeeds

GIB = 1 << 30
HIGHEST = 0xFEB00000  # as in test_load.py: the most RAM that the older PC board has below 4 GiB

Forms = dict[str, bytes]


def _data(seed: str, size: int) -> bytes:
    source = random.Random(seed)
    chunks = [source.randbytes(min(64 * MIB, size - at)) for at in range(0, size, 64 * MIB)]
    return b"".join(chunks)


def _modules(*sizes: int) -> dict[str, bytes]:
    return {f"m{i}": _data(f"{i}{size}", size) for i, size in enumerate(sizes)}


ODD = (1, 4095, 4096, 4097, MIB)


@pytest.mark.parametrize(
    ("way", "sizes", "memory"),
    [
        ("bios", ODD, "256M"),
        ("bios", (64 * MIB, 1), "256M"),
        pytest.param("uefi", ODD, "256M", marks=pytest.mark.full),
        ("efi", ODD, "256M"),
        pytest.param("uefi", (64 * MIB, 1), "256M", marks=pytest.mark.full),
        pytest.param("efi", (64 * MIB, 1), "256M", marks=pytest.mark.full),
        pytest.param("bios", (GIB, 4097), "4G", marks=pytest.mark.full),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, tuple) else str(value),
)
def test_modules(
    bench: Bench, forms: Forms, way: str, sizes: tuple[int, ...], memory: str
) -> None:
    """Modules of any size come through whole, with their texts, and all free RAM can be written."""
    modules = _modules(*sizes)
    words = payloads.sums(modules.values()) + (" full" if memory == "256M" else "")
    machine = payloads.start(bench, way, forms["exec-1m"], "", words, modules=modules, memory=memory)
    with machine:
        outcome = payloads.wait_success(machine, payloads.seconds_for(way) + sum(sizes) / MIB / 4)
    found = outcome.modules()
    if way == "efi":  # for multiboot2, see test_texts_of_modules()
        assert [text for _, _, _, text in found][1:] == list(modules)
        assert outcome.names() == ["payload.elf", *modules]
    else:
        assert outcome.names() == [""] * (1 + len(modules)), "GRUB tells no names"
    assert [kind for _, _, kind, _ in found] == [1, *(0 for _ in modules)]
    assert [end - start for start, end, _, _ in found][1:] == list(sizes)


@pytest.mark.parametrize("way", ["rom", "bios", pytest.param("uefi", marks=pytest.mark.full)])
def test_texts_of_modules(bench: Bench, forms: Forms, way: str) -> None:
    """What stands behind module2 is the module's command line; the payload's comes before "--"."""
    if way == "rom":
        boot = RomBoot(modules=[Module(0x5000000, b"1", "m0"), Module(0x6000000, b"2", "two words")])
        outcome = rom_succeeds(bench, rom_boot(boot, forms["pie"], text="payload.elf", arguments="more"))
    else:
        modules = {"m0": b"1", "two": b"2"}
        with payloads.start(bench, way, forms["pie"], "", "more", modules=modules) as machine:
            outcome = payloads.wait_success(machine, GRUB_SECONDS[way])
    texts = ["payload.elf", "m0", "two words" if way == "rom" else "two"]
    assert [text for _, _, _, text in outcome.modules()] == texts
    outcome.word('command line "payload.elf +more.*"')


@pytest.mark.smoke
def test_payload_made_for_version_2(bench: Bench, cache: Path) -> None:
    """What version 2 had is where it was: modules with their words, the command line, the calls."""
    modules = [Module(0x5000000, b"1", "m0"), Module(0x6000000, b"22", "two words")]
    payload = payloads.build_version2(cache)
    boot = rom_boot(RomBoot(modules=modules), payload, options="foreign=1G loglevel=0", text="own")
    with bench.by_rom(boot) as machine:
        assert machine.wait_exit(ROM_SECONDS) == EXIT_SUCCESS
        said = [line.removeprefix("version2: ") for line in machine.serial.splitlines() if line.startswith("version2: ")]
        assert "footing: " in machine.serial.rpartition("version2: ")[2] or machine.serial.count("rw-") > 2
    assert int(said[0].split()[1], 16) >= 3
    assert [re.fullmatch(r'module (\S+) (\S+) (\S+) "(.*)"', line).groups() for line in said[2:5]] == [
        (f"{start:#018x}", f"{start + len(data):#018x}", f"{kind:#018x}", text)
        for start, data, kind, text in [
            (PAYLOAD_AT, payload, 1, "own"), (0x5000000, b"1", 0, "m0"), (0x6000000, b"22", 0, "two words"),
        ]
    ]
    assert said[5].startswith('command line "own ')
    assert said[6] == f"foreign {GIB:#018x}"


@pytest.mark.parametrize("length", [4095, 5000, 8000])
def test_long_command_line(bench: Bench, forms: Forms, length: int) -> None:
    """The payload's own command line comes whole, or is refused: it is never cut in silence."""
    boot = rom_boot(RomBoot(), forms["pie"], text="y" * length, arguments="and more")
    rom, boot = payloads.by_pvh_rom(bench, boot)
    with rom.by_rom(boot) as machine:
        if machine.wait_exit(ROM_SECONDS) == EXIT_PANIC:
            assert_panic(machine, "CMDLINE")
            return
    outcome = payloads.wait_success(machine, ROM_SECONDS)
    assert int(outcome.word(r"command line of (\d+) bytes")[1]) >= length + len(" and more")


def _at_boundaries(bench: Bench, load: int) -> list[Module]:
    """Around the image, in the last bytes below 1 MiB, and at the edges of holes."""
    behind = load + -(-bench.image.length // 0x1000) * 0x1000
    places = [
        (0x9F000 - 0x1801, 0x1801), (0x100000, 1), (load - 0x1800, 0x1800), (behind, 0x2345),
        (0x6000000 - 7, 7), (0x6003000, 0x1000), (PAYLOAD_AT - 1, 1), (256 * MIB - 0x1001, 0x1001),
        (0x5000001, 0xFFF), (0x5001000, 0x1001), (0x5003000, 7),
    ]  # fmt: skip
    return [Module(at, _data(hex(at), size), f"at {at:#x}") for at, size in places]


HOLES = mb2.standard_map(256 * MIB, reserved=[(0x6000000, 0x3000), (0x7000000, 0x1000)])


@pytest.mark.parametrize("position", [None, 3, 11])
@pytest.mark.parametrize("seed", range(4))
def test_modules_at_boundaries(bench: Bench, forms: Forms, seed: int, position: int | None) -> None:
    """Told in any order, the payload's file among them by its place in the list only if it is first."""
    load = 0x800000
    modules = _at_boundaries(bench, load)
    random.Random(seed).shuffle(modules)
    boot = RomBoot(load=load, entries=HOLES, modules=modules)
    if position is None:
        rom_succeeds(bench, rom_boot(boot, forms["exec-1m"], arguments="full"))
        return
    with bench.by_rom(rom_boot(boot, forms["exec-1m"], position=position, options="then=exit")) as machine:
        assert machine.wait_exit(ROM_SECONDS) == EXIT_SUCCESS
        assert "payload: " not in machine.serial


@pytest.mark.parametrize("payload_last", [False, True])
def test_modules_below_4g(bench: Bench, forms: Forms, payload_last: bool) -> None:
    """In the last pages of RAM that a PC has below 4 GiB: a module, or the payload's file."""
    form = forms["exec-1m"]
    at = HIGHEST - len(form) - 5 if payload_last else PAYLOAD_AT
    module = Module(PAYLOAD_AT if payload_last else HIGHEST - 12345, _data("4g", 12345))
    entries = [(0, 0x9F000, mb2.USABLE), (MIB, HIGHEST - MIB, mb2.USABLE)]
    boot = RomBoot(
        entries=entries, memory=HIGHEST, machine="pc,max-ram-below-4g=4G", modules=[module]
    )
    rom_succeeds(bench, rom_boot(boot, form, at=at))


@pytest.mark.parametrize("payload_at", [4 * GIB, 6 * GIB - MIB, PAYLOAD_AT], ids=hex)
def test_modules_above_4g(bench: Bench, forms: Forms, payload_at: int) -> None:
    """Where multiboot2 cannot put one, but PVH can."""
    modules = [
        Module(5 * GIB - 1, _data("a", 0x1002), "across 5 GiB"),
        Module(6 * GIB - 4097, _data("b", 4097), "the last"),
        Module(2 * GIB - 1, b"x", "in front of the hole"),
    ]
    boot = RomBoot(memory=4 * GIB, entries=payloads.SPLIT, modules=modules)
    rom, boot = payloads.by_pvh_rom(bench, rom_boot(boot, forms["pie"], at=payload_at))
    outcome = rom_succeeds(rom, boot)
    assert [text for _, _, _, text in outcome.modules()][1:] == [module.text for module in modules]


def _fragments(bench: Bench, size: int, file: bytes) -> RomBoot:
    """RAM in runs of one size, but for the image and the payload's file."""
    load, info_at = 0x200000, 0x10000
    room = [(0, 0x9F000, mb2.USABLE), (load, payloads.whole(bench.image.length), mb2.USABLE)]
    room += [(PAYLOAD_AT, payloads.whole(len(file)), mb2.USABLE)]
    runs = [(0x1000000 + i * (size + 0x1000), size, mb2.USABLE) for i in range(60)]
    module = Module(0x1000000, _data("fragment", min(size - 1, 0x1234)))
    return RomBoot(entries=[*room, *runs], load=load, info_at=info_at, modules=[module])


@pytest.mark.parametrize(("size", "form"), [(0x3000, "exec-1m"), (0x2000, "pie"), (0x41000, "pie-big")])
def test_fragments(bench: Bench, forms: Forms, size: int, form: str) -> None:
    """No run of RAM is long enough for a segment."""
    boot = _fragments(bench, size, forms[form])
    rom_succeeds(bench, rom_boot(boot, forms[form], arguments="full"))


def test_too_many_fragments(bench: Bench, forms: Forms) -> None:
    """7 MiB of data in runs of 16 KiB would be more pieces than there is room for."""
    boot = _fragments(bench, 0x4000, forms["pie-big"])
    more = [(0x2000000 + i * 0x5000, 0x4000, mb2.USABLE) for i in range(600)]
    boot = replace(boot, entries=[*boot.map_entries(), *more])
    payloads.rom_refuses(bench, rom_boot(boot, forms["pie-big"]), "PLANFULL")


def test_no_room_for_the_payload(bench: Bench, forms: Forms) -> None:
    """Less RAM than its segments need."""
    boot = _fragments(bench, 0x4000, forms["pie-big"])
    words = payloads.rom_refuses(bench, rom_boot(boot, forms["pie-big"]), "NOFRAMES")
    assert "payload" in words


@pytest.mark.parametrize("maxpage", ["4k", "1g"])
def test_lists_of_any_length(bench: Bench, forms: Forms, maxpage: str) -> None:
    """4,000 runs of RAM and as many modules as there may be; large boot information is given up."""
    entries = [(0, 0x9F000, mb2.USABLE), (MIB, 15 * MIB, mb2.USABLE), (PAYLOAD_AT, MIB, mb2.USABLE)]
    entries += [(0x1000000 + i * 0x4000, 0x3000, mb2.USABLE) for i in range(4000)]
    modules = [Module(0x1000000 + i * 0x40000 + 0xFFF, b"mm") for i in range(63)]
    boot = rom_boot(RomBoot(entries=entries, modules=modules, info_at=0xE00123), forms["pie"],
                    options=f"maxpage={maxpage} loglevel=1", arguments="full")
    outcome = rom_succeeds(bench, boot)
    outcome.word("reclaimed 0xe01000-0xe1[0-9a-f]000")
    assert len(outcome.modules()) == 64


_SEEDS = [0, 1, *(pytest.param(seed, marks=pytest.mark.full) for seed in range(2, 40))]


@pytest.mark.parametrize("seed", _SEEDS)
def test_random_maps(bench: Bench, forms: Forms, seed: int) -> None:
    """RAM with sixty holes of any kind, modules wherever there is room."""
    source = random.Random(seed)
    entries = [(0, 0x9F000, mb2.USABLE), (MIB, 255 * MIB, mb2.USABLE)]
    for _ in range(60):
        unit = source.choice([1, 0x1000, 0x200000])
        base = source.randrange(32 * MIB, 120 * MIB) // unit * unit
        entries.append((base, source.randrange(1, MIB), source.choice([2, 3, 4, 5, 9])))
    usable = [each for each in mb2.usable_bytes(entries) if each[0] >= 16 * MIB and each[1] <= PAYLOAD_AT]
    modules = []
    for start, end in usable[:20]:
        size = min(end - start, source.choice([1, 4095, 4096, 4097, 0x23456]))
        modules.append(Module(source.choice([start, end - size]), source.randbytes(size), hex(start)))
    source.shuffle(modules)
    source.shuffle(entries)
    boot = RomBoot(entries=entries, modules=modules)
    form = source.choice(FORMS)
    rom_succeeds(bench, rom_boot(boot, forms[form], arguments="full"))
