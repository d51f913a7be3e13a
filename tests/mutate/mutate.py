#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Do the host tests notice? Plants one fault after the other and shows that each is found.

Usage: mutate.py [-v] [TEXT]    TEXT: only the faults whose file or description contains it

The files in faults/, one for each source, say what to plant:

    @ file: what is wrong
    -the old text, which stands in the file exactly once
    +the new text

Several - or + lines are several lines of text; a part of a line will do. No fault there is
equivalent to what it replaces. A fault whose old text is stale (the source has moved on) is listed;
the others are planted all the same, and the status is 2.

What is under test is one shared library, so that a fault costs one
compilation, or in a header as many as use it, and no test is linked again. A test that fails,
crashes or does not end kills a fault.
"""
import collections
import concurrent.futures
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
COPIED = ("mm", "include", "boot", "x86_64", "tests/host", "tests/plan",
          "tests/payload/version2")
PURE = ("boot/mb2", "boot/firmware32", "boot/efi_map", "boot/efi_exit", "boot/options", "boot/print", "boot/config",
        "boot/text", "boot/efi_args", "boot/efi_options", "boot/efi_path", "boot/pe", "boot/facts", "boot/elf", "boot/elf_relocate", "boot/claim", "boot/file_kind", "boot/payload_choice",
        "boot/pvh", "boot/xen_map", "boot/message", "boot/efi_runtime", "boot/acpi", "boot/acpi_memory", "boot/bios_search",
        "boot/pci", "boot/lists", "boot/screen_choice", "x86_64/framebuffer", "x86_64/font",
        "x86_64/backlog", "x86_64/fault")
ASSEMBLY = "tests/host/cvm_code.S"  # the entries' own, boot/cvm.inc
CFLAGS = ("-std=c11", "-O1", "-w", "-fPIC", "-Iinclude", "-Iboot", "-Itests/host",
          "-Itests/plan")
CC = os.environ.get("CC", "gcc")
JOBS = 2
PATIENCE = 20.0  # seconds that a test program may take, beyond what it takes without a fault
MEMORY = 4 << 30
SEED = "20260101"  # the random tests do the same in every run, so that the verdict is the same


class Fault(NamedTuple):
    """One change of one file; `old` stands there exactly once."""

    file: str
    what: str
    old: str
    new: str


class Stale(Exception):
    """The source is no longer as a fault expects it."""


class Broken(Exception):
    """The check itself cannot go on."""


def read_faults(path: str) -> list[Fault]:
    """The faults of one file."""
    faults: list[Fault] = []
    head, old, new = "", [], []

    def finish() -> None:
        if head:
            file, _, what = head.partition(": ")
            if not what or not old or old == new:
                raise Broken(f"{path}: not a fault: {head}")
            faults.append(Fault(file, what, "\n".join(old), "\n".join(new)))

    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            line = line.rstrip("\n")
            if line.startswith("@ "):
                finish()
                head, old, new = line[2:], [], []
            elif line.startswith("-"):
                old.append(line[1:])
            elif line.startswith("+"):
                new.append(line[1:])
            elif line and not line.startswith("#"):
                raise Broken(f"{path}:{number}: begins with none of @ - + #")
    finish()
    return faults


def planted(root: str, fault: Fault) -> str:
    """The file's text with the fault in it."""
    path = os.path.join(root, fault.file)
    if not os.path.exists(path):
        raise Stale("there is no such file")
    with open(path, encoding="utf-8") as source:
        text = source.read()
    if text.count(fault.old) != 1:
        raise Stale(f"the old text stands there {text.count(fault.old)} times, not once")
    return text.replace(fault.old, fault.new)


