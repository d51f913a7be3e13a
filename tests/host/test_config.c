/* SPDX-License-Identifier: MIT */
/* footing.cfg: what its lines say, and which of them cannot be read. */
#include "config.h"

#include "exact.h"
#include "reference_config.h"
#include "test.h"

/* The text that is read, an exact allocation, and where its reader is. */
static char *text;
static size_t text_len;
static struct config_reader reader;

static int drop_text(void **state)
{
    (void)state;
    if (text)
        exact_free(text, text_len);
    text = NULL;
    return 0;
}

static void start_bytes(const char *bytes, size_t len)
{
    drop_text(NULL);
    text = exact_copy(bytes, len);
    text_len = len;
    config_first(&reader, text, len);
}

static void start(const char *string)
{
    start_bytes(string, strlen(string));
}

static void is(struct config_text got, const char *wanted)
{
    if (!config_text_is(got, wanted) || got.len != strlen(wanted) ||
        memcmp(got.at, wanted, got.len) != 0)
        fail_msg("\"%.*s\" is not \"%s\"", (int)got.len, got.at, wanted);
    if (got.len > 0)
        assert_true(got.at >= text && got.at + got.len <= text + text_len);
}

/* The next answer is this entry; what it is called is the value's line. */
static void entry(unsigned line, const char *section, enum config_key key, const char *value,
                  const char *whole)
{
    struct config_entry got;
    const char *why = "not said";

    if (config_next(&reader, &got, &why) != CONFIG_ENTRY)
        fail_msg("\"%s\" is not read: %s", whole, why);
    assert_int_equal(got.line, line);
    is(got.section, section);
    assert_int_equal(got.key, key);
    is(got.value, value);
    is(got.whole, whole);
}

/* From here on there is nothing, however often one asks. */
static void end(void)
{
    struct config_entry got;
    const char *why;

    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(config_next(&reader, &got, &why), CONFIG_END);
}

/* From here on it is bad, however often one asks; the reason. */
static const char *bad(unsigned line, const char *whole)
{
    const char *first = NULL;

    for (unsigned i = 0; i < 3; i++) {
        struct config_entry got;
        const char *why = NULL;

        if (config_next(&reader, &got, &why) != CONFIG_BAD)
            fail_msg("\"%s\" is not refused", whole);
        assert_int_equal(got.line, line);
        is(got.whole, whole);
        assert_non_null(why);
        assert_true(why[0] != '\0');
        if (first)
            assert_string_equal(why, first);
        first = why;
    }
    return first;
}

/* The header's own example reads as its comments say. */
static void example_of_the_header_is_read(void **state)
{
    (void)state;
    start("[global]                    # a comment, from any '#' to the end of its line\n"
          "default=debug\n"
          "chain=other.cfg\n"
          "[debug]\n"
          "options=loglevel=3          # a comment\n"
          "kernel=payload.elf quiet\n"
          "ramdisk=initrd.img\n"
          "module=disk.img writable\n");
    entry(2, "global", CONFIG_DEFAULT, "debug", "default=debug");
    entry(3, "global", CONFIG_CHAIN, "other.cfg", "chain=other.cfg");
    entry(5, "debug", CONFIG_OPTIONS, "loglevel=3", "options=loglevel=3");
    entry(6, "debug", CONFIG_KERNEL, "payload.elf quiet", "kernel=payload.elf quiet");
    entry(7, "debug", CONFIG_RAMDISK, "initrd.img", "ramdisk=initrd.img");
    entry(8, "debug", CONFIG_MODULE, "disk.img writable", "module=disk.img writable");
    end();
}

/* A text that says nothing has no entries, and no mistakes. */
static void texts_that_say_nothing_have_no_entries(void **state)
{
    static const char *const nothing[] = {"",
                                          "\n",
                                          "\r\n",
                                          "\n\n\r\n",
                                          " ",
                                          "\t",
                                          " \t \n",
                                          "#",
                                          "# \xe2\x82\xac",
                                          "#\r\n#",
                                          "[a]",
                                          "[a]\n",
                                          "[a]#",
                                          "\xef\xbb\xbf",
                                          "\xef\xbb\xbf\n",
                                          "[global]",
                                          " [a] #",
                                          "[a]\n[b]\n[a]"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(nothing); i++) {
        start(nothing[i]);
        end();
    }
}

