/* SPDX-License-Identifier: MIT */
/* footing-plan's picture shows all that its figures count, and says whose memory it is. */
#include <stdio.h>

#include "corpus.h"
#include "read.h"
#include "show.h"
#include "svg_draw.h"
#include "test.h"

#define ROWS 100000

struct picture {
    struct survey survey;
    struct result result;
    struct blanket blanket;
};

/* A map, planned, with a blanket of 1 GiB pages over it. */
static void start(struct picture *p, const char *text)
{
    const struct plan_options options = {.max_level = 2, .phys_bits = 52};
    struct input_error error;

    *p = (struct picture){0};
    assert_true(read_text(&p->survey, text, strlen(text), &error));
    assert_int_equal(result_make(&p->result, &p->survey, &options).code, ERR_NONE);
    blanket_make(&p->blanket, &p->result, 2);
}

static void end(struct picture *p)
{
    blanket_free(&p->blanket);
    result_free(&p->result);
    survey_free(&p->survey);
}

/* The rows have no gap, end where map and blanket do, and their red marks add up to the headline. */
static void assert_all_is_drawn(const struct picture *p)
{
    size_t n;
    struct row *rows = rows_make(&p->result, &p->blanket, ROWS, &n);
    const struct blanket_run *last = &p->blanket.runs[p->blanket.count - 1];
    uint64_t red = 0;
    uint64_t at = 0;

    for (size_t i = 0; i < n; i++) {
        assert_int_equal(rows[i].base, at);
        at = rows[i].end;
        if (rows[i].kind != ROW_LEFT_OUT || rows[i].fate != RAM_OVER_WINDOW)
            red += row_reached(&rows[i], &p->blanket);
    }
    assert_true(at >= last->end);
    assert_true(at == last->end || at == p->result.map.ranges[p->result.map.count - 1].end);
    assert_int_equal(red, p->blanket.not_ram);
    free(rows);
    rows = rows_make(&p->result, NULL, ROWS, &n);
    assert_int_equal(rows[n - 1].end, p->result.map.ranges[p->result.map.count - 1].end);
    free(rows);
}

/* As 893 MiB were counted, and 388 KiB drawn. */
static void what_a_blanket_reaches_behind_ram_is_drawn(void **state)
{
    struct picture p;

    (void)state;
    start(&p, "e820 0x0 0x9efff 1\ne820 0x9f000 0x9ffff 2\ne820 0x100000 0x8832dfff 1\n");
    assert_int_equal(p.blanket.not_ram, UINT64_C(0x37cd2000) + 0x61000);
    assert_all_is_drawn(&p);
    end(&p);
    start(&p, "e820 0x0 0x9efff 1\ne820 0x100000 0x8832dfff 1\ne820 0xf0000000 0xffffffff 2\n");
    assert_all_is_drawn(&p);
    end(&p);
    /* Up to the end of the address space, and not beyond. */
    start(&p, "e820 0x100000 0x1fffff 1\ne820 0xfffffff000000 0xfffffffffefff 1\n");
    assert_all_is_drawn(&p);
    end(&p);
}

static void every_picture_of_the_corpus_draws_what_it_counts(void **state)
{
    static char text[65536];
    size_t count;
    const struct corpus_machine *machines = corpus_all(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        const char *folder = getenv("FOOTING_CORPUS");
        struct picture p;
        char path[512];
        FILE *in;

        snprintf(path, sizeof(path), "%s/%s.map", folder ? folder : "tests/corpus",
                 machines[i].name);
        in = fopen(path, "r");
        assert_non_null(in);
        text[fread(text, 1, sizeof(text) - 1, in)] = 0;
        fclose(in);
        start(&p, text);
        assert_all_is_drawn(&p);
        end(&p);
    }
}

/* The name stands in the title and in the picture, as text of an XML file. */
static void machine_is_named(void **state)
{
    struct picture p;
    struct out out = {0};

    (void)state;
    start(&p, "# machine: A<B> & \xc3\xa9\ne820 0x0 0x9efff 1\n");
    show_svg(&out, &p.result, &p.blanket, 1);
    out_print(&out, "%c", 0);
    assert_non_null(strstr(out.text, "<title>A&lt;B&gt; &amp; \?\?: physical memory, "));
    assert_non_null(strstr(out.text, ">A&lt;B&gt; &amp; \?\?</tspan>"));
    assert_null(strstr(out.text, "A<B>"));
    out_free(&out);
    end(&p);
}

static void longest_name_has_room(void **state)
{
    char name[SURVEY_NAME_MAX];
    char to[SVG_TEXT_MAX];

    (void)state;
    memset(name, '&', sizeof(name) - 1);
    name[sizeof(name) - 1] = 0;
    svg_text(to, name);
    assert_int_equal(strlen(to), 5 * (SURVEY_NAME_MAX - 1));
}

/* False: refused, for this reason. */
static bool parses(struct plan_options *options, const char *first, const char *second,
                   const char **reason)
{
    char words[3][32] = {"footing-plan"};
    char *argv[] = {words[0], words[1], words[2], NULL};
    const char *bad;

    snprintf(words[1], sizeof(words[1]), "%s", first);
    snprintf(words[2], sizeof(words[2]), "%s", second ? second : "");
    return plan_options_parse(options, second ? 3 : 2, argv, &bad, reason);
}

/* -h is --help; --guest takes three words. */
static void options_are_as_the_help_says(void **state)
{
    struct plan_options options;
    const char *reason;

    (void)state;
    assert_true(parses(&options, "-h", NULL, &reason) && options.help);
    assert_int_equal(options.guest, GUEST_BY_INPUT);
    assert_true(parses(&options, "--guest", "no", &reason) && !options.help);
    assert_int_equal(options.guest, GUEST_NO);
    assert_true(parses(&options, "--guest=no", "--guest=yes", &reason));
    assert_int_equal(options.guest, GUEST_YES);
    assert_true(parses(&options, "--guest=auto", NULL, &reason));
    assert_int_equal(options.guest, GUEST_BY_INPUT);
    assert_false(parses(&options, "--guest=maybe", NULL, &reason));
    assert_string_equal(reason, "should be auto, yes or no");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_blanket_reaches_behind_ram_is_drawn),
        cmocka_unit_test(every_picture_of_the_corpus_draws_what_it_counts),
        cmocka_unit_test(machine_is_named),
        cmocka_unit_test(longest_name_has_room),
        cmocka_unit_test(options_are_as_the_help_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
