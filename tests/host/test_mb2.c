/* SPDX-License-Identifier: MIT */
/*
 * The tags of Multiboot2 2.0 section 3.6 → facts. The memory maps are in
 * test_mb2_map.c, lists that are broken as such in test_mb2_damage.c.
 */
#include "mb2.h"

#include "info.h"
#include "multiboot2.h"
#include "random.h"
#include "test.h"

static struct facts facts;

static void good(struct info *info)
{
    struct error err;

    info_end(info);
    err = info_facts(info, &facts);
    assert_int_equal(err.code, ERR_NONE);
}

/* The list is refused for the tag at this offset. */
static void refused(const struct info *info, uint32_t at)
{
    struct error err = info_facts(info, &facts);

    assert_int_equal(err.code, ERR_INFO);
    assert_int_equal(err.at, at);
}

/* An RSDP that is true to its checksums (ACPI 6.5 section 5.2.5.3), marked by its OEM ID. */
static void make_rsdp(uint8_t rsdp[36], uint8_t revision, uint8_t mark)
{
    uint8_t sum = 0;

    memset(rsdp, mark, 36);
    memcpy(rsdp, "RSD PTR ", 8);
    rsdp[15] = revision;
    rsdp[8] = 0;
    for (size_t i = 0; i < 20; i++)
        sum = (uint8_t)(sum + rsdp[i]);
    rsdp[8] = (uint8_t)(0x100 - sum);
    memcpy(rsdp + 20, "\x24\0\0", 4);
    rsdp[32] = 0;
    sum = 0;
    for (size_t i = 0; i < 36; i++)
        sum = (uint8_t)(sum + rsdp[i]);
    rsdp[32] = (uint8_t)(0x100 - sum);
}

/* The total size is the first word, up to the limit. */
static void size_is_the_first_word(void **state)
{
    static const uint32_t sizes[] = {16, 24, 4096, MB2_INFO_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        uint32_t words[2] = {sizes[i], 0};
        uint32_t size = 0;

        assert_int_equal(mb2_size(words, &size).code, ERR_NONE);
        assert_int_equal(size, sizes[i]);
    }
}

/* Too small to be a list, or larger than the limit: two errors, with the size. */
static void unusable_size_is_refused(void **state)
{
    static const uint32_t big[] = {MB2_INFO_MAX + 1, MB2_INFO_MAX + 8, 0x80000000, UINT32_MAX};
    uint32_t size;

    (void)state;
    for (uint32_t small = 0; small < 8; small++) {
        uint32_t words[2] = {small, 0};

        assert_int_equal(mb2_size(words, &size).code, ERR_INFO);
    }
    for (size_t i = 0; i < COUNT_OF(big); i++) {
        uint32_t words[2] = {big[i], 0};
        struct error err = mb2_size(words, &size);

        assert_int_equal(err.code, ERR_INFOBIG);
        assert_int_equal(err.value, big[i]);
        assert_int_equal(err.at, MB2_INFO_MAX);
    }
}

/* A list of nothing but its end has no facts in it. */
static void empty_list_has_no_facts(void **state)
{
    (void)state;
    good(info_start());
    assert_string_equal(facts.cmdline, "");
    assert_int_equal(facts.nmodules, 0);
    assert_int_equal(facts.rsdp_size, 0);
    assert_int_equal(facts.framebuffer.base, 0);
    assert_false(facts.framebuffer.given);
    assert_int_equal(facts.efi_system_table, 0);
    assert_int_equal(facts.efi_image_handle, 0);
    assert_false(facts.efi_boot_services);
}

/* The command line is copied, whatever its length makes of the padding. */
static void command_line_is_copied(void **state)
{
    char text[64] = "";

    (void)state;
    for (size_t len = 0; len < sizeof(text); len++) {
        struct info *info = info_start();

        memset(text, 'x', len);
        text[len] = '\0';
        info_string(info, MB2_TAG_CMDLINE, text);
        info_module(info, M(1), M(2));
        good(info);
        assert_string_equal(facts.cmdline, text);
        assert_int_equal(facts.nmodules, 1);
    }
}

/* A line that fills the room for it is taken, one character more is an error, never a cut. */
static void command_line_fills_its_room_exactly(void **state)
{
    static char text[2 * CMDLINE_MAX];

    (void)state;
    for (size_t len = CMDLINE_MAX - 2; len < CMDLINE_MAX + 3; len++) {
        struct info *info = info_start();

        memset(text, 'y', len);
        text[len] = '\0';
        info_string(info, MB2_TAG_CMDLINE, text);
        if (len < CMDLINE_MAX) {
            good(info);
            assert_string_equal(facts.cmdline, text);
        } else {
            struct error err;

            info_end(info);
            err = info_facts(info, &facts);
            assert_int_equal(err.code, ERR_CMDLINE);
            assert_in_range(err.value, len, len + 1); /* its zero counted or not, in both */
            assert_int_equal(err.value - err.at, len - (CMDLINE_MAX - 1));
        }
    }
}

