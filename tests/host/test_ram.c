/* SPDX-License-Identifier: MIT */
/* RAM, piece by piece and page by page: the iterator and the directmap against the oracle. */
#include "layout.h"
#include "machine.h"
#include "plan.h"
#include "random.h"
#include "reference.h"
#include "test.h"

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

static void assert_piece(struct ram_iter *iter, uint64_t base, uint64_t end, enum ram_fate fate,
                         enum memtype type)
{
    struct ram_piece piece;

    assert_true(ram_next(iter, &piece));
    assert_int_equal(piece.base, base);
    assert_int_equal(piece.end, end);
    assert_int_equal(piece.fate, fate);
    assert_int_equal(piece.type, type);
}

/* Without RAM there is no piece, and asking again does not make one. */
static void no_ram_has_no_piece(void **state)
{
    struct machine *m = machine_start(40);
    struct ram_piece piece;
    struct ram_iter iter;

    (void)state;
    machine_add(m, 0, M(1), MEM_RESERVED);
    machine_settle(m);
    ram_first(&iter, &m->request);
    assert_false(ram_next(&iter, &piece));
    assert_false(ram_next(&iter, &piece));
}

/* A range that begins and ends inside pages has two partial pages around its whole ones. */
static void range_off_the_pages_has_partial_ends(void **state)
{
    struct machine *m = machine_start(40);
    struct ram_piece piece;
    struct ram_iter iter;

    (void)state;
    machine_add(m, M(1) + 5, M(1), MEM_USABLE);
    machine_settle(m);
    ram_first(&iter, &m->request);
    assert_piece(&iter, M(1) + 5, M(1) + 4096, RAM_PARTIAL_PAGE, MEMTYPE_WB);
    assert_piece(&iter, M(1) + 4096, M(2), RAM_MAPPED, MEMTYPE_WB);
    assert_piece(&iter, M(2), M(2) + 5, RAM_PARTIAL_PAGE, MEMTYPE_WB);
    assert_false(ram_next(&iter, &piece));
}

/* A range inside one page is partial as a whole. */
static void range_inside_a_page_is_one_partial_piece(void **state)
{
    struct machine *m = machine_start(40);
    struct ram_piece piece;
    struct ram_iter iter;

    (void)state;
    machine_add(m, M(1) + 5, 10, MEM_USABLE);
    machine_settle(m);
    ram_first(&iter, &m->request);
    assert_piece(&iter, M(1) + 5, M(1) + 15, RAM_PARTIAL_PAGE, MEMTYPE_WB);
    assert_false(ram_next(&iter, &piece));
}

/* What is not write-back is told apart by its type. */
static void not_write_back_is_told_with_its_type(void **state)
{
    struct machine *m = machine_start(40);
    struct ram_piece piece;
    struct ram_iter iter;

    (void)state;
    machine_add(m, 0, M(4), MEM_USABLE);
    machine_mtrr(m, M(1), M(1), MEMTYPE_WT);
    machine_mtrr(m, M(2), M(1), MEMTYPE_UC);
    machine_settle(m);
    ram_first(&iter, &m->request);
    assert_piece(&iter, 0, M(1), RAM_MAPPED, MEMTYPE_WB);
    assert_piece(&iter, M(1), M(2), RAM_NOT_WB, MEMTYPE_WT);
    assert_piece(&iter, M(2), M(3), RAM_NOT_WB, MEMTYPE_UC);
    assert_piece(&iter, M(3), M(4), RAM_MAPPED, MEMTYPE_WB);
    assert_false(ram_next(&iter, &piece));
}

/* What is over the limit, or over the window, is told so. */
static void limit_and_window_are_told_apart(void **state)
{
    struct machine *m = machine_start(40);
    struct ram_piece piece;
    struct ram_iter iter;

    (void)state;
    machine_add(m, 0, M(4), MEM_USABLE);
    machine_settle(m);
    m->request.ram_limit = M(3);
    ram_first(&iter, &m->request);
    assert_piece(&iter, 0, M(3), RAM_MAPPED, MEMTYPE_WB);
    assert_piece(&iter, M(3), M(4), RAM_OVER_LIMIT, MEMTYPE_WB);
    assert_false(ram_next(&iter, &piece));
    m->request.ram_limit = UINT64_MAX;
    m->request.directmap_size = M(2);
    ram_first(&iter, &m->request);
    assert_piece(&iter, 0, M(2), RAM_MAPPED, MEMTYPE_WB);
    assert_piece(&iter, M(2), M(4), RAM_OVER_WINDOW, MEMTYPE_WB);
    assert_false(ram_next(&iter, &piece));
}

