/* SPDX-License-Identifier: MIT */
/* The UEFI memory map, by UEFI 2.10 tables 7.6 and 7.10 and section 7.2.3. */
#include "efi_map.h"

#include "random.h"
#include "recorder.h"
#include "test.h"

/* EFI_MEMORY_* */
#define UC           UINT64_C(0x1)
#define WC           UINT64_C(0x2)
#define WT           UINT64_C(0x4)
#define WB           UINT64_C(0x8)
#define UCE          UINT64_C(0x10)
#define WP           UINT64_C(0x1000)
#define RP           UINT64_C(0x2000)
#define XP           UINT64_C(0x4000)
#define RELIABLE     UINT64_C(0x10000)
#define RO           UINT64_C(0x20000)
#define SP           UINT64_C(0x40000)
#define CPU_CRYPTO   UINT64_C(0x80000)
#define ISA_VALID    UINT64_C(0x4000000000000000)
#define RUNTIME      UINT64_C(0x8000000000000000)
#define USUAL        (UC | WC | WT | WB)
#define CONVENTIONAL 7u
#define PAGES_MAX    (UINT64_C(1) << 52) /* 2^64 bytes */

/* What each type means once boot services are gone. */
static const enum mem_type meaning[16] = {
    MEM_RESERVED,     MEM_USABLE,   MEM_USABLE,     MEM_USABLE,    MEM_USABLE,   MEM_RUNTIME_CODE,
    MEM_RUNTIME_DATA, MEM_USABLE,   MEM_UNUSABLE,   MEM_ACPI_DATA, MEM_ACPI_NVS, MEM_MMIO,
    MEM_MMIO,         MEM_RESERVED, MEM_PERSISTENT, MEM_UNACCEPTED};

/* Values that no specification gives a meaning, then OEMs' and OS loaders' own. */
static const uint32_t unknown[] = {16,         17,         18,         255,
                                   0x10007,    0x6fffffff, 0x70000000, 0x70000007,
                                   0x7fffffff, 0x80000000, 0x80000007, 0xffffffff};

/* With the attributes of ordinary memory, each type means what the specification says. */
static void every_type_with_usual_attributes(void **state)
{
    (void)state;
    for (uint32_t type = 0; type < COUNT_OF(meaning); type++) {
        assert_int_equal(efi_mem_type(type, USUAL), meaning[type]);
        assert_int_equal(efi_mem_type(type, WB), meaning[type]);
    }
}

/* A type that nobody defined, or a vendor did, is reserved. */
static void unknown_types_are_reserved(void **state)
{
    static const uint64_t attributes[] = {0, WB, USUAL, USUAL | SP, WB | RUNTIME};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(unknown); i++) {
        assert_int_equal(efi_mem_type(unknown[i], USUAL), MEM_RESERVED);
        for (size_t a = 0; a < COUNT_OF(attributes); a++)
            assert_int_not_equal(efi_mem_type(unknown[i], attributes[a]), MEM_USABLE);
    }
}

/* Over types 0 to 17 and all sets of attributes, usable is exactly what the header says. */
static void usable_is_what_all_attributes_allow(void **state)
{
    static const uint64_t bits[] = {UC, WC, WT, WB, UCE, XP, RO, SP, ISA_VALID, RUNTIME};

    (void)state;
    for (uint32_t type = 0; type <= 17; type++) {
        for (unsigned set = 0; set < 1u << COUNT_OF(bits); set++) {
            uint64_t attribute = 0;
            bool usable;

            for (size_t bit = 0; bit < COUNT_OF(bits); bit++)
                attribute |= (set >> bit & 1) != 0 ? bits[bit] : 0;
            usable = type < COUNT_OF(meaning) && meaning[type] == MEM_USABLE &&
                     (attribute & WB) != 0 && (attribute & (RUNTIME | SP)) == 0;
            assert_int_equal(efi_mem_type(type, attribute) == MEM_USABLE, usable);
        }
    }
}

/* Free memory set aside for a special purpose says so, rather than being plainly reserved. */
static void special_purpose_is_soft_reserved(void **state)
{
    (void)state;
    assert_int_equal(efi_mem_type(CONVENTIONAL, USUAL | SP), MEM_SOFT_RESERVED);
    assert_int_equal(efi_mem_type(CONVENTIONAL, WB | SP), MEM_SOFT_RESERVED);
}

/* Attributes that say what protection is possible, or how good the memory is, take nothing away. */
static void harmless_attributes_change_nothing(void **state)
{
    static const uint64_t harmless[] = {WP, RP, XP, RO, RELIABLE, CPU_CRYPTO, ISA_VALID};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(harmless); i++) {
        for (uint32_t type = 0; type < COUNT_OF(meaning); type++)
            assert_int_equal(efi_mem_type(type, USUAL | harmless[i]), meaning[type]);
    }
}

