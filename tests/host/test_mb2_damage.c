/* SPDX-License-Identifier: MIT */
/* Lists of tags that are truncated, endless, or lie about sizes. */
#include "mb2.h"

#include "info.h"
#include "multiboot2.h"
#include "random.h"
#include "recorder.h"
#include "test.h"

static struct facts facts;

/* The list is refused for the tag at this offset. */
static void refused(const struct info *info, uint32_t at)
{
    struct error err = info_facts(info, &facts);

    assert_int_equal(err.code, ERR_INFO);
    assert_int_equal(err.at, at);
}

/* What follows the end tag is no tag. */
static void nothing_is_read_after_the_end(void **state)
{
    struct info *info = info_start();
    struct error err;

    (void)state;
    info_end(info);
    info_module(info, M(1), M(2));
    info_end(info);
    err = info_facts(info, &facts);
    if (err.code == ERR_NONE)
        assert_int_equal(facts.nmodules, 0);
    else
        assert_int_equal(err.code, ERR_INFO);
}

/* A list that is cut off anywhere, whatever its first word claims, is refused, unless it was cut
   between nothing and nothing. */
static void list_cut_anywhere_is_refused(void **state)
{
    struct info *info = info_start();
    static const uint8_t rsdp[36];
    uint32_t whole;

    (void)state;
    info_string(info, MB2_TAG_CMDLINE, "then=halt");
    info_module(info, M(1), M(2));
    info_tag(info, MB2_TAG_ACPI_NEW, rsdp, 36);
    info_u64(info, MB2_TAG_EFI64, 1);
    info_end(info);
    assert_int_equal(info_facts(info, &facts).code, ERR_NONE);
    whole = info->size;
    for (uint32_t size = 8; size < whole; size++) {
        info->size = size;
        assert_int_equal(info_facts(info, &facts).code, ERR_INFO);
        info_poke(info, MB2_INFO_TOTAL_SIZE, size);
        assert_int_equal(info_facts(info, &facts).code, ERR_INFO);
        info_poke(info, MB2_INFO_TOTAL_SIZE, whole);
    }
}

/* Sizes too small for a tag, which would make the list endless, are refused where they stand. */
static void tag_of_size_0_to_7_is_refused(void **state)
{
    static const uint32_t types[] = {MB2_TAG_END, MB2_TAG_CMDLINE, MB2_TAG_MODULE, 4, 99};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        for (uint32_t size = 0; size < 8; size++) {
            struct info *info = info_start();
            uint32_t at;

            info_string(info, MB2_TAG_CMDLINE, "x");
            at = info_tag(info, types[i], "payload", 8);
            info_poke(info, at + 4, size);
            info_end(info);
            refused(info, at);
        }
    }
}

/* Sizes that reach beyond the end, or wrap once they are rounded up, are refused. */
static void tag_beyond_the_end_is_refused(void **state)
{
    static const uint32_t types[] = {MB2_TAG_CMDLINE,
                                     MB2_TAG_MODULE,
                                     MB2_TAG_MMAP,
                                     MB2_TAG_EFI_MMAP,
                                     MB2_TAG_ACPI_NEW,
                                     MB2_TAG_EFI64,
                                     99};
    static const uint32_t sizes[] = {49,         56,         4096,       0x7fffffff, 0x80000000,
                                     0xfffffff0, 0xfffffff8, 0xfffffff9, 0xfffffffe, 0xffffffff};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        for (size_t s = 0; s < COUNT_OF(sizes); s++) {
            struct info *info = info_start();
            uint32_t at = info_tag(info, types[i], "0123456789012345678901234567890", 32);

            info_end(info); /* 48 bytes from `at` to the end of the list */
            info_poke(info, at + 4, sizes[s]);
            refused(info, at);
        }
    }
}

/* Many tags and no end tag: the list ends with the information, and is refused. */
static void list_without_an_end_is_refused(void **state)
{
    struct info *info = info_start();

    (void)state;
    while (info->size < MB2_INFO_MAX - 16)
        info_tag(info, 99, NULL, 0);
    info_poke(info, MB2_INFO_TOTAL_SIZE, info->size);
    refused(info, info->size);
}

