# SPDX-License-Identifier: MIT
"""Ways to boot the image, and the two ways it may end: halted and right, or a panic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import console
import esp
import grub
import image as image_file
import mb2
import oracle
import rom
import snapshot
import varstore
from image import Image
from intervals import Intervals, union
from machine import EXIT_PANIC, Machine

GRUB_SECONDS = {"bios": 60.0, "uefi": 120.0, "uefi32": 120.0}
ROM_SECONDS = 30.0
EFI_SECONDS = 120.0

MIB = 1 << 20


@dataclass(frozen=True)
class Module:
    """A module that the test ROM's loader has put somewhere."""

    address: int
    data: bytes
    text: str = ""

    @property
    def tag(self) -> bytes:
        """Its multiboot2 tag."""
        return mb2.module(self.address, self.address + len(self.data), self.text)


@dataclass(frozen=True)
class RomBoot:
    """One boot by the test ROM; every field has an honest default."""

    command: str = "then=halt"
    entries: Sequence[mb2.Entry] | None = None  # the map; None: a PC with all its RAM
    tags: Sequence[bytes] | None = None  # all tags, instead of command, map and modules
    extra: Sequence[bytes] = ()  # tags after those
    info: bytes | None = None  # the whole boot information, instead of tags
    usable: Intervals | None = None  # the truth, if it is not what `entries` say
    load: int = 2 * MIB
    info_at: int = 0x10000
    modules: Sequence[Module] = ()
    blobs: Sequence[tuple[int, bytes]] = ()
    memory: int = 256 * MIB
    cpu: str = "max"
    machine: str = "q35"
    firmware: rom.Firmware = field(default_factory=rom.Firmware)
    maxpage: int = 0x40000000
    ram_limit: int = 1 << 64

    def map_entries(self) -> list[mb2.Entry]:
        """The map that is handed over."""
        return mb2.standard_map(self.memory) if self.entries is None else list(self.entries)

    def blob(self) -> bytes:
        """The boot information."""
        if self.info is not None:
            return self.info
        tags = self.tags
        if tags is None:
            modules = [module.tag for module in self.modules]
            tags = [mb2.command_line(self.command), mb2.loader_name(), *modules]
            tags += [mb2.memory_map(self.map_entries())]
        return mb2.info([*tags, *self.extra])

    def truth(self) -> Intervals:
        """What firmware calls usable."""
        return self.usable if self.usable is not None else mb2.usable_bytes(self.map_entries())


@dataclass(frozen=True)
class Bench:
    """Where boots happen."""

    directory: Path
    iso: Path
    rom: bytes
    raw: bytes
    image: Image
    efi: bytes  # footing.efi
    grub_efi: bytes

    def by_grub(
        self,
        firmware: str,
        command: str,
        *,
        modules: Mapping[str, bytes] | None = None,
        memory: str = "256M",
        cpu: str = "max",
        args: Sequence[str] = (),
        machine: str = "q35",
        debug_exit: bool = True,
        vga: bool = True,
        module_word: str = "module2",
        name: str = "grub",
    ) -> Machine:
        """A machine that starts the image through GRUB."""
        place = self.directory / name
        place.mkdir(parents=True, exist_ok=True)
        grub.write_disk(place / "disk.tar", self.raw, command, modules or {}, module_word)
        return Machine(
            place,
            args=[*grub.qemu_args(firmware, self.iso, Path("disk.tar")), *args],
            memory=memory,
            cpu=cpu,
            machine=machine,
            debug_exit=debug_exit,
            vga=vga,
        )

    def by_rom(self, boot: RomBoot, *, debug_exit: bool = True, name: str = "rom") -> Machine:
        """A machine that starts the image through the test ROM."""
        place = self.directory / name
        place.mkdir(parents=True, exist_ok=True)
        entry = self.image.entry_at(boot.load, long_mode=boot.firmware.root != 0)
        blank = rom.compose(self.rom, boot.firmware, boot.info_at, entry)
        (place / "rom").write_bytes(blank)
        blobs = [(boot.load, self.image.data), (boot.info_at, boot.blob()), *boot.blobs]
        blobs += [(module.address, module.data) for module in boot.modules]
        args = ["-bios", "rom"]
        for i, (address, data) in enumerate(blobs):
            if data:
                (place / f"blob{i}").write_bytes(data)
                args += ["-device", f"loader,file=blob{i},addr={address:#x},force-raw=on"]
        return Machine(
            place,
            args=args,
            memory=f"{boot.memory // MIB}M",
            cpu=boot.cpu,
            machine=boot.machine,
            debug_exit=debug_exit,
        )

    def by_efi(
        self,
        *disks: esp.Files,
        memory: str = "256M",
        cpu: str = "max",
        args: Sequence[str] = (),
        machine: str = "q35",
        vga: bool = True,
        secure: bool = False,
        entries: Sequence[bytes] = (),
        name: str = "efi",
    ) -> Machine:
        """A machine whose UEFI firmware tries these disks in this order, or these boot entries."""
        place = self.directory / name
        place.mkdir(parents=True, exist_ok=True)
        for i, files in enumerate(disks):
            esp.write(place / f"disk{i}", files)
        store = None
        if entries:
            store = Path("variables")
            blank = esp.variables(secure).read_bytes()
            (place / store).write_bytes(varstore.with_boot_entries(blank, entries))
        return Machine(
            place,
            args=[*esp.qemu_args([f"disk{i}" for i in range(len(disks))], store, secure=secure), *args],
            memory=memory,
            cpu=cpu,
            machine=f"{machine},smm=on" if secure else machine,
            vga=vga,
        )

    def esp_files(self, options: str = "then=halt", *more: str) -> dict[str, bytes]:
        """What starts the image by itself, with these options."""
        return {esp.BOOT_EFI: self.efi, esp.BOOT_CFG: esp.config(options, *more)}

    def chainloading(self, script: Sequence[str], **files: bytes) -> dict[str, bytes]:
        """What starts GRUB, which prints the memory map and runs a script with /x/footing.efi."""
        result = esp.grub_files(self.grub_efi, [*esp.print_map(), *script])
        return {**result, "x/footing.efi": self.efi, **{f"x/{name}": data for name, data in files.items()}}

    def firmware_map(self, *, memory: str, cpu: str = "max", vga: bool = True) -> esp.FirmwareMap:
        """What the firmware of such a machine says of its memory, by GRUB's account."""
        with self.by_efi(
            self.chainloading(["halt"]), memory=memory, cpu=cpu, vga=vga, name="truth"
        ) as machine:
            machine.wait_exit(EFI_SECONDS)
            return read_firmware_map(machine)

    def rom_halts_right(self, boot: RomBoot) -> snapshot.Snapshot:
        """Boot by ROM to then=halt, and hold everything that must be true."""
        with self.by_rom(boot) as machine:
            machine.wait_halted(ROM_SECONDS)
            assert_ready(machine)
            taken = snapshot.take(
                machine,
                boot.truth(),
                maxpage=boot.maxpage,
                ram_limit=boot.ram_limit,
                modules=union((m.address, m.address + len(m.data)) for m in boot.modules),
            )
            oracle.hold(taken)
            for module in boot.modules:
                if module.data:
                    assert machine.read(module.address, len(module.data)) == module.data, "module changed"
            return taken

    def rom_panics(self, boot: RomBoot, *codes: str) -> str:
        """Boot by ROM; it must refuse with one of these codes. Its words."""
        with self.by_rom(boot) as machine:
            status = machine.wait_exit(ROM_SECONDS)
            words = assert_panic(machine, *codes)
            assert status == EXIT_PANIC, machine.fail(f"exit status {status}")
            return words


