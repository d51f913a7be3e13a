/* SPDX-License-Identifier: MIT */
/*
 * Live changes of page tables, one after the other, over the small machine of
 * the host tests: its CPU keeps every translation that the manual lets it
 * keep, and each page, each error and the list of aliases are held against
 * its model (tests/host/subject.h). The input: a byte for levels (1: 5) and
 * largest page (2, 4), a byte for the room in the list of aliases, then for
 * each change
 *
 *     operation (0 to 2; 3: roots) | frames that are free (32 values, 31: all) << 2
 *     arena (4, 3: any address) | rights << 2 | largest page << 5
 *     type (5) | allow_wx << 3 | allow_types << 4 | pa congruent << 5 | odd << 6
 *     first page, pages, frame: 16 bits each; at an odd one, 64 bits each
 *
 * or, for roots, a byte: 0: another's turn, 1: a new one, 2: one goes | which << 2
 */
#define _POSIX_C_SOURCE 200112L

#include "fuzz.h"
#include "subject.h"

#define MAX_CHANGES 64

#define OWN UINT64_C(0x0000123400000000) /* in a slot that the main root does not use */

static const unsigned char types[8] = {6, 6, 6, 0, 1, 4, 5, 6};

static uint64_t choose_frame(const struct subject *s, uint64_t va, uint64_t page, bool congruent)
{
    uint64_t pa = page % (SMALL_TOP / 4096) * 4096;

    /* The directmap is arithmetic: its window maps nothing else. */
    if (va - s->space.directmap_base < s->space.directmap_size)
        return va - s->space.directmap_base;
    return congruent ? pa / M(2) * M(2) + va % M(2) : pa;
}

/* One of the main root's, or, mostly, that of the root whose turn it is. */
static const struct arena *choose_arena(const struct subject *s, unsigned which)
{
    for (size_t i = 0; i < s->narenas && s->owner != 0 && which != 1; i++) {
        if (s->arenas[i].owner == s->owner && s->arenas[i].count != 0)
            return &s->arenas[i];
    }
    return &s->arenas[which];
}

/* What may be a range of the model, or one that is refused for its form. */
static struct pt_change take_change(struct subject *s, unsigned first, struct bytes *in,
                                    unsigned *frames)
{
    unsigned second = take8(in);
    unsigned third = take8(in);
    const struct arena *arena = choose_arena(s, (second & 3) % 3);
    struct pt_change change = {
        .op = (enum pt_op)(first & 3),
        .rights = second >> 2 & (RIGHT_W | RIGHT_X),
        .type = (enum memtype)types[third & 7],
        .max_level = second >> 5 & 3,
        .allow_wx = third >> 3 & 1,
        .allow_types = third >> 4 & 1,
    };

    *frames = first >> 2 & 31;
    if (third >> 6 & 1) {
        change.va = take64(in);
        change.len = take64(in);
        change.pa = take64(in);
    } else {
        size_t page = take16(in) % arena->count;

        change.va = arena->va + page * 4096;
        change.len = (take16(in) % (arena->count - page) + 1) * UINT64_C(4096);
        change.pa = choose_frame(s, change.va, take16(in), third >> 5 & 1);
    }
    return change;
}

/* Free addresses are for what is refused at once: what is not in the model cannot be mapped. */
static bool in_model(const struct subject *s, const struct pt_change *change)
{
    bool whole = change->va % 4096 == 0 && change->len % 4096 == 0 && change->len != 0;
    uint64_t last = change->va + (change->len - 1);
    unsigned shift = 12 + 9 * (s->levels - 1);

    if (!whole || last < change->va)
        return true; /* an error, whatever it is */
    if (s->owner != 0 && change->va >> shift == last >> shift &&
        s->others[s->owner - 1].shares[change->va >> shift & 511])
        return true; /* another */
    for (size_t i = 0; i < s->narenas; i++) {
        uint64_t above = change->va - s->arenas[i].va;
        bool direct = change->va - s->space.directmap_base < s->space.directmap_size;

        if (s->arenas[i].owner == s->owner && above / 4096 < s->arenas[i].count &&
            change->len <= s->arenas[i].count * UINT64_C(4096) - above)
            return !direct || change->op != PT_MAP || change->pa == above;
    }
    return false;
}

static void change_roots(struct subject *s, unsigned what)
{
    unsigned root = (what >> 2) % (SUBJECT_ROOTS + 1);
    bool exists = root == 0 || s->others[root - 1].space.root != 0;
    unsigned count = 0;

    for (unsigned i = 0; i < SUBJECT_ROOTS; i++)
        count += s->others[i].space.root != 0;
    if ((what & 3) == 0 && exists) {
        subject_turn(s, root);
    } else if ((what & 3) == 1 && count < SUBJECT_ROOTS && s->narenas < SUBJECT_ARENAS &&
               s->tlb.left > 0) {
        subject_add_root(s);
        subject_arena(s, OWN, M(3));
    } else if ((what & 3) == 2 && exists && root != 0) {
        subject_drop_root(s, root);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    /* What the host tests' helpers assert is a finding too. */
    return setenv("CMOCKA_TEST_ABORT", "1", 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = {data, data + size};
    unsigned head = take8(&in);
    size_t room = take8(&in);
    struct subject *s = subject_small(4 + (head & 1), (head >> 1) % 3);

    s->registry.max = room == 255 ? SUBJECT_ALIASES : s->registry.count + room;
    for (unsigned i = 0; i < MAX_CHANGES && in.at < in.end; i++) {
        size_t left = s->tlb.left;
        unsigned first = take8(&in);
        struct pt_change change;
        unsigned frames;

        if ((first & 3) == 3) {
            change_roots(s, take8(&in));
            continue;
        }
        change = take_change(s, first, &in, &frames);
        if (!in_model(s, &change))
            continue;
        s->tlb.left = frames == 31 || frames > left ? left : frames;
        left -= s->tlb.left;
        subject_update(s, &change);
        s->tlb.left += left;
    }
    CHECK(s->tlb.depth == 0);
    subject_end(s);
    return 0;
}
