# SPDX-License-Identifier: MIT
"""EFI tables as a firmware leaves them in RAM, for a loader that has left boot services (Limine does)."""

from __future__ import annotations

import struct
import uuid
from dataclasses import dataclass

import mb2
from boots import MIB
from intervals import Intervals

_SIGNATURE = b"IBI SYST"
_ESRT = uuid.UUID("b122a263-3661-4f68-9929-78f8b0d62180")
_ACPI_2 = uuid.UUID("8868e871-e4f1-11d3-bc22-0080c73c8881")
_SMBIOS_2 = uuid.UUID("eb9d2d31-2d88-11d3-9a16-0090273fc14d")
_SMBIOS_3 = uuid.UUID("f2fd1544-9794-4a2c-992e-e5bbcf20e394")

# EFI memory types and attributes.
_BOOT_DATA, _RUNTIME_DATA, _CONVENTIONAL, _ACPI_RECLAIM = 4, 6, 7, 9
_WB, _RUNTIME = 8, 1 << 63

# Where things lie in a machine of 256 MiB. Page tables come from 1 MiB on, and so meet what is free.
TOP = 256 * MIB
ESRT = 0x1FB000
LOGO = 0x1FD000
_ACPI = 0xE000000
_SYSTEM = 0xE010000
SMBIOS_3 = _SYSTEM + 0x800
SMBIOS_2 = _SYSTEM + 0x840
_XSDT, _BGRT = _ACPI + 0x100, _ACPI + 0x200

USABLE: Intervals = [(0, 0xA0000), (MIB, _ACPI), (_SYSTEM + 0x10000, TOP)]


def _summed(raw: bytes, at: int, of: int) -> bytes:
    """The same with a byte that makes the first `of` add up to 0."""
    return raw[:at] + bytes([-sum(raw[:of]) % 256]) + raw[at + 1 :]


def _acpi(signature: bytes, body: bytes) -> bytes:
    size = 36 + len(body)
    header = struct.pack("<4sIBB6s8sIII", signature, size, 1, 0, b"FOOTIN", b"FOOTTEST", 1, 1, 1)
    return _summed(header + body, 9, size)


@dataclass(frozen=True)
class Tables:
    """All of them, with changes for what is to be nonsense."""

    system_table: int = _SYSTEM  # as the loader says
    signature: bytes = _SIGNATURE
    esrt: int = ESRT  # as the firmware's table says
    tables: int = _SYSTEM + 0x100

    @property
    def contents(self) -> dict[int, bytes]:
        """What is to survive, by its address."""
        esrt = struct.pack("<IIQ", 3, 3, 1) + bytes(range(40)) * 3
        logo = b"BM" + struct.pack("<I", 0x2345) + b"\xc3" * (0x2345 - 6)
        return {ESRT: esrt, LOGO: logo}

    @property
    def blobs(self) -> list[tuple[int, bytes]]:
        """All that is in RAM."""
        guids = [(_ESRT, self.esrt), (_ACPI_2, _ACPI), (_SMBIOS_3, SMBIOS_3), (_SMBIOS_2, SMBIOS_2)]
        system = self.signature + struct.pack("<IIII", 2 << 16 | 100, 120, 0, 0)
        system = system.ljust(104, b"\0") + struct.pack("<QQ", len(guids), self.tables)
        rsdp = b"RSD PTR \0FOOTIN\2" + struct.pack("<IIQI", 0, 36, _XSDT, 0)
        rsdp = _summed(_summed(rsdp, 8, 20), 32, 36)
        bgrt = _acpi(b"BGRT", struct.pack("<HBBQII", 1, 1, 0, LOGO, 0, 0))
        smbios_3 = _summed(b"_SM3_" + struct.pack("<BBBBBBBIQ", 0, 24, 3, 7, 0, 1, 0, 0, 0), 5, 24)
        smbios_2 = _summed(b"_SM_" + struct.pack("<BBBB", 0, 31, 2, 8) + bytes(23), 4, 31)
        return [
            *self.contents.items(),
            (_SYSTEM, system), (_SYSTEM + 0x100, b"".join(g.bytes_le + struct.pack("<Q", at) for g, at in guids)),
            (_ACPI, rsdp), (_XSDT, _acpi(b"XSDT", struct.pack("<Q", _BGRT))), (_BGRT, bgrt),
            (SMBIOS_3, smbios_3), (SMBIOS_2, smbios_2),
        ]  # fmt: skip

    @property
    def tags(self) -> list[bytes]:
        """Multiboot2 tags 12 and 17, and no tag 18: boot services are gone."""
        pieces = [
            (_CONVENTIONAL, 0, 0xA0000, _WB),
            (_CONVENTIONAL, MIB, ESRT, _WB),
            (_BOOT_DATA, ESRT, 2 * MIB, _WB),
            (_CONVENTIONAL, 2 * MIB, _ACPI, _WB),
            (_ACPI_RECLAIM, _ACPI, _SYSTEM, _WB),
            (_RUNTIME_DATA, _SYSTEM, _SYSTEM + 0x10000, _WB | _RUNTIME),
            (_CONVENTIONAL, _SYSTEM + 0x10000, TOP, _WB),
        ]
        descriptors = [(kind, start, (end - start) >> 12, attributes) for kind, start, end, attributes in pieces]
        return [mb2.efi64(self.system_table), mb2.efi_map(descriptors)]
