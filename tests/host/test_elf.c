/* SPDX-License-Identifier: MIT */
/*
 * ELF files' headers. Where segments may be is in test_elf_segments.c, damage
 * by chance in test_elf_random.c, relocations in test_elf_relocate.c.
 */
#include "elf.h"

#include "elf_made.h"
#include "plan.h"
#include "test.h"

#define BASE UINT64_C(0x400000)

static struct elf_image image;

static void assert_segment(size_t i, uint64_t va, uint64_t len, uint64_t offset, uint64_t file_len,
                           unsigned rights)
{
    assert_int_equal(image.segments[i].va, va);
    assert_int_equal(image.segments[i].len, len);
    assert_int_equal(image.segments[i].offset, offset);
    assert_int_equal(image.segments[i].file_len, file_len);
    assert_int_equal(image.segments[i].rights, rights);
}

/* An executable as linkers write it: everything about it is as its headers say. */
static void executable_is_read(void **state)
{
    (void)state;
    made_good(made_three(MADE_EXEC, BASE), &image);
    assert_int_equal(image.count, 3);
    assert_segment(0, BASE, MADE_TEXT_LEN, 0x1000, MADE_TEXT_LEN, RIGHT_X);
    assert_segment(1, BASE + 0x2010, MADE_RODATA_LEN, 0x2010, MADE_RODATA_LEN, 0);
    assert_segment(2, BASE + 0x4000, MADE_DATA_ROOM, 0x3000, MADE_DATA_LEN, RIGHT_W);
    assert_false(image.relocatable);
    assert_int_equal(image.entry, BASE + 0x10);
    assert_int_equal(image.start, BASE);
    assert_int_equal(image.end, BASE + 0x7000);
    assert_int_equal(image.align, 4096);
    assert_int_equal(image.relro_len, 0);
    assert_int_equal(image.dynamic_len, 0);
}

/* ET_DYN is relocatable, and may begin at 0. */
static void shared_object_is_relocatable(void **state)
{
    (void)state;
    made_good(made_three(MADE_DYN, 0), &image);
    assert_true(image.relocatable);
    assert_int_equal(image.start, 0);
    assert_int_equal(image.end, 0x7000);
    assert_int_equal(image.entry, 0x10);
    assert_segment(2, 0x4000, MADE_DATA_ROOM, 0x3000, MADE_DATA_LEN, RIGHT_W);
}

/* A file that ends within its header is none. */
static void file_without_a_whole_header_is_refused(void **state)
{
    struct made *made = made_three(MADE_EXEC, BASE);

    (void)state;
    for (made->size = 0; made->size < 64; made->size++)
        made_refused(made);
}

/* The magic number, class, order, machine and type must be right to the last bit. */
static void identity_must_be_right(void **state)
{
    static const uint8_t at[] = {0, 1, 2, 3, 4, 5, 16, 17, 18, 19};
    struct made *made = made_three(MADE_EXEC, BASE);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(at); i++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            if (byte != made->bytes[at[i]] && (at[i] != E_TYPE || byte != MADE_DYN))
                made_refused_with(made, at[i], 1, byte);
        }
    }
    made_refused_with(made, E_MACHINE, 2, 3);
    made_refused_with(made, E_MACHINE, 2, 183);
    made_refused_with(made, E_TYPE, 2, 1);
    made_refused_with(made, E_TYPE, 2, 4);
    made_good(made, &image);
}

/* Who made the file, its sections and its flags are not asked for. */
static void what_means_nothing_is_ignored(void **state)
{
    struct made *made = made_three(MADE_EXEC, BASE);

    (void)state;
    made_put(made, 7, 8, UINT64_MAX);
    made_put(made, 15, 1, 0xff);
    made_put(made, 40, 8, UINT64_MAX); /* e_shoff */
    made_put(made, 48, 4, UINT32_MAX); /* e_flags */
    made_put(made, 58, 6, UINT64_MAX); /* e_shentsize, e_shnum, e_shstrndx */
    made_good(made, &image);
    assert_int_equal(image.count, 3);
}

