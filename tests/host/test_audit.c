/* SPDX-License-Identifier: MIT */
/* pt_audit(): sound tables pass, and each fault that is planted in them is found where it is. */
#include "layout.h"
#include "tables.h"
#include "test.h"
#include "walk.h"

#define TEXT UINT64_C(0xffffffff80080000)
#define DATA (TEXT + K(64))
#define RAM  DIRECTMAP_BASE_4

static struct tables tables;

/* A small machine: text, data, and RAM with pages of all three sizes and a hole. */
static int setup(void **state)
{
    struct tables *t = &tables;

    tables_start(t, 4);
    tables_add(t, (struct mapping){RAM, 0, 0x9f000, RIGHT_W, MEMTYPE_WB, 2, WHAT_DIRECTMAP});
    tables_add(t, (struct mapping){RAM + M(8), M(8), G(3), RIGHT_W, MEMTYPE_WB, 2, WHAT_DIRECTMAP});
    tables_add(t, (struct mapping){TEXT, G(8), K(64), RIGHT_X, MEMTYPE_WB, 0, WHAT_IMAGE_TEXT});
    tables_add(t, (struct mapping){DATA, G(9), K(64), RIGHT_W, MEMTYPE_WB, 0, WHAT_IMAGE_DATA});
    tables_build(t);
    *state = t;
    return 0;
}

static int teardown(void **state)
{
    tables_end(*state);
    return 0;
}

static struct error audit(struct tables *t, struct pt_stats *found)
{
    struct pt_reader reader = fake_memory_reader(&t->fake);
    struct error error =
        pt_audit(t->root, t->levels, t->phys_bits, &reader, &t->plan, &t->mtrr, found);

    assert_int_equal(t->fake.depth, 0);
    return error;
}

/* The audit fails, says why, and points into the page that is wrong. */
static void assert_caught(struct tables *t, uint64_t va, uint64_t len)
{
    struct pt_stats found;
    struct error error = audit(t, &found);

    assert_int_equal(error.code, ERR_AUDIT);
    assert_non_null(error.text);
    assert_true(error.at - va < len);
}

static void assert_passes(struct tables *t)
{
    struct pt_stats found;

    assert_int_equal(audit(t, &found).code, ERR_NONE);
}

/* Put another entry in the slot; the audit must catch it, and pass when it is back. */
static void assert_change_caught(struct tables *t, uint64_t va, unsigned level, uint64_t entry)
{
    uint64_t *slot = tables_slot(t, va, level);
    uint64_t kept = *slot;

    assert_int_not_equal(kept, entry);
    *slot = entry;
    assert_caught(t, va, UINT64_C(4096) << (9 * level));
    *slot = kept;
    assert_passes(t);
}

static void assert_flip_caught(struct tables *t, uint64_t va, unsigned level, uint64_t bits)
{
    assert_change_caught(t, va, level, *tables_slot(t, va, level) ^ bits);
}

/* Tables as built pass, and the audit counts what the builder counted. */
static void sound_tables_pass(void **state)
{
    struct tables *t = *state;
    struct pt_stats found;

    assert_int_equal(audit(t, &found).code, ERR_NONE);
    assert_memory_equal(&found, &t->stats, sizeof(found));
}

/* The same over random plans; and against the same plan less one entry, or a page, they fail. */
static void random_tables_pass_against_their_own_plan_only(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 25; round++) {
        struct pt_stats found;
        struct tables t;

        tables_random(&t, &rng);
        tables_build(&t);
        assert_int_equal(audit(&t, &found).code, ERR_NONE);
        assert_memory_equal(&found, &t.stats, sizeof(found));
        if (t.plan.count > 0) {
            struct mapping *last = &t.entries[t.plan.count - 1];

            t.plan.count--;
            assert_caught(&t, last->va, last->len);
            t.plan.count++;
            last->len -= 4096;
            if (last->len > 0)
                assert_int_equal(audit(&t, &found).code, ERR_AUDIT);
        }
        tables_end(&t);
    }
}

