/* SPDX-License-Identifier: MIT */
/* ELF files damaged by chance: what elf.c makes of them is what a second reading does. */
#include "elf.h"

#include "elf_linked.h"
#include "random.h"
#include "reference_elf.h"
#include "test.h"

static void holds(const struct made *made, size_t size, uint64_t base, const char *how)
{
    static unsigned levels = 4;
    const char *differs;

    levels = 9 - levels; /* by turns */
    differs = reference_elf_differs(made->bytes, size, levels, base, SIZE_MAX);
    if (differs)
        fail_msg("%s differs (%s)", differs, how);
}

/* A file with all that is read: both tables of relocations, and what they relocate. */
static struct made *make_all(void)
{
    struct made *made = linked_start();

    linked_rela_is(made, TABLES, 6 * 24, 24);
    linked_relr_is(made, TABLE2, 4 * 8, 8);
    linked_dynamic(made, FLAGS, 8);
    linked_dynamic(made, 0, 0);
    made_header(made, MADE_RELRO, MADE_R, DATA_AT, DATA, 0x800, 0x1000, 1);
    made_header(made, MADE_STACK, MADE_R | MADE_W, 0, 0, 0, 0, 16);
    for (unsigned i = 0; i < 6; i++)
        linked_rela(made, i, DATA + 16 * (uint64_t)i, i == 3 ? NONE : RELATIVE, 0x10 * i);
    linked_relr(made, 0, DATA + 0x100);
    linked_relr(made, 1, 0x8000000000001235);
    linked_relr(made, 2, 0x13);
    linked_relr(made, 3, DATA + 0x1ff0);
    return made;
}

/* The parts that mean something: where they begin, and how long they are. */
static const struct {
    uint64_t at;
    uint64_t len;
} parts[] = {{0, 64}, {64, 6 * 56}, {DYNAMIC, 8 * 16}, {TABLES, 6 * 24}, {TABLE2, 4 * 8}};

/* As it is, it is good, wherever it is put. */
static void whole_file_is_read_as_by_the_reference(void **state)
{
    static const uint64_t bases[] = {0, 0x1000, M(2), BASE, UINT64_C(0xffffffff80000000), -K(64)};
    static struct reference_elf ref;
    struct made *made = make_all();

    (void)state;
    assert_int_equal(reference_elf_read(&ref, made->bytes, made->size, 4), ELF_GOOD);
    assert_int_equal(reference_elf_relocate(&ref, 0), ELF_GOOD);
    assert_false(ref.many);
    assert_int_equal(ref.nwrites, 5 + 1 + 6 + 2 + 1);
    for (size_t i = 0; i < COUNT_OF(bases); i++)
        holds(made, made->size, bases[i], "whole");
}

/* Cut at any length. */
static void cut_file_is_judged_as_by_the_reference(void **state)
{
    struct made *made = make_all();

    (void)state;
    for (size_t size = 0; size <= made->size; size += size < 500 || size > 0x6f00 ? 1 : 97)
        holds(made, size, BASE, "cut");
}

/* With any one bit changed, or one byte to some others. */
static void single_damage_is_judged_as_by_the_reference(void **state)
{
    struct made *made = make_all();

    (void)state;
    for (size_t part = 0; part < COUNT_OF(parts); part++) {
        for (uint64_t at = parts[part].at; at < parts[part].at + parts[part].len; at++) {
            uint8_t was = made->bytes[at];

            for (unsigned bit = 0; bit < 11; bit++) {
                made->bytes[at] = (uint8_t)(bit < 8    ? was ^ 1u << bit
                                            : bit == 8 ? 0
                                                       : was + bit - 9u);
                holds(made, made->size, BASE, "one byte");
            }
            made->bytes[at] = was;
        }
    }
}

/* A number near one that stands in the file, or near a bound. */
static uint64_t some_number(struct rng *rng, const struct made *made)
{
    static const uint64_t bounds[] = {0,
                                      0x1000,
                                      0x10000,
                                      0x8000,
                                      UINT64_C(1) << 47,
                                      UINT64_C(1) << 56,
                                      UINT64_C(1) << 63,
                                      -(UINT64_C(1) << 47),
                                      -(UINT64_C(1) << 56)};
    size_t part = (size_t)rng_below(rng, COUNT_OF(parts));
    uint64_t number = 0;

    switch (rng_below(rng, 4)) {
    case 0:
        number = bounds[rng_below(rng, COUNT_OF(bounds))];
        break;
    case 1:
        number = made_get(made, parts[part].at + rng_below(rng, parts[part].len / 8) * 8, 8);
        break;
    case 2:
        return UINT64_C(1) << rng_below(rng, 64);
    default:
        return rng_next(rng) >> rng_below(rng, 64);
    }
    return number + rng_below(rng, 17) - 8;
}

/* With several numbers changed to others that mean something. */
static void random_damage_is_judged_as_by_the_reference(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, "random_damage_is_judged_as_by_the_reference");
    for (unsigned round = 0; round < 5000; round++) {
        struct made *made = make_all();

        if (rng_once_in(&rng, 3))
            made_put(made, E_TYPE, 2, MADE_EXEC);
        for (uint64_t n = 1 + rng_below(&rng, 3); n > 0; n--) {
            size_t part = (size_t)rng_below(&rng, COUNT_OF(parts));
            uint64_t at = parts[part].at + rng_below(&rng, parts[part].len / 8) * 8;

            made_put(made, at, 8, some_number(&rng, made));
        }
        holds(made, made->size, rng_next(&rng) >> rng_below(&rng, 40), "random");
    }
}

/* Segments anywhere within few pages: only what is apart and ascends is taken. */
static void random_segments_are_judged_as_by_the_reference(void **state)
{
    struct rng rng;
    unsigned taken = 0;

    (void)state;
    rng_start(&rng, "random_segments_are_judged_as_by_the_reference");
    for (unsigned round = 0; round < 5000; round++) {
        struct made *made = made_start(MADE_DYN);
        uint64_t va = 0;
        struct elf_image image;

        for (uint64_t n = 1 + rng_below(&rng, 5); n > 0; n--) {
            uint64_t len = rng_once_in(&rng, 8) ? 0 : rng_below(&rng, K(8)) + 1;

            va += rng_once_in(&rng, 8) ? -rng_below(&rng, K(12)) : rng_below(&rng, K(12));
            made_header(made, MADE_LOAD, (uint32_t)rng_below(&rng, 2) + (n == 1 ? 0 : 1), 0x40, va,
                        len / 2, len, 1);
            va += len;
        }
        made_put(made, made_field(0, P_FLAGS), 4, MADE_X);
        made_put(made, E_ENTRY, 8, made_get(made, made_field(0, P_VADDR), 8));
        holds(made, made->size, BASE, "segments");
        taken += made_read(made, 4, &image).code == ERR_NONE;
    }
    assert_true(taken > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_file_is_read_as_by_the_reference),
        cmocka_unit_test(cut_file_is_judged_as_by_the_reference),
        cmocka_unit_test(single_damage_is_judged_as_by_the_reference),
        cmocka_unit_test(random_damage_is_judged_as_by_the_reference),
        cmocka_unit_test(random_segments_are_judged_as_by_the_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
