/* SPDX-License-Identifier: MIT */
#include "runtime.h"

#include "efi_services.h"
#include "load.h"

typedef uint64_t(__attribute__((ms_abi)) * get_time)(struct runtime_time *time, void *capabilities);
typedef uint64_t(__attribute__((ms_abi)) * get_variable)(const uint16_t *name, const uint8_t *guid,
                                                         uint32_t *attributes, uint64_t *size,
                                                         void *data);

_Static_assert(sizeof(struct runtime_time) == 16, "as UEFI has it");

uint64_t runtime_va(const struct efi_runtime *runtime, uint64_t pa)
{
    for (size_t i = 0; i < runtime->count; i++) {
        const struct mapping *m = &runtime->mappings[i];

        if (pa - m->pa < m->len)
            return m->va + (pa - m->pa);
    }
    return 0;
}

const void *runtime_table(const struct efi_runtime *runtime, uint64_t system_table)
{
    uint64_t va = runtime_va(runtime, system_table);

    /* Its own pointers have been converted to virtual addresses. */
    return va ? (const void *)load64((const uint8_t *)va + SYSTEM_RUNTIME_SERVICES) : NULL;
}

static uint64_t function(const void *table, unsigned offset)
{
    return load64((const uint8_t *)table + offset);
}

uint64_t runtime_get_time(const void *table, struct runtime_time *time)
{
    return ((get_time)function(table, RUNTIME_GET_TIME))(time, NULL);
}

uint64_t runtime_get_variable(const void *table, const uint16_t *name, const uint8_t *guid,
                              uint64_t *size, void *data)
{
    return ((get_variable)function(table, RUNTIME_GET_VARIABLE))(name, guid, NULL, size, data);
}
