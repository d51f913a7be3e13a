/* SPDX-License-Identifier: MIT */
/* Files by name and by size, their progress, and the consoles that show it. */
#include <stdio.h>

#include "mock_run.h"
#include "test.h"

#define GLOBAL "[global]\ndefault=a\n[a]\n"

static struct run *start(const char *config)
{
    struct run *run = run_new();

    run_file(run, "\\EFI\\BOOT\\footing.cfg", config);
    return run;
}

/* A Read that gives less than was asked for is followed by another. */
static void short_reads_are_put_together(void **state)
{
    static const uint64_t limits[] = {1, 2, 3, 7, 63, 64, 4096};
    static uint8_t data[10000];

    (void)state;
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7 + i / 256);
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        struct run *run = start(GLOBAL "module=m\n");

        run_file_sized(run, "\\EFI\\BOOT\\m", data, sizeof(data));
        run->mock.read_max = limits[i];
        run_good(run);
        run_module(run, 0, MODULE_PLAIN, "", data, sizeof(data));
        run_end(run);
    }
}

/* A file that ends before its size is an error, not an endless loop. */
static void file_that_ends_early_is_refused(void **state)
{
    struct run *run = start(GLOBAL "module=m\n");

    (void)state;
    run_file(run, "\\EFI\\BOOT\\m", "data");
    run->mock.read_max = 0;
    run_bad(run, ERR_FILE, "footing");
    run_end(run);
}

/* Files of any size are loaded: around pages and chunks, and above 4 GiB. */
static void files_have_any_size(void **state)
{
    static const uint64_t sizes[] = {1,        4095,      4096,     4097, M(1) - 1, M(1),
                                     M(1) + 1, M(17) + 5, G(4) - 1, G(4), G(4) + 1, G(5)};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct run *run = start(GLOBAL "ramdisk=m\n");

        run->mock.shows_firmware = false;
        run_file_sized(run, "\\EFI\\BOOT\\m", NULL, sizes[i]);
        run_good(run);
        run_module(run, 0, MODULE_RAMDISK, "", NULL, sizes[i]);
        run_end(run);
    }
}

/* Large files show how far they are, with their name; small ones do not; nor without a console. */
static void progress_is_shown(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 3; which++) {
        struct run *run = start(GLOBAL "ramdisk=large.img\n");
        bool shown;

        run->mock.shows_firmware = which != 1;
        run_file_sized(run, "\\EFI\\BOOT\\large.img", NULL, which == 2 ? M(1) : M(20));
        run_good(run);
        shown = strstr(run->mock.outputs[0].text, "large.img: 20 of 20 MiB\r\n") != NULL;
        assert_int_equal(shown, which == 0);
        assert_int_equal(strstr(run->mock.outputs[0].text, "large.img") != NULL, which == 0);
        run_end(run);
    }
}

/* Names are UTF-8, and either slash parts folders. */
static void names_are_utf8_with_either_slash(void **state)
{
    struct run *run = start(GLOBAL "module=\xc3\xa9\xe2\x82\xac/x\\y 1\n"
                                   "module=/\xef\xbf\xbd\\z 2\nmodule=\\top 3\n");

    (void)state;
    run_file(run, "\\EFI\\BOOT\\\xc3\xa9\xe2\x82\xac\\x\\y", "one");
    run_file(run, "\\\xef\xbf\xbd\\z", "two");
    run_file(run, "\\top", "three");
    run_good(run);
    run_module(run, 0, MODULE_PLAIN, "1", "one", 3);
    run_module(run, 1, MODULE_PLAIN, "2", "two", 3);
    run_module(run, 2, MODULE_PLAIN, "3", "three", 5);
    run_end(run);
    run = start(GLOBAL "module=\xf0\x9f\x98\x80\n");
    run_bad(run, ERR_FILE, "footing.cfg:4: module=");
    run_end(run);
}

