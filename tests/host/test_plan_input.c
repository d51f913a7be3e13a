/* SPDX-License-Identifier: MIT */
/* The readers of footing-plan: pure functions of a text. */
#include "test.h"

#include <stdio.h>

#include "memtype.h"
#include "read.h"

static bool read_string(struct survey *survey, const char *text, struct input_error *error)
{
    /* A copy of just this length, so that a sanitizer sees every read past it. */
    size_t len = strlen(text);
    char *copy = malloc(len ? len : 1);
    bool good;

    assert_non_null(copy);
    memcpy(copy, text, len);
    *survey = (struct survey){0};
    *error = (struct input_error){.reason = NULL};
    good = read_text(survey, copy, len, error);
    free(copy);
    return good;
}

static struct survey must_read(const char *text)
{
    struct survey survey;
    struct input_error error;

    if (!read_string(&survey, text, &error))
        fail_msg("line %zu: %s", error.line, error.reason);
    return survey;
}

static void assert_refused(const char *text, size_t line)
{
    struct survey survey;
    struct input_error error;

    assert_false(read_string(&survey, text, &error));
    assert_non_null(error.reason);
    assert_int_equal(error.line, line);
    survey_free(&survey);
}

static void assert_range(const struct survey *survey, size_t i, uint64_t base, uint64_t len,
                         enum mem_type type)
{
    assert_true(i < survey->count);
    assert_int_equal(survey->ranges[i].base, base);
    assert_int_equal(survey->ranges[i].len, len);
    assert_int_equal(survey->ranges[i].type, type);
}

static enum memtype type_at(const struct survey *survey, uint64_t pa)
{
    struct mtrr_state mtrr = mtrr_registers(&survey->mtrr, 52);

    return memtype_span(&mtrr, pa, pa + 0x1000).type;
}

static void three_spellings_of_one_e820_range(void **state)
{
    static const char *const spellings[] = {
        "[    0.000000] BIOS-e820: [mem 0x0000000000001000-0x000000000009fbff] usable\n",
        "Jan  1 host kernel: [0.0]  BIOS-e820: 0000000000001000 - 000000000009fc00 (usable)\r\n",
        " BIOS-e820: 000000000009ec00 @ 0000000000001000 (usable)",
        "<6>BIOS-e820: [mem 0x0000000000001000-0x000000000009fbff]  634   KB System RAM\n",
        "e820 0x1000 0x9fbff 1\n",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(spellings); i++) {
        struct survey survey = must_read(spellings[i]);

        assert_int_equal(survey.count, 1);
        assert_range(&survey, 0, 0x1000, 0x9ec00, MEM_USABLE);
        survey_free(&survey);
    }
}

static void e820_types_by_their_words(void **state)
{
    struct survey survey = must_read("BIOS-e820: [mem 0x0-0xfff] reserved\n"
                                     "BIOS-e820: [mem 0x0-0xfff] ACPI data\n"
                                     "BIOS-e820: [mem 0x0-0xfff] ACPI NVS\n"
                                     "BIOS-e820: [mem 0x0-0xfff] unusable\n"
                                     "BIOS-e820: [mem 0x0-0xfff] persistent (type 7)\n"
                                     "BIOS-e820: [mem 0x0-0xfff] persistent (type 12)\n"
                                     "BIOS-e820: [mem 0x0-0xfff] type 20\n"
                                     "BIOS-e820: [mem 0x0-0xfff] soft reserved\n"
                                     "BIOS-e820: [mem 0x0-0xfff] something new\n");
    static const enum mem_type expect[] = {MEM_RESERVED, MEM_ACPI_DATA,     MEM_ACPI_NVS,
                                           MEM_UNUSABLE, MEM_PERSISTENT,    MEM_RESERVED,
                                           MEM_RESERVED, MEM_SOFT_RESERVED, MEM_RESERVED};

    (void)state;
    assert_int_equal(survey.count, COUNT_OF(expect));
    for (size_t i = 0; i < COUNT_OF(expect); i++)
        assert_range(&survey, i, 0, 0x1000, expect[i]);
    survey_free(&survey);
}

static void only_the_first_list_of_a_log_counts(void **state)
{
    struct survey survey = must_read("BIOS-provided physical RAM map:\n"
                                     "BIOS-e820: [mem 0x0-0xfff] usable\n"
                                     "copy_e820_map() start: 0\n"
                                     "BIOS-e820: [mem 0x2000-0x2fff] usable\n"
                                     "user-defined physical RAM map:\n"
                                     "user: [mem 0x0-0xffff] usable\n"
                                     "Linux version 6.1\n"
                                     "BIOS-e820: [mem 0x0-0xffffff] usable\n");

    (void)state;
    assert_int_equal(survey.count, 2);
    assert_range(&survey, 1, 0x2000, 0x1000, MEM_USABLE);
    survey_free(&survey);
}

