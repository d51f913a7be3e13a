/* SPDX-License-Identifier: MIT */
/* Which footing.cfg counts, and which section; what is wrong with bad ones. */
#include "efi_config.h"

#include <stdio.h>

#include "mock_run.h"
#include "test.h"

/* A string without its zero, and its size. */
#define BYTES(string) (string), sizeof(string) - 1

/* A configuration whose only section says which file it is. */
#define NAMED(name) "[global]\ndefault=a\n[a]\noptions=" name "\n"

/* Boot with these files of the image's folder, and see which one is taken. */
static void chosen(const char *image, const char *const *names, const char *choice)
{
    static char paths[8][64], texts[8][128];
    struct run *run = run_new();
    char path[64] = "\\EFI\\BOOT\\";

    run->mock.paths[0] = strcat(path, image);
    for (size_t i = 0; names[i]; i++) {
        snprintf(paths[i], sizeof(paths[i]), "\\EFI\\BOOT\\%s", names[i]);
        snprintf(texts[i], sizeof(texts[i]), NAMED("%s"), names[i]);
        run_file(run, paths[i], texts[i]);
    }
    run_good(run);
    assert_string_equal(run->facts.cmdline, choice);
    run_end(run);
}

/* The image's name is cut at its last '.', '-' or '_' until there is such a file. */
static void name_is_cut_until_there_is_a_file(void **state)
{
    static const char *const files[] = {"footing-1.2.cfg", "footing-1.cfg", "footing.cfg", NULL};
    static const char *const cut[] = {"a_b-c.d.cfg", "a_b-c.cfg",   "a_b.cfg",
                                      "a.cfg",       "footing.cfg", NULL};

    (void)state;
    for (size_t i = 0; files[i]; i++)
        chosen("footing-1.2.efi", files + i, files[i]);
    for (size_t i = 0; cut[i]; i++)
        chosen("a_b-c.d.efi", cut + i, cut[i]);
    chosen("FOOTING.EFI", files, "footing.cfg");
    chosen("BOOTX64.EFI", files, "footing.cfg");
    chosen("footing", files, "footing.cfg");
    chosen("x", files, "footing.cfg");
    chosen("bootx64.efi", (const char *const[]){"footing.cfg", "BOOTX64.cfg", NULL}, "BOOTX64.cfg");
    chosen("footing-1.2.efi", (const char *const[]){"footing-1.2.efi.cfg", "footing-.cfg", NULL},
           "");
}

/* Without a name, or in the root, the file is looked for there. */
static void root_is_a_folder_too(void **state)
{
    static const char *const paths[] = {NULL, "\\footing.efi", "footing.efi", "\\x.efi"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct run *run = run_new();

        run->mock.paths[0] = paths[i];
        run_file(run, "\\footing.cfg", NAMED("root"));
        run_good(run);
        assert_string_equal(run->facts.cmdline, "root");
        run_end(run);
    }
}

/* No configuration that nobody asked for is no error; one that was asked for, or a section, is. */
static void missing_configuration_matters_if_asked_for(void **state)
{
    struct run *run = run_new();

    (void)state;
    run_options(run, "footing.efi -- loglevel=3");
    run_good(run);
    assert_string_equal(run->facts.cmdline, "loglevel=3");
    assert_int_equal(run->facts.nmodules, 0);
    run_end(run);
    run = run_new();
    run_options(run, "footing.efi debug");
    run_bad(run, ERR_FILE, "footing.cfg");
    assert_string_equal(run->against, "EFI_NOT_FOUND");
    run_end(run);
    run = run_new();
    run_file(run, "\\EFI\\BOOT\\footing.cfg", NAMED("x"));
    run_options(run, "footing.efi -cfg=other.cfg");
    run_bad(run, ERR_FILE, "other.cfg");
    assert_int_equal(run->err.value, EFI_NOT_FOUND);
    run_end(run);
}

/* The ways to have no file system: which < 3. */
static struct run *without_files(unsigned which, const char *options)
{
    struct run *run = run_new();

