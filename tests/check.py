#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""make check: every test that a change must pass, counted into one closing line."""
import concurrent.futures
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as xml

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Half of the smallest peer's (Limine, 233 KB).
LOADABLE_LIMIT = 128 * 1024
VARIANTS = (("gcc", "0"), ("clang", "0"), ("gcc", "1"), ("clang", "1"))


class Tally:
    """Counts what passed and failed, and shows what failed."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def result(self, name: str, good: bool, detail: str = "") -> None:
        """One test."""
        if good:
            self.passed += 1
        else:
            self.failed += 1
            print(f"FAILED {name}\n{detail}", flush=True)

    def group(self, title: str, since: tuple[int, int], start: float) -> None:
        """What a group of tests came to."""
        passed, failed = self.passed - since[0], self.failed - since[1]
        print(f"{title}: {passed} passed, {failed} failed ({time.time() - start:.0f} s)", flush=True)


def run(*command: str, **more: str) -> tuple[int, str]:
    """Status and output of a command in the project's folder."""
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False, env={**os.environ, **more})
    return done.returncode, done.stdout


def elf_of(compiler: str, ubsan: str) -> str:
    """Where the Makefile puts this variant of the image."""
    return os.path.join(ROOT, "build/obj", compiler + ("-ubsan" if ubsan == "1" else ""),
                        "footing.elf")


def loadable_bytes(elf: str) -> tuple[int, int]:
    """Bytes in the file and in memory that the image's segments have."""
    _, headers = run("readelf", "-lW", elf)
    sizes = re.findall(r"LOAD +\S+ \S+ \S+ (0x[0-9a-f]+) (0x[0-9a-f]+)", headers)
    return sum(int(f, 16) for f, _ in sizes), sum(int(m, 16) for _, m in sizes)


def builds(tally: Tally) -> None:
    """Both compilers, with and without the sanitizer: no warning; sizes as promised."""
    for compiler, ubsan in VARIANTS:
        name = f"build CC={compiler} UBSAN={ubsan}"
        status, log = run("make", "-j2", "image", f"CC={compiler}", f"UBSAN={ubsan}")
        tally.result(name, status == 0, log)
        if status != 0:
            continue
        in_file, in_memory = loadable_bytes(elf_of(compiler, ubsan))
        if ubsan == "1":
            tally.result(f"{name}: image above 2 MiB", in_memory > 2 << 20, f"{in_memory} bytes")
        else:
            tally.result(f"{name}: at most {LOADABLE_LIMIT >> 10} KiB to load",
                         in_file <= LOADABLE_LIMIT, f"{in_file} bytes")


def lint(tally: Tally) -> None:
    """Layout of the C sources, shell scripts."""
    status, log = run("make", "lint")
    tally.result("lint", status == 0, log)


