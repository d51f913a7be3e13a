/* SPDX-License-Identifier: MIT */
#include "reference_args.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "efi_args.h"
#include "exact.h"
#include "reference_text.h"

#define BLANKS  " \t"
#define DEFINED 0x1f0bu /* LOAD_OPTION_*, the bits that have a meaning */

/* The words of a line; each of them ends with a zero in copy. */
struct words {
    char *copy;
    size_t *at; /* of each word */
    size_t count;
    size_t tail; /* behind "--", or the line's end */
};

/* The text's units, without a zero; SIZE_MAX: it is none. */
static size_t text_units(const uint8_t *bytes, size_t size)
{
    size_t units = 0;

    if (size % 2 != 0)
        return SIZE_MAX;
    for (; units < size / 2 && reference_unit(bytes, units) != 0; units++) {
        uint32_t unit = reference_unit(bytes, units);

        if ((reference_control(unit) && unit != '\t') || (unit >= 0xd800 && unit <= 0xdfff))
            return SIZE_MAX;
    }
    return units;
}

/* Whole nodes, the last of which, and no other than one that ends a path, ends them all. */
static bool device_paths(const uint8_t *path, size_t size)
{
    bool ended = false;

    for (size_t at = 0; at < size;) {
        size_t len;

        if (size - at < 4)
            return false;
        len = reference_unit(path + at + 2, 0);
        if (len < 4 || len > size - at)
            return false;
        ended = path[at] == 0x7f && path[at + 1] == 0xff && len == 4;
        at += len;
    }
    return ended;
}

/* A whole load option of defined attributes, with text: whether it is; doubtful: maybe not. */
static bool read_load_option(const uint8_t *bytes, size_t size, struct reference_reading *reading,
                             bool *doubtful)
{
    size_t path = 6;

    *reading = (struct reference_reading){FORM_LOAD_OPTION, 0, 0};
    if (size % 2 != 0 || size < 8 || (reference_unit(bytes, 0) & ~DEFINED) != 0 ||
        reference_unit(bytes, 1) != 0)
        return false;
    while (path + 2 <= size && reference_unit(bytes + path, 0) != 0)
        path += 2;
    path += 2;
    if (path > size || reference_unit(bytes, 2) > size - path)
        return false;
    reading->at = path + reference_unit(bytes, 2);
    reading->units = text_units(bytes + reading->at, size - reading->at);
    *doubtful = !device_paths(bytes + path, reading->at - path) ||
                text_units(bytes + 6, path - 6) == SIZE_MAX ||
                reading->at + 2 * reading->units + 2 < size;
    return reading->units != SIZE_MAX;
}

size_t reference_load_options(const void *load_options, size_t size,
                              struct reference_reading readings[READINGS_MAX])
{
    struct reference_reading text = {FORM_TEXT, 0, text_units(load_options, size)};
    bool doubtful = false;
    size_t count = 0;

    if (text.units != SIZE_MAX && 2 * text.units + 2 >= size) {
        readings[0] = text;
        return 1;
    }
    if (read_load_option(load_options, size, &readings[0], &doubtful))
        count++;
    if (count > 0 && !doubtful)
        return count;
    if (text.units == SIZE_MAX)
        text = (struct reference_reading){FORM_NEITHER, 0, 0};
    readings[count++] = text;
    return count;
}

bool reference_program_name(const char *word, const char *self)
{
    size_t len = strlen(word);
    size_t self_len = strlen(self);
    const char *name = word + len;

    if (word[0] == '-')
        return false;
    if (len >= 4 && strcasecmp(word + len - 4, ".efi") == 0)
        return true;
    while (name > word && !strchr("\\/:", name[-1]))
        name--;
    if (self_len > 4 && strcasecmp(self + self_len - 4, ".efi") == 0)
        self_len -= 4;
    return self_len > 0 && strlen(name) == self_len && strncasecmp(name, self, self_len) == 0;
}

/* Where the words begin behind a name in quotation marks; SIZE_MAX: the header leaves it open. */
static size_t behind_quoted_name(const char *line)
{
    const char *name = line + strspn(line, BLANKS);
    const char *end;

    if (*name != '"')
        return 0;
    end = strchr(name + 1, '"');
    if (!end || (end[1] && !strchr(BLANKS, end[1])))
        return SIZE_MAX;
    return (size_t)(end + 1 - line);
}

/* Cut a line up, from there on. */
static struct words cut(const char *line, size_t from)
{
    size_t len = strlen(line);
    struct words words = {exact_copy(line, len + 1), calloc(len + 1, sizeof(size_t)), 0, len};

    if (!words.at)
        abort();
    for (char *word = strtok(words.copy + from, BLANKS); word; word = strtok(NULL, BLANKS))
        words.at[words.count++] = (size_t)(word - words.copy);
    return words;
}

