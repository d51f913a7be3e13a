/* SPDX-License-Identifier: MIT */
/*
 * The boot manager that a failed boot goes back to often clears the screen at
 * once: the line that says why must stay until somebody has read it.
 */
#include "console.h"
#include "efi_services.h"
#include "pmap.h"

/* EFI_SIMPLE_TEXT_INPUT_PROTOCOL, UEFI 2.10 section 12.3: a key is two words. */
#define INPUT_READ_KEY 8
#define KEY_WORDS      2

/* 10 seconds; a key is looked for so often that nobody notices. */
#define STEP  UINT64_C(50000) /* microseconds */
#define STEPS 200u

/* More keys than anybody can have pressed before: an input that never ends is none. */
#define OLD_KEYS_MAX 64u

static bool take_key(uint64_t input)
{
    uint16_t key[KEY_WORDS] = {0};

    return input && EFI_CALL(input, INPUT_READ_KEY, input, image_pa(key)) == EFI_SUCCESS;
}

/* Keys that were pressed before there was anything to read do not count. False: no end of them. */
static bool drop_old_keys(uint64_t input)
{
    for (unsigned i = 0; i < OLD_KEYS_MAX; i++) {
        if (!take_key(input))
            return true;
    }
    return false;
}

void efi_linger(const struct efi *efi)
{
    uint64_t input = efi_read64(efi->system_table + SYSTEM_CON_IN);

    if (!efi_console_has_display(efi))
        return;
    if (!drop_old_keys(input))
        input = 0;
    log_print(LOG_ALWAYS, "footing: %swait 10 seconds, and the boot manager goes on\n",
              input ? "press a key, or " : "");
    for (unsigned i = 0; i < STEPS && !take_key(input); i++)
        EFI_CALL(efi->boot_services, BOOT_STALL, STEP);
}
