/* SPDX-License-Identifier: MIT */
#include "reference_config.h"

#include <stdlib.h>
#include <string.h>

#include "exact.h"
#include "reference_text.h"

static const char *const keys[CONFIG_KEYS] = {
    [CONFIG_DEFAULT] = "default", [CONFIG_CHAIN] = "chain",     [CONFIG_OPTIONS] = "options",
    [CONFIG_KERNEL] = "kernel",   [CONFIG_RAMDISK] = "ramdisk", [CONFIG_MODULE] = "module",
};

/* What the lines before have left behind. */
struct context {
    struct config_text section; /* at: null before the first one */
};

static struct config_text part(const char *from, const char *to)
{
    while (from < to && (*from == ' ' || *from == '\t'))
        from++;
    while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
        to--;
    return (struct config_text){from, (size_t)(to - from)};
}

static bool same(struct config_text a, const char *b, size_t len)
{
    return a.len == len && (len == 0 || memcmp(a.at, b, len) == 0);
}

static bool clean(const char *line, size_t len)
{
    uint32_t point;

    for (size_t at = 0; at < len;) {
        size_t step = reference_utf8(line + at, len - at, &point);

        if (step == 0 || (reference_control(point) && point != '\t'))
            return false;
        at += step;
    }
    return true;
}

/* False: the line says nothing to the outside; or else entry->result is set. */
static bool judge(struct context *context, struct reference_entry *entry)
{
    const char *end = entry->whole.at + entry->whole.len;
    const char *cut;
    struct config_text name;
    size_t key = 0;

    if (entry->whole.len == 0)
        return false;
    entry->result = CONFIG_BAD;
    if (*entry->whole.at == '[') {
        cut = memchr(entry->whole.at, ']', entry->whole.len);
        if (!cut || cut + 1 != end)
            return true;
        context->section = part(entry->whole.at + 1, cut);
        return context->section.len == 0;
    }
    cut = memchr(entry->whole.at, '=', entry->whole.len);
    if (!cut || !context->section.at)
        return true;
    name = part(entry->whole.at, cut);
    while (key < CONFIG_KEYS && !same(name, keys[key], strlen(keys[key])))
        key++;
    if (key == CONFIG_KEYS)
        return true;
    entry->key = (enum config_key)key;
    entry->value = part(cut + 1, end);
    entry->section = context->section;
    if (same(context->section, "global", 6) != (key == CONFIG_DEFAULT || key == CONFIG_CHAIN))
        return true;
    if (entry->value.len > 0 || key == CONFIG_OPTIONS)
        entry->result = CONFIG_ENTRY;
    return true;
}

struct reference_entry *reference_config(const char *text, size_t len, size_t *count)
{
    struct context context = {{NULL, 0}};
    struct reference_entry *entries;
    const char *end = text + len;
    const char *next = text;
    size_t lines = 1;
    unsigned number = 0;

    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    entries = calloc(lines + 1, sizeof(*entries));
    if (!entries)
        abort();
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        next += 3;
    for (*count = 0; *count == 0 || entries[*count - 1].result == CONFIG_ENTRY;) {
        struct reference_entry *entry = &entries[*count];
        const char *line = next;
        const char *stop = next < end ? memchr(next, '\n', (size_t)(end - next)) : NULL;
        const char *comment;

        if (next == end) {
            entry->result = CONFIG_END;
            ++*count;
            break;
        }
        next = stop ? stop + 1 : end;
        if (!stop)
            stop = end;
        else if (stop > line && stop[-1] == '\r')
            stop--;
        comment = stop > line ? memchr(line, '#', (size_t)(stop - line)) : NULL;
        entry->line = ++number;
        entry->whole = part(line, comment ? comment : stop);
        if (!clean(line, (size_t)(stop - line)))
            entry->result = CONFIG_BAD;
        else if (!judge(&context, entry))
            continue;
        ++*count;
    }
    return entries;
}

/* The same contents, out of the text itself. */
static bool is_part(struct config_text got, struct config_text wanted, const char *text, size_t len)
{
    if (!same(got, wanted.at, wanted.len))
        return false;
    return len == 0 || got.len == 0 || (got.at >= text && got.at + got.len <= text + len);
}

static bool is_reason(const char *why)
{
    for (const char *c = why; c && *c; c++) {
        if (*c < ' ' || *c > '~')
            return false;
    }
    return why && *why;
}

static const char *compare(const struct reference_entry *wanted, enum config_result result,
                           const struct config_entry *entry, const char *why, const char *text,
                           size_t len)
{
    if (result != wanted->result)
        return "the result";
    if (result == CONFIG_END)
        return NULL;
    if (entry->line != wanted->line)
        return "the line's number";
    if (!is_part(entry->whole, wanted->whole, text, len))
        return "the whole line";
    if (result == CONFIG_BAD)
        return is_reason(why) ? NULL : "the reason";
    if (!is_part(entry->section, wanted->section, text, len))
        return "the section";
    if (entry->key != wanted->key)
        return "the key";
    return is_part(entry->value, wanted->value, text, len) ? NULL : "the value";
}

const char *reference_config_differs(const char *text, size_t len)
{
    char *copy = exact_copy(text, len);
    struct config_reader reader;
    const char *differs = NULL;
    size_t count;
    struct reference_entry *wanted = reference_config(copy, len, &count);

    config_first(&reader, copy, len);
    for (size_t i = 0; !differs && i < count; i++) {
        /* The last answer is final: it comes again however often it is asked for. */
        for (unsigned times = i == count - 1 ? 3 : 1; !differs && times > 0; times--) {
            struct config_entry entry;
            const char *why = NULL;
            enum config_result result;

            memset(&entry, 0xa5, sizeof(entry));
            result = config_next(&reader, &entry, &why);
            differs = compare(&wanted[i], result, &entry, why, copy, len);
        }
    }
    if (!differs && memcmp(copy, text, len) != 0)
        differs = "the text, which was written to";
    free(wanted);
    exact_free(copy, len);
    return differs;
}
