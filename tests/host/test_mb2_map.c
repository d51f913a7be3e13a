/* SPDX-License-Identifier: MIT */
/* The memory maps among the tags → ranges, and random whole lists, whole and with flipped bits. */
#include "mb2.h"

#include "info.h"
#include "multiboot2.h"
#include "random.h"
#include "recorder.h"
#include "test.h"

#define WB           UINT64_C(8)
#define CONVENTIONAL 7u

static struct facts facts;

/* One E820 entry at the start of `size` bytes; what is behind its 20 bytes is rubbish. */
static void put_entry(void *to, size_t size, uint64_t base, uint64_t len, uint32_t type)
{
    uint8_t entry[20];

    memcpy(entry, &base, 8);
    memcpy(entry + 8, &len, 8);
    memcpy(entry + 16, &type, 4);
    memset(to, 0xa5, size);
    memcpy(to, entry, size < sizeof(entry) ? size : sizeof(entry));
}

/* Entries of any size that the specification allows are read from where they are, as they are. */
static void entries_are_read_at_their_stride(void **state)
{
    static const uint32_t sizes[] = {24, 32, 40, 64, 4096};
    static uint8_t map[3 * 4096];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct recorder *recorder = recorder_start();
        struct info *info = info_start();
        uint32_t size = sizes[i];

        put_entry(map, size, M(1), 0x12345, 1);
        put_entry(map + size, size, UINT64_C(0xfffffffffffff001), UINT64_MAX, 2);
        put_entry(map + 2 * size, size, 5, 0, 4);
        info_mmap(info, size, map, 3 * size);
        info_end(info);
        assert_int_equal(info_read(info, &facts, &recorder->sink).code, ERR_NONE);
        assert_int_equal(recorder->count, 3);
        recorder_expect(recorder, 0, M(1), 0x12345, MEM_USABLE, 1);
        recorder_expect(recorder, 1, UINT64_C(0xfffffffffffff001), UINT64_MAX, MEM_RESERVED, 2);
        recorder_expect(recorder, 2, 5, 0, MEM_ACPI_NVS, 4);
    }
}

/* Every type is translated, unknown ones to reserved, and kept as it stood beside that. */
static void types_are_translated_and_kept(void **state)
{
    static const struct {
        uint32_t raw;
        enum mem_type type;
    } types[] = {{0, MEM_RESERVED},         {1, MEM_USABLE},    {2, MEM_RESERVED},
                 {3, MEM_ACPI_DATA},        {4, MEM_ACPI_NVS},  {5, MEM_UNUSABLE},
                 {7, MEM_PERSISTENT},       {99, MEM_RESERVED}, {0x80000001, MEM_RESERVED},
                 {0xffffffff, MEM_RESERVED}};
    struct recorder *recorder = recorder_start();
    struct info *info = info_start();
    uint8_t map[COUNT_OF(types) * 24];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(types); i++)
        put_entry(map + 24 * i, 24, M(1) * i, M(1), types[i].raw);
    info_mmap(info, 24, map, sizeof(map));
    info_end(info);
    assert_int_equal(info_read(info, &facts, &recorder->sink).code, ERR_NONE);
    assert_int_equal(recorder->count, COUNT_OF(types));
    for (size_t i = 0; i < COUNT_OF(types); i++)
        recorder_expect(recorder, i, M(1) * i, M(1), types[i].type, types[i].raw);
}

/* An entry size that is too small, misaligned, or larger than anything is refused unread. */
static void bad_entry_size_is_refused(void **state)
{
    static const uint32_t bad[] = {0,  1,  4,  7,    8,    16,         20,         23,
                                   25, 28, 30, 4097, 8191, 0x7fffffff, 0x80000001, 0xffffffff};
    static uint8_t map[8192];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct recorder *recorder = recorder_start();
        size_t len = bad[i] > 0 && bad[i] <= sizeof(map) ? sizeof(map) / bad[i] * bad[i] : 480;
        struct info *info = info_start();
        struct error err;

        info_mmap(info, bad[i], map, len);
        info_end(info);
        err = info_read(info, &facts, &recorder->sink);
        assert_int_equal(err.code, ERR_MAPENTRY);
        assert_int_equal(err.value, bad[i]);
        assert_int_equal(recorder->count, 0);
    }
}

