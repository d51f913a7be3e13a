/* SPDX-License-Identifier: MIT */
/*
 * The readers of text of footing-plan: kernel logs and map files.
 *
 * Input: a byte, then text. If the byte is even the text is the input, and the
 * answer must be well formed, and the same with other line ends. If it is odd
 * the bytes say which lines a kernel printed, and the answer must be that.
 */
#include <stdarg.h>

#include "fuzz.h"
#include "read.h"
#include "survey.h"

#define MAX_LINES 64
#define MAX_TEXT  (MAX_LINES * 200)

static size_t lines_of(const char *text, size_t len)
{
    size_t lines = 1;

    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    return lines;
}

/* Read a copy that ends where its memory does; the answer holds what the headers say. */
static bool read_copy(struct survey *survey, struct input_error *error, const char *text,
                      size_t len)
{
    char *copy = fuzz_copy(text, len);
    bool good;

    *survey = (struct survey){0};
    *error = (struct input_error){.reason = NULL};
    good = read_text(survey, copy, len, error);
    memset(copy, 0xa5, len);
    free(copy);
    CHECK(good == !error->reason);
    CHECK(error->line <= lines_of(text, len) + 1); /* the end itself counts as one */
    CHECK(error->file[0] == '\0');
    CHECK(survey->count <= survey->max);
    CHECK(!good || survey->count > 0);
    CHECK(survey->mtrr.variable <= MTRR_MAX_VARIABLE);
    for (size_t i = 0; good && i < survey->count; i++) {
        CHECK((unsigned)survey->ranges[i].type < MEM_TYPES);
        CHECK(survey->ranges[i].source == survey->ranges[0].source);
    }
    for (unsigned i = 0; i < survey->mtrr.variable; i++)
        CHECK(((survey->mtrr.var[i].base | survey->mtrr.var[i].mask) & 0xfff) == 0);
    return good;
}

static void check_registers(const struct survey *survey)
{
    for (unsigned bits = 36; bits <= 52; bits += 16) {
        struct mtrr_state state = mtrr_registers(&survey->mtrr, bits);
        struct memtype_span span = memtype_span(&state, 0, 4096);

        CHECK(mtrr_verdict(&survey->mtrr) != NULL);
        CHECK(state.present == (strcmp(mtrr_verdict(&survey->mtrr), "used") == 0));
        CHECK(state.phys_bits == bits && span.end == 4096);
    }
}

static void check_same(const struct survey *a, const struct survey *b)
{
    CHECK(a->count == b->count);
    for (size_t i = 0; i < a->count; i++)
        CHECK(a->ranges[i].base == b->ranges[i].base && a->ranges[i].len == b->ranges[i].len &&
              a->ranges[i].type == b->ranges[i].type && a->ranges[i].source == b->ranges[i].source);
    CHECK(a->mtrr.has_default == b->mtrr.has_default && a->mtrr.has_fixed == b->mtrr.has_fixed);
    CHECK(a->mtrr.has_variable == b->mtrr.has_variable && a->mtrr.disabled == b->mtrr.disabled);
    CHECK(a->mtrr.default_type == b->mtrr.default_type);
    CHECK(memcmp(a->mtrr.fixed, b->mtrr.fixed, sizeof(a->mtrr.fixed)) == 0);
    CHECK(a->mtrr.variable == b->mtrr.variable);
    for (unsigned i = 0; i < a->mtrr.variable; i++)
        CHECK(a->mtrr.var[i].base == b->mtrr.var[i].base &&
              a->mtrr.var[i].mask == b->mtrr.var[i].mask &&
              a->mtrr.var[i].type == b->mtrr.var[i].type);
}

/* Any text: read it, and read it as it would come from DOS. */
static void check_text(const char *text, size_t len)
{
    struct survey survey;
    struct survey other;
    struct input_error error;
    struct input_error other_error;
    char *dos = malloc(2 * len + 1);
    size_t n = 0;
    bool good = read_copy(&survey, &error, text, len);

    if (!dos)
        exit(1);
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n')
            dos[n++] = '\r';
        dos[n++] = text[i];
    }
    CHECK(read_copy(&other, &other_error, dos, n) == good);
    CHECK(error.line == other_error.line);
    CHECK(error.reason == other_error.reason);
    if (good) {
        check_same(&survey, &other);
        check_registers(&survey);
    }
    free(dos);
    survey_free(&survey);
    survey_free(&other);
}

/* What a kernel would print, and what it then means. */
struct script {
    char text[MAX_TEXT];
    size_t len;
    struct survey wanted;
    struct raw_range ranges[MAX_LINES];
};

