/* SPDX-License-Identifier: MIT */
/* Segments of ELF files: where they may be, in the file and in memory. */
#include "elf.h"

#include "elf_made.h"
#include "plan.h"
#include "test.h"

#define BASE  UINT64_C(0x400000)
#define HALF4 (UINT64_C(1) << 47)
#define HALF5 (UINT64_C(1) << 56)

static struct elf_image image;

/* One executable segment, entered at its first byte. */
static struct made *one(unsigned type, uint64_t va, uint64_t len)
{
    struct made *made = made_start(type);

    made_load(made, MADE_R | MADE_X, va, len);
    made_put(made, E_ENTRY, 8, va);
    return made;
}

/* Both kinds of file, with one segment of these bytes. */
static void taken_at(unsigned levels, uint64_t va, uint64_t len)
{
    for (unsigned type = MADE_EXEC; type <= MADE_DYN; type++) {
        struct error err = made_read(one(type, va, len), levels, &image);

        if (err.code != ERR_NONE)
            fail_msg("0x%llx, 0x%llx bytes: %s", (unsigned long long)va, (unsigned long long)len,
                     err.text);
        assert_int_equal(image.segments[0].va, va);
        assert_int_equal(image.segments[0].len, len);
        assert_int_equal(image.start, va / 4096 * 4096);
        assert_int_equal(image.end, (va + len - 1) / 4096 * 4096 + 4096);
    }
}

/* Neither, and the error says at which address. */
static void refused_at(unsigned levels, uint64_t va, uint64_t len)
{
    for (unsigned type = MADE_EXEC; type <= MADE_DYN; type++) {
        struct error err = made_read(one(type, va, len), levels, &image);

        if (err.code != ERR_PAYLOAD)
            fail_msg("0x%llx, 0x%llx bytes: taken", (unsigned long long)va,
                     (unsigned long long)len);
        assert_non_null(err.text);
        assert_int_equal(err.at, va);
    }
}

/* Two segments of one page each are enough to ask about a second one. */
static struct made *two(uint64_t va, uint64_t len, uint64_t second, uint64_t second_len)
{
    struct made *made = one(MADE_EXEC, va, len);

    made_load(made, MADE_R | MADE_W, second, second_len);
    return made;
}

/* A segment's bytes end where the file does at the latest. */
static void bytes_end_where_the_file_does(void **state)
{
    struct made *made = made_three(MADE_EXEC, BASE);
    const uint64_t offset = made_field(2, P_OFFSET);

    (void)state;
    made->size = 0x3000 + MADE_DATA_LEN;
    made_good(made, &image);
    made_refused_with(made, made_field(2, P_FILESZ), 8, MADE_DATA_LEN + 1);
    made->size--;
    assert_int_equal(made_refused(made).at, BASE + 0x4000);
    made->size++;
    made_put(made, made_field(2, P_ALIGN), 8, 1);
    made_refused_with(made, offset, 8, 0x3001);
    made_refused_with(made, offset, 8, UINT64_C(0x100003000));
    for (uint64_t back = 1; back < MADE_DATA_LEN + 2; back += back < 20 ? 1 : 7)
        made_refused_with(made, offset, 8, -back);
    made_refused_with(made, offset, 8, -(uint64_t)MADE_DATA_LEN);
    made_good(made, &image);
}

/* A file may be larger than any window on it: bytes far behind are no trouble. */
static void bytes_may_be_far_behind(void **state)
{
    struct made *made = made_three(MADE_EXEC, BASE);

    (void)state;
    made->size = UINT64_MAX;
    made_put(made, made_field(2, P_ALIGN), 8, 1);
    made_put(made, made_field(2, P_OFFSET), 8, UINT64_MAX - MADE_DATA_LEN);
    made_good(made, &image);
    assert_int_equal(image.segments[2].offset, UINT64_MAX - MADE_DATA_LEN);
    made_refused_with(made, made_field(2, P_OFFSET), 8, UINT64_MAX - MADE_DATA_LEN + 1);
    made_refused_with(made, made_field(2, P_OFFSET), 8, UINT64_MAX);
}

/* A segment of nothing but zeros needs no bytes in the file, which it may end with. */
static void zeros_need_no_bytes(void **state)
{
    struct made *made = made_three(MADE_EXEC, BASE);

    (void)state;
    made_put(made, made_field(2, P_FILESZ), 8, 0);
    made_good(made, &image);
    assert_int_equal(image.segments[2].file_len, 0);
    assert_int_equal(image.segments[2].len, MADE_DATA_ROOM);
    made->size = 0x3000;
    made_good(made, &image);
    assert_int_equal(image.segments[2].file_len, 0);
}

