# SPDX-License-Identifier: MIT
"""MTRRs that nobody has set, that are AMD's, or that cut RAM to pieces."""

from __future__ import annotations

import pytest

import pvh
import rom
from boots import MIB, ROM_SECONDS, Bench, RomBoot, assert_ready
from rom import Firmware, Variable

_LINE = "footing: MTRRs: they make no usable RAM write-back, and this is a guest: taken as not there\n"
_BARE_METAL = "max,-hypervisor"
_UNCACHED = [(rom.MSR_FIX64K, 0), (rom.MSR_FIX16K[0], 0), *((number, 0) for number in rom.MSR_FIX4K)]

# IA32_MTRR_DEF_TYPE as various hypervisors' firmware leaves it, and no variable range.
BLANK = {
    "off": Firmware(mtrr_default=0, mtrr_enable=0),
    "off-but-write-back": Firmware(mtrr_default=6, mtrr_enable=0),
    "0x800": Firmware(mtrr_default=0, mtrr_enable=0x800),
    "0xc00": Firmware(mtrr_default=0, mtrr_enable=0xC00, msrs=_UNCACHED),
    "0xc00-low-memory-set": Firmware(mtrr_default=0, mtrr_enable=0xC00),
    "0x805": Firmware(mtrr_default=5, mtrr_enable=0x800),
    "range-without-ram": Firmware(
        mtrr_default=0, mtrr_enable=0x800, variable=[Variable(0xC0000000, 64 * MIB, 6)]
    ),
}


@pytest.mark.parametrize("name", BLANK)
def test_guest_without_mtrrs(bench: Bench, name: str) -> None:
    """They are taken as not there, one line says so, and all RAM is mapped."""
    with bench.by_rom(RomBoot(firmware=BLANK[name])) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert_ready(machine)
        assert machine.serial.count(_LINE) == 1
        assert "left out" not in machine.serial
    bench.rom_halts_right(RomBoot(firmware=BLANK[name]))


@pytest.mark.parametrize("name", BLANK)
def test_bare_metal_without_mtrrs(bench: Bench, name: str) -> None:
    """There they count, and there is no RAM; or not where the image is."""
    boot = RomBoot(command="then=exit", firmware=BLANK[name], cpu=_BARE_METAL)
    code = "NOTWB" if name == "0xc00-low-memory-set" else "NORAM"
    words = bench.rom_panics(boot, code)
    assert code != "NORAM" or words.endswith(": not write-back by the MTRRs")


def test_guest_whose_mtrrs_are_set(bench: Bench) -> None:
    """What somebody has set counts, in a guest as on bare metal, and needs no line."""
    for cpu in ("max", _BARE_METAL):
        firmware = Firmware(mtrr_default=0, variable=[Variable(0, 128 * MIB, 6)])
        with bench.by_rom(RomBoot(firmware=firmware, cpu=cpu)) as machine:
            machine.wait_halted(ROM_SECONDS)
            assert_ready(machine)
            assert "footing: MTRRs:" not in machine.serial
            assert "footing: left out 0x8000000-0xfffffff " in machine.serial


@pytest.mark.parametrize("cpu", ["max", _BARE_METAL])
def test_pvh_is_a_guest(bench: Bench, cpu: str) -> None:
    """Hypervisors alone start so: who is started so is a guest, whatever CPUID says."""
    with pvh.start(bench, "then=halt", machine="microvm", cpu=cpu) as machine:
        machine.wait_halted(ROM_SECONDS)
        assert_ready(machine)
        assert machine.serial.count(_LINE) == 1
        assert "left out" not in machine.serial


@pytest.mark.parametrize(("cpu", "lost"), [("EPYC", False), ("max,vendor=GenuineIntel", True)])
def test_rdmem_and_wrmem(bench: Bench, cpu: str, lost: bool) -> None:
    """0x1e in fixed fields is write-back on AMD; elsewhere it is no type, and the RAM is left out."""
    msrs = [(rom.MSR_FIX64K, 0x1E1E1E1E1E1E1E1E), (rom.MSR_FIX16K[0], 0x1E1E1E1E1E1E1E1E)]
    taken = bench.rom_halts_right(RomBoot(firmware=Firmware(msrs=msrs), cpu=cpu))
    assert (taken.ram[0][0] == 0) != lost


@pytest.mark.parametrize("cpu", ["max", _BARE_METAL])
def test_mask_that_cuts_ram_to_pieces(bench: Bench, cpu: str) -> None:
    """A mask that compares bit 12 and nothing below 16 GiB: refused in one line, at once."""
    msrs = [(rom.MSR_PHYSBASE0, 0x1000 | 6), (rom.MSR_PHYSBASE0 + 1, (1 << 40) - (1 << 34) | 0x1800)]
    boot = RomBoot(command="then=exit", firmware=Firmware(mtrr_default=0, msrs=msrs), cpu=cpu)
    assert bench.rom_panics(boot, "MTRR") == (
        "memory type ranges (MTRRs) cannot be used: masks with holes cut RAM into too many stretches"
        " (limit 0x10000, counted 0x20000)"
    )
