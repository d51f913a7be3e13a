/* SPDX-License-Identifier: MIT */
#include "options.h"

#include "console.h"
#include "io.h"
#include "print.h"
#include "text.h"
#include "words.h"

/* What a value may be: words that follow each other, each for its number, from 0 on. */
struct choices {
    const char *words;
    size_t size;
};
#define CHOICES(words) ((struct choices){words, sizeof(words)})

static const char page_sizes[] = "4k\0"
                                 "2m\0"
                                 "1g\0";
static const char switches[] = "off\0"
                               "on\0";
static const char la57_modes[] = "auto\0"
                                 "on\0"
                                 "off\0";
static const char scrub_modes[] = "off\0"
                                  "on\0"
                                  "verify\0";
static const char loglevels[] = "0\0"
                                "1\0"
                                "2\0"
                                "3\0";
static const char thens[] = "payload\0"
                            "halt\0"
                            "exit\0"
                            "reboot\0";
static const char devices[] = "com1\0"
                              "com2\0"
                              "vga\0"
                              "efi\0"; /* by the number of their bit */

_Static_assert(LA57_AUTO == 0 && LA57_ON == 1 && LA57_OFF == 2, "as in la57_modes");
_Static_assert(SCRUB_OFF == 0 && SCRUB_ON == 1 && SCRUB_VERIFY == 2, "as in scrub_modes");
_Static_assert(THEN_PAYLOAD == 0 && THEN_HALT == 1 && THEN_EXIT == 2 && THEN_REBOOT == 3,
               "as in thens");
_Static_assert(CONSOLE_COM1 == 1 && CONSOLE_COM2 == 2 && CONSOLE_VGA == 4 && CONSOLE_EFI == 8,
               "as in devices");

/* The options, and what is said of the values that each takes. */
enum option {
    OPTION_CONSOLE,
    OPTION_MAXPAGE,
    OPTION_MEM,
    OPTION_SCRUB,
    OPTION_LOGLEVEL,
    OPTION_THEN,
    OPTION_LA57,
    OPTION_DIRECTMAP,
    OPTION_FOREIGN,
    OPTIONS
};

#define TAKES_SIZE "a size: decimal or 0x, then K, M, G, T or nothing, not 0"

static const struct {
    const char *name;
    const char *takes;
} forms[OPTIONS] = {
    [OPTION_CONSOLE] = {"console=", "com1, com2 (each with ,BAUD, which divides 115200), vga, efi "
                                    "or none, several after commas"},
    [OPTION_MAXPAGE] = {"maxpage=", "4k, 2m or 1g"},
    [OPTION_MEM] = {"mem=", TAKES_SIZE},
    [OPTION_SCRUB] = {"scrub=", "off, on or verify"},
    [OPTION_LOGLEVEL] = {"loglevel=", "0, 1, 2 or 3"},
    [OPTION_THEN] = {"then=", "payload, halt, exit or reboot"},
    [OPTION_LA57] = {"la57=", "auto, on or off"},
    [OPTION_DIRECTMAP] = {"directmap=", "on or off"},
    [OPTION_FOREIGN] = {"foreign=", TAKES_SIZE},
};

struct options options_default(void)
{
    return (struct options){
        .consoles = CONSOLE_DEFAULT,
        .com1_baud = CONSOLE_BAUD,
        .com2_baud = CONSOLE_BAUD,
        .max_level = 2,
        .loglevel = LOG_MAP,
        .la57 = LA57_AUTO,
        .scrub = SCRUB_OFF,
        .then = THEN_PAYLOAD,
        .directmap = true,
        .foreign = 0,
        .ram_limit = UINT64_MAX,
        .payload = "",
    };
}

/* If text begins with prefix, what follows it; else null. */
static const char *after(const char *text, const char *prefix)
{
    while (*prefix != '\0') {
        if (*text++ != *prefix++)
            return NULL;
    }
    return text;
}

static bool equal(const char *a, const char *b)
{
    const char *rest = after(a, b);

    return rest && *rest == '\0';
}

static bool choose(struct choices choices, const char *word, unsigned *value)
{
    const char *choice;

    for (unsigned i = 0; (choice = word_at(choices.words, choices.size, i)) != NULL; i++) {
        if (equal(word, choice)) {
            *value = i;
            return true;
        }
    }
    return false;
}

/* The units of a page size may be capitals, as those of any size. */
static bool choose_page_size(const char *word, unsigned *level)
{
    char small[sizeof("4k")] = "";

    for (size_t i = 0; word[i] != '\0'; i++) {
        if (i + 1 == sizeof(small))
            return false;
        small[i] = text_lower(word[i]);
    }
    return choose(CHOICES(page_sizes), small, level);
}

