/* SPDX-License-Identifier: MIT */
/* Sections of PE32+ images that are written here field by field, and then damaged. */
#include "pe.h"

#include <stdio.h>

#include "exact.h"
#include "random.h"
#include "reference_pe.h"
#include "test.h"

#define STUB     0x80u /* e_lfanew: a DOS stub is before it */
#define COFF     (STUB + 4)
#define OPTIONAL (COFF + 20)
#define TABLE    (OPTIONAL + 240)
#define IMAGE    0x20000u
#define ROOM     8192u

static uint8_t image[ROOM];

static void put(size_t at, unsigned bytes, uint64_t value)
{
    for (unsigned i = 0; i < bytes; i++)
        image[at + i] = (uint8_t)(value >> (8 * i));
}

static uint64_t get(size_t at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = bytes; i-- > 0;)
        value = value << 8 | image[at + i];
    return value;
}

/* A section header as linkers write it. */
static void put_section(size_t at, const char *name, uint32_t rva, uint32_t size)
{
    memset(image + at, 0, 40);
    memcpy(image + at, name, strlen(name));
    put(at + 8, 4, size);
    put(at + 12, 4, rva);
    put(at + 16, 4, (size + 511) / 512 * UINT64_C(512));
    put(at + 20, 4, rva);
    put(at + 36, 4, 0x40000040);
}

/* Headers of so many sections called .s0, .s1 and so on, which end where they are said to. */
static size_t put_image(unsigned sections)
{
    size_t end = TABLE + 40 * (size_t)sections;

    memset(image, 0, sizeof(image));
    memcpy(image, "MZ", 2);
    put(0x3c, 4, STUB);
    memset(image + 0x40, 0xcc, STUB - 0x40);
    memcpy(image + STUB, "PE\0", 4);
    put(COFF, 2, 0x8664);
    put(COFF + 2, 2, sections);
    put(COFF + 4, 4, 0x12345678);
    put(COFF + 16, 2, 240);
    put(COFF + 18, 2, 0x22);
    put(OPTIONAL, 2, 0x20b);
    put(OPTIONAL + 24, 8, UINT64_C(0x180000000));
    put(OPTIONAL + 32, 4, 4096);
    put(OPTIONAL + 36, 4, 512);
    put(OPTIONAL + 56, 4, sections < 31 ? IMAGE : IMAGE * (UINT64_C(1) + sections / 31));
    put(OPTIONAL + 60, 4, (end + 511) / 512 * 512);
    put(OPTIONAL + 68, 2, 10);
    put(OPTIONAL + 108, 4, 16);
    for (unsigned i = 0; i < sections; i++) {
        char name[16];

        snprintf(name, sizeof(name), ".s%u", i);
        put_section(TABLE + 40 * (size_t)i, name, 0x1000 * (i + 1), 0x100 + i);
    }
    return end;
}

/* An image of one section with its PE header elsewhere, over the DOS header if need be. */
static size_t put_image_at(size_t pe)
{
    static uint8_t headers[TABLE + 40 - STUB];

    put_image(1);
    memcpy(headers, image + STUB, sizeof(headers));
    memset(image + 0x40, 0, sizeof(image) - 0x40);
    memcpy(image + pe, headers, sizeof(headers));
    put(0x3c, 4, pe);
    return pe + sizeof(headers);
}

/* Look into the first len bytes, which are all that may be read. */
static struct error look(size_t len, const char *name, struct pe_section *section)
{
    const char *differs = reference_pe_differs(image, len, name);
    void *copy = exact_copy(image, len);
    struct error err;

    if (differs)
        fail_msg("%s differs, of \"%s\" in %zu bytes", differs, name, len);
    memset(section, 0xa5, sizeof(*section));
    err = pe_find_section(copy, len, name, section);
    exact_free(copy, len);
    return err;
}

static void found(size_t len, const char *name, uint32_t rva, uint32_t size)
{
    struct pe_section section;

    assert_int_equal(look(len, name, &section).code, ERR_NONE);
    assert_int_equal(section.rva, rva);
    assert_int_equal(section.size, size);
}

static void missing(size_t len, const char *name)
{
    struct pe_section section;

    assert_int_equal(look(len, name, &section).code, ERR_NONE);
    assert_int_equal(section.size, 0);
}

static struct error refused(size_t len, const char *name)
{
    struct pe_section section;
    struct error err = look(len, name, &section);

    assert_int_equal(err.code, ERR_INFO);
    assert_non_null(err.text);
    assert_true(err.text[0] != '\0');
    return err;
}