def make_bench(directory: Path, cache: Path, elf: Path, efi: Path) -> Bench:
    """A place to boot the image under test, by GRUB, the test ROM, or UEFI."""
    return Bench(
        directory=directory,
        iso=grub.iso(cache),
        rom=rom.assemble(cache),
        raw=elf.read_bytes(),
        image=image_file.load(elf),
        efi=efi.read_bytes(),
        grub_efi=esp.grub_image(cache).read_bytes(),
    )


def assert_ready(machine: Machine) -> None:
    """The last line for tools is `footing: ready`, and nothing panicked."""
    lines = [line for line in machine.serial.splitlines() if line.startswith("footing: ")]
    if not lines or lines[-1] != "footing: ready" or console.panics(machine.serial):
        raise machine.fail("halted, but not ready")


def assert_panic(machine: Machine, *codes: str) -> str:
    """One panic line, the last one, on COM1 and on port 0xe9 alike. Its words."""
    for text in (machine.serial, machine.debugcon):
        found = console.panics(text)
        if len(found) != 1 or found[0][0] not in codes:
            raise machine.fail(f"expected one panic of {codes}, got {found}")
        last = text.rstrip("\n").splitlines()[-1]
        if not last.startswith("footing: panic "):
            raise machine.fail(f"something follows the panic: {last!r}")
    return console.panics(machine.serial)[0][1]


def grub_halts_right(
    machine: Machine,
    firmware: str,
    *,
    maxpage: int = 0x40000000,
    ram_limit: int = 1 << 64,
    modules: Intervals | None = None,
) -> snapshot.Snapshot:
    """Take a machine that GRUB started to then=halt, and hold everything that must be true."""
    machine.wait_halted(GRUB_SECONDS[firmware])
    assert_ready(machine)
    usable = grub.parse_lsmmap(machine.serial)
    assert usable, machine.fail("GRUB printed no memory map")
    taken = snapshot.take(
        machine, usable, maxpage=maxpage, ram_limit=ram_limit, modules=modules
    )
    oracle.hold(taken)
    return taken


def read_firmware_map(machine: Machine) -> esp.FirmwareMap:
    """What GRUB printed before it started anything."""
    text, end, _ = machine.serial.partition(esp.MAP_END)
    assert end, machine.fail("GRUB did not get through its memory map")
    return esp.parse_lsefimmap(text)


def efi_halts_right(
    machine: Machine,
    firmware: esp.FirmwareMap | None = None,
    *,
    maxpage: int = 0x40000000,
) -> snapshot.Snapshot:
    """Take a machine that UEFI started to then=halt, and hold everything that must be true."""
    machine.wait_halted(EFI_SECONDS)
    assert_ready(machine)
    firmware = firmware or read_firmware_map(machine)
    taken = snapshot.take(
        machine,
        firmware.usable,
        maxpage=maxpage,
        runtime=firmware.runtime,
        runtime_code=firmware.runtime_code,
    )
    oracle.hold(taken)
    return taken