/* As many bytes in the file as in memory are good, one more is not. */
static void file_holds_no_more_than_memory(void **state)
{
    struct made *made = made_three(MADE_EXEC, BASE);

    (void)state;
    made_put(made, made_field(2, P_MEMSZ), 8, MADE_DATA_LEN);
    made_good(made, &image);
    assert_int_equal(image.segments[2].file_len, image.segments[2].len);
    assert_int_equal(made_refused_with(made, made_field(2, P_MEMSZ), 8, MADE_DATA_LEN - 1).at,
                     BASE + 0x4000);
    made_refused_with(made, made_field(2, P_MEMSZ), 8, 1);
    made_refused_with(made, made_field(2, P_FILESZ), 8, MADE_DATA_LEN + 1);
}

/* A segment that goes around 2^64 is refused, whatever it comes back to. */
static void wrapping_segment_is_refused(void **state)
{
    static const uint64_t at[] = {BASE, M(64), HALF4 - K(4), -HALF4, -K(8), -K(4)};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(at); i++) {
        refused_at(4, at[i], -at[i] + 1);
        refused_at(5, at[i], -at[i] + 1);
        refused_at(4, at[i], -at[i] + BASE - 1);
        refused_at(4, at[i], UINT64_MAX);
    }
    taken_at(4, -K(8), K(4));
    taken_at(4, -K(8) + 1, K(4) - 1);
}

/* With 4 levels the halves end after 47 bits; with 5, after 56. */
static void segments_stay_out_of_the_hole(void **state)
{
    (void)state;
    for (unsigned levels = 4; levels <= 5; levels++) {
        uint64_t half = levels == 4 ? HALF4 : HALF5;

        taken_at(levels, half - K(4), K(4));
        taken_at(levels, half - 1, 1);
        taken_at(levels, BASE, half - BASE);
        taken_at(levels, -half, 1);
        taken_at(levels, -half, half - K(4));
        refused_at(levels, half - K(4), K(4) + 1);
        refused_at(levels, half - 1, 2);
        refused_at(levels, half, 1);
        refused_at(levels, half + 1, 1);
        refused_at(levels, -half - 1, 1);
        refused_at(levels, -half - 1, 2);
        refused_at(levels, -half - K(4), K(8));
        refused_at(levels, UINT64_C(1) << 63, 1);
        refused_at(levels, (UINT64_C(1) << 63) - 1, 1);
    }
}

/* What 5 levels reach, 4 need not. */
static void hole_depends_on_the_levels(void **state)
{
    static const uint64_t at[] = {HALF4, HALF4 + K(4), HALF5 - K(4), -HALF5, -HALF4 - K(4)};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(at); i++) {
        taken_at(5, at[i], K(4));
        refused_at(4, at[i], K(4));
    }
    taken_at(5, HALF4 - K(4), K(8));
}

/* No segment is in both halves, with the hole between. */
static void segment_does_not_cross_the_hole(void **state)
{
    (void)state;
    refused_at(4, HALF4 - K(4), -HALF4 - HALF4 + K(8));
    refused_at(5, HALF5 - K(4), -HALF5 - HALF5 + K(8));
    refused_at(4, M(1), -M(2));
    refused_at(5, M(1), -M(2));
}

/* One in each half is good, and the image spans both. */
static void segments_may_be_in_both_halves(void **state)
{
    struct made *made = two(BASE, K(4), UINT64_C(0xffffffff80000000), K(4));

    (void)state;
    made_good(made, &image);
    assert_int_equal(image.start, BASE);
    assert_int_equal(image.end, UINT64_C(0xffffffff80001000));
}

/* The first 64 KiB are refused to the last byte; only what is relocatable may count from there. */
static void first_pages_are_kept_free(void **state)
{
    static const uint64_t low[] = {0, 1, 0xfff, 0x1000, 0xf000, 0xfffe, 0xffff};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(low); i++) {
        for (uint64_t len = 1; len < M(1); len = len * 8 + 1) {
            assert_int_equal(made_refused(one(MADE_EXEC, low[i], len)).at, low[i]);
            made_good(one(MADE_DYN, low[i], len), &image);
            assert_int_equal(image.segments[0].va, low[i]);
        }
    }
    made_good(one(MADE_EXEC, 0x10000, 1), &image);
    made_good(one(MADE_EXEC, 0x10001, 1), &image);
    assert_int_equal(image.start, ELF_LOWEST_VA);
}

