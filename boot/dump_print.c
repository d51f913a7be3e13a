/* SPDX-License-Identifier: MIT */
/* Page tables on the console: of any root, live or not. */
#include "dump.h"

#include "console.h"
#include "cpu.h"
#include "pmap.h"

static void print_run(void *ctx, const struct pt_dump_run *run)
{
    (void)ctx;
    log_print(LOG_ALWAYS, "  0x%016lx 0x%lx 0x%lx %s%s %s 4K=%lu 2M=%lu 1G=%lu\n", run->va, run->pa,
              run->len, rights_name(run->rights), run->user ? "u" : "", memtype_name(run->type),
              run->leaves[0], run->leaves[1], run->leaves[2]);
}

static void print_bad(void *ctx, unsigned level, uint64_t va, uint64_t entry)
{
    (void)ctx;
    log_print(LOG_ALWAYS, "  0x%016lx bad entry of level %u: 0x%lx\n", va, level + 1, entry);
}

void dump_print(uint64_t root)
{
    static const struct pt_dump_sink sink = {NULL, print_run, print_bad};

    log_print(LOG_ALWAYS, "footing: dump of root 0x%lx: va pa length rights type leaves\n", root);
    pt_dump(root, cpu_levels(), pmap_bits(), &pmap_snapshots, &sink);
}