/* Program headers have 56 bytes each, and no other size. */
static void header_size_must_be_right(void **state)
{
    struct made *made = made_three(MADE_EXEC, BASE);

    (void)state;
    for (unsigned size = 0; size < 0x10000; size += size < 300 ? 1 : 997) {
        if (size != P_SIZE)
            made_refused_with(made, E_PHENTSIZE, 2, size);
    }
    made_refused_with(made, E_PHENTSIZE, 2, 0xffff);
}

/* There may be as many program headers as the limit says, and not one more. */
static void number_of_headers_has_its_limit(void **state)
{
    struct made *made = made_three(MADE_EXEC, BASE);

    (void)state;
    while (made->count < ELF_HEADERS_MAX - 1)
        made_header(made, MADE_NOTE, 0, 0, 0, 0, 0, 0);
    made_good(made, &image);
    made_header(made, MADE_NOTE, 0, 0, 0, 0, 0, 0);
    assert_int_equal(made->count, ELF_HEADERS_MAX);
    made_good(made, &image);
    assert_int_equal(image.count, 3);
    made->size = K(64);
    made_header(made, MADE_NOTE, 0, 0, 0, 0, 0, 0);
    made_refused(made);
    made_refused_with(made, E_PHNUM, 2, 0x8000);
    made_refused_with(made, E_PHNUM, 2, 0xffff);
}

/* The last of the program headers is read too. */
static void last_header_counts(void **state)
{
    struct made *made = made_three(MADE_EXEC, BASE);

    (void)state;
    while (made->count < ELF_HEADERS_MAX - 1)
        made_header(made, MADE_NOTE, 0, 0, 0, 0, 0, 0);
    made_load(made, MADE_R, BASE + 0x10000, 5);
    made_good(made, &image);
    assert_int_equal(image.count, 4);
    assert_segment(3, BASE + 0x10000, 5, 0x1000, 1, 0);
}

/* They may be anywhere in the file, at odd offsets too, up to its last byte. */
static void headers_may_be_anywhere_in_the_file(void **state)
{
    struct made *made = made_three(MADE_EXEC, BASE);
    uint64_t len = P_SIZE * (uint64_t)made->count;

    (void)state;
    for (uint64_t at = 65; at < 0x7000; at += 977) {
        made_three(MADE_EXEC, BASE);
        memmove(made->bytes + at, made->bytes + MADE_HEADERS, len);
        made_put(made, E_PHOFF, 8, at);
        made_good(made, &image);
        assert_int_equal(image.count, 3);
    }
    memmove(made->bytes + made->size - len, made->bytes + made_get(made, E_PHOFF, 8), len);
    made_put(made, E_PHOFF, 8, made->size - len);
    made_good(made, &image);
    made_refused_with(made, E_PHOFF, 8, made->size - len + 1);
    made->size--;
    made_refused(made);
}

/* Headers outside the file are refused, also where their end wraps. */
static void headers_outside_the_file_are_refused(void **state)
{
    static const uint64_t away[] = {0x8000,     0x8001,          UINT64_C(1) << 32, INT64_MAX,
                                    UINT64_MAX, UINT64_MAX - 55, UINT64_MAX - 167};
    struct made *made = made_three(MADE_EXEC, BASE);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(away); i++)
        made_refused_with(made, E_PHOFF, 8, away[i]);
    for (uint64_t back = 1; back < 300; back++)
        made_refused_with(made, E_PHOFF, 8, -back);
}

/* There may be as many segments as the limit says, and not one more. */
static void number_of_segments_has_its_limit(void **state)
{
    struct made *made = made_start(MADE_EXEC);

    (void)state;
    made_put(made, E_ENTRY, 8, BASE);
    for (unsigned i = 0; i < ELF_SEGMENTS_MAX; i++) {
        made_load(made, i == 0 ? MADE_X : MADE_W, BASE + K(4) * i, K(4));
        made_good(made, &image);
        assert_int_equal(image.count, i + 1);
        assert_int_equal(image.end, BASE + K(4) * (i + 1));
    }
    made_load(made, MADE_W, BASE + K(4) * ELF_SEGMENTS_MAX, K(4));
    made_refused(made);
}

