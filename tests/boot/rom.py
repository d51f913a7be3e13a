# SPDX-License-Identifier: MIT
"""The test ROM: assembled once, then filled in for each boot."""

from __future__ import annotations

import fcntl
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

MULTIBOOT2_MAGIC = 0x36D76289
SIZE = 0x10000

MSR_MISC_ENABLE = 0x1A0
MSR_PHYSBASE0 = 0x200
MSR_FIX64K = 0x250
MSR_FIX16K = (0x258, 0x259)
MSR_FIX4K = tuple(range(0x268, 0x270))
MSR_DEF_TYPE = 0x2FF
MSR_EFER = 0xC0000080

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Variable:
    """A variable MTRR: naturally aligned, a power of two."""

    base: int
    size: int
    kind: int


@dataclass(frozen=True)
class Firmware:
    """How the ROM leaves the CPU."""

    eax: int = MULTIBOOT2_MAGIC
    cr0: int = 0
    cr4: int = 0
    a20: bool = True
    mtrr_default: int = 6
    mtrr_enable: int = 0xC00  # both: MTRRs, and the fixed ones
    variable: Sequence[Variable] = ()
    msrs: Sequence[tuple[int, int]] = field(default_factory=tuple)
    phys_bits: int = 40
    root: int = 0  # of identity tables that are in RAM: enter in 64-bit mode
    stack: int = 0


def assemble(cache: Path) -> bytes:
    """The ROM without its record; safe when several processes ask at once."""
    cache.mkdir(parents=True, exist_ok=True)
    source, script = _HERE / "bios.S", _HERE / "rom.ld"
    binary, target = cache / "bios.o", cache / "bios.rom"
    with (cache / "rom.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        newest = max(source.stat().st_mtime, script.stat().st_mtime)
        if not target.exists() or target.stat().st_mtime < newest:
            subprocess.run(["as", "--64", "-o", binary, source], check=True)
            subprocess.run(
                ["ld", "-T", script, "--oformat=binary", "-o", target, binary],
                check=True,
            )
        return target.read_bytes()


def compose(blank: bytes, firmware: Firmware, info: int, entry: int) -> bytes:
    """Fill in the record that bios.S describes."""
    assert len(blank) == SIZE, f"the ROM has {len(blank)} bytes"
    msrs = [*_mtrrs(firmware), *firmware.msrs]
    record = struct.pack(
        "<5IQ3I", firmware.cr0, firmware.cr4, not firmware.a20, firmware.eax, info, entry,
        firmware.root, firmware.stack, len(msrs),
    )  # fmt: skip
    for number, value in msrs:
        record += struct.pack("<IQ", number, value)
    assert len(record) <= 0x1000
    return record + blank[len(record) :]


def _mtrrs(firmware: Firmware) -> list[tuple[int, int]]:
    """Fixed ranges as firmware sets them: WB below 640 KiB, VGA UC, then WP."""
    every = 0x0101010101010101
    result = [(MSR_FIX64K, 6 * every), (MSR_FIX16K[0], 6 * every), (MSR_FIX16K[1], 0)]
    result += [(number, 5 * every) for number in MSR_FIX4K]
    for i, each in enumerate(firmware.variable):
        assert each.base % each.size == 0 and each.size & each.size - 1 == 0, each
        mask = (1 << firmware.phys_bits) - each.size
        result.append((MSR_PHYSBASE0 + 2 * i, each.base | each.kind))
        result.append((MSR_PHYSBASE0 + 2 * i + 1, mask | 0x800))
    return [*result, (MSR_DEF_TYPE, firmware.mtrr_enable | firmware.mtrr_default)]
