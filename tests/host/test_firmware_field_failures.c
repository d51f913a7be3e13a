/* SPDX-License-Identifier: MIT */
/* Failures seen in the field, one test each: what footing.efi is started with, and from where. */
#include <stdio.h>

#include "mock_run.h"
#include "test.h"

#define CONFIG \
    "[global]\ndefault=usual\n" \
    "[usual]\noptions=it-was-the-default\n" \
    "[even]\noptions=it-was-even\n" \
    "[uneven1]\noptions=it-was-uneven1\n"

/* Boot from a disk with that configuration, and these load options. */
static struct run *start(const void *options, size_t size)
{
    struct run *run = run_new();

    run_file(run, "\\EFI\\BOOT\\footing.cfg", CONFIG);
    memcpy(run->mock.options, options, size);
    run->mock.options_size = (uint32_t)size;
    return run;
}

static void boots(const void *options, size_t size, const char *cmdline)
{
    struct run *run = start(options, size);

    run_good(run);
    assert_string_equal(run->facts.cmdline, cmdline);
    run_end(run);
}

/*
 * "Load options in ASCII, or with a byte order mark": efibootmgr #45, #195,
 * #211, systemd #39347, memtest86plus #418.
 */
static void load_options_in_ascii_or_with_a_mark(void **state)
{
    static const char *const names[] = {"even", "uneven1"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char cmdline[32];
        uint8_t bytes[32] = {0xff, 0xfe};
        size_t len = strlen(names[i]);

        snprintf(cmdline, sizeof(cmdline), "it-was-%s", names[i]);
        for (size_t zeros = 0; zeros < 4; zeros++) {
            char text[16] = "";

            memcpy(text, names[i], len);
            boots(text, len + zeros, cmdline);
        }
        for (size_t at = 0; at < len; at++)
            bytes[2 + 2 * at] = (uint8_t)names[i][at];
        boots(bytes, 2 + 2 * len, cmdline);
        boots(bytes, 2 + 2 * len + 2, cmdline);
        memcpy(bytes, "\xef\xbb\xbf", 3);
        memcpy(bytes + 3, names[i], len);
        boots(bytes, 3 + len, cmdline);
    }
}

/* "Never another section than the one named": one that is not there is refused, in any encoding. */
static void no_other_section_than_the_one_named(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } options[] = {
        {"odd", 3},
        {"odd\0", 4},
        {"evem", 4},
        {"evem\0", 5},
        {"\xff\xfeo\0d\0", 6},
        {"\xef\xbb\xbfodd", 6},
        {"o\0d\0d\0", 6},
        {"\x87\x65\x2d\x4e", 4},
        {"e\0v\0e\0n", 7},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        struct run *run = start(options[i].bytes, options[i].size);

        run_bad(run, i + 1 < COUNT_OF(options) ? ERR_CONFIG : ERR_INFO, NULL);
        run_end(run);
    }
}

/* "Unified image from a device without a file system": X 880e40b187. */
static void unified_image_from_a_device_without_a_file_system(void **state)
{
    struct run *run = run_new();

    (void)state;
    run->mock.no_file_system = true;
    run_section(run, ".config", CONFIG, sizeof(CONFIG) - 1);
    run_section(run, ".kernel", run_kernel, sizeof(run_kernel));
    run_good(run);
    assert_string_equal(run->facts.cmdline, "it-was-the-default");
    assert_int_equal(run->facts.nmodules, 1);
    run_end(run);
}

/* "Configuration without terminator at the end of its buffer": X df75f77092. Page-sized, too. */
static void configuration_without_terminator_at_the_end_of_its_buffer(void **state)
{
    static char text[8192];

    (void)state;
    for (size_t size = 4095; size <= 4097; size++) {
        for (unsigned inside = 0; inside < 2; inside++) {
            static const char end[] = "\n[a]\noptions=last";
            struct run *run = run_new();

            memset(text, '#', size);
            memcpy(text, "[global]\ndefault=a\n", 19);
            memcpy(text + size - strlen(end), end, strlen(end));
            if (inside)
                run_section(run, ".config", text, (uint32_t)size);
            else
                run_file_sized(run, "\\EFI\\BOOT\\footing.cfg", text, size);
            run_good(run);
            assert_string_equal(run->facts.cmdline, "last");
            run_end(run);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(load_options_in_ascii_or_with_a_mark),
        cmocka_unit_test(no_other_section_than_the_one_named),
        cmocka_unit_test(unified_image_from_a_device_without_a_file_system),
        cmocka_unit_test(configuration_without_terminator_at_the_end_of_its_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