/* A file without segments is none that could be run. */
static void file_without_segments_is_refused(void **state)
{
    struct made *made = made_start(MADE_EXEC);

    (void)state;
    made_refused(made);
    made_header(made, MADE_NOTE, MADE_R, 0x1000, BASE, 16, 16, 4);
    made_refused(made);
    made_load(made, MADE_X, BASE, 0);
    made_put(made, made_field(1, P_FILESZ), 8, 0);
    made_put(made, E_ENTRY, 8, BASE);
    made_refused(made);
    made_load(made, MADE_X, BASE, 1);
    made_good(made, &image);
    assert_int_equal(image.count, 1);
}

/* A segment of no bytes, in memory and in the file, is skipped, wherever and whatever it is. */
static void segments_of_no_bytes_are_skipped(void **state)
{
    static const uint64_t at[] = {0,     1,          BASE - 1,          BASE,
                                  M(16), UINT64_MAX, UINT64_C(1) << 47, BASE + 0x4001};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(at); i++) {
        for (unsigned flags = 0; flags < 8; flags++) {
            struct made *made = made_three(MADE_EXEC, BASE);

            made_header(made, MADE_LOAD, flags, 0, at[i], 0, 0, 3);
            made_header(made, MADE_LOAD, flags, at[i], at[i], 0, 0, M(2));
            made_good(made, &image);
            assert_int_equal(image.count, 3);
            assert_int_equal(image.align, 4096);
            assert_int_equal(image.start, BASE);
            assert_int_equal(image.end, BASE + 0x7000);
        }
    }
}

/* A file that wants a dynamic linker is refused, wherever its name is. */
static void interpreter_is_refused(void **state)
{
    static const uint64_t offsets[] = {0, 0x1000, 0x8000, UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(offsets); i++) {
        for (unsigned type = MADE_EXEC; type <= MADE_DYN; type++) {
            struct made *made = made_three(type, BASE);

            made_header(made, MADE_INTERP, MADE_R, offsets[i], BASE, i, i, 1);
            made_refused(made);
            made_put(made, made_field(3, P_TYPE), 4, MADE_NOTE);
            made_good(made, &image);
        }
    }
}

/* Other program headers are ignored, however strange: also a stack that is to be executable. */
static void other_headers_are_ignored(void **state)
{
    static const uint32_t types[] = {0,          MADE_NOTE,  5,          6,
                                     MADE_TLS,   8,          0x60000000, 0x6474e550,
                                     MADE_STACK, 0x6474e553, 0x70000000, UINT32_MAX};
    struct made *made = made_three(MADE_EXEC, BASE);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        made_header(made, types[i], 7, UINT64_MAX, UINT64_MAX, UINT64_MAX, 1, 3);
        made_header(made, types[i], 7, 0, BASE, M(1), M(2), M(2));
    }
    made_good(made, &image);
    assert_int_equal(image.count, 3);
    assert_int_equal(image.align, 4096);
    assert_int_equal(image.relro_len, 0);
    assert_int_equal(image.dynamic_len, 0);
}

/* What is to be read-only, and what the linker wrote for relocating, are found in any order. */
static void relro_and_dynamic_are_found(void **state)
{
    (void)state;
    for (unsigned order = 0; order < 2; order++) {
        struct made *made = made_start(MADE_DYN);

        made_put(made, E_ENTRY, 8, 0x10);
        for (unsigned i = 0; i < 3; i++) {
            if (i == (order ? 2 : 0)) {
                made_load(made, MADE_X, 0, 0x100);
                made_load(made, MADE_W, 0x4000, 0x3001);
            } else if (i == 1) {
                made_header(made, MADE_RELRO, MADE_R, 0x3000, 0x4000, 0x1000, 0x2000, 1);
            } else {
                made_header(made, MADE_DYNAMIC, MADE_W, 0x3120, 0x4120, 0x70, 0x70, 8);
            }
        }
        made_good(made, &image);
        assert_int_equal(image.relro, 0x4000);
        assert_int_equal(image.relro_len, 0x2000);
        assert_int_equal(image.dynamic_offset, 0x3120);
        assert_int_equal(image.dynamic_len, 0x70);
        assert_int_equal(image.count, 2);
        assert_int_equal(image.segments[1].rights, RIGHT_W);
    }
}

