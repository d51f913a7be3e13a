/* SPDX-License-Identifier: MIT */
#include "dump.h"

struct dump {
    const struct pt_dump_sink *sink;
    struct pt_dump_run run; /* len 0: none so far */
};

static void end_run(struct dump *d)
{
    if (d->run.len > 0)
        d->sink->run(d->sink->ctx, &d->run);
    d->run = (struct pt_dump_run){.len = 0};
}

static bool continues(const struct pt_dump_run *run, const struct pt_leaf *leaf)
{
    return run->len > 0 && run->va + run->len == leaf->va && run->pa + run->len == leaf->pa &&
           run->rights == leaf->rights && run->user == leaf->user && run->type == leaf->type;
}

static bool take_leaf(void *ctx, const struct pt_leaf *leaf)
{
    struct dump *d = ctx;

    if (!continues(&d->run, leaf)) {
        end_run(d);
        d->run = (struct pt_dump_run){.va = leaf->va,
                                      .pa = leaf->pa,
                                      .rights = leaf->rights,
                                      .user = leaf->user,
                                      .type = leaf->type};
    }
    d->run.len += leaf->len;
    d->run.leaves[leaf->level]++;
    return true;
}

static bool take_bad(void *ctx, unsigned level, uint64_t va, uint64_t entry)
{
    struct dump *d = ctx;

    end_run(d);
    d->sink->bad(d->sink->ctx, level, va, entry);
    return true;
}

void pt_dump(uint64_t root, unsigned levels, unsigned phys_bits, const struct pt_reader *reader,
             const struct pt_dump_sink *sink)
{
    struct dump d = {.sink = sink};
    const struct pt_visitor visitor = {.ctx = &d, .leaf = take_leaf, .bad = take_bad};

    pt_walk(root, levels, phys_bits, reader, &visitor);
    end_run(&d);
}
