/* SPDX-License-Identifier: MIT */
/* Windows beside the tables: what is open there counts against what pt_update() maps. */
#include "random.h"
#include "subject.h"
#include "test.h"

#define VA     UINT64_C(0xffff900000000000)
#define WINDOW UINT64_C(0xfffffffff0000000)

static struct subject *start(void)
{
    struct subject *s = subject_init(4, 2);

    subject_arena(s, VA, M(8));
    subject_start(s, 16);
    return s;
}

static struct pt_change map(uint64_t va, uint64_t pa, uint64_t len, unsigned rights,
                            enum memtype type)
{
    return (struct pt_change){PT_MAP, va, pa, len, rights, type, 2, false, false};
}

static void assert_code(struct subject *s, struct pt_change change, enum error_code code)
{
    shadow_begin(&s->tlb, &change);
    assert_int_equal(pt_update(&s->space, &change).code, code);
}

/* Of each page: writable, unless some mapping executes it. */
static void assert_window(const struct subject *s, uint64_t va, uint64_t pa, uint64_t len)
{
    for (uint64_t at = 0; at < len; at += 4096) {
        size_t found = 0;

        for (size_t i = 0; i < s->registry.count; i++) {
            const struct pt_alias *alias = &s->aliases[s->keys[i] % 4096];
            uint64_t base = s->keys[i] / 4096 * 4096;

            if (alias->kind / 4096 != 0 || pa + at < base || pa + at >= alias->end)
                continue;
            assert_int_equal(alias->distance, va - pa);
            assert_int_equal(alias->kind >> 4 & 7, MEMTYPE_WB);
            assert_int_equal(alias->kind & RIGHT_W,
                             pt_may_write(&s->space, pa + at) == ERR_WX ? 0 : RIGHT_W);
            found++;
        }
        assert_int_equal(found, 1);
    }
}

/* What executes may not be written; what has another type is named, too. */
static void what_executes_may_not_be_written(void **state)
{
    struct subject *s = start();

    (void)state;
    subject_map(s, VA, G(1), K(8), RIGHT_X);
    subject_expect(s, map(VA + M(1), G(2), K(4), 0, MEMTYPE_UC), ERR_NONE, 0);
    assert_int_equal(pt_may_write(&s->space, G(1)), ERR_WX);
    assert_int_equal(pt_may_write(&s->space, G(1) + K(4)), ERR_WX);
    assert_int_equal(pt_may_write(&s->space, G(1) + K(8)), ERR_NONE);
    assert_int_equal(pt_may_write(&s->space, G(1) - K(4)), ERR_NONE);
    assert_int_equal(pt_may_write(&s->space, G(2)), ERR_TYPE);
    subject_end(s);
}

/* Pages that execute are only read, between others that are written. */
static void windows_are_cut_where_text_begins(void **state)
{
    struct subject *s = start();

    (void)state;
    subject_map(s, VA, G(1) + K(8), K(8), RIGHT_X);
    pt_window_open(&s->space, WINDOW, G(1), K(32));
    assert_int_equal(s->registry.count, 4);
    assert_window(s, WINDOW, G(1), K(32));
    pt_window_close(&s->space, WINDOW, G(1), K(32));
    assert_int_equal(s->registry.count, 1);
    subject_end(s);
}

/* While a page is open to be written, nothing comes to execute it; nor with another type. */
static void what_is_open_is_not_executed(void **state)
{
    struct subject *s = start();
    const struct pt_change changes[] = {
        map(VA + M(2), G(1), K(4), RIGHT_X, MEMTYPE_WB),
        {.op = PT_PROTECT, .va = VA, .len = K(4), .rights = RIGHT_X, .type = MEMTYPE_WB},
        {.op = PT_PROTECT, .va = VA, .len = M(2), .rights = RIGHT_X, .type = MEMTYPE_WB},
    };

    (void)state;
    subject_map(s, VA, G(1), M(2), 0);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        pt_window_open(&s->space, WINDOW, G(1), K(4));
        assert_code(s, changes[i], ERR_WX);
        assert_code(s, map(VA + M(2), G(1), K(4), 0, MEMTYPE_UC), ERR_TYPE);
        pt_window_close(&s->space, WINDOW, G(1), K(4));
    }
    subject_expect(s, changes[1], ERR_NONE, 0);
    /* Now it is open to be read, and may be executed once more. */
    pt_window_open(&s->space, WINDOW, G(1), K(4));
    assert_window(s, WINDOW, G(1), K(4));
    assert_code(s, map(VA + M(2), G(1), K(4), RIGHT_W, MEMTYPE_WB), ERR_WX);
    pt_window_close(&s->space, WINDOW, G(1), K(4));
    subject_end(s);
}

