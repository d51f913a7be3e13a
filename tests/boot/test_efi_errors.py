# SPDX-License-Identifier: MIT
"""What footing.efi refuses: one line that says what and where, and control goes back.

All refusals happen in one boot: GRUB chainloads an image of each case's own
folder in turn, and that it says the next case's name is the proof that the
one before has returned.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import console
import esp
import payloads
import tiny_elf
from boots import EFI_SECONDS, Bench, make_bench
from machine import EXIT_SUCCESS

# All on one worker of pytest-xdist, or each would boot it.
_ONE_BOOT = pytest.mark.xdist_group("efi-errors")

_CASE = "footing-test: case "
_MAP = "footing-test: map "
_GLOBAL = b"[global]\ndefault=run\n"
_KERNEL = tiny_elf.build(bytes(3 << 20))
_BIG = bytes(5 << 20)


@dataclass(frozen=True)
class Case:
    """One refusal: arguments and files beside the image, and the words of its panic."""

    code: str
    words: str  # a regular expression for all that follows the code's own text
    config: bytes | None = _GLOBAL + b"[run]\n"
    arguments: str = ""
    files: Mapping[str, bytes] = field(default_factory=dict)
    image: str = "footing.efi"

    @property
    def contents(self) -> dict[str, bytes]:
        """All files but the image."""
        beside = {} if self.config is None else {"footing.cfg": self.config}
        return {**beside, **self.files}


def _run(*lines: str) -> bytes:
    return _GLOBAL + "\n".join(["[run]", *lines, ""]).encode()


def _elf(at: int, *values: int) -> bytes:
    """An ELF header, but for these bytes."""
    return _KERNEL[:at] + bytes(values) + _KERNEL[at + len(values) : 64]


def _bad(name: str, text: bytes, line: int, shown: str, why: str) -> dict[str, Case]:
    return {name: Case("CONFIG", rf"footing\.cfg:{line}: {re.escape(shown)}: {why}", text)}


_NOT_FOUND = r"EFI_NOT_FOUND \(status 0x800000000000000e\)"
_NEITHER = r"neither \[section\] nor key=value"
_LONG = "a" * 300

CONFIGS: dict[str, Case] = {
    **_bad("unknown-key", _run("options=then=exit", "kernal=x"), 5, "kernal=x", "unknown key"),
    **_bad("no-key", _run("then=exit", "what"), 4, "then=exit", "unknown key"),
    **_bad("neither", _run("options=", "what # this"), 5, "what", _NEITHER),
    **_bad("open-section", b"[global\n", 1, "[global", _NEITHER),
    **_bad("text-after-section", b"[global] x\n", 1, "[global] x", "text after the section's name"),
    **_bad("no-section-name", b"\n[ ]\n", 2, "[ ]", "empty section name"),
    **_bad("before-sections", b"options=x\n", 1, "options=x", "key before the first section"),
    **_bad("global-elsewhere", _run("chain=x"), 4, "chain=x", r"key of \[global\] elsewhere"),
    **_bad("section-in-global", b"[global]\nkernel=x\n", 2, "kernel=x", r"key of a section in \[global\]"),
    **_bad("no-value", _run("kernel= # none"), 4, "kernel=", "empty value"),
    **_bad("crlf", b"[global]\r\ndefault=run\r\nfoo=bar\r\n", 3, "foo=bar", "unknown key"),
    **_bad("mark", b"\xef\xbb\xbf[global]\nfoo=bar", 2, "foo=bar", "unknown key"),
    **_bad("latin-1", _run() + b"options=\xe4\n", 4, "options=?", "not UTF-8"),
    **_bad("control", _run("options=\x1b[2J"), 4, "options=?[2J", "control character"),
    **_bad("zero-byte", _run("options=x\0"), 4, "options=x?", "control character"),
    **_bad("other-section", _run() + b"[b]\nkernal=x\n", 5, "kernal=x", "unknown key"),
    **_bad("options-twice", _run("options=a", "options=b"), 5, "options=b", "given before"),
    **_bad("kernel-twice", _run("kernel=a", "kernel=b"), 5, "kernel=b", "given before"),
    **_bad("default-twice", _GLOBAL + b"default=b\n[run]\n", 3, "default=b", "given before"),
    **_bad("long-line", _run("x" * 300), 4, "x" * 120 + "...", _NEITHER),
    **_bad("long-file", _run("module=" + _LONG), 4, "module=" + _LONG[:113] + "...", "the file's name is too long"),
    **_bad("long-default", f"[global]\ndefault={_LONG}\n[x]\n".encode(), 2,
           "default=" + _LONG[:112] + "...", "its name is too long"),
    **_bad("chained-to-itself", b"[global]\ndefault=x\nchain=FOOTING.CFG\n", 3, "chain=FOOTING.CFG",
           "chained in a circle"),
    "nothing-chosen": Case(
        "CONFIG", r"footing\.cfg: no section chosen: no default=, none on the command line", b"[x]\n"
    ),
    "empty-config": Case("CONFIG", r"footing\.cfg: no section chosen: .*", b"# nothing\n"),
    "default-not-there": Case("CONFIG", r"footing\.cfg: no section \[run\]", b"[global]\ndefault=run\n"),
    "asked-for-not-there": Case("CONFIG", r"footing\.cfg: no section \[debug\]", arguments="debug"),
    "global-is-no-section": Case("CONFIG", r"footing\.cfg: no section \[global\]", arguments="global"),
    "large-config": Case("CONFIG", r"footing\.cfg: (?:it has )?65537 bytes, the limit is 65536", b"#" * 65537),
    "circle": Case(
        "CONFIG", r"b\.cfg:2: chain=a\.cfg: chained in a circle", None, "-cfg=a.cfg x",
        {"a.cfg": b"[global]\nchain=b.cfg\n", "b.cfg": b"[global]\nchain=a.cfg\n"},
    ),
    "long-chain": Case(
        "CONFIG", r"7\.cfg:2: chain=8\.cfg: too many are chained", None, "-cfg=0.cfg x",
        {f"{i}.cfg": f"[global]\nchain={i + 1}.cfg\n".encode() for i in range(9)},
    ),
    "error-in-the-chain": Case(
        "CONFIG", r"sub/b\.cfg:3: what: " + _NEITHER, b"[global]\ndefault=z\nchain=sub/b.cfg\n", "",
        {"sub/b.cfg": b"[z]\n\nwhat\n"},
    ),
}  # fmt: skip

FILES: dict[str, Case] = {
    "config-not-there": Case("FILE", r"nope\.cfg: Open, " + _NOT_FOUND, None, "-cfg=nope.cfg"),
    "config-is-a-folder": Case("FILE", r"sub: it is a folder, EFI_UNSUPPORTED \(.*\)", None, "-cfg=sub", {"sub/x": b"x"}),
    "config-is-empty": Case("FILE", r"footing\.cfg: it is empty, EFI_END_OF_FILE \(.*\)", b""),
    "section-without-config": Case("FILE", r"footing\.cfg: Open, " + _NOT_FOUND, None, "debug"),
    "chain-not-there": Case(
        "FILE", r"footing\.cfg:3: chain=b\.cfg: Open, " + _NOT_FOUND, b"[global]\ndefault=z\nchain=b.cfg\n"
    ),
    "kernel-not-there": Case(
        "FILE", r"footing\.cfg:4: kernel=nope\.elf quiet: Open, " + _NOT_FOUND, _run("kernel=nope.elf quiet")
    ),
    "ramdisk-not-there": Case(
        "FILE", r"footing\.cfg:4: ramdisk=/x/y: Open, " + _NOT_FOUND, _run("ramdisk=/x/y")
    ),
    "module-not-there": Case(
        "FILE", r"footing\.cfg:6: module=no: Open, " + _NOT_FOUND,
        _run("kernel=k", "module=big", "module=no"), "", {"k": _KERNEL, "big": _BIG},
    ),
    "module-is-a-folder": Case(
        "FILE", r"footing\.cfg:4: module=sub: it is a folder, EFI_UNSUPPORTED \(.*\)",
        _run("module=sub"), "", {"sub/x": b"x"},
    ),
    "module-is-empty": Case(
        "FILE", r"footing\.cfg:4: module=m: it is empty, EFI_END_OF_FILE \(.*\)", _run("module=m"), "", {"m": b""}
    ),
}  # fmt: skip

_LISTED = r"footing\.cfg:4: kernel=k x: "
_PAYLOAD = {"config": _run("kernel=k x")}
_NONE_OF = r": Footing's options are console= .*; the payload's own words come after --"
_ARGUMENTS = ": the image takes -cfg=FILE, the name of a section, and options behind --"
_NO_ELF = ", no ELF executable for x86-64"
OTHERS: dict[str, Case] = {
    "payload-is-text": Case("PAYLOAD", _LISTED + "it is a script" + _NO_ELF, files={"k": b"#!" * 99}, **_PAYLOAD),
    "payload-is-short": Case("PAYLOAD", _LISTED + "it is an ELF file that is cut off" + _NO_ELF, files={"k": b"\x7fELF"}, **_PAYLOAD),
    "payload-is-32-bit": Case("PAYLOAD", _LISTED + "it is a 32-bit ELF file for machine 62" + _NO_ELF, files={"k": _elf(4, 1)}, **_PAYLOAD),
    "payload-is-big-endian": Case("PAYLOAD", _LISTED + "it is a big-endian ELF file" + _NO_ELF, files={"k": _elf(5, 2)}, **_PAYLOAD),
    "payload-is-for-arm": Case("PAYLOAD", _LISTED + "it is a 64-bit ELF file for AArch64" + _NO_ELF, files={"k": _elf(18, 183)}, **_PAYLOAD),
    "payload-is-an-object": Case("PAYLOAD", _LISTED + "it is an ELF object file that is not linked" + _NO_ELF, files={"k": _elf(16, 1)}, **_PAYLOAD),
    "unknown-argument": Case("OPTION", "-cgf=x" + _ARGUMENTS, arguments="-cgf=x"),
    "empty-argument": Case("OPTION", "-cfg=" + _ARGUMENTS, arguments="-cfg= run"),
    "two-configs": Case("OPTION", "-cfg=b" + _ARGUMENTS, arguments="-cfg=a -cfg=b"),
    "two-sections": Case("OPTION", "debug" + _ARGUMENTS, arguments="run debug"),
    "option-for-a-section": Case(
        "CONFIG", r"footing\.cfg: no section \[loglevel=1\]: options stand behind --", arguments="loglevel=1"
    ),
    "unknown-option": Case("OPTION", r"footing\.cfg:4: frob=1" + _NONE_OF, _run("options=loglevel=3 frob=1")),
    "unknown-option-on-the-firmwares-console": Case(
        "OPTION", r"footing\.cfg:4: frob=4" + _NONE_OF, _run("options=console=efi frob=4")
    ),
    "unknown-option-on-no-console": Case(
        "OPTION", r"footing\.cfg:4: frob=5" + _NONE_OF, _run("options=console=none frob=5")
    ),
    "unknown-value": Case("OPTION", r"footing\.cfg:4: maxpage=3m: maxpage= takes 4k, 2m or 1g", _run("options=maxpage=3m")),
    "unknown-option-in-arguments": Case("OPTION", "frob=2" + _NONE_OF, arguments="run -- loglevel=1 frob=2"),
    "unknown-option-without-config": Case("OPTION", "frob=3" + _NONE_OF, None, "-- frob=3"),
    "long-arguments": Case("CMDLINE", r".*", arguments="-- " + "loglevel=1 " * 375),
    "long-options": Case(
        "CMDLINE", r".*", _run("options=" + "loglevel=1 " * 370), "-- " + "loglevel=1 " * 10
    ),
    "long-section": Case("CMDLINE", r".*", arguments=_LONG),
    "many-modules": Case(
        "MODULES", r".*", _run(*["module=m"] * 65), "", {"m": b"m"}
    ),
}  # fmt: skip

# What only a plan shows: it is made once by the live firmware's map, before that is left.
PLANS: dict[str, Case] = {
    "no-ram": Case("NORAM", r".*mem=.*", _run("options=mem=1")),
    "no-frames-for-tables": Case("NOFRAMES", r".*for the page tables.*", _run("options=mem=8K")),
    "no-frames-for-the-payload": Case(
        "NOFRAMES", r".*for the payload's segments.*", _run("options=mem=1M", "kernel=k"), files={"k": _KERNEL}
    ),
    "payload-over-the-directmap": Case(
        "PAYLOAD", r"payload's 0xffff800000200000-0x\w+ with the directmap, .*",
        _run("kernel=k"), files={"k": payloads.elf(payloads.Segment(0xFFFF800000200000, 5))},
    ),
    "payload-writable-and-executable": Case(
        "PAYLOAD", r".*writable and executable.*",
        _run("kernel=k"), files={"k": payloads.elf(payloads.Segment(0x200000, 7))},
    ),
    "payload-of-5-levels": Case(
        "PAYLOAD", r".*canonical.*", _run("kernel=k"), files={"k": payloads.elf(payloads.Segment(1 << 50, 5))}
    ),
    "relocation-that-needs-a-linker": Case(
        "PAYLOAD", r".*relocation.*type 7.*", _run("kernel=k"), files={"k": tiny_elf.unrelocatable(7)}
    ),
    "relocation-of-text": Case(
        "PAYLOAD", r".*relocation.*outside the writable.*", _run("kernel=k"), files={"k": tiny_elf.unrelocatable(8)}
    ),
    "no-foreign-space": Case("FOREIGN", r".*", _run("options=foreign=4095T")),
    "levels-that-the-cpu-has-not": Case("LEVELS", r"la57=on, but the CPU has four .*", _run("options=la57=on")),
}  # fmt: skip

# Which configuration counts: each says its own name by an option that nobody knows.
_SAYS = {
    name: f"[global]\ndefault=d\n[d]\noptions=it-was-{name}\n[e]\noptions=e-of-{name}\n".encode()
    for name in ("footing-1.2.cfg", "footing-1.cfg", "footing.cfg", "other.cfg", "foo_bar.cfg", "foo.cfg")
}


def _search(chosen: str, present: str, arguments: str = "", image: str = "footing-1.2.efi") -> Case:
    files = {name: _SAYS[name.rpartition("/")[2]] for name in present.split()}
    return Case("OPTION", rf"[^ ]+:\d: {re.escape(chosen)}{_NONE_OF}", None, arguments, files, image)


SEARCH: dict[str, Case] = {
    "whole-name": _search("it-was-footing-1.2.cfg", "footing-1.2.cfg footing-1.cfg footing.cfg"),
    "cut-at-the-dot": _search("it-was-footing-1.cfg", "footing-1.cfg footing.cfg other.cfg"),
    "cut-at-the-dash": _search("it-was-footing.cfg", "footing.cfg other.cfg"),
    "other-name": _search("it-was-foo.cfg", "foo.cfg footing.cfg", image="foo_bar.efi"),
    "other-whole-name": _search("it-was-foo_bar.cfg", "foo.cfg foo_bar.cfg footing.cfg", image="foo_bar.efi"),
    "other-name-cut-at-the-dash": _search("it-was-foo.cfg", "foo.cfg footing.cfg", image="foo-1.efi"),
    "other-name-falls-back": _search("it-was-footing.cfg", "footing.cfg", image="foo_bar.efi"),
    "name-without-a-cut": _search("it-was-footing.cfg", "foo.cfg footing.cfg", image="foo"),
    "asked-for": _search("it-was-other.cfg", "footing-1.2.cfg other.cfg", "-cfg=other.cfg"),
    "asked-for-elsewhere": _search("it-was-other.cfg", "footing.cfg sub/other.cfg", "-cfg=sub\\\\other.cfg"),
    "section": _search("e-of-footing.cfg", "footing.cfg", "e"),
    "section-of-another": _search("e-of-other.cfg", "footing.cfg other.cfg", "-cfg=other.cfg e"),
    "program-name-first": _search("e-of-footing.cfg", "footing.cfg", "FS0:\\\\x\\\\Footing-1.2.EFI e"),
    "program-name-alone": _search("e-of-footing.cfg", "footing.cfg", "footing-1.2 e"),
    "chained": Case(
        "OPTION", rf"c\.cfg:2: deep{_NONE_OF}", b"[global]\ndefault=d\nchain=sub/b.cfg\n[e]\n", "",
        {"sub/b.cfg": b"[global]\ndefault=f\nchain=c.cfg\n[f]\n", "c.cfg": b"[d]\noptions=deep\n"},
    ),
    "a-section-goes-on": Case(
        "OPTION", rf"footing\.cfg:7: frob{_NONE_OF}", _run("module=m") + b"[z]\n[run]\noptions=frob\n", "", {"m": b"m"}
    ),
    "arguments-follow-options": Case("OPTION", "frob=2" + _NONE_OF, _run("options=loglevel=1"), "-- frob=2"),
    "the-payloads-options": Case("FILE", ".*no.* " + _NOT_FOUND, _run("options=-- frob=1", "module=no"), "-- frob=2"),
}  # fmt: skip

CASES = {**CONFIGS, **FILES, **OTHERS, **PLANS, **SEARCH}


@dataclass(frozen=True)
class Outcome:
    """What one boot said: by case on COM1, all of it on port 0xe9, and its end."""

    said: dict[str, str]
    debugcon: str
    status: int
    before: esp.FirmwareMap
    after: esp.FirmwareMap


@pytest.fixture(scope="module")
def outcome(
    tmp_path_factory: pytest.TempPathFactory, cache: Path, image_path: Path, efi_path: Path
) -> Outcome:
    """One boot of all cases; after them the same image boots, with then=exit."""
    bench = make_bench(tmp_path_factory.mktemp("errors"), cache, image_path, efi_path)
    files = {"footing.cfg": esp.config("then=exit", "module=big"), "big": _BIG}
    script = [f"echo '{_MAP}before'", *esp.print_map()]
    for name, case in CASES.items():
        folder = f"case/{name}"
        files[f"{folder}/{case.image}"] = bench.efi
        files.update({f"{folder}/{path}": data for path, data in case.contents.items()})
        script += [f"echo '{_CASE}{name}'", f"chainloader /x/{folder}/{case.image} {case.arguments}", "boot"]
    script += [f"echo '{_MAP}after'", *esp.print_map()]
    script += [f"echo '{_CASE}good'", "chainloader /x/footing.efi", "boot"]
    with bench.by_efi(bench.chainloading(script, **files), vga=False, cpu="max,la57=off") as machine:
        status = machine.wait_exit(EFI_SECONDS)
        text, debugcon = machine.serial, machine.debugcon
    cases = text.split(_CASE)
    maps = {name: text.partition(_MAP + name)[2].partition(esp.MAP_END)[0] for name in ("before", "after")}
    return Outcome(
        {part.partition("\n")[0].strip(): part for part in cases[1:]},
        debugcon, status, esp.parse_lsefimmap(maps["before"]), esp.parse_lsefimmap(maps["after"]),
    )  # fmt: skip


@_ONE_BOOT
@pytest.mark.smoke
@pytest.mark.parametrize("name", CASES)
def test_refused(outcome: Outcome, name: str) -> None:
    """One panic line with this code and these words; then GRUB goes on."""
    case = CASES[name]
    said = outcome.said[name]
    lines = [line for line in said.splitlines() if "footing: panic" in line]
    assert len(lines) == 1, said
    found = re.fullmatch(r"footing: panic ([A-Z]+): (.*)", lines[0])
    assert found and found[1] == case.code, said
    # The code's own text comes first: "file cannot be loaded: " and the like.
    assert re.fullmatch(rf"[^:]+(: |(?= \()){case.words}", found[2]), lines[0]
    assert outcome.debugcon.count(lines[0]) >= 1
    assert "footing: ready" not in said
    assert len(outcome.said) == len(CASES) + 1, f"the last one is {list(outcome.said)[-1]}"


@_ONE_BOOT
def test_each_refusal_is_said_once_on_the_debug_port(outcome: Outcome) -> None:
    """Port 0xe9 has the same panic lines, in the same order."""
    said = [line for part in outcome.said.values() for line in part.splitlines()]
    assert console.panics(outcome.debugcon) == console.panics("\n".join(said))


@_ONE_BOOT
def test_what_was_loaded_is_given_back(outcome: Outcome) -> None:
    """The firmware has as much free memory as before, and the next boot succeeds."""
    lost = outcome.before.conventional - outcome.after.conventional
    assert lost < len(_BIG), f"{lost >> 10} KiB lost in {len(CASES)} boots"
    assert outcome.status == EXIT_SUCCESS
    assert "footing: ready" in outcome.said["good"]


@_ONE_BOOT
def test_lines_of_the_rehearsal_are_not_seen(outcome: Outcome) -> None:
    """The plan is made twice, by the live firmware's map and by the last one; its lines come once."""
    lines = [line for line in outcome.said["good"].splitlines() if line.startswith("footing: ")]
    assert len(lines) > 10
    assert len(lines) == len(set(lines))


