# SPDX-License-Identifier: MIT
"""Table writes reordered by the compiler (EDK2 dcffad2491), in the image as the compiler made it.

gdb watches the slot of the root that a payload's first mapping in a part of
the address space goes to. At the moment of that one store, the way that it
opens must lead to the page: all tables below are in memory.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import debugger
import payloads
from boots import Bench

HIGH = 0xFFFFFB0000000000  # where tests/payload/roots maps its first page
DIRECTMAP = {4: 0xFFFF800000000000, 5: 0xFF00000000000000}


@pytest.mark.parametrize("levels", [4, 5])
def test_table_is_linked_when_it_is_written(bench: Bench, cache: Path, levels: int) -> None:
    """The walk of gdb's own reading ends at a page, at the instant of the link."""
    payload = payloads.build_roots(cache)["roots-pie"]
    machine = payloads.start(bench, "pvh", payload, "la57=on" if levels == 5 else "", cpu="max,la57=on")
    machine.command += ["-gdb", "unix:gdb,server=on,wait=off", "-S"]
    (bench.directory / "payload" / "order.elf").write_bytes(bench.raw)
    # The topmost slot: with five levels it is in use, and the next table is watched.
    root = "($cr3 & ~0xfffUL)"
    if levels == 5:
        root = f"(*(unsigned long *)({DIRECTMAP[5]:#x} + {root} + 8 * 511) & 0xffffffffff000UL)"
    slot = f"{DIRECTMAP[levels]:#x} + {root} + 8 * {HIGH >> 39 & 511}"
    with machine:
        said = debugger.run(
            machine.directory,
            ["set arch i386:x86-64", "file order.elf", "target remote ./gdb",
             "hbreak footing_ready", "continue", f"set $slot = {slot}"],
            ["x/gx $slot", "watch *(unsigned long *)$slot", "continue", "x/gx $slot",
             f"pt walk {HIGH:#x}"],
        )  # fmt: skip
    before, _, _, after, walk = said
    assert re.search(r":\s+0x0+$", before[-1]), before
    assert re.search(r":\s+0x0*[1-9a-f][0-9a-f]*$", after[-1]), after
    assert len(walk) == levels + 1, walk
    assert re.fullmatch(rf"{HIGH:#x} -> 0x[0-9a-f]+ rw- supervisor WB", walk[-1]), walk
