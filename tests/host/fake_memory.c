/* SPDX-License-Identifier: MIT */
#include "fake_memory.h"

#include "test.h"

#define FAKE_BASE UINT64_C(0x700000000)

/* Reversing 16 bits scatters neighbours, and undoes itself. */
static size_t reverse(size_t index)
{
    size_t out = 0;

    for (unsigned bit = 0; bit < 16; bit++)
        out |= ((index >> bit) & 1) << (15 - bit);
    return out;
}

static uint64_t frame_of(size_t index)
{
    return FAKE_BASE + reverse(index) * 4096;
}

static size_t index_of(const struct fake_memory *fake, uint64_t frame)
{
    size_t index;

    if (frame % 4096 != 0 || frame < FAKE_BASE || frame >= FAKE_BASE + FAKE_MAX_FRAMES * 4096)
        fail_msg("0x%llx is no frame of the fake memory", (unsigned long long)frame);
    index = reverse((size_t)((frame - FAKE_BASE) / 4096));
    if (index >= fake->used)
        fail_msg("frame 0x%llx was never handed out", (unsigned long long)frame);
    return index;
}

void fake_memory_init(struct fake_memory *fake, size_t limit)
{
    size_t room = limit + 16; /* for what tests plant */

    assert_true(room <= FAKE_MAX_FRAMES);
    *fake = (struct fake_memory){.limit = limit};
    fake->frames = malloc(room * sizeof(fake->frames[0]));
    fake->requests = calloc(room, sizeof(fake->requests[0]));
    assert_non_null(fake->frames);
    assert_non_null(fake->requests);
}

void fake_memory_free(struct fake_memory *fake)
{
    free(fake->frames);
    free(fake->requests);
    *fake = (struct fake_memory){0};
}

static uint64_t fake_alloc(void *ctx, unsigned level, uint64_t va)
{
    struct fake_memory *fake = ctx;

    if (fake->used >= fake->limit)
        fail_msg("the builder takes more than the %zu frames that were counted", fake->limit);
    for (size_t slot = 0; slot < 512; slot++)
        fake->frames[fake->used][slot] = FAKE_POISON;
    fake->requests[fake->used] = (struct fake_request){level, va};
    return frame_of(fake->used++);
}

static uint64_t *open_copy(struct fake_memory *fake, uint64_t frame)
{
    size_t index = index_of(fake, frame);
    uint64_t *copy = malloc(sizeof(fake->frames[0]));

    assert_non_null(copy);
    if (fake->depth == FAKE_MAX_DEPTH)
        fail_msg("%d tables are mapped at once", FAKE_MAX_DEPTH + 1);
    memcpy(copy, fake->frames[index], sizeof(fake->frames[0]));
    fake->open[fake->depth].index = index;
    fake->open[fake->depth].copy = copy;
    fake->depth++;
    fake->maps++;
    return copy;
}

/* Close the innermost mapping, which must be this one. */
static size_t close_copy(struct fake_memory *fake, const uint64_t *table)
{
    if (fake->depth == 0 || fake->open[fake->depth - 1].copy != table)
        fail_msg("a table is unmapped that was not the last one mapped");
    return fake->open[--fake->depth].index;
}

static uint64_t *fake_map(void *ctx, uint64_t frame)
{
    struct fake_memory *fake = ctx;
    size_t index = index_of(fake, frame);

    for (size_t i = 0; i < fake->depth; i++) {
        if (fake->open[i].index == index)
            fail_msg("frame 0x%llx is mapped twice at once", (unsigned long long)frame);
    }
    return open_copy(fake, frame);
}

static void fake_unmap(void *ctx, uint64_t *table)
{
    struct fake_memory *fake = ctx;
    uint64_t *frame = fake->frames[close_copy(fake, table)];

    for (size_t slot = 0; slot < 512; slot++) {
        fake->rewrites += frame[slot] != FAKE_POISON && frame[slot] != table[slot];
        frame[slot] = table[slot];
    }
    free(table);
}

static const uint64_t *fake_read_map(void *ctx, uint64_t frame)
{
    return open_copy(ctx, frame);
}

static void fake_read_unmap(void *ctx, const uint64_t *table)
{
    struct fake_memory *fake = ctx;
    size_t index = close_copy(fake, table);

    assert_memory_equal(table, fake->frames[index], sizeof(fake->frames[0]));
    free(fake->open[fake->depth].copy);
}

struct pt_memory fake_memory_pt(struct fake_memory *fake)
{
    return (struct pt_memory){fake, fake_alloc, fake_map, fake_unmap};
}

struct pt_reader fake_memory_reader(struct fake_memory *fake)
{
    return (struct pt_reader){fake, fake_read_map, fake_read_unmap};
}

static uint64_t fake_slot(void *ctx, uint64_t frame, unsigned slot)
{
    return fake_memory_slots(ctx, frame)[slot];
}

struct ref_reader fake_memory_ref(struct fake_memory *fake)
{
    return (struct ref_reader){fake, fake_slot};
}

uint64_t fake_memory_zeroed(struct fake_memory *fake)
{
    assert_true(fake->used < fake->limit + 16);
    memset(fake->frames[fake->used], 0, sizeof(fake->frames[0]));
    return frame_of(fake->used++);
}

uint64_t *fake_memory_slots(struct fake_memory *fake, uint64_t frame)
{
    return fake->frames[index_of(fake, frame)];
}

void fake_memory_assert_written(const struct fake_memory *fake)
{
    assert_int_equal(fake->depth, 0);
    assert_int_equal(fake->rewrites, 0);
    for (size_t index = 0; index < fake->used; index++) {
        for (size_t slot = 0; slot < 512; slot++) {
            if (fake->frames[index][slot] == FAKE_POISON)
                fail_msg("table %zu, slot %zu was never written", index, slot);
        }
    }
}