/* A map that is no whole number of entries is refused, also if one entry alone is larger. */
static void remainder_of_an_entry_is_refused(void **state)
{
    static const uint32_t huge[] = {48, 4096, 0x80000000, 0xffffffe8, 0xfffffff0, 0xfffffff8};
    uint8_t map[3 * 24];

    (void)state;
    put_entry(map, 24, 0, M(1), 1);
    put_entry(map + 24, 24, M(1), M(1), 1);
    put_entry(map + 48, 24, M(2), M(1), 1);
    for (size_t rest = 1; rest < 24; rest++) {
        struct recorder *recorder = recorder_start();
        struct info *info = info_start();
        struct error err;

        info_mmap(info, 24, map, 48 + rest);
        info_end(info);
        err = info_read(info, &facts, &recorder->sink);
        assert_int_equal(err.code, ERR_MAPENTRY);
        assert_int_equal(err.value, 24);
    }
    for (size_t i = 0; i < COUNT_OF(huge); i++) {
        struct recorder *recorder = recorder_start();
        struct info *info = info_start();

        info_mmap(info, huge[i], map, 24);
        info_end(info);
        assert_int_equal(info_read(info, &facts, &recorder->sink).code, ERR_MAPENTRY);
        assert_int_equal(recorder->count, 0);
    }
}

/* Where there are both, the UEFI map alone is handed over, in either order. */
static void efi_map_is_preferred(void **state)
{
    uint8_t entry[24];
    uint8_t descriptors[2 * 48];

    (void)state;
    put_entry(entry, 24, 0, G(1), 1);
    put_descriptor(descriptors, 48, CONVENTIONAL, M(1), 256, WB);
    put_descriptor(descriptors + 48, 48, 5, M(2), 16, WB | UINT64_C(1) << 63);
    for (unsigned first = 0; first < 2; first++) {
        struct recorder *recorder = recorder_start();
        struct info *info = info_start();

        if (first == 0)
            info_mmap(info, 24, entry, sizeof(entry));
        info_efi_mmap(info, 48, 1, descriptors, sizeof(descriptors));
        if (first == 1)
            info_mmap(info, 24, entry, sizeof(entry));
        info_end(info);
        assert_int_equal(info_read(info, &facts, &recorder->sink).code, ERR_NONE);
        assert_int_equal(recorder->count, 2);
        recorder_expect(recorder, 0, M(1), M(1), MEM_USABLE, CONVENTIONAL);
        recorder_expect(recorder, 1, M(2), K(64), MEM_RUNTIME_CODE, 5);
    }
}

/* A UEFI map that cannot be used is refused, not replaced by the other one. */
static void bad_efi_map_is_refused(void **state)
{
    static const struct {
        uint32_t descriptor_size;
        uint32_t version;
        size_t len;
    } bad[] = {{0, 1, 96},  {32, 1, 96}, {44, 1, 88}, {48, 0, 96},        {48, 2, 96},
               {48, 1, 95}, {48, 1, 56}, {56, 1, 96}, {0xfffffff8, 1, 96}};
    uint8_t descriptors[2 * 48];
    uint8_t entry[24];

    (void)state;
    put_entry(entry, 24, 0, G(1), 1);
    put_descriptor(descriptors, 48, CONVENTIONAL, M(1), 256, WB);
    put_descriptor(descriptors + 48, 48, CONVENTIONAL, M(2), 256, WB);
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct recorder *recorder = recorder_start();
        struct info *info = info_start();

        info_mmap(info, 24, entry, sizeof(entry));
        info_efi_mmap(info, bad[i].descriptor_size, bad[i].version, descriptors, bad[i].len);
        info_end(info);
        assert_int_equal(info_read(info, &facts, &recorder->sink).code, ERR_MAPENTRY);
        assert_int_equal(recorder->count, 0);
    }
}

/* Without a map there is nothing to boot on; an empty map is one, of no ranges. */
static void no_map_and_empty_map_are_told_apart(void **state)
{
    struct recorder *recorder = recorder_start();
    struct info *info = info_start();

    (void)state;
    info_string(info, MB2_TAG_CMDLINE, "x");
    info_end(info);
    assert_int_equal(info_facts(info, &facts).code, ERR_NONE);
    assert_int_equal(info_ranges(info, &recorder->sink).code, ERR_NOMAP);
    info = info_start();
    info_mmap(info, 24, NULL, 0);
    info_end(info);
    assert_int_equal(info_read(info, &facts, &recorder->sink).code, ERR_NONE);
    info = info_start();
    info_efi_mmap(info, 48, 1, NULL, 0);
    info_end(info);
    assert_int_equal(info_read(info, &facts, &recorder->sink).code, ERR_NONE);
    assert_int_equal(recorder->count, 0);
}

