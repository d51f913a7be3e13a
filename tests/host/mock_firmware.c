/* SPDX-License-Identifier: MIT */
/* Calls into the mock firmware: boot and runtime services, and what fails of them. */
#include "mock_firmware.h"
#include "firmware32.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "efi_services.h"
#include "firmware32.h"
#include "mock_tables.h"

#define LOADER_DATA    2
#define BY_PROTOCOL    2
#define RUNTIME_MEMORY UINT64_C(0x8000000000000000)
#define NOT_FOUND      EFI_NOT_FOUND
#define TOO_SMALL      EFI_BUFFER_TOO_SMALL
#define INVALID        EFI_INVALID_PARAMETER

struct mock *mock;

static uint64_t allocate_pages(const uint64_t *args)
{
    uint64_t *at = mock_pointer(args[3], 8);
    uint64_t bytes = args[2] << 12;
    struct mock_allocation *made = &mock->allocations[mock->nallocations];

    if (args[0] != 0 || args[1] != LOADER_DATA || args[2] == 0)
        mock_violation("AllocatePages of another type, or of none");
    if (mock->nallocations++ == MOCK_ALLOCATIONS)
        mock_violation("too many allocations");
    *made = (struct mock_allocation){0, args[2], true};
    if (bytes > ARENA_SIZE) {
        made->base = HUGE_BASE;
    } else {
        if (mock->arena_used + bytes > ARENA_SIZE / 2)
            mock_violation("the arena is too small");
        made->base = mock_physical(mock->arena + mock->arena_used);
        memset(mock->arena + mock->arena_used, 0xa5, bytes);
        mock->arena_used += bytes + 4096;
    }
    *at = made->base;
    return EFI_SUCCESS;
}

static uint64_t free_pages(const uint64_t *args)
{
    for (size_t i = 0; i < mock->nallocations; i++) {
        struct mock_allocation *given = &mock->allocations[i];

        if (!given->live || given->base != args[0] || given->pages != args[1])
            continue;
        given->live = false;
        if (given->base < HUGE_BASE)
            memset((void *)(uintptr_t)(given->base - PHYSICAL), 0xdd, given->pages << 12);
        return EFI_SUCCESS;
    }
    mock_violation("FreePages of what was not allocated: 0x%lx", args[0]);
}

bool mock_allocated(uint64_t pa, uint64_t len)
{
    for (size_t i = 0; i < mock->nallocations; i++) {
        const struct mock_allocation *given = &mock->allocations[i];

        if (given->live && pa >= given->base && pa - given->base < given->pages << 12 &&
            len <= (given->pages << 12) - (pa - given->base))
            return true;
    }
    return false;
}

/* UEFI 2.10 section 7.2.3: descriptors as far apart as this firmware likes. */
static uint64_t get_memory_map(const uint64_t *args)
{
    uint64_t *size = mock_pointer(args[0], 8);
    uint64_t room = *size;
    uint8_t *to;

    *size = mock->nmap * mock->descriptor_size;
    *(uint64_t *)mock_pointer(args[3], 8) = mock->descriptor_size;
    *(uint32_t *)mock_pointer(args[4], 4) = mock->descriptor_version;
    if (*size > room)
        return TOO_SMALL;
    to = mock_pointer(args[1], 8);
    *(uint64_t *)mock_pointer(args[2], 8) = mock->key;
    memset(to, 0xa5, room); /* all that it was given */
    for (size_t i = 0; i < mock->nmap; i++, to += mock->descriptor_size) {
        memcpy(to, &mock->map[i].type, 4);
        memcpy(to + 8, &mock->map[i].base, 8);
        memset(to + 16, 0, 8);
        memcpy(to + 24, &mock->map[i].pages, 8);
        memcpy(to + 32, &mock->map[i].attribute, 8);
    }
    return EFI_SUCCESS;
}