/* A command line without its zero is not read on into what follows. */
static void unterminated_command_line_is_refused(void **state)
{
    (void)state;
    for (size_t len = 0; len < 17; len++) {
        struct info *info = info_start();
        uint32_t at = info_tag(info, MB2_TAG_CMDLINE, "abcdefghijklmnop", len);

        info_end(info);
        refused(info, at);
    }
}

/* A string ends at its zero, whatever else its tag has room for. */
static void command_line_ends_at_its_zero(void **state)
{
    struct info *info = info_start();

    (void)state;
    info_tag(info, MB2_TAG_CMDLINE, "then=halt\0rubbish", 17);
    good(info);
    assert_string_equal(facts.cmdline, "then=halt");
}

/* Modules are listed in the loader's order, up to the top of 32 bits. */
static void modules_keep_their_order(void **state)
{
    struct info *info = info_start();

    (void)state;
    info_module(info, 0xfffff000, 0xffffffff);
    info_module(info, 0x1000, 0x1001);
    info_module(info, 0x80000000, 0x90000000);
    good(info);
    assert_int_equal(facts.nmodules, 3);
    assert_int_equal(facts.modules[0].base, 0xfffff000);
    assert_int_equal(facts.modules[0].end, 0xffffffff);
    assert_int_equal(facts.modules[1].base, 0x1000);
    assert_int_equal(facts.modules[1].end, 0x1001);
    assert_int_equal(facts.modules[2].base, 0x80000000);
    assert_int_equal(facts.modules[2].end, 0x90000000);
}

/* As many modules as there is room for are taken; one more is an error, never forgotten. */
static void one_module_more_than_fits_is_refused(void **state)
{
    struct info *info = info_start();
    struct error err;

    (void)state;
    for (uint32_t i = 0; i < MODULES_MAX; i++)
        info_module(info, 0x100000 * (i + 1), 0x100000 * (i + 1) + i + 1);
    good(info);
    assert_int_equal(facts.nmodules, MODULES_MAX);
    for (uint32_t i = 0; i < MODULES_MAX; i++)
        assert_int_equal(facts.modules[i].end, 0x100000 * (i + 1) + i + 1);
    info->size -= 8; /* over the end tag */
    info_module(info, 0x1000, 0x2000);
    info_end(info);
    err = info_facts(info, &facts);
    assert_int_equal(err.code, ERR_MODULES);
    assert_int_equal(err.at, MODULES_MAX);
}

/* What follows a tag that is refused is known all the same; the first error is the one that counts. */
static void what_follows_an_error_is_read(void **state)
{
    struct info *info = info_start();
    uint8_t payload[30] = {0, 0, 0, 0xe0};
    struct error err;
    uint32_t at;

    (void)state;
    at = info_module(info, 0x2000, 0x1000);
    info_tag(info, MB2_TAG_ACPI_NEW, payload, 3);
    info_tag(info, MB2_TAG_FRAMEBUFFER, payload, sizeof(payload));
    info_end(info);
    err = info_facts(info, &facts);
    assert_int_equal(err.code, ERR_INFO);
    assert_int_equal(err.at, at);
    assert_int_equal(facts.framebuffer.base, 0xe0000000);
}

/* A module that ends before it begins is refused. */
static void module_that_ends_before_it_begins_is_refused(void **state)
{
    static const uint32_t ends[] = {0, 1, 0xfffff, 0xff000};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        struct info *info = info_start();
        uint32_t at;

        info_module(info, 0x200000, 0x300000);
        at = info_module(info, 0x100000, ends[i]);
        info_end(info);
        refused(info, at);
    }
}

/* A graphical screen, above 4 GiB too, with and without the colours that follow it. */
static void framebuffer_is_copied(void **state)
{
    uint8_t payload[30] = {0};
    const uint64_t base = UINT64_C(0x4000c0000000);
    const uint32_t shape[3] = {7680, 1920, 1080};

    (void)state;
    memcpy(payload, &base, 8);
    memcpy(payload + 8, shape, sizeof(shape));
    payload[20] = 32;
    payload[21] = 1;
    for (size_t len = 23; len <= sizeof(payload); len++) {
        struct info *info = info_start();

        info_tag(info, MB2_TAG_FRAMEBUFFER, payload, len);
        good(info);
        assert_true(facts.framebuffer.given);
        assert_int_equal(facts.framebuffer.base, base);
        assert_int_equal(facts.framebuffer.pitch, 7680);
        assert_int_equal(facts.framebuffer.width, 1920);
        assert_int_equal(facts.framebuffer.height, 1080);
        assert_int_equal(facts.framebuffer.bits_per_pixel, 32);
        assert_int_equal(facts.framebuffer.type, 1);
    }
}

