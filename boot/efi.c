/* SPDX-License-Identifier: MIT */
#include "efi.h"

#include "efi_map.h"
#include "firmware.h"
#include "load.h"
#include "pmap.h"

_Static_assert(offsetof(struct firmware_state, image) == FIRMWARE_IMAGE, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, root) == FIRMWARE_ROOT, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, cr0) == FIRMWARE_CR0, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, cr4) == FIRMWARE_CR4, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, rsp) == FIRMWARE_RSP, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, flags) == FIRMWARE_FLAGS, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, gdtr) == FIRMWARE_GDTR, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, cs) == FIRMWARE_CS, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, ss) == FIRMWARE_SS, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, ds) == FIRMWARE_DS, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, idtr) == FIRMWARE_IDTR, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, es) == FIRMWARE_ES, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, own_root) == FIRMWARE_OWN_ROOT, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, own_rsp) == FIRMWARE_OWN_RSP, "as in firmware.h");
_Static_assert(sizeof(struct firmware_state) == FIRMWARE_SIZE, "as in firmware.h");

/* EFI_SYSTEM_TABLE and EFI_BOOT_SERVICES, UEFI 2.10 sections 4.3.1 and 4.4.1. */
#define SYSTEM_TABLE_BOOT_SERVICES       96
#define BOOT_SERVICES_GET_MEMORY_MAP     56
#define BOOT_SERVICES_EXIT_BOOT_SERVICES 232

/* Room for 4,096 descriptors of 48 bytes; static, so that taking the map does not change it. */
#define MAP_ROOM (4096 * 48)

/* Some firmware writes past what it asked for: it gets less than there is. */
#define MAP_SLACK 256

static uint8_t map_bytes[MAP_ROOM + MAP_SLACK] __attribute__((aligned(16)));

struct live {
    uint64_t get_memory_map; /* physical addresses of the functions */
    uint64_t exit_boot_services;
    uint64_t image_handle;
};

/* A pointer somewhere in firmware's memory. */
static uint64_t read_pointer(uint64_t pa)
{
    const uint8_t *at = pmap_map(pa, sizeof(uint64_t));
    uint64_t value = load64(at);

    pmap_unmap(at);
    return value;
}

static uint64_t live_get_memory_map(void *ctx, struct efi_map *map)
{
    const struct live *live = ctx;
    const uint64_t args[FIRMWARE_ARGS] = {
        image_pa(&map->size),    image_pa(map->map),
        image_pa(&map->key),     image_pa(&map->descriptor_size),
        image_pa(&map->version),
    };

    return firmware_call(live->get_memory_map, args);
}

static uint64_t live_exit_boot_services(void *ctx, uint64_t key)
{
    const struct live *live = ctx;
    const uint64_t args[FIRMWARE_ARGS] = {live->image_handle, key};

    return firmware_call(live->exit_boot_services, args);
}

struct error efi_leave(struct facts *facts, const struct range_sink *sink)
{
    static struct efi_map map = {.map = map_bytes, .room = MAP_ROOM};
    struct live live;
    struct error err;

    if (!facts->efi_system_table || !facts->efi_image_handle)
        return (struct error){.code = ERR_EFI, .text = "no system table or image handle given"};

    uint64_t services = read_pointer(facts->efi_system_table + SYSTEM_TABLE_BOOT_SERVICES);
    live = (struct live){
        .get_memory_map = read_pointer(services + BOOT_SERVICES_GET_MEMORY_MAP),
        .exit_boot_services = read_pointer(services + BOOT_SERVICES_EXIT_BOOT_SERVICES),
        .image_handle = facts->efi_image_handle,
    };

    const struct efi_exit_calls calls = {&live, live_get_memory_map, live_exit_boot_services};
    err = efi_exit(&calls, &map);
    if (err.code)
        return err;
    facts->efi_boot_services = false;
    return efi_map_ranges(map.map, map.size, map.descriptor_size, map.version, sink);
}