def command(work: str, *words: str) -> None:
    """Run a compiler, which must succeed."""
    done = subprocess.run(words, cwd=work, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise Broken(f"{' '.join(words)}\n{done.stdout}")


def limits() -> None:
    """A test gone wild takes neither all memory nor fills the disk with cores."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Bench:
    """The copy of the sources, built once, and its tests."""

    def __init__(self, work: str) -> None:
        self.work = work
        for folder in COPIED:
            shutil.copytree(os.path.join(ROOT, folder), os.path.join(work, folder))
        mm = sorted(os.listdir(os.path.join(work, "mm")))
        host = sorted(os.listdir(os.path.join(work, "tests/host")))
        self.sources = [f"mm/{f}" for f in mm if f.endswith(".c")]
        self.sources += [f"{f}.c" for f in PURE]
        self.sources += [ASSEMBLY]
        # The mock firmware stands in for what is no pure code: its tests are not asked.
        host = [f"tests/host/{f}" for f in host
                if f.endswith(".c") and not f.startswith(("mock_", "test_firmware_"))]
        self.tests = [f for f in host if "/test_" in f]
        host += [f"tests/plan/{f}" for f in sorted(os.listdir(os.path.join(work, "tests/plan")))
                 if f.endswith(".c") and f != "main.c"]
        shared = [f for f in host if f not in self.tests]
        self.seconds: dict[str, float] = {}
        self.found: dict[str, collections.Counter[str]] = {}
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            list(pool.map(self.compile, self.sources + host))
        self.link(os.path.join(work, "libunder.so"), {})
        objects = [f"{f}.o" for f in shared]
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            list(pool.map(lambda test: command(work, CC, f"{test}.o", *objects, "-L.", "-lunder",
                                               "-lcmocka", "-o", f"{test}.run"), self.tests))

    def compile(self, source: str) -> None:
        """One object, beside its source, and what it includes."""
        command(self.work, CC, *CFLAGS, "-MMD", "-c", source, "-o", f"{source}.o")

    def link(self, library: str, instead: dict[str, str]) -> None:
        """All that is under test, with some objects replaced."""
        objects = [instead.get(f, f"{f}.o") for f in self.sources]
        command(self.work, CC, "-shared", *objects, "-o", library)

    def passes(self, test: str, folder: str) -> bool:
        """Does this test pass with the library of that folder?"""
        environment = {"FOOTING_CORPUS": os.path.join(ROOT, "tests/corpus"), **os.environ,
                       "LD_LIBRARY_PATH": folder, "FOOTING_SEED": SEED}
        patience = PATIENCE + 3 * self.seconds.get(test, PATIENCE)
        try:
            done = subprocess.run([os.path.join(self.work, f"{test}.run")], env=environment,
                                  cwd=self.work, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, timeout=patience, check=False,
                                  preexec_fn=limits)
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0

    def measure(self) -> None:
        """All tests pass without a fault; how long each takes decides their order later."""
        for test in self.tests:
            start = time.monotonic()
            if not self.passes(test, self.work):
                raise Broken(f"{test} fails without any fault")
            self.seconds[test] = time.monotonic() - start

    def order(self, fault: Fault) -> list[str]:
        """First what found most of that file for its time, then the file's own, the quick ones."""
        stem = os.path.splitext(os.path.basename(fault.file))[0]
        found = self.found.setdefault(fault.file, collections.Counter())
        return sorted(self.tests, key=lambda test: (-found[test] / (self.seconds[test] + 0.05),
                                                    f"_{stem}" not in test,
                                                    self.seconds[test]))

    def includes(self, source: str, header: str) -> bool:
        """Does this source use that header, be it through others?"""
        with open(os.path.join(self.work, f"{source}.d"), encoding="utf-8") as rule:
            return header in rule.read().split()

    def objects(self, fault: Fault, folder: str) -> dict[str, str]:
        """What the fault changes, compiled with it; headers beside it are copied, to be found."""
        where = os.path.dirname(fault.file)
        if fault.file not in self.sources:
            shutil.copytree(os.path.join(self.work, where), os.path.join(folder, where))
            changed = [f for f in self.sources if self.includes(f, fault.file)]
        else:
            os.makedirs(os.path.join(folder, where))
            changed = [fault.file]
        with open(os.path.join(folder, fault.file), "w", encoding="utf-8") as out:
            out.write(planted(self.work, fault))
        instead = {f: os.path.join(folder, f.replace("/", "-") + ".o") for f in changed}
        for source, out_file in instead.items():
            from_where = folder if source == fault.file else self.work
            command(self.work, CC, f"-I{folder}/{where}", *CFLAGS, f"-I{os.path.dirname(source)}",
                    "-c", os.path.join(from_where, source), "-o", out_file)
        return instead

    def killer(self, fault: Fault) -> str:
        """The test that finds the fault, or nothing."""
        with tempfile.TemporaryDirectory(dir=self.work) as folder:
            self.link(os.path.join(folder, "libunder.so"), self.objects(fault, folder))
            for test in self.order(fault):
                if not self.passes(test, folder):
                    self.found[fault.file][test] += 1
                    return os.path.basename(test)[:-2]
        return ""


def read_everything() -> list[Fault]:
    """The faults of all files, in the order of their names."""
    folder = os.path.join(HERE, "faults")
    return [fault for name in sorted(os.listdir(folder))
            for fault in read_faults(os.path.join(folder, name))]


def is_stale(fault: Fault) -> bool:
    """Says so, if the source has moved on."""
    try:
        planted(ROOT, fault)
    except Stale as why:
        print(f"{'STALE':20} {fault.file}: {fault.what}: {why}", flush=True)
        return True
    return False


def check(arguments: list[str]) -> int:
    """Plant, test, count."""
    verbose = "-v" in arguments
    wanted = [a for a in arguments if a != "-v"]
    everything = read_everything()
    faults = [f for f in everything if not wanted or wanted[0] in f"{f.file}: {f.what}"]
    if not faults:
        raise Broken(f"no fault of that name among {len(everything)}")
    stale = [f for f in faults if is_stale(f)]
    faults = [f for f in faults if f not in stale]
    start = time.monotonic()
    survivors = []
    with tempfile.TemporaryDirectory(prefix="footing-mutate-") as work:
        bench = Bench(work)
        bench.measure()
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            for done, (fault, killer) in enumerate(zip(faults, pool.map(bench.killer, faults)), 1):
                if not killer:
                    survivors.append(fault)
                if verbose or not killer:
                    print(f"{killer or 'SURVIVES':20} {fault.file}: {fault.what}", flush=True)
                if sys.stderr.isatty():
                    print(f"\r{done} of {len(faults)}\r", end="", file=sys.stderr, flush=True)
    note = f", {len(stale)} stale" if stale else ""
    print(f"killed {len(faults) - len(survivors)} of {len(faults)}{note}"
          f" ({time.monotonic() - start:.0f} s)")
    return 2 if stale else 1 if survivors else 0


def main() -> int:
    """Exit status 0: all killed; 1: a fault survives; 2: one is stale, or the check cannot run."""
    try:
        return check(sys.argv[1:])
    except Broken as broken:
        print(f"mutate.py: {broken}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