static unsigned digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (unsigned)(c - 'a') + 10;
    if (c >= 'A' && c <= 'F')
        return (unsigned)(c - 'A') + 10;
    return 16;
}

/* Digits of the base; moves *text behind them. False: none, or more than 64 bits. */
static bool parse_digits(const char **text, unsigned base, uint64_t *value)
{
    const char *start = *text;

    *value = 0;
    for (; digit_value(**text) < base; (*text)++) {
        if (__builtin_mul_overflow(*value, (uint64_t)base, value) ||
            __builtin_add_overflow(*value, (uint64_t)digit_value(**text), value))
            return false;
    }
    return *text != start;
}

static unsigned unit_shift(char unit)
{
    switch (unit) {
    case 'k':
    case 'K':
        return 10;
    case 'm':
    case 'M':
        return 20;
    case 'g':
    case 'G':
        return 30;
    case 't':
    case 'T':
        return 40;
    default:
        return 0;
    }
}

bool options_parse_size(const char *text, uint64_t *size)
{
    const char *hex = after(text, "0x");
    uint64_t value;
    unsigned shift;

    if (hex)
        text = hex;
    if (!parse_digits(&text, hex ? 16 : 10, &value))
        return false;
    shift = unit_shift(*text);
    if (shift != 0)
        text++;
    if (*text != '\0' || value == 0 || value > UINT64_MAX >> shift)
        return false;
    *size = value << shift;
    return true;
}

/* A rate that the UART's clock divides into. */
static bool parse_baud(const char *text, uint32_t *baud)
{
    uint64_t value;

    if (!parse_digits(&text, 10, &value) || *text != '\0')
        return false;
    if (value < UART_MIN_BAUD || value > UART_CLOCK || UART_CLOCK % value != 0)
        return false;
    *baud = (uint32_t)value;
    return true;
}

/* One word of console=: a device, the rate of the device before it, or none so far. */
static bool console_word(struct options *options, unsigned *seen, const char *word, unsigned *last)
{
    if (*last == CONSOLE_COM1 && parse_baud(word, &options->com1_baud))
        return true;
    if (*last == CONSOLE_COM2 && parse_baud(word, &options->com2_baud))
        return true;
    if (equal(word, "none")) {
        *last = 0;
        *seen = 0;
        return true;
    }
    if (!choose(CHOICES(devices), word, last))
        return false;
    *last = 1u << *last;
    *seen |= *last;
    return true;
}

/* com1[,baud]|com2[,baud]|vga|efi|none, several after commas. */
static bool parse_console(struct options *options, unsigned *seen, const char *value)
{
    char word[16];
    unsigned last = 0;

    for (;;) {
        size_t len = 0;

        while (value[len] != '\0' && value[len] != ',') {
            if (len + 1 == sizeof(word))
                return false;
            word[len] = value[len];
            len++;
        }
        word[len] = '\0';
        if (!console_word(options, seen, word, &last))
            return false;
        if (value[len] == '\0')
            break;
        value += len + 1;
    }
    options->consoles = *seen;
    return true;
}

static bool parse_then(struct options *options, const char *value)
{
    unsigned chosen;

    if (!choose(CHOICES(thens), value, &chosen))
        return false;
    options->then = (enum option_then)chosen;
    options->then_given = true;
    return true;
}

/* Which option this is, and its value; OPTIONS: none. */
static enum option find_option(const char *text, const char **value)
{
    unsigned option = 0;

    while (option < OPTIONS && (*value = after(text, forms[option].name)) == NULL)
        option++;
    return (enum option)option;
}

