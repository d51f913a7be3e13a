/* SPDX-License-Identifier: MIT */
/* The mock firmware's tables and protocols, by the structures of UEFI 2.10. */
#include "mock_tables.h"

#include <string.h>

#define IMAGE_PAGE 4096u

/* A GUID as the specification prints it (appendix A). */
#define GUID(a, b, c, ...) \
    { \
        (a) & 0xff, (a) >> 8 & 0xff, (a) >> 16 & 0xff, (a) >> 24, (b)&0xff, (b) >> 8, (c)&0xff, \
            (c) >> 8, __VA_ARGS__ \
    }

static const uint8_t loaded_image[16] =
    GUID(0x5b1b31a1u, 0x9562, 0x11d2, 0x8e, 0x3f, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b);
static const uint8_t device_path[16] =
    GUID(0x09576e91u, 0x6d3f, 0x11d2, 0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b);
static const uint8_t file_system[16] =
    GUID(0x964e5b22u, 0x6459, 0x11d2, 0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b);
static const uint8_t file_info[16] =
    GUID(0x09576e92u, 0x6d3f, 0x11d2, 0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b);
static const uint8_t text_output[16] =
    GUID(0x387477c2u, 0x69c7, 0x11d2, 0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b);
static const uint8_t graphics_output[16] =
    GUID(0x9042a9deu, 0x23dc, 0x4a38, 0x96, 0xfb, 0x7a, 0xde, 0xd0, 0x80, 0x51, 0x6a);
static const uint8_t global_variable[16] =
    GUID(0x8be4df61u, 0x93ca, 0x11d2, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c);
static const uint8_t shell_parameters[16] =
    GUID(0x752f3136u, 0x4e16, 0x4fdc, 0xa2, 0x2a, 0xe5, 0xf4, 0x68, 0x12, 0xf4, 0xca);
const uint8_t mock_guid_acpi_1[16] =
    GUID(0xeb9d2d30u, 0x2d88, 0x11d3, 0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d);
const uint8_t mock_guid_acpi_2[16] =
    GUID(0x8868e871u, 0xe4f1, 0x11d3, 0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81);
const uint8_t mock_guid_smbios_2[16] =
    GUID(0xeb9d2d31u, 0x2d88, 0x11d3, 0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d);
const uint8_t mock_guid_smbios_3[16] =
    GUID(0xf2fd1544u, 0x9794, 0x4a2c, 0x99, 0x2e, 0xe5, 0xbb, 0xcf, 0x20, 0xe3, 0x94);
const uint8_t mock_guid_esrt[16] =
    GUID(0xb122a263u, 0x3661, 0x4f68, 0x99, 0x29, 0x78, 0xf8, 0xb0, 0xd6, 0x21, 0x80);
const uint8_t mock_guid_attributes[16] =
    GUID(0xdcfa911du, 0x26eb, 0x469f, 0xa2, 0x20, 0x38, 0xb7, 0xdc, 0x46, 0x12, 0x20);
const uint8_t mock_guid_properties[16] =
    GUID(0xeb66918au, 0x7eef, 0x402a, 0x84, 0x2e, 0x93, 0x1d, 0x21, 0xc3, 0x8a, 0xe9);

/* Section 4.2: a table's header. */
struct header {
    uint64_t signature;
    uint32_t revision, size, crc32, reserved;
};

struct system_table {
    struct header header;
    uint64_t vendor;
    uint32_t vendor_revision;
    uint64_t con_in_handle, con_in, con_out_handle, con_out, err_handle, err;
    uint64_t runtime, boot, ntables, tables;
};

struct boot_services {
    struct header header;
    uint64_t raise_tpl, restore_tpl;
    uint64_t allocate_pages, free_pages, get_memory_map, allocate_pool, free_pool;
    uint64_t create_event, set_timer, wait_for_event, signal_event, close_event, check_event;
    uint64_t install_protocol, reinstall_protocol, uninstall_protocol, handle_protocol, reserved;
    uint64_t register_notify, locate_handle, locate_device_path, install_table;
    uint64_t load_image, start_image, exit, unload_image, exit_boot_services;
    uint64_t monotonic, stall, set_watchdog_timer, connect, disconnect;
    uint64_t open_protocol, close_protocol, open_information;
    uint64_t protocols_per_handle, locate_handle_buffer, locate_protocol;
    uint64_t install_multiple, uninstall_multiple, crc, copy_mem, set_mem, create_event_ex;
};

struct runtime_services {
    struct header header;
    uint64_t get_time, set_time, get_wakeup, set_wakeup, set_virtual_address_map, convert_pointer;
    uint64_t get_variable, next_variable, set_variable, next_count, reset, update, query, info;
};

struct loaded_image {
    uint32_t revision;
    uint64_t parent, system_table, device, file_path, reserved;
    uint32_t options_size;
    uint64_t options, base, size;
    uint32_t code_type, data_type;
    uint64_t unload;
};