/* With these bytes in a field the headers are refused; the field is then as it was. */
static void refused_with(size_t at, unsigned bytes, uint64_t value, size_t len)
{
    uint64_t was = get(at, bytes);

    put(at, bytes, value);
    refused(len, ".s0");
    refused(len, ".none");
    put(at, bytes, was);
}

/* Each section is found wherever it stands in the table. */
static void every_section_is_found(void **state)
{
    (void)state;
    for (unsigned count = 1; count <= 96; count = count < 4 ? count + 1 : count * 2) {
        size_t end = put_image(count);

        for (unsigned i = 0; i < count && i < 31; i++) {
            char name[16];

            snprintf(name, sizeof(name), ".s%u", i);
            found(end, name, 0x1000 * (i + 1), 0x100 + i);
            found(sizeof(image), name, 0x1000 * (i + 1), 0x100 + i);
        }
    }
}

/* A name that no section has is no error, nor is a table without sections. */
static void missing_section_is_no_error(void **state)
{
    size_t end = put_image(3);

    (void)state;
    missing(end, ".s3");
    missing(end, ".config");
    missing(sizeof(image), ".none");
    missing(put_image(0), ".s0");
}

/* A section that stands behind the table's count is none of the image's. */
static void count_ends_the_table(void **state)
{
    size_t end = put_image(4);

    (void)state;
    put(COFF + 2, 2, 3);
    missing(end, ".s3");
    found(end, ".s2", 0x3000, 0x102);
    /* A second one there neither. */
    put_section(TABLE + 120, ".s0", 0x5000, 1);
    found(end, ".s0", 0x1000, 0x100);
}

/* Names are compared over all their characters, and by case. */
static void names_are_compared_whole(void **state)
{
    size_t end = put_image(3);

    (void)state;
    put_section(TABLE, ".cfg", 0x1000, 1);
    put_section(TABLE + 40, ".cfgx", 0x2000, 2);
    put_section(TABLE + 80, ".CFG", 0x3000, 3);
    found(end, ".cfg", 0x1000, 1);
    found(end, ".cfgx", 0x2000, 2);
    found(end, ".CFG", 0x3000, 3);
    missing(end, ".cf");
    missing(end, ".cfgxy");
    missing(end, "cfg");
    missing(end, ".Cfg");
    missing(end, ".");
}

/* A name of 8 characters has no zero behind it, and shorter ones do not match it. */
static void names_have_up_to_eight_characters(void **state)
{
    size_t end = put_image(2);

    (void)state;
    put_section(TABLE, ".payload", 0x1000, 0xffffff);
    put_section(TABLE + 40, ".payloa", 0x2000, 2);
    put(OPTIONAL + 56, 4, 0x2000000);
    found(end, ".payload", 0x1000, 0xffffff);
    found(end, ".payloa", 0x2000, 2);
    missing(end, ".paylo");
    missing(end, ".payloax");
    missing(end, ".Payload");
    put_section(TABLE + 40, ".payloae", 0x2000, 2);
    found(end, ".payload", 0x1000, 0xffffff);
}

/* The size is what is in memory, whatever is in the file. */
static void size_is_the_virtual_one(void **state)
{
    static const uint32_t raw[] = {0, 1, 0xff, 0x101, 0x200, 0xffffffff};
    size_t end = put_image(1);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(raw); i++) {
        put(TABLE + 16, 4, raw[i]);
        put(TABLE + 20, 4, raw[i]);
        found(end, ".s0", 0x1000, 0x100);
    }
}

/* A section of no bytes is there, and looks as if it were not. */
static void empty_section_has_no_size(void **state)
{
    size_t end = put_image(2);

    (void)state;
    put_section(TABLE, ".s0", 0x1000, 0);
    missing(end, ".s0");
    found(end, ".s1", 0x2000, 0x101);
}