/* A line ends with LF, CR LF or the text, all of them in one text too. */
static void lines_end_in_three_ways(void **state)
{
    (void)state;
    start("[a]\r\nkernel=b\nmodule=c\r\n\r\n\nramdisk=d");
    entry(2, "a", CONFIG_KERNEL, "b", "kernel=b");
    entry(3, "a", CONFIG_MODULE, "c", "module=c");
    entry(6, "a", CONFIG_RAMDISK, "d", "ramdisk=d");
    end();
    start("[a]\nkernel=b\r\n");
    entry(2, "a", CONFIG_KERNEL, "b", "kernel=b");
    end();
}

/* Blanks around lines, names, keys and values do not count; inside they do. */
static void blanks_around_do_not_count(void **state)
{
    (void)state;
    start(" \t[\t a  b \t] \t\n \tkernel \t=\t x \t y \t \r\n\toptions=\t\n  module\t= z");
    entry(2, "a  b", CONFIG_KERNEL, "x \t y", "kernel \t=\t x \t y");
    entry(3, "a  b", CONFIG_OPTIONS, "", "options=");
    entry(4, "a  b", CONFIG_MODULE, "z", "module\t= z");
    end();
}

/* A comment begins at any '#', ends with its line, and takes the blanks before it along. */
static void comments_begin_at_any_hash(void **state)
{
    (void)state;
    start("#kernel=no\n[a]#]\nkernel=x#y\nmodule=x y \t# z # = [\n #\nramdisk=z#");
    entry(3, "a", CONFIG_KERNEL, "x", "kernel=x");
    entry(4, "a", CONFIG_MODULE, "x y", "module=x y");
    entry(6, "a", CONFIG_RAMDISK, "z", "ramdisk=z");
    end();
    start("[a#]");
    bad(1, "[a");
    start("[a]\nkernel#=x");
    bad(2, "kernel");
    start("[a]\nkernel= #x");
    bad(2, "kernel=");
}

/* A byte order mark is skipped at the start alone, and once. */
static void byte_order_mark_is_skipped_at_the_start(void **state)
{
    (void)state;
    start("\xef\xbb\xbf[a]\nkernel=x");
    entry(2, "a", CONFIG_KERNEL, "x", "kernel=x");
    end();
    start("\xef\xbb\xbf\xef\xbb\xbf[a]");
    bad(1, "\xef\xbb\xbf[a]");
    start(" \xef\xbb\xbf[a]");
    bad(1, "\xef\xbb\xbf[a]");
    start("[a]\n\xef\xbb\xbfkernel=x");
    bad(2, "\xef\xbb\xbfkernel=x");
    start("[a]\nkernel=\xef\xbb\xbf");
    entry(2, "a", CONFIG_KERNEL, "\xef\xbb\xbf", "kernel=\xef\xbb\xbf");
    start("\xef\xbb\xbfx");
    bad(1, "x");
    start("\xef\xbb");
    bad(1, "\xef\xbb");
    start("\xef\xbb\n");
    bad(1, "\xef\xbb");
}

/* A value is all that follows the first '='. */
static void first_equals_sign_cuts(void **state)
{
    (void)state;
    start("[a=b]\noptions==\nkernel=a=b=\noptions=[x]");
    entry(2, "a=b", CONFIG_OPTIONS, "=", "options==");
    entry(3, "a=b", CONFIG_KERNEL, "a=b=", "kernel=a=b=");
    entry(4, "a=b", CONFIG_OPTIONS, "[x]", "options=[x]");
    end();
}

/* Sections and values are UTF-8, of all lengths. */
static void texts_are_utf8(void **state)
{
    (void)state;
    start("[\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80]\nkernel=\xf4\x8f\xbf\xbf \xc2\xa0");
    entry(2, "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", CONFIG_KERNEL, "\xf4\x8f\xbf\xbf \xc2\xa0",
          "kernel=\xf4\x8f\xbf\xbf \xc2\xa0");
    end();
}

/* A section goes on where it is named again, and a key may come again. */
static void sections_go_on(void **state)
{
    (void)state;
    start("[a]\nmodule=x\n[b]\nmodule=y\n[a]\nmodule=x\n[global]\nchain=c\n[b]\nkernel=z\n"
          "kernel=z\n[global]\nchain=d");
    entry(2, "a", CONFIG_MODULE, "x", "module=x");
    entry(4, "b", CONFIG_MODULE, "y", "module=y");
    entry(6, "a", CONFIG_MODULE, "x", "module=x");
    entry(8, "global", CONFIG_CHAIN, "c", "chain=c");
    entry(10, "b", CONFIG_KERNEL, "z", "kernel=z");
    entry(11, "b", CONFIG_KERNEL, "z", "kernel=z");
    entry(13, "global", CONFIG_CHAIN, "d", "chain=d");
    end();
}