/* An alignment is a power of two, and va and offset agree modulo it. */
static void alignment_is_a_power_of_two(void **state)
{
    static const uint64_t bad[] = {
        3, 5, 6, 7, 12, 4095, 4097, 6144, 8191, 8193, UINT64_MAX, INT64_MAX, UINT64_C(3) << 62};
    struct made *made = made_three(MADE_DYN, 0);

    (void)state;
    made_put(made, made_field(0, P_OFFSET), 8, 0);
    for (unsigned bit = 0; bit < 64; bit++) {
        made_put(made, made_field(0, P_ALIGN), 8, UINT64_C(1) << bit);
        made_good(made, &image);
        assert_int_equal(image.align, bit < 12 ? 4096 : UINT64_C(1) << bit);
    }
    made_put(made, made_field(0, P_ALIGN), 8, 4096);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        made_refused_with(made, made_field(0, P_ALIGN), 8, bad[i]);
        assert_int_equal(made_refused_with(made, made_field(2, P_ALIGN), 8, bad[i]).at, 0x4000);
    }
}

/* Every bit below the alignment counts, none above, and there may be none below. */
static void address_and_offset_agree(void **state)
{
    struct made *made = made_three(MADE_EXEC, BASE);
    const uint64_t offset = made_field(1, P_OFFSET);
    const uint64_t align = made_field(1, P_ALIGN);

    (void)state;
    made->size = MADE_MAX;
    for (unsigned bits = 0; bits < 18; bits++) {
        for (unsigned bit = 0; bit < 17; bit++) {
            made_put(made, align, 8, UINT64_C(1) << bits);
            made_put(made, offset, 8, UINT64_C(0x2010) ^ UINT64_C(1) << bit);
            /* 0x402010 agrees with 0x2010 in its lower 22 bits */
            if (bit < bits) {
                assert_int_equal(made_refused(made).at, BASE + 0x2010);
            } else {
                made_good(made, &image);
                assert_int_equal(image.segments[1].offset, UINT64_C(0x2010) ^ UINT64_C(1) << bit);
            }
        }
    }
}

/* The image's alignment is its segments' largest, wherever that stands. */
static void largest_alignment_is_the_images(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct made *made = made_three(MADE_DYN, 0);

        made->size = M(4);
        made_put(made, made_field(i, P_OFFSET), 8,
                 made_get(made, made_field(i, P_VADDR), 8) + M(2));
        made_put(made, made_field(i, P_ALIGN), 8, M(2));
        made_good(made, &image);
        assert_int_equal(image.align, M(2));
    }
}

/* No segment is both writable and executable. */
static void writable_and_executable_is_refused(void **state)
{
    struct made *made = made_three(MADE_EXEC, BASE);

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        uint64_t va = made_get(made, made_field(i, P_VADDR), 8);
        uint64_t flags = made_field(i, P_FLAGS);

        assert_int_equal(made_refused_with(made, flags, 4, MADE_W | MADE_X).at, va);
        assert_int_equal(made_refused_with(made, flags, 4, MADE_R | MADE_W | MADE_X).at, va);
        assert_int_equal(made_refused_with(made, flags, 4, UINT32_MAX).at, va);
    }
}

/* Segments may touch at a page's end; a page is never in two of other rights. */
static void segments_of_other_rights_do_not_share_a_page(void **state)
{
    (void)state;
    made_good(two(BASE, K(4), BASE + K(4), 1), &image);
    made_good(two(BASE + 0xfff, 1, BASE + K(4), 1), &image);
    made_good(two(BASE, 1, BASE + K(4), K(4)), &image);
    made_good(two(BASE + 0x800, K(4) + 0x800, BASE + K(8), 1), &image);
    made_refused(two(BASE, 1, BASE + 0xfff, 1));
    made_refused(two(BASE, 1, BASE + 1, 1));
    made_refused(two(BASE, K(4) + 1, BASE + K(4), 1));
    made_refused(two(BASE, K(4) + 1, BASE + K(8) - 1, 1));
    made_refused(two(BASE + 0x800, K(4) + 0x801, BASE + K(8), 1));
    made_refused(two(BASE, 0x10, BASE, 0x10));
    made_refused(two(BASE, M(1), BASE + K(64), 1));
    made_refused(two(BASE, HALF4 - BASE, M(64), 1));
}

/* An executable segment, and three of these flags behind it, at so many bytes from BASE + 1 MiB. */
static struct made *four(uint32_t flags, const uint64_t at[3], const uint64_t len[3])
{
    struct made *made = one(MADE_EXEC, BASE, K(4));

    for (unsigned i = 0; i < 3; i++)
        made_load(made, flags, BASE + M(1) + at[i], len[i]);
    return made;
}