    run->mock.no_file_system = which == 0;
    run->mock.no_device = which == 1;
    run->mock.open_volume_status = which == 2 ? EFI_UNSUPPORTED : EFI_SUCCESS;
    run_options(run, options);
    return run;
}

/* A device without files boots as one without a configuration, with a kernel inside or without. */
static void device_without_files_has_no_configuration(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 3; which++) {
        struct run *run = without_files(which, "footing.efi -- loglevel=3");

        run_good(run);
        assert_string_equal(run->facts.cmdline, "loglevel=3");
        assert_int_equal(run->facts.nmodules, 0);
        assert_non_null(
            strstr(run->mock.log, "has no file system: booting without a configuration"));
        run_end(run);
        run = without_files(which, "");
        run_section(run, ".kernel", run_kernel, sizeof(run_kernel));
        run_good(run);
        assert_int_equal(run->facts.nmodules, 1);
        run_end(run);
        run = without_files(which, "b");
        run_section(run, ".config", BYTES(NAMED("x") "[b]\noptions=y\n"));
        run_good(run);
        assert_string_equal(run->facts.cmdline, "y");
        assert_null(strstr(run->mock.log, "file system"));
        run_end(run);
    }
}

/* It is an error if a file or a section was asked for: no other is booted in its place. */
static void device_without_files_is_an_error_if_one_was_asked_for(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 3; which++) {
        struct run *run = without_files(which, "footing.efi -cfg=x.cfg");

        run_bad(run, ERR_FILE, "x.cfg: the device has no file system");
        run_end(run);
        run = without_files(which, "debug");
        run_section(run, ".kernel", run_kernel, sizeof(run_kernel));
        run_bad(run, ERR_FILE, ".cfg: the device has no file system");
        run_end(run);
        run = without_files(which, "");
        run_section(run, ".config", BYTES(NAMED("x") "module=m\n"));
        run_bad(run, ERR_FILE, ".config:5: module=m: the device has no file system");
        run_end(run);
    }
}

/* A file system that cannot be opened may hold a configuration, so it is an error. */
static void volume_that_cannot_be_opened_is_an_error(void **state)
{
    struct run *run = run_new();

    (void)state;
    run->mock.open_volume_status = EFI_LOAD_ERROR;
    run_bad(run, ERR_FILE, ".cfg: OpenVolume");
    assert_int_equal(run->err.value, EFI_LOAD_ERROR);
    run_end(run);
    run = run_new();
    run->mock.open_volume_status = EFI_LOAD_ERROR;
    run_section(run, ".config", BYTES(NAMED("x")));
    run_good(run);
    run_end(run);
}

/* -cfg= names a file in the image's folder, or from the root, with either slash. */
static void named_configuration_is_taken(void **state)
{
    static const char *const names[] = {"-cfg=o.cfg",
                                        "-cfg=/O.CFG",
                                        "-cfg=\\o.cfg",
                                        "-cfg=x/y.cfg",
                                        "-cfg=/x/Y.cfg",
                                        "-cfg=\\x/y.cfg",
                                        "-cfg=\xc3\xa9\xe2\x82\xac.cfg"};
    static const char *const taken[] = {"here", "root", "root", "below", "x", "x", "utf"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        struct run *run = run_new();

        run_file(run, "\\EFI\\BOOT\\footing.cfg", "not read");
        run_file(run, "\\EFI\\BOOT\\o.cfg", NAMED("here"));
        run_file(run, "\\o.cfg", NAMED("root"));
        run_file(run, "\\EFI\\BOOT\\x\\y.cfg", NAMED("below"));
        run_file(run, "\\x\\y.cfg", NAMED("x"));
        run_file(run, "\\EFI\\BOOT\\\xc3\xa9\xe2\x82\xac.cfg", NAMED("utf"));
        run_options(run, names[i]);
        run_good(run);
        assert_string_equal(run->facts.cmdline, taken[i]);
        run_end(run);
    }
}

/* Boot with this configuration and command line. */
static struct run *with(const char *options, const char *config)
{
    struct run *run = run_new();

