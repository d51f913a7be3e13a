/* SPDX-License-Identifier: MIT */
/* Lines kept for a screen that comes later: all of them, or the newest whole ones and their number. */
#include "backlog.h"
#include "random.h"
#include "test.h"

#define ONE_LOST "footing: screen: 1 earlier lines are not shown here\r\n"

static struct backlog backlog;
static char shown[4 * BACKLOG_BYTES];
static size_t nshown;

static void show(char c)
{
    assert_true(nshown < sizeof(shown) - 1);
    shown[nshown++] = c;
    shown[nshown] = '\0';
}

static const char *replay(void)
{
    nshown = 0;
    shown[0] = '\0';
    backlog_replay(&backlog, show);
    return shown;
}

static void put(const char *text)
{
    while (*text)
        backlog_put(&backlog, *text++);
}

/* What fits is shown as it came, once. */
static void what_fits_is_shown_once(void **state)
{
    (void)state;
    assert_string_equal(replay(), "");
    put("footing: one\r\nfooting: two\r\nthr");
    assert_string_equal(replay(), "footing: one\r\nfooting: two\r\nthr");
    assert_string_equal(replay(), "");
    put("again\n");
    assert_string_equal(replay(), "again\n");
}

/* To the last byte of room nothing is lost; with one more, one line is, and is counted. */
static void the_limit_is_exact(void **state)
{
    static char text[BACKLOG_BYTES + 2];

    (void)state;
    memset(text, 'a', sizeof(text));
    text[9] = '\n';
    text[BACKLOG_BYTES - 1] = '\n';
    text[BACKLOG_BYTES] = '\0';
    put(text);
    assert_string_equal(replay(), text);
    put(text);
    put("b");
    assert_int_equal(strncmp(replay(), ONE_LOST "a", sizeof(ONE_LOST)), 0);
    assert_int_equal(nshown, sizeof(ONE_LOST) - 1 + BACKLOG_BYTES - 10 + 1);
    assert_int_equal(shown[nshown - 1], 'b');
}

/* A line that is longer than the room is shown as far as it goes. */
static void a_line_without_end_is_shown(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2 * BACKLOG_BYTES; i++)
        backlog_put(&backlog, (char)('a' + i % 26));
    replay();
    assert_int_equal(nshown, sizeof(ONE_LOST) - 1 + BACKLOG_BYTES);
    assert_int_equal(shown[nshown - 1], 'a' + (2 * BACKLOG_BYTES - 1) % 26);
}

/* Random lines: what is shown is the end of what was put, in whole lines, and the rest is counted. */
static void random_lines_agree_with_the_whole_text(void **state)
{
    static char all[8 * BACKLOG_BYTES];
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 200; round++) {
        size_t want = rng_below(&rng, sizeof(all) - 200);
        size_t len = 0;
        size_t lines = 0;
        size_t from;

        while (len < want) {
            for (size_t n = rng_below(&rng, 150); n > 0; n--)
                all[len++] = 'x';
            all[len++] = '\n';
        }
        for (size_t i = 0; i < len; i++)
            backlog_put(&backlog, all[i]);
        from = len > BACKLOG_BYTES ? len - BACKLOG_BYTES : 0;
        while (from > 0 && from < len && all[from - 1] != '\n')
            from++;
        for (size_t i = 0; i < from; i++)
            lines += all[i] == '\n';
        all[len] = '\0';
        replay();
        if (lines > 0) {
            char *end = NULL;

            assert_int_equal(strncmp(shown, "footing: screen: ", 17), 0);
            assert_int_equal(strtoul(shown + 17, &end, 10), lines);
            assert_string_equal(strchr(end, '\n') + 1, all + from);
        } else {
            assert_string_equal(shown, all);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_is_shown_once),
        cmocka_unit_test(the_limit_is_exact),
        cmocka_unit_test(a_line_without_end_is_shown),
        cmocka_unit_test(random_lines_agree_with_the_whole_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
