/* SPDX-License-Identifier: MIT */
/* What the chosen section loads, from files and out of the image, and what it refuses. */
#include <stdio.h>

#include "mock_run.h"
#include "test.h"

#define GLOBAL "[global]\ndefault=a\n[a]\n"

static struct run *start(const char *options, const char *section)
{
    static char config[K(64)];
    struct run *run = run_new();

    snprintf(config, sizeof(config), GLOBAL "%s", section);
    run_options(run, options);
    run_file(run, "\\EFI\\BOOT\\footing.cfg", config);
    run_file_sized(run, "\\EFI\\BOOT\\payload.elf", run_kernel, sizeof(run_kernel));
    run_file(run, "\\EFI\\BOOT\\initrd.img", "ramdisk");
    run_file(run, "\\EFI\\BOOT\\one", "first");
    run_file(run, "\\sub\\Two", "the second");
    return run;
}

/* The same with the configuration in the image, and no file of it. */
static struct run *start_embedded(const char *options, const char *section)
{
    struct run *run = start(options, section);
    const char *config = run->mock.files[0].data;

    run->mock.files[0].path = "\\nothing";
    run_section(run, ".config", config, strlen(config));
    return run;
}

/* Payload, ramdisk and modules come in this order, whatever the configuration's. */
static void modules_come_in_order_with_their_lines(void **state)
{
    struct run *run = start("", "module=one a  b\nmodule=/SUB/two\nramdisk=initrd.img \tr\n"
                                "kernel=payload.elf quiet x=y\nmodule=one c # d\n");

    (void)state;
    run_good(run);
    assert_int_equal(run->facts.nmodules, 5);
    run_module(run, 0, MODULE_KERNEL, "quiet x=y", run_kernel, sizeof(run_kernel));
    run_module(run, 1, MODULE_RAMDISK, "r", "ramdisk", 7);
    run_module(run, 2, MODULE_PLAIN, "a  b", "first", 5);
    run_module(run, 3, MODULE_PLAIN, "", "the second", 10);
    run_module(run, 4, MODULE_PLAIN, "c", "first", 5);
    run_name(run, 0, "payload.elf");
    run_name(run, 1, "initrd.img");
    run_name(run, 2, "one");
    run_name(run, 3, "/SUB/two");
    run_name(run, 4, "one");
    run_end(run);
}

/* Each of them may be missing. */
static void nothing_has_to_be_loaded(void **state)
{
    struct run *run = start("", "");

    (void)state;
    run_good(run);
    assert_int_equal(run->facts.nmodules, 0);
    assert_string_equal(run->facts.cmdline, "");
    run_end(run);
    run = start("", "ramdisk=initrd.img\n");
    run_good(run);
    assert_int_equal(run->facts.nmodules, 1);
    run_module(run, 0, MODULE_RAMDISK, "", "ramdisk", 7);
    run_end(run);
}

/* A payload that is none is refused with its line, in words that say what it is. */
static void bad_payloads_are_refused(void **state)
{
    static const uint8_t short_elf[63] = {0x7f, 'E', 'L', 'F', 2, 1, 1, [16] = 2, [18] = 62};
    static const uint8_t arm[64] = {0x7f, 'E', 'L', 'F', 2, 1, 1, [16] = 2, [18] = 183};
    static const uint8_t object[64] = {0x7f, 'E', 'L', 'F', 2, 1, 1, [16] = 1, [18] = 62};
    static const uint8_t text[200] = "#!/bin/sh";
    static const struct {
        const void *data;
        size_t size;
    } kernels[] = {{short_elf, 63}, {arm, 64}, {object, 64}, {text, 200}, {text, 1}};

    (void)state;
    for (size_t i = 0; i < 2 * COUNT_OF(kernels); i++) {
        struct run *run = start("", i % 2 ? "" : "kernel=bad quiet\n");

        if (i % 2)
            run_section(run, ".kernel", kernels[i / 2].data, kernels[i / 2].size);
        else
            run_file_sized(run, "\\EFI\\BOOT\\bad", kernels[i / 2].data, kernels[i / 2].size);
        run_bad(run, ERR_PAYLOAD, i % 2 ? ".kernel: " : "footing.cfg:4: kernel=bad quiet: ");
        run_end(run);
    }
}

