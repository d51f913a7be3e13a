# SPDX-License-Identifier: MIT
"""kexec: by Linux and kexec-tools, and by a loader that does what they do."""

from __future__ import annotations

import struct
from dataclasses import replace
from pathlib import Path

import pytest

import linux
import mb2
import oracle
import payloads
import snapshot
from boots import ROM_SECONDS, Bench, Module, RomBoot, assert_ready

_KEXEC = mb2.loader_name("kexec 2.0.25")
_TYPE = "--type=multiboot2-x86"


def _by_header(bench: Bench) -> Bench:
    """A loader that goes by the ELF header's entry, not by the multiboot2 header's."""
    entry, = struct.unpack_from("<Q", bench.raw, 24)
    return replace(bench, image=replace(bench.image, entry=entry))


def _tags(boot: RomBoot, command: str, loader: bytes = _KEXEC) -> RomBoot:
    """What kexec-tools tells, in its order (kexec/arch/i386/kexec-mb2-x86.c)."""
    tags = [mb2.basic_memory(), mb2.memory_map(boot.map_entries()), mb2.load_base(boot.load)]
    tags += [mb2.command_line(command), loader, *(module.tag for module in boot.modules)]
    return replace(boot, tags=tags)


def test_loader_that_enters_by_the_elf_header_and_names_the_image(bench: Bench) -> None:
    """Field: "jumps to e_entry and puts the image's name first on the command line"."""
    module = Module(0x8000000, b"some data", "/boot/data one two")
    boot = RomBoot(load=0x100000, modules=[module])
    _by_header(bench).rom_halts_right(_tags(boot, "/boot/footing.elf then=halt"))


def test_payload_of_such_a_loader(bench: Bench, forms: dict[str, bytes]) -> None:
    """The payload's own words are those behind its name, and the modules have names."""
    boot = RomBoot(load=0x100000, modules=[Module(0x8000000, b"some data", "/boot/data one two")])
    made = payloads.rom_boot(boot, forms["pie"], at=0x9000000, text="/boot/k.elf three", position=0)
    outcome = payloads.rom_succeeds(_by_header(bench), _tags(made, f"footing.elf {made.command}"))
    assert outcome.names() == ["/boot/k.elf", "/boot/data"]
    assert [text for *_, text in outcome.modules()] == ["three", "one two"]


def test_information_that_kexec_counts_too_short(bench: Bench) -> None:
    """Its modules' padding is not counted, so the end tag gets lost: a line says so, and the boot goes on."""
    boot = RomBoot(load=0x100000, modules=[Module(0x8000000, b"some data", "/boot/data one")])
    boot = _tags(boot, "footing.elf then=halt")
    whole = boot.blob()
    short = len(whole) - 9
    boot = replace(boot, info=struct.pack("<I", short) + whole[4:short])
    with bench.by_rom(boot) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert_ready(machine)
        assert "footing: boot information: kexec has left out its end tag" in machine.serial
    words = bench.rom_panics(replace(boot, info=struct.pack("<I", short - 9) + whole[4 : short - 9]), "INFO")
    assert "exceeds" in words


@pytest.mark.parametrize("loader", ["GRUB 2.06", "kexecute 1"])
def test_name_from_another_loader_is_an_unknown_option(bench: Bench, loader: str) -> None:
    """Only who is known to put the name there is believed."""
    boot = _tags(RomBoot(), "footing.elf then=halt", mb2.loader_name(loader))
    assert "footing.elf" in bench.rom_panics(boot, "OPTION")


def test_elf_header_enters_where_multiboot2_does(bench: Bench, cache: Path) -> None:
    """e_entry is the physical address of the 32-bit entry, in what is linked to the library, too."""
    assert _by_header(bench).image.entry == bench.image.entry
    linked = payloads.build_linked(cache, cache.parent).read_bytes()
    entry, = struct.unpack_from("<Q", linked, 24)
    assert 0x100000 <= entry < 0x100000 + len(linked)


@pytest.mark.full
def test_from_linux(bench: Bench, cache: Path) -> None:
    """Debian's kernel and kexec-tools, with a module, to then=halt."""
    words = [_TYPE, "/footing.elf", "--command-line=then=halt", "--module=/data one two"]
    data = bytes(range(256)) * 40
    with linux.kexec(bench.directory, cache, words, {"footing.elf": bench.raw, "data": data}) as machine:
        machine.wait_line("footing: ready", linux.SECONDS)
        machine.wait_halted(linux.SECONDS)
        assert_ready(machine)
        taken = snapshot.take(machine, linux.handed_on(machine))
        oracle.hold(taken)


@pytest.mark.full
def test_payload_from_linux(bench: Bench, cache: Path, forms: dict[str, bytes]) -> None:
    """A payload is loaded and entered; it has its words and its modules."""
    data = bytes(range(256)) * 40
    sums = payloads.sums([data])
    words = [_TYPE, "/footing.elf", f"--command-line=-- full {sums}"]
    words += ["--module=/payload.elf own", "--module=/data one two"]
    files = {"footing.elf": bench.raw, "payload.elf": forms["pie"], "data": data}
    with linux.kexec(bench.directory, cache, words, files) as machine:
        outcome = payloads.wait_success(machine, linux.SECONDS)
    assert outcome.names() == ["/payload.elf", "/data"]
    assert [text for *_, text in outcome.modules()] == ["own", "one two"]
