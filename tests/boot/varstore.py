# SPDX-License-Identifier: MIT
"""Boot entries written into OVMF's variable store, as `efibootmgr` would have made them."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Sequence

_GLOBAL = uuid.UUID("8be4df61-93ca-11d2-aa0d-00e098032b8c").bytes_le
_STORE = uuid.UUID("aaf32c78-947b-439a-a180-2e144ec37792").bytes_le  # authenticated variables
_STORE_HEADER = 28
_START, _ADDED, _DELETED = 0x55AA, 0x3F, 0x3C
_NON_VOLATILE_BOOT_RUNTIME = 7
_ACTIVE = 1


def load_option(path: str, data: bytes) -> bytes:
    """An EFI_LOAD_OPTION of a file on whichever disk has it, with OptionalData."""
    name = path.encode("utf-16-le") + b"\0\0"
    nodes = struct.pack("<BBH", 4, 4, 4 + len(name)) + name + struct.pack("<BBH", 0x7F, 0xFF, 4)
    description = "footing-test".encode("utf-16-le") + b"\0\0"
    return struct.pack("<IH", _ACTIVE, len(nodes)) + description + nodes + data


def with_boot_entries(store: bytes, options: Sequence[bytes]) -> bytes:
    """OVMF_VARS*.fd, with these as all its boot entries, in this order."""
    start = store.index(_STORE)
    size, = struct.unpack_from("<I", store, start + 16)
    result = bytearray(store)
    at = start + _STORE_HEADER
    while struct.unpack_from("<H", store, at)[0] == _START:
        name_size, data_size = struct.unpack_from("<II", store, at + 36)
        if store[at + 60 : at + 60 + name_size].decode("utf-16-le").startswith("Boot"):
            result[at + 2] = _DELETED
        at = _aligned(at + 60 + name_size + data_size)
    order = struct.pack(f"<{len(options)}H", *range(len(options)))
    for name, data in [*((f"Boot{i:04X}", each) for i, each in enumerate(options)), ("BootOrder", order)]:
        text = name.encode("utf-16-le") + b"\0\0"
        header = struct.pack("<HBBI", _START, _ADDED, 0, _NON_VOLATILE_BOOT_RUNTIME) + bytes(28)
        header += struct.pack("<II", len(text), len(data)) + _GLOBAL
        entry = header + text + data
        assert at + len(entry) < start + size, "the store is full"
        result[at : at + len(entry)] = entry
        at = _aligned(at + len(entry))
    return bytes(result)


def _aligned(at: int) -> int:
    return -(-at // 4) * 4