/* The text screen is a framebuffer of type 2. */
static void text_screen_is_a_framebuffer(void **state)
{
    static const uint8_t payload[24] = {0, 0x80, 0x0b, 0, 0, 0,  0, 0, 160, 0,  0,
                                        0, 80,   0,    0, 0, 25, 0, 0, 0,   16, 2};
    struct info *info = info_start();

    (void)state;
    info_tag(info, MB2_TAG_FRAMEBUFFER, payload, sizeof(payload));
    good(info);
    assert_int_equal(facts.framebuffer.base, 0xb8000);
    assert_int_equal(facts.framebuffer.pitch, 160);
    assert_int_equal(facts.framebuffer.width, 80);
    assert_int_equal(facts.framebuffer.height, 25);
    assert_int_equal(facts.framebuffer.type, FRAMEBUFFER_TEXT);
}

/* Each RSDP is found; of both, the new one, in whichever order they come. */
static void new_rsdp_wins_in_either_order(void **state)
{
    uint8_t old[36], new[36];

    (void)state;
    make_rsdp(old, 0, 'o');
    make_rsdp(new, 2, 'n');
    for (unsigned set = 1; set < 8; set++) {
        struct info *info = info_start();

        if ((set & 4) != 0 && (set & 2) != 0)
            info_tag(info, MB2_TAG_ACPI_NEW, new, 36);
        if ((set & 1) != 0)
            info_tag(info, MB2_TAG_ACPI_OLD, old, 20);
        if ((set & 4) == 0 && (set & 2) != 0)
            info_tag(info, MB2_TAG_ACPI_NEW, new, 36);
        good(info);
        if ((set & 2) != 0) {
            assert_int_equal(facts.rsdp_size, 36);
            assert_memory_equal(facts.rsdp, new, 36);
        } else {
            assert_int_equal(facts.rsdp_size, (set & 1) != 0 ? 20 : 0);
            if ((set & 1) != 0)
                assert_memory_equal(facts.rsdp, old, 20);
        }
    }
}

/* UEFI's pointers keep all 64 bits; those of a 32-bit UEFI are kept apart, for its tables have another layout. */
static void efi_pointers_are_64_bits(void **state)
{
    static const uint32_t efi32 = 0x12345678;
    struct info *info = info_start();

    (void)state;
    info_tag(info, 11, &efi32, 4);
    good(info);
    assert_int_equal(facts.efi32_system_table, efi32);
    assert_int_equal(facts.efi32_image_handle, 0);
    info = info_start();
    info_tag(info, 19, &efi32, 4);
    good(info);
    assert_int_equal(facts.efi32_system_table, 0);
    assert_int_equal(facts.efi32_image_handle, efi32);
    assert_int_equal(facts.efi_system_table, 0);
    assert_int_equal(facts.efi_image_handle, 0);
    info = info_start();
    info_u64(info, MB2_TAG_EFI64, UINT64_C(0xfedcba9876543210));
    info_u64(info, MB2_TAG_EFI64_IH, UINT64_C(0x123456789abcdef0));
    good(info);
    assert_int_equal(facts.efi_system_table, UINT64_C(0xfedcba9876543210));
    assert_int_equal(facts.efi32_system_table, 0);
    assert_int_equal(facts.efi_image_handle, UINT64_C(0x123456789abcdef0));
    assert_false(facts.efi_boot_services);
    info = info_start();
    info_tag(info, MB2_TAG_EFI_BS, NULL, 0);
    good(info);
    assert_true(facts.efi_boot_services);
}

/* Tags that mean nothing here are stepped over, whatever their size makes of the padding. */
static void unknown_tags_are_skipped(void **state)
{
    static const uint32_t types[] = {2,  4,  5,  7,    9,          10,        13,
                                     16, 21, 22, 1000, 0x80000003, UINT32_MAX};
    uint8_t payload[40];

    (void)state;
    memset(payload, 0xff, sizeof(payload));
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        for (size_t len = 0; len < sizeof(payload); len++) {
            struct info *info = info_start();

            info_tag(info, types[i], payload, len);
            info_string(info, MB2_TAG_CMDLINE, "x");
            info_tag(info, types[i], payload, len);
            info_module(info, M(1), M(2));
            good(info);
            assert_string_equal(facts.cmdline, "x");
            assert_int_equal(facts.nmodules, 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(size_is_the_first_word),
        cmocka_unit_test(unusable_size_is_refused),
        cmocka_unit_test(empty_list_has_no_facts),
        cmocka_unit_test(command_line_is_copied),
        cmocka_unit_test(command_line_fills_its_room_exactly),
        cmocka_unit_test(unterminated_command_line_is_refused),
        cmocka_unit_test(command_line_ends_at_its_zero),
        cmocka_unit_test(modules_keep_their_order),
        cmocka_unit_test(one_module_more_than_fits_is_refused),
        cmocka_unit_test(what_follows_an_error_is_read),
        cmocka_unit_test(module_that_ends_before_it_begins_is_refused),
        cmocka_unit_test(framebuffer_is_copied),
        cmocka_unit_test(text_screen_is_a_framebuffer),
        cmocka_unit_test(new_rsdp_wins_in_either_order),
        cmocka_unit_test(efi_pointers_are_64_bits),
        cmocka_unit_test(unknown_tags_are_skipped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
