/* SPDX-License-Identifier: MIT */
/*
 * footing-plan and a boot say the same of a machine: over the whole corpus,
 * with its MTRRs as they are and in each state of the field, as a guest and on
 * bare metal. The tool reads the map file itself; what a boot would find is
 * taken from corpus.c and settled by the functions that a boot calls.
 */
#include <stdio.h>

#include "corpus.h"
#include "mtrr_rule.h"
#include "planner.h"
#include "read.h"
#include "test.h"

#define TEXT_MAX 65536

/* The MTRRs of one case: as map lines, and as registers. */
static const struct {
    const char *lines; /* null: those of the file */
    uint64_t def_type;
    bool blank; /* none of them makes RAM write-back */
} cases[] = {
    {NULL, 0, false},
    {"mtrr-default off\n", 0, true},
    {"mtrr-default uncachable\nmtrr none\n", 0x800, true},
    {"mtrr-default uncachable\nmtrr none\nmtrr-fixed 0x0 0xfffff uncachable\n", 0xc00, true},
    {"mtrr-default write-protect\nmtrr none\n", 0x805, true},
    {"mtrr-default write-back\nmtrr none\n", 0x806, false},
};

/* A file of the corpus; without its own MTRRs if there are others. */
static void read_file(const char *name, const char *others, char text[TEXT_MAX])
{
    const char *folder = getenv("FOOTING_CORPUS");
    char path[512];
    char line[512];
    FILE *in;

    snprintf(path, sizeof(path), "%s/%s.map", folder ? folder : "tests/corpus", name);
    in = fopen(path, "r");
    assert_non_null(in);
    text[0] = 0;
    while (fgets(line, sizeof(line), in)) {
        assert_true(strlen(text) + strlen(line) + 1 < TEXT_MAX);
        if (!others || strncmp(line, "mtrr", 4) != 0)
            strcat(text, line);
    }
    fclose(in);
    if (others)
        strcat(text, others);
}

/* What a boot does once the map is known, and what it ends with; *ignored: the MTRRs are. */
static struct error boot_says(struct machine *m, bool guest, bool *ignored)
{
    struct error err = mtrr_settle(&m->mtrr, &m->map, guest, ignored);

    if (!err.code)
        err = ram_check(&m->request);
    return err.code ? err : plan_make(&m->plan, &m->request);
}

static void assert_same_plan(const struct plan *tool, const struct plan *boot)
{
    assert_int_equal(tool->count, boot->count);
    for (size_t i = 0; i < boot->count; i++)
        assert_memory_equal(&tool->entries[i], &boot->entries[i], sizeof(boot->entries[0]));
}

static void agree(const struct corpus_machine *from, size_t number, bool guest)
{
    static char text[TEXT_MAX];
    struct plan_options options = {
        .max_level = 2, .phys_bits = from->mtrr.phys_bits, .guest = guest ? GUEST_YES : GUEST_NO};
    struct survey survey = {0};
    struct input_error input;
    struct result result;
    struct machine *m = corpus_machine(from, 4, 2);
    struct error boot;
    struct error tool;
    bool ignored;

    read_file(from->name, cases[number].lines, text);
    if (!read_text(&survey, text, strlen(text), &input))
        fail_msg("%s: line %zu: %s", from->name, input.line, input.reason);
    if (cases[number].lines)
        m->mtrr = (struct mtrr_state){
            .present = true, .phys_bits = from->mtrr.phys_bits, .def_type = cases[number].def_type};
    boot = boot_says(m, guest, &ignored);
    tool = result_make(&result, &survey, &options);
    if (tool.code != boot.code)
        fail_msg("%s, case %zu, guest %d: %d and %d", from->name, number, guest, tool.code,
                 boot.code);
    if (cases[number].blank) {
        assert_int_equal(ignored, guest);
        assert_int_equal(boot.code, guest ? ERR_NONE : ERR_NORAM);
    }
    if (!tool.code)
        assert_same_plan(&result.plan, &m->plan);
    else
        assert_string_equal(tool.text, boot.text);
    assert_int_equal(result.mtrr.present, m->mtrr.present);
    if (ignored)
        assert_string_equal(result.mtrr_verdict,
                            "ignored: they make no usable RAM write-back, and this is a guest");
    result_free(&result);
    survey_free(&survey);
}

static void tool_and_boot_agree_on_every_machine(void **state)
{
    size_t count;
    const struct corpus_machine *machines = corpus_all(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t number = 0; number < COUNT_OF(cases); number++) {
            agree(&machines[i], number, false);
            agree(&machines[i], number, true);
        }
    }
}

/* The collection says of each of its files whether it is a guest's; the reader reads it there. */
static void guests_of_the_corpus_are_known(void **state)
{
    static char text[TEXT_MAX];
    size_t count;
    size_t guests = 0;
    const struct corpus_machine *machines = corpus_all(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct survey survey = {0};
        struct input_error input;

        read_file(machines[i].name, NULL, text);
        assert_true(read_text(&survey, text, strlen(text), &input));
        assert_int_equal(survey.guest, strstr(text, "\n# firmware: hypervisor\n") != NULL);
        assert_true(survey.machine[0] != 0 && survey.machine[0] != ' ');
        assert_non_null(strstr(text, "# machine:"));
        guests += survey.guest;
        survey_free(&survey);
    }
    if (getenv("FOOTING_CORPUS") == NULL)
        assert_true(guests >= 29);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tool_and_boot_agree_on_every_machine),
        cmocka_unit_test(guests_of_the_corpus_are_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
