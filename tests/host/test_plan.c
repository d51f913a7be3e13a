/* SPDX-License-Identifier: MIT */
#include "plan.h"

#include "layout.h"
#include "machine.h"
#include "random.h"
#include "test.h"

#define RW RIGHT_W
#define RX RIGHT_X

static void assert_entry(const struct machine *m, size_t i, uint64_t va, uint64_t pa, uint64_t len,
                         unsigned rights)
{
    assert_true(i < m->plan.count);
    assert_int_equal(m->plan.entries[i].va, va);
    assert_int_equal(m->plan.entries[i].pa, pa);
    assert_int_equal(m->plan.entries[i].len, len);
    assert_int_equal(m->plan.entries[i].rights, rights);
}

/* Entry i is of the directmap, and as such. */
static void assert_direct(const struct machine *m, size_t i, uint64_t pa, uint64_t end,
                          unsigned rights)
{
    assert_entry(m, i, m->request.directmap_base + pa, pa, end - pa, rights);
    assert_int_equal(m->plan.entries[i].type, MEMTYPE_WB);
    assert_int_equal(m->plan.entries[i].max_level, m->request.max_level);
    assert_int_equal(m->plan.entries[i].what, WHAT_DIRECTMAP);
}

static void assert_made(struct machine *m, size_t count)
{
    struct error error = plan_make(&m->plan, &m->request);

    assert_int_equal(error.code, ERR_NONE);
    assert_int_equal(m->plan.count, count);
}

static struct error assert_refused(struct machine *m, enum error_code code)
{
    struct error error = plan_make(&m->plan, &m->request);

    assert_int_equal(error.code, code);
    assert_int_equal(m->plan.count, 0);
    return error;
}

static struct mapping image(uint64_t offset, uint64_t pa, uint64_t len, unsigned rights)
{
    return (struct mapping){.va = IMAGE_VA + offset,
                            .pa = pa,
                            .len = len,
                            .rights = (uint8_t)rights,
                            .type = MEMTYPE_WB,
                            .max_level = 1,
                            .what = WHAT_IMAGE_TEXT};
}

/* Each kind of mapping has its own name, and rights read like ls. */
static void names_are_distinct(void **state)
{
    (void)state;
    for (unsigned a = 0; a < WHATS; a++) {
        for (unsigned b = 0; b < a; b++)
            assert_string_not_equal(mapping_what_name((enum mapping_what)a),
                                    mapping_what_name((enum mapping_what)b));
    }
    assert_string_equal(mapping_what_name(WHAT_DIRECTMAP), "directmap");
    assert_string_equal(mapping_what_name(WHAT_IMAGE_TEXT), "image-text");
    assert_string_equal(rights_name(0), "r--");
    assert_string_equal(rights_name(RW), "rw-");
    assert_string_equal(rights_name(RX), "r-x");
    assert_string_equal(rights_name(RW | RX), "rwx");
    for (unsigned a = 0; a < RAM_FATES; a++) {
        for (unsigned b = 0; b < a; b++)
            assert_string_not_equal(ram_fate_text((enum ram_fate)a),
                                    ram_fate_text((enum ram_fate)b));
    }
}

/* No map, or one without RAM, is an error of its own. */
static void without_ram_there_is_no_plan(void **state)
{
    struct machine *m = machine_start(40);

    (void)state;
    machine_settle(m);
    assert_refused(m, ERR_NORAM);
    m = machine_start(40);
    machine_add(m, 0, G(1), MEM_RESERVED);
    machine_settle(m);
    assert_refused(m, ERR_NORAM);
}

/* RAM that is all partial pages, not write-back or over the limit is no RAM. */
static void ram_that_cannot_be_mapped_is_no_ram(void **state)
{
    struct machine *m = machine_start(40);

    (void)state;
    machine_add(m, M(1) + 1, 4096, MEM_USABLE);
    machine_settle(m);
    assert_refused(m, ERR_NORAM);
    m = machine_start(40);
    machine_add(m, M(1), M(1), MEM_USABLE);
    machine_mtrr(m, M(1), M(1), MEMTYPE_UC);
    machine_settle(m);
    assert_refused(m, ERR_NORAM);
    m = machine_start(40);
    machine_add(m, M(1), M(1), MEM_USABLE);
    m->request.ram_limit = M(1);
    machine_settle(m);
    assert_refused(m, ERR_NORAM);
}

