/* SPDX-License-Identifier: MIT */
/* What a BIOS leaves behind: found by marks and checksums where it may be, and nowhere else. */
#include "bios_search.h"

#include "acpi_made.h"
#include "random.h"
#include "test.h"

#define BASE UINT64_C(0x9f000)

static uint8_t area[4096];
static struct facts facts;

static void start(void)
{
    memset(area, 0, sizeof(area));
    memset(&facts, 0, sizeof(facts));
}

/* An RSDP of revision 0 or 2 in the area. */
static uint8_t *rsdp_at(size_t at, bool is_new)
{
    static struct facts made;

    acpi_made_rsdp(&made, is_new ? 36 : 20, 0x7ff00000 + (uint32_t)at, 0x7ff10000);
    memcpy(area + at, made.rsdp, made.rsdp_size);
    return area + at;
}

/* A copy of the area's own size, so that reading past its end is seen. */
static bool find(uint32_t starts, uint32_t len)
{
    uint8_t *copy = malloc(len);
    bool found;

    assert_non_null(copy);
    memcpy(copy, area, len);
    found = bios_find_rsdp(&facts, BASE, copy, starts, len);
    free(copy);
    return found;
}

static void assert_found(size_t at, size_t size)
{
    assert_int_equal(facts.rsdp_pa, BASE + at);
    assert_int_equal(facts.rsdp_size, size);
    assert_memory_equal(facts.rsdp, area + at, size);
}

static void assert_not_found(void)
{
    assert_int_equal(facts.rsdp_pa, 0);
    assert_int_equal(facts.rsdp_size, 0);
}

/* The data area begins between 512 and 640 KiB, or it is none; what is searched ends at 640 KiB. */
static void ebda_is_where_it_can_be(void **state)
{
    (void)state;
    for (uint32_t segment = 0; segment <= 0xffff; segment++) {
        uint64_t ebda = bios_ebda_at((uint16_t)segment);

        assert_int_equal(ebda, segment >= 0x8000 && segment < 0xa000 ? segment * 16 : 0);
        if (ebda == 0)
            continue;
        assert_true(ebda + bios_ebda_len(ebda) <= 0xa0000);
        assert_true(bios_ebda_len(ebda) == 1024 + 36 || ebda + bios_ebda_len(ebda) == 0xa0000);
    }
    assert_int_equal(bios_ebda_len(0x9fc00), 1024);
    assert_int_equal(bios_ebda_len(0x9f000), 1060);
    assert_int_equal(bios_ebda_len(0x9fff0), 16);
}

/* On every multiple of 16 up to the last at which it may begin, and nowhere else. */
static void rsdp_is_found_on_multiples_of_16(void **state)
{
    (void)state;
    for (unsigned is_new = 0; is_new < 2; is_new++) {
        for (size_t at = 0; at < 1100; at++) {
            bool good = at % 16 == 0 && at < 1024;

            start();
            rsdp_at(at, is_new);
            assert_int_equal(find(1024, 1024 + 36), good);
            if (good)
                assert_found(at, is_new ? 36 : 20);
            else
                assert_not_found();
        }
    }
}

/* One that is cut off by the end is none. */
static void rsdp_that_is_cut_off_is_none(void **state)
{
    (void)state;
    for (unsigned is_new = 0; is_new < 2; is_new++) {
        for (uint32_t len = 1; len < 80; len++) {
            start();
            rsdp_at(32, is_new);
            assert_int_equal(find(len, len), len >= 32u + (is_new ? 36u : 20u));
        }
    }
}

/* Both checksums count, and which there are depends on the revision. */
static void every_byte_of_an_rsdp_counts(void **state)
{
    (void)state;
    for (unsigned is_new = 0; is_new < 2; is_new++) {
        for (size_t at = 0; at < 40; at++) {
            bool good = at >= (is_new ? 36 : 20);

            start();
            rsdp_at(64, is_new)[at] ^= 0x04;
            assert_int_equal(find(1024, 1024), good);
            if (good)
                assert_found(64, is_new ? 36 : 20);
            else
                assert_not_found();
        }
    }
    start();
    rsdp_at(64, false)[0] ^= 0x04; /* another mark, the sum right */
    area[64 + 1] = (uint8_t)(area[64 + 1] + 'R' - ('R' ^ 0x04));
    assert_false(find(1024, 1024));
}

/* What is damaged does not end the search; of two the first counts. */
static void search_goes_on_behind_a_damaged_one(void **state)
{
    (void)state;
    start();
    rsdp_at(0, true)[33]++; /* the second checksum is wrong */
    rsdp_at(48, false)[9]++;
    rsdp_at(96, true);
    rsdp_at(144, true);
    assert_true(find(1024, 1024));
    assert_found(96, 36);
}

/* A loader's RSDP learns where it is, if it is there, and what it lacks. */
static void loaders_rsdp_learns_where_it_is(void **state)
{
    (void)state;
    start();
    rsdp_at(32, true);
    memcpy(facts.rsdp, rsdp_at(80, true), 36);
    facts.rsdp_size = 36;
    assert_true(find(1024, 1024));
    assert_found(80, 36);
    start();
    memcpy(facts.rsdp, rsdp_at(80, true), 20);
    facts.rsdp_size = 20;
    assert_true(find(1024, 1024));
    assert_found(80, 36);
    start();
    memcpy(facts.rsdp, rsdp_at(80, false), 20); /* with what is behind it, which is none of it */
    memset(facts.rsdp + 20, 0x5a, 16);
    facts.rsdp_size = 36;
    assert_true(find(1024, 1024));
    assert_int_equal(facts.rsdp_pa, BASE + 80);
    assert_int_equal(facts.rsdp_size, 36);
    assert_int_equal(facts.rsdp[35], 0x5a);
}