static uint64_t image_protocol, output_protocols[MOCK_OUTPUTS], con_out_protocol;
static uint64_t output_paths[MOCK_OUTPUTS];

static bool same(const void *guid, const uint8_t *known)
{
    return memcmp(guid, known, 16) == 0;
}

bool mock_is_global_variable(const void *guid)
{
    return same(guid, global_variable);
}

bool mock_is_file_info(const void *guid)
{
    return same(guid, file_info);
}

static uint64_t output_protocol_on(size_t i, const void *guid)
{
    if (i >= mock->noutputs)
        return 0;
    if (same(guid, text_output))
        return output_protocols[i];
    return same(guid, device_path) ? output_paths[i] : 0;
}

/* Section 12.9.2: three functions, then the mode. */
static uint64_t graphics(const struct mock_graphics *output)
{
    uint64_t protocol[4] = {0};
    uint8_t mode[40];
    uint64_t info;

    if (output->mode) {
        memcpy(mode, output->mode, sizeof(mode));
        info = output->info ? mock_physical(mock_copy(output->info, 36)) : 0;
        memcpy(mode + 8, &info, 8);
        protocol[3] = mock_physical(mock_copy(mode, sizeof(mode)));
    }
    return mock_physical(mock_copy(protocol, sizeof(protocol)));
}

size_t mock_handles_with(const void *guid, uint64_t *first)
{
    *first = same(guid, text_output) ? HANDLE_OUTPUTS : HANDLE_GRAPHICS;
    if (same(guid, text_output))
        return mock->noutputs;
    return same(guid, graphics_output) ? mock->ngraphics : 0;
}

uint64_t mock_protocol_on(uint64_t handle, const void *guid)
{
    static const uint64_t nothing[2];

    if (handle == HANDLE_IMAGE && same(guid, loaded_image))
        return mock->no_loaded_image ? 0 : image_protocol;
    if (handle == HANDLE_IMAGE && same(guid, shell_parameters))
        return mock->shell ? mock_physical(nothing) : 0;
    if (handle == HANDLE_DEVICE && same(guid, file_system))
        return mock->no_file_system ? 0 : mock_file_system();
    if (handle >= HANDLE_GRAPHICS && handle - HANDLE_GRAPHICS < mock->ngraphics)
        return same(guid, graphics_output) ? graphics(&mock->graphics[handle - HANDLE_GRAPHICS])
                                           : 0;
    if (handle >= HANDLE_OUTPUTS)
        return output_protocol_on((size_t)(handle - HANDLE_OUTPUTS), guid);
    return 0;
}

struct mock_output *mock_output_at(uint64_t protocol)
{
    for (size_t i = 0; i < mock->noutputs; i++) {
        if (protocol == output_protocols[i])
            return &mock->outputs[i];
    }
    if (protocol != con_out_protocol)
        mock_violation("OutputString of no output");
    return &mock->con_out;
}

static uint64_t new_output(void)
{
    const uint64_t protocol[] = {mock_function(CALL_OTHER), mock_function(CALL_OUTPUT_STRING)};

    return mock_physical(mock_copy(protocol, sizeof(protocol)));
}

/* Section 12.3.1: reset, read a key, an event. */
static uint64_t new_input(void)
{
    const uint64_t protocol[] = {mock_function(CALL_OTHER), mock_function(CALL_READ_KEY), 0};

    return mock_physical(mock_copy(protocol, sizeof(protocol)));
}