/* Rights are the header's, without the readable one; other flags mean nothing. */
static void rights_are_the_headers(void **state)
{
    static const uint32_t flags[] = {0, MADE_R, MADE_W, MADE_R | MADE_W, UINT32_C(0xfffffff8)};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        struct made *made = made_three(MADE_EXEC, BASE);

        made_put(made, made_field(0, P_FLAGS), 4, UINT32_C(0xfffffff8) | MADE_X);
        made_put(made, made_field(1, P_FLAGS), 4, flags[i]);
        made_good(made, &image);
        assert_int_equal(image.segments[0].rights, RIGHT_X);
        assert_int_equal(image.segments[1].rights, flags[i] & MADE_W ? RIGHT_W : 0);
        assert_int_equal(image.segments[2].rights, RIGHT_W);
    }
}

/* The entry is any byte of an executable segment, its zeros included, and of no other. */
static void entry_is_in_an_executable_segment(void **state)
{
    struct made *made = made_three(MADE_EXEC, BASE);

    (void)state;
    made_put(made, made_field(0, P_VADDR), 8, BASE + 0x10);
    made_put(made, made_field(0, P_OFFSET), 8, 0x1010);
    made_put(made, made_field(0, P_MEMSZ), 8, 0x1200);
    made_put(made, E_ENTRY, 8, BASE + 0x10);
    made_good(made, &image);
    made_put(made, E_ENTRY, 8, BASE + 0x10 + 0x11ff);
    made_good(made, &image);
    assert_int_equal(image.entry, BASE + 0x120f);
    made_refused_with(made, E_ENTRY, 8, BASE + 0xf);
    made_refused_with(made, E_ENTRY, 8, BASE + 0x1210);
    made_refused_with(made, E_ENTRY, 8, BASE + 0x1fff);
    made_refused_with(made, E_ENTRY, 8, BASE + 0x2010);
    made_refused_with(made, E_ENTRY, 8, BASE + 0x4000);
    made_refused_with(made, E_ENTRY, 8, 0);
    made_refused_with(made, E_ENTRY, 8, UINT64_MAX);
    made_put(made, made_field(0, P_FLAGS), 4, MADE_R);
    made_refused(made);
    made_put(made, made_field(2, P_FLAGS), 4, MADE_R | MADE_X);
    made_put(made, E_ENTRY, 8, BASE + 0x4000 + MADE_DATA_ROOM - 1);
    made_good(made, &image);
    made_refused_with(made, E_ENTRY, 8, BASE + 0x4000 + MADE_DATA_ROOM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(executable_is_read),
        cmocka_unit_test(shared_object_is_relocatable),
        cmocka_unit_test(file_without_a_whole_header_is_refused),
        cmocka_unit_test(identity_must_be_right),
        cmocka_unit_test(what_means_nothing_is_ignored),
        cmocka_unit_test(header_size_must_be_right),
        cmocka_unit_test(number_of_headers_has_its_limit),
        cmocka_unit_test(last_header_counts),
        cmocka_unit_test(headers_may_be_anywhere_in_the_file),
        cmocka_unit_test(headers_outside_the_file_are_refused),
        cmocka_unit_test(number_of_segments_has_its_limit),
        cmocka_unit_test(file_without_segments_is_refused),
        cmocka_unit_test(segments_of_no_bytes_are_skipped),
        cmocka_unit_test(interpreter_is_refused),
        cmocka_unit_test(other_headers_are_ignored),
        cmocka_unit_test(relro_and_dynamic_are_found),
        cmocka_unit_test(rights_are_the_headers),
        cmocka_unit_test(entry_is_in_an_executable_segment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