/* 6 GiB usable with 2 to 4 GiB reserved makes two entries with the hole left out. */
static void directmap_leaves_the_hole_out(void **state)
{
    struct machine *m = machine_start(40);

    (void)state;
    machine_add(m, 0, G(6), MEM_USABLE);
    machine_add(m, G(2), G(2), MEM_RESERVED);
    machine_settle(m);
    assert_made(m, 2);
    assert_direct(m, 0, 0, G(2), RW);
    assert_direct(m, 1, G(4), G(6), RW);
}

/* A page that is RAM only in part is not mapped. */
static void partial_pages_are_left_out(void **state)
{
    struct machine *m = machine_start(40);

    (void)state;
    machine_add(m, 0, 0x9fc00, MEM_USABLE);
    machine_add(m, 0x9fc00, 0x400, MEM_RESERVED);
    machine_add(m, M(1) + 1, M(1), MEM_USABLE);
    machine_add(m, M(4), 4095, MEM_USABLE);
    machine_settle(m);
    assert_made(m, 2);
    assert_direct(m, 0, 0, 0x9f000, RW);
    assert_direct(m, 1, M(1) + 4096, M(2), RW);
}

/* Only type "usable" is RAM. */
static void no_other_type_is_mapped(void **state)
{
    struct machine *m = machine_start(40);

    (void)state;
    for (unsigned type = 0; type < MEM_TYPES; type++)
        machine_add(m, M(2) * (type + 1), M(1), (enum mem_type)type);
    machine_settle(m);
    assert_made(m, 1);
    assert_direct(m, 0, M(2), M(3), RW);
}

/* What the MTRRs do not make write-back is left out, each other type alike. */
static void not_write_back_is_left_out(void **state)
{
    static const enum memtype others[] = {MEMTYPE_UC, MEMTYPE_WC, MEMTYPE_WT, MEMTYPE_WP};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        struct machine *m = machine_start(40);

        machine_add(m, 0, M(8), MEM_USABLE);
        machine_mtrr(m, M(2), M(2), others[i]);
        machine_settle(m);
        assert_made(m, 2);
        assert_direct(m, 0, 0, M(2), RW);
        assert_direct(m, 1, M(4), M(8), RW);
    }
}

/* RAM at or above ram_limit is left out; below it, nothing is lost. */
static void ram_limit_is_a_sharp_edge(void **state)
{
    struct machine *m = machine_start(40);

    (void)state;
    machine_add(m, M(1), M(7), MEM_USABLE);
    machine_add(m, G(1), M(1), MEM_USABLE);
    machine_settle(m);
    m->request.ram_limit = M(3) + 4096;
    assert_made(m, 1);
    assert_direct(m, 0, M(1), M(3) + 4096, RW);
    m->request.ram_limit = M(3) + 4095;
    assert_made(m, 1);
    assert_direct(m, 0, M(1), M(3), RW);
    m->request.ram_limit = G(1);
    assert_made(m, 1);
    m->request.ram_limit = G(1) + M(1);
    assert_made(m, 2);
    assert_direct(m, 1, G(1), G(1) + M(1), RW);
}

/* RAM that the directmap's window cannot hold is left out. */
static void window_is_a_sharp_edge(void **state)
{
    struct machine *m = machine_start(52);

    (void)state;
    machine_add(m, M(1), M(7), MEM_USABLE);
    machine_add(m, DIRECTMAP_SIZE_4 - M(1), M(2), MEM_USABLE);
    machine_add(m, DIRECTMAP_SIZE_4 + G(1), M(2), MEM_USABLE);
    machine_settle(m);
    assert_made(m, 2);
    assert_direct(m, 1, DIRECTMAP_SIZE_4 - M(1), DIRECTMAP_SIZE_4, RW);
}

