/* SPDX-License-Identifier: MIT */
/* Leaving UEFI's boot services (UEFI 2.10 sections 7.2.3 and 7.4.6). */
#ifndef EFI_H
#define EFI_H

#include <stdint.h>

#include "facts.h"

#define EFI_SUCCESS           UINT64_C(0)
#define EFI_ERROR             UINT64_C(0x8000000000000000)
#define EFI_INVALID_PARAMETER (EFI_ERROR | 2)
#define EFI_BUFFER_TOO_SMALL  (EFI_ERROR | 5)

/* Firmware that changes its map behind every call is given up on after so many. */
#define EFI_EXIT_TRIES 64

/* As GetMemoryMap leaves it; `map` holds `room` bytes, of which `size` are in use. */
struct efi_map {
    void *map;
    uint64_t room;
    uint64_t size;
    uint64_t key;
    uint64_t descriptor_size;
    uint32_t version;
};

/* The two calls, injected so that a mock firmware can stand in. Return EFI_STATUS. */
struct efi_exit_calls {
    void *ctx;
    uint64_t (*get_memory_map)(void *ctx, struct efi_map *map);
    uint64_t (*exit_boot_services)(void *ctx, uint64_t key);
};

/*
 * Take the map and leave boot services; if the map's key has changed between
 * the two, take it again. After the first attempt to leave, no other service
 * is called. ERR_EFI: text = the call that failed, value = its status.
 */
struct error efi_exit(const struct efi_exit_calls *calls, struct efi_map *map);

/*
 * The same with the live firmware of facts, through firmware_call(); on
 * return boot services are gone, and the map's ranges have gone to the sink.
 */
struct error efi_leave(struct facts *facts, const struct range_sink *sink);

#endif