static void put16(uint8_t *to, size_t value)
{
    to[0] = (uint8_t)value;
    to[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *to, size_t value)
{
    put16(to, value);
    put16(to + 2, value >> 16);
}

/* PE headers in the first page, then each section in pages of its own. */
static uint8_t *build_image(uint32_t *size)
{
    uint32_t pages = 1;
    uint8_t *image;

    for (size_t i = 0; i < mock->nsections; i++)
        pages += mock->sections[i].size / IMAGE_PAGE + 1;
    *size = pages * IMAGE_PAGE;
    if (*size > ARENA_SIZE / 2)
        mock_violation("the arena is too small");
    image = mock->arena + ARENA_SIZE - *size;
    memset(image, 0, *size);
    memcpy(image, "MZ", 2);
    put32(image + 60, 64);
    memcpy(image + 64, "PE\0\0\x64\x86", 6);
    put16(image + 70, mock->nsections);
    put16(image + 84, 112);
    put16(image + 88, 0x20b);
    put32(image + 88 + 56, *size);
    pages = 1;
    for (size_t i = 0; i < mock->nsections; i++) {
        const struct mock_section *section = &mock->sections[i];
        uint8_t *header = image + 200 + 40 * i;

        memcpy(header, section->name, strlen(section->name));
        put32(header + 8, section->size);
        put32(header + 12, pages * IMAGE_PAGE);
        memcpy(image + pages * IMAGE_PAGE, section->data, section->size);
        pages += section->size / IMAGE_PAGE + 1;
    }
    return image;
}

/* Section 10.3.5.4: a hard disk of some kind, and the file's path on it, in nodes. */
static uint64_t image_path(void)
{
    uint8_t path[4096] = {4, 1, 42, 0};
    size_t at = 42;

    for (size_t i = 0; mock->paths[i]; i++) {
        uint16_t ucs2[1024];
        size_t bytes = 2 * mock_ucs2(mock->paths[i], ucs2);

        path[at] = path[at + 1] = 4;
        put16(path + at + 2, 4 + bytes);
        memcpy(path + at + 4, ucs2, bytes);
        at += 4 + bytes;
    }
    if (mock->empty_node) {
        memcpy(path + at, "\4\4\4\0", 4);
        at += 4;
    }
    memcpy(path + at, "\x7f\xff\4\0", 4);
    return mock_physical(mock_copy(path, at + 4));
}

static uint64_t build_loaded_image(void)
{
    uint32_t size;
    uint8_t *image = build_image(&size);
    struct loaded_image loaded = {
        .revision = 0x1000,
        .system_table = mock->system_table,
        .device = mock->no_device ? 0 : HANDLE_DEVICE,
        .file_path = mock->paths[0] || mock->empty_node ? image_path() : 0,
        .options_size = mock->options_size,
        .base = mock_physical(image),
        .size = mock->image_size ? mock->image_size : size,
    };

    loaded.options = mock->options_at;
    if (mock->options_size > 0 && !mock->options_at && !mock->options_nowhere)
        loaded.options = mock_physical(mock_copy(mock->options, mock->options_size));
    return mock_physical(mock_copy(&loaded, sizeof(loaded)));
}

static void build_outputs(void)
{
    con_out_protocol = new_output();
    for (size_t i = 0; i < mock->noutputs; i++) {
        const struct mock_output *output = &mock->outputs[i];

        output_protocols[i] = new_output();
        if (output->path)
            output_paths[i] = mock_physical(mock_copy(output->path, output->path_size));
    }
}

static uint64_t build_configuration(void)
{
    uint8_t entries[24 * MOCK_TABLES];

    for (size_t i = 0; i < mock->ntables; i++) {
        const struct mock_table *table = &mock->tables[i];
        uint64_t at = table->at ? table->at : mock_physical(mock_copy(table->data, table->size));

        memcpy(entries + 24 * i, table->guid, 16);
        memcpy(entries + 24 * i + 16, &at, 8);
    }
    return mock_physical(mock_copy(entries, 24 * mock->ntables));
}

void mock_start(struct mock *given)
{
    struct boot_services boot;
    struct runtime_services runtime;
    struct system_table system = {.vendor = mock_function(CALL_OTHER)};
    const uint64_t other = mock_function(CALL_OTHER);

    mock = given;
    for (size_t at = 0; at < sizeof(boot); at += 8)
        memcpy((char *)&boot + at, &other, 8);
    for (size_t at = 0; at < sizeof(runtime); at += 8)
        memcpy((char *)&runtime + at, &other, 8);
    boot.allocate_pages = mock_function(CALL_ALLOCATE_PAGES);
    boot.free_pages = mock_function(CALL_FREE_PAGES);
    boot.get_memory_map = mock_function(CALL_GET_MEMORY_MAP);
    boot.free_pool = mock_function(CALL_FREE_POOL);
    boot.handle_protocol = mock_function(CALL_HANDLE_PROTOCOL);
    boot.exit = mock_function(CALL_EXIT);
    boot.exit_boot_services = mock_function(CALL_EXIT_BOOT_SERVICES);
    boot.stall = mock_function(CALL_STALL);
    boot.set_watchdog_timer = mock_function(CALL_SET_WATCHDOG_TIMER);
    boot.locate_handle_buffer = mock_function(CALL_LOCATE_HANDLE_BUFFER);
    runtime.set_virtual_address_map = mock_function(CALL_SET_VIRTUAL_ADDRESS_MAP);
    runtime.get_variable = mock_function(CALL_GET_VARIABLE);
    build_outputs();
    system.header.signature = mock->signature;
    system.con_in = mock->no_keyboard ? 0 : new_input();
    system.con_out = con_out_protocol;
    system.boot = mock_physical(mock_copy(&boot, sizeof(boot)));
    system.runtime = mock_physical(mock_copy(&runtime, sizeof(runtime)));
    system.ntables = mock->ntables;
    system.tables = build_configuration();
    mock->system_table = mock_physical(mock_copy(&system, sizeof(system)));
    mock->image_handle = HANDLE_IMAGE;
    image_protocol = build_loaded_image();
}