/* If it is another one, as GRUB's own tables have, it stays, and nobody knows where it is. */
static void loaders_rsdp_stays(void **state)
{
    static const size_t sizes[] = {20, 36};
    uint8_t known[36];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        start();
        memcpy(known, rsdp_at(0, sizes[i] == 36), sizes[i]);
        memset(area, 0, sizeof(area));
        rsdp_at(16, false);
        rsdp_at(48, true);
        memcpy(facts.rsdp, known, sizes[i]);
        facts.rsdp_size = sizes[i];
        assert_false(find(1024, 1024));
        assert_int_equal(facts.rsdp_pa, 0);
        assert_int_equal(facts.rsdp_size, sizes[i]);
        assert_memory_equal(facts.rsdp, known, sizes[i]);
    }
}

/* An SMBIOS entry point of so many bytes, as it says, with its sum right. */
static uint8_t *smbios_at(size_t at, const char *mark, uint8_t len)
{
    size_t mark_len = strlen(mark);
    uint8_t sum = 0;

    memcpy(area + at, mark, mark_len);
    area[at + mark_len + 1] = len;
    for (size_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + area[at + i]);
    area[at + mark_len] = (uint8_t)(0x100 - sum);
    return area + at;
}

/* Where one is, of the newer kind if there are both. */
static uint64_t find_smbios(uint32_t len)
{
    uint8_t *copy = malloc(len);

    assert_non_null(copy);
    memcpy(copy, area, len);
    bios_find_smbios(&facts, 0xe0000, copy, len);
    free(copy);
    return facts.smbios_64_pa ? facts.smbios_64_pa : facts.smbios_32_pa;
}

/* Of both versions, at every place, side by side. */
static void smbios_is_found(void **state)
{
    (void)state;
    for (size_t at = 0; at < 256; at++) {
        start();
        smbios_at(at, "_SM_", 0x1f);
        assert_int_equal(find_smbios(300), at % 16 == 0 ? 0xe0000 + at : 0);
        smbios_at(256, "_SM3_", 0x18);
        find_smbios(300);
        assert_int_equal(facts.smbios_64_pa, 0xe0000 + 256);
        assert_int_equal(facts.smbios_32_pa, at % 16 == 0 ? 0xe0000 + at : 0);
    }
}

/* As long as it says it is: 30 or 31 bytes, or 24, and then some; and all of them are summed. */
static void smbios_has_its_length(void **state)
{
    static const struct {
        const char *mark;
        unsigned least;
    } kinds[] = {{"_SM_", 0x1e}, {"_SM3_", 0x18}};

    (void)state;
    for (size_t kind = 0; kind < COUNT_OF(kinds); kind++) {
        for (unsigned len = 8; len < 64; len++) {
            bool good = len >= kinds[kind].least && len <= 32;

            start();
            smbios_at(16, kinds[kind].mark, (uint8_t)len);
            assert_int_equal(find_smbios(128), good ? 0xe0010 : 0);
            assert_int_equal(find_smbios(16 + len), good ? 0xe0010 : 0);
            assert_int_equal(find_smbios(16 + len - 1), 0);
            if (good) {
                area[16 + len - 1] ^= 0x20;
                assert_int_equal(find_smbios(128), 0);
            }
        }
    }
    start();
    assert_int_equal(find_smbios(1), 0);
}

/* Random bytes with marks in them: nothing is read outside, and what is found sums up. */
static void random_areas_are_survived(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 3000; round++) {
        uint32_t len = 1 + (uint32_t)rng_below(&rng, 200);

        start();
        for (uint64_t n = rng_below(&rng, 6); n > 0; n--) {
            size_t at = 16 * rng_below(&rng, 14);

            if (rng_once_in(&rng, 2))
                rsdp_at(at, rng_once_in(&rng, 2));
            else
                smbios_at(at, rng_once_in(&rng, 2) ? "_SM_" : "_SM3_",
                          (uint8_t)rng_below(&rng, 40));
        }
        for (uint64_t n = rng_below(&rng, 4); n > 0; n--)
            area[rng_below(&rng, len)] = (uint8_t)rng_next(&rng);
        find_smbios(len);
        if (!find(1 + (uint32_t)rng_below(&rng, len), len))
            continue;
        assert_true(facts.rsdp_pa - BASE + facts.rsdp_size <= len);
        assert_found(facts.rsdp_pa - BASE, facts.rsdp_size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ebda_is_where_it_can_be),
        cmocka_unit_test(rsdp_is_found_on_multiples_of_16),
        cmocka_unit_test(rsdp_that_is_cut_off_is_none),
        cmocka_unit_test(every_byte_of_an_rsdp_counts),
        cmocka_unit_test(search_goes_on_behind_a_damaged_one),
        cmocka_unit_test(loaders_rsdp_learns_where_it_is),
        cmocka_unit_test(loaders_rsdp_stays),
        cmocka_unit_test(smbios_is_found),
        cmocka_unit_test(smbios_has_its_length),
        cmocka_unit_test(random_areas_are_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
