/* SPDX-License-Identifier: MIT */
/* Every free byte of RAM, written through the directmap: a page that is missing shows itself. */
#include "boot.h"
#include "console.h"
#include "x86.h"

#define CHUNK  UINT64_C(0x200000) /* bytes between two looks at the progress */
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

static struct error sweep_chunk(enum sweep sweep, uint64_t directmap, uint64_t base, uint64_t end)
{
    volatile uint64_t *words = (volatile uint64_t *)(directmap + base);
    uint64_t count = (end - base) / sizeof(uint64_t);

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

static struct error sweep_all(enum sweep sweep, uint64_t directmap, struct frame_pool free_ram)
{
    uint64_t total = total_of(free_ram);
    uint64_t done = 0;
    uint64_t shown = 0;
    struct free_run run;
    struct error err = SUCCESS;

    while (!err.code && frame_pool_take_run(&free_ram, &run)) {
        while (!err.code && run.base < run.end) {
            uint64_t end = run.end - run.base > CHUNK ? run.base + CHUNK : run.end;

            err = sweep_chunk(sweep, directmap, run.base, end);
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
    uint64_t directmap = boot->request.directmap_base;
    struct error err = SUCCESS;

    if (verify) {
        sweep_all(SWEEP_WRITE, directmap, free_ram);
        err = sweep_all(SWEEP_VERIFY, directmap, free_ram);
    }
    if (!err.code)
        err = sweep_all(SWEEP_ZERO, directmap, free_ram);
    return err;
}