/* With five levels, the window holds all 52 bits. */
static void five_levels_hold_52_bits(void **state)
{
    struct machine *m = machine_start(52);

    (void)state;
    m->request.levels = 5;
    m->request.directmap_base = DIRECTMAP_BASE_5;
    m->request.directmap_size = DIRECTMAP_SIZE_5;
    machine_add(m, 0, UINT64_C(1) << 52, MEM_USABLE);
    machine_settle(m);
    assert_made(m, 1);
    assert_direct(m, 0, 0, UINT64_C(1) << 52, RW);
}

/* With directmap off, the plan is what was wanted and nothing else. */
static void without_directmap_only_the_fixed_are_planned(void **state)
{
    struct machine *m = machine_start(40);

    (void)state;
    machine_add(m, 0, M(8), MEM_USABLE);
    machine_want(m, image(0, M(1), K(16), RX));
    m->request.directmap = false;
    machine_settle(m);
    assert_made(m, 1);
    assert_entry(m, 0, IMAGE_VA, M(1), K(16), RX);
    assert_int_equal(m->plan.entries[0].type, MEMTYPE_WB);
    assert_int_equal(m->plan.entries[0].max_level, 1);
    assert_int_equal(m->plan.entries[0].what, WHAT_IMAGE_TEXT);
}

/* Frames of the image's text are read-only in the directmap, their neighbours stay writable. */
static void text_is_read_only_in_the_directmap(void **state)
{
    struct machine *m = machine_start(40);

    (void)state;
    machine_add(m, 0, M(8), MEM_USABLE);
    machine_want(m, image(0, M(2), K(64), RX));
    machine_want(m, image(K(64), M(2) + K(64), K(64), RW));
    machine_settle(m);
    assert_made(m, 5);
    assert_direct(m, 0, 0, M(2), RW);
    assert_direct(m, 1, M(2), M(2) + K(64), 0);
    assert_direct(m, 2, M(2) + K(64), M(8), RW);
    assert_entry(m, 3, IMAGE_VA, M(2), K(64), RX);
    assert_entry(m, 4, IMAGE_VA + K(64), M(2) + K(64), K(64), RW);
}

/* Text that fills a piece, or begins and ends with one, leaves no empty entry. */
static void text_at_the_edges_leaves_no_empty_entry(void **state)
{
    struct machine *m = machine_start(40);

    (void)state;
    machine_add(m, M(1), K(64), MEM_USABLE);
    machine_add(m, M(2), K(128), MEM_USABLE);
    machine_want(m, image(0, M(1), K(64), RX));
    machine_want(m, image(K(64), M(2), K(4), RX));
    machine_want(m, image(K(128), M(2) + K(124), K(4), RX));
    machine_settle(m);
    assert_made(m, 7);
    assert_direct(m, 0, M(1), M(1) + K(64), 0);
    assert_direct(m, 1, M(2), M(2) + K(4), 0);
    assert_direct(m, 2, M(2) + K(4), M(2) + K(124), RW);
    assert_direct(m, 3, M(2) + K(124), M(2) + K(128), 0);
}

/* Text that straddles a hole in RAM is carved out on both sides, and the hole stays a hole. */
static void text_may_straddle_pieces_of_ram(void **state)
{
    struct machine *m = machine_start(40);

    (void)state;
    machine_add(m, 0, M(8), MEM_USABLE);
    machine_add(m, M(2), M(1), MEM_RESERVED);
    machine_want(m, image(0, M(1), M(3), RX));
    machine_settle(m);
    assert_made(m, 5);
    assert_direct(m, 0, 0, M(1), RW);
    assert_direct(m, 1, M(1), M(2), 0);
    assert_direct(m, 2, M(3), M(4), 0);
    assert_direct(m, 3, M(4), M(8), RW);
}

/* Two text mappings that touch or share frames make one read-only stretch. */
static void touching_texts_make_one_stretch(void **state)
{
    struct machine *m = machine_start(40);

    (void)state;
    machine_add(m, 0, M(8), MEM_USABLE);
    machine_want(m, image(0, M(2) + K(4), K(4), RX));
    machine_want(m, image(K(4), M(2), K(4), RX));
    machine_want(m, image(K(8), M(2) + K(4), K(4), RX));
    machine_settle(m);
    assert_made(m, 6);
    assert_direct(m, 0, 0, M(2), RW);
    assert_direct(m, 1, M(2), M(2) + K(8), 0);
    assert_direct(m, 2, M(2) + K(8), M(8), RW);
}

