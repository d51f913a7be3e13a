/* SPDX-License-Identifier: MIT */
/*
 * The builder on real machines. Usage: corpus MAP… under callgrind, with
 * --collect-atstart=no and --toggle-collect=measured: one dump for each map
 * and page size, named "FILE LEVEL TABLES RANGES".
 */
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/callgrind.h>

#include "measured.h"
#include "planner.h"
#include "read.h"
#include "x86.h"

/* Maps of more than 64 GiB are not built out of 4 KiB pages: the tables alone would fill this machine. */
#define MAX_TABLES 40000

static int measure(const char *path, const struct survey *survey, unsigned level)
{
    const struct plan_options options = {.path = path, .max_level = level, .phys_bits = 52};
    struct result result;
    struct error err = result_make(&result, survey, &options);
    char name[256];

    if (err.code == ERR_NONE && result.tables <= MAX_TABLES) {
        struct pool pool = {.slots = aligned_alloc(PAGE_SIZE, result.tables * PAGE_SIZE)};

        if (!pool.slots)
            abort();
        CALLGRIND_ZERO_STATS;
        measured(&result.plan, &pool);
        snprintf(name, sizeof(name), "%s %u %zu %zu", path, level, result.tables,
                 result.plan.count);
        CALLGRIND_DUMP_STATS_AT(name);
        free(pool.slots);
    }
    result_free(&result);
    if (err.code)
        fprintf(stderr, "%s: %s\n", path, error_words(err.code).says);
    return err.code != ERR_NONE;
}

int main(int argc, char **argv)
{
    int failed = 0;

    for (int i = 1; i < argc; i++) {
        struct survey survey = {0};
        struct input_error error;

        if (!read_input(&survey, argv[i], &error)) {
            fprintf(stderr, "%s:%zu: %s\n", argv[i], error.line, error.reason);
            failed = 1;
        } else {
            for (unsigned level = 0; level < PT_LEAF_LEVELS; level++)
                failed |= measure(argv[i], &survey, level);
        }
        survey_free(&survey);
    }
    return failed;
}