    run_options(run, options);
    run_file(run, "\\EFI\\BOOT\\footing.cfg", config);
    return run;
}

static void gives(const char *options, const char *config, const char *cmdline)
{
    struct run *run = with(options, config);

    run_good(run);
    assert_string_equal(run->facts.cmdline, cmdline);
    run_end(run);
}

static void refused(const char *options, const char *config, const char *words)
{
    struct run *run = with(options, config);

    run_bad(run, ERR_CONFIG, words);
    assert_non_null(strstr(run->text, "footing.cfg"));
    run_end(run);
}

/* The section is the one asked for, else the default; it may be empty, and go on later. */
static void section_is_chosen(void **state)
{
    static const char config[] = "[global]\ndefault=a\n[a]\noptions=of-a\n[b]\n[c]\noptions=of-c\n"
                                 "[b]\noptions=of-b\n[e]";

    (void)state;
    gives("", config, "of-a");
    gives("a", config, "of-a");
    gives("b", config, "of-b");
    gives("c", config, "of-c");
    gives("e", config, "");
    refused("d", config, "d");
    refused("A", config, "A");
    refused("global", config, "global");
    refused("", "[a]\noptions=x\n", "default");
    refused("", "[global]\ndefault=b\n[a]\n", "b");
    refused("", "[global]\ndefault=global\n[a]\n", "global");
}

/* What may stand once is refused the second time, with its line. */
static void keys_are_given_once(void **state)
{
    static const char *const twice[] = {"options=x\noptions=y", "kernel=k\nkernel=k",
                                        "ramdisk=r\nramdisk=s"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(twice); i++) {
        char config[128];

        snprintf(config, sizeof(config), "[global]\ndefault=a\n[a]\n%s\n", twice[i]);
        refused("", config, ":5: ");
        refused("", config, strchr(twice[i], '\n') + 1);
    }
    refused("", "[global]\ndefault=a\ndefault=b\n[a]\n", "footing.cfg:3: default=b");
    refused("z", "[global]\nchain=a\nchain=b\n[a]\n", "footing.cfg:3: chain=b");
}

/* A bad line anywhere is refused with file, line and text, also where it is not needed. */
static void bad_lines_are_named(void **state)
{
    static const char *const lines[] = {"what=x", "default=a", "kernel=", "nothing", "[b", "[]"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        char config[128];
        char words[64];

        snprintf(config, sizeof(config), "[global]\ndefault=a\n[a]\n[z]\n%s\n", lines[i]);
        snprintf(words, sizeof(words), "footing.cfg:5: %s", lines[i]);
        refused("", config, words);
        refused("a", config, words);
    }
    refused("", "[global]\ndefault=a\n[a]\n\x01=\xff\n", "footing.cfg:4: ");
}

/* A configuration of this size: lines, then a comment that fills it up. */
static char *filled(size_t size)
{
    char *text = malloc(size);

    assert_non_null(text);
    memset(text, 'x', size);
    memcpy(text, NAMED("full") "#", sizeof(NAMED("full") "#") - 1);
    return text;
}

/* 64 KiB are read, more are not, as a file or in the image. */
static void configuration_has_a_limit(void **state)
{
    static const size_t sizes[] = {K(64) - 1, K(64), K(64) + 1, M(1)};

    (void)state;
    for (size_t i = 0; i < 2 * COUNT_OF(sizes); i++) {
        size_t size = sizes[i / 2];
        char *text = filled(size);
        struct run *run = run_new();

        if (i % 2)
            run_section(run, ".config", text, size);
        else
            run_file_sized(run, "\\EFI\\BOOT\\footing.cfg", text, size);
        if (size <= CONFIG_MAX_BYTES) {
            run_good(run);
            assert_string_equal(run->facts.cmdline, "full");
        } else {
            run_bad(run, ERR_CONFIG, i % 2 ? ".config" : "footing.cfg");
            assert_non_null(strstr(run->text, "65536"));
        }
        run_end(run);
        free(text);
    }
}