/* Parse descriptors that lie at the very end of their allocation. */
static struct error parse(const void *bytes, size_t size, uint64_t descriptor_size,
                          uint32_t version, struct recorder *recorder)
{
    void *copy = malloc(size > 0 ? size : 1);
    struct error err;

    assert_non_null(copy);
    if (size > 0)
        memcpy(copy, bytes, size);
    err = efi_map_ranges(copy, size, descriptor_size, version, &recorder->sink);
    free(copy);
    return err;
}

/* Whatever its size, each descriptor is read from where the firmware put it. */
static void stride_is_the_firmwares_descriptor_size(void **state)
{
    uint8_t map[3 * 128];

    (void)state;
    for (size_t size = 40; size <= 128; size += 8) {
        struct recorder *recorder = recorder_start();

        put_descriptor(map, size, CONVENTIONAL, M(1), 256, USUAL);
        put_descriptor(map + size, size, 0, G(3), 1, UC);
        put_descriptor(map + 2 * size, size, 10, T(1), G(1), USUAL);
        assert_int_equal(parse(map, 3 * size, size, 1, recorder).code, ERR_NONE);
        assert_int_equal(recorder->count, 3);
        recorder_expect(recorder, 0, M(1), M(1), MEM_USABLE, CONVENTIONAL);
        recorder_expect(recorder, 1, G(3), 4096, MEM_RESERVED, 0);
        recorder_expect(recorder, 2, T(1), T(4), MEM_ACPI_NVS, 10);
    }
}

/* A descriptor size that no descriptor fits in, or that misaligns them, is refused unread. */
static void bad_descriptor_size_is_refused(void **state)
{
    static const uint64_t bad[] = {0,  1,  7,  8,  20, 24, 32,         36,         39,
                                   41, 44, 47, 49, 52, 60, 0xfffffff8, UINT64_MAX, UINT64_MAX - 7};
    uint8_t map[41 * 48];

    (void)state;
    memset(map, 0, sizeof(map));
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct recorder *recorder = recorder_start();
        size_t size = bad[i] > 0 && bad[i] < 64 ? (size_t)bad[i] * 8 : 480;
        struct error err = parse(map, size, bad[i], 1, recorder);

        assert_int_equal(err.code, ERR_MAPENTRY);
        assert_int_equal(err.value, bad[i]);
        assert_int_equal(recorder->count, 0);
    }
}

/* A map that is no whole number of descriptors is refused unread. */
static void remainder_is_refused(void **state)
{
    uint8_t map[4 * 56];

    (void)state;
    memset(map, 0, sizeof(map));
    for (size_t size = 40; size <= 56; size += 8) {
        for (size_t rest = 1; rest < size; rest++) {
            struct recorder *recorder = recorder_start();

            assert_int_equal(parse(map, 2 * size + rest, size, 1, recorder).code, ERR_MAPENTRY);
            assert_int_equal(recorder->count, 0);
            assert_int_equal(parse(map, rest, size, 1, recorder).code, ERR_MAPENTRY);
            assert_int_equal(recorder->count, 0);
        }
    }
}

/* Descriptors of a version that nobody here knows are not guessed at. */
static void unknown_version_is_refused(void **state)
{
    static const uint32_t versions[] = {0, 2, 0x10000, 0x10001, 0xffffffff};
    uint8_t map[48];

    (void)state;
    put_descriptor(map, 48, CONVENTIONAL, M(1), 1, USUAL);
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        struct recorder *recorder = recorder_start();

        assert_int_equal(parse(map, 48, 48, versions[i], recorder).code, ERR_MAPENTRY);
        assert_int_equal(recorder->count, 0);
    }
}

/* No descriptors are no ranges, which is for others to complain about. */
static void empty_map_hands_over_nothing(void **state)
{
    struct recorder *recorder = recorder_start();

    (void)state;
    assert_int_equal(parse(NULL, 0, 48, 1, recorder).code, ERR_NONE);
    assert_int_equal(recorder->count, 0);
}

/* The sink's error stops the parser, and comes back as it is. */
static void error_of_the_sink_is_passed_on(void **state)
{
    uint8_t map[8 * 48];

    (void)state;
    for (size_t i = 0; i < 8; i++)
        put_descriptor(map + 48 * i, 48, CONVENTIONAL, M(1) * i, 1, USUAL);
    for (size_t at = 0; at < 8; at++) {
        struct recorder *recorder = recorder_start();
        struct error err;

        recorder->refuse_at = at;
        recorder->refusal = (struct error){ERR_MAPFULL, 7, 9, "no more", NULL};
        err = parse(map, sizeof(map), 48, 1, recorder);
        assert_int_equal(err.code, ERR_MAPFULL);
        assert_int_equal(err.at, 7);
        assert_int_equal(err.value, 9);
        assert_string_equal(err.text, "no more");
        assert_int_equal(recorder->count, at);
    }
}