/* A random bit, flipped anywhere that it matters, is found. */
static void any_flipped_bit_that_matters_is_found(void **state)
{
    const uint64_t harmless = PTE_A | PTE_D | PTE_G | UINT64_C(0x7ff0000000000e00);
    struct tables *t = *state;
    struct rng rng;

    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 1500; round++) {
        const struct mapping *entry = &t->entries[rng_below(&rng, t->plan.count)];
        uint64_t va = entry->va + rng_below(&rng, entry->len / 4096) * 4096;
        unsigned level = ref_page_level(entry, va);
        uint64_t bit = UINT64_C(1) << rng_below(&rng, 64);
        uint64_t size = UINT64_C(4096) << (9 * level);

        /* U alone gives nothing while the links lack it; PS would read a frame that is none. */
        if ((bit & (harmless | PTE_U)) != 0 || (level > 0 && bit == PTE_PS))
            continue;
        assert_flip_caught(t, va / size * size, level, bit);
    }
}

/* A leaf too many, in the hole of the directmap, beside the text, and in a new 1 GiB. */
static void leaf_too_many_is_caught(void **state)
{
    struct tables *t = *state;

    assert_change_caught(t, RAM + 0x9f000, 0, pte_attributes(RIGHT_W, MEMTYPE_WB, 0) | 0x9f000);
    assert_change_caught(t, RAM + M(2), 1, pte_attributes(RIGHT_W, MEMTYPE_WB, 1) | M(2));
    assert_change_caught(t, RAM + G(4), 2, pte_attributes(RIGHT_W, MEMTYPE_WB, 2) | G(4));
    assert_change_caught(t, TEXT - 4096, 0, pte_attributes(0, MEMTYPE_WB, 0) | G(8));
    assert_change_caught(t, (uint64_t)0 - G(1), 2, pte_attributes(0, MEMTYPE_WB, 2));
}

/* A missing page: the first, the last, one amid, and one of each size. */
static void missing_page_is_caught(void **state)
{
    struct tables *t = *state;

    assert_change_caught(t, RAM, 0, 0);
    assert_change_caught(t, RAM + 0x9e000, 0, 0);
    assert_change_caught(t, RAM + M(8), 1, 0);
    assert_change_caught(t, RAM + G(2), 2, 0);
    assert_change_caught(t, DATA + K(60), 0, 0);
}

/* A missing table, and with it all its pages; a root that is empty. */
static void missing_table_is_caught(void **state)
{
    struct tables *t = *state;

    for (unsigned level = 1; level < 4; level++)
        assert_change_caught(t, (TEXT >> (12 + 9 * level)) << (12 + 9 * level), level, 0);
    t->root = fake_memory_zeroed(&t->fake);
    assert_caught(t, RAM, 4096);
}

/* Text made writable. */
static void added_w_is_caught(void **state)
{
    assert_flip_caught(*state, TEXT, 0, PTE_W);
    assert_flip_caught(*state, TEXT + K(60), 0, PTE_W);
}

/* Data and RAM made executable, at each size. */
static void removed_nx_is_caught(void **state)
{
    assert_flip_caught(*state, DATA, 0, PTE_NX);
    assert_flip_caught(*state, RAM + M(8), 1, PTE_NX);
    assert_flip_caught(*state, RAM + G(2), 2, PTE_NX);
}

/* A right that is missing is a difference too, in the leaf or above it. */
static void missing_right_is_caught(void **state)
{
    assert_flip_caught(*state, DATA, 0, PTE_W);
    assert_flip_caught(*state, TEXT, 0, PTE_NX);
    assert_flip_caught(*state, RAM + M(8), 1, PTE_W);
    assert_flip_caught(*state, RAM, 3, PTE_W);
    assert_flip_caught(*state, UINT64_C(0xffffffff80000000), 2, PTE_NX);
}

