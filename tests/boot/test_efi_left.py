# SPDX-License-Identifier: MIT
"""A loader that has left boot services and gives EFI's tables: multiboot2 tags 12 and 17, without 18.

Real Limine does so as a multiboot2 loader under UEFI. The test ROM plays it
here, by the 32-bit entry and by the 64-bit one.
"""

from __future__ import annotations

import pytest

import efi_tables
import mb2
from boots import ROM_SECONDS, Bench, RomBoot, assert_ready
from efi_tables import Tables
from payloads import long_mode, rom_boot, rom_succeeds

_ENTRIES = ["32-bit", "64-bit"]
_LEFT_OUT = "footing: runtime services left out: the loader has left boot services, at 0x"


def _boot(tables: Tables, entry: str, command: str) -> RomBoot:
    tags = [mb2.command_line(command), mb2.loader_name("Limine 11.4.1"), *tables.tags]
    boot = RomBoot(tags=tags, blobs=tables.blobs, usable=efi_tables.USABLE, memory=efi_tables.TOP)
    return long_mode(boot, 4) if entry == "64-bit" else boot


@pytest.mark.smoke
@pytest.mark.parametrize("entry", _ENTRIES)
@pytest.mark.parametrize("options", ["maxpage=4k", "scrub=on"])
def test_what_lies_in_free_memory_is_kept(bench: Bench, entry: str, options: str) -> None:
    """ESRT and boot logo lie in boot services' data: neither tables nor the scrub touch them."""
    tables = Tables()
    boot = _boot(tables, entry, f"then=halt {options}")
    with bench.by_rom(boot) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert_ready(machine)
        assert _LEFT_OUT in machine.serial
        for address, data in tables.contents.items():
            assert machine.read(address, len(data)) == data, f"what lay at {address:#x} is lost"


@pytest.mark.parametrize("entry", _ENTRIES)
def test_facts_reach_the_payload(bench: Bench, forms: dict[str, bytes], entry: str) -> None:
    """RSDP and both entry points of SMBIOS, from the tables alone."""
    boot = _boot(Tables(), entry, "")
    made = rom_boot(boot, forms["pie"], arguments="left-by-the-loader")
    tags = [mb2.command_line(made.command), *Tables().tags, *(module.tag for module in made.modules)]
    outcome = rom_succeeds(bench, RomBoot(**{**made.__dict__, "tags": tags}))
    assert outcome.word(r"smbios 0x([0-9a-f]+)")[1] == f"{efi_tables.SMBIOS_3:x}"
    assert outcome.word(r"smbios 64-bit 0x([0-9a-f]+), 32-bit 0x([0-9a-f]+)").groups() == (
        f"{efi_tables.SMBIOS_3:x}", f"{efi_tables.SMBIOS_2:x}",
    )  # fmt: skip
    assert outcome.word(r"rsdp .*")


@pytest.mark.smoke
@pytest.mark.parametrize("entry", _ENTRIES)
@pytest.mark.parametrize(
    "tables, why",
    [
        (Tables(system_table=0xFFFFFFFFFFFFFFF0), "no memory is there"),
        (Tables(system_table=0xFEE00000), "no memory is there"),
        (Tables(system_table=0x300000), "its signature is not there"),
        (Tables(signature=b"IBI SYSU"), "its signature is not there"),
        (Tables(tables=0xFEE00000), "its configuration tables are where no memory is"),
    ],
    ids=["wraps", "device", "zeros", "signature", "tables"],
)
def test_nonsense_gives_a_line(bench: Bench, entry: str, tables: Tables, why: str) -> None:
    """A system table that is none is not followed, and the boot goes on."""
    with bench.by_rom(_boot(tables, entry, "then=halt")) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert_ready(machine)
        assert f": {why}: not used\n" in machine.serial
        assert _LEFT_OUT not in machine.serial


@pytest.mark.parametrize("at", [0xFEC00000, 0xFFFFFFFFFFFFFFFF, 0], ids=hex)
def test_esrt_that_is_nowhere_gives_a_line(bench: Bench, at: int) -> None:
    """Where no memory is, nothing is kept; a pointer of 0 is no table at all."""
    with bench.by_rom(_boot(Tables(esrt=at), "64-bit", "then=halt")) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert_ready(machine)
        assert (f"footing: ESRT at {at:#x}" in machine.serial) == (at != 0)
