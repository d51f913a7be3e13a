/* SPDX-License-Identifier: MIT */
/* The mock firmware's memory, Footing's mappings of it, and its console. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "console.h"
#include "efi_services.h"
#include "exact.h"
#include "mock_firmware.h"
#include "mock_tables.h"
#include "panic.h"
#include "pmap.h"

static struct {
    uint64_t pa;
    size_t len;
    size_t offset; /* as far into 16 bytes as pa is */
    uint64_t pages;
    char *copy;
} open[MOCK_OPEN];

uint8_t mock_low[MOCK_LOW_SIZE];

/* What consoles and panics were told. */
static print_sink firmware_sink;
static void (*go_back)(const struct error *err);

void mock_violation(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(mock->violation, sizeof(mock->violation), format, args);
    va_end(args);
    _exit(1);
}

uint64_t mock_physical(const void *pointer)
{
    return (uint64_t)(uintptr_t)pointer + PHYSICAL;
}

void *mock_pointer(uint64_t pa, size_t align)
{
    if (pa - MOCK_LOW < MOCK_LOW_SIZE && pa % align == 0)
        return mock_low + (pa - MOCK_LOW);
    if (pa < PHYSICAL || pa >= 2 * PHYSICAL)
        mock_violation("0x%lx given to the firmware as an address", pa);
    if (pa % align != 0)
        mock_violation("0x%lx given to the firmware is not aligned", pa);
    return (void *)(uintptr_t)(pa - PHYSICAL);
}

uint64_t mock_function(enum mock_call call)
{
    return FUNCTION_BASE + 16 * (uint64_t)call;
}

void *mock_copy(const void *data, size_t size)
{
    return exact_copy(data, size);
}

bool pmap_reaches(uint64_t pa, uint64_t len)
{
    return pa + (len - 1) >= pa && (pa + (len - 1)) >> 52 == 0;
}

void *pmap_map(const char *owner, uint64_t pa, size_t len)
{
    uint64_t pages = ((pa & PAGE_MASK) + len + PAGE_MASK) >> PAGE_SHIFT;
    unsigned at = mock->open_mappings;
    uint64_t used = 0;

    (void)owner;

    if (len == 0)
        mock_violation("a mapping of nothing, at 0x%lx", pa);
    for (unsigned i = 0; i < at; i++)
        used += open[i].pages;
    if (len > PMAP_MAX_BYTES || pages > PMAP_NESTED - used)
        return NULL;
    if (at == MOCK_OPEN)
        mock_violation("more mappings are open than make sense");
    open[at].pa = pa;
    open[at].len = len;
    open[at].pages = pages;
    open[at].offset = pa % 16;
    open[at].copy = malloc(open[at].offset + len);
    if (!open[at].copy)
        abort();
    memcpy(open[at].copy + open[at].offset, mock_pointer(pa, 1), len);
    mock->open_mappings++;
    return open[at].copy + open[at].offset;
}

void pmap_unmap(const void *mapped)
{
    unsigned last = mock->open_mappings - 1;

    if (mock->open_mappings == 0 || mapped != open[last].copy + open[last].offset)
        mock_violation("another mapping than the last one is closed");
    if (memcmp(mapped, mock_pointer(open[last].pa, 1), open[last].len) != 0)
        mock_violation("a mapping of the firmware's memory was written to, or its memory freed");
    free(open[last].copy);
    mock->open_mappings--;
}

/* Of the image, its stack included: not of what is mapped elsewhere. */
uint64_t image_pa(const void *va)
{
    for (unsigned i = 0; i < mock->open_mappings; i++) {
        const char *start = open[i].copy;

        if ((const char *)va >= start && (const char *)va < start + open[i].offset + open[i].len)
            mock_violation("image_pa() of what is no part of the image");
    }
    return mock_physical(va);
}

void console_start(unsigned devices, uint32_t com1_baud, uint32_t com2_baud)
{
    (void)devices;
    (void)com1_baud;
    (void)com2_baud;
}

void console_firmware(print_sink put)
{
    firmware_sink = put;
}

bool console_shows_firmware(void)
{
    return mock->shows_firmware && firmware_sink;
}

void panic_returns(void (*back)(const struct error *err))
{
    go_back = back;
}

void mock_panic(const struct error *err)
{
    log_print(LOG_ALWAYS, "footing: panic %s: %s\n", error_words(err->code).name,
              err->text ? err->text : "");
    if (go_back)
        go_back(err);
}

bool console_drives_serial(unsigned port)
{
    return port > 0 && (mock->drives_serial & (1u << port)) != 0;
}

static void log_character(char c)
{
    if (mock->log_len < MOCK_TEXT - 1)
        mock->log[mock->log_len++] = c;
    if (console_shows_firmware())
        firmware_sink(c);
}

void log_print(enum log_level level, const char *format, ...)
{
    va_list args;

    (void)level;
    va_start(args, format);
    vprint_to(log_character, format, args);
    va_end(args);
}
