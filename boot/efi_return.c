/* SPDX-License-Identifier: MIT */
/* The way back: a boot that fails while the firmware lives ends there, not here. */
#include "console.h"
#include "efi_services.h"
#include "panic.h"

/* Who is to be given back what was taken, if the boot fails. */
static struct efi *alive;

void efi_close_volume(struct efi *efi)
{
    EFI_CALL(efi->volume, FILE_CLOSE, efi->volume);
    efi->volume = 0;
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
    case ERR_NORAM:
    case ERR_NOFRAMES:
    case ERR_FOREIGN:
        return EFI_OUT_OF_RESOURCES;
    default:
        return EFI_LOAD_ERROR;
    }
}

static void back_to_firmware(const struct error *err)
{
    efi_linger(alive);
    console_firmware(NULL);
    efi_return(alive, efi_status_of(err));
}

void efi_goes_back(struct efi *efi)
{
    alive = efi;
    panic_returns(back_to_firmware);
}
