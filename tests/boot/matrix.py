# SPDX-License-Identifier: MIT
"""The boot matrix as data: firmware, memory, CPU, largest page, modules."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from console import SIZES

FIRMWARES = ("bios", "uefi")
MEMORIES = ("64M", "128M", "512M", "2G", "4G", "5000M")
# With and without 1 GiB pages; the second also lacks SMEP, SMAP and UMIP.
CPUS = ("max", "qemu64")
MAXPAGES = tuple(SIZES)

# Why a firmware cannot be had with this little memory.
IMPOSSIBLE: dict[tuple[str, str], str] = {}


@dataclass(frozen=True)
class Case:
    """One boot."""

    firmware: str
    memory: str
    cpu: str
    maxpage: str
    modules: bool

    @property
    def name(self) -> str:
        """As pytest shows it."""
        tail = "-modules" if self.modules else ""
        return f"{self.firmware}-{self.memory}-{self.cpu}-{self.maxpage}{tail}"

    @property
    def impossible(self) -> str | None:
        """Why it cannot be run, if so."""
        return IMPOSSIBLE.get((self.firmware, self.memory))

    @property
    def megabytes(self) -> int:
        """The guest's memory."""
        return int(self.memory[:-1]) * (1024 if self.memory.endswith("G") else 1)


ALL = [
    Case(firmware, memory, cpu, maxpage, modules)
    for firmware, memory, cpu, maxpage, modules in product(
        FIRMWARES, MEMORIES, CPUS, MAXPAGES, (False, True)
    )
]

# BIOS: every triple of memory, CPU and largest page, modules on every other one.
# UEFI, five times as slow: every value of every axis, as few boots as that takes.
QUICK = {
    Case("bios", memory, cpu, maxpage, (m + c + p) % 2 == 1)
    for (m, memory), (c, cpu), (p, maxpage) in product(
        enumerate(MEMORIES), enumerate(CPUS), enumerate(MAXPAGES)
    )
} | {
    Case("uefi", "64M", "max", "4k", True),
    Case("uefi", "128M", "qemu64", "4k", False),
    Case("uefi", "512M", "qemu64", "2m", False),
    Case("uefi", "2G", "max", "2m", False),
    Case("uefi", "4G", "qemu64", "1g", True),
    Case("uefi", "5000M", "max", "1g", False),
}
