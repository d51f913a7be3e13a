/* SPDX-License-Identifier: MIT */
/* The command line. Sizes on their own are in test_options_size.c. */
#include "options.h"

#include <stdio.h>

#include "console.h"
#include "random.h"
#include "test.h"

/* The line that was parsed last: an exact allocation, which the options point into. */
static char *line;
static size_t line_len;

static struct error parse(struct options *options, const char *text)
{
    free(line);
    line_len = strlen(text);
    line = malloc(line_len + 1);
    assert_non_null(line);
    memcpy(line, text, line_len + 1);
    *options = options_default();
    return options_parse(options, line);
}

/* Parse a line that is good. */
static struct options good(const char *text)
{
    struct options options;
    struct error err = parse(&options, text);

    if (err.code != ERR_NONE)
        fail_msg("\"%s\" is refused: %s", text, err.text);
    return options;
}

/* Parse a line that is bad because of this option in it. */
static struct options bad(const char *text, const char *option)
{
    struct options options;
    struct error err = parse(&options, text);

    if (err.code != ERR_OPTION)
        fail_msg("\"%s\" is not refused", text);
    assert_non_null(err.text);
    assert_string_equal(err.text, option);
    return options;
}

static void same(const struct options *a, const struct options *b)
{
    assert_int_equal(a->consoles, b->consoles);
    assert_int_equal(a->com1_baud, b->com1_baud);
    assert_int_equal(a->com2_baud, b->com2_baud);
    assert_int_equal(a->max_level, b->max_level);
    assert_int_equal(a->loglevel, b->loglevel);
    assert_int_equal(a->la57, b->la57);
    assert_int_equal(a->scrub, b->scrub);
    assert_int_equal(a->then, b->then);
    assert_int_equal(a->directmap, b->directmap);
    assert_int_equal(a->foreign, b->foreign);
    assert_int_equal(a->ram_limit, b->ram_limit);
    assert_string_equal(a->payload, b->payload);
}

/* Without options, everything is as the headers say it is by default. */
static void defaults_are_those_of_the_headers(void **state)
{
    struct options options = options_default();

    (void)state;
    assert_int_equal(options.consoles, CONSOLE_DEFAULT);
    assert_int_equal(options.com1_baud, CONSOLE_BAUD);
    assert_int_equal(options.com2_baud, CONSOLE_BAUD);
    assert_int_equal(options.max_level, 2);
    assert_int_equal(options.loglevel, LOG_MAP);
    assert_int_equal(options.la57, LA57_AUTO);
    assert_int_equal(options.scrub, SCRUB_OFF);
    assert_int_equal(options.then, THEN_PAYLOAD);
    assert_true(options.directmap);
    assert_int_equal(options.foreign, 0);
    assert_int_equal(options.ram_limit, UINT64_MAX);
    assert_string_equal(options.payload, "");
}

/* A line without options changes nothing. */
static void empty_line_changes_nothing(void **state)
{
    static const char *const empty[] = {"", " ", "\t", "   \t \t  "};
    struct options wanted = options_default();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(empty); i++) {
        struct options options = good(empty[i]);

        same(&options, &wanted);
    }
}

/* Each value of each option that is a word. */
static void every_word_has_its_meaning(void **state)
{
    (void)state;
    assert_int_equal(good("maxpage=4k").max_level, 0);
    assert_int_equal(good("maxpage=2m").max_level, 1);
    assert_int_equal(good("maxpage=1g").max_level, 2);
    assert_int_equal(good("maxpage=4K").max_level, 0);
    assert_int_equal(good("maxpage=2M").max_level, 1);
    assert_int_equal(good("maxpage=1G").max_level, 2);
    assert_int_equal(good("la57=auto").la57, LA57_AUTO);
    assert_int_equal(good("la57=on").la57, LA57_ON);
    assert_int_equal(good("la57=off").la57, LA57_OFF);
    assert_int_equal(good("directmap=on").directmap, true);
    assert_int_equal(good("directmap=off").directmap, false);
    assert_int_equal(good("scrub=off").scrub, SCRUB_OFF);
    assert_int_equal(good("scrub=on").scrub, SCRUB_ON);
    assert_int_equal(good("scrub=verify").scrub, SCRUB_VERIFY);
    assert_int_equal(good("loglevel=0").loglevel, 0);
    assert_int_equal(good("loglevel=1").loglevel, 1);
    assert_int_equal(good("loglevel=2").loglevel, 2);
    assert_int_equal(good("loglevel=3").loglevel, 3);
    assert_false(good("").then_given);
    assert_true(good("then=payload").then_given);
    assert_int_equal(good("then=payload").then, THEN_PAYLOAD);
    assert_int_equal(good("then=halt").then, THEN_HALT);
    assert_int_equal(good("then=exit").then, THEN_EXIT);
    assert_int_equal(good("then=reboot").then, THEN_REBOOT);
}

