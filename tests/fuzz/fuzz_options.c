/* SPDX-License-Identifier: MIT */
/*
 * The command line: a plain second reader, that knows the options from the
 * documentation, comes to the same settings or stops at the same word.
 *
 * Input: a line, up to its first zero; and the same bytes as a size.
 */
#include "console.h"
#include "fuzz.h"
#include "options.h"
#include "print.h"

#define LINE_MAX_LEN 4095

/* A number of at most 20 digits' worth, by 128-bit sums; false: it is none, or 0, or too large. */
static bool plain_size(const char *text, uint64_t *size)
{
    static const char units[] = "kKmMgGtT";
    static const char digits[] = "0123456789abcdef";
    unsigned base = strncmp(text, "0x", 2) == 0 ? 16 : 10;
    unsigned __int128 value = 0;
    size_t len = strlen(text);
    unsigned shift = 0;

    if (base == 16) {
        text += 2;
        len -= 2;
    }
    if (len > 0 && strchr(units, text[len - 1])) {
        shift = 10 * (1 + (unsigned)(strchr(units, text[len - 1]) - units) / 2);
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        char c = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] - 'A' + 'a') : text[i];
        const char *digit = strchr(digits, c);

        if (!digit || digit - digits >= (int)base)
            return false;
        value = value * base + (unsigned)(digit - digits);
        if (value >> 64)
            return false;
    }
    value <<= shift;
    *size = (uint64_t)value;
    return len > 0 && value != 0 && value >> 64 == 0;
}

/* Which of the words, separated by bars, this one is; -1: none of them. */
static int one_of(const char *word, const char *words)
{
    for (int i = 0;; i++) {
        size_t len = strcspn(words, "|");

        if (strlen(word) == len && memcmp(word, words, len) == 0)
            return i;
        if (words[len] == '\0')
            return -1;
        words += len + 1;
    }
}

static bool plain_rate(const char *word, uint32_t *rate)
{
    uint64_t value = 0;

    for (const char *c = word; *c; c++) {
        if (*c < '0' || *c > '9' || value > 115200)
            return false;
        value = value * 10 + (uint64_t)(*c - '0');
    }
    /* More than 15 digits are refused whatever they say. */
    if (strlen(word) > 15 || value == 0 || 115200 % value != 0 || value < 300)
        return false;
    *rate = (uint32_t)value;
    return true;
}

/* seen: what console= has named so far in the whole line. */
static bool plain_console(struct options *options, unsigned *seen, char *value)
{
    static const unsigned devices[] = {CONSOLE_COM1, CONSOLE_COM2, CONSOLE_VGA, CONSOLE_EFI};
    unsigned last = 0;

    for (char *next = value; next;) {
        char *word = next;
        int device;

        next = strchr(word, ',');
        if (next)
            *next++ = '\0';
        device = one_of(word, "com1|com2|vga|efi|none");
        if (device == 4) {
            *seen = last = 0;
        } else if (device >= 0) {
            last = devices[device];
            *seen |= last;
        } else if (last == CONSOLE_COM1 && plain_rate(word, &options->com1_baud)) {
            continue;
        } else if (last == CONSOLE_COM2 && plain_rate(word, &options->com2_baud)) {
            continue;
        } else {
            return false;
        }
    }
    options->consoles = *seen;
    return true;
}

static bool plain_option(struct options *options, unsigned *seen, char *word)
{
    char *value = strchr(word, '=');
    uint64_t size;
    int n;

    if (!value)
        return false;
    *value++ = '\0';
    switch (one_of(word, "console|maxpage|loglevel|foreign|mem|la57|scrub|then|directmap")) {
    case 0:
        return plain_console(options, seen, value);
    case 1:
        n = one_of(value, "4k|2m|1g|4K|2M|1G");
        n = n < 0 ? n : n % 3;
        options->max_level = n < 0 ? options->max_level : (unsigned)n;
        return n >= 0;
    case 2:
        n = one_of(value, "0|1|2|3");
        options->loglevel = n < 0 ? options->loglevel : (unsigned)n;
        return n >= 0;
    case 3:
        return plain_size(value, &size) && (options->foreign = size, true);
    case 4:
        return plain_size(value, &size) && (options->ram_limit = size, true);
    case 5:
        n = one_of(value, "auto|on|off");
        return n >= 0 && (options->la57 = (enum option_la57)n, true);
    case 6:
        n = one_of(value, "off|on|verify");
        return n >= 0 && (options->scrub = (enum option_scrub)n, true);
    case 7:
        n = one_of(value, "payload|halt|exit|reboot");
        return n >= 0 && (options->then = (enum option_then)n, true);
    case 8:
        n = one_of(value, "off|on");
        return n >= 0 && (options->directmap = n == 1, true);
    default:
        return false;
    }
}