/* A file that is missing, a folder or empty is told with the line that names it. */
static void bad_files_are_told_by_their_line(void **state)
{
    static const char *const keys[] = {"kernel", "ramdisk", "module"};
    static const char *const names[] = {"none", "folder", "empty", "one/none", "/none"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(keys) * COUNT_OF(names); i++) {
        const char *name = names[i / COUNT_OF(keys)];
        char line[64], words[96];
        struct run *run;

        snprintf(line, sizeof(line), "options=x\n%s=%s a\n", keys[i % COUNT_OF(keys)], name);
        snprintf(words, sizeof(words), "footing.cfg:5: %s=%s a: ", keys[i % COUNT_OF(keys)], name);
        run = start("", line);
        run_folder(run, "\\EFI\\BOOT\\folder");
        run_file(run, "\\EFI\\BOOT\\empty", "");
        run_bad(run, ERR_FILE, words);
        assert_non_null(run->err.against);
        if (strstr(name, "none"))
            assert_int_equal(run->err.value, EFI_NOT_FOUND);
        run_end(run);
    }
}

/* What is embedded comes first; an entry gives its command line, and its file is not read. */
static void embedded_sections_come_first(void **state)
{
    static const char embedded[] = "[x]\noptions=embedded\n[global]\ndefault=x";
    struct run *run = start("", "kernel=none quiet\nramdisk=none r\nmodule=one\n");

    (void)state;
    run_section(run, ".kernel", run_kernel, sizeof(run_kernel));
    run_section(run, ".ramdisk", "embedded", 8);
    run_good(run);
    assert_int_equal(run->facts.nmodules, 3);
    run_module(run, 0, MODULE_KERNEL, "quiet", run_kernel, sizeof(run_kernel));
    run_module(run, 1, MODULE_RAMDISK, "r", "embedded", 8);
    run_module(run, 2, MODULE_PLAIN, "", "first", 5);
    run_name(run, 0, ".kernel");
    run_name(run, 1, ".ramdisk");
    run_name(run, 2, "one");
    run_end(run);
    run = run_new();
    run_section(run, ".kernel", run_kernel, sizeof(run_kernel));
    run_section(run, ".ramdisk", "embedded", 8);
    run_good(run);
    run_module(run, 0, MODULE_KERNEL, "", run_kernel, sizeof(run_kernel));
    run_module(run, 1, MODULE_RAMDISK, "", "embedded", 8);
    run_end(run);
    run = start("", "options=of-the-file\n");
    run_section(run, ".config", embedded, sizeof(embedded) - 1);
    run_options(run, "-cfg=footing.cfg");
    run_good(run);
    assert_string_equal(run->facts.cmdline, "embedded");
    run_end(run);
}

/* With Secure Boot, every file is refused, whoever names it. */
static void secure_boot_refuses_files(void **state)
{
    static const char *const lines[] = {"kernel=payload.elf\n", "ramdisk=initrd.img\n",
                                        "module=one\n"};
    struct run *run = start("", "");

    (void)state;
    run->mock.secure_boot = 1;
    run_bad(run, ERR_VERIFY, "footing.cfg");
    assert_int_equal(run->mock.exit_status, EFI_SECURITY_VIOLATION);
    run_end(run);
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        run = start_embedded("", lines[i]);
        run->mock.secure_boot = 1;
        run->mock.setup_mode = 0;
        run_bad(run, ERR_VERIFY, ".config:4: ");
        run_end(run);
    }
    run = start_embedded("b", "[global]\nchain=one\n");
    run->mock.secure_boot = 1;
    run_bad(run, ERR_VERIFY, "one");
    run_end(run);
    run = start_embedded("a -- loglevel=3", "");
    run->mock.secure_boot = 1;
    run_bad(run, ERR_VERIFY, NULL);
    run_end(run);
}