/* Entries come sorted by va, those below the directmap first, whatever the order of the fixed. */
static void order_of_the_fixed_does_not_matter(void **state)
{
    struct mapping before[8];
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 50; round++) {
        struct machine *m = machine_start(40);

        machine_add(m, 0, M(8), MEM_USABLE);
        machine_want(m, image(0, M(2), K(8), RX));
        machine_want(m, image(K(8), M(2) + K(8), K(8), 0));
        machine_want(m, image(K(20), M(2) + K(16), K(8), RW));
        machine_want(m, (struct mapping){K(4), G(3), K(4), RW, MEMTYPE_UC, 0, WHAT_VGA_TEXT});
        for (size_t i = 4; i > 1 && round > 0; i--) {
            size_t pick = (size_t)rng_below(&rng, i);
            struct mapping last = m->fixed[i - 1];

            m->fixed[i - 1] = m->fixed[pick];
            m->fixed[pick] = last;
        }
        machine_settle(m);
        assert_made(m, 7);
        if (round == 0)
            memcpy(before, m->entries, 7 * sizeof(before[0]));
        for (size_t k = 0; k < 7; k++)
            assert_entry(m, k, before[k].va, before[k].pa, before[k].len, before[k].rights);
        assert_entry(m, 0, K(4), G(3), K(4), RW);
    }
}

/* A plan that fits exactly is made; with room for one entry less it is refused whole. */
static void plan_that_does_not_fit_is_refused(void **state)
{
    struct machine *m = machine_start(40);

    (void)state;
    for (unsigned i = 0; i < 10; i++)
        machine_add(m, M(2) * i, M(1), MEM_USABLE);
    machine_want(m, image(0, 0, K(8), RX));
    machine_settle(m);
    m->plan.max = 12;
    assert_made(m, 12);
    m->plan.max = 11;
    assert_int_equal(assert_refused(m, ERR_PLANFULL).at, 11);
    m->plan.max = 0;
    assert_refused(m, ERR_PLANFULL);
}

/* Whatever is wrong with a fixed mapping is found, and the plan is empty. */
static void bad_fixed_mapping_is_refused(void **state)
{
    const struct {
        struct mapping mapping;
        enum error_code code;
    } bad[] = {
        {{IMAGE_VA + 1, M(1), 4096, RX, MEMTYPE_WB, 0, WHAT_IMAGE_TEXT}, ERR_ALIGN},
        {{IMAGE_VA, M(1) + 8, 4096, RX, MEMTYPE_WB, 0, WHAT_IMAGE_TEXT}, ERR_ALIGN},
        {{IMAGE_VA, M(1), 4097, RX, MEMTYPE_WB, 0, WHAT_IMAGE_TEXT}, ERR_ALIGN},
        {{IMAGE_VA, M(1), 0, RX, MEMTYPE_WB, 0, WHAT_IMAGE_TEXT}, ERR_ALIGN},
        {{T(128), M(1), 4096, RX, MEMTYPE_WB, 0, WHAT_IMAGE_TEXT}, ERR_CANONICAL},
        {{IMAGE_VA, T(1), 4096, RX, MEMTYPE_WB, 0, WHAT_IMAGE_TEXT}, ERR_WIDTH},
        {{IMAGE_VA, M(1), 4096, RX, MEMTYPE_WB, 3, WHAT_IMAGE_TEXT}, ERR_LARGE},
        {{IMAGE_VA, M(1), 4096, RX | RW, MEMTYPE_WB, 0, WHAT_IMAGE_TEXT}, ERR_WX},
        {{IMAGE_VA, M(1), 4096, RW, MEMTYPE_UC, 0, WHAT_IMAGE_DATA}, ERR_TYPE},
        {{DIRECTMAP_BASE_4 + M(1), G(4), 4096, RW, MEMTYPE_UC, 0, WHAT_VGA_TEXT}, ERR_CLASH},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct machine *m = machine_start(40);

        machine_add(m, 0, M(8), MEM_USABLE);
        machine_want(m, bad[i].mapping);
        machine_settle(m);
        assert_refused(m, bad[i].code);
    }
}

