/* SPDX-License-Identifier: MIT */
#include "reference_args.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "efi_args.h"
#include "exact.h"
#include "reference_text.h"

#define BLANKS " \t"

/* The words of a line; each of them ends with a zero in copy. */
struct words {
    char *copy;
    size_t *at; /* of each word */
    size_t count;
    size_t tail; /* behind "--", or the line's end */
};

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
static const char *compare_text(struct error err, const struct efi_args *args,
                                const struct reference_reading *reading, const char *self,
                                bool shell)
{
    const char *line = reading->line;
    size_t from = shell ? behind_quoted_name(line) : 0;
    const char *differs = NULL;

    if (strlen(line) >= CMDLINE_MAX)
        return compare_long(err, CMDLINE_MAX, reading->units);
    if (args->behind != reading->behind)
        return "how much stands behind the text";
    if (from != SIZE_MAX) {
        struct words words = cut(line, from);
        bool named = from == 0 && words.count > 0 &&
                     (shell || reference_program_name(words.copy + words.at[0], self));

        differs = compare_words(err, args, line, &words, named ? 1 : 0);
        free(words.at);
        exact_free(words.copy, strlen(line) + 1);
    }
    return differs;
}

static const char *compare(struct error err, const struct efi_args *args,
                           const struct reference_reading *reading, const char *self, bool shell)
{
    switch (reading->form) {
    case FORM_HALF:
        return err.code == ERR_INFO ? NULL : "the code of half a character";
    case FORM_NEITHER:
        return compare_ignored(err, args);
    default:
        return compare_text(err, args, reading, self, shell && reading->form == FORM_TEXT);
    }
}

const char *reference_args_differ(const void *load_options, size_t size, const char *self,
                                  bool shell)
{
    struct reference_reading reading = reference_load_options(load_options, size);
    struct efi_args *args = malloc(sizeof(*args));
    char *copy = exact_copy(load_options, size);
    char *name = exact_copy(self, strlen(self) + 1);
    const char *differs = "LoadOptions, which was written to";
    struct error err;

    if (!args)
        abort();
    memset(args, 0xa5, sizeof(*args));
    err = efi_args_parse(copy, size, name, shell, args);
    if (memcmp(copy, load_options, size) == 0)
        differs = compare(err, args, &reading, self, shell);
    exact_free(name, strlen(self) + 1);
    exact_free(copy, size);
    free(reading.line);
    free(args);
    return differs;
}
