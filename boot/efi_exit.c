/* SPDX-License-Identifier: MIT */
#include "efi.h"

static struct error failed(const char *call, uint64_t status)
{
    return (struct error){.code = ERR_EFI, .value = status, .text = call};
}

struct error efi_exit(const struct efi_exit_calls *calls, struct efi_map *map)
{
    for (unsigned tries = 0; tries < EFI_EXIT_TRIES; tries++) {
        uint64_t status;

        map->size = map->room;
        status = calls->get_memory_map(calls->ctx, map);
        if (status != EFI_SUCCESS)
            return failed("GetMemoryMap", status);
        if (map->size > map->room)
            return failed("GetMemoryMap: a map larger than its buffer", status);
        status = calls->exit_boot_services(calls->ctx, map->key);
        if (status == EFI_SUCCESS)
            return SUCCESS;
        /* Only a stale key is worth another try. */
        if (status != EFI_INVALID_PARAMETER)
            return failed("ExitBootServices", status);
    }
    return failed("ExitBootServices", EFI_INVALID_PARAMETER);
}
