/* SPDX-License-Identifier: MIT */
/* Before and while the firmware is left: what it knows, its map, its runtime services. */
#ifndef EFI_H
#define EFI_H

#include <stdint.h>

#include "efi_runtime.h"
#include "efi_services.h"
#include "facts.h"

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
 * Take the map and leave boot services (UEFI 2.10 sections 7.2.3, 7.4.6); if
 * the map's key has changed between the two, take it again. After the first
 * attempt to leave, no other service is called. ERR_EFI: text = the call that
 * failed, value = its status.
 */
struct error efi_exit(const struct efi_exit_calls *calls, struct efi_map *map);

/*
 * What the live firmware's tables and protocols say: RSDP, framebuffer, and
 * what must be kept that lies in memory that firmware gives away (the ESRT,
 * the boot logo). Facts that are there already stay.
 */
void efi_describe(const struct efi *efi, struct facts *facts);

/*
 * The same of a firmware whose boot services a loader has left: what its
 * tables say, but nothing of its protocols. Of its memory only what the
 * normalised map has is read. A system table that is none gives a line, and
 * facts are without it from then on.
 */
void efi_describe_left(const struct memmap *map, struct facts *facts);

/*
 * The first graphics output with a framebuffer that text can be drawn on; if
 * there is none, the first output of all, with what is wrong with it
 * (framebuffer_flaw()). No output: as it was.
 */
void efi_find_framebuffer(const struct efi *efi, struct framebuffer *fb);

/* Leave the live firmware; its map's ranges go to the sink, the map stays here. */
struct error efi_leave(const struct efi *efi, const struct range_sink *sink);

/*
 * The firmware's map as it is now, or as it was when boot services were left:
 * its ranges go to the sink. Whatever is called next may change it.
 */
struct error efi_look(const struct efi *efi, const struct range_sink *sink);

/* Has it been tried to leave boot services? No other service may be called then. */
bool efi_has_left(void);

/* The map as it was when boot services were left; size 0: they were not left by us. */
const struct efi_map *efi_final_map(void);

/*
 * The mappings that the runtime services would need, by the map that
 * efi_look() or efi_leave() has taken last; the firmware is not told. False:
 * there are none; if that has a reason, runtime->why says it.
 */
bool efi_plan_runtime(const struct efi *efi, const struct mtrr_state *mtrr, uint64_t window,
                      uint64_t window_size, unsigned max_level, struct efi_runtime *runtime);

/*
 * After efi_leave(): give the runtime services their place in [window, window
 * + size), say so to the firmware (SetVirtualAddressMap, called in the
 * firmware's own tables), and find the mappings that they need from then on.
 * Where that is not possible, or the firmware refuses, nothing is mapped, the
 * boot goes on without them, and runtime->why and a line say why.
 */
void efi_place_runtime(const struct efi *efi, const struct mtrr_state *mtrr, uint64_t window,
                       uint64_t window_size, unsigned max_level, struct efi_runtime *runtime);

#endif