def docs(tally: Tally) -> None:
    """The README lists every panic code that the image has, and no other."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as readme:
        listed = set(re.findall(r"^\| `([A-Z0-9]+)` \|", readme.read(), re.MULTILINE))
    with open(os.path.join(ROOT, "mm/error.c"), encoding="utf-8") as source:
        known = set(re.findall(r'^    "([A-Z0-9]+)\\0', source.read(), re.MULTILINE)) - {"NONE", "UNDEFINED"}
    for name in ("boot/entry32.S", "boot/cvm.S"):
        with open(os.path.join(ROOT, name), encoding="utf-8") as source:
            known |= set(re.findall(r"footing: panic ([A-Z0-9]+):", source.read()))
    tally.result("README's panic codes", listed == known, f"differing: {listed ^ known}")


def host(tally: Tally) -> None:
    """The cmocka tests of mm/ and the parsers, under ASan and UBSan; and a small geometry, all of it."""
    status, log = run("make", "-j2", "host-tests")
    tally.result("host tests build", status == 0, log)
    if status != 0:
        return
    folder = os.path.join(ROOT, "build/host")
    tests = sorted(f for f in os.listdir(folder) if f.startswith("test_"))
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        # The longest first; each of the rest fits behind it.
        exhaustive = pool.submit(run, "timeout", "300", os.path.join(folder, "exhaustive"))
        done = [pool.submit(run, os.path.join(folder, name)) for name in tests]
        for name, each in zip(tests, done):
            cmocka(tally, name, *each.result())
        exhaustion(tally, *exhaustive.result())


def cmocka(tally: Tally, name: str, status: int, log: str) -> None:
    """What one program of tests came to."""
    counts = {word: int(n) for word, n in re.findall(r"\[ +(PASSED|FAILED) +\] (\d+) test", log)}
    tally.passed += counts.get("PASSED", 0)
    if status != 0 or "PASSED" not in counts:
        tally.result(name, False, log)
        tally.failed += max(counts.get("FAILED", 0) - 1, 0)


def exhaustion(tally: Tally, status: int, log: str) -> None:
    """Every memory map and every MTRR cut of a small geometry."""
    print(log.splitlines()[-1] if log else "no output")
    tally.result("exhaustion", status == 0, log[-3000:])


def fuzz(tally: Tally) -> None:
    """Seeds and kept findings of every fuzz target, once."""
    status, log = run("tests/fuzz/run.sh", "--replay")
    tally.result("fuzz replay", status == 0, log[-3000:])


def mutate(tally: Tally) -> None:
    """Faults planted in the pure code: the host tests must catch each."""
    status, log = run("tests/mutate/mutate.py")
    print(log.splitlines()[-1] if log else "no output")
    tally.result("mutation check", status == 0, log[-3000:])


def boots(tally: Tally, title: str, *arguments: str, **environment: str) -> None:
    """A pytest run over the boot suite."""
    with tempfile.TemporaryDirectory() as tmp:
        report = os.path.join(tmp, "report.xml")
        status, log = run(sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup",
                          "-p", "no:cacheprovider",
                          f"--junitxml={report}", *arguments, "tests/boot", **environment)
        if not os.path.exists(report):
            tally.result(title, False, log)
            return
        suite = next(xml.parse(report).getroot().iter("testsuite"))
    count = {key: int(suite.get(key, "0")) for key in ("tests", "failures", "errors", "skipped")}
    bad = count["failures"] + count["errors"]
    tally.passed += count["tests"] - bad - count["skipped"]
    if status != 0 or bad:
        tally.failed += max(bad - 1, 0)
        tally.result(title, False, log)
    if count["skipped"]:
        print("\n".join(line for line in log.splitlines() if line.startswith("SKIPPED")))


def main() -> None:
    """All groups in turn; status 1 if anything failed."""
    full = "--full" in sys.argv[1:]
    tally = Tally()
    groups = [
        ("builds", lambda: builds(tally)),
        ("lint and docs", lambda: (lint(tally), docs(tally))),
        ("host tests", lambda: host(tally)),
        ("fuzz replay", lambda: fuzz(tally)),
        *([("mutation check", lambda: mutate(tally))] if full else []),
        ("boots", lambda: boots(tally, "boots", "-rs", *(["--full"] if full else []))),
        ("boots, clang", lambda: boots(tally, "boots, clang", "--smoke",
                                       FOOTING_ELF=elf_of("clang", "0"))),
        ("boots, gcc UBSAN", lambda: boots(tally, "boots, gcc UBSAN", "--smoke",
                                           FOOTING_ELF=elf_of("gcc", "1"))),
        # A check finds what UBSAN finds by gcc's, and what clang compiles otherwise by clang's own.
        *([("boots, clang UBSAN", lambda: boots(tally, "boots, clang UBSAN", "--smoke",
                                                FOOTING_ELF=elf_of("clang", "1")))] if full else []),
    ]
    for title, group in groups:
        since, start = (tally.passed, tally.failed), time.time()
        group()
        tally.group(title, since, start)
    print(f"{tally.passed} passed, {tally.failed} failed")
    sys.exit(1 if tally.failed or not tally.passed else 0)


if __name__ == "__main__":
    main()
