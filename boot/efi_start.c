/* SPDX-License-Identifier: MIT */
#include "efi_start.h"

#include "console.h"
#include "efi_load.h"
#include "efi_services.h"

struct error efi_start(struct efi *efi, struct facts *facts)
{
    struct error err;

    efi_goes_back(efi);
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
