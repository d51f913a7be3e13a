/* SPDX-License-Identifier: MIT */
#include "efi.h"

#include "console.h"
#include "efi_map.h"
#include "load.h"
#include "panic.h"
#include "pmap.h"
#include "print.h"

/* Room for 4,096 descriptors of 48 bytes; static, so that taking the map does not change it. */
#define MAP_ROOM (4096 * 48)

/* Some firmware writes past what it asked for: it gets less than there is. */
#define MAP_SLACK 256

/* Room for the descriptors of runtime regions; firmware whose descriptors are larger has fewer. */
#define RUNTIME_BYTES ((EFI_RUNTIME_REGIONS + 1) * 64)

/* EFI_MEMORY_ATTRIBUTES_TABLE (UEFI 2.10 section 4.6.4): 16 bytes, then descriptors. */
#define ATTRIBUTES_HEADER 16
#define ATTRIBUTES_COUNT  4
#define ATTRIBUTES_SIZE   8

/* EFI_RT_PROPERTIES_TABLE (section 4.6.2). */
#define PROPERTIES_LENGTH   2
#define PROPERTIES_SERVICES 4
#define PROPERTIES_SIZE     8
#define SERVES_ADDRESS_MAP  UINT32_C(0x80)

static const uint8_t properties_table[EFI_GUID_SIZE] = {
    0x8a, 0x91, 0x66, 0xeb, 0xef, 0x7e, 0x2a, 0x40, 0x84, 0x2e, 0x93, 0x1d, 0x21, 0xc3, 0x8a, 0xe9};
static const uint8_t attributes_table[EFI_GUID_SIZE] = {
    0x1d, 0x91, 0xfa, 0xdc, 0xeb, 0x26, 0x9f, 0x46, 0xa2, 0x20, 0x38, 0xb7, 0xdc, 0x46, 0x12, 0x20};

static uint8_t map_bytes[MAP_ROOM + MAP_SLACK] __attribute__((aligned(16)));
static struct efi_map map = {.map = map_bytes, .room = MAP_ROOM};
static bool map_is_good;
static bool leaving;

/* The regions that the runtime services live in. */
static uint8_t regions[RUNTIME_BYTES] __attribute__((aligned(8)));
static size_t regions_size;

static uint64_t live_get_memory_map(void *ctx, struct efi_map *taken)
{
    const struct efi *efi = ctx;

    uint64_t status = EFI_SERVICE(efi, BOOT_GET_MEMORY_MAP, image_pa(&taken->size),
                                  image_pa(taken->map), image_pa(&taken->key),
                                  image_pa(&taken->descriptor_size), image_pa(&taken->version));

    map_is_good = status == EFI_SUCCESS && taken->size <= taken->room;
    return status;
}

static uint64_t live_exit_boot_services(void *ctx, uint64_t key)
{
    const struct efi *efi = ctx;

    /* From the first attempt on there is no way back, nor anybody to print. */
    panic_returns(NULL);
    leaving = true;
    console_firmware(NULL);
    return EFI_SERVICE(efi, BOOT_EXIT_BOOT_SERVICES, efi->image_handle, key);
}

struct error efi_leave(const struct efi *efi, const struct range_sink *sink)
{
    const struct efi_exit_calls calls = {(void *)(uintptr_t)efi, live_get_memory_map,
                                         live_exit_boot_services};
    struct error err = efi_exit(&calls, &map);

    if (err.code)
        return err;
    return efi_map_ranges(map.map, map.size, map.descriptor_size, map.version, sink);
}

bool efi_has_left(void)
{
    return leaving;
}

struct error efi_look(const struct efi *efi, const struct range_sink *sink)
{
    uint64_t status = EFI_SUCCESS;

    if (!leaving) {
        map.size = map.room;
        status = live_get_memory_map((void *)(uintptr_t)efi, &map);
    }
    if (!map_is_good)
        return efi_failed("GetMemoryMap", status);
    return efi_map_ranges(map.map, map.size, map.descriptor_size, map.version, sink);
}

const struct efi_map *efi_final_map(void)
{
    return &map;
}

/*
 * The Memory Attributes Table, mapped, or null if there is none; of one that is
 * larger than can be, its header. Why there is one that cannot be mapped, and
 * where it stands; null: nothing is wrong.
 */