/* Sizes reach the option that they were given to, and no other. */
static void sizes_reach_their_option(void **state)
{
    (void)state;
    assert_int_equal(good("mem=4G").ram_limit, G(4));
    assert_int_equal(good("mem=4G").foreign, 0);
    assert_int_equal(good("foreign=0x10000000").foreign, 0x10000000);
    assert_int_equal(good("foreign=1g").foreign, G(1));
    assert_int_equal(good("foreign=1g").ram_limit, UINT64_MAX);
}

/* One option changes its own field alone. */
static void options_are_independent(void **state)
{
    struct options wanted = options_default();
    struct options options = good("la57=on");

    (void)state;
    wanted.la57 = LA57_ON;
    same(&options, &wanted);
    options = good("la57=on scrub=verify then=exit maxpage=2m loglevel=3 directmap=off mem=3M "
                   "foreign=5T");
    wanted.scrub = SCRUB_VERIFY;
    wanted.then = THEN_EXIT;
    wanted.max_level = 1;
    wanted.loglevel = 3;
    wanted.directmap = false;
    wanted.ram_limit = M(3);
    wanted.foreign = T(5);
    same(&options, &wanted);
}

/* Of two options of one name the later one holds, also if it restores the default. */
static void later_option_overrides(void **state)
{
    (void)state;
    assert_int_equal(good("maxpage=4k maxpage=2m").max_level, 1);
    assert_int_equal(good("maxpage=4k maxpage=1g").max_level, 2);
    assert_int_equal(good("la57=on la57=off la57=auto").la57, LA57_AUTO);
    assert_int_equal(good("scrub=verify scrub=on").scrub, SCRUB_ON);
    assert_int_equal(good("then=halt then=exit then=halt").then, THEN_HALT);
    assert_int_equal(good("directmap=off directmap=on").directmap, true);
    assert_int_equal(good("mem=4G foreign=1M mem=5G").ram_limit, G(5));
    assert_int_equal(good("loglevel=3 loglevel=0").loglevel, 0);
}

/* Each console= adds a device, "none" takes all away. */
static void consoles_add_up(void **state)
{
    static const struct {
        const char *text;
        unsigned consoles;
    } lines[] = {
        {"console=com1", CONSOLE_COM1},
        {"console=com2", CONSOLE_COM2},
        {"console=vga", CONSOLE_VGA},
        {"console=efi", CONSOLE_EFI},
        {"console=none", 0},
        {"console=com1 console=vga", CONSOLE_COM1 | CONSOLE_VGA},
        {"console=com2 console=efi console=com1", CONSOLE_COM1 | CONSOLE_COM2 | CONSOLE_EFI},
        {"console=vga console=vga", CONSOLE_VGA},
        {"console=com1,9600 then=halt console=vga", CONSOLE_COM1 | CONSOLE_VGA},
        {"console=com1,vga", CONSOLE_COM1 | CONSOLE_VGA},
        {"console=com2,9600,vga,efi", CONSOLE_COM2 | CONSOLE_VGA | CONSOLE_EFI},
        {"console=vga,com1 console=com2", CONSOLE_COM1 | CONSOLE_COM2 | CONSOLE_VGA},
        {"console=com1 console=none", 0},
        {"console=none console=com2", CONSOLE_COM2},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        assert_int_equal(good(lines[i].text).consoles, lines[i].consoles);
}

/* A serial port takes its rate after a comma; the other port keeps its own. */
static void serial_rate_follows_a_comma(void **state)
{
    static const uint32_t rates[] = {300, 1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rates); i++) {
        struct options options;
        char text[64];

        snprintf(text, sizeof(text), "console=com1,%u", (unsigned)rates[i]);
        options = good(text);
        assert_int_equal(options.consoles, CONSOLE_COM1);
        assert_int_equal(options.com1_baud, rates[i]);
        assert_int_equal(options.com2_baud, CONSOLE_BAUD);
        snprintf(text, sizeof(text), "console=com2,%u", (unsigned)rates[i]);
        options = good(text);
        assert_int_equal(options.consoles, CONSOLE_COM2);
        assert_int_equal(options.com1_baud, CONSOLE_BAUD);
        assert_int_equal(options.com2_baud, rates[i]);
    }
    assert_int_equal(good("console=com1,9600 console=com1,19200").com1_baud, 19200);
}

