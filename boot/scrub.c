/* SPDX-License-Identifier: MIT */
/* Every free byte of RAM, written through the directmap: a page that is missing shows itself. */
#include "boot.h"
#include "console.h"
#include "print.h"
#include "x86.h"

#define CHUNK  UINT64_C(0x200000)
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

static struct error scrub_chunk(uint64_t directmap, uint64_t base, uint64_t end, bool verify)
{
    volatile uint64_t *words = (volatile uint64_t *)(directmap + base);
    uint64_t count = (end - base) / sizeof(uint64_t);
    struct error err = SUCCESS;

    if (verify) {
        fill(words, count, base + SALT, sizeof(uint64_t));
        err = check(words, count, base);
    }
    if (!err.code)
        fill(words, count, 0, 0);
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

static void progress(uint64_t done, uint64_t total)
{
    log_print(LOG_WARNING, "\rfooting: scrub %lu of %lu KiB", done >> 10, total >> 10);
}

struct error scrub(const struct boot *boot, struct frame_pool free_ram, bool verify)
{
    uint64_t total = total_of(free_ram);
    uint64_t done = 0;
    uint64_t shown = 0;
    struct free_run run;
    struct error err = SUCCESS;

    while (!err.code && frame_pool_take_run(&free_ram, &run)) {
        while (!err.code && run.base < run.end) {
            uint64_t end = run.end - run.base > CHUNK ? run.base + CHUNK : run.end;

            err = scrub_chunk(boot->request.directmap_base, run.base, end, verify);
            done += end - run.base;
            run.base = end;
            if (done - shown >= REPORT) {
                progress(done, total);
                shown = done;
            }
        }
    }
    if (!err.code)
        progress(done, total);
    log_print(LOG_WARNING, err.code ? "\n" : verify ? ", all read back\n" : ", zeroed\n");
    return err;
}