static const char *map_attributes(const struct efi *efi, const void **mapped, size_t *len,
                                  uint64_t *at)
{
    uint8_t header[ATTRIBUTES_HEADER];
    uint64_t size;

    *mapped = NULL;
    *at = efi_table(efi, attributes_table);
    if (!*at)
        return NULL;
    efi_read(*at, header, sizeof(header));
    size = sizeof(header) +
           (uint64_t)load32(header + ATTRIBUTES_COUNT) * load32(header + ATTRIBUTES_SIZE);
    *len = size < PMAP_MAX_BYTES ? (size_t)size : sizeof(header);
    if (pmap_reaches(*at, *len))
        *mapped = pmap_map("memory attributes", *at, *len);
    return *mapped ? NULL : "the Memory Attributes Table is where no CPU can reach";
}

/*
 * EFI_RT_PROPERTIES_TABLE, section 4.6.2: which services are left once boot
 * services are gone; without it, all. Null: SetVirtualAddressMap is one of
 * them. Else why it is not to be called, and where that stands.
 */
static const char *cannot_move(const struct efi *efi, uint64_t *at)
{
    uint8_t properties[PROPERTIES_SIZE];

    *at = efi->runtime_services;
    if (efi->narrow)
        return "a 32-bit firmware's cannot be called from 64-bit code";
    *at = efi_table(efi, properties_table);
    if (!*at)
        return NULL;
    efi_read(*at, properties, sizeof(properties));
    if (load16(properties + PROPERTIES_LENGTH) < sizeof(properties))
        return "EFI_RT_PROPERTIES_TABLE is damaged";
    if (load32(properties + PROPERTIES_SERVICES) & SERVES_ADDRESS_MAP)
        return NULL;
    return "the firmware has no SetVirtualAddressMap (EFI_RT_PROPERTIES_TABLE)";
}

/* Without the attribute a region gets no address, and what is in it cannot be reached. */
static void name_unmarked(void)
{
    uint64_t base, pages;

    for (size_t at = 0;
         efi_runtime_unmarked(map.map, map.size, map.descriptor_size, &at, &base, &pages);)
        log_print(LOG_WARNING,
                  "footing: runtime region 0x%lx, %lu pages: not mapped, for the firmware's map "
                  "does not mark it EFI_MEMORY_RUNTIME\n",
                  base, pages);
}

bool efi_plan_runtime(const struct efi *efi, const struct mtrr_state *mtrr, uint64_t window,
                      uint64_t window_size, unsigned max_level, struct efi_runtime *runtime)
{
    const void *attributes;
    size_t len = 0;

    regions_size = efi_runtime_keep(map.map, map.size, map.descriptor_size, regions,
                                    sizeof(regions), window, window_size, mtrr->phys_bits, runtime);
    if (runtime->why || regions_size == 0)
        return false;
    runtime->why = cannot_move(efi, &runtime->at);
    if (runtime->why)
        return false;
    runtime->why = map_attributes(efi, &attributes, &len, &runtime->at);
    if (runtime->why)
        return false;
    efi_runtime_map(regions, regions_size, map.descriptor_size, attributes, len, mtrr, max_level,
                    runtime);
    if (attributes)
        pmap_unmap(attributes);
    return !runtime->why;
}

/* The firmware's own answer is the last word: whatever it is but success, it has not moved. */
static void move_runtime(const struct efi *efi, struct efi_runtime *runtime)
{
    uint64_t status = EFI_CALL(efi->runtime_services, RUNTIME_SET_VIRTUAL_ADDRESS_MAP, regions_size,
                               map.descriptor_size, map.version, image_pa(regions));

    if (status == EFI_SUCCESS)
        return;
    runtime->count = 0;
    runtime->at = efi->runtime_services;
    runtime->why =
        message("SetVirtualAddressMap answers 0x%lx, %s", status, efi_status_name(status));
}

void efi_place_runtime(const struct efi *efi, const struct mtrr_state *mtrr, uint64_t window,
                       uint64_t window_size, unsigned max_level, struct efi_runtime *runtime)
{
    name_unmarked();
    if (efi_plan_runtime(efi, mtrr, window, window_size, max_level, runtime))
        move_runtime(efi, runtime);
    if (runtime->why)
        log_print(LOG_WARNING, "footing: runtime services left out: %s, at 0x%lx\n", runtime->why,
                  runtime->at);
}