/* seen: the devices that console= has named so far. */
static bool parse_one(struct options *options, unsigned *seen, const char *text)
{
    const char *value;
    unsigned chosen;

    switch (find_option(text, &value)) {
    case OPTION_CONSOLE:
        return parse_console(options, seen, value);
    case OPTION_MAXPAGE:
        return choose_page_size(value, &options->max_level);
    case OPTION_MEM:
        return options_parse_size(value, &options->ram_limit);
    case OPTION_SCRUB:
        return choose(CHOICES(scrub_modes), value, &chosen) &&
               (options->scrub = (enum option_scrub)chosen, true);
    case OPTION_LOGLEVEL:
        return choose(CHOICES(loglevels), value, &options->loglevel);
    case OPTION_THEN:
        return parse_then(options, value);
    case OPTION_LA57:
        return choose(CHOICES(la57_modes), value, &chosen) &&
               (options->la57 = (enum option_la57)chosen, true);
    case OPTION_DIRECTMAP:
        return choose(CHOICES(switches), value, &chosen) &&
               (options->directmap = chosen != 0, true);
    case OPTION_FOREIGN:
        return options_parse_size(value, &options->foreign);
    default:
        return false;
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

struct error options_parse(struct options *options, char *line)
{
    unsigned seen = 0;

    for (;;) {
        char *option;

        while (is_blank(*line))
            line++;
        if (*line == '\0')
            return SUCCESS;
        option = line;
        while (*line != '\0' && !is_blank(*line))
            line++;
        if (*line != '\0')
            *line++ = '\0';
        if (equal(option, "--")) {
            while (is_blank(*line))
                line++;
            options->payload = line;
            return SUCCESS;
        }
        if (!parse_one(options, &seen, option))
            return (struct error){.code = ERR_OPTION, .text = option};
    }
}

/* The part of an option that names it: up to its '=', which counts, or all of it. */
static size_t name_length(const char *text)
{
    size_t len = 0;

    while (text[len] != '\0' && text[len] != '=')
        len++;
    return text[len] == '=' ? len + 1 : len;
}

/* Is one the other, but for one character too many, too few or another, or two exchanged, or case? */
static bool is_near(const char *a, size_t alen, const char *b, size_t blen)
{
    while (alen > 0 && blen > 0 && text_lower(*a) == *b) {
        a++;
        b++;
        alen--;
        blen--;
    }
    while (alen > 0 && blen > 0 && text_lower(a[alen - 1]) == b[blen - 1]) {
        alen--;
        blen--;
    }
    if (alen == 2 && blen == 2)
        return text_lower(a[0]) == b[1] && text_lower(a[1]) == b[0];
    return alen <= 1 && blen <= 1;
}

/* The option that a text may have been meant for; OPTIONS: none. */
static enum option near_option(const char *text)
{
    size_t len = name_length(text);
    unsigned option = 0;

    while (option < OPTIONS &&
           !is_near(text, len, forms[option].name, text_len(forms[option].name)))
        option++;
    return (enum option)option;
}

const char *options_advice(const char *text)
{
    const char *said = quoted(text, text_len(text));
    const char *names = "";
    const char *value;
    enum option option = find_option(text, &value);

    if (option < OPTIONS)
        return message("%s: %s takes %s", said, forms[option].name, forms[option].takes);
    option = near_option(text);
    if (option < OPTIONS)
        return message("%s: perhaps %s is meant, which takes %s", said, forms[option].name,
                       forms[option].takes);
    for (unsigned i = 0; i < OPTIONS; i++)
        names = message("%s%s%s", names, i == 0 ? "" : " ", forms[i].name);
    return message("%s: Footing's options are %s; the payload's own words come after --", said,
                   names);
}

/* Where a payload's part begins: at its "--", or at the end. */
static size_t payload_part(const char *line, size_t len)
{
    for (size_t at = 0; at < len;) {
        size_t end;

        while (at < len && is_blank(line[at]))
            at++;
        for (end = at; end < len && !is_blank(line[end]);)
            end++;
        if (end == at + 2 && line[at] == '-' && line[at + 1] == '-')
            return at;
        at = end;
    }
    return len;
}

size_t options_own_length(const char *line, size_t len)
{
    len = payload_part(line, len);
    while (len > 0 && is_blank(line[len - 1]))
        len--;
    return len;
}

/* What is appended to a line, as far as there is room, and how long that would be. */
struct joint {
    char *line;
    size_t room;
    size_t len;
};

static void join(struct joint *joint, const char *text, size_t len)
{
    while (len > 0 && is_blank(text[len - 1]))
        len--;
    while (len > 0 && is_blank(*text)) {
        text++;
        len--;
    }
    if (len == 0)
        return;
    if (joint->len > 0 && joint->len++ < joint->room)
        joint->line[joint->len - 1] = ' ';
    for (size_t i = 0; i < len; i++) {
        if (joint->len++ < joint->room)
            joint->line[joint->len - 1] = text[i];
    }
}

size_t options_join(char *line, size_t room, const char *first, size_t len, const char *second)
{
    struct joint joint = {line, room, 0};
    size_t first_part = payload_part(first, len);
    size_t second_len = text_len(second);
    size_t second_part;

    second_part = payload_part(second, second_len);
    join(&joint, first, first_part);
    join(&joint, second, second_part);
    if (first_part < len || second_part < second_len)
        join(&joint, "--", 2);
    if (first_part < len)
        join(&joint, first + first_part + 2, len - first_part - 2);
    if (second_part < second_len)
        join(&joint, second + second_part + 2, second_len - second_part - 2);
    line[joint.len < room ? joint.len : 0] = '\0';
    return joint.len;
}