static uint64_t exit_boot_services(const uint64_t *args)
{
    if (args[0] != mock->image_handle)
        mock_violation("ExitBootServices with another handle");
    if (mock->stale > 0) {
        mock->stale--;
        mock->key++;
        mock->map[mock->nmap] = (struct mock_descriptor){7, UINT64_C(1) << 40, mock->nmap, 8, 0};
        mock->map[mock->nmap].base += mock->nmap << 30;
        mock->nmap++;
    }
    if (args[1] != mock->key)
        return INVALID;
    mock->left = true;
    return EFI_SUCCESS;
}

static uint64_t exit_image(const uint64_t *args)
{
    if (args[0] != mock->image_handle || args[2] != 0 || args[3] != 0)
        mock_violation("Exit of another image, or with data");
    mock->exit_status = args[1];
    mock->exited = true;
    return EFI_SUCCESS;
}

static uint64_t handle_protocol(const uint64_t *args)
{
    uint64_t found = mock_protocol_on(args[0], mock_pointer(args[1], 1));

    if (found)
        *(uint64_t *)mock_pointer(args[2], 8) = found;
    return found ? EFI_SUCCESS : EFI_UNSUPPORTED;
}

static uint64_t locate_handle_buffer(const uint64_t *args)
{
    uint64_t first;
    size_t found = mock_handles_with(mock_pointer(args[1], 1), &first);
    uint64_t *count = mock_pointer(args[3], 8);
    uint64_t *handles;

    if (args[0] != BY_PROTOCOL)
        mock_violation("LocateHandleBuffer for something else");
    if (found == 0)
        return NOT_FOUND;
    handles = calloc(found, sizeof(*handles));
    for (size_t i = 0; handles && i < found; i++)
        handles[i] = first + i;
    *count = found;
    *(uint64_t *)mock_pointer(args[4], 8) = mock_physical(handles);
    mock->pools++;
    return EFI_SUCCESS;
}

static uint64_t free_pool(const uint64_t *args)
{
    free(mock_pointer(args[0], 8));
    mock->pools--;
    return EFI_SUCCESS;
}

static bool same_text(const uint16_t *a, const uint16_t *b)
{
    while (*a == *b && *a != 0) {
        a++;
        b++;
    }
    return *a == *b;
}

static uint64_t get_variable(const uint64_t *args)
{
    const struct {
        const char *name;
        int value;
    } known[] = {{"SecureBoot", mock->secure_boot}, {"SetupMode", mock->setup_mode}};
    const uint16_t *name = mock_pointer(args[0], 2);
    uint64_t *size = mock_pointer(args[3], 8);
    uint16_t ucs2[16];

    if (!mock_is_global_variable(mock_pointer(args[1], 1)))
        return NOT_FOUND;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        mock_ucs2(known[i].name, ucs2);
        if (!same_text(name, ucs2) || known[i].value < 0)
            continue;
        if (*size < mock->variable_size) {
            *size = mock->variable_size;
            return TOO_SMALL;
        }
        *size = mock->variable_size;
        memset(mock_pointer(args[4], 1), known[i].value, *size);
        return EFI_SUCCESS;
    }
    return NOT_FOUND;
}

static uint64_t set_virtual_address_map(const uint64_t *args)
{
    const uint8_t *at = mock_pointer(args[3], 8);

    if (!mock->left || args[1] != mock->descriptor_size || args[0] % args[1] != 0)
        mock_violation("SetVirtualAddressMap too early, or of other descriptors");
    mock->map_step = args[1];
    mock->map_version = args[2];
    for (; mock->nvirtual < args[0] / args[1]; mock->nvirtual++, at += args[1]) {
        struct mock_descriptor *got = &mock->virtual_map[mock->nvirtual];

        if (mock->nvirtual == MOCK_MAP)
            mock_violation("SetVirtualAddressMap of more than there is");
        memcpy(&got->type, at, 4);
        memcpy(&got->base, at + 8, 8);
        memcpy(&got->virt, at + 16, 8);
        memcpy(&got->pages, at + 24, 8);
        memcpy(&got->attribute, at + 32, 8);
    }
    return EFI_SUCCESS;
}

