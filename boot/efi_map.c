/* SPDX-License-Identifier: MIT */
#include "efi_map.h"

#include "load.h"
#include "print.h"

/* EFI_MEMORY_DESCRIPTOR, UEFI 2.10 section 7.2.3; newer firmware may append to it. */
#define DESC_TYPE      0
#define DESC_PHYS      8
#define DESC_PAGES     24
#define DESC_ATTRIBUTE 32
#define DESC_SIZE      40

/* EFI_MEMORY_TYPE, table 7-10. */
enum {
    EFI_LOADER_CODE = 1,
    EFI_LOADER_DATA = 2,
    EFI_BOOT_CODE = 3,
    EFI_BOOT_DATA = 4,
    EFI_RUNTIME_CODE = 5,
    EFI_RUNTIME_DATA = 6,
    EFI_CONVENTIONAL = 7,
    EFI_UNUSABLE = 8,
    EFI_ACPI_RECLAIM = 9,
    EFI_ACPI_NVS = 10,
    EFI_MMIO = 11,
    EFI_MMIO_PORTS = 12,
    EFI_PERSISTENT = 14,
    EFI_UNACCEPTED = 15
};

#define EFI_MEMORY_WB      UINT64_C(0x0000000000000008)
#define EFI_MEMORY_SP      UINT64_C(0x0000000000040000)
#define EFI_MEMORY_RUNTIME UINT64_C(0x8000000000000000)

static enum mem_type free_type(uint64_t attribute)
{
    if (attribute & EFI_MEMORY_RUNTIME)
        return MEM_RUNTIME_DATA;
    if (!(attribute & EFI_MEMORY_WB))
        return MEM_RESERVED;
    return (attribute & EFI_MEMORY_SP) ? MEM_SOFT_RESERVED : MEM_USABLE;
}

enum mem_type efi_mem_type(uint32_t type, uint64_t attribute)
{
    switch (type) {
    case EFI_LOADER_CODE:
    case EFI_LOADER_DATA:
    case EFI_BOOT_CODE:
    case EFI_BOOT_DATA:
    case EFI_CONVENTIONAL:
        return free_type(attribute);
    case EFI_RUNTIME_CODE:
        return MEM_RUNTIME_CODE;
    case EFI_RUNTIME_DATA:
        return MEM_RUNTIME_DATA;
    case EFI_UNUSABLE:
        return MEM_UNUSABLE;
    case EFI_ACPI_RECLAIM:
        return MEM_ACPI_DATA;
    case EFI_ACPI_NVS:
        return MEM_ACPI_NVS;
    case EFI_MMIO:
    case EFI_MMIO_PORTS:
        return MEM_MMIO;
    case EFI_PERSISTENT:
        return MEM_PERSISTENT;
    case EFI_UNACCEPTED:
        return MEM_UNACCEPTED;
    default:
        return MEM_RESERVED;
    }
}

struct error efi_map_ranges(const void *map, uint64_t size, uint64_t descriptor_size,
                            uint32_t version, const struct range_sink *sink)
{
    const uint8_t *at = map;
    struct error err = SUCCESS;

    if (version != EFI_DESCRIPTOR_VERSION)
        return (struct error){.code = ERR_MAPENTRY,
                              .value = version,
                              .text =
                                  message("UEFI's map has descriptors of version %u, known is %u",
                                          version, EFI_DESCRIPTOR_VERSION)};
    if (descriptor_size < DESC_SIZE || descriptor_size % 8 != 0 || size % descriptor_size != 0)
        return (struct error){.code = ERR_MAPENTRY,
                              .at = size,
                              .value = descriptor_size,
                              .text = message("UEFI's map has descriptors of %lu bytes, in 0x%lx: "
                                              "they are to be 40 or more, a multiple of 8, and to "
                                              "fill it",
                                              descriptor_size, size)};
    for (uint64_t left = size; left > 0 && !err.code; left -= descriptor_size) {
        uint32_t type = load32(at + DESC_TYPE);
        uint64_t base = load64(at + DESC_PHYS);
        uint64_t pages = load64(at + DESC_PAGES);
        uint64_t len;

        if (__builtin_mul_overflow(pages, UINT64_C(4096), &len))
            return (struct error){
                .code = ERR_MAPENTRY,
                .at = base,
                .value = pages,
                .text = message("UEFI's map has 0x%lx pages at 0x%lx, more than 64 bits of bytes",
                                pages, base)};
        err =
            sink->add(sink->ctx, base, len, efi_mem_type(type, load64(at + DESC_ATTRIBUTE)), type);
        at += descriptor_size;
    }
    return err;
}