/* Each key has its place: default= and chain= in [global], the others in any other section. */
static void keys_have_their_sections(void **state)
{
    static const struct {
        const char *line;
        enum config_key key;
        bool global;
    } lines[] = {{"default=x", CONFIG_DEFAULT, true},  {"chain=x", CONFIG_CHAIN, true},
                 {"options=x", CONFIG_OPTIONS, false}, {"kernel=x", CONFIG_KERNEL, false},
                 {"ramdisk=x", CONFIG_RAMDISK, false}, {"module=x", CONFIG_MODULE, false},
                 {"options=", CONFIG_OPTIONS, false}};
    static const char *const sections[] = {"global",  "Global", "GLOBAL",  "globa",
                                           "global2", "x",      "default", "g\xc3\xb6"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        for (size_t s = 0; s < COUNT_OF(sections); s++) {
            char config[64];

            strcpy(config, "[");
            strcat(strcat(strcat(config, sections[s]), "]\n"), lines[i].line);
            start(config);
            if (lines[i].global == (s == 0))
                entry(2, sections[s], lines[i].key, strchr(lines[i].line, '=') + 1, lines[i].line);
            else
                bad(2, lines[i].line);
        }
        start(lines[i].line);
        bad(1, lines[i].line);
    }
}

/* A key is unknown unless it is one, byte by byte; the header has the words for that. */
static void unknown_keys_are_refused(void **state)
{
    static const char *const lines[] = {"kerne=x",   "kernels=x", "Kernel=x",         "KERNEL=x",
                                        "ker nel=x", "k=x",       "kernel\xc3\xa9=x", "video=x",
                                        "modul=",    "key=",      "kernel x=y"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        char config[64] = "[a]\n\n";

        start(strcat(config, lines[i]));
        assert_string_equal(bad(3, lines[i]), "unknown key");
    }
}

/* What is neither [section] nor key=value is refused, and so is half of either. */
static void other_lines_are_refused(void **state)
{
    static const char *const lines[] = {
        "[",        "]",      "[]",   "[ ]", "[\t]", "[b",   "b]", "[b]c",
        "[b] c",    "[b] []", "[b]]", "[[",  "x",    "=",    "=x", "kernel",
        "kernel x", "[b]=c",  "[a=b", ";x",  "//",   "\"\"", "==", "[b] kernel=x"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        char config[64] = "[a]\n\t ";

        start(strcat(strcat(config, lines[i]), " \nkernel=x"));
        bad(2, lines[i]);
        start(lines[i]);
        bad(1, lines[i]);
    }
}

/* Only options= may be without a value. */
static void empty_values_are_refused(void **state)
{
    static const char *const lines[] = {"default=", "chain=", "kernel=", "ramdisk=", "module ="};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        char config[64] = "";

        strcat(config, i < 2 ? "[global]\n" : "[a]\n");
        start(strcat(strcat(config, lines[i]), " \t# x\n"));
        bad(2, lines[i]);
    }
    start("[a]\noptions");
    bad(2, "options");
}

/* Put these bytes into each kind of line: entry, section, blank, comment, the end of it. */
static void refuse_everywhere(const char *bytes, size_t len)
{
    static const char *const lines[] = {"kernel=x@y", "@kernel=x",   "kernel@=x", "[b@]",
                                        "@[b]",       "[b]@",        "@",         " @ ",
                                        "#@",         "kernel=x #@", "kernel=x@"};

    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        const char *at = strchr(lines[i], '@');
        char config[64] = "[a]\nmodule=x\n";
        size_t used = strlen(config);
        const char *reason = NULL;
        struct config_entry got;

        memcpy(config + used, lines[i], (size_t)(at - lines[i]));
        used += (size_t)(at - lines[i]);
        memcpy(config + used, bytes, len);
        used += len;
        strcpy(config + used, at + 1);
        used += strlen(at + 1);
        for (unsigned tail = 0; tail < 3; tail++) {
            size_t size = used;

            if (tail > 0)
                config[size++] = tail == 1 ? 'z' : '\n';
            start_bytes(config, size);
            entry(2, "a", CONFIG_MODULE, "x", "module=x");
            if (config_next(&reader, &got, &reason) != CONFIG_BAD)
                fail_msg("%02x in \"%s\" is not refused", (uint8_t)bytes[0], lines[i]);
            assert_int_equal(got.line, 3);
            assert_null(reference_config_differs(config, size));
        }
    }
}