/* Of several reasons the one that took most is named, wherever it stands, and of several pieces their sum. */
static void no_ram_names_the_largest_loss(void **state)
{
    struct machine *m = machine_start(40);

    (void)state;
    machine_add(m, K(4) + 1, K(4), MEM_USABLE);
    machine_add(m, M(16), M(64), MEM_USABLE);
    machine_add(m, M(128), M(32), MEM_USABLE);
    machine_add(m, M(256) + 1, K(4), MEM_USABLE);
    machine_settle(m);
    m->mtrr.def_type = 0x800;
    m->request.ram_limit = M(127);
    assert_string_equal(ram_check(&m->request).text, "not write-back by the MTRRs");
    m->request.ram_limit = M(48);
    assert_string_equal(ram_check(&m->request).text, "over the limit set with mem=");
    m->request.ram_limit = 0;
    assert_string_equal(ram_check(&m->request).text, "over the limit set with mem=");
    m->request.ram_limit = UINT64_MAX;
    m->request.directmap_size = M(32);
    assert_string_equal(ram_check(&m->request).text, "beyond the directmap window");
    m->request.directmap_size = M(80);
    assert_string_equal(ram_check(&m->request).text, "not write-back by the MTRRs");
    m = machine_start(40);
    for (unsigned i = 0; i < 3; i++)
        machine_add(m, M(1) * i + 1, K(8) - 2, MEM_USABLE); /* 24 KiB together */
    machine_add(m, M(4), K(16), MEM_USABLE);
    machine_settle(m);
    m->mtrr.def_type = 0x800;
    assert_string_equal(ram_check(&m->request).text, "shares its page with something else");
}

/* Without a directmap no window limits RAM, the limit still does. */
static void without_directmap_there_is_no_window(void **state)
{
    static const uint64_t sizes[] = {0, 4096, M(2), M(4), T(123)};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct machine *m = machine_start(52);
        struct ram_piece piece;
        struct ram_iter iter;

        machine_add(m, 0, M(4), MEM_USABLE);
        machine_add(m, T(4095), T(1), MEM_USABLE);
        machine_settle(m);
        m->request.directmap = false;
        m->request.directmap_size = sizes[i];
        ram_first(&iter, &m->request);
        assert_piece(&iter, 0, M(4), RAM_MAPPED, MEMTYPE_WB);
        assert_piece(&iter, T(4095), T(4096), RAM_MAPPED, MEMTYPE_WB);
        assert_false(ram_next(&iter, &piece));
        assert_int_equal(ram_check(&m->request).code, ERR_NONE);
        m->request.ram_limit = M(3);
        ram_first(&iter, &m->request);
        assert_piece(&iter, 0, M(3), RAM_MAPPED, MEMTYPE_WB);
        assert_piece(&iter, M(3), M(4), RAM_OVER_LIMIT, MEMTYPE_WB);
        assert_piece(&iter, T(4095), T(4096), RAM_OVER_LIMIT, MEMTYPE_WB);
        assert_false(ram_next(&iter, &piece));
    }
}

/* A plan without a directmap is the fixed mappings, in order, with the rights that they ask for. */
static void plan_without_directmap_is_the_fixed_mappings(void **state)
{
    struct machine *m = machine_start(40);

    (void)state;
    machine_add(m, 0, M(16), MEM_USABLE);
    machine_settle(m);
    m->request.directmap = false;
    machine_want(m, image(M(1), M(2), 4096, 0));
    machine_want(m, image(0, M(1), 4096, RIGHT_X));
    machine_want(m, image(4096, M(3), 4096, RIGHT_W));
    assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NONE);
    assert_int_equal(m->plan.count, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct mapping *entry = &m->plan.entries[i];
        const struct mapping *fixed = &m->fixed[(i + 1) % 3];

        assert_memory_equal(entry, fixed, sizeof(*entry));
    }
    m->request.ram_limit = 4096;
    m->request.directmap_size = 0;
    assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NONE);
    assert_int_equal(m->plan.count, 3);
}

/*
 * A fate, whichever of several that hold is told, is true of the whole piece.
 * The page that the limit cuts may be told as over it.
 */