/* Where the word stands at which it stops, or the line's end. */
static size_t plain_parse(struct options *options, char *line, size_t *payload)
{
    static const char blanks[] = " \t\n\r";
    size_t len = strlen(line);
    unsigned seen = 0;
    size_t at = 0;

    *payload = len;
    for (;;) {
        size_t end;

        at += strspn(line + at, blanks);
        if (at >= len)
            return len;
        end = at + strcspn(line + at, blanks);
        line[end] = '\0';
        if (strcmp(line + at, "--") == 0) {
            end += end < len;
            *payload = end + strspn(line + end, blanks);
            return len;
        }
        if (!plain_option(options, &seen, line + at))
            return at;
        at = end + 1 > len ? len : end + 1;
    }
}

static void check_same(const struct options *a, const struct options *b)
{
    CHECK(a->consoles == b->consoles);
    CHECK(a->com1_baud == b->com1_baud && a->com2_baud == b->com2_baud);
    CHECK(a->max_level == b->max_level && a->max_level <= 2);
    CHECK(a->loglevel == b->loglevel && a->loglevel <= 3);
    CHECK(a->la57 == b->la57 && a->scrub == b->scrub && a->then == b->then);
    CHECK(a->directmap == b->directmap);
    CHECK(a->foreign == b->foreign && a->ram_limit == b->ram_limit);
}

/* What stands before the word that was refused holds. */
static void check_before(const struct options *options, const char *text, size_t stop)
{
    struct options before = options_default();
    char *line = fuzz_copy(text, stop + 1);

    line[stop] = '\0';
    CHECK(options_parse(&before, line).code == ERR_NONE);
    if (strncmp(text + stop, "console=", 8) == 0) {
        /* A list that is refused half way may have set a rate. */
        before.com1_baud = options->com1_baud;
        before.com2_baud = options->com2_baud;
    }
    check_same(options, &before);
    free(line);
}

static void check_line(const char *text, size_t len)
{
    struct options options = options_default();
    struct options plain = options_default();
    char *line = fuzz_copy(text, len + 1);
    char *other = fuzz_copy(text, len + 1);
    struct error err = options_parse(&options, line);
    size_t payload;
    size_t stop = plain_parse(&plain, other, &payload);

    CHECK(err.code == (stop == len ? ERR_NONE : ERR_OPTION));
    CHECK(options_own_length(text, len) <= len);
    if (err.code) {
        const char *advice = options_advice(err.text);

        CHECK(err.text == line + stop);
        CHECK(strlen(advice) > 0 && strlen(advice) < MESSAGE_MAX - 1);
        check_before(&options, text, stop);
    } else {
        check_same(&options, &plain);
        CHECK(payload == len ? options.payload[0] == '\0' : options.payload == line + payload);
        CHECK(strcmp(options.payload, text + payload) == 0);
    }
    free(line);
    free(other);
}

static void check_size(const char *text, size_t len)
{
    char *copy = fuzz_copy(text, len + 1);
    uint64_t size = 7;
    uint64_t plain = 7;
    bool good = options_parse_size(copy, &size);

    CHECK(good == plain_size(copy, &plain));
    CHECK(!good || size == plain);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[LINE_MAX_LEN + 1];
    size_t len = size < LINE_MAX_LEN ? size : LINE_MAX_LEN;

    memcpy(text, data, len);
    text[len] = '\0';
    len = strlen(text);
    check_line(text, len);
    check_size(text, len);
    return 0;
}
