# SPDX-License-Identifier: MIT
"""What somebody is told who starts Footing for the first time and gets something wrong."""

from __future__ import annotations

import pytest

from boots import ROM_SECONDS, Bench, assert_panic
from machine import EXIT_PANIC, Machine

_KIB = 1 << 10
_LOADED_AT = 1 << 20


def _by_pvh(bench: Bench, *, memory: str = "256M", command: str = "then=exit", initrd: bytes | None = None) -> Machine:
    """QEMU's -kernel, -append and -initrd."""
    place = bench.directory / "pvh"
    place.mkdir(parents=True, exist_ok=True)
    (place / "footing.elf").write_bytes(bench.raw)
    args = ["-kernel", "footing.elf", "-append", command]
    if initrd is not None:
        (place / "initrd").write_bytes(initrd)
        args += ["-initrd", "initrd"]
    return Machine(place, args=args, memory=memory)


def _refused(machine: Machine, code: str) -> str:
    with machine:
        assert machine.wait_exit(ROM_SECONDS) == EXIT_PANIC
        return assert_panic(machine, code)


@pytest.mark.parametrize("length", [4096, 8000, 20000])
def test_long_command_line_by_pvh(bench: Bench, length: int) -> None:
    """QEMU's loader copies it over its own start info; from about 30,000 on, over itself."""
    words = _refused(_by_pvh(bench, command="y" * length), "CMDLINE")
    assert "the limit is 4095" in words and " characters" in words


def test_image_beyond_ram(bench: Bench) -> None:
    """Where its end is no RAM, there is no stack: the first instructions say so."""
    memory = f"{(_LOADED_AT + bench.image.length >> 10) - 64}K"
    assert "the image's end does not read back" in _refused(_by_pvh(bench, memory=memory), "INUSE")


@pytest.mark.parametrize("below", [4, 64, 300])
def test_module_over_the_image(bench: Bench, below: int) -> None:
    """With too little RAM, QEMU puts its initrd over the image, of which so many KiB are hit."""
    end = (_LOADED_AT + bench.image.length >> 10) + 512  # the firmware takes 160 KiB at the end
    initrd = bytes([0x5A]) * (_KIB * (512 - 160 + below))
    words = _refused(_by_pvh(bench, memory=f"{end}K", initrd=initrd), "OVERLAP")
    assert "a module over the image" in words
