/* SPDX-License-Identifier: MIT */
/* Memory of the live firmware, for what is loaded; kept track of, to be given back if the boot fails. */
#include "efi_services.h"
#include "pmap.h"
#include "x86.h"

/* EFI_ALLOCATE_TYPE and EFI_MEMORY_TYPE, UEFI 2.10 section 7.2.1. */
#define ALLOCATE_ANY_PAGES 0
#define LOADER_DATA        2

static uint64_t pages_of(uint64_t size)
{
    return (size >> PAGE_SHIFT) + ((size & PAGE_MASK) != 0);
}

struct error efi_allocate(struct efi *efi, uint64_t size, struct efi_buffer *buffer)
{
    uint64_t base = 0;
    uint64_t status = EFI_OUT_OF_RESOURCES;

    if (efi->nkept < EFI_BUFFERS_MAX)
        status = EFI_CALL(efi->boot_services, BOOT_ALLOCATE_PAGES, ALLOCATE_ANY_PAGES, LOADER_DATA,
                          pages_of(size), image_pa(&base));
    if (status != EFI_SUCCESS)
        return efi_failed("AllocatePages", status);
    *buffer = (struct efi_buffer){base, size};
    efi->kept[efi->nkept++] = *buffer;
    return SUCCESS;
}

/* What cannot be freed stays with the firmware: there is nobody to tell. */
void efi_free(struct efi *efi, const struct efi_buffer *buffer)
{
    for (size_t i = 0; i < efi->nkept; i++) {
        if (efi->kept[i].base != buffer->base)
            continue;
        EFI_CALL(efi->boot_services, BOOT_FREE_PAGES, buffer->base, pages_of(buffer->size));
        efi->kept[i] = efi->kept[--efi->nkept];
        return;
    }
}
