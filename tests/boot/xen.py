# SPDX-License-Identifier: MIT
"""Debian's Xen, started by GRUB, and the image as its first domain with page tables of its own (dom0=pvh).

Xen has the UART; what the domain writes to port 0xe9 it prints line by line.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from pathlib import Path

import debian
import grub
from boots import Bench
from intervals import Intervals, subtract, union
from machine import Machine

SECONDS = 300.0

_WORDS = "dom0=pvh,verbose dom0_mem=256M com1=115200,8n1 console=com1 loglvl=all guest_loglvl=all noreboot"
_DOMAIN = "(d0) "


class Host(Machine):
    """A machine under Xen; `serial` is what its first domain says."""

    @property
    def xen_console(self) -> str:
        """All that COM1 has said."""
        return super().serial

    @property
    def serial(self) -> str:
        """The domain's lines, without their prefix."""
        lines = self.xen_console.splitlines()
        return "".join(f"{line.removeprefix(_DOMAIN)}\n" for line in lines if line.startswith(_DOMAIN))

    def domain_map(self) -> Intervals:
        """What Xen says it has given the domain as usable."""
        text = self.xen_console.partition("Dom0 memory map:")[2].partition("\n(XEN) Dom0")[0]
        good: list[tuple[int, int]] = []
        other: list[tuple[int, int]] = []
        for start, last, kind in re.findall(r"\[([0-9a-f]{16}), ([0-9a-f]{16})\] \(([^)]*)\)", text):
            (good if kind == "usable" else other).append((int(start, 16), int(last, 16) + 1))
        assert good, self.fail(f"Xen printed no map of the domain:\n{self.xen_console[-4000:]}")
        return subtract(union(good), union(other))


def start(
    bench: Bench, cache: Path, command_line: str, modules: Mapping[str, bytes] | None = None
) -> Host:
    """A machine that starts Xen, and the image as its first domain."""
    modules = modules or {}
    unpacked = debian.unpacked(cache, "xen-system-amd64", needs="xen-hypervisor-[0-9]", paths=["boot"])
    packed, = (each for each in (unpacked / "boot").glob("xen-*.gz") if not each.is_symlink())
    place = bench.directory / "xen"
    place.mkdir(parents=True, exist_ok=True)
    lines = [f"multiboot2 ($disk)/xen xen {_WORDS}", f"module2 ($disk)/footing.elf {command_line}"]
    lines += [f"module2 ($disk)/{name} {name}" for name in modules]
    contents = {"xen": gzip.decompress(packed.read_bytes()), "footing.elf": bench.raw, **modules}
    grub.write_script(place / "disk.tar", [*lines, "boot"], contents)
    args = [*grub.qemu_args("bios", bench.iso, Path("disk.tar")), "-device", "amd-iommu"]
    return Host(place, args=args, memory="1G", cpu="EPYC,+svm,+npt")
