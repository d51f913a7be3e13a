/* SPDX-License-Identifier: MIT */
/* Accesses: foretold, tried, compared. */
#include "access.h"

#define TOUCHED_MAX 64

uint64_t accesses_made;

static const char *const kind_names[KINDS] = {
    [READ1] = "read1",   [READ8] = "read8",   [WRITE1] = "write1",
    [WRITE8] = "write8", [LOCKED] = "locked", [FETCH] = "fetch",
};

static uint64_t touched[TOUCHED_MAX];
static unsigned touched_count, touched_next;
static uint64_t state;

void random_seed(uint64_t seed)
{
    state = seed * 2 + 1;
    for (unsigned i = 0; i < 8; i++)
        random_number();
}

uint64_t random_number(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state * 0x2545f4914f6cdd1dull >> 11;
}

/* Anything, but for what is fetched: a page's first byte, that of its middle, and its last. */
static uint64_t value_for(uint64_t kind, uint64_t va)
{
    uint64_t value = random_number() << 32 ^ random_number();
    unsigned offset = va & PAGE_MASK;

    if (kind == WRITE1)
        return offset == PAGE_MASK ? 0xf3 : 0xc3;
    if (offset + 8 > PAGE_SIZE) {
        unsigned before = (unsigned)PAGE_SIZE - offset;

        value &= ~(0xffffull << 8 * (before - 1));
        return value | 0xc3f3ull << 8 * (before - 1);
    }
    if (offset + 8 == PAGE_SIZE)
        return (value & ~(0xffull << 56)) | 0xf3ull << 56;
    return (value & ~0xffull) | 0xc3;
}

static void verify_written(uint64_t va, uint64_t kind)
{
    uint64_t end = va + (kind == WRITE1 ? 1 : 8);

    for (uint64_t at = va; at < end; at = (at | PAGE_MASK) + 1) {
        const struct page *page = model_page(at);

        if (pool_of(page->frame))
            frame_verify(page->frame);
    }
}

void try_access(uint64_t kind, uint64_t va)
{
    uint64_t value = value_for(kind, va);
    struct forecast f;
    struct outcome seen;
    bool same;

    if (!is_modelled(va) || !is_modelled((va | PAGE_MASK) + 1))
        return;
    f = foretell(kind, va, value);
    attempt(kind, va, value, &seen);
    accesses_made++;
    same = seen.vector == f.outcome.vector && seen.error == f.outcome.error &&
           seen.cr2 == f.outcome.cr2 && (!f.value_known || seen.value == f.outcome.value);
    if (!same)
        differs("%s 0x%x: vector %u error 0x%x cr2 0x%x value 0x%x, foretold %u 0x%x 0x%x 0x%x; "
                "call %u: operation %u va 0x%x len 0x%x rights %u",
                kind_names[kind], va, seen.vector, seen.error, seen.cr2, seen.value,
                f.outcome.vector, f.outcome.error, f.outcome.cr2, f.outcome.value, calls_made,
                (uint64_t)last_call.operation, last_call.va, last_call.len,
                (uint64_t)last_call.rights);
    else if (seen.vector == VECTOR_NONE && (kind == WRITE1 || kind == WRITE8 || kind == LOCKED))
        verify_written(va, kind);
}

struct place {
    uint8_t kind;
    uint16_t offset;
};

/* Also into the next page: the last two but one, and what is fetched at the last byte. */
static const struct place places[] = {
    {READ1, 0},      {READ1, 0x800},  {READ1, 0xfff},  {READ8, 0},      {READ8, 0x800},
    {READ8, 0xff8},  {WRITE1, 0},     {WRITE1, 0x800}, {WRITE1, 0xfff}, {WRITE8, 0},
    {WRITE8, 0x800}, {WRITE8, 0xff8}, {LOCKED, 0},     {LOCKED, 0x800}, {LOCKED, 0xff8},
    {FETCH, 0},      {FETCH, 0x800},  {FETCH, 0xfff},  {READ8, 0xffc},  {WRITE8, 0xffc},
};
#define PLACES (sizeof(places) / sizeof(places[0]))

static void remember(uint64_t va)
{
    touched[touched_next] = va;
    touched_next = (touched_next + 1) % TOUCHED_MAX;
    touched_count += touched_count < TOUCHED_MAX;
}

void try_page(uint64_t va)
{
    remember(va & ~PAGE_MASK);
    for (unsigned i = 0; i < PLACES; i++)
        try_access(places[i].kind, (va & ~PAGE_MASK) + places[i].offset);
}

void try_some(uint64_t va, unsigned count)
{
    remember(va & ~PAGE_MASK);
    while (count-- > 0) {
        const struct place *p = &places[random_number() % PLACES];

        try_access(p->kind, (va & ~PAGE_MASK) + p->offset);
    }
}

void try_touched(unsigned count)
{
    while (touched_count > 0 && count-- > 0) {
        const struct place *p = &places[random_number() % PLACES];

        try_access(p->kind, touched[random_number() % touched_count] + p->offset);
    }
}

/* No operand crosses a border here: on which side of it a CPU faults first is its own affair. */
void try_outside(void)
{
    static const uint64_t four[] = {0x800000000000,   0xffff7ffffffff000, 0xff80000000000000,
                                    0x80000000000000, 0x4000000000000000, 0x8000000000000000};
    static const uint64_t five[] = {0x100000000000000, 0xfefffffffffff000, 0x4000000000000000,
                                    0x8000000000000000};
    const uint64_t *all = info->levels == 5 ? five : four;
    unsigned count = info->levels == 5 ? sizeof(five) / 8 : sizeof(four) / 8;

    for (uint64_t kind = 0; kind < KINDS; kind++) {
        for (unsigned i = 0; i < count; i++) {
            try_access(kind, all[i]);
            try_access(kind, all[i] + 0x800);
        }
        for (uint64_t va = 0; va < 0x10000; va += 0x1800)
            try_access(kind, va);
    }
}