/* A refusal that says what the header has for a name that does not fit. */
static const char *compare_long(struct error err, size_t limit, size_t len)
{
    if (err.code != ERR_CMDLINE)
        return "the code of what does not fit";
    /* The header leaves open whether a limit counts the final zero. */
    if (err.at != limit && err.at != limit - 1)
        return "the limit";
    return err.value == len ? NULL : "the length";
}

static const char *compare_refused(struct error err, const struct efi_args *args, const char *word,
                                   size_t at)
{
    if (err.code != ERR_OPTION)
        return "the code of an option that is none";
    if (!err.text || err.text != args->line + at)
        return "the place of the refused word in the line";
    return strcmp(err.text, word) == 0 ? NULL : "the refused word";
}

static const char *compare_good(struct error err, const struct efi_args *args, const char *line,
                                const char *config, const char *section, size_t tail)
{
    const char *options = args->options;

    if (err.code != ERR_NONE)
        return "the refusal of a good line";
    if (args->ignored)
        return "being ignored";
    if (strcmp(args->line, line) != 0)
        return "the line";
    if (strcmp(args->config, config) != 0)
        return "the configuration";
    if (strcmp(args->section, section) != 0)
        return "the section";
    if (!options)
        return "the options, which are null";
    if (options[0] && (options < args->line || options > args->line + strlen(line)))
        return "the options' place";
    options += strspn(options, BLANKS);
    return strcmp(options, line + tail + strspn(line + tail, BLANKS)) == 0 ? NULL : "the options";
}

/* Word by word, up to the first one that is bad. */
static const char *compare_words(struct error err, const struct efi_args *args, const char *line,
                                 struct words *words, size_t first)
{
    const char *config = "";
    const char *section = "";

    for (size_t i = first; i < words->count; i++) {
        const char *word = words->copy + words->at[i];
        const char **name = &section;
        const char *value = word;

        if (strcmp(word, "--") == 0) {
            words->tail = words->at[i] + 2;
            break;
        }
        if (word[0] == '-') {
            if (strncmp(word, "-cfg=", 5) != 0)
                return compare_refused(err, args, word, words->at[i]);
            name = &config;
            value = word + 5;
        }
        if (**name || !*value) {
            if (strlen(value) >= EFI_NAME_MAX && err.code == ERR_CMDLINE)
                return compare_long(err, EFI_NAME_MAX, strlen(value));
            return compare_refused(err, args, word, words->at[i]);
        }
        if (strlen(value) >= EFI_NAME_MAX)
            return compare_long(err, EFI_NAME_MAX, strlen(value));
        *name = value;
    }
    return compare_good(err, args, line, config, section, words->tail);
}

static const char *compare_ignored(struct error err, const struct efi_args *args)
{
    if (err.code != ERR_NONE)
        return "the refusal of what is to be ignored";
    if (!args->ignored)
        return "not being ignored";
    if (args->line[0] || args->config[0] || args->section[0] || !args->options || args->options[0])
        return "what is left of what was ignored";
    return NULL;
}

/* The answer to this text. */
static const char *compare_text(struct error err, const struct efi_args *args, const uint8_t *text,
                                size_t units, const char *self, bool shell)
{
    char *line = malloc(3 * units + 1);
    const char *differs = NULL;
    size_t from;
    size_t len;

    if (!line)
        abort();
    len = reference_from_ucs2(text, units, line);
    line[len] = '\0';
    from = shell ? behind_quoted_name(line) : 0;
    if (len >= CMDLINE_MAX) {
        differs = compare_long(err, CMDLINE_MAX, units);
    } else if (from != SIZE_MAX) {
        struct words words = cut(line, from);
        bool named = from == 0 && words.count > 0 &&
                     (shell || reference_program_name(words.copy + words.at[0], self));

        differs = compare_words(err, args, line, &words, named ? 1 : 0);
        free(words.at);
        exact_free(words.copy, strlen(line) + 1);
    }
    free(line);
    return differs;
}

const char *reference_args_differ(const void *load_options, size_t size, const char *self,
                                  bool shell)
{
    struct reference_reading readings[READINGS_MAX];
    size_t count = reference_load_options(load_options, size, readings);
    struct efi_args *args = malloc(sizeof(*args));
    char *copy = exact_copy(load_options, size);
    char *name = exact_copy(self, strlen(self) + 1);
    const char *differs = "LoadOptions, which was written to";
    struct error err;

    if (!args)
        abort();
    memset(args, 0xa5, sizeof(*args));
    err = efi_args_parse(copy, size, name, shell, args);
    if (memcmp(copy, load_options, size) == 0) {
        for (size_t i = 0; i < count && differs; i++) {
            if (readings[i].form == FORM_NEITHER)
                differs = compare_ignored(err, args);
            else
                differs =
                    compare_text(err, args, (uint8_t *)copy + readings[i].at, readings[i].units,
                                 self, shell && readings[i].form == FORM_TEXT);
        }
    }
    exact_free(name, strlen(self) + 1);
    exact_free(copy, size);
    free(args);
    return differs;
}