/* A page to the wrong frame: the neighbour's, or one far away. */
static void wrong_frame_is_caught(void **state)
{
    assert_flip_caught(*state, TEXT, 0, 4096);
    assert_flip_caught(*state, DATA + K(8), 0, G(16));
    assert_flip_caught(*state, RAM + M(10), 1, M(2));
    assert_flip_caught(*state, RAM + G(1), 2, G(1));
    assert_flip_caught(*state, RAM + G(2), 2, T(32));
}

/* A page of the wrong memory type, by each of the three bits. */
static void wrong_memory_type_is_caught(void **state)
{
    static const uint64_t bits[] = {PTE_PWT, PTE_PCD};

    for (size_t i = 0; i < COUNT_OF(bits); i++) {
        assert_flip_caught(*state, DATA, 0, bits[i]);
        assert_flip_caught(*state, RAM + M(8), 1, bits[i]);
        assert_flip_caught(*state, RAM + G(1), 2, bits[i]);
    }
    assert_flip_caught(*state, DATA, 0, PTE_PAT_4K);
    assert_flip_caught(*state, RAM + M(8), 1, PTE_PAT_LARGE);
    assert_flip_caught(*state, RAM + G(1), 2, PTE_PAT_LARGE);
}

/* A page that user mode can reach. */
static void user_page_is_caught(void **state)
{
    struct tables *t = *state;

    for (unsigned level = 1; level < 4; level++)
        *tables_slot(t, DATA, level) |= PTE_U;
    assert_flip_caught(t, DATA, 0, PTE_U);
}

/* 512 small pages that say the same as the large one that was planned. */
static void smaller_page_than_possible_is_caught(void **state)
{
    struct tables *t = *state;
    uint64_t frame = fake_memory_zeroed(&t->fake);
    uint64_t *slots = fake_memory_slots(&t->fake, frame);

    for (unsigned i = 0; i < 512; i++)
        slots[i] = pte_attributes(RIGHT_W, MEMTYPE_WB, 0) | (M(8) + K(4) * i);
    assert_change_caught(t, RAM + M(8), 1, frame | PTE_P | PTE_W | PTE_A);
    for (unsigned i = 0; i < 512; i++)
        slots[i] = pte_attributes(RIGHT_W, MEMTYPE_WB, 1) | (G(1) + M(2) * i);
    assert_change_caught(t, RAM + G(1), 2, frame | PTE_P | PTE_W | PTE_A);
}

/* A large page where the plan allows small ones only, with all the right bytes. */
static void larger_page_than_planned_is_caught(void **state)
{
    struct tables t;

    (void)state;
    tables_start(&t, 4);
    tables_add(&t, (struct mapping){RAM, M(2), M(2), RIGHT_W, MEMTYPE_WB, 0, WHAT_DIRECTMAP});
    tables_build(&t);
    assert_change_caught(&t, RAM, 1, pte_attributes(RIGHT_W, MEMTYPE_WB, 1) | M(2));
    tables_end(&t);
}

/* A slot that is not present but not zero, at each level. */
static void stray_entry_is_caught(void **state)
{
    struct tables *t = *state;

    assert_change_caught(t, TEXT - 4096, 0, G(8) | PTE_W);
    assert_change_caught(t, RAM + M(4), 1, PTE_NX);
    assert_change_caught(t, RAM + G(5), 2, PTE_PS);
    assert_change_caught(t, UINT64_C(1) << 39, 3, UINT64_C(1) << 11);
}

/* A reserved bit, in a leaf and in a link. */
static void reserved_bit_is_caught(void **state)
{
    assert_flip_caught(*state, DATA, 0, UINT64_C(1) << 46);
    assert_flip_caught(*state, RAM + M(8), 1, UINT64_C(1) << 13);
    assert_flip_caught(*state, RAM, 2, UINT64_C(1) << 51);
    assert_flip_caught(*state, RAM, 3, PTE_PS);
}

