# SPDX-License-Identifier: MIT
"""Model-specific registers that QEMU's monitor does not show, from its saved CPU state.

The stream's layout is a stable interface: a newer QEMU reads an older one's.
Only the fixed beginning of the CPU's section is read, and what `info
registers` also shows is compared.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_MISC_ENABLE_DEFAULT = 1

# vmstate_x86_cpu from its beginning up to the variable MTRRs, big-endian.
_FIELDS = (
    ("regs", "16Q"), ("eip", "Q"), ("eflags", "Q"), ("hflags", "I"),
    ("fpu", "4H"), ("fpregs", "80s"), ("segs", "120s"), ("tables", "80s"),
    ("sysenter_cs", "I"), ("sysenter", "2Q"),
    ("cr", "4Q"), ("dr", "8Q"), ("a20_mask", "i"), ("mxcsr", "I"), ("xmm", "32Q"),
    ("efer", "Q"), ("syscall", "5Q"), ("smbase", "I"), ("pat", "Q"), ("hflags2", "I"),
    ("vm_hsave", "Q"), ("vm_vmcb", "Q"), ("tsc_offset", "Q"), ("intercept", "Q"),
    ("intercept_cr", "4H"), ("intercept_exceptions", "I"), ("v_tpr", "B"),
    ("mtrr_fixed", "11Q"), ("mtrr_deftype", "Q"), ("mtrr_var", "16Q"),
)  # fmt: skip


@dataclass(frozen=True)
class Mtrrs:
    """The memory type range registers, raw."""

    deftype: int
    fixed: tuple[int, ...]
    variable: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class HiddenRegisters:
    """What the saved state adds to `info registers`."""

    pat: int
    mtrrs: Mtrrs
    misc_enable: int
    a20: bool


def parse(stream: bytes, visible: dict[str, int]) -> HiddenRegisters:
    """Find the CPU's section and take its registers; `visible` is `info registers`."""
    at = stream.index(b"\x03cpu\x00\x00\x00\x00") + 8
    version = struct.unpack_from(">I", stream, at)[0]
    at += 4
    values: dict[str, tuple[int, ...]] = {}
    for name, form in _FIELDS:
        values[name] = struct.unpack_from(">" + form, stream, at)
        at += struct.calcsize(">" + form)
    # CR0 and CR4 are first and last here, CR2 and CR3 between them.
    cr0, _, cr3, cr4 = values["cr"]
    seen = (cr0, cr3, cr4, values["efer"][0])
    shown = tuple(visible[name] for name in ("CR0", "CR3", "CR4", "EFER"))
    if seen != shown:
        raise ValueError(f"QEMU saves its CPU (version {version}) in another form: {seen} {shown}")
    pairs = values["mtrr_var"]
    return HiddenRegisters(
        pat=values["pat"][0],
        mtrrs=Mtrrs(
            deftype=values["mtrr_deftype"][0],
            fixed=values["mtrr_fixed"],
            variable=tuple(zip(pairs[::2], pairs[1::2])),
        ),
        misc_enable=_subsection(stream, b"cpu/msr_ia32_misc_enable", _MISC_ENABLE_DEFAULT),
        a20=values["a20_mask"][0] == -1,
    )


def _subsection(stream: bytes, name: bytes, default: int) -> int:
    """A register that is saved only if it differs from its value after reset."""
    header = b"\x05" + bytes([len(name)]) + name
    at = stream.find(header)
    if at < 0:
        return default
    return int(struct.unpack_from(">Q", stream, at + len(header) + 4)[0])
