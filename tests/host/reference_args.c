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

struct reference_load_options reference_load_options(const void *load_options, size_t size)
{
    struct reference_load_options got = {FORM_TEXT, false, 0, 0};
    const uint8_t *bytes = load_options;
    size_t path = 6;

    got.units = text_units(bytes, size);
    if (got.units != SIZE_MAX)
        return got;
    got.form = FORM_NEITHER;
    if (size % 2 != 0)
        return got;
    while (path + 2 <= size && reference_unit(bytes + path, 0) != 0)
        path += 2;
    path += 2;
    if (path > size || reference_unit(bytes, 2) > size - path)
        return got;
    got.at = path + reference_unit(bytes, 2);
    got.units = text_units(bytes + got.at, size - got.at);
    if (got.units == SIZE_MAX)
        return got;
    got.form = FORM_LOAD_OPTION;
    got.doubtful = !device_paths(bytes + path, got.at - path) ||
                   text_units(bytes + 6, path - 6) == SIZE_MAX ||
                   (reference_unit(bytes, 0) & ~DEFINED) != 0 || reference_unit(bytes, 1) != 0;
    return got;
}

bool reference_program_name(const char *word, const char *self)
{
    size_t len = strlen(word);
    size_t self_len = strlen(self);
    const char *name = word + len;

    if (len >= 4 && strcasecmp(word + len - 4, ".efi") == 0)
        return true;
    while (name > word && !strchr("\\/:", name[-1]))
        name--;
    if (self_len > 4 && strcasecmp(self + self_len - 4, ".efi") == 0)
        self_len -= 4;
    return self_len > 0 && strlen(name) == self_len && strncasecmp(name, self, self_len) == 0;
}

/* Cut a line up. */
static struct words cut(const char *line)
{
    size_t len = strlen(line);
    struct words words = {exact_copy(line, len + 1), calloc(len + 1, sizeof(size_t)), 0, len};

    if (!words.at)
        abort();
    for (char *word = strtok(words.copy, BLANKS); word; word = strtok(NULL, BLANKS))
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

const char *reference_args_differ(const void *load_options, size_t size, const char *self,
                                  bool shell)
{
    struct reference_load_options wanted = reference_load_options(load_options, size);
    struct efi_args *args = malloc(sizeof(*args));
    char *copy = exact_copy(load_options, size);
    char *name = exact_copy(self, strlen(self) + 1);
    const char *differs;
    struct error err;

    if (!args)
        abort();
    memset(args, 0xa5, sizeof(*args));
    err = efi_args_parse(copy, size, name, shell, args);
    if (memcmp(copy, load_options, size) != 0) {
        differs = "LoadOptions, which was written to";
    } else if (wanted.form == FORM_NEITHER ||
               (wanted.doubtful && err.code == ERR_NONE && args->ignored)) {
        differs = compare_ignored(err, args);
    } else {
        char *line = malloc(3 * wanted.units + 1);
        struct words words;
        size_t len;
        size_t first = 0;

        if (!line)
            abort();
        len = reference_from_ucs2(copy + wanted.at, wanted.units, line);
        line[len] = '\0';
        words = cut(line);
        if (words.count > 0 && ((shell && wanted.form == FORM_TEXT) ||
                                reference_program_name(words.copy + words.at[0], self)))
            first = 1;
        if (len >= CMDLINE_MAX)
            differs = compare_long(err, CMDLINE_MAX, wanted.units);
        else
            differs = compare_words(err, args, line, &words, first);
        free(words.at);
        exact_free(words.copy, strlen(line) + 1);
        free(line);
    }
    exact_free(name, strlen(self) + 1);
    exact_free(copy, size);
    free(args);
    return differs;
}
