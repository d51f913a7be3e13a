/* SPDX-License-Identifier: MIT */
/* Configurations that go on in others. */
#include <stdio.h>

#include "efi_config.h"
#include "mock_run.h"
#include "test.h"

static struct run *start(const char *options, const char *config)
{
    struct run *run = run_new();

    run_options(run, options);
    run_file(run, "\\EFI\\BOOT\\footing.cfg", config);
    return run;
}

static void file(struct run *run, const char *path, const char *config)
{
    run_file(run, path, config);
}

static void gives(struct run *run, const char *cmdline)
{
    run_good(run);
    assert_string_equal(run->facts.cmdline, cmdline);
    run_end(run);
}

static void refused(struct run *run, enum error_code code, const char *words)
{
    run_bad(run, code, words);
    run_end(run);
}

/* A section that is not in the first file is looked for in the next, from the image's folder. */
static void section_is_found_in_the_next_file(void **state)
{
    static const char *const names[] = {"n.cfg", "N.CFG", "/EFI/BOOT/n.cfg", "sub/n.cfg"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        char config[128];
        struct run *run;

        snprintf(config, sizeof(config), "[global]\nchain=%s\ndefault=a\n[b]\noptions=x", names[i]);
        run = start("", config);
        file(run, i < 3 ? "\\EFI\\BOOT\\n.cfg" : "\\EFI\\BOOT\\sub\\n.cfg",
             "[global]\ndefault=z\n[a]\noptions=next\n[b]\noptions=y");
        gives(run, "next");
        run = start("b", config);
        gives(run, "x");
    }
}

/* Where the first has no default=, that of the next counts, and the first is not asked again. */
static void first_default_counts(void **state)
{
    struct run *run = start("", "[global]\nchain=n.cfg\n[b]\noptions=x");

    (void)state;
    file(run, "\\EFI\\BOOT\\n.cfg", "[global]\ndefault=b\n[b]\noptions=next");
    gives(run, "next");
    run = start("", "[global]\nchain=n.cfg\n[b]\noptions=x");
    file(run, "\\EFI\\BOOT\\n.cfg", "[global]\ndefault=c\n[b]\noptions=next");
    run_bad(run, ERR_CONFIG, "n.cfg");
    assert_non_null(strstr(run->text, "[c]"));
    run_end(run);
}

/* Files and modules are those of the configuration that has the section. */
static void section_is_taken_from_one_file_only(void **state)
{
    struct run *run = start("", "[global]\nchain=n.cfg\ndefault=a\n[b]\nmodule=none\n");

    (void)state;
    file(run, "\\EFI\\BOOT\\n.cfg", "[a]\nmodule=m here\n");
    file(run, "\\EFI\\BOOT\\m", "data");
    run_good(run);
    assert_int_equal(run->facts.nmodules, 1);
    run_module(run, 0, MODULE_PLAIN, "here", "data", 4);
    run_end(run);
}

/* Eight configurations are read, a ninth is not. */
static void chain_has_a_limit(void **state)
{
    (void)state;
    for (unsigned count = 2; count <= CHAIN_MAX + 1; count++) {
        static char paths[CHAIN_MAX + 1][32], texts[CHAIN_MAX + 1][64];
        struct run *run = start("a", "[global]\nchain=1.cfg");

        for (unsigned i = 1; i < count; i++) {
            snprintf(paths[i], sizeof(paths[i]), "\\EFI\\BOOT\\%u.cfg", i);
            snprintf(texts[i], sizeof(texts[i]),
                     i + 1 == count ? "[a]\noptions=last" : "[global]\nchain=%u.cfg", i + 1);
            file(run, paths[i], texts[i]);
        }
        if (count <= CHAIN_MAX)
            gives(run, "last");
        else
            refused(run, ERR_CONFIG, "7.cfg:2: chain=8.cfg");
    }
}