/* UEFI 2.10 section 12.4.3. */
static uint64_t output_string(const uint64_t *args)
{
    const uint16_t *text = mock_pointer(args[1], 2);
    struct mock_output *output = mock_output_at(args[0]);

    for (size_t i = 0; text[i] != 0; i++) {
        if (output->len < MOCK_TEXT - 1)
            output->text[output->len++] = text[i] < 0x7f ? (char)text[i] : '?';
    }
    return EFI_SUCCESS;
}

/* UEFI 2.10 section 12.3.3: scan code and character. */
static uint64_t read_key(const uint64_t *args)
{
    uint16_t *key = mock_pointer(args[1], 2);
    bool late = mock->key_at > 0 && mock->stalled >= mock->key_at;

    if (mock->old_keys == 0 && !late)
        return EFI_ERROR | 6; /* EFI_NOT_READY */
    if (mock->old_keys > 0 && mock->old_keys != UINT32_MAX)
        mock->old_keys--;
    else if (late)
        mock->key_at = 0;
    key[0] = 0;
    key[1] = 'x';
    return EFI_SUCCESS;
}

static uint64_t answer(enum mock_call call, const uint64_t *args)
{
    switch (call) {
    case CALL_ALLOCATE_PAGES:
        return allocate_pages(args);
    case CALL_FREE_PAGES:
        return free_pages(args);
    case CALL_GET_MEMORY_MAP:
        return get_memory_map(args);
    case CALL_FREE_POOL:
        return free_pool(args);
    case CALL_HANDLE_PROTOCOL:
        return handle_protocol(args);
    case CALL_EXIT:
        return exit_image(args);
    case CALL_EXIT_BOOT_SERVICES:
        return exit_boot_services(args);
    case CALL_STALL:
        mock->stalled += args[0];
        return EFI_SUCCESS;
    case CALL_SET_WATCHDOG_TIMER:
        return EFI_SUCCESS;
    case CALL_LOCATE_HANDLE_BUFFER:
        return locate_handle_buffer(args);
    case CALL_SET_VIRTUAL_ADDRESS_MAP:
        return set_virtual_address_map(args);
    case CALL_GET_VARIABLE:
        return get_variable(args);
    case CALL_OUTPUT_STRING:
        return output_string(args);
    case CALL_READ_KEY:
        return read_key(args);
    default:
        return mock_file_call(call, args);
    }
}

/* What a call that fails leaves behind is the firmware's own. */
static uint64_t fail_call(enum mock_call call)
{
    mock->failed = true;
    mock->failed_call = call;
    mock->excused_files += call == CALL_CLOSE;
    mock->excused_pages += call == CALL_FREE_PAGES;
    mock->excused_pools += call == CALL_FREE_POOL;
    return mock->fail_status;
}

struct firmware32 firmware32;
char boot_stack[16] __attribute__((aligned(16)));
uint32_t (*mock_call_32)(uint32_t function, const uint64_t args[FIRMWARE_ARGS]);

uint32_t firmware_call_32(uint32_t function, const uint64_t args[FIRMWARE_ARGS])
{
    if (!mock_call_32)
        mock_violation("a call of a 32-bit firmware");
    return mock_call_32(function, args);
}

uint64_t firmware_call(uint64_t function, const uint64_t args[FIRMWARE_ARGS])
{
    enum mock_call call = (enum mock_call)((function - FUNCTION_BASE) / 16);

    if (function < FUNCTION_BASE || (function - FUNCTION_BASE) % 16 != 0 || call >= CALL_OTHER)
        mock_violation("a call of no known function, 0x%lx", function);
    if (mock->exited)
        mock_violation("a call after Exit");
    if (mock->left && call != CALL_SET_VIRTUAL_ADDRESS_MAP && call != CALL_GET_VARIABLE)
        mock_violation("a call of boot services when they are gone");
    if (mock->counts[CALL_EXIT_BOOT_SERVICES] > 0 && call != CALL_GET_MEMORY_MAP &&
        call != CALL_EXIT_BOOT_SERVICES && call != CALL_SET_VIRTUAL_ADDRESS_MAP)
        mock_violation("another call after ExitBootServices");
    mock->counts[call]++;
    if (mock->calls++ == mock->fail_at)
        return fail_call(call);
    return answer(call, args);
}
