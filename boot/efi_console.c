/* SPDX-License-Identifier: MIT */
/*
 * The firmware's text outputs (UEFI 2.10 section 12.4), until boot services
 * go. A serial port that Footing drives itself is among them on many
 * machines: it is left out, or each line would appear there twice, the second
 * time cut at column 80.
 */
#include "console.h"
#include "efi_services.h"
#include "pmap.h"

#define OUTPUTS_MAX 8
#define LINE_MAX    80

static const uint8_t text_output[EFI_GUID_SIZE] = {0xc2, 0x77, 0x74, 0x38, 0xc7, 0x69, 0xd2, 0x11,
                                                   0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b};
static const uint8_t device_path[EFI_GUID_SIZE] = {0x91, 0x6e, 0x57, 0x09, 0x3f, 0x6d, 0xd2, 0x11,
                                                   0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b};

struct output {
    uint64_t protocol;
    unsigned serial_port; /* 1: COM1, 2: COM2, else 0 */
};

static struct {
    struct output outputs[OUTPUTS_MAX];
    size_t count;
    uint16_t line[LINE_MAX + 1];
    size_t len;
} console;

static void add_output(const struct efi *efi, uint64_t handle)
{
    uint64_t path = efi_protocol_on(efi, handle, device_path);
    uint64_t protocol = efi_protocol_on(efi, handle, text_output);

    /* Without a path it is a bundle of others, which are on the list themselves. */
    if (path && protocol && console.count < OUTPUTS_MAX)
        console.outputs[console.count++] = (struct output){protocol, efi_path_serial_port(path)};
}

void efi_console_start(const struct efi *efi)
{
    uint64_t count;
    uint64_t handles = efi_handles_with(efi, text_output, &count);

    console.count = 0;
    console.len = 0;
    for (uint64_t i = 0; i < count; i++)
        add_output(efi, efi_read64(handles + i * sizeof(uint64_t)));
    efi_free_handles(efi, handles);
    if (console.count == 0)
        console.outputs[console.count++] =
            (struct output){efi_read64(efi->system_table + SYSTEM_CON_OUT), 0};
}

void efi_console_flush(void)
{
    console.line[console.len] = 0;
    console.len = 0;
    for (size_t i = 0; i < console.count; i++) {
        const struct output *output = &console.outputs[i];

        if (output->protocol && !console_drives_serial(output->serial_port))
            EFI_CALL(output->protocol, TEXT_OUTPUT_STRING, output->protocol,
                     image_pa(console.line));
    }
}

void efi_console_putc(char c)
{
    console.line[console.len++] = (uint8_t)c < 0x7f ? (uint16_t)c : '?';
    if (c == '\n' || console.len == LINE_MAX)
        efi_console_flush();
}

bool efi_console_has_display(const struct efi *efi)
{
    /* Nobody has shown lines there: it is not known yet what there is. */
    if (console.count == 0)
        efi_console_start(efi);
    for (size_t i = 0; i < console.count; i++) {
        if (console.outputs[i].protocol && console.outputs[i].serial_port == 0)
            return true;
    }
    return false;
}