@pytest.mark.smoke
@pytest.mark.parametrize(
    "options, code", [("frob=1", "OPTION"), pytest.param("foreign=4095T", "FOREIGN", marks=pytest.mark.full)]
)
def test_firmware_boots_the_next_disk(bench: Bench, options: str, code: str) -> None:
    """Without GRUB: a refusal goes back to the boot manager, which tries the next entry."""
    second = bench.chainloading(["halt"])
    with bench.by_efi(bench.esp_files(options), second, vga=False) as machine:
        assert machine.wait_exit(EFI_SECONDS) == 0
        first, end, _ = machine.serial.partition("Type      Physical start")
    assert end, "GRUB has not been started"
    assert [found for found, _ in console.panics(first)] == [code]


def test_no_configuration(bench: Bench) -> None:
    """Without a configuration the built-in defaults boot, and a line says so."""
    with bench.by_efi({esp.BOOT_EFI: bench.efi}, vga=False) as machine:
        assert machine.wait_exit(EFI_SECONDS) == EXIT_SUCCESS
        text = machine.serial
    assert re.search(r"^footing: no configuration beside the image: .*$", text, re.M)
    assert "\nfooting: ready\n" in text


def test_arguments_count_after_the_options(bench: Bench) -> None:
    """What follows -- on the EFI command line is added to options=, and counts."""
    script = ["chainloader /x/footing.efi e -- loglevel=3 then=exit"]
    files = {"footing.cfg": b"[e]\noptions=loglevel=0 then=halt\n"}
    with bench.by_efi(bench.chainloading([*script, "boot"], **files), vga=False) as machine:
        assert machine.wait_exit(EFI_SECONDS) == EXIT_SUCCESS
        assert re.search(r"^footing: cpu phys-bits=\d+", machine.serial, re.M)
