#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Seeds for the fuzz targets out of a folder of real machines' maps (*.map).

Usage: make_seeds.py FOLDER    writes tests/fuzz/seeds/TARGET/, in each target's own input form
"""
import os
import struct
import sys
from collections.abc import Sequence
from typing import NamedTuple

HERE = os.path.dirname(os.path.abspath(__file__))
# For variety: small, unsorted, overlapping, empty entry, MTRRs that overlap, UEFI maps, terabytes.
MACHINES = (
    "amd-elan-sc520-duplicate-entry", "amd-purico", "alienware-m11x-0vwgcv",
    "celeron-433-unsorted-128m", "cloud-hypervisor-512m", "lenovo-6475ge2", "lenovo-21ah00hfge",
    "microsoft-virtual-machine-2", "pentium-200-type0-zero-entry-48m", "toshiba-satellite-z30-a",
)
E820 = {1: 0, 3: 3, 4: 4, 5: 10, 7: 2}  # enum mem_type; all others are reserved, 9
MTRR = {"uncachable": 0, "write-combining": 1, "write-through": 4, "write-protect": 5,
        "write-back": 6}
EFI = ("reserved", "loader-code", "loader-data", "boot-code", "boot-data", "runtime-code",
       "runtime-data", "conventional", "unusable", "acpi-reclaim", "acpi-nvs", "mmio",
       "mmio-port", "pal-code", "persistent", "unaccepted")
LINES = (
    b"", b"console=com2,9600,vga maxpage=2m loglevel=3 -- init --quiet", b"console=none foreign=0x2T",
    b"mem=4G directmap=off la57=off scrub=verify then=exit", b"maxpage=1g maxpage=4k then=nowhere",
    b"mem=18446744073709551615", b"16777215T", b"0xFFFFFFFFFFFFFFFF",
)
CONFIGS = (
    b"", b"[global]  # a comment\ndefault=debug\nchain=other.cfg\n[debug]\noptions=loglevel=3\n"
    b"kernel=payload.elf quiet\nramdisk=initrd.img\nmodule=disk.img writable\n",
    b"\xef\xbb\xbf[ a ]\r\n options =\r\n\tkernel = \xc3\xa9\t x\t\r\n"
    b"#\xf0\x9f\x98\x80\r\n[b]\r\n[a]",
    b"[a]\nkernel=\xe2\x82\n", b"[a]\nkernel=x\r", b"[a\n", b"[a] b\n", b"kernel=x\n",
    b"[global]\nkernel=x\n", b"[a]\ndefault=x\n", b"[a]\nramdisk=\n", b"[a]\nmodules=x\n",
    b"[a]\n#\0\n",
)
ARGS = (
    "", "footing.efi -cfg=other.cfg debug -- loglevel=3", "fs0:\\EFI\\Boot\\bootx64 a b",
    "-cfg= -x",
    "-cfg=a -cfg=b", "a\t--", "\u20ac " + "x" * 256, "-cfg=" + "\u00e9" * 128,
    "-- " + "\u20ac" * 1364, "-- " + "\u20ac" * 1365, "a\1b", "a\0\1",
)
PAGE = 4096
TOP = 1 << 64
U64 = TOP - 1


class Machine(NamedTuple):
    """The figures of one file."""

    e820: list[tuple[int, int, int]]  # base, length, E820 type
    efi: list[tuple[int, int, int, int]]  # type, base, pages, attributes
    default: int | None
    fixed: list[tuple[int, int, int]]  # first, last, type
    variable: list[tuple[int, int, int]]  # base, size, type
    text: bytes


def efi_type(name: str) -> int:
    """By its name in the file; what is not known is reserved."""
    plain = "".join(c for c in name.lower() if c.isalpha())
    plain = plain.replace("services", "").replace("memory", "").replace("mem", "")
    plain = {"mappedio": "mmio", "mappedioport": "mmioport"}.get(plain, plain)
    for number, known in enumerate(EFI):
        if plain and plain == known.replace("-", ""):
            return number
    return 0


def attributes(word: str) -> int:
    """A mask, or flags."""
    if word.startswith("0x"):
        return int(word, 16)
    flags = word.split("|")
    return (8 if "WB" in flags else 0) | (1 << 63 if "RUN" in flags else 0)


def read(path: str) -> Machine:
    """One file of the collection."""
    machine = Machine([], [], None, [], [], b"")
    default, kept = None, []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            word = line.split()
            if not word or word[0] in ("#", "note"):
                continue
            kept.append(line)
            if word[0] == "mtrr-default":
                default = MTRR.get(word[1], 0)
            elif word[0] == "mtrr":
                machine.variable.append((int(word[2], 0), int(word[3], 0), MTRR.get(word[4], 0)))
            else:
                first, last = int(word[1], 0), int(word[2], 0)
                if word[0] == "e820":
                    machine.e820.append((first, last - first + 1, int(word[3])))
                elif word[0] == "efi":
                    machine.efi.append((efi_type(word[3]), first, (last - first + 1) // PAGE,
                                        attributes(word[4])))
                elif word[0] == "mtrr-fixed":
                    machine.fixed.append((first, last, MTRR.get(word[3], 0)))
    return machine._replace(default=default, text="".join(kept).encode())


def memmap_seed(machine: Machine) -> bytes:
    """As fuzz_memmap.c says."""
    seed = bytes((52 - 32, 63))
    for base, length, kind in machine.e820[:64]:
        seed += struct.pack("<BQQ", E820.get(kind, 9), base, length)
    return seed


def descriptors(machine: Machine, size: int) -> bytes:
    """A UEFI map with descriptors of that size; from the E820 list where there is no other."""
    rows = machine.efi or [({1: 7, 3: 9, 4: 10}.get(kind, 0), base, length // PAGE, 0xf)
                           for base, length, kind in machine.e820]
    return b"".join(struct.pack("<IIQQQQ", kind, 0, base, 0, pages, attribute)
                    + bytes(size - 40) for kind, base, pages, attribute in rows[:40])


def tag(kind: int, payload: bytes) -> bytes:
    """A tag of boot information, padded."""
    whole = struct.pack("<II", kind, 8 + len(payload)) + payload
    return whole + bytes(-len(whole) % 8)


def mb2_seed(machine: Machine, efi: bool) -> bytes:
    """Boot information with one tag of each kind that is read."""
    entries = b"".join(struct.pack("<QQII", base, length, kind, 0)
                       for base, length, kind in machine.e820)
    tags = tag(1, LINES[1] + b"\0") + tag(3, struct.pack("<II", 0x200000, 0x234567) + b"module\0")
    tags += tag(6, struct.pack("<II", 24, 0) + entries)
    tags += tag(8, struct.pack("<QIIIBBH", 0xb8000, 160, 80, 25, 16, 2, 0) + b"\0")
    tags += tag(14, bytes(range(20))) + tag(15, bytes(range(36)))
    if efi:
        tags += tag(12, struct.pack("<Q", 0x7f000018)) + tag(20, struct.pack("<Q", 0x7e000000))
        tags += tag(17, struct.pack("<II", 48, 1) + descriptors(machine, 48)) + tag(18, b"")
    tags += tag(0, b"")
    return b"\xff" + struct.pack("<II", 8 + len(tags), 0) + tags


def small_info(tags: bytes) -> bytes:
    """Boot information with these tags and no map."""
    return b"\xff" + struct.pack("<II", 16 + len(tags), 0) + tags + tag(0, b"")


def address(value: int) -> bytes:
    """An exact one, as take_address() reads it."""
    return struct.pack("<BQ", 0x20, value & U64)


def pagetable_seed(machine: Machine, number: int) -> bytes:
    """As fuzz_pagetable.c says: map, MTRRs, and an image as Footing maps its own."""
    types = {0: 0, 6: 1, 4: 2, 1: 3, 5: 4}
    seed = struct.pack("<BBBHB", (2, 1, 0x22, 0x42)[number % 4], 46 - 36, 255, 37 * number, number)
    if machine.default is not None and machine.variable:
        seed += bytes((7, machine.default << 4))
        for base, size, kind in machine.variable:
            if size >= PAGE and size & (size - 1) == 0:
                seed += bytes((3, types[kind])) + address(base) + bytes((size.bit_length() - 13,))
        for register in range(11 if machine.fixed else 0):
            step = 0x10000 if register == 0 else 0x4000 if register < 3 else 0x1000
            start = (0 if register == 0 else 0x80000 + 0x20000 * (register - 1) if register < 3
                     else 0xc0000 + 0x8000 * (register - 3))
            fields = [next((kind for first, last, kind in machine.fixed
                            if first <= start + step * i <= last), 0) for i in range(8)]
            seed += bytes((4, register, *fields))
    for base, length, kind in machine.e820:
        seed += bytes((0, 0 if kind == 1 else 128 + (E820.get(kind, 9) - 128) % 11))
        seed += address(base) + address(length)
    # A framebuffer by a large page, write-combining: rights, type and level, area, va, pa, length.
    seed += bytes((5, 2, 5 + 8 * 1, 0, 1)) + struct.pack("<H", 512) + bytes((1,))
    seed += struct.pack("<H", 0x7000) + bytes((1,)) + struct.pack("<H", 4)
    for rights, offset in ((4, 0), (0, 0x8000), (2, 0xc000)):
        seed += bytes((5, rights, 0, 2)) + address(offset) + address(0x400000 + offset)
        seed += address(0x8000 if rights == 4 else 0x4000)
    return seed


def log_seed(machine: Machine, form: int) -> bytes:
    """The lines that a kernel would print."""
    names = {1: "usable", 2: "reserved", 3: "ACPI data", 4: "ACPI NVS", 5: "unusable"}
    lines = ["[    0.000000] Linux version 6.1.0", "BIOS-provided physical RAM map:"]
    for base, length, kind in machine.e820:
        name = names.get(kind, f"type {kind}")
        lines.append(f"[    0.000000] BIOS-e820: "
                     + (f"[mem {base:#018x}-{(base + length - 1) & U64:#018x}] {name}" if form == 0 else
                        f"{base:016x} - {base + length:016x} ({name})" if form == 1 else
                        f"{length:016x} @ {base:016x} ({name})"))
    for number, (kind, base, pages, mask) in enumerate(machine.efi[:20]):
        end = base + pages * PAGE - (form == 0)
        lines.append(f"[    0.000000] efi: mem{number:02}: " + (
            f"[{EFI[kind]:18}|   |  |  |  |  |   |WB|WT|WC|UC] range=[{base:#x}-{end:#x}] (0MB)"
            if form == 0 else f"type={kind}, attr={mask:#x}, range=[{base:#x}-{end:#x}) (0MB)"))
    named = {value: name for name, value in MTRR.items()}
    if machine.default is not None:
        lines += [f"MTRR default type: {named[machine.default]}", "MTRR fixed ranges enabled:"]
        lines += [f"  {a:05X}-{b:05X} {named[kind]}" for a, b, kind in machine.fixed]
        lines += ["MTRR variable ranges enabled:"]
        lines += [f"  {i} base {base:010X} mask {(1 << 36) - size:09X} {named[kind]}"
                  for i, (base, size, kind) in enumerate(machine.variable)]
        lines += [f"  {len(machine.variable)} disabled"]
    else:
        lines += [f"reg{i:02}: base={base:#011x} ({base >> 20:5}MB), size={size >> 20:5}MB, count=1:"
                  f" {named[kind]}" for i, (base, size, kind) in enumerate(machine.variable)]
    return ("\n".join(lines) + "\n").encode()


def load_option(text: bytes, extra: int = 8) -> bytes:
    """An EFI_LOAD_OPTION with this text behind a device path of two nodes."""
    path = struct.pack("<BBH", 4, 4, 4 + extra) + bytes(extra) + b"\x7f\xff\4\0"
    return struct.pack("<IH", 1, len(path)) + "Footing\0".encode("utf-16-le") + path + text


def pe_seed(sections: tuple[tuple[bytes, int, int], ...], image: int = 0x20000) -> bytes:
    """The headers of a PE32+ image with these names, addresses and sizes."""
    seed = b"MZ" + bytes(58) + struct.pack("<I", 64)
    seed += struct.pack("<4sHHIIIHH", b"PE", 0x8664, len(sections), 0, 0, 0, 240, 0x22)
    optional = bytearray(240)
    struct.pack_into("<H", optional, 0, 0x20b)
    struct.pack_into("<III", optional, 32, 4096, 512, 0)
    struct.pack_into("<II", optional, 56, image, 1024)
    struct.pack_into("<I", optional, 108, 16)
    return seed + bytes(optional) + b"".join(
        struct.pack("<8s8I", name, size, rva, size, rva, 0, 0, 0, 0x40000040)
        for name, rva, size in sections)


def write_loader_seeds() -> None:
    """What footing.efi reads, made by hand."""
    for number, config in enumerate(CONFIGS):
        write("config", f"config-{number}", config)
    for number, line in enumerate(ARGS):
        text = line.encode("utf-16-le")
        write("efi_args", f"text-{number}", bytes((1 + 128 * (number % 2),)) + text)
        write("efi_args", f"option-{number}", bytes((2,)) + load_option(text))
        write("efi_args", f"ascii-{number}", bytes((1,)) + line.encode())
        write("efi_args", f"zeros-{number}", bytes((1,)) + line.replace(" ", "\0").encode() + b"\0\0\0")
        write("efi_args", f"mark-{number}", bytes((1,)) + line.encode("utf-16"))
    write("efi_args", "option-odd", bytes((1,)) + load_option(b"a\0", 7))
    write("efi_args", "odd", b"\1a\0b")
    write("efi_args", "half", b"\1a\0b\0c\0d\0\x87")
    write("efi_args", "mark-8", b"\1\xef\xbb\xbfdebug")
    write("efi_args", "guid", b"\1" + bytes.fromhex("4eac0881119f594d850ee21a522c59b2"))
    write("efi_args", "windows", b"\1WINDOWS\0\1\0\0\0\x88\0\0\0")
    good = ((b".text", 0x1000, 0x1234), (b".config", 0x3000, 7), (b".payload", 0x4000, 0x1c000))
    name = b".config\0"
    for number, sections in enumerate((good, good + good[1:2], good[:1], (),
                                       ((b".config", 0x3000, 0x1d001),))):
        write("pe", f"sections-{number}", name + pe_seed(sections))
    write("pe", "eight", b".payload" + pe_seed(good))
    write("pe", "wraps", name + pe_seed(((b".config", 0xfffff000, 0x1001),), 0xffffffff))
    write("pe", "cut", name + pe_seed(good)[:-1])


def elf_seed(kind: int, start: int, dynamic: bytes = b"", rela: bytes = b"",
             relr: bytes = b"") -> bytes:
    """As fuzz_elf.c says: code, a table or two, data, and what is read-only in the end."""
    headers = [(1, 5, 0x240, start + 0x240, 16, 16, 16),
               (1, 4, 0x280, start + 0x1280, 0x180, 0x180, 8),
               (1, 6, 0x400, start + 0x3000, 0x80, 0x2100, 64),
               (0x6474e552, 4, 0x400, start + 0x3000, 0x80, 0x1000, 1),
               (0x6474e551, 6, 0, 0, 0, 0, 16)]
    if dynamic:
        headers.append((2, 4, 0x480, start + 0x3080, len(dynamic), len(dynamic), 8))
    seed = struct.pack("<4s5B7xHHIQQQIHHHHHH", b"\177ELF", 2, 1, 1, 0, 0, kind, 62, 1,
                       start + 0x240, 64, 0, 0, 64, 56, len(headers), 0, 0, 0)
    for kind_, flags, offset, va, file_len, length, align in headers:
        seed += struct.pack("<IIQQQQQQ", kind_, flags, offset, va, va, file_len, length, align)
    for offset, data in ((0x240, b"\xf4" * 16), (0x280, rela), (0x340, relr),
                         (0x400, struct.pack("<16Q", *range(16))), (0x480, dynamic)):
        seed = seed.ljust(offset, b"\0") + data
    return struct.pack("<BBQ", start >> 48 & 1, 255, 0x200000) + seed


def write_elf_seeds() -> None:
    """Executables and relocatable files."""
    rela = b"".join(struct.pack("<QQQ", 0x3000 + 8 * i, 8 if i != 2 else 0, i) for i in range(5))
    relr = struct.pack("<4Q", 0x3040, 0x8000000000000007, 1, 0x4000)
    both = struct.pack("<14Q", 7, 0x1280, 8, len(rela), 9, 24, 36, 0x1340, 35, len(relr), 37, 8,
                       0, 0)
    write("elf", "exec", elf_seed(2, 0x400000))
    write("elf", "exec-high", elf_seed(2, 0xffffffff80000000))
    write("elf", "dyn", elf_seed(3, 0))
    write("elf", "dyn-both", elf_seed(3, 0, both, rela, relr))
    write("elf", "dyn-rela", elf_seed(3, 0, both[:48] + bytes(16), rela))
    write("elf", "dyn-relr", elf_seed(3, 0, both[48:], b"", relr))
    write("elf", "dyn-refuses", b"\0\3" + elf_seed(3, 0, both, rela, relr)[2:])
    write("elf", "dyn-needed", elf_seed(3, 0, struct.pack("<4Q", 1, 1, 0, 0)))
    write("elf", "dyn-kind", elf_seed(3, 0, both, rela.replace(b"\x08", b"\x06"), relr))


def pvh_seed(version: int, modules: int, entries: int, line: bytes, revision: int = 2) -> bytes:
    """As fuzz_pvh.c says: memory at 1 MiB with the start info, tables, strings and an RSDP."""
    base, lists, table = 0x100000, 64, 64 + 32 * modules
    rsdp = table + 24 * entries
    text = rsdp + 36
    seed = struct.pack("<IIIIQQQQII", 0x336ec578, version, 0, modules, base + lists, base + text,
                       base + rsdp, base + table, entries, 0) + bytes(8)
    for i in range(modules):
        seed += struct.pack("<QQQQ", (i + 2) << 20, i, base + text if i % 2 else 0, 0)
    for i in range(entries):
        seed += struct.pack("<QQII", i << 30, 1 << 30, i + 1, 0)
    seed += b"RSD PTR \0OEMOEM" + bytes((revision,)) + bytes(range(20)) + line + b"\0"
    return struct.pack("<HBQ", 0, 255, base << 1) + seed


def write_pvh_seeds() -> None:
    """Start infos."""
    write("pvh", "version-0", pvh_seed(0, 1, 0, b"console=com1", 0))
    write("pvh", "version-1", pvh_seed(1, 2, 8, b"loglevel=3"))
    write("pvh", "modules", pvh_seed(1, 64, 1, b"x"))
    write("pvh", "modules-65", pvh_seed(1, 65, 1, b"x"))
    write("pvh", "line", pvh_seed(1, 0, 1, b"x" * 4095))
    write("pvh", "line-4096", pvh_seed(1, 0, 1, b"x" * 4096))
    write("pvh", "texts", pvh_seed(1, 4, 1, b"x" * 4094))
    write("pvh", "refuses", b"\0\0\3" + pvh_seed(1, 1, 6, b"")[3:])


def acpi_table(name: bytes, body: bytes) -> bytes:
    """A table with its header; the target makes its sum right."""
    return struct.pack("<4sIBB6s8s12x", name, 36 + len(body), 1, 0, b"MADEUP", b"") + body


def acpi_seed(wide: bool, tables: Sequence[bytes]) -> bytes:
    """As fuzz_acpi.c says: an RSDP, a root table, and others."""
    root, first = 0x7ff00010, 0x7ff10024
    rsdp = struct.pack("<8sB6sBIIQ4x", b"RSD PTR ", 0, b"MADEUP", 2 * wide, root, 36,
                       root if wide else 0)
    places = [first + 0x1000 * i for i in range(len(tables))]
    listed = struct.pack(f"<{len(tables)}{'Q' if wide else 'I'}", *places)
    seed = bytes((4 + 1 + wide,)) + rsdp + bytes((1 + len(tables),))
    for address_, table in ((root, acpi_table(b"XSDT" if wide else b"RSDT", listed)),
                            *zip(places, tables)):
        seed += struct.pack("<QH", address_, 0x8000 | len(table)) + table
    return seed


def write_acpi_seeds() -> None:
    """Each table that lists memory, both root tables, and damage."""
    space = struct.pack("<QHBB4x", 0x200000000, 0, 0, 255)
    mcfg = acpi_table(b"MCFG", bytes(8) + space + struct.pack("<QHBB4x", 0x4000000000, 1, 16, 31))
    memory = struct.pack("<BBI2xQQ4xI8x", 1, 40, 0, 0x100000000, 0xf00000000, 3)
    srat = acpi_table(b"SRAT", bytes(12) + bytes((0, 16)) + bytes(14) + memory)
    nfit = acpi_table(b"NFIT", bytes(4) + struct.pack("<HH28xQQQ", 0, 56, 1 << 36, 1 << 33, 8))
    cedt = acpi_table(b"CEDT", struct.pack("<BxHII4xQQ", 0, 32, 7, 1, 1 << 37, 1 << 16) +
                      struct.pack("<BxH4xQQ12xI", 1, 40, 1 << 38, 1 << 34, 7))
    apic = acpi_table(b"APIC", bytes(8))
    write("acpi", "all", acpi_seed(True, (apic, mcfg, srat, nfit, cedt)))
    write("acpi", "old", acpi_seed(False, (srat, mcfg)))
    write("acpi", "twice", acpi_seed(True, (srat, srat, nfit, nfit)))
    write("acpi", "cut", acpi_seed(True, (srat[:-8], mcfg, cedt)))
    write("acpi", "sums", bytes((2,)) + acpi_seed(True, (srat,))[1:])
    write("acpi", "none", b"\0")


def function(place: int, header: int, bars: tuple[tuple[int, int, int], ...],
             window: bytes = b"", segment: int = 0, virtual: bytes = b"\0") -> bytes:
    """One function with BARs of these kinds, addresses and sizes, as powers of two."""
    return struct.pack("<BHBQ", segment, place, header, 0xf9000507) + b"".join(
        struct.pack("<BQB", kind, base << (2 * (kind in (3, 4))), bit - 4)
        for kind, base, bit in bars) + (window if header & 0x7f else virtual)


def write_devices_seeds() -> None:
    """Devices and bridges, of every kind of BAR, by ports and in memory."""
    high = ((3, 0x800000000, 34), (4, 0x4000000000, 12), (2, 0xc000, 4), (0, 0xfe000000, 12))
    bridge = function(0x00e0, 1, ((0, 0xfd000000, 12), (0, 0, 12)),
                      struct.pack("<QQ", 0x800000000 << 2, 0x9ffffffff << 2))
    odd = tuple((7, 0xfffff0000000000c, 4) for _ in range(6))
    spaces = bytes((2, 0, 0, 255, 1, 16, 31))
    virtual = struct.pack("<BHBQ", 1, 64, 12, 0x9000000000 << 8)
    write("devices", "none", b"\0\0")
    write("devices", "one", b"\0\1" + function(0x0018, 0, high))
    write("devices", "bridge", b"\0\2" + bridge + function(0x0100, 0, high))
    write("devices", "several", b"\0\3" + function(0x0010, 0x80, high) +
          function(0x0013, 0, high[1:] + high[:1]) + function(0xfff8, 0, high))
    write("devices", "odd", b"\0\1" + function(0x0018, 0, odd))
    write("devices", "memory", spaces + b"\3" + function(0x0018, 0, high, virtual=virtual) +
          function(0x1100, 0, high, segment=1, virtual=virtual) + function(0x2000, 0, high, segment=1))


def write(target: str, name: str, seed: bytes) -> None:
    """One seed."""
    folder = os.path.join(HERE, "seeds", target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as out:
        out.write(seed)


def main() -> int:
    """All seeds."""
    if len(sys.argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    for number, name in enumerate(MACHINES):
        machine = read(os.path.join(sys.argv[1], f"{name}.map"))
        write("memmap", name, memmap_seed(machine))
        write("pagetable", name, pagetable_seed(machine, number))
        if number % 2 == 0 or machine.efi:
            size = (40, 48, 56)[number % 3]
            write("efi_map", name, struct.pack("<HBB", size, 1, 255) + descriptors(machine, size))
            write("mb2", name, mb2_seed(machine, bool(machine.efi)))
        write("log", name, b"\0" + log_seed(machine, number % 3))
    for count in (64, 65):
        write("mb2", f"modules-{count}", small_info(tag(3, bytes(8)) * count))
    for length in (4095, 4096):
        write("mb2", f"cmdline-{length}", small_info(tag(1, b"x" * length + b"\0")))
    for number, line in enumerate(LINES):
        write("options", f"line-{number}", line)
    write_loader_seeds()
    write_elf_seeds()
    write_pvh_seeds()
    write_acpi_seeds()
    write_devices_seeds()
    return 0


if __name__ == "__main__":
    sys.exit(main())
