/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "text.h"

static const char neither[] = "neither [section] nor key=value";

static const char *const key_names[CONFIG_KEYS] = {
    [CONFIG_DEFAULT] = "default", [CONFIG_CHAIN] = "chain",     [CONFIG_OPTIONS] = "options",
    [CONFIG_KERNEL] = "kernel",   [CONFIG_RAMDISK] = "ramdisk", [CONFIG_MODULE] = "module",
};

bool config_text_is(struct config_text text, const char *word)
{
    size_t i = 0;

    while (i < text.len && word[i] != '\0' && text.at[i] == word[i])
        i++;
    return i == text.len && word[i] == '\0';
}

/* What is between the two, without the blanks around it. */
static struct config_text trimmed(const char *at, const char *end)
{
    while (at < end && text_is_blank(*at))
        at++;
    while (at < end && text_is_blank(end[-1]))
        end--;
    return (struct config_text){at, (size_t)(end - at)};
}

/* Where c first stands; end if it does not. */
static const char *find(const char *at, const char *end, char c)
{
    while (at < end && *at != c)
        at++;
    return at;
}

void config_first(struct config_reader *reader, const char *text, size_t len)
{
    bool marked = len >= 3 && config_text_is((struct config_text){text, 3}, "\xef\xbb\xbf");

    *reader = (struct config_reader){
        .at = marked ? text + 3 : text,
        .end = text + len,
        .line = 1,
    };
}

/* These three return what is wrong, or null. */
static const char *check_characters(const char *at, const char *end)
{
    uint32_t point;

    for (size_t step; at < end; at += step) {
        step = utf8_next(at, (size_t)(end - at), &point);
        if (step == 0)
            return "not UTF-8";
        if (text_is_control(point) && point != '\t')
            return "control character";
    }
    return NULL;
}

static const char *read_section(struct config_entry *entry)
{
    const char *end = entry->whole.at + entry->whole.len;
    const char *bracket = find(entry->whole.at, end, ']');

    if (bracket == end)
        return neither;
    if (bracket + 1 != end)
        return "text after the section's name";
    entry->section = trimmed(entry->whole.at + 1, bracket);
    return entry->section.len == 0 ? "empty section name" : NULL;
}

static const char *read_key(struct config_entry *entry)
{
    const char *end = entry->whole.at + entry->whole.len;
    const char *equals = find(entry->whole.at, end, '=');
    struct config_text name = trimmed(entry->whole.at, equals);
    unsigned key = 0;

    if (equals == end)
        return neither;
    while (key < CONFIG_KEYS && !config_text_is(name, key_names[key]))
        key++;
    if (key == CONFIG_KEYS)
        return "unknown key";
    if (entry->section.len == 0)
        return "key before the first section";
    if (config_text_is(entry->section, "global") != (key <= CONFIG_CHAIN))
        return key <= CONFIG_CHAIN ? "key of [global] elsewhere" : "key of a section in [global]";
    entry->key = (enum config_key)key;
    entry->value = trimmed(equals + 1, end);
    return entry->value.len == 0 && key != CONFIG_OPTIONS ? "empty value" : NULL;
}

/* The next line that is not empty; the key of one that begins a section is CONFIG_KEYS. */
static enum config_result next_line(struct config_reader *reader, struct config_entry *entry,
                                    const char **why)
{
    while (reader->at < reader->end) {
        const char *start = reader->at;
        const char *end = find(start, reader->end, '\n');
        const char *next = end < reader->end ? end + 1 : end;

        if (end < next && end > start && end[-1] == '\r')
            end--;
        *entry = (struct config_entry){
            .line = reader->line,
            .section = reader->section,
            .key = CONFIG_KEYS,
            .whole = trimmed(start, find(start, end, '#')),
        };
        *why = check_characters(start, end);
        if (!*why && entry->whole.len > 0)
            *why = *entry->whole.at == '[' ? read_section(entry) : read_key(entry);
        if (*why)
            return CONFIG_BAD;
        *reader = (struct config_reader){next, reader->end, reader->line + 1, entry->section};
        if (entry->whole.len > 0)
            return CONFIG_ENTRY;
    }
    return CONFIG_END;
}

enum config_result config_next(struct config_reader *reader, struct config_entry *entry,
                               const char **why)
{
    enum config_result result;

    do
        result = next_line(reader, entry, why);
    while (result == CONFIG_ENTRY && entry->key == CONFIG_KEYS);
    return result;
}

bool config_has_section(const char *text, size_t len, const char *name)
{
    struct config_reader reader;
    struct config_entry entry;
    const char *why;

    config_first(&reader, text, len);
    while (next_line(&reader, &entry, &why) == CONFIG_ENTRY) {
        if (config_text_is(entry.section, name))
            return true;
    }
    return false;
}

void config_split(struct config_text value, struct config_text *file, struct config_text *options)
{
    size_t cut = 0;
    size_t rest;

    while (cut < value.len && !text_is_blank(value.at[cut]))
        cut++;
    for (rest = cut; rest < value.len && text_is_blank(value.at[rest]);)
        rest++;
    *file = (struct config_text){value.at, cut};
    *options = (struct config_text){value.at + rest, value.len - rest};
}
