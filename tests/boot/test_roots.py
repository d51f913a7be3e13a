# SPDX-License-Identifier: MIT
"""Other roots, and identity pages under which paging goes off: tests/payload/roots tries them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

import payloads
from boots import EFI_SECONDS, GRUB_SECONDS, Bench
from console import panics
from machine import EXIT_PANIC, EXIT_SUCCESS

_FEWEST_PROMISES = 200


@dataclass(frozen=True)
class Case:
    """One boot."""

    way: str
    form: str
    options: str = ""
    cpu: str = "max,la57=on"

    @property
    def name(self) -> str:
        """As pytest shows it."""
        own = [] if self.cpu == Case.cpu else [self.cpu]
        return "-".join([self.way, self.form, *self.options.split(), *own])


OPTIONS = ("", "la57=on", "maxpage=4k", "directmap=off", "la57=on directmap=off")
QUICK = [
    *(Case("pvh", form, options) for form in ("roots-pie", "roots-low") for options in OPTIONS),
    # Without the PAT there are three memory types; without CLFLUSH, WBINVD does its work.
    Case("pvh", "roots-pie", cpu="max,-pat"),
    Case("pvh", "roots-pie", cpu="max,-clflush"),
    Case("bios", "roots-low"),
    Case("efi", "roots-low", "la57=on"),
]
FULL = [
    Case(way, form, options)
    for way in ("bios", "uefi", "efi", "pvh")
    for form in ("roots-pie", "roots-low")
    for options in OPTIONS
]


@pytest.fixture(scope="session")
def roots(cache: Path) -> dict[str, bytes]:
    """The payload in both forms."""
    return payloads.build_roots(cache)


@pytest.mark.parametrize(
    "case",
    [pytest.param(case, id=case.name) for case in QUICK]
    + [pytest.param(case, id=case.name, marks=pytest.mark.full) for case in FULL if case not in QUICK],
)
def test_roots(bench: Bench, roots: dict[str, bytes], case: Case) -> None:
    """What footing.h promises of other roots and identity pages holds."""
    with payloads.start(
        bench, case.way, roots[case.form], f"loglevel=2 {case.options}", cpu=case.cpu
    ) as machine:
        status = machine.wait_exit(EFI_SECONDS if case.way == "efi" else GRUB_SECONDS["uefi"])
        said = [line for line in machine.serial.splitlines() if line.startswith("payload: ")]
        last = re.fullmatch(r"payload: (\d+) promises held, 0 broken", said[-1] if said else "")
        if status != EXIT_SUCCESS or len(said) != 1 or not last:
            raise machine.fail(f"exit status {status}: {said}")
        assert int(last[1]) >= _FEWEST_PROMISES
        # The dump of the other root: the page that it and the active one had, and the image.
        dump = re.search(r"^footing: dump of root 0x[0-9a-f]+:.*\n((?:  0x.*\n)+)", machine.serial, re.M)
        assert dump and re.search(r"^  0xfffffffff0080000 0x[0-9a-f]+ 0x[0-9a-f]+ r-x WB 4K=", dump[1], re.M)


def test_forgotten_slot(bench: Bench, roots: dict[str, bytes]) -> None:
    """A PMAP slot that is not released in its turn stops the machine, and names its owner."""
    with payloads.start(bench, "pvh", roots["roots-pie"], arguments="forget") as machine:
        assert machine.wait_exit(GRUB_SECONDS["bios"]) == EXIT_PANIC
        assert panics(machine.serial) == [
            ("PMAP", "a PMAP slot is not released: payload (va 0xfffffffff0000000)")
        ]