/* Hand-written linker scripts make them: segments of the same rights that share a page. */
static void segments_of_the_same_rights_may_share_a_page(void **state)
{
    static const struct {
        uint64_t at[3], len[3], own[3];
    } good[] = {
        {{0, 1, 2}, {1, 1, 1}, {0, 0x1000, 0x1000}}, /* all in one page */
        {{0, 0x800, 0xfff}, {0x800, 0x7ff, 1}, {0, 0x1000, 0x1000}},
        {{0x10, 0x1010, 0x3000}, {0x1000, 0x1000, 1}, {0, 0x2000, 0x3000}},
        {{0x10, 0x1fff, 0x2000}, {0x1800, 1, 1}, {0, 0x2000, 0x2000}},
        {{0, 0xfff, 0x1800}, {0xfff, 2, 0x10000}, {0, 0x1000, 0x2000}},
    };
    static const uint32_t flags[] = {MADE_R, MADE_R | MADE_W, MADE_R | MADE_X};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        for (size_t k = 0; k < COUNT_OF(flags); k++) {
            made_good(four(flags[k], good[i].at, good[i].len), &image);
            assert_int_equal(image.count, 4);
            assert_int_equal(elf_own_page(&image, 0), BASE);
            for (unsigned n = 0; n < 3; n++) {
                assert_int_equal(image.segments[n + 1].va, BASE + M(1) + good[i].at[n]);
                assert_int_equal(elf_own_page(&image, n + 1), BASE + M(1) + good[i].own[n]);
            }
        }
    }
}

/* Also then no byte is in two of them, and they ascend. */
static void segments_of_the_same_rights_do_not_overlap(void **state)
{
    static const struct {
        uint64_t at[3], len[3];
    } bad[] = {
        {{0, 0, 0x10}, {1, 1, 1}},
        {{0, 1, 0x10}, {2, 1, 1}},
        {{0x10, 8, 0x20}, {1, 1, 1}},
        {{0, 0x10, 8}, {1, 1, 1}},
        {{0, 0x20, 0}, {8, 8, 1}},
        {{0, 0x1000, 0x1001}, {8, 2, 1}},
        {{0, 0xfff, 0x1fff}, {8, 0x1001, 1}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        made_refused(four(MADE_R | MADE_W, bad[i].at, bad[i].len));
}

/* They ascend: what is behind must not come before, even if they are apart. */
static void segments_ascend(void **state)
{
    struct made *made = two(BASE + M(1), K(4), BASE, K(4));

    (void)state;
    made_refused(made);
    made_refused(two(-M(2), K(4), BASE, K(4)));
    made_refused(two(BASE + K(4), 1, BASE, K(4)));
    made = two(BASE, K(4), BASE + M(1), K(4));
    made_good(made, &image);
    made_load(made, MADE_R | MADE_W, BASE + M(1) - K(4), K(4));
    made_refused(made);
}

/* Neighbours are not enough: every segment is held against all before it. */
static void every_earlier_segment_counts(void **state)
{
    struct made *made = made_start(MADE_EXEC);

    (void)state;
    made_put(made, E_ENTRY, 8, BASE);
    for (unsigned i = 0; i < ELF_SEGMENTS_MAX; i++)
        made_load(made, i == 0 ? MADE_X : 0, BASE + K(16) * i, K(8));
    made_good(made, &image);
    for (unsigned i = 0; i < ELF_SEGMENTS_MAX; i++) {
        uint64_t len = made_field(i, P_MEMSZ);

        made_put(made, len, 8, K(16));
        made_good(made, &image);
        made_put(made, len, 8, K(8));
        if (i + 1 < ELF_SEGMENTS_MAX)
            made_refused_with(made, len, 8, K(16) + 1);
        for (unsigned k = 0; k < ELF_SEGMENTS_MAX; k++) {
            if (k != i)
                made_refused_with(made, made_field(i, P_VADDR), 8, BASE + K(16) * k + K(4));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_end_where_the_file_does),
        cmocka_unit_test(bytes_may_be_far_behind),
        cmocka_unit_test(zeros_need_no_bytes),
        cmocka_unit_test(file_holds_no_more_than_memory),
        cmocka_unit_test(wrapping_segment_is_refused),
        cmocka_unit_test(segments_stay_out_of_the_hole),
        cmocka_unit_test(hole_depends_on_the_levels),
        cmocka_unit_test(segment_does_not_cross_the_hole),
        cmocka_unit_test(segments_may_be_in_both_halves),
        cmocka_unit_test(first_pages_are_kept_free),
        cmocka_unit_test(alignment_is_a_power_of_two),
        cmocka_unit_test(address_and_offset_agree),
        cmocka_unit_test(largest_alignment_is_the_images),
        cmocka_unit_test(writable_and_executable_is_refused),
        cmocka_unit_test(segments_of_other_rights_do_not_share_a_page),
        cmocka_unit_test(segments_of_the_same_rights_may_share_a_page),
        cmocka_unit_test(segments_of_the_same_rights_do_not_overlap),
        cmocka_unit_test(segments_ascend),
        cmocka_unit_test(every_earlier_segment_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