/* Unicode's control characters but the tab are refused wherever they stand, in comments too. */
static void control_characters_are_refused(void **state)
{
    (void)state;
    for (char c = 0; c < ' '; c++) {
        if (c != '\t' && c != '\n' && c != '\r')
            refuse_everywhere(&c, 1);
    }
    refuse_everywhere("\x7f", 1);
    refuse_everywhere("\xc2\x80", 2);
    refuse_everywhere("\xc2\x9f", 2);
}

/* A CR is no character of a line unless LF follows at once. */
static void lone_carriage_returns_are_refused(void **state)
{
    static const struct {
        const char *config;
        const char *whole;
    } lines[] = {{"kernel=x\ry", "kernel=x\ry"},
                 {"kernel=x\r\r\n", "kernel=x\r"},
                 {"kernel=x\r", "kernel=x\r"},
                 {"kernel=x\r \n", "kernel=x\r"},
                 {"\r", "\r"},
                 {"\r\r\n", "\r"},
                 {"\rkernel=x", "\rkernel=x"},
                 {"#\r", ""},
                 {"kernel=x # \ry\r\n", "kernel=x"}};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        char config[64] = "[a]\r\n";

        start(strcat(config, lines[i].config));
        bad(2, lines[i].whole);
    }
}

/* Bytes that are not UTF-8 are refused wherever they stand, in comments too. */
static void bytes_that_are_not_utf8_are_refused(void **state)
{
    static const char *const bytes[] = {"\x80", "\xbf",     "\xc0\xaf",     "\xc3",
                                        "\xff", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                        "\xf5", "\xfe",     "\xf0\x9f\x98", "\xe0\x80\x80"};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bytes); i++)
        refuse_everywhere(bytes[i], strlen(bytes[i]));
}

/* A sequence does not go on behind its line's end. */
static void line_ends_cut_sequences(void **state)
{
    (void)state;
    start("[a]\nkernel=\xe2\x82\n\xac");
    bad(2, "kernel=\xe2\x82");
    start("[a]\n#\xc3\r\nkernel=x");
    bad(2, "");
}

/* What stands before a bad line is read, and what stands behind it never. */
static void bad_line_is_as_far_as_it_goes(void **state)
{
    (void)state;
    start("[a]\nkernel=x\n\nfoo\nkernel=y\n");
    entry(2, "a", CONFIG_KERNEL, "x", "kernel=x");
    bad(4, "foo");
    start("[a]\nkernel=x\n[]\nkernel=y\n");
    entry(2, "a", CONFIG_KERNEL, "x", "kernel=x");
    bad(3, "[]");
}

/* A configuration of the greatest size is read to its end, in one line or in as many as fit. */
static void largest_configuration_is_read(void **state)
{
    static char config[CONFIG_MAX_BYTES];
    struct config_entry got;
    const char *why;

    (void)state;
    memset(config, 'x', sizeof(config));
    memcpy(config, "[a]\nkernel=", 11);
    start_bytes(config, sizeof(config));
    assert_int_equal(config_next(&reader, &got, &why), CONFIG_ENTRY);
    assert_int_equal(got.value.len, sizeof(config) - 11);
    end();
    memset(config, '\n', sizeof(config));
    memcpy(config, "[a]", 3);
    memcpy(config + sizeof(config) - 8, "kernel=x", 8);
    start_bytes(config, sizeof(config));
    entry(CONFIG_MAX_BYTES - 10, "a", CONFIG_KERNEL, "x", "kernel=x");
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example_of_the_header_is_read),
        cmocka_unit_test(texts_that_say_nothing_have_no_entries),
        cmocka_unit_test(lines_end_in_three_ways),
        cmocka_unit_test(blanks_around_do_not_count),
        cmocka_unit_test(comments_begin_at_any_hash),
        cmocka_unit_test(byte_order_mark_is_skipped_at_the_start),
        cmocka_unit_test(first_equals_sign_cuts),
        cmocka_unit_test(texts_are_utf8),
        cmocka_unit_test(sections_go_on),
        cmocka_unit_test(keys_have_their_sections),
        cmocka_unit_test(unknown_keys_are_refused),
        cmocka_unit_test(other_lines_are_refused),
        cmocka_unit_test(empty_values_are_refused),
        cmocka_unit_test(control_characters_are_refused),
        cmocka_unit_test(lone_carriage_returns_are_refused),
        cmocka_unit_test(bytes_that_are_not_utf8_are_refused),
        cmocka_unit_test(line_ends_cut_sequences),
        cmocka_unit_test(bad_line_is_as_far_as_it_goes),
        cmocka_unit_test(largest_configuration_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, drop_text);
}