/* With Secure Boot, what the image holds itself is loaded; a section may be chosen. */
static void secure_boot_takes_what_is_embedded(void **state)
{
    struct run *run = start_embedded("a", "options=o\nkernel=x quiet\nramdisk=y\n");

    (void)state;
    run->mock.secure_boot = 1;
    run_section(run, ".kernel", run_kernel, sizeof(run_kernel));
    run_section(run, ".ramdisk", "embedded", 8);
    run_good(run);
    assert_int_equal(run->facts.nmodules, 2);
    run_module(run, 0, MODULE_KERNEL, "quiet", run_kernel, sizeof(run_kernel));
    assert_string_equal(run->facts.cmdline, "o");
    run_end(run);
    run = run_new();
    run->mock.secure_boot = 1;
    run_good(run);
    run_end(run);
}

/* Without Secure Boot, in setup mode, and where the variable is no boolean, files are taken. */
static void files_are_taken_without_secure_boot(void **state)
{
    static const int states[][3] = {{-1, -1, 1}, {0, 0, 1}, {1, 1, 1}, {0, -1, 1}, {-1, 0, 1}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        struct run *run = start("", "kernel=payload.elf\n");

        run->mock.secure_boot = states[i][0];
        run->mock.setup_mode = states[i][1];
        run_good(run);
        assert_int_equal(run->facts.nmodules, 1);
        run_end(run);
    }
}

/* options= and the EFI command line are one, each with its part for the payload. */
static void options_are_merged(void **state)
{
    static const char *const lines[][3] = {{"a -- p", "-- b -- q", "a b -- p q"},
                                           {"a", "a -- b", "a b"},
                                           {"a -- p", "", "a -- p"},
                                           {"", "-- -- q", "-- q"}};
    static char long_line[CMDLINE_MAX];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        char section[64];
        struct run *run;

        snprintf(section, sizeof(section), "options=%s\n", lines[i][0]);
        run = start(lines[i][1], section);
        run_good(run);
        assert_string_equal(run->facts.cmdline, lines[i][2]);
        run_end(run);
    }
    for (size_t len = CMDLINE_MAX - 12; len < CMDLINE_MAX - 3; len++) {
        struct run *run;

        memcpy(long_line, "-- ", 3);
        memset(long_line + 3, 'x', len);
        long_line[3 + len] = '\0';
        run = start(long_line, "options=12345\n");
        if (len + 6 < CMDLINE_MAX) {
            run_good(run);
            assert_int_equal(strlen(run->facts.cmdline), len + 6);
        } else {
            run_bad(run, ERR_CMDLINE, NULL);
            assert_int_equal(run->err.value, len + 6);
        }
        run_end(run);
    }
}

/* As many modules as facts hold are loaded, one more is not; nor a line that has no room. */
static void modules_have_limits(void **state)
{
    static char section[K(16)];

    (void)state;
    for (unsigned extra = 0; extra < 2; extra++) {
        struct run *run;

        strcpy(section, "kernel=payload.elf\nramdisk=initrd.img\n");
        for (unsigned i = 2; i < MODULES_MAX + extra; i++)
            strcat(section, "module=one x\n");
        run = start("", section);
        if (extra == 0)
            run_good(run);
        else
            run_bad(run, ERR_MODULES, "footing.cfg:68: module=one x");
        run_end(run);
    }
    for (size_t len = FACTS_TEXT_MAX - 2; len < FACTS_TEXT_MAX + 2; len++) {
        struct run *run;

        strcpy(section, "module=one ");
        memset(section + 11, 'x', len);
        section[11 + len] = '\0';
        run = start("", section);
        if (len < FACTS_TEXT_MAX)
            run_good(run);
        else
            run_bad(run, ERR_CMDLINE, "footing.cfg:4: module=one xxx");
        run_end(run);
    }
}

/* A damaged section table, or a section beyond the image, is refused. */
static void damaged_images_are_refused(void **state)
{
    static const char *const names[] = {".config", ".kernel", ".ramdisk"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct run *run = start("", "");

        run_section(run, names[i], run_kernel, sizeof(run_kernel));
        run_section(run, names[i], run_kernel, sizeof(run_kernel));
        run_bad(run, ERR_INFO, NULL);
        assert_non_null(run->err.text);
        run_end(run);
        run = start("", "");
        run_section(run, names[i], run_kernel, sizeof(run_kernel));
        run->mock.image_size = 4096;
        run_bad(run, ERR_INFO, NULL);
        assert_non_null(run->err.text);
        run_end(run);
    }
}

