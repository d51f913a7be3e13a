/* SPDX-License-Identifier: MIT */
#include "out.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void out_print(struct out *out, const char *format, ...)
{
    va_list args;
    int need;

    va_start(args, format);
    need = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (need < 0 || out->failed) {
        out->failed = true;
        return;
    }
    if (out->max - out->len <= (size_t)need) {
        size_t max = 2 * out->max + (size_t)need + 4096;
        char *text = realloc(out->text, max);

        if (!text) {
            out->failed = true;
            return;
        }
        out->text = text;
        out->max = max;
    }
    va_start(args, format);
    vsnprintf(out->text + out->len, out->max - out->len, format, args);
    va_end(args);
    out->len += (size_t)need;
}

bool out_write(const struct out *out)
{
    if (out->failed)
        return false;
    return fwrite(out->text, 1, out->len, stdout) == out->len && fflush(stdout) == 0;
}

void out_free(struct out *out)
{
    free(out->text);
    *out = (struct out){0};
}

void *out_alloc(size_t n, size_t size)
{
    void *room = n <= SIZE_MAX / 2 / size ? malloc(n ? n * size : size) : NULL;

    if (!room) {
        fputs("footing-plan: out of memory\n", stderr);
        exit(1);
    }
    return room;
}

void size_exact(char text[24], uint64_t bytes)
{
    static const char units[] = {'B', 'K', 'M', 'G', 'T'};
    unsigned unit = 0;

    while (unit + 1 < sizeof(units) && bytes >= 1024 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    snprintf(text, 24, "%" PRIu64 " %c", bytes, units[unit]);
}

void size_rough(char text[24], uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    unsigned unit = 0;
    uint64_t scale = 1;

    while (unit + 1 < sizeof(units) / sizeof(units[0]) && bytes / scale >= 1024) {
        scale *= 1024;
        unit++;
    }
    if (bytes % scale == 0 || bytes / scale >= 100)
        snprintf(text, 24, "%" PRIu64 " %s", bytes / scale, units[unit]);
    else
        snprintf(text, 24, "%" PRIu64 ".%u %s", bytes / scale,
                 (unsigned)(bytes % scale * 10 / scale), units[unit]);
}