/* A tag too small for what its type must hold is refused, not read on into the next one. */
static void tag_too_small_for_its_type_is_refused(void **state)
{
    static const struct {
        uint32_t type;
        size_t needs; /* bytes after type and size */
    } tags[] = {{MB2_TAG_MODULE, 8},    {MB2_TAG_FRAMEBUFFER, 22}, {MB2_TAG_EFI64, 8},
                {MB2_TAG_ACPI_OLD, 20}, {MB2_TAG_ACPI_NEW, 36},    {MB2_TAG_EFI64_IH, 8},
                {MB2_TAG_EFI32, 4},     {MB2_TAG_EFI32_IH, 4}};
    static const uint8_t payload[36];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(tags); i++) {
        for (size_t len = 0; len < tags[i].needs; len++) {
            struct info *info = info_start();
            uint32_t at = info_tag(info, tags[i].type, payload, len);

            info_end(info);
            refused(info, at);
        }
    }
}

/* The same for a map tag, which may be found out only when it is read. */
static void map_tag_too_small_is_refused(void **state)
{
    static const uint32_t types[] = {MB2_TAG_MMAP, MB2_TAG_EFI_MMAP};
    static const uint32_t payload[2] = {40, 1};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        for (size_t len = 0; len < sizeof(payload); len++) {
            struct recorder *recorder = recorder_start();
            struct info *info = info_start();
            uint32_t at = info_tag(info, types[i], payload, len);
            struct error err;

            info_end(info);
            err = info_read(info, &facts, &recorder->sink);
            assert_int_equal(err.code, ERR_INFO);
            assert_int_equal(err.at, at);
            assert_int_equal(recorder->count, 0);
        }
    }
}

/* A bit flipped in a type or size, where it hurts most, among one tag of each kind. */
static void flipped_headers_are_survived(void **state)
{
    static const uint32_t map_words[12] = {40, 1}; /* one entry, in either kind of map */
    static const uint32_t zeros[12];
    struct rng rng;
    unsigned accepted = 0;
    const unsigned rounds = 20000;

    (void)state;
    rng_start(&rng, "flipped_headers_are_survived");
    for (unsigned round = 0; round < rounds; round++) {
        struct recorder *recorder = recorder_start();
        struct info *info = info_start();
        uint32_t tags[22];
        uint32_t word, at;

        for (uint32_t i = 0; i < COUNT_OF(tags); i++) {
            bool map = i + 1 == MB2_TAG_MMAP || i + 1 == MB2_TAG_EFI_MMAP;

            tags[i] = info_tag(info, i + 1, map ? map_words : zeros, sizeof(zeros));
        }
        info_end(info);
        at = tags[rng_below(&rng, COUNT_OF(tags))] + 4 * (uint32_t)rng_below(&rng, 2);
        memcpy(&word, info->bytes + at, 4);
        info_poke(info, at, word ^ 1u << rng_below(&rng, 32));
        if (info_read(info, &facts, &recorder->sink).code == ERR_NONE) {
            accepted++;
            assert_non_null(memchr(facts.cmdline, '\0', sizeof(facts.cmdline)));
            assert_in_range(facts.nmodules, 0, MODULES_MAX);
            assert_in_range(facts.rsdp_size, 0, RSDP_MAX);
        }
    }
    assert_in_range(accepted, 1, rounds - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_read_after_the_end),
        cmocka_unit_test(list_cut_anywhere_is_refused),
        cmocka_unit_test(tag_of_size_0_to_7_is_refused),
        cmocka_unit_test(tag_beyond_the_end_is_refused),
        cmocka_unit_test(list_without_an_end_is_refused),
        cmocka_unit_test(tag_too_small_for_its_type_is_refused),
        cmocka_unit_test(map_tag_too_small_is_refused),
        cmocka_unit_test(flipped_headers_are_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