/* A section may reach to the image's end, and not one byte further, nor around 32 bits. */
static void section_stays_inside_the_image(void **state)
{
    static const struct {
        uint32_t rva, size;
        bool good;
    } sections[] = {{0x1000, IMAGE - 0x1001, true}, {0x1000, IMAGE - 0x1000, true},
                    {0x1000, IMAGE - 0xfff, false}, {IMAGE - 1, 1, true},
                    {IMAGE - 1, 2, false},          {IMAGE, 1, false},
                    {IMAGE + 1, 1, false},          {0x1000, 0xffffffff, false},
                    {0x1000, 0xfffff000, false},    {0x1000, 0xfffff001, false},
                    {0xffffffff, 1, false},         {0xffffffff, 0xffffffff, false},
                    {0xfffff000, 0x1001, false},    {0x80000000, 0x80000001, false}};
    size_t end = put_image(3);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sections); i++) {
        put_section(TABLE + 40, ".s1", sections[i].rva, sections[i].size);
        if (sections[i].good)
            found(end, ".s1", sections[i].rva, sections[i].size);
        else
            refused(end, ".s1");
    }
    put_image(1);
    put(OPTIONAL + 56, 4, 0xffffffff);
    put_section(TABLE, ".s0", 0x1000, 0xffffefff);
    found(end, ".s0", 0x1000, 0xffffefff);
    put_section(TABLE, ".s0", 0x1000, 0xfffff000);
    refused(end, ".s0");
    put(OPTIONAL + 56, 4, 0);
    refused(end, ".s0");
}

/* A section that is there twice is refused, whether the two are alike or not, and no other is. */
static void section_that_is_there_twice_is_refused(void **state)
{
    (void)state;
    for (unsigned first = 0; first < 5; first++) {
        for (unsigned second = first + 1; second < 5; second++) {
            for (unsigned alike = 0; alike < 2; alike++) {
                size_t end = put_image(5);
                struct error err;

                put_section(TABLE + 40 * first, ".twice", 0x1000, 1);
                put_section(TABLE + 40 * second, ".twice", alike ? 0x1000 : 0x2000, 1);
                err = refused(end, ".twice");
                assert_true(err.at >= TABLE && err.at < end);
                missing(end, ".none");
                for (unsigned i = 0; i < 5; i++) {
                    char name[16];

                    snprintf(name, sizeof(name), ".s%u", i);
                    if (i != first && i != second)
                        found(end, name, 0x1000 * (i + 1), 0x100 + i);
                }
            }
        }
    }
}

/* Of headers that end too early nothing is found, and nothing behind them is read. */
static void cut_headers_are_refused(void **state)
{
    size_t end = put_image(3);

    (void)state;
    for (size_t len = 0; len < end; len++) {
        refused(len, ".s0");
        refused(len, ".s2");
        refused(len, ".none");
    }
    found(end, ".s0", 0x1000, 0x100);
    found(end + 1, ".s0", 0x1000, 0x100);
    end = put_image(0);
    refused(end - 1, ".s0");
    missing(end, ".s0");
}

/* Each signature must be there, byte by byte: PE32 is refused, and ROM, big-endian and NE too. */
static void signatures_must_be_there(void **state)
{
    static const size_t at[] = {0, 1, STUB, STUB + 1, STUB + 2, STUB + 3, OPTIONAL, OPTIONAL + 1};
    size_t end = put_image(2);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(at); i++) {
        for (unsigned byte = 0; byte < 256; byte++) {
            if (byte != image[at[i]])
                refused_with(at[i], 1, byte, end);
        }
    }
    refused_with(OPTIONAL, 2, 0x107, end);
    refused_with(0, 2, 0x4d5a, end);
    refused_with(STUB, 4, 0x50450000, end);
    refused_with(STUB, 2, 0x454e, end);
    found(end, ".s0", 0x1000, 0x100);
}

/* The PE header must be inside, wherever it is said to be, also near the end of 32 bits. */
static void pe_header_must_be_inside(void **state)
{
    size_t end = put_image(1);
    static const uint32_t away[] = {0x7ffffff8, 0x80000000, 0xffffff00, 0xffffffc0,
                                    0xffffffe8, 0xfffffff8, 0xfffffffc, 0xffffffff};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(away); i++)
        refused_with(0x3c, 4, away[i], end);
    for (uint32_t at = (uint32_t)end - 24 - 60; at < end + 64; at++)
        refused_with(0x3c, 4, at, end);
}

/* It may be anywhere inside, at any distance of 8 bytes. */
static void pe_header_may_be_anywhere(void **state)
{
    (void)state;
    for (size_t pe = 0x40; pe < 0x140; pe += 8) {
        size_t end = put_image_at(pe);

        found(end, ".s0", 0x1000, 0x100);
        refused(end - 1, ".s0");
    }
}

/* The optional header's size moves the table; without room for the image's size it is damaged. */
static void optional_header_size_moves_the_table(void **state)
{
    size_t end = put_image(1);

    (void)state;
    for (unsigned size = 0; size < 60; size++)
        refused_with(COFF + 16, 2, size, end);
    for (unsigned size = 241; size < 0x10000; size += size < 300 ? 1 : 997)
        refused_with(COFF + 16, 2, size, end);
    refused_with(COFF + 16, 2, 0xffff, end);
    for (unsigned directories = 0; directories <= 16; directories++) {
        size_t table = OPTIONAL + 112 + 8 * (size_t)directories;

        put_image(0);
        put(COFF + 2, 2, 1);
        put(COFF + 16, 2, 112 + 8 * directories);
        put(OPTIONAL + 108, 4, directories);
        put_section(table, ".moved", 0x4000, 7);
        found(table + 40, ".moved", 0x4000, 7);
        refused(table + 39, ".moved");
    }
}

