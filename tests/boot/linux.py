# SPDX-License-Identifier: MIT
"""Debian's cloud kernel with a small initial file system, which starts something else by kexec."""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path

import debian
from intervals import Intervals, subtract, union
from machine import Machine

SECONDS = 120.0

_FOLDERS = ("bin", "lib", "lib64", "proc", "sys", "dev")
_INIT = """\
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
for each in /sys/firmware/memmap/*; do
    cd $each
    echo "firmware $(/bin/busybox cat start) $(/bin/busybox cat end) $(/bin/busybox cat type)"
done
export LD_LIBRARY_PATH=/lib
/bin/kexec -l {arguments} && /bin/kexec -f -e
/bin/busybox poweroff -f
"""
# kexec-tools takes the real-mode vectors out of the map that it hands on.
_VECTORS = [(0, 0x400)]


def kexec(
    directory: Path,
    cache: Path,
    arguments: Sequence[str],
    files: Mapping[str, bytes],
    *,
    memory: str = "256M",
) -> Machine:
    """A machine that boots Linux, which has these files in its root and runs `kexec -l` with these arguments."""
    directory.mkdir(parents=True, exist_ok=True)
    kernel = debian.unpacked(cache, "linux-image-cloud-amd64", needs="linux-image-[0-9]", paths=["boot"])
    image, = (kernel / "boot").glob("vmlinuz-*")
    quoted = " ".join("'" + each.replace("'", "'\\''") + "'" for each in arguments)
    initrd = _initrd(cache, {**files, "init": _INIT.format(arguments=quoted).encode()})
    (directory / "initrd").write_bytes(initrd)
    args = ["-kernel", str(image.resolve()), "-initrd", "initrd", "-append", "console=ttyS0 quiet panic=-1"]
    return Machine(directory, args=args, memory=memory)


def handed_on(machine: Machine) -> Intervals:
    """What of the firmware's map kexec hands on as usable: the map by Linux's account."""
    good: list[tuple[int, int]] = []
    other: list[tuple[int, int]] = list(_VECTORS)
    for start, last, kind in re.findall(r"^firmware 0x(\w+) 0x(\w+) (.+)$", machine.serial, re.M):
        piece = (int(start, 16), int(last, 16) + 1)
        (good if kind.strip() == "System RAM" else other).append(piece)
    assert good, machine.fail("Linux printed no memory map")
    return subtract(union(good), union(other))


def _initrd(cache: Path, files: Mapping[str, bytes]) -> bytes:
    """An archive in the format of cpio -H newc (Linux, driver-api/early-userspace/buffer-format.rst)."""
    tools = debian.unpacked(cache, "kexec-tools", needs="libxen")
    busybox = debian.unpacked(cache, "busybox-static")
    kexec_tool, = (each for each in tools.rglob("kexec") if each.parent.name == "sbin")
    programs = {"bin/kexec": kexec_tool, "bin/busybox": busybox / "bin/busybox"}
    for each in debian.libraries(kexec_tool, tools):
        programs[f"{'lib64' if each.name.startswith('ld-') else 'lib'}/{each.name}"] = each
    contents = {name: path.read_bytes() for name, path in programs.items()} | dict(files)
    archive = b"".join(_entry(i, name, stat.S_IFDIR, b"") for i, name in enumerate(_FOLDERS))
    for i, (name, data) in enumerate(contents.items()):
        archive += _entry(len(_FOLDERS) + i, name, stat.S_IFREG, data)
    return archive + _entry(0, "TRAILER!!!", 0, b"")


def _entry(inode: int, name: str, kind: int, data: bytes) -> bytes:
    raw = name.encode() + b"\0"
    fields = (inode, kind | 0o755, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
    head = b"070701" + b"".join(b"%08x" % each for each in fields) + raw
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