/* Windows take no room from other mappings, and those none from them. */
static void windows_take_no_room(void **state)
{
    struct subject *s = start();

    (void)state;
    s->registry.max = 3;
    for (unsigned i = 0; i < 3; i++)
        subject_map(s, VA + i * K(8), G(1) + i * K(16), K(4), RIGHT_W);
    for (unsigned i = 0; i < 20; i++)
        pt_window_open(&s->space, WINDOW + i * K(4), G(2) + i * K(64), K(4));
    assert_int_equal(s->registry.count, 23);
    assert_code(s, map(VA + M(1), G(3), K(4), RIGHT_W, MEMTYPE_WB), ERR_PLANFULL);
    assert_code(s, (struct pt_change){.op = PT_UNMAP, .va = VA, .len = K(4)}, ERR_NONE);
    assert_code(s, map(VA + M(1), G(3), K(4), RIGHT_W, MEMTYPE_WB), ERR_NONE);
    assert_code(s, map(VA + M(1) + K(8), G(3), K(4), RIGHT_W, MEMTYPE_WB), ERR_PLANFULL);
    for (unsigned i = 20; i-- > 0;)
        pt_window_close(&s->space, WINDOW + i * K(4), G(2) + i * K(64), K(4));
    assert_int_equal(s->registry.max, 3);
    assert_int_equal(s->registry.count, 3);
    subject_end(s);
}

/* Right next to a mapping, in addresses and in frames: neither becomes a part of the other. */
static void windows_join_no_mapping(void **state)
{
    struct subject *s = start();

    (void)state;
    subject_map(s, VA, G(1), K(4), RIGHT_W);
    pt_window_open(&s->space, VA + K(4), G(1) + K(4), K(8));
    assert_int_equal(s->registry.count, 2);
    assert_code(s, (struct pt_change){.op = PT_UNMAP, .va = VA, .len = K(4)}, ERR_NONE);
    assert_int_equal(s->registry.count, 1);
    pt_window_close(&s->space, VA + K(4), G(1) + K(4), K(8));
    assert_int_equal(s->registry.count, 0);
    assert_int_equal(s->registry.max, SUBJECT_ALIASES);
    subject_end(s);
}

/* Windows as a stack, over text and data at random: the list is right, and as it was in the end. */
static void random_windows_leave_nothing(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 50; round++) {
        struct subject *s = start();
        struct {
            uint64_t va, pa, len;
        } open[16];
        size_t depth = 0;
        size_t before;

        for (unsigned i = 0; i < 8; i++)
            subject_map(s, VA + i * K(64), G(1) + rng_below(&rng, 4) * K(4) + i * K(16), K(4),
                        rng_once_in(&rng, 2) ? RIGHT_X : 0);
        before = s->registry.count;
        for (unsigned i = 0; i < 200 || depth > 0; i++) {
            if (i < 200 && depth < COUNT_OF(open) && rng_once_in(&rng, 2)) {
                uint64_t used = depth ? open[depth - 1].va + open[depth - 1].len : WINDOW;

                open[depth].va = used;
                open[depth].pa = G(1) + rng_below(&rng, 36) * K(4);
                open[depth].len = (1 + rng_below(&rng, 5)) * K(4);
                pt_window_open(&s->space, used, open[depth].pa, open[depth].len);
                depth++;
            } else if (depth > 0) {
                depth--;
                pt_window_close(&s->space, open[depth].va, open[depth].pa, open[depth].len);
            }
        }
        assert_int_equal(s->registry.count, before);
        assert_int_equal(s->registry.max, SUBJECT_ALIASES);
        subject_check(s, NULL);
        subject_end(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_executes_may_not_be_written),
        cmocka_unit_test(windows_are_cut_where_text_begins),
        cmocka_unit_test(what_is_open_is_not_executed),
        cmocka_unit_test(windows_take_no_room),
        cmocka_unit_test(windows_join_no_mapping),
        cmocka_unit_test(random_windows_leave_nothing),
    };

    return cmocka_run_group_tests_name("window", tests, NULL, NULL);
}
