# SPDX-License-Identifier: MIT
"""Debian packages, unpacked and not installed: a kernel or a hypervisor would take over the host's GRUB."""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path


def unpacked(cache: Path, package: str, *, needs: str = "", paths: Sequence[str] = ()) -> Path:
    """The folder with a package's files, or those below `paths`; and of dependencies that match.

    `needs` is a pattern of names. Downloaded once; safe when several processes ask at once.
    """
    place = cache / "debian" / package
    place.mkdir(parents=True, exist_ok=True)
    complete = place / "complete"
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            try:
                _fetch(place, package, needs, paths)
            except subprocess.CalledProcessError:
                # The lists of packages may be old, or may not have been fetched yet.
                _run(place, *([] if os.geteuid() == 0 else ["sudo"]), "apt-get", "update", "-q")
                _fetch(place, package, needs, paths)
            complete.touch()
    return place


def libraries(program: Path, below: Path) -> list[Path]:
    """The shared libraries that a program needs, some of them unpacked below a folder."""
    folders = sorted({str(each.parent) for each in below.rglob("*.so*")})
    listed = subprocess.run(
        ["ldd", program], env={**os.environ, "LD_LIBRARY_PATH": ":".join(folders)},
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert "not found" not in listed, listed
    return [Path(each) for each in re.findall(r"(/\S+) \(0x", listed)]


def _fetch(place: Path, package: str, needs: str, paths: Sequence[str]) -> None:
    packages = [package]
    if needs:
        listed = _run(
            place, "apt-cache", "depends", "--recurse", "--no-recommends", "--no-suggests",
            "--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances", package,
        )  # fmt: skip
        packages += sorted(set(re.findall(rf"^({needs}\S*)$", listed, re.M)) - {package})
    _run(place, "apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", *packages)
    for archive in sorted(place.glob("*.deb")):
        tar = subprocess.run(["dpkg", "--fsys-tarfile", archive], check=True, capture_output=True).stdout
        wanted = [f"./{each}" for each in paths]
        unpack = ["tar", "-x", "--no-same-owner", "--exclude=./usr/share/doc", "-C", str(place), *wanted]
        done = subprocess.run(unpack, input=tar, capture_output=True, check=False)
        # A dependency, or a package that is nothing but dependencies, may lack the paths.
        assert done.returncode == 0 or paths, done.stderr.decode()
        archive.unlink()


def _run(place: Path, *command: str) -> str:
    done = subprocess.run(
        command, cwd=place, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        print(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        done.check_returncode()
    return done.stdout
