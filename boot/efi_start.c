/* SPDX-License-Identifier: MIT */
#include "efi_start.h"

#include "console.h"
#include "efi_load.h"
#include "panic.h"
#include "pmap.h"
#include "x86.h"

/* EFI_ALLOCATE_TYPE and EFI_MEMORY_TYPE, UEFI 2.10 section 7.2.1. */
#define ALLOCATE_ANY_PAGES 0
#define LOADER_DATA        2

/* Who is to be given back what was taken, if the boot fails. */
static struct efi *started;

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

void efi_return(struct efi *efi, uint64_t status)
{
    while (efi->nkept > 0)
        efi_free(efi, &(struct efi_buffer){efi->kept[0].base, efi->kept[0].size});
    if (efi->volume)
        efi_close_volume(efi);
    EFI_CALL(efi->boot_services, BOOT_EXIT, efi->image_handle, status, 0, 0);
}

uint64_t efi_status_of(const struct error *err)
{
    switch (err->code) {
    case ERR_EFI:
    case ERR_FILE:
        return (err->value & EFI_ERROR) ? err->value : EFI_LOAD_ERROR;
    case ERR_VERIFY:
        return EFI_SECURITY_VIOLATION;
    case ERR_OPTION:
    case ERR_CMDLINE:
    case ERR_CONFIG:
        return EFI_INVALID_PARAMETER;
    case ERR_PAYLOAD:
        return EFI_UNSUPPORTED;
    default:
        return EFI_LOAD_ERROR;
    }
}

static void back_to_firmware(const struct error *err)
{
    console_firmware(NULL);
    efi_console_linger(started);
    efi_return(started, efi_status_of(err));
}

struct error efi_start(struct efi *efi, struct facts *facts)
{
    struct error err;

    started = efi;
    panic_returns(back_to_firmware);
    /* Large files take their time. */
    EFI_CALL(efi->boot_services, BOOT_SET_WATCHDOG_TIMER, 0);
    console_start(CONSOLE_DEFAULT, CONSOLE_BAUD, CONSOLE_BAUD);
    efi_console_start(efi);
    console_firmware(efi_console_putc);
    err = efi_find_image(efi);
    if (!err.code)
        err = efi_load(efi, facts);
    facts->efi_system_table = efi->system_table;
    facts->efi_image_handle = efi->image_handle;
    return err;
}
