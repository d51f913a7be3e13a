/* SPDX-License-Identifier: MIT */
/* The table of pages that a space remembers: it is forgotten when it goes, and no other root's. */
#include "subject.h"

#include "layout.h"
#include "test.h"

#define OWN UINT64_C(0x0000123400000000) /* in a slot that the main root does not use */
#define TOP UINT64_C(0xffffffff80000000)
#define DM  DIRECTMAP_BASE_4

/* The main root: a directmap of 32 MiB, and some pages of text. */
static struct subject *start(size_t frames)
{
    struct subject *s = subject_init(4, 2);

    subject_arena(s, DM, M(64));
    subject_arena(s, TOP, M(4));
    subject_arena(s, OWN, M(4));
    s->space.directmap_base = DM;
    s->space.directmap_size = DIRECTMAP_SIZE_4;
    subject_mapped(s, (struct mapping){DM, 0, M(32), RIGHT_W, MEMTYPE_WB, 2, WHAT_DIRECTMAP});
    subject_mapped(s, (struct mapping){TOP, M(40), K(32), RIGHT_X, MEMTYPE_WB, 2, WHAT_IMAGE_TEXT});
    subject_start(s, frames);
    return s;
}

/* One root more, with an arena of its own. */
static unsigned add_root(struct subject *s)
{
    unsigned owner = subject_add_root(s);

    subject_arena(s, OWN, M(4));
    return owner;
}

static struct pt_change unmap(uint64_t va, uint64_t len)
{
    return (struct pt_change){.op = PT_UNMAP, .va = va, .len = len};
}

/* Pages in one table, one after the other: from the second on, a space remembers it. */
static void remember(struct subject *s, uint64_t va)
{
    for (uint64_t i = 0; i < 4; i++)
        subject_map(s, va + i * K(8), M(48) + i * K(16), K(4), 0);
}

/* A table that a root remembers goes, and its frame is another root's next one. */
static void remembered_table_is_forgotten_when_it_goes(void **state)
{
    struct subject *s = start(30);
    unsigned owner = add_root(s);
    uint64_t pages[] = {OWN, OWN + K(16), OWN + K(8), OWN + K(24)};

    (void)state;
    for (unsigned round = 0; round < 4; round++) {
        unsigned first = round % 2 ? owner : 0;

        subject_turn(s, first);
        remember(s, OWN);
        for (size_t i = 0; i < COUNT_OF(pages); i++)
            subject_unmap(s, pages[i], K(4));
        subject_turn(s, owner - first);
        remember(s, OWN + K(32));
        subject_turn(s, first);
        subject_expect(s, unmap(OWN + K(32), K(4)), ERR_ABSENT, OWN + K(32));
        subject_map(s, OWN + K(4), M(50), K(4), 0);
        subject_protect(s, OWN + K(4), K(4), RIGHT_W);
        subject_unmap(s, OWN + K(4), K(4));
        subject_turn(s, owner - first);
        subject_unmap(s, OWN + K(40), K(4));
        subject_unmap(s, OWN + K(48), K(4));
        subject_unmap(s, OWN + K(56), K(4));
        subject_unmap(s, OWN + K(32), K(4));
    }
    subject_end(s);
}

/* So it does by a merge, and a split makes another; beside the table there are other ones. */
static void remembered_table_is_merged_and_split(void **state)
{
    struct subject *s = start(30);

    (void)state;
    remember(s, OWN + M(2));
    for (unsigned round = 0; round < 2; round++) {
        subject_map(s, OWN, M(50), M(2) - K(12), RIGHT_W);
        for (uint64_t left = K(12); left > 0; left -= K(4))
            subject_map(s, OWN + M(2) - left, M(52) - left, K(4), RIGHT_W);
        assert_int_equal(s->leaves[1], 16 + 1);
        subject_protect(s, OWN + K(8), K(4), 0);
        subject_protect(s, OWN + K(12), K(4), 0);
        subject_protect(s, OWN + M(2) + K(8), K(4), RIGHT_W);
        subject_protect(s, OWN + K(12), K(4), RIGHT_W);
        subject_protect(s, OWN + K(8), K(4), RIGHT_W);
        assert_int_equal(s->leaves[1], 16 + 1);
        subject_unmap(s, OWN, M(2));
    }
    subject_end(s);
}

/* A root begins without what the main root remembers: there it may change nothing. */
static void new_root_remembers_no_table(void **state)
{
    struct subject *s = start(30);

    (void)state;
    for (unsigned round = 0; round < 2; round++) {
        unsigned owner;

        subject_turn(s, 0);
        remember(s, TOP + M(2));
        owner = add_root(s);
        subject_expect(s, unmap(TOP + M(2), K(4)), ERR_CLASH, TOP + M(2));
        remember(s, OWN);
        subject_expect(s, unmap(TOP + M(2), K(4)), ERR_CLASH, TOP + M(2));
        subject_turn(s, 0);
        subject_unmap(s, TOP + M(2), K(4));
        subject_drop_root(s, owner);
        for (uint64_t i = 1; i < 4; i++)
            subject_unmap(s, TOP + M(2) + i * K(8), K(4));
    }
    subject_end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remembered_table_is_forgotten_when_it_goes),
        cmocka_unit_test(remembered_table_is_merged_and_split),
        cmocka_unit_test(new_root_remembers_no_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