__attribute__((format(printf, 2, 3))) static void say(struct script *s, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    s->len += (size_t)vsnprintf(s->text + s->len, MAX_TEXT - s->len, format, arguments);
    va_end(arguments);
    CHECK(s->len < MAX_TEXT);
}

static const struct {
    const char *name;
    enum mem_type type;
} e820_names[] = {{"usable", MEM_USABLE},       {"reserved", MEM_RESERVED},
                  {"ACPI data", MEM_ACPI_DATA}, {"ACPI NVS", MEM_ACPI_NVS},
                  {"unusable", MEM_UNUSABLE},   {"persistent (type 7)", MEM_PERSISTENT},
                  {"type 20", MEM_RESERVED},    {"soft reserved", MEM_SOFT_RESERVED}};

static void say_range(struct script *s, struct bytes *in, unsigned form)
{
    uint64_t base = (uint64_t)take16(in) << (take8(in) % 32);
    uint64_t len = ((uint64_t)take16(in) << (take8(in) % 32)) + 1;
    unsigned kind = take8(in) % 8;
    const char *name = e820_names[kind].name;
    unsigned long long first = base;

    if (form == 0)
        say(s, "BIOS-e820: [mem 0x%016llx-0x%016llx] %s\n", first, first + len - 1, name);
    else if (form == 1)
        say(s, "BIOS-e820: %016llx - %016llx (%s)\n", first, first + len, name);
    else
        say(s, "BIOS-e820: %016llx @ %016llx (%s)\n", (unsigned long long)len, first, name);
    s->ranges[s->wanted.count++] =
        (struct raw_range){base, len, e820_names[kind].type, SOURCE_E820};
}

static void say_mtrr(struct script *s, struct bytes *in, unsigned n)
{
    static const char *const names[] = {"uncachable", "write-back", "write-through",
                                        "write-combining", "write-protect"};
    static const enum memtype types[] = {MEMTYPE_UC, MEMTYPE_WB, MEMTYPE_WT, MEMTYPE_WC,
                                         MEMTYPE_WP};
    unsigned kind = take8(in) % 5;
    uint64_t mask = UINT64_C(0xffffffffff) & -(UINT64_C(4096) << take8(in) % 24);
    uint64_t base = ((uint64_t)take16(in) << 20) & mask;

    say(s, "  %u base %010llX mask %010llX %s\n", n, (unsigned long long)base,
        (unsigned long long)mask, names[kind]);
    s->wanted.mtrr.var[n].base = base;
    s->wanted.mtrr.var[n].mask = mask;
    s->wanted.mtrr.var[n].type = types[kind];
    s->wanted.mtrr.variable = n + 1;
}

/* A log in this order: lists, then MTRRs, each line with what stands before it or not. */
static void check_script(struct bytes in)
{
    static struct script s;
    struct survey survey;
    struct input_error error;
    uint8_t flags = take8(&in);
    unsigned ranges = 1 + take8(&in) % 24;
    unsigned variable = take8(&in) % 12;

    memset(&s, 0, sizeof(s));
    s.wanted.ranges = s.ranges;
    say(&s, "[    0.000000] Linux version 6.1\n");
    for (unsigned i = 0; i < ranges; i++) {
        if (flags & 0x10)
            say(&s, "[    0.%06u] ", i);
        if (flags & 0x20)
            say(&s, "host kernel: ");
        say_range(&s, &in, flags % 3);
        if (flags & 0x40)
            say(&s, "some other line\n");
    }
    if (flags & 0x80)
        say(&s, "BIOS-provided physical RAM map:\n BIOS-e820: 0 - 1000 (usable)\n");
    if (variable > 0) {
        s.wanted.mtrr.has_default = true;
        s.wanted.mtrr.default_type = flags & 0x40 ? MEMTYPE_WB : MEMTYPE_UC;
        s.wanted.mtrr.has_variable = true;
        say(&s, "MTRR default type: %s\n", flags & 0x40 ? "write-back" : "uncachable");
        say(&s, "MTRR variable ranges enabled:\n");
        for (unsigned i = 0; i < variable; i++)
            say_mtrr(&s, &in, i);
        say(&s, "  %u disabled\n", variable);
    }
    if (!read_copy(&survey, &error, s.text, s.len))
        fprintf(stderr, "line %zu: %s\n%s", error.line, error.reason, s.text);
    CHECK(!error.reason);
    check_same(&survey, &s.wanted);
    check_registers(&survey);
    survey_free(&survey);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = {data, data + size};

    if (take8(&in) & 1)
        check_script(in);
    else
        check_text((const char *)in.at, (size_t)(in.end - in.at));
    return 0;
}