/* LoadOptions that are no text get a line in the log; too large ones are refused. */
static void load_options_are_read(void **state)
{
    struct run *run = start("", "options=o\n");

    (void)state;
    run->mock.options_size = 65536;
    for (size_t i = 0; i < 65536; i += 2)
        run->mock.options[i] = 1;
    run_good(run);
    assert_non_null(strstr(run->mock.log, "65536"));
    assert_string_equal(run->facts.cmdline, "o");
    run_end(run);
    run = start("", "");
    run->mock.options_size = 65537;
    run_bad(run, ERR_CMDLINE, NULL);
    run_end(run);
    run = start("a b", "");
    run_bad(run, ERR_OPTION, "b");
    assert_int_equal(run->mock.exit_status, EFI_INVALID_PARAMETER);
    run_end(run);
    run = start("whatever a", "options=o\n");
    run->mock.shell = true;
    run_good(run);
    run_end(run);
    run = run_new();
    run->mock.no_loaded_image = true;
    run_bad(run, ERR_EFI, NULL);
    run_end(run);
}

/* LoadOptions that no CPU can reach are refused; where there are none, their size does not count. */
static void load_options_elsewhere_are_not_read(void **state)
{
    static const uint64_t places[] = {UINT64_C(1) << 52, UINT64_MAX - 3, UINT64_MAX - 7};
    struct run *run;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        run = start("", "options=o\n");
        run->mock.options_at = places[i];
        run->mock.options_size = 16;
        run_bad(run, ERR_INFO, "load options where no CPU can reach");
        assert_int_equal(run->err.at, places[i]);
        assert_int_equal(run->err.value, 16);
        run_end(run);
    }
    run = start("", "options=o\n");
    run->mock.options_nowhere = true;
    run->mock.options_size = UINT32_MAX;
    run_good(run);
    assert_string_equal(run->facts.cmdline, "o");
    run_end(run);
    run = start("", "options=o\n");
    run->mock.options_at = UINT64_MAX;
    run->mock.options_size = 0;
    run_good(run);
    assert_string_equal(run->facts.cmdline, "o");
    run_end(run);
}

/* What is behind the size that the firmware says is neither read nor printed. */
static void load_options_end_with_their_size(void **state)
{
    struct run *run = start("", "options=o\n[debug]\noptions=p\n");

    (void)state;
    memcpy(run->mock.options, "debugger", 8);
    run->mock.options_size = 5;
    run_good(run);
    assert_string_equal(run->facts.cmdline, "p");
    run_end(run);
    run = start("", "options=o\n");
    memcpy(run->mock.options, "-x\0secret", 9);
    run->mock.options_size = 2;
    run_bad(run, ERR_OPTION, "-x");
    assert_null(strstr(run->text, "secret"));
    run_end(run);
    run = start("", "options=o\n");
    memcpy(run->mock.options, "d\0e\0b\0", 6);
    run->mock.options_size = 5;
    run_bad(run, ERR_INFO, "load options of 5 bytes end within a character");
    run_end(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modules_come_in_order_with_their_lines),
        cmocka_unit_test(nothing_has_to_be_loaded),
        cmocka_unit_test(bad_payloads_are_refused),
        cmocka_unit_test(bad_files_are_told_by_their_line),
        cmocka_unit_test(embedded_sections_come_first),
        cmocka_unit_test(secure_boot_refuses_files),
        cmocka_unit_test(secure_boot_takes_what_is_embedded),
        cmocka_unit_test(files_are_taken_without_secure_boot),
        cmocka_unit_test(options_are_merged),
        cmocka_unit_test(modules_have_limits),
        cmocka_unit_test(damaged_images_are_refused),
        cmocka_unit_test(load_options_are_read),
        cmocka_unit_test(load_options_elsewhere_are_not_read),
        cmocka_unit_test(load_options_end_with_their_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
