# SPDX-License-Identifier: MIT
"""GRUB for 32-bit UEFI on a 64-bit CPU: boot services alive at the 32-bit entry."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

import font
import mb2
import payloads
from boots import GRUB_SECONDS, Bench, RomBoot, grub_halts_right
from grub import uefi32_args
from machine import EXIT_SUCCESS, Machine

_SECONDS = GRUB_SECONDS["uefi32"]
_BOOT_SERVICES, _EFI32, _EFI32_HANDLE = 18, 11, 19


def test_grub_for_32_bit_uefi_on_a_64_bit_cpu(bench: Bench) -> None:
    """Footing leaves the firmware from there; its runtime services are left out, with a line."""
    with bench.by_grub("uefi32", "then=halt") as machine:
        taken = grub_halts_right(machine, "uefi32")
        lines = [each for each in machine.serial.splitlines() if "runtime services left out" in each]
        shown = font.read(machine.screen())
    assert len(lines) == 1 and "a 32-bit firmware's" in lines[0]
    assert {each.what for each in taken.report.plan} >= {"framebuffer", "directmap"}
    assert "footing: ready" in shown, shown


@pytest.mark.full
@pytest.mark.parametrize("memory", ["128M", "5000M"])
def test_payload(bench: Bench, forms: dict[str, bytes], memory: str) -> None:
    """Modules come through, all free RAM can be written, RSDP and map are handed over; no system table is."""
    data = bytes(range(256)) * 40
    with payloads.start(
        bench, "uefi32", forms["pie"], "", payloads.sums([data]) + " full", modules={"m": data}, memory=memory
    ) as machine:
        outcome = payloads.wait_success(machine, _SECONDS)
    assert [end - start for start, end, *_ in outcome.modules()][1:] == [len(data)]


@pytest.mark.full
def test_the_iso_we_hand_out(tmp_path: Path, image_path: Path) -> None:
    """build/footing.iso has a GRUB for such machines."""
    iso = Path(os.environ.get("FOOTING_ISO", image_path.with_name("footing.iso")))
    if not iso.exists():
        pytest.skip(f"{iso} does not exist")
    with Machine(tmp_path, args=["-cdrom", str(iso.resolve()), *uefi32_args()], memory="256M") as machine:
        assert machine.wait_exit(_SECONDS) == EXIT_SUCCESS
        assert "footing: ready\n" in machine.serial


def _loader(*tags: bytes) -> RomBoot:
    return RomBoot(extra=[mb2.tag(_BOOT_SERVICES, b""), *tags])


def test_a_firmware_that_cannot_be_called_is_refused(bench: Bench) -> None:
    """Boot services are said to be alive, but there is no table, or nothing that interrupts may go to."""
    assert "no system table" in bench.rom_panics(_loader(), "EFI")
    pointers = [mb2.tag(_EFI32, b"\0\0\x30\0"), mb2.tag(_EFI32_HANDLE, b"\x01\0\0\0")]
    assert "0x300000" in bench.rom_panics(_loader(*pointers), "EFI")


def test_a_firmware_without_interrupt_gates_is_refused(bench: Bench) -> None:
    """Its services let interrupts in."""
    pointers = [mb2.tag(_EFI32, b"\0\0\x00\x08"), mb2.tag(_EFI32_HANDLE, b"\x01\0\0\0")]
    boot = _loader(*pointers)
    words = bench.rom_panics(replace(boot, blobs=[(0x8000000, b"IBI SYST".ljust(0x1000, b"\0"))]), "EFI")
    assert "interrupt gates" in words