/* The sink's error stops the parser, and comes back as it is, from either map. */
static void error_of_the_sink_is_passed_on(void **state)
{
    uint8_t entries[8 * 24];
    uint8_t descriptors[8 * 48];

    (void)state;
    for (size_t i = 0; i < 8; i++) {
        put_entry(entries + 24 * i, 24, M(1) * i, M(1), 1);
        put_descriptor(descriptors + 48 * i, 48, CONVENTIONAL, M(1) * i, 1, WB);
    }
    for (size_t at = 0; at < 16; at++) {
        struct recorder *recorder = recorder_start();
        struct info *info = info_start();
        struct error err;

        recorder->refuse_at = at % 8;
        recorder->refusal = (struct error){ERR_MAPFULL, 7, 9, "no more", NULL};
        if (at < 8)
            info_mmap(info, 24, entries, sizeof(entries));
        else
            info_efi_mmap(info, 48, 1, descriptors, sizeof(descriptors));
        info_end(info);
        err = info_read(info, &facts, &recorder->sink);
        assert_int_equal(err.code, ERR_MAPFULL);
        assert_int_equal(err.at, 7);
        assert_int_equal(err.value, 9);
        assert_string_equal(err.text, "no more");
        assert_int_equal(recorder->count, at % 8);
    }
}

/* What a random list was made of. */
struct contents {
    char cmdline[200];
    struct module modules[MODULES_MAX];
    size_t nmodules;
    struct recorded ranges[50];
    size_t nranges;
    uint64_t system_table;
};

static void random_map(struct rng *rng, struct info *info, struct contents *in)
{
    static const enum mem_type meaning[6] = {MEM_RESERVED,  MEM_USABLE,   MEM_RESERVED,
                                             MEM_ACPI_DATA, MEM_ACPI_NVS, MEM_UNUSABLE};
    uint32_t size = 24 + 8 * (uint32_t)rng_below(rng, 4);
    uint8_t map[50 * 48];

    in->nranges = (size_t)rng_below(rng, 51);
    for (size_t i = 0; i < in->nranges; i++) {
        uint32_t raw = (uint32_t)rng_below(rng, COUNT_OF(meaning));

        in->ranges[i] = (struct recorded){rng_next(rng), rng_next(rng), meaning[raw], raw};
        put_entry(map + i * size, size, in->ranges[i].base, in->ranges[i].len, raw);
    }
    info_mmap(info, size, map, in->nranges * size);
}

static void random_filler(struct rng *rng, struct info *info)
{
    uint8_t rubbish[64];
    size_t len = (size_t)rng_below(rng, sizeof(rubbish));

    for (size_t i = 0; i < len; i++)
        rubbish[i] = (uint8_t)rng_next(rng);
    info_tag(info, 30 + (uint32_t)rng_below(rng, 1000), rubbish, len);
}

/* Each of the known tags once, modules at will, in a random order with rubbish between. */
static struct info *random_list(struct rng *rng, struct contents *in)
{
    struct info *info = info_start();
    unsigned todo = 7;

    memset(in, 0, sizeof(*in));
    while (todo != 0) {
        uint64_t what = rng_below(rng, 6);

        if (what < 3 && (todo >> what & 1) == 0)
            continue;
        todo &= ~(what < 3 ? 1u << what : 0);
        if (what == 0) {
            size_t len = (size_t)rng_below(rng, sizeof(in->cmdline));

            for (size_t i = 0; i < len; i++)
                in->cmdline[i] = (char)(' ' + rng_below(rng, 95));
            info_string(info, MB2_TAG_CMDLINE, in->cmdline);
        } else if (what == 1) {
            random_map(rng, info, in);
        } else if (what == 2) {
            in->system_table = rng_next(rng);
            info_u64(info, MB2_TAG_EFI64, in->system_table);
        } else if (what == 3 && in->nmodules < MODULES_MAX) {
            uint32_t base = (uint32_t)rng_next(rng) >> 1;
            uint32_t end = base + 1 + (uint32_t)rng_below(rng, M(16));

            in->modules[in->nmodules++] = (struct module){.base = base, .end = end};
            info_module(info, base, end);
        } else {
            random_filler(rng, info);
        }
    }
    info_end(info);
    return info;
}