static void efi_lines_of_both_styles(void **state)
{
    struct survey survey = must_read(
        "efi: mem00: type=3, attr=0xf, range=[0x0000000000000000-0x0000000000001000) (0MB)\n"
        "efi: mem01: [Conventional Memory|   |  |  |  |  |   |WB|WT|WC|UC] "
        "range=[0x0000000000001000-0x0000000000001fff] (0MB)\n"
        "efi: mem02: [Boot Data|RUN|  |  |  |  |   |WB|WT|WC|UC] range=[0x2000-0x2fff] (0MB)\n"
        "efi: mem03: [Conventional|   |  |  |  |  |   |  |  |  |UC] range=[0x3000-0x3fff] (0MB)\n"
        "efi: mem04: [Conventional|   |  |SP|  |  |   |WB|WT|WC|UC] range=[0x4000-0x4fff] (0MB)\n"
        "efi: mem05: [type=4711|attr=0x000000000000000f] range=[0x5000-0x5fff] (0MB)\n"
        "efi: mem00: type=7, attr=0xf, range=[0x0-0x10000000) (256MB)\n");

    (void)state;
    assert_int_equal(survey.count, 6);
    assert_range(&survey, 0, 0, 0x1000, MEM_USABLE);
    assert_range(&survey, 1, 0x1000, 0x1000, MEM_USABLE);
    assert_range(&survey, 2, 0x2000, 0x1000, MEM_RUNTIME_DATA);
    assert_range(&survey, 3, 0x3000, 0x1000, MEM_RESERVED);
    assert_range(&survey, 4, 0x4000, 0x1000, MEM_SOFT_RESERVED);
    assert_range(&survey, 5, 0x5000, 0x1000, MEM_RESERVED);
    survey_free(&survey);
}

static void e820_is_preferred_to_efi(void **state)
{
    struct survey log = must_read("BIOS-e820: [mem 0x0-0xfff] usable\n"
                                  "efi: mem00: type=7, attr=0xf, range=[0x0-0x5000) (0MB)\n");
    struct survey map = must_read("efi 0x0 0x4fff ConventionalMemory WB|UC\ne820 0x0 0xfff 1\n");

    (void)state;
    assert_int_equal(log.count, 1);
    assert_range(&log, 0, 0, 0x1000, MEM_USABLE);
    assert_int_equal(map.count, 1);
    assert_range(&map, 0, 0, 0x1000, MEM_USABLE);
    survey_free(&log);
    survey_free(&map);
}

static void mtrrs_as_the_kernel_prints_them(void **state)
{
    struct survey survey =
        must_read("BIOS-e820: [mem 0x0-0xffffffff] usable\n"
                  "[0.1] MTRR default type: uncachable\n"
                  "[0.1] MTRR fixed ranges enabled:\n"
                  "[0.1]   00000-9FFFF write-back\n"
                  "[0.1]   A0000-BFFFF uncachable\n"
                  "[0.1]   C0000-FFFFF write-protect\n"
                  "[0.1] MTRR variable ranges enabled:\n"
                  "[0.1]   0 base 0000000000 mask 7F80000000 write-back\n"
                  "[0.1]   1 [0060000000-007FFFFFFF] mask 7FE0000000 uncachable\n"
                  "[0.1]   2 disabled\n");

    (void)state;
    assert_string_equal(mtrr_verdict(&survey.mtrr), "used");
    assert_int_equal(type_at(&survey, 0x9f000), MEMTYPE_WB);
    assert_int_equal(type_at(&survey, 0xa0000), MEMTYPE_UC);
    assert_int_equal(type_at(&survey, 0xff000), MEMTYPE_WP);
    assert_int_equal(type_at(&survey, 0x5ffff000), MEMTYPE_WB);
    assert_int_equal(type_at(&survey, 0x60000000), MEMTYPE_UC);
    assert_int_equal(type_at(&survey, 0x80000000), MEMTYPE_UC);
    /* A mask printed 39 bits wide is one of all bits on a CPU that is wider. */
    assert_int_equal(type_at(&survey, UINT64_C(1) << 39), MEMTYPE_UC);
    survey_free(&survey);
}