/* A rate that does not divide 115200 is none that the port can have, and others have none. */
static void bad_consoles_are_refused(void **state)
{
    static const char *const lines[] = {"console",
                                        "console=",
                                        "console=com",
                                        "console=com3",
                                        "console=com11",
                                        "console=vgaa",
                                        "console=com1,",
                                        "console=com1,0",
                                        "console=com1,9601",
                                        "console=com1,7",
                                        "console=com1,96x",
                                        "console=com1,-9600",
                                        "console=com2,115201",
                                        "console=com2,230400",
                                        "console=vga,9600",
                                        "console=none,9600",
                                        "console=com1,9600,",
                                        "console=com1,4294976896"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        bad(lines[i], lines[i]);
}

/* Names must be whole, values must be whole, and both must be there. */
static void unknown_options_and_values_are_refused(void **state)
{
    static const char *const lines[] = {"quiet",
                                        "maxpag=4k",
                                        "maxpages=4k",
                                        "maxpage",
                                        "maxpage=",
                                        "maxpage=8k",
                                        "maxpage=4kk",
                                        "maxpage=4",
                                        "la57=",
                                        "la57=yes",
                                        "la57=autox",
                                        "la57=of",
                                        "directmap=1",
                                        "directmap=onn",
                                        "scrub=verif",
                                        "scrub=no",
                                        "then=panic",
                                        "then=halted",
                                        "then",
                                        "loglevel=4",
                                        "loglevel=-1",
                                        "loglevel=",
                                        "loglevel=2x",
                                        "loglevel=12",
                                        "loglevel=4294967296",
                                        "mem=",
                                        "mem=0",
                                        "mem=4X",
                                        "mem=lots",
                                        "mem",
                                        "foreign=",
                                        "foreign=1GG",
                                        "foreign=-1",
                                        "=",
                                        "=on",
                                        "-",
                                        "--x",
                                        "---",
                                        "la57==on",
                                        "then=halt,exit"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        bad(lines[i], lines[i]);
}

/* The text is the bad option alone, wherever it stands, and what stood before holds. */
static void bad_option_is_named_and_earlier_ones_hold(void **state)
{
    struct options options = bad("then=halt console=com2,9600 maxpage=3m loglevel=1", "maxpage=3m");

    (void)state;
    assert_int_equal(options.then, THEN_HALT);
    assert_int_equal(options.consoles, CONSOLE_COM2);
    assert_int_equal(options.com2_baud, 9600);
    assert_int_equal(options.max_level, 2);
    bad("\tquiet\t", "quiet");
    bad("  quiet splash", "quiet");
    assert_int_equal(bad("mem=1G mem=0", "mem=0").ram_limit, G(1));
}

/* A bad value leaves the one that an earlier option of its name set. */
static void bad_value_leaves_the_earlier_one(void **state)
{
    static const struct {
        const char *good;
        const char *bad;
    } pairs[] = {{"maxpage=2m", "maxpage=2g"},
                 {"la57=off", "la57=no"},
                 {"la57=on", "la57="},
                 {"directmap=off", "directmap=maybe"},
                 {"scrub=on", "scrub="},
                 {"scrub=verify", "scrub=verify2"},
                 {"then=halt", "then=panic"},
                 {"then=exit", "then"},
                 {"loglevel=3", "loglevel=4"},
                 {"loglevel=0", "loglevel="},
                 {"mem=4G", "mem=0"},
                 {"mem=4G", "mem=1X"},
                 {"foreign=1G", "foreign=16777216T"},
                 {"console=com2", "console=com3"},
                 {"console=com1,9600", "console=com1,9601"},
                 {"console=none", "console="}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        struct options wanted = good(pairs[i].good);
        struct options options;
        char text[128];

        snprintf(text, sizeof(text), "%s %s", pairs[i].good, pairs[i].bad);
        options = bad(text, pairs[i].bad);
        same(&options, &wanted);
    }
}

/* Blanks are spaces and tabs, any number of them, anywhere around options. */
static void blanks_and_tabs_separate(void **state)
{
    struct options wanted = good("then=exit loglevel=1 mem=1M");
    struct options options = good("  then=exit\tloglevel=1 \t \t  mem=1M\t ");

    (void)state;
    same(&options, &wanted);
    options = good("\tthen=exit\t\tloglevel=1\tmem=1M");
    same(&options, &wanted);
}

/* What follows "--" is the payload's, as it stands, and is not looked at. */
static void rest_is_the_payloads(void **state)
{
    static const struct {
        const char *text;
        const char *payload;
    } lines[] = {
        {"-- quiet", "quiet"},
        {"then=halt -- then=exit", "then=exit"},
        {"then=halt\t--\tx", "x"},
        {"then=halt -- a  b\tc=\"d e\" ", "a  b\tc=\"d e\" "},
        {"then=halt -- a -- b", "a -- b"},
        {"-- --", "--"},
        {"--", ""},
        {"then=halt --", ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct options options = good(lines[i].text);

        assert_string_equal(options.payload, lines[i].payload);
        if (options.payload[0] != '\0')
            assert_true(options.payload > line && options.payload < line + line_len);
        assert_int_equal(options.then, lines[i].text[0] == '-' ? THEN_PAYLOAD : THEN_HALT);
    }
}

/* A "--" inside an option is no separator. */
static void dashes_inside_an_option_are_its_own(void **state)
{
    (void)state;
    bad("then=--", "then=--");
    bad("a-- -- b", "a--");
}

/* A bad option before "--" is refused whatever follows. */
static void dashes_excuse_nothing_before_them(void **state)
{
    (void)state;
    bad("quiet -- then=halt", "quiet");
}

/* A line of random pieces is parsed within its bounds, and a refusal names a piece of it. */
static void random_lines_stay_within_bounds(void **state)
{
    static const char *const pieces[] = {"console", "=",    "com1",      ",",   "9600",      "none",
                                         " ",       " ",    "\t",        "--",  "maxpage",   "4k",
                                         "la57",    "on",   "off",       "mem", "4G",        "0x",
                                         "0",       "\x80", "then=halt", "=",   "loglevel=3"};
    struct rng rng;

    (void)state;
    rng_start(&rng, "random_lines_stay_within_bounds");
    for (unsigned round = 0; round < 20000; round++) {
        struct options options;
        struct error err;
        char text[256] = "";

        for (uint64_t n = rng_below(&rng, 20); n > 0; n--)
            strcat(text, pieces[rng_below(&rng, COUNT_OF(pieces))]);
        err = parse(&options, text);
        if (err.code == ERR_NONE)
            continue;
        assert_int_equal(err.code, ERR_OPTION);
        assert_true(err.text[0] != '\0');
        assert_null(strpbrk(err.text, " \t"));
        assert_non_null(strstr(text, err.text));
    }
}

static int drop_line(void **state)
{
    (void)state;
    free(line);
    line = NULL;
    return 0;
}

/* What is said of an option that is refused: what it takes, what may be meant, or what there is. */
static void advice_says_what_is_allowed(void **state)
{
    static const char all[] =
        ": Footing's options are console= maxpage= mem= scrub= loglevel= then= la57= directmap= "
        "foreign=; the payload's own words come after --";
    static const struct {
        const char *option;
        const char *words; /* null: those for what is no option at all */
    } lines[] = {
        {"maxpage=3m", "maxpage=3m: maxpage= takes 4k, 2m or 1g"},
        {"maxpage=", "maxpage=: maxpage= takes 4k, 2m or 1g"},
        {"mem=lots",
         "mem=lots: mem= takes a size: decimal or 0x, then K, M, G, T or nothing, not 0"},
        {"foreign=0",
         "foreign=0: foreign= takes a size: decimal or 0x, then K, M, G, T or nothing, "
         "not 0"},
        {"scrub=yes", "scrub=yes: scrub= takes off, on or verify"},
        {"loglevel=4", "loglevel=4: loglevel= takes 0, 1, 2 or 3"},
        {"then=stop", "then=stop: then= takes payload, halt, exit or reboot"},
        {"la57=5", "la57=5: la57= takes auto, on or off"},
        {"directmap=1", "directmap=1: directmap= takes on or off"},
        {"console=lpt1", "console=lpt1: console= takes com1, com2 (each with ,BAUD, which divides "
                         "115200), vga, efi or none, several after commas"},
        /* a character too few, too many, another; two exchanged; case */
        {"maxpag=2m", "maxpag=2m: perhaps maxpage= is meant, which takes 4k, 2m or 1g"},
        {"maxpage", "maxpage: perhaps maxpage= is meant, which takes 4k, 2m or 1g"},
        {"scrubb=on", "scrubb=on: perhaps scrub= is meant, which takes off, on or verify"},
        {"loglevel:3", NULL},
        {"la75=on", "la75=on: perhaps la57= is meant, which takes auto, on or off"},
        {"la56=on", "la56=on: perhaps la57= is meant, which takes auto, on or off"},
        {"LogLevel=3", "LogLevel=3: perhaps loglevel= is meant, which takes 0, 1, 2 or 3"},
        {"THEN=halt",
         "THEN=halt: perhaps then= is meant, which takes payload, halt, exit or reboot"},
        {"quiet", NULL},
        {"root=/dev/sda1", NULL},
        {"logelvle=3", NULL},
        {"=", NULL},
        {"-", NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        const char *advice = options_advice(lines[i].option);
        size_t len = strlen(lines[i].option);

        if (lines[i].words) {
            assert_string_equal(advice, lines[i].words);
        } else {
            assert_memory_equal(advice, lines[i].option, len);
            assert_string_equal(advice + len, all);
        }
    }
}

/* Whatever was given, the line has its length, and upsets no terminal. */
static void advice_quotes_no_more_than_a_line(void **state)
{
    static char option[4096];

    (void)state;
    for (size_t len = 1; len < sizeof(option); len = len * 3 + 1) {
        const char *advice;

        memset(option, 'x', len);
        option[len / 2] = '\033';
        option[len] = '\0';
        advice = options_advice(option);
        assert_true(strlen(advice) < 300);
        assert_null(strchr(advice, '\033'));
        assert_non_null(strstr(advice, "come after --"));
        if (len > 120)
            assert_non_null(strstr(advice, "x...: "));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_headers),
        cmocka_unit_test(empty_line_changes_nothing),
        cmocka_unit_test(every_word_has_its_meaning),
        cmocka_unit_test(sizes_reach_their_option),
        cmocka_unit_test(options_are_independent),
        cmocka_unit_test(later_option_overrides),
        cmocka_unit_test(consoles_add_up),
        cmocka_unit_test(serial_rate_follows_a_comma),
        cmocka_unit_test(bad_consoles_are_refused),
        cmocka_unit_test(unknown_options_and_values_are_refused),
        cmocka_unit_test(bad_option_is_named_and_earlier_ones_hold),
        cmocka_unit_test(bad_value_leaves_the_earlier_one),
        cmocka_unit_test(blanks_and_tabs_separate),
        cmocka_unit_test(rest_is_the_payloads),
        cmocka_unit_test(dashes_inside_an_option_are_its_own),
        cmocka_unit_test(dashes_excuse_nothing_before_them),
        cmocka_unit_test(random_lines_stay_within_bounds),
        cmocka_unit_test(advice_says_what_is_allowed),
        cmocka_unit_test(advice_quotes_no_more_than_a_line),
    };

    return cmocka_run_group_tests(tests, NULL, drop_line);
}
