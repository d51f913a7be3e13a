/* SPDX-License-Identifier: MIT */
#define _POSIX_C_SOURCE 200809L

#include "progress.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define FIRST_AFTER_MS 500
#define AGAIN_AFTER_MS 100

static struct {
    bool asked;
    bool terminal;
    bool shown;
    int64_t next_ms;
} state;

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void progress(const char *doing, uint64_t done, uint64_t total, const char *unit)
{
    if (!state.asked) {
        state.asked = true;
        state.terminal = isatty(STDERR_FILENO) == 1;
        state.next_ms = state.terminal ? now_ms() + FIRST_AFTER_MS : 0;
    }
    if (!state.terminal || now_ms() < state.next_ms)
        return;
    state.next_ms = now_ms() + AGAIN_AFTER_MS;
    state.shown = true;
    if (total)
        fprintf(stderr, "\r\033[K%s: %" PRIu64 " of %" PRIu64 " %s", doing, done, total, unit);
    else
        fprintf(stderr, "\r\033[K%s: %" PRIu64 " %s", doing, done, unit);
}

void progress_end(void)
{
    if (state.shown)
        fputs("\r\033[K", stderr);
    state.shown = false;
}
