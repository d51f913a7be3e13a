# SPDX-License-Identifier: MIT
"""footing.efi from a network boot (PXE): the device that it came from has no file system.

QEMU's user-mode network is the DHCP and TFTP server; nothing leaves the machine.
"""

from __future__ import annotations

import re

import pytest

import console
import esp
from boots import EFI_SECONDS, Bench
from machine import EXIT_SUCCESS
from test_efi_unified import _ELF, unified

_LINE = "footing: the device that the image came from has no file system: booting without a configuration"


def _boot(bench: Bench, image: bytes) -> str:
    """Let the firmware fetch and start this image; what COM1 said in a boot that succeeds."""
    served = bench.directory / "tftp"
    served.mkdir()
    (served / "boot.efi").write_bytes(image)
    network = [
        "-netdev", f"user,id=net,restrict=on,tftp={served},bootfile=boot.efi",
        "-device", "virtio-net-pci,netdev=net,romfile=,bootindex=0",
    ]  # fmt: skip
    with bench.by_efi(vga=False, args=network) as machine:
        assert machine.wait_exit(EFI_SECONDS) == EXIT_SUCCESS
        text = machine.serial
    assert "NBP file downloaded successfully" in text, "this was no network boot"
    assert text.count("\nfooting: ready\n") == 1 and not console.panics(text)
    return text


def test_no_file_system_is_no_configuration(bench: Bench) -> None:
    """Without a configuration inside, it boots as without one beside it, and says why."""
    assert _LINE in _boot(bench, bench.efi).splitlines()


@pytest.mark.full
def test_payload_inside_alone(bench: Bench) -> None:
    """A payload without a configuration inside boots; X 880e40b187 asked for a file system first."""
    text = _boot(bench, unified(bench, b"", _ELF))
    assert _LINE in text.splitlines()
    assert text.rstrip().endswith("footing: ready"), "its payload has not been entered"


@pytest.mark.full
def test_unified_image(bench: Bench) -> None:
    """Configuration, payload and ramdisk inside the image need no file system, and no line of one."""
    text = _boot(bench, unified(bench, esp.config("then=exit loglevel=3"), _ELF, b"r" * 5000))
    assert re.search(r"^footing: loader modules=2 ", text, re.M)
    assert "file system" not in text