/* The directmap's window is its own, RAM behind it or not. */
static void window_is_kept_free(void **state)
{
    const struct {
        uint64_t va;
        bool clash;
    } wanted[] = {{DIRECTMAP_BASE_4 + M(64), true}, {DIRECTMAP_BASE_4 + DIRECTMAP_SIZE_4, false}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        struct machine *m = machine_start(40);

        machine_add(m, 0, M(8), MEM_USABLE);
        machine_want(m,
                     (struct mapping){wanted[i].va, G(4), K(4), RW, MEMTYPE_UC, 0, WHAT_VGA_TEXT});
        machine_settle(m);
        if (wanted[i].clash) {
            assert_refused(m, ERR_CLASH);
            m->request.directmap = false;
        }
        assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NONE);
    }
}

/* A mapping below the window may reach up to it, and not into it. */
static void window_may_be_touched(void **state)
{
    struct machine *m = machine_start(40);

    (void)state;
    machine_add(m, M(1), M(8), MEM_USABLE);
    machine_want(m, (struct mapping){DIRECTMAP_BASE_4 + T(1) - K(8), G(4), K(8), RW, MEMTYPE_UC, 0,
                                     WHAT_VGA_TEXT});
    machine_settle(m);
    m->request.directmap_base = DIRECTMAP_BASE_4 + T(1);
    m->request.directmap_size = T(1);
    assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NONE);
    m->fixed[0].len = K(12);
    assert_refused(m, ERR_CLASH);
}

/* Two fixed mappings clash at one va, or break W^X over one frame. */
static void fixed_mappings_are_held_against_each_other(void **state)
{
    struct machine *m = machine_start(40);

    (void)state;
    machine_add(m, 0, M(8), MEM_USABLE);
    machine_want(m, image(0, M(1), K(8), RX));
    machine_want(m, image(K(16), M(1) + K(4), K(8), RW));
    machine_settle(m);
    assert_refused(m, ERR_WX);
    m->fixed[1] = image(0, M(2), K(4), RW);
    assert_refused(m, ERR_CLASH);
    m->fixed[1] = image(K(4), M(2), K(4), RW);
    assert_refused(m, ERR_CLASH);
    m->fixed[1] = image(K(8), M(2), K(4), RW);
    assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NONE);
}

/* The directmap's window lies in the non-canonical gap: refused, not wrapped. */
static void directmap_in_the_gap_is_refused(void **state)
{
    struct machine *m = machine_start(40);

    (void)state;
    machine_add(m, 0, M(8), MEM_USABLE);
    machine_settle(m);
    m->request.directmap_base = T(128);
    assert_refused(m, ERR_CANONICAL);
    m->request.directmap_base = T(128) - M(4);
    assert_refused(m, ERR_CANONICAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_distinct),
        cmocka_unit_test(without_ram_there_is_no_plan),
        cmocka_unit_test(ram_that_cannot_be_mapped_is_no_ram),
        cmocka_unit_test(directmap_leaves_the_hole_out),
        cmocka_unit_test(partial_pages_are_left_out),
        cmocka_unit_test(no_other_type_is_mapped),
        cmocka_unit_test(not_write_back_is_left_out),
        cmocka_unit_test(ram_limit_is_a_sharp_edge),
        cmocka_unit_test(window_is_a_sharp_edge),
        cmocka_unit_test(five_levels_hold_52_bits),
        cmocka_unit_test(without_directmap_only_the_fixed_are_planned),
        cmocka_unit_test(text_is_read_only_in_the_directmap),
        cmocka_unit_test(text_at_the_edges_leaves_no_empty_entry),
        cmocka_unit_test(text_may_straddle_pieces_of_ram),
        cmocka_unit_test(touching_texts_make_one_stretch),
        cmocka_unit_test(order_of_the_fixed_does_not_matter),
        cmocka_unit_test(plan_that_does_not_fit_is_refused),
        cmocka_unit_test(bad_fixed_mapping_is_refused),
        cmocka_unit_test(window_is_kept_free),
        cmocka_unit_test(window_may_be_touched),
        cmocka_unit_test(fixed_mappings_are_held_against_each_other),
        cmocka_unit_test(directmap_in_the_gap_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