/* Parse one descriptor into a normalised map of a CPU with 52 address bits. */
static struct error one_descriptor(struct memmap *map, uint32_t type, uint64_t base, uint64_t pages)
{
    static uint64_t keys[2];
    static struct mem_range ranges[1];
    struct recorder *recorder = recorder_start();
    uint8_t descriptor[48];
    struct error err;

    put_descriptor(descriptor, 48, type, base, pages, USUAL);
    err = parse(descriptor, 48, 48, 1, recorder);
    memmap_init(map, keys, ranges, 1, 52);
    for (size_t i = 0; i < recorder->count; i++)
        memmap_add(map, recorder->got[i].base, recorder->got[i].len, recorder->got[i].type);
    memmap_normalise(map);
    return err;
}

/* A number of pages that does not fit into 64 bits of bytes never turns into RAM. */
static void page_count_overflow_never_turns_into_ram(void **state)
{
    static const uint64_t bases[] = {0, 4096, M(1), G(4), UINT64_C(0xfffffffffffff000)};
    static const uint64_t counts[] = {PAGES_MAX + 1, PAGES_MAX + 256, 2 * PAGES_MAX,
                                      2 * PAGES_MAX + 16, UINT64_MAX};

    (void)state;
    for (size_t b = 0; b < COUNT_OF(bases); b++) {
        for (size_t i = 0; i < COUNT_OF(counts); i++) {
            struct memmap map;

            (void)one_descriptor(&map, CONVENTIONAL, bases[b], counts[i]);
            assert_int_equal(memmap_bytes(&map, MEM_USABLE), 0);
        }
    }
}

/* If such a range is not RAM, it still shields everything from its base up, or is an error. */
static void page_count_overflow_keeps_what_is_reserved(void **state)
{
    static const uint64_t counts[] = {PAGES_MAX, PAGES_MAX + 1, 3 * PAGES_MAX + 5, UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        struct memmap map;
        struct error err = one_descriptor(&map, 0, G(4), counts[i]);

        if (err.code == ERR_NONE)
            assert_true(memmap_is(&map, G(4), (UINT64_C(1) << 52) - G(4), MEM_RESERVED));
    }
}

/* Maps of any length and stride come out entry by entry as they were put in. */
static void random_maps_come_out_as_they_went_in(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, "random_maps_come_out_as_they_went_in");
    for (unsigned round = 0; round < 300; round++) {
        struct recorder *recorder = recorder_start();
        size_t size = 40 + 8 * (size_t)rng_below(&rng, 6);
        size_t count = (size_t)rng_below(&rng, 200);
        uint8_t *map = malloc(count * size + 1);
        struct recorded *in = calloc(count + 1, sizeof(*in));

        assert_non_null(map);
        assert_non_null(in);
        for (size_t i = 0; i < count; i++) {
            uint64_t pages = rng_next(&rng) >> (12 + rng_below(&rng, 52));

            in[i].raw = (uint32_t)rng_below(&rng, COUNT_OF(meaning));
            in[i].type = meaning[in[i].raw];
            in[i].base = rng_next(&rng) & ~UINT64_C(4095);
            in[i].len = pages * 4096;
            put_descriptor(map + i * size, size, in[i].raw, in[i].base, pages, USUAL);
        }
        assert_int_equal(parse(map, count * size, size, 1, recorder).code, ERR_NONE);
        assert_int_equal(recorder->count, count);
        for (size_t i = 0; i < count; i++)
            recorder_expect(recorder, i, in[i].base, in[i].len, in[i].type, in[i].raw);
        free(in);
        free(map);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_with_usual_attributes),
        cmocka_unit_test(unknown_types_are_reserved),
        cmocka_unit_test(usable_is_what_all_attributes_allow),
        cmocka_unit_test(special_purpose_is_soft_reserved),
        cmocka_unit_test(harmless_attributes_change_nothing),
        cmocka_unit_test(stride_is_the_firmwares_descriptor_size),
        cmocka_unit_test(bad_descriptor_size_is_refused),
        cmocka_unit_test(remainder_is_refused),
        cmocka_unit_test(unknown_version_is_refused),
        cmocka_unit_test(empty_map_hands_over_nothing),
        cmocka_unit_test(error_of_the_sink_is_passed_on),
        cmocka_unit_test(page_count_overflow_never_turns_into_ram),
        cmocka_unit_test(page_count_overflow_keeps_what_is_reserved),
        cmocka_unit_test(random_maps_come_out_as_they_went_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