/* An empty table that the plan does not need, at each level. */
static void extra_empty_table_is_caught(void **state)
{
    static const struct {
        uint64_t va;
        unsigned level;
    } places[] = {{RAM + M(2), 1}, {RAM + G(4), 2}, {UINT64_C(1) << 39, 3}};
    struct tables *t = *state;
    uint64_t frame = fake_memory_zeroed(&t->fake);

    for (size_t i = 0; i < COUNT_OF(places); i++) {
        uint64_t *slot = tables_slot(t, places[i].va, places[i].level);
        struct pt_stats found;

        *slot = frame | PTE_P | PTE_W | PTE_A;
        assert_int_equal(audit(t, &found).code, ERR_AUDIT);
        *slot = 0;
        assert_passes(t);
    }
}

/* One table used twice maps its pages twice. */
static void table_linked_twice_is_caught(void **state)
{
    struct tables *t = *state;

    assert_change_caught(t, RAM + M(2), 1, *tables_slot(t, RAM, 1));
    assert_change_caught(t, 0, 3, *tables_slot(t, RAM, 3));
}

/* Planned so, and mapped so, and yet no page may lie over two memory types of the MTRRs. */
static void page_over_two_mtrr_types_is_caught(void **state)
{
    static const uint64_t at[] = {0, K(4), M(1), M(2) - K(4)};
    struct tables *t = *state;
    struct pt_stats found;

    t->mtrr =
        (struct mtrr_state){.present = true, .phys_bits = 46, .def_type = 0x806, .variable = 1};
    for (size_t i = 0; i < COUNT_OF(at); i++) {
        t->mtrr.var[0].base = M(16) + at[i]; /* UC, on a page of 2 MiB */
        t->mtrr.var[0].mask = 0x3ffffffff800;
        assert_int_equal(audit(t, &found).code, ERR_AUDIT);
        assert_int_equal(audit(t, &found).at, RAM + M(16));
        assert_string_equal(audit(t, &found).text, "a page over two memory types of the MTRRs");
    }
    t->mtrr.var[0].base = G(2) + M(512); /* on a page of 1 GiB */
    assert_int_equal(audit(t, &found).at, RAM + G(2));
    t->mtrr.var[0].mask = 0x3fff80000800; /* from one page's end to the next one's */
    t->mtrr.var[0].base = G(2);
    assert_passes(t);
    t->mtrr.var[0].base = M(8) - K(4); /* between two mappings */
    t->mtrr.var[0].mask = 0x3ffffffff800;
    assert_passes(t);
    t->mtrr.var[0].base = G(8) + K(4); /* on one page of many small ones */
    assert_passes(t);
    t->mtrr.present = false;
    t->mtrr.var[0].base = M(16);
    assert_passes(t);
}

#define WITH_TABLES(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TABLES(sound_tables_pass),
        cmocka_unit_test(random_tables_pass_against_their_own_plan_only),
        WITH_TABLES(any_flipped_bit_that_matters_is_found),
        WITH_TABLES(leaf_too_many_is_caught),
        WITH_TABLES(missing_page_is_caught),
        WITH_TABLES(missing_table_is_caught),
        WITH_TABLES(added_w_is_caught),
        WITH_TABLES(removed_nx_is_caught),
        WITH_TABLES(missing_right_is_caught),
        WITH_TABLES(wrong_frame_is_caught),
        WITH_TABLES(wrong_memory_type_is_caught),
        WITH_TABLES(user_page_is_caught),
        WITH_TABLES(smaller_page_than_possible_is_caught),
        cmocka_unit_test(larger_page_than_planned_is_caught),
        WITH_TABLES(stray_entry_is_caught),
        WITH_TABLES(reserved_bit_is_caught),
        WITH_TABLES(extra_empty_table_is_caught),
        WITH_TABLES(table_linked_twice_is_caught),
        WITH_TABLES(page_over_two_mtrr_types_is_caught),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