/* AMD's Tom2ForceMemTypeWB; Linux's PCI code prints these words whether it is set or not. */
static void tom2_counts_right_after_the_registers(void **state)
{
    static const char head[] = "BIOS-e820: [mem 0x0-0xffffffff] usable\n"
                               "MTRR default type: uncachable\n"
                               "MTRR variable ranges enabled:\n"
                               "  0 base 000000000000 mask FFFF80000000 write-back\n"
                               "  1 disabled\n";
    char text[512];

    (void)state;
    for (int between = 0; between < 2; between++) {
        struct survey survey;

        snprintf(text, sizeof(text), "%s%sTOM2: 0000000220000000 aka 8704M\n", head,
                 between ? "TOM: 00000000c0000000 aka 3072M\n" : "");
        survey = must_read(text);
        assert_int_equal(type_at(&survey, 0x100000000), between ? MEMTYPE_UC : MEMTYPE_WB);
        assert_int_equal(type_at(&survey, 0x21ffff000), between ? MEMTYPE_UC : MEMTYPE_WB);
        assert_int_equal(type_at(&survey, 0x220000000), MEMTYPE_UC);
        assert_int_equal(type_at(&survey, 0x80000000), MEMTYPE_UC);
        survey_free(&survey);
    }
}

static void half_of_the_mtrrs_is_none(void **state)
{
    static const char *const halves[] = {
        "e820 0x0 0xfffff 1\nmtrr-default uncachable\n",
        "e820 0x0 0xfffff 1\nmtrr 0 0x0 0x1000 uncachable\n",
        "BIOS-e820: [mem 0x0-0xfffff] usable\n"
        "reg00: base=0x000000000 (    0MB), size= 2048MB, count=1: uncachable\n",
        "BIOS-e820: [mem 0x0-0xfffff] usable\nMTRR default type: uncachable\n"
        "MTRR fixed ranges disabled:\n",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(halves); i++) {
        struct survey survey = must_read(halves[i]);

        assert_int_equal(strncmp(mtrr_verdict(&survey.mtrr), "ignored: ", 9), 0);
        assert_int_equal(type_at(&survey, 0), MEMTYPE_WB);
        survey_free(&survey);
    }
}

/* All memory is uncachable then, whatever else stands there, as for a boot. */
static void disabled_mtrrs_make_all_memory_uncachable(void **state)
{
    static const char *const inputs[] = {
        "BIOS-e820: [mem 0x0-0xfffff] usable\nMTRR default type: write-back\n"
        "MTRR variable ranges disabled:\n  0 disabled\n",
        "e820 0x0 0xfffff 1\nmtrr-default off\n",
        "e820 0x0 0xfffff 1\nmtrr-default off\nmtrr 0 0x0 0x100000 write-back\n",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(inputs); i++) {
        struct survey survey = must_read(inputs[i]);

        assert_string_equal(mtrr_verdict(&survey.mtrr), "used");
        assert_int_equal(type_at(&survey, 0), MEMTYPE_UC);
        survey_free(&survey);
    }
}

/* A default type alone is half of the truth; that no range is enabled is the other half. */
static void no_variable_mtrr_at_all_can_be_said(void **state)
{
    struct survey survey = must_read("e820 0x0 0xfffff 1\nmtrr-default write-protect\nmtrr none\n");

    (void)state;
    assert_string_equal(mtrr_verdict(&survey.mtrr), "used");
    assert_int_equal(type_at(&survey, 0), MEMTYPE_WP);
    survey_free(&survey);
    assert_refused("e820 0x0 0xfffff 1\nmtrr 0 0x0 0x1000 write-back\nmtrr none\n", 3);
    assert_refused("e820 0x0 0xfffff 1\nmtrr none at all\n", 2);
    assert_refused("e820 0x0 0xfffff 1\nmtrr-default of\n", 2);
}

