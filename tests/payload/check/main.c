/* SPDX-License-Identifier: MIT */
#include "check.h"

const struct footing_info *info;

/* From _start in entry.S. */
uint64_t check_main(const struct footing_info *given);

static void check_all(bool bss_is_zero)
{
    bool every = has_word("full");

    check_info();
    check_state();
    check_memory();
    check_foreign();
    check_tables();
    check_segments(bss_is_zero);
    check_loader();
    check_pmap();
    check_small_stack();
    check_screen();
    check_modules("modules are whole");
    check_efi();
    if (promises_broken == 0) {
        write_free_memory(every);
        verify_free_memory(every);
    }
    check_reclaim();
    /* All that was written went to free memory: nothing else has changed. */
    check_modules("modules are whole, when free memory has been written");
    check_info();
    check_tables();
}

uint64_t check_main(const struct footing_info *given)
{
    bool bss_is_zero = zero_behind_file();

    __asm__ volatile("" : : : "memory");
    info = given;
    if (has_word("fault"))
        __asm__ volatile("ud2");
    if (has_word("return"))
        return 0xf001;
    check_all(bss_is_zero);
    say("payload: %u promises held, %u broken", promises_held, promises_broken);
    info->calls->finish(promises_broken == 0);
    return 0;
}