/* A circle is refused in its closing line, however the name is spelled there. */
static void circles_are_refused(void **state)
{
    static const char *const spellings[] = {"/EFI/BOOT/footing.cfg", "\\EFI\\BOOT\\footing.cfg",
                                            "\\\\EFI\\BOOT\\FOOTING.cfg",
                                            "/efi\\boot//footing.cfg"};
    struct run *run;

    (void)state;
    refused(start("a", "[global]\nchain=footing.cfg"), ERR_CONFIG, "footing.cfg:2: chain=");
    refused(start("a", "[global]\nchain=FOOTING.CFG"), ERR_CONFIG, "footing.cfg:2: chain=");
    run = start("a", "[global]\nchain=n.cfg");
    file(run, "\\EFI\\BOOT\\n.cfg", "[b]\n\n[global]\nchain=Footing.cfg");
    refused(run, ERR_CONFIG, "n.cfg:4: chain=Footing.cfg");
    for (size_t i = 0; i < COUNT_OF(spellings); i++) {
        char config[128];

        snprintf(config, sizeof(config), "[global]\nchain=%s", spellings[i]);
        run = start("a", config);
        run_bad(run, ERR_CONFIG, "footing.cfg:2: chain=");
        assert_non_null(strstr(run->text, "chained in a circle"));
        run_end(run);
    }
}

/* A file that is not there is told with file, line and text of who names it. */
static void missing_file_is_told_by_its_line(void **state)
{
    struct run *run = start("a", "# first\n[global]\n chain = n.cfg # there\n");

    (void)state;
    run_bad(run, ERR_FILE, "footing.cfg:3: chain = n.cfg: ");
    assert_int_equal(run->err.value, EFI_NOT_FOUND);
    assert_string_equal(run->against, "EFI_NOT_FOUND");
    run_end(run);
    run = start("a", "[global]\nchain=sub");
    run_folder(run, "\\EFI\\BOOT\\sub");
    refused(run, ERR_FILE, "footing.cfg:2: chain=sub: ");
}

/* The next file's lines are judged as the first one's, and called by its name. */
static void bad_lines_of_the_next_file_are_its_own(void **state)
{
    static const char *const bad[] = {"[a]\nwhat=x", "[a]\n\xff"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct run *run = start("a", "[global]\nchain=n.cfg");

        file(run, "\\EFI\\BOOT\\n.cfg", bad[i]);
        refused(run, ERR_CONFIG, "n.cfg:2: ");
    }
}

/* A section that is nowhere is missed in the last file. */
static void missing_section_is_told_of_the_last_file(void **state)
{
    struct run *run = start("a", "[global]\nchain=n.cfg");

    (void)state;
    file(run, "\\EFI\\BOOT\\n.cfg", "[b]");
    refused(run, ERR_CONFIG, "n.cfg: ");
    run = start("", "[global]\nchain=n.cfg");
    file(run, "\\EFI\\BOOT\\n.cfg", "[b]");
    refused(run, ERR_CONFIG, "n.cfg: ");
}

/* Names up to their limit are followed, longer ones are refused in their line. */
static void long_names_are_refused(void **state)
{
    (void)state;
    for (size_t len = EFI_NAME_MAX - 2; len <= EFI_NAME_MAX + 1; len++) {
        char path[2 * EFI_NAME_MAX] = "\\EFI\\BOOT\\";
        char config[2 * EFI_NAME_MAX] = "[global]\nchain=";
        struct run *run;

        memset(path + strlen(path), 'x', len);
        memset(config + strlen(config), 'x', len);
        run = start("a", config);
        file(run, path, "[a]\noptions=next");
        if (len < EFI_NAME_MAX)
            gives(run, "next");
        else
            refused(run, ERR_CONFIG, "footing.cfg:2: chain=xxx");
        memcpy(config + 9, "default=", 8);
        memset(config + 17, 'x', len);
        run = start("", config);
        refused(run, ERR_CONFIG, len < EFI_NAME_MAX ? "xxx" : "footing.cfg:2: default=xxx");
    }
}

/* The configuration in the image can go on in a file. */
static void embedded_configuration_can_be_chained(void **state)
{
    static const char config[] = "[global]\nchain=footing.cfg\ndefault=a\0\0\0";
    struct run *run = start("", "[a]\noptions=next");

    (void)state;
    run_section(run, ".config", config, sizeof(config));
    gives(run, "next");
    run = run_new();
    run_section(run, ".config", config, sizeof(config));
    refused(run, ERR_FILE, ".config:2: chain=footing.cfg: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(section_is_found_in_the_next_file),
        cmocka_unit_test(first_default_counts),
        cmocka_unit_test(section_is_taken_from_one_file_only),
        cmocka_unit_test(chain_has_a_limit),
        cmocka_unit_test(circles_are_refused),
        cmocka_unit_test(missing_file_is_told_by_its_line),
        cmocka_unit_test(bad_lines_of_the_next_file_are_its_own),
        cmocka_unit_test(missing_section_is_told_of_the_last_file),
        cmocka_unit_test(long_names_are_refused),
        cmocka_unit_test(embedded_configuration_can_be_chained),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
