/* SPDX-License-Identifier: MIT */
/*
 * Every free byte of RAM, written through the directmap: a page that is missing
 * shows itself. Without a directmap, through PMAP.
 */
#include "boot.h"
#include "console.h"
#include "pmap.h"
#include "x86.h"

#define CHUNK  UINT64_C(0x40000) /* bytes at once: half of PMAP's slots */
#define SALT   UINT64_C(0x5bd1e9955bd1e995)
#define REPORT (UINT64_C(64) << 20) /* bytes between two updates of the progress line */

static void fill(volatile uint64_t *words, uint64_t count, uint64_t first, uint64_t step)
{
    for (uint64_t i = 0; i < count; i++, first += step)
        words[i] = first;
}

/* Each word holds its own address, salted: an alias or a dead line cannot read back right. */
static struct error check(const volatile uint64_t *words, uint64_t count, uint64_t pa)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t found = words[i];

        if (found != pa + i * sizeof(uint64_t) + SALT)
            return (struct error){
                .code = ERR_SCRUB, .at = pa + i * sizeof(uint64_t), .value = found};
    }
    return SUCCESS;
}

/* What is done to all free RAM in turn. Verifying begins when all of it has been written. */
enum sweep { SWEEP_WRITE, SWEEP_VERIFY, SWEEP_ZERO };

static struct error sweep_words(enum sweep sweep, volatile uint64_t *words, uint64_t base,
                                uint64_t count)
{
    switch (sweep) {
    case SWEEP_WRITE:
        fill(words, count, base + SALT, sizeof(uint64_t));
        break;
    case SWEEP_VERIFY:
        return check(words, count, base);
    case SWEEP_ZERO:
        fill(words, count, 0, 0);
        break;
    }
    return SUCCESS;
}

static struct error sweep_chunk(const struct plan_request *request, enum sweep sweep, uint64_t base,
                                uint64_t end)
{
    uint64_t count = (end - base) / sizeof(uint64_t);
    struct error err;
    void *words;

    if (request->directmap)
        return sweep_words(sweep, (uint64_t *)(request->directmap_base + base), base, count);
    words = pmap_map("scrub", base, end - base);
    err = sweep_words(sweep, words, base, count);
    pmap_unmap(words);
    return err;
}

static uint64_t total_of(struct frame_pool free_ram)
{
    struct free_run run;
    uint64_t total = 0;

    while (frame_pool_take_run(&free_ram, &run))
        total += run.end - run.base;
    return total;
}

static void progress(enum sweep sweep, uint64_t done, uint64_t total)
{
    static const char *const names[] = {"write", "verify", "zero"};

    log_print(LOG_WARNING, "\rfooting: scrub %s %lu of %lu KiB", names[sweep], done >> 10,
              total >> 10);
}

static struct error sweep_all(const struct plan_request *request, enum sweep sweep,
                              struct frame_pool free_ram)
{
    uint64_t total = total_of(free_ram);
    uint64_t done = 0;
    uint64_t shown = 0;
    struct free_run run;
    struct error err = SUCCESS;

    while (!err.code && frame_pool_take_run(&free_ram, &run)) {
        while (!err.code && run.base < run.end) {
            uint64_t end = run.end - run.base > CHUNK ? run.base + CHUNK : run.end;

            err = sweep_chunk(request, sweep, run.base, end);
            done += end - run.base;
            run.base = end;
            if (done - shown >= REPORT) {
                progress(sweep, done, total);
                shown = done;
            }
        }
    }
    progress(sweep, done, total);
    log_print(LOG_WARNING, "\n");
    return err;
}

struct error scrub(const struct boot *boot, struct frame_pool free_ram, bool verify)
{
    const struct plan_request *request = &boot->request;
    struct error err = SUCCESS;

    if (verify) {
        sweep_all(request, SWEEP_WRITE, free_ram);
        err = sweep_all(request, SWEEP_VERIFY, free_ram);
    }
    if (!err.code)
        err = sweep_all(request, SWEEP_ZERO, free_ram);
    return err;
}