/* What is put into a list comes out of it, whatever the order and whatever stands between. */
static void random_lists_come_out_as_they_went_in(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, "random_lists_come_out_as_they_went_in");
    for (unsigned round = 0; round < 2000; round++) {
        struct recorder *recorder = recorder_start();
        struct contents in;
        struct info *info = random_list(&rng, &in);

        assert_int_equal(info_read(info, &facts, &recorder->sink).code, ERR_NONE);
        assert_string_equal(facts.cmdline, in.cmdline);
        assert_int_equal(facts.efi_system_table, in.system_table);
        assert_int_equal(facts.nmodules, in.nmodules);
        for (size_t i = 0; i < in.nmodules; i++) {
            assert_int_equal(facts.modules[i].base, in.modules[i].base);
            assert_int_equal(facts.modules[i].end, in.modules[i].end);
        }
        assert_int_equal(recorder->count, in.nranges);
        for (size_t i = 0; i < in.nranges; i++)
            recorder_expect(recorder, i, in.ranges[i].base, in.ranges[i].len, in.ranges[i].type,
                            in.ranges[i].raw);
    }
}

/* What must hold of any information that was accepted. */
static void check_sane(void)
{
    assert_non_null(memchr(facts.cmdline, '\0', sizeof(facts.cmdline)));
    assert_in_range(facts.nmodules, 0, MODULES_MAX);
    for (size_t i = 0; i < facts.nmodules; i++)
        assert_true(facts.modules[i].base <= facts.modules[i].end);
    assert_in_range(facts.rsdp_size, 0, RSDP_MAX);
}

/* A valid list with a few bits flipped, or cut, is accepted sanely or refused; never overread. */
static void flipped_bits_are_survived(void **state)
{
    uint8_t rubbish[40] = {0};
    struct rng rng;
    unsigned accepted = 0;
    const unsigned rounds = 20000;

    (void)state;
    rng_start(&rng, "flipped_bits_are_survived");
    for (unsigned round = 0; round < rounds; round++) {
        struct recorder *recorder = recorder_start();
        struct contents in;
        struct info *info = random_list(&rng, &in);
        struct error err;

        info->size -= 8;
        put_descriptor(rubbish, 40, CONVENTIONAL, M(1), 1, WB);
        if (rng_once_in(&rng, 2))
            info_efi_mmap(info, 40, 1, rubbish, 40);
        info_tag(info, MB2_TAG_ACPI_NEW, rubbish, 36);
        info_tag(info, MB2_TAG_ACPI_OLD, rubbish, 20);
        info_tag(info, MB2_TAG_FRAMEBUFFER, rubbish, 24);
        info_end(info);
        for (uint64_t flips = 1 + rng_below(&rng, 4); flips > 0; flips--)
            info->bytes[rng_below(&rng, info->size)] ^= (uint8_t)(1u << rng_below(&rng, 8));
        if (rng_once_in(&rng, 8))
            info->size = 8 + (uint32_t)rng_below(&rng, info->size - 8);
        err = info_read(info, &facts, &recorder->sink);
        if (err.code == ERR_NONE) {
            accepted++;
            check_sane();
        } else if (err.code != ERR_INFO && err.code != ERR_CMDLINE && err.code != ERR_MODULES &&
                   err.code != ERR_NOMAP && err.code != ERR_MAPENTRY) {
            fail_msg("error %d is none that the header names", (int)err.code);
        }
    }
    assert_in_range(accepted, 1, rounds - 1); /* both happen, or nothing was tested */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_are_read_at_their_stride),
        cmocka_unit_test(types_are_translated_and_kept),
        cmocka_unit_test(bad_entry_size_is_refused),
        cmocka_unit_test(remainder_of_an_entry_is_refused),
        cmocka_unit_test(efi_map_is_preferred),
        cmocka_unit_test(bad_efi_map_is_refused),
        cmocka_unit_test(no_map_and_empty_map_are_told_apart),
        cmocka_unit_test(error_of_the_sink_is_passed_on),
        cmocka_unit_test(random_lists_come_out_as_they_went_in),
        cmocka_unit_test(flipped_bits_are_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