/*
 * A configuration without terminator at the end of its buffer (X df75f77092):
 * neither a line's end nor a zero follows the last byte, which may be that of
 * a page. The mapping is exact: ASan sees any read behind it.
 */
static void configuration_without_terminator_at_the_end_of_its_buffer(void **state)
{
    static const char *const ends[] = {"options=it",     "options=it ",     "options=it #c",
                                       "options=it\r\n", "options=it\n[b]", "options=it\n#",
                                       "options=it\n"};
    static const size_t sizes[] = {64, 4095, 4096, 4097, K(64)};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ends) * COUNT_OF(sizes) * 2; i++) {
        static const char start[] = "[global]\ndefault=a\n[a]\n";
        const char *end = ends[i % COUNT_OF(ends)];
        size_t size = sizes[i / COUNT_OF(ends) % COUNT_OF(sizes)];
        bool embedded = i / COUNT_OF(ends) / COUNT_OF(sizes) != 0;
        struct run *run = run_new();
        char *text = filled(size);

        memcpy(text, start, sizeof(start) - 1);
        text[sizeof(start) - 1] = '#';
        text[size - strlen(end) - 1] = '\n';
        memcpy(text + size - strlen(end), end, strlen(end));
        if (embedded)
            run_section(run, ".config", text, size);
        else
            run_file_sized(run, "\\EFI\\BOOT\\footing.cfg", text, size);
        run_good(run);
        assert_string_equal(run->facts.cmdline, "it");
        run_end(run);
        free(text);
    }
}

/* What is no configuration is refused, with its name; a missing final newline is none of that. */
static void other_files_are_refused(void **state)
{
    static const struct {
        const char *data;
        size_t size;
        enum error_code code;
    } files[] = {
        {BYTES(""), ERR_FILE},
        {BYTES("\177ELF\2\1\1\0\0\0\0\0"), ERR_CONFIG},
        {BYTES("[global]\ndefault=a\0\n[a]\n"), ERR_CONFIG},
        {BYTES("[global]\ndefault=a\n[a]\n\0"), ERR_CONFIG},
        {BYTES("\0"), ERR_CONFIG},
        {BYTES("\xff\xfe[\0a\0]\0"), ERR_CONFIG},
        {BYTES("\n"), ERR_CONFIG},
        {BYTES("[global]\ndefault=a\n[a]"), ERR_NONE},
        {BYTES("\xef\xbb\xbf[global]\r\ndefault=a\r\n[a]\r\noptions="), ERR_NONE},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        struct run *run = run_new();

        run_file_sized(run, "\\EFI\\BOOT\\footing.cfg", files[i].data, files[i].size);
        if (files[i].code)
            run_bad(run, files[i].code, "footing.cfg");
        else
            run_good(run);
        run_end(run);
    }
}

/* A folder of that name is no configuration either. */
static void folder_is_no_configuration(void **state)
{
    struct run *run = run_new();

    (void)state;
    run_folder(run, "\\EFI\\BOOT\\footing-1.cfg");
    run_file(run, "\\EFI\\BOOT\\footing.cfg", NAMED("x"));
    run_bad(run, ERR_FILE, "footing-1.cfg");
    run_end(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_is_cut_until_there_is_a_file),
        cmocka_unit_test(root_is_a_folder_too),
        cmocka_unit_test(missing_configuration_matters_if_asked_for),
        cmocka_unit_test(device_without_files_has_no_configuration),
        cmocka_unit_test(device_without_files_is_an_error_if_one_was_asked_for),
        cmocka_unit_test(volume_that_cannot_be_opened_is_an_error),
        cmocka_unit_test(named_configuration_is_taken),
        cmocka_unit_test(section_is_chosen),
        cmocka_unit_test(keys_are_given_once),
        cmocka_unit_test(bad_lines_are_named),
        cmocka_unit_test(configuration_has_a_limit),
        cmocka_unit_test(configuration_without_terminator_at_the_end_of_its_buffer),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(folder_is_no_configuration),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
