/* SPDX-License-Identifier: MIT */
/* UEFI's runtime services after the hand-over, at the addresses that they were told. */
#ifndef RUNTIME_H
#define RUNTIME_H

#include "efi_runtime.h"

/* EFI_TIME, UEFI 2.10 section 8.3. */
struct runtime_time {
    uint16_t year;
    uint8_t month, day, hour, minute, second;
    uint8_t padding;
    uint32_t nanosecond;
    int16_t time_zone;
    uint8_t daylight;
    uint8_t padding2;
};

/* Where a physical address of theirs is mapped; 0: it is not. */
uint64_t runtime_va(const struct efi_runtime *runtime, uint64_t pa);

/*
 * The table of runtime services, from the system table's physical address:
 * on the final tables, with all that efi_place_runtime() found mapped. Null:
 * the runtime services are not mapped.
 */
const void *runtime_table(const struct efi_runtime *runtime, uint64_t system_table);

/* GetTime and GetVariable (sections 8.3 and 8.2); return EFI_STATUS. */
uint64_t runtime_get_time(const void *table, struct runtime_time *time);
uint64_t runtime_get_variable(const void *table, const uint16_t *name, const uint8_t *guid,
                              uint64_t *size, void *data);

#endif