static void check_fate(const struct machine *m, const struct ram_piece *piece)
{
    struct ref_map ref = machine_ref(m);
    uint64_t top = machine_top(m);

    for (uint64_t page = piece->base & ~PAGE_MASK; page < piece->end; page += 4096) {
        bool whole = ref_is(&ref, page, 4096, MEM_USABLE) && (page >= top || top - page >= 4096);

        assert_int_equal(piece->fate == RAM_MAPPED, ref_page_is_ram(&ref, &m->mtrr, page, top));
        if (piece->fate == RAM_PARTIAL_PAGE)
            assert_false(whole);
        if (piece->fate == RAM_NOT_WB)
            assert_int_equal(piece->type, ref_mtrr_type(&m->mtrr, page));
        else
            assert_int_equal(piece->type, MEMTYPE_WB);
    }
    if (piece->fate == RAM_NOT_WB)
        assert_int_not_equal(piece->type, MEMTYPE_WB);
    if (piece->fate == RAM_OVER_LIMIT)
        assert_true((piece->base | PAGE_MASK) >= m->request.ram_limit);
    if (piece->fate == RAM_OVER_WINDOW)
        assert_true(m->request.directmap && piece->base >= m->request.directmap_size);
}

/* Random machines: pieces ascend, make up all usable bytes, and their fates are true. */
static void random_pieces_are_all_of_the_usable_bytes(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 150; round++) {
        struct machine *m = machine_random(&rng);
        struct ref_map ref = machine_ref(m);
        struct ram_piece piece;
        struct ram_iter iter;
        uint64_t sum = 0;
        uint64_t at = 0;

        m->request.directmap = !rng_once_in(&rng, 3);
        ram_first(&iter, &m->request);
        while (ram_next(&iter, &piece)) {
            assert_true(at <= piece.base && piece.base < piece.end);
            assert_true(ref_is(&ref, piece.base, piece.end - piece.base, MEM_USABLE));
            check_fate(m, &piece);
            sum += piece.end - piece.base;
            at = piece.end;
        }
        assert_int_equal(sum, ref_bytes(&ref, MEM_USABLE));
    }
}

/* Neighbours of the directmap are apart, or differ in rights. */
static void check_directmap_is_maximal(const struct machine *m)
{
    for (size_t i = 1; i < m->plan.count; i++) {
        const struct mapping *a = &m->plan.entries[i - 1];
        const struct mapping *b = &m->plan.entries[i];

        assert_true(a->va + (a->len - 1) < b->va);
        if (a->what == WHAT_DIRECTMAP && b->what == WHAT_DIRECTMAP && a->va + a->len == b->va)
            assert_int_not_equal(a->rights, b->rights);
    }
}

/* Hold each page of the machine's 17 MiB against the plan; returns how many are RAM. */
static size_t check_pages(const struct machine *m)
{
    struct ref_map ref = machine_ref(m);
    const struct mapping *text = &m->fixed[0];
    size_t pages = 0;

    for (uint64_t page = 0; page < M(17); page += 4096) {
        struct ref_hit hit = ref_planned(&m->plan, m->request.directmap_base + page);
        bool is_text = page - text->pa < text->len;

        assert_int_equal(hit.present, ref_page_is_ram(&ref, &m->mtrr, page, machine_top(m)));
        if (!hit.present)
            continue;
        pages++;
        assert_int_equal(hit.pa, page);
        assert_int_equal(hit.rights, is_text ? 0 : RIGHT_W);
        assert_int_equal(hit.type, MEMTYPE_WB);
    }
    return pages;
}

/* Random machines: the directmap is exactly the oracle's RAM, page by page. */
static void random_plans_agree_with_the_oracle(void **state)
{
    struct rng rng;
    size_t made = 0;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 150; round++) {
        struct machine *m = machine_random(&rng);
        uint64_t text = rng_below(&rng, 4095);
        uint64_t pages = 1 + rng_below(&rng, rng_once_in(&rng, 3) ? 4096 - text : 9);
        struct error error;

        machine_want(m, image(0, text * 4096, pages * 4096, RIGHT_X));
        error = plan_make(&m->plan, &m->request);
        if (error.code == ERR_NORAM) {
            assert_int_equal(check_pages(m), 0);
            continue;
        }
        assert_int_equal(error.code, ERR_NONE);
        assert_int_equal(plan_check(&m->plan, 4, m->request.phys_bits).code, ERR_NONE);
        check_directmap_is_maximal(m);
        assert_int_not_equal(check_pages(m), 0);
        made++;
    }
    assert_true(made > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_ram_has_no_piece),
        cmocka_unit_test(range_off_the_pages_has_partial_ends),
        cmocka_unit_test(range_inside_a_page_is_one_partial_piece),
        cmocka_unit_test(not_write_back_is_told_with_its_type),
        cmocka_unit_test(limit_and_window_are_told_apart),
        cmocka_unit_test(no_ram_names_the_largest_loss),
        cmocka_unit_test(without_directmap_there_is_no_window),
        cmocka_unit_test(plan_without_directmap_is_the_fixed_mappings),
        cmocka_unit_test(random_pieces_are_all_of_the_usable_bytes),
        cmocka_unit_test(random_plans_agree_with_the_oracle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
