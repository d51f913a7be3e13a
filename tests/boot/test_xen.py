# SPDX-License-Identifier: MIT
"""Started by Xen: no map in the start info, no UART, and a debug port that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

import console
import payloads
import xen
from boots import Bench
from intervals import union
from machine import EXIT_PANIC, EXIT_SUCCESS

pytestmark = pytest.mark.full


def test_started_as_a_pvh_dom0(bench: Bench, cache: Path) -> None:
    """Field: "no map in the start info (it is asked for by hypercall), no UART, port 0xe9 writes only"."""
    with xen.start(bench, cache, "scrub=verify") as host:
        assert host.wait_exit(xen.SECONDS) == EXIT_SUCCESS, host.fail("did not succeed")
        said, given = host.serial, host.domain_map()
    assert "footing: ready\n" in said and not console.panics(said)
    assert "exactly as planned" in said
    report = console.parse(said.partition("footing: ready\n")[0] + "footing: ready\n")
    assert union((each.start, each.end) for each in report.map if each.kind == "usable") == given


def test_payload(bench: Bench, cache: Path, forms: dict[str, bytes]) -> None:
    """A payload is loaded from the domain's ramdisk, and finds every promise kept."""
    with xen.start(bench, cache, "-- full", {"payload.elf": forms["pie"]}) as host:
        payloads.wait_success(host, xen.SECONDS)


def test_refusal_is_heard(bench: Bench, cache: Path) -> None:
    """A panic's line goes to Xen's debug port, whatever console= says."""
    with xen.start(bench, cache, "console=none maxpage=3m") as host:
        assert host.wait_exit(xen.SECONDS) == EXIT_PANIC
        assert [code for code, _ in console.panics(host.serial)] == ["OPTION"]
