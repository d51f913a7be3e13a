# SPDX-License-Identifier: MIT
"""Confidential guests are refused before anything can fault.

QEMU's own CPU can be none, so the image is told that it is: the number of SEV_STATUS
is replaced by that of another MSR, whose bits the test can choose, CPUID's leaf for
encryption by one that has SEV's bit set, and TDX's signature by the zeros of an
unused leaf. What decides over these answers is what tests/host/test_cvm.c has run.
"""

from __future__ import annotations

import dataclasses
import re
import struct

import pytest

import console
import esp
import rom
from boots import EFI_SECONDS, GRUB_SECONDS, ROM_SECONDS, Bench, RomBoot, assert_panic
from machine import EXIT_PANIC

_TSC_AUX = 0xC0000103  # holds whatever the ROM writes
_CORES = 0x35  # bits 15:0 are how many threads there are
_PLAIN = "max,stepping=3"  # bit 1 of its EAX
_LEAF_21 = "max,level=0x21"
_KINDS = {"SEV": 1, "SEV-ES": 3, "SEV-SNP": 7}
_WORDS = "an? {} guest: its memory is encrypted, which Footing does not support"
_NAMES = {**{name: f"AMD {name}" for name in _KINDS}, "TDX": "Intel TDX"}


def _replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    assert old in data, f"{old.hex()} is not in the image: the test is out of date"
    return data.replace(old, new)


def _status_in(data: bytes, msr: int) -> bytes:
    """The image, with SEV_STATUS in this MSR, and there by leaf 0x80000001's EAX."""
    data = _replaced(data, struct.pack("<I", 0xC0010131), struct.pack("<I", msr))
    return _replaced(data, struct.pack("<I", 0x8000001F), struct.pack("<I", 0x80000001))


def _signature_of_zeros(data: bytes) -> bytes:
    """The image, with zeros for the letters of TDX where registers are compared with them."""
    for compare, letters in ((b"\x81\xfb", b"Inte"), (b"\x81\xfa", b"lTDX"), (b"\x81\xf9", b"    ")):
        data = _replaced(data, compare + letters, compare + bytes(4))
    return data


def _by_rom(bench: Bench, data: bytes, cpu: str = _PLAIN, status: int = 0) -> tuple[Bench, RomBoot]:
    changed = dataclasses.replace(bench, image=dataclasses.replace(bench.image, data=data))
    firmware = rom.Firmware(msrs=[(_TSC_AUX, status)])
    return changed, RomBoot(command="then=exit", cpu=cpu, firmware=firmware)


def _stops_silently(bench: Bench, boot: RomBoot) -> None:
    with bench.by_rom(boot) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert machine.serial == "" and machine.debugcon == ""


@pytest.mark.smoke
def test_sev_without_firmware(bench: Bench) -> None:
    """There ports can be reached: the line comes as any other early panic."""
    bench, boot = _by_rom(bench, _status_in(bench.image.data, _TSC_AUX), status=_KINDS["SEV"])
    with bench.by_rom(boot) as machine:
        assert machine.wait_exit(ROM_SECONDS) == EXIT_PANIC
        assert re.fullmatch(_WORDS.format("AMD SEV"), assert_panic(machine, "CVM"))


@pytest.mark.parametrize("kind", ["SEV-ES", "SEV-SNP"])
def test_encrypted_state_without_firmware(bench: Bench, kind: str) -> None:
    """There is no console that could be reached, and no port is tried."""
    _stops_silently(*_by_rom(bench, _status_in(bench.image.data, _TSC_AUX), status=_KINDS[kind]))


def test_tdx_without_firmware(bench: Bench) -> None:
    """The same."""
    _stops_silently(*_by_rom(bench, _signature_of_zeros(bench.image.data), _LEAF_21))


@pytest.mark.parametrize("vector", [20, 29], ids=["VE", "VC"])
def test_exception_of_the_first_cpuid(bench: Bench, vector: int) -> None:
    """#VC, which CPUID raises with SEV-ES, and #VE stop the processor, and do not reset it."""
    data = _replaced(bench.image.data, b"\x0f\xa2", bytes((0xCD, vector)))
    _stops_silently(*_by_rom(bench, data))


def test_others_boot(bench: Bench) -> None:
    """A status of zeros, and a CPU with leaf 0x21 that is no TDX, are no reason to refuse."""
    changed, boot = _by_rom(bench, _status_in(bench.image.data, _TSC_AUX))
    for each, which in ((changed, boot), _by_rom(bench, bench.image.data, _LEAF_21)):
        with each.by_rom(which) as machine:
            machine.wait_exit(ROM_SECONDS)
            assert "\nfooting: ready\n" in machine.serial


@pytest.mark.parametrize(
    "kind",
    ["SEV-SNP", *(pytest.param(kind, marks=pytest.mark.full) for kind in ("SEV", "SEV-ES", "TDX"))],
)
def test_firmware_says_so_and_goes_on(bench: Bench, kind: str) -> None:
    """The line is on the firmware's console, its status in the boot manager's; the next entry boots."""
    image = _signature_of_zeros(bench.efi) if kind == "TDX" else _status_in(bench.efi, _CORES)
    second = bench.chainloading(["halt"])
    cores = ["-smp", str(_KINDS.get(kind, 1))]
    cpu = _LEAF_21 if kind == "TDX" else _PLAIN
    with bench.by_efi({esp.BOOT_EFI: image}, second, vga=False, cpu=cpu, args=cores) as machine:
        assert machine.wait_exit(EFI_SECONDS) == 0
        first, end, _ = machine.serial.partition("Type      Physical start")
        assert machine.debugcon.count("footing:") == 0, "it wrote to a port"
    assert end, "GRUB has not been started"
    (code, words), = console.panics(first)
    assert code == "CVM" and re.fullmatch(_WORDS.format(_NAMES[kind]), words)
    assert re.search(r"BdsDxe: failed to start Boot\d+ .*: Unsupported", first)


@pytest.mark.full
def test_firmware_of_grub_says_so(bench: Bench) -> None:
    """Started by GRUB, too: the line, and the firmware has its status."""
    changed = dataclasses.replace(bench, raw=_status_in(bench.raw, _CORES))
    cores = ["-smp", str(_KINDS["SEV-ES"])]
    with changed.by_grub("uefi", "then=exit", cpu=_PLAIN, args=cores) as machine:
        machine.wait_line(r"BdsDxe: failed to start Boot\d+ .*: Unsupported", GRUB_SECONDS["uefi"])
        (code, words), = console.panics(machine.serial)
        assert code == "CVM" and re.fullmatch(_WORDS.format("AMD SEV-ES"), words)
        assert "footing:" not in machine.debugcon