/* Who says that there is a hypervisor, and who does not. */
static void guests_are_told_by_what_the_input_says(void **state)
{
    static const struct {
        const char *line;
        bool guest;
        const char *machine;
    } lines[] = {
        {"[    0.000000] Hypervisor detected: KVM", true, ""},
        {"[    0.000000] Hypervisor detected: Microsoft Hyper-V", true, ""},
        {"Booting paravirtualized kernel on bare hardware", false, ""},
        {"Booting paravirtualized kernel on KVM", true, ""},
        {"Booting paravirtualized kernel on Xen PVH", true, ""},
        {"[    0.000000] DMI: QEMU Standard PC (Q35 + ICH9, 2009), BIOS 1.16 04/01/2014", true,
         "QEMU Standard PC (Q35 + ICH9, 2009), BIOS 1.16 04/01/2014"},
        {"DMI: innotek GmbH VirtualBox/VirtualBox, BIOS VirtualBox 12/01/2006", true,
         "innotek GmbH VirtualBox/VirtualBox, BIOS VirtualBox 12/01/2006"},
        {"DMI: Microsoft Corporation Virtual Machine/Virtual Machine, BIOS 090008", true,
         "Microsoft Corporation Virtual Machine/Virtual Machine, BIOS 090008"},
        {"DMI: Microsoft Corporation Surface Pro 4/Surface Pro 4, BIOS 108.24", false,
         "Microsoft Corporation Surface Pro 4/Surface Pro 4, BIOS 108.24"},
        {"DMI: LENOVO 20FAS2BP0T/20FAS2BP0T, BIOS N1CET75W", false,
         "LENOVO 20FAS2BP0T/20FAS2BP0T, BIOS N1CET75W"},
        {"kvm: no hardware support", false, ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        char text[512];
        struct survey survey;

        snprintf(text, sizeof(text), "%s\nBIOS-e820: [mem 0x0-0xfffff] usable\n", lines[i].line);
        survey = must_read(text);
        assert_int_equal(survey.guest, lines[i].guest);
        assert_string_equal(survey.machine, lines[i].machine);
        survey_free(&survey);
    }
}

/* The headings of the collection are read from a map file; a long name is cut, an odd one is ASCII. */
static void headings_of_a_map_file_are_read(void **state)
{
    char text[512] = "# machine:  A & B\x01\xc3\xa9\n# firmware: hypervisor\ne820 0x0 0xfffff 1\n";
    struct survey survey = must_read(text);

    (void)state;
    assert_string_equal(survey.machine, "A & B???");
    assert_true(survey.guest);
    survey_free(&survey);
    survey = must_read("# machine: A\n# firmware: uefi\n# machine: B\ne820 0x0 0xfffff 1\n");
    assert_string_equal(survey.machine, "A");
    assert_false(survey.guest);
    survey_free(&survey);
    snprintf(text, sizeof(text), "# machine: %0300d\ne820 0x0 0xfffff 1\n", 7);
    survey = must_read(text);
    assert_int_equal(strlen(survey.machine), SURVEY_NAME_MAX - 1);
    survey_free(&survey);
}

/* Whoever printed an exclusive end in 64 bits wrote 2^64 as 0 (vostd issue 603). */
static void exclusive_end_of_zero(void **state)
{
    struct survey survey = must_read("BIOS-e820: 0000000000000000 - 0000000000100000 (usable)\n"
                                     "BIOS-e820: fffffffffff00000 - 0000000000000000 (reserved)\n");

    (void)state;
    assert_range(&survey, 1, UINT64_C(0xfffffffffff00000), 0x100000, MEM_RESERVED);
    survey_free(&survey);
    survey = must_read("efi: mem00: type=11, attr=0x1, range=[0xffffffffffe00000-0x0) (2MB)\n");
    assert_range(&survey, 0, UINT64_C(0xffffffffffe00000), 0x200000, MEM_MMIO);
    survey_free(&survey);
    assert_refused("BIOS-e820: 0000000000100000 - 00000000000fffff (usable)\n", 1);
}

/* 40 pairs have registers before the fixed ones begin; one more is refused, in either input. */
static void more_variable_mtrrs_than_registers_are_refused(void **state)
{
    char text[8192] = "e820 0x0 0xfffff 1\n";

    (void)state;
    for (unsigned i = 0; i < 41; i++) {
        char line[64];

        snprintf(line, sizeof(line), "mtrr %u 0x%x 0x1000 write-back\n", i, i * 0x1000);
        strcat(text, line);
        if (i == 39) {
            struct survey survey = must_read(text);

            assert_int_equal(survey.mtrr.variable, 40);
            survey_free(&survey);
        }
    }
    assert_refused(text, 42);
}

static void proc_mtrr_is_the_other_half_of_a_default_type(void **state)
{
    struct survey survey =
        must_read("BIOS-e820: [mem 0x0-0xfffff] usable\nMTRR default type: uncachable\n"
                  "reg00: base=0x000000000 (    0MB), size=  512MB, count=1: write-back\n"
                  "reg01: base=0x20000000 ( 512MB), size=  64KB: write-combining, count=1\n");

    (void)state;
    assert_string_equal(mtrr_verdict(&survey.mtrr), "used");
    assert_int_equal(type_at(&survey, 0x1ffff000), MEMTYPE_WB);
    assert_int_equal(type_at(&survey, 0x20000000), MEMTYPE_WC);
    assert_int_equal(type_at(&survey, 0x20010000), MEMTYPE_UC);
    survey_free(&survey);
}

/* Two Hyper-V guests of the collection have base 4 GiB and size 64 GiB. */
static void mtrr_base_that_is_no_multiple_of_its_size(void **state)
{
    struct survey survey = must_read("e820 0x0 0xfffff 1\nmtrr-default uncachable\n"
                                     "mtrr 1 0x100000000 0x1000000000 write-back\n");

    (void)state;
    assert_int_equal(type_at(&survey, 0), MEMTYPE_WB);
    assert_int_equal(type_at(&survey, 0xffffff000), MEMTYPE_WB);
    assert_int_equal(type_at(&survey, 0x1000000000), MEMTYPE_UC);
    survey_free(&survey);
}

static void odd_ends_of_a_range(void **state)
{
    struct survey survey = must_read("e820 0x0 -1 0\ne820 0x1000 0xfff 1\n"
                                     "e820 0x0 0xffffffffffffffff 1\n"
                                     "e820 0x1000 0xffffffffffffffff 2\n");

    (void)state;
    assert_range(&survey, 0, 0, 0, MEM_RESERVED);
    assert_range(&survey, 1, 0x1000, 0, MEM_USABLE);
    assert_range(&survey, 2, 0, UINT64_MAX, MEM_USABLE);
    assert_range(&survey, 3, 0x1000, -UINT64_C(0x1000), MEM_RESERVED);
    survey_free(&survey);
}

static void what_is_bad_is_refused_with_its_line(void **state)
{
    (void)state;
    assert_refused("", 1);
    assert_refused("# a comment\n\nhello\n", 3);
    assert_refused("# a comment\nnote nothing else\n", 2);
    assert_refused("e820 0x0 0xfff 1\ne820 0x5000 0x1000 1\n", 2);
    assert_refused("e820 0x0 0x1ffffffffffffffff 1\n", 1);
    assert_refused("e820 0x0 0xfff\n", 1);
    assert_refused("e820 0x0 0xfff 1 more\n", 1);
    assert_refused("e820 0x0 0xfff 1\nnonsense\n", 2);
    assert_refused("e820 0x0 0xfff 1\nmtrr 0 0x0 0x3000 write-back\n", 2);
    assert_refused("e820 0x0 0xfff 1\nmtrr-fixed 0x0 0x1fff write-back\n", 2);
    assert_refused("e820 0x0 0xfff 1\nmtrr-default write\n", 2);
    assert_refused("x\nBIOS-e820: [mem 0x0-0xfff usable\n", 2);
    assert_refused("BIOS-e820: [mem 0x0-0xfff]\n", 1);
    assert_refused("BIOS-e820: 2000 - 1000 (usable)\n", 1);
    assert_refused("efi: mem00: type=7, attr=0xf, range=[0x0-0x5000 (0MB)\n", 1);
    assert_refused("MTRR default type: uncachable\n", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_spellings_of_one_e820_range),
        cmocka_unit_test(e820_types_by_their_words),
        cmocka_unit_test(only_the_first_list_of_a_log_counts),
        cmocka_unit_test(efi_lines_of_both_styles),
        cmocka_unit_test(e820_is_preferred_to_efi),
        cmocka_unit_test(mtrrs_as_the_kernel_prints_them),
        cmocka_unit_test(tom2_counts_right_after_the_registers),
        cmocka_unit_test(half_of_the_mtrrs_is_none),
        cmocka_unit_test(disabled_mtrrs_make_all_memory_uncachable),
        cmocka_unit_test(no_variable_mtrr_at_all_can_be_said),
        cmocka_unit_test(guests_are_told_by_what_the_input_says),
        cmocka_unit_test(headings_of_a_map_file_are_read),
        cmocka_unit_test(exclusive_end_of_zero),
        cmocka_unit_test(more_variable_mtrrs_than_registers_are_refused),
        cmocka_unit_test(proc_mtrr_is_the_other_half_of_a_default_type),
        cmocka_unit_test(mtrr_base_that_is_no_multiple_of_its_size),
        cmocka_unit_test(odd_ends_of_a_range),
        cmocka_unit_test(what_is_bad_is_refused_with_its_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