/* Names up to their limit are opened, longer ones refused with their line. */
static void names_have_a_limit(void **state)
{
    (void)state;
    for (size_t len = EFI_NAME_MAX - 2; len <= EFI_NAME_MAX + 1; len++) {
        char config[400] = GLOBAL "module=";
        char path[400] = "\\EFI\\BOOT\\";
        struct run *run;

        memset(config + strlen(config), 'x', len);
        memset(path + strlen(path), 'x', len);
        run = start(config);
        run_file(run, path, "data");
        if (len < EFI_NAME_MAX)
            run_good(run);
        else
            run_bad(run, ERR_CONFIG, "footing.cfg:4: module=xxx");
        run_end(run);
    }
}

/* The image's path comes in one node or in several, with either slash between or none. */
static void image_path_comes_in_nodes(void **state)
{
    static const char *const paths[][MOCK_PATHS] = {
        {"\\EFI\\BOOT\\footing.efi"},     {"\\EFI", "BOOT", "footing.efi"},
        {"\\EFI\\BOOT\\", "footing.efi"}, {"\\EFI\\BOOT", "\\footing.efi"},
        {"EFI\\BOOT\\footing.efi"},       {"/EFI/BOOT/footing.efi"},
        {"/EFI", "BOOT/footing.efi"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct run *run = start("[global]\ndefault=a\n[a]\noptions=found");

        memcpy(run->mock.paths, paths[i], sizeof(paths[i]));
        run_good(run);
        assert_string_equal(run->facts.cmdline, "found");
        assert_string_equal(run->efi.name, "footing.efi");
        run_end(run);
    }
}

/* A node without anything in it does no harm, nor does a path that is too long. */
static void odd_image_paths_do_no_harm(void **state)
{
    static char path[600] = "\\";
    struct run *run = run_new();

    (void)state;
    run->mock.empty_node = true;
    run_good(run);
    run_end(run);
    for (size_t len = 200; len < 599; len += 57) {
        memset(path + 1, 'x', len);
        run = run_new();
        run->mock.paths[0] = path;
        run_good(run);
        run_end(run);
    }
}

static const uint8_t screen[] = {2, 1, 12, 0, 0xd0, 0x41, 0x03, 0x0a, 0, 0, 0, 0, 0x7f, 0xff, 4, 0};

#define UART(uid) \
    { \
        2, 1, 12, 0, 0xd0, 0x41, 0x03, 0x0a, 0, 0, 0, 0, 2, 1, 12, 0, 0xd0, 0x41, 0x01, 0x05, \
            (uid), 0, 0, 0, 3, 14, 19, 0, 0, 0, 0, 0, 0, 0xc2, 1, 0, 0, 0, 0, 0, 8, 1, 1, 3, 10, \
            20, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0x7f, 0xff, 4, 0 \
    }
static const uint8_t uart[2][67] = {UART(0), UART(1)};

#define TOLD "no configuration"

/* Lines go to every output with a path, but to no serial port that Footing drives itself. */
static void outputs_are_told_apart_by_their_paths(void **state)
{
    (void)state;
    for (unsigned drives = 0; drives < 8; drives += 2) {
        struct run *run = run_new();

        run->mock.noutputs = 0;
        run_output(run, NULL, 0);
        run_output(run, screen, sizeof(screen));
        run_output(run, uart[0], sizeof(uart[0]));
        run_output(run, uart[1], sizeof(uart[1]));
        run->mock.drives_serial = drives;
        run_good(run);
        assert_int_equal(run->mock.con_out.len, 0);
        assert_int_equal(run->mock.outputs[0].len, 0);
        assert_non_null(strstr(run->mock.outputs[1].text, TOLD));
        assert_int_equal(run->mock.outputs[2].len != 0, (drives & 2) == 0);
        assert_int_equal(run->mock.outputs[3].len != 0, (drives & 4) == 0);
        assert_int_equal(run->mock.counts[CALL_FREE_POOL], 1);
        run_end(run);
    }
}

/* Without an output that has a path, the system table's own is taken. */
static void console_of_the_system_table_is_the_last_resort(void **state)
{
    (void)state;
    for (unsigned outputs = 0; outputs < 2; outputs++) {
        struct run *run = run_new();

        run->mock.noutputs = 0;
        if (outputs)
            run_output(run, NULL, 0);
        run_good(run);
        assert_non_null(strstr(run->mock.con_out.text, TOLD));
        run_end(run);
    }
}

/* More outputs than there is room for are no mistake. */
static void many_outputs_are_no_mistake(void **state)
{
    struct run *run = run_new();

    (void)state;
    while (run->mock.noutputs < MOCK_OUTPUTS)
        run_output(run, screen, sizeof(screen));
    run_good(run);
    assert_non_null(strstr(run->mock.outputs[0].text, TOLD));
    run_end(run);
}

#define TEN_SECONDS UINT64_C(10000000)

/* What the person is told, and for how long the line stays. */
static void expect_linger(struct run *run, const char *told, uint64_t shortest, uint64_t longest)
{
    const char *line;

    run_options(run, "-cfg=none");
    run_bad(run, ERR_FILE, "none");
    line = strstr(run->mock.log, "10 seconds");
    if (told) {
        assert_non_null(strstr(run->mock.log, told));
        assert_non_null(strstr(run->mock.outputs[0].text, told));
        assert_true(line > strstr(run->mock.log, "footing: panic"));
    } else {
        assert_null(line);
    }
    if (run->mock.stalled < shortest || run->mock.stalled > longest)
        fail_msg("stalled for %lu us", run->mock.stalled);
    run_end(run);
}

/* A person gets 10 seconds to read an error, or until a key, unless only a serial port shows it. */
static void errors_linger_on_screens(void **state)
{
    static const char press[] = "footing: press a key, or wait 10 seconds, and the boot manager";
    static const char wait[] = "footing: wait 10 seconds, and the boot manager goes on";
    struct run *run = run_new();

    (void)state;
    expect_linger(run, press, TEN_SECONDS, TEN_SECONDS);
    run = run_new();
    run->mock.noutputs = 0;
    run_output(run, uart[0], sizeof(uart[0]));
    expect_linger(run, NULL, 0, 0);
    run = run_new();
    run->mock.key_at = 3000000;
    expect_linger(run, press, 3000000, 3200000);
    run = run_new();
    run->mock.old_keys = 3;
    expect_linger(run, press, TEN_SECONDS, TEN_SECONDS);
    run = run_new();
    run->mock.old_keys = 2;
    run->mock.key_at = 1;
    expect_linger(run, press, 1, 200000);
    /* Neither an input that is not there, nor one that has no end, can be waited for. */
    run = run_new();
    run->mock.no_keyboard = true;
    expect_linger(run, wait, TEN_SECONDS, TEN_SECONDS);
    run = run_new();
    run->mock.old_keys = UINT32_MAX;
    expect_linger(run, wait, TEN_SECONDS, TEN_SECONDS);
}

/* A pointer to anything but a system table is not followed. */
static void system_table_has_its_signature(void **state)
{
    struct run *run = run_new();

    (void)state;
    run->mock.signature ^= 1;
    run_boot(run);
    assert_int_equal(run->err.code, ERR_EFI);
    assert_non_null(strstr(run->text, "no system table at 0x"));
    assert_int_equal(run->mock.calls, 0);
    run_end(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_reads_are_put_together),
        cmocka_unit_test(file_that_ends_early_is_refused),
        cmocka_unit_test(files_have_any_size),
        cmocka_unit_test(progress_is_shown),
        cmocka_unit_test(names_are_utf8_with_either_slash),
        cmocka_unit_test(names_have_a_limit),
        cmocka_unit_test(image_path_comes_in_nodes),
        cmocka_unit_test(odd_image_paths_do_no_harm),
        cmocka_unit_test(outputs_are_told_apart_by_their_paths),
        cmocka_unit_test(console_of_the_system_table_is_the_last_resort),
        cmocka_unit_test(many_outputs_are_no_mistake),
        cmocka_unit_test(errors_linger_on_screens),
        cmocka_unit_test(system_table_has_its_signature),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