/* The table must be inside to its last entry, also if what is looked for comes before. */
static void table_must_be_inside(void **state)
{
    size_t end = put_image(2);

    (void)state;
    for (unsigned count = 3; count < 0x10000; count += count < 40 ? 1 : 997)
        refused_with(COFF + 2, 2, count, end);
    refused_with(COFF + 2, 2, 0xffff, end);
    refused_with(COFF + 2, 2, 0x8000, end);
    refused_with(COFF + 2, 2, 3, end + 39);
}

/* Headers at any even and odd distance are looked into without a misaligned read. */
static void misaligned_headers_do_no_harm(void **state)
{
    struct pe_section section;

    (void)state;
    for (size_t pe = 0; pe < 0x60; pe++)
        look(put_image_at(pe), ".s0", &section);
}

/* With any one byte changed to any other, the answer is that of a plain reading. */
static void single_damage_is_judged_as_by_the_reference(void **state)
{
    size_t end = put_image(3);

    (void)state;
    put_section(TABLE + 80, ".s0x", 0x3000, 0x102);
    for (size_t at = 0; at < end; at++) {
        uint8_t was = image[at];

        for (unsigned byte = 0; byte < 256; byte++) {
            const char *differs;

            image[at] = (uint8_t)byte;
            differs = reference_pe_differs(image, end, ".s0");
            if (differs)
                fail_msg("%s differs with %02x at %zu", differs, byte, at);
        }
        image[at] = was;
    }
}

/* So it is with several numbers changed, to those at the bounds too. */
static void random_damage_is_judged_as_by_the_reference(void **state)
{
    static const size_t fields[] = {0x3c,      COFF + 2,   COFF + 16,  OPTIONAL + 56, OPTIONAL + 60,
                                    TABLE + 8, TABLE + 12, TABLE + 48, TABLE + 52,    TABLE};
    struct rng rng;

    (void)state;
    rng_start(&rng, "random_damage_is_judged_as_by_the_reference");
    for (unsigned round = 0; round < 50000; round++) {
        size_t end = put_image(1 + (unsigned)rng_below(&rng, 5));
        const char *differs;

        for (uint64_t n = rng_below(&rng, 4); n > 0; n--) {
            size_t at = fields[rng_below(&rng, COUNT_OF(fields))];
            uint64_t value = rng_next(&rng) >> (32 + rng_below(&rng, 32));

            put(at, 1 + (unsigned)rng_below(&rng, 4),
                rng_once_in(&rng, 2) ? value : get(at, 4) + rng_below(&rng, 9) - 4);
        }
        if (rng_once_in(&rng, 2))
            put_section(TABLE + 40 * rng_below(&rng, 5), ".s0", (uint32_t)rng_below(&rng, IMAGE),
                        (uint32_t)rng_below(&rng, IMAGE));
        end += (size_t)rng_below(&rng, 81) - 40;
        differs = reference_pe_differs(image, end, ".s0");
        if (differs)
            fail_msg("%s differs in round %u", differs, round);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_section_is_found),
        cmocka_unit_test(missing_section_is_no_error),
        cmocka_unit_test(count_ends_the_table),
        cmocka_unit_test(names_are_compared_whole),
        cmocka_unit_test(names_have_up_to_eight_characters),
        cmocka_unit_test(size_is_the_virtual_one),
        cmocka_unit_test(empty_section_has_no_size),
        cmocka_unit_test(section_stays_inside_the_image),
        cmocka_unit_test(section_that_is_there_twice_is_refused),
        cmocka_unit_test(cut_headers_are_refused),
        cmocka_unit_test(signatures_must_be_there),
        cmocka_unit_test(pe_header_must_be_inside),
        cmocka_unit_test(pe_header_may_be_anywhere),
        cmocka_unit_test(optional_header_size_moves_the_table),
        cmocka_unit_test(table_must_be_inside),
        cmocka_unit_test(misaligned_headers_do_no_harm),
        cmocka_unit_test(single_damage_is_judged_as_by_the_reference),
        cmocka_unit_test(random_damage_is_judged_as_by_the_reference),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
