# SPDX-License-Identifier: MIT
"""make install, and what others do with it: the examples, built out of the tree and booted."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from machine import EXIT_PANIC, EXIT_SUCCESS, Machine

_REPOSITORY = Path(__file__).resolve().parents[2]
_EXAMPLES = _REPOSITORY / "tests" / "payload"
_SECONDS = 30.0
_STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]

_MAIN = "void footing_main(const struct footing_info *i)"

# A payload that has names and functions which Footing has, too.
_NAMESAKE = f"""
int panic = 1, info, console_putc, image_pa, switch_tables;
void memset(void) {{ panic = 0; }}
{_MAIN} {{ i->calls->finish(panic && !info); }}
"""

# One in C++, with a constructor, and with memset from the library.
_CLASS = f"""
static struct Class {{ int n; Class() {{ n = 42; }} }} object;
extern "C" {{
extern void (*__init_array_start[])(), (*__init_array_end[])();
void *memset(void *, int, unsigned long);
{_MAIN}
{{
    char text[300];
    memset(text, 7, sizeof(text));
    for (auto call = __init_array_start; call < __init_array_end; call++)
        (*call)();
    i->calls->finish(object.n == 42 && text[299] == 7);
}}
}}
"""


def _run(
    command: Sequence[str | Path], where: Path, more: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """A command without what make and the caller's shell have in the environment."""
    env = {"PATH": os.environ["PATH"], "LC_ALL": "C", **(more or {})}
    return subprocess.run(
        command, cwd=where, env=env, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def _must(command: Sequence[str | Path], where: Path, more: Mapping[str, str] | None = None) -> str:
    done = _run(command, where, more)
    assert done.returncode == 0, done.stdout
    return done.stdout


def _make(goal: str, prefix: Path | str, *more: str) -> None:
    """By the project's Makefile: one at a time, with the compiler that an outer make was given."""
    command = ["flock", "Makefile", "make", "-s", goal, f"PREFIX={prefix}", *more]
    _must(command, _REPOSITORY, {"MAKEFLAGS": os.environ.get("MAKEFLAGS", "")})


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installed Footing."""
    path = tmp_path_factory.mktemp("prefix")
    _make("install", path)
    return path


def _flags(prefix: Path, what: str) -> list[str]:
    found = _must(["pkg-config", what, "footing"], prefix, {"PKG_CONFIG_PATH": f"{prefix}/lib/pkgconfig"})
    return found.split()


def _example(name: str, prefix: Path, where: Path) -> Path:
    """Copied, and built with nothing but an installed Footing; strictly."""
    place = where / name
    shutil.copytree(_EXAMPLES / name, place, ignore=shutil.ignore_patterns("*.o", "*.elf"))
    flags = " ".join(["-O2", *_STRICT])
    _must(["make", f"CFLAGS={flags}"], place, {"PKG_CONFIG_PATH": f"{prefix}/lib/pkgconfig"})
    return place / f"{name}.elf"


def _boot(where: Path, args: Sequence[str | Path], status: int) -> str:
    """Boot by PVH, until QEMU is left with this status; what COM1 said."""
    with Machine(where / "machine", args=[str(arg) for arg in args]) as machine:
        left = machine.wait_exit(_SECONDS)
        assert left == status, machine.fail(f"exit status {left}")
        return machine.serial


def _loaded(payload: Path, prefix: Path, append: str, status: int = EXIT_SUCCESS) -> str:
    image = prefix / "lib" / "footing" / "footing.elf"
    return _boot(payload.parent, ["-kernel", image, "-initrd", payload, "-append", append], status)


def test_hello(prefix: Path, tmp_path: Path) -> None:
    """A loaded payload sees the memory map that Footing printed, and its command line."""
    said = _loaded(_example("hello", prefix, tmp_path), prefix, "-- one  two=3")
    assert "\nhello: command line: one  two=3\n" in said
    printed = re.findall(r"^footing: map 0x(\w+)-0x(\w+) (.+)$", said, re.MULTILINE)
    told = re.findall(r"^hello: 0x(\w+) to 0x(\w+) (.+)$", said, re.MULTILINE)
    assert [(a, int(b, 16), t) for a, b, t in told] == [(a, int(b, 16) + 1, t) for a, b, t in printed]
    free = re.search(r"^hello: free bytes: 0x(\w+)$", said, re.MULTILINE)
    assert free and 240 << 20 < int(free[1], 16) < 256 << 20


def test_linked(prefix: Path, tmp_path: Path) -> None:
    """A linked payload is part of the image: PVH starts it, and its sections have the image's rights."""
    image = _example("linked", prefix, tmp_path)
    said = _boot(tmp_path, ["-kernel", image, "-append", "maxpage=4k -- itself"], EXIT_SUCCESS)
    lines = [line for line in said.splitlines() if line.startswith("linked: ")]
    assert re.fullmatch(r"linked: free MiB: 2[45]\d", lines[0])
    assert lines[1:] == [
        "linked: command line: itself",
        "linked: code is in image-text",
        "linked: constant is in image-rodata",
        "linked: variable is in image-data",
    ]
    _must(["grub-file", "--is-x86-multiboot2", image], tmp_path)


def test_hypervisor(prefix: Path, tmp_path: Path) -> None:
    """Memory, exceptions and interrupts of its own; and an exception that it does not survive."""
    payload = _example("hypervisor", prefix, tmp_path)
    said = _loaded(payload, prefix, "loglevel=1")
    assert re.search(
        r"^footing: ready\n"
        r"hypervisor: 65\d\d\d pages free, [1-9]\d? of them reclaimed\n"
        r"hypervisor: the CPU has .+\n"
        r"hypervisor: vmap: in a row, local APIC version 0x\w+\n"
        r"hypervisor: exception 3, error 0x0, at 0xffffffff8000\w{4}\n"
        r"hypervisor: timer: .+\n"
        r"hypervisor: 10 ticks\n\Z",
        said,
        re.MULTILINE,
    ), said
    said = _loaded(payload, prefix, "loglevel=1 -- fault", EXIT_PANIC)
    assert re.search(r"exception 14, error 0x0, at .+\nhypervisor: page fault on 0x8\n\Z", said), said


def _link(prefix: Path, where: Path, compiler: str, source: str) -> subprocess.CompletedProcess[str]:
    """One source to one image, as footing.pc says; where/image."""
    language = "c++" if compiler.endswith("+") else "c"
    (where / "source").write_text(f"#include <footing.h>\n{source}", encoding="ascii")
    command = [compiler, "-w", "-g3", "-x", language, *_flags(prefix, "--cflags"), "source"]
    return _run([*command, "-x", "none", "-o", "image", *_flags(prefix, "--libs")], where)


@pytest.mark.parametrize("compiler, source", [("gcc", _NAMESAKE), ("g++", _CLASS), ("clang++", _CLASS)])
def test_linked_sources(prefix: Path, tmp_path: Path, compiler: str, source: str) -> None:
    """A payload's names do not meet Footing's own; constructors can be called."""
    done = _link(prefix, tmp_path, compiler, source)
    assert done.returncode == 0, done.stdout
    _boot(tmp_path, ["-kernel", tmp_path / "image"], EXIT_SUCCESS)


@pytest.mark.parametrize(
    "source, says",
    [
        ("int nothing;", "footing_main"),
        (f"__thread int x = 1; {_MAIN} {{ i->calls->finish(x); }}", "`.tdata'"),
        (f"char x[300 << 20]; {_MAIN} {{ i->calls->finish(x[0]); }}", "the image exceeds"),
    ],
)
def test_linking_refuses(prefix: Path, tmp_path: Path, source: str, says: str) -> None:
    """What would not work is not linked."""
    done = _link(prefix, tmp_path, "gcc", source)
    assert done.returncode != 0
    assert says in done.stdout


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
@pytest.mark.parametrize("language", ["c99", "c11", "c++11", "c++17"])
def test_header(prefix: Path, tmp_path: Path, compiler: str, language: str) -> None:
    """footing.h needs nothing before it, and no C library; twice is as good as once."""
    source = tmp_path / "header.c"
    source.write_text("#include <footing.h>\n" * 2, encoding="ascii")
    command = [compiler, "-x", language.rstrip("0123456789"), f"-std={language}", *_STRICT]
    command += ["-fsyntax-only", f"-I{prefix / 'include'}", str(source)]
    for environment in ([], ["-ffreestanding"]):
        assert _must([*command, *environment], tmp_path) == ""


def test_uninstall(tmp_path: Path) -> None:
    """What DESTDIR got is all that uninstall takes away; DESTDIR is in none of it."""
    root = tmp_path / "root"
    other = root / "opt" / "lib" / "pkgconfig" / "other.pc"
    _make("install", "/opt", f"DESTDIR={root}")
    other.touch()
    files = {str(path.relative_to(root / "opt")) for path in root.rglob("*") if path.is_file()}
    assert files == {
        "bin/footing-plan", "include/footing.h", "lib/libfooting.a", "lib/pkgconfig/footing.pc",
        "lib/footing/footing.elf", "lib/footing/footing.efi", "lib/footing/footing.lds",
        "lib/footing/footing-gdb.py",
        "share/man/man1/footing-plan.1", "share/man/man3/footing_info.3",
        "share/man/man5/footing.cfg.5", "share/man/man7/footing.7", "share/doc/footing/README.md",
        "lib/pkgconfig/other.pc",
    }  # fmt: skip
    pkgconfig = other.with_name("footing.pc").read_text("ascii")
    assert pkgconfig.startswith("prefix=/opt\n") and str(root) not in pkgconfig
    _must(["bin/footing-plan", "--help"], root / "opt")
    _make("uninstall", "/opt", f"DESTDIR={root}")
    assert [path for path in root.rglob("*") if path.is_file()] == [other]
    assert not [path for path in root.rglob("footing")]


def test_man_pages(prefix: Path) -> None:
    """Well formed, and nothing left out that the sources have."""
    pages = {path.name: path for path in (prefix / "share" / "man").rglob("*") if path.is_file()}
    assert _must(["mandoc", "-Tlint", "-Wwarning", *pages.values()], prefix) == ""
    text = {name: path.read_text("ascii") for name, path in pages.items()}

    header = re.sub(r"/\*.*?\*/", "", (prefix / "include" / "footing.h").read_text("utf-8"), flags=re.S)
    members = set()
    for body in re.findall(r"^struct \w+ \{(.*?)^\};", header, re.MULTILINE | re.DOTALL):
        members |= set(re.findall(r"\(\*(\w+)\)|(\w+)(?:\[\d+\])?[,;]", body))
    names = {first or second for first, second in members} - {"reserved"}
    names |= set(re.findall(r"\bFOOTING_[A-Z0-9_]+", header)) - {"FOOTING_H"}
    assert not sorted(name for name in names if not re.search(rf"\b{name}\b", text["footing_info.3"]))

    options = (_REPOSITORY / "boot" / "options.c").read_text("ascii")
    for option in re.findall(r'after\(option, "(\w+)="\)', options):
        assert f"Cm {option}=" in text["footing.7"], option
    keys = (_REPOSITORY / "boot" / "config.c").read_text("ascii")
    for key in re.findall(r'\[CONFIG_\w+\] = "(\w+)"', keys):
        assert f"Cm {key}=" in text["footing.cfg.5"], key
    usage = _must([prefix / "bin" / "footing-plan", "--help"], prefix)
    for option in re.findall(r"^  --([\w-]+)", usage, re.MULTILINE):
        assert f"Fl -{option}" in text["footing-plan.1"], option
