# SPDX-License-Identifier: MIT
"""The test ROM does what its record says, shown with a few bytes of program instead of the image."""

from __future__ import annotations

from pathlib import Path

import pytest

import devstate
import rom
from machine import Machine

# mov %eax, 0x5000; mov %ebx, 0x5004; cli; hlt
_PROGRAM = bytes.fromhex("a300500000891d04500000faf4")
_ENTRY = 0x200000


def _run(directory: Path, cache: Path, firmware: rom.Firmware) -> Machine:
    blank = rom.assemble(cache)
    directory.mkdir(exist_ok=True)
    (directory / "rom").write_bytes(rom.compose(blank, firmware, 0x12345678, _ENTRY))
    (directory / "program").write_bytes(_PROGRAM)
    loader = f"loader,file=program,addr={_ENTRY:#x},force-raw=on"
    return Machine(directory, args=["-bios", "rom", "-device", loader])


@pytest.mark.parametrize("a20", [True, False])
def test_enters_as_a_loader_does(tmp_path: Path, cache: Path, a20: bool) -> None:
    """32-bit flat protected mode, paging off, both registers loaded, the A20 gate as told."""
    machine = _run(tmp_path, cache, rom.Firmware(a20=a20))
    with machine:
        machine.wait_halted(10)
        registers = machine.registers()
        saved = machine.read(0x5000, 8)
        assert saved == rom.MULTIBOOT2_MAGIC.to_bytes(4, "little") + 0x12345678.to_bytes(4, "little")
        assert registers["CR0"] & 0x80000001 == 1
        assert registers["A20"] == a20
        assert registers["EFER"] == 0


def test_programs_registers(tmp_path: Path, cache: Path) -> None:
    """MTRRs, EFER, CR4 and MISC_ENABLE arrive."""
    firmware = rom.Firmware(
        cr0=1 << 16,
        cr4=1 << 7,
        mtrr_default=0,
        variable=[rom.Variable(0, 1 << 28, 6), rom.Variable(1 << 26, 1 << 20, 0)],
        msrs=[(rom.MSR_EFER, 0x800), (rom.MSR_MISC_ENABLE, 1 << 34 | 1)],
    )
    machine = _run(tmp_path, cache, firmware)
    with machine:
        machine.wait_halted(10)
        registers = machine.registers()
        hidden = devstate.parse(machine.save_device_state(), registers)
    assert registers["CR0"] & 1 << 16 and registers["CR4"] == 1 << 7
    assert registers["EFER"] == 0x800
    assert hidden.misc_enable == 1 << 34 | 1
    assert hidden.mtrrs.deftype == 0xC00
    assert hidden.mtrrs.fixed[:3] == (0x0606060606060606, 0x0606060606060606, 0)
    assert hidden.mtrrs.variable[:2] == (
        (6, 0xFFF0000800),
        (1 << 26, 0xFFFFF00800),
    )
