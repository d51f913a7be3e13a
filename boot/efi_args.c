/* SPDX-License-Identifier: MIT */
#include "efi_args.h"

#include "efi_options.h"
#include "text.h"

#define CFG     "-cfg="
#define CFG_LEN (sizeof(CFG) - 1)

/* A part of the line, not terminated. */
struct word {
    char *at;
    size_t len;
};

/* Step over the next word; an empty one: there is none. */
static struct word next_word(char **at)
{
    struct word word;

    while (text_is_blank(**at))
        (*at)++;
    word.at = *at;
    while (**at != '\0' && !text_is_blank(**at))
        (*at)++;
    word.len = (size_t)(*at - word.at);
    return word;
}

static bool alike(const char *a, const char *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text_lower(a[i]) != text_lower(b[i]))
            return false;
    }
    return true;
}

static bool is_efi(const char *name, size_t len)
{
    return len >= 4 && alike(name + len - 4, ".efi", 4);
}

static bool is_program(struct word word, const char *self)
{
    size_t name = word.len; /* where the word's last part begins */
    size_t len = text_len(self);

    if (*word.at == '-')
        return false;
    if (is_efi(word.at, word.len))
        return true;
    if (*self == '\0')
        return false;
    if (is_efi(self, len))
        len -= 4;
    while (name > 0 && word.at[name - 1] != '\\' && word.at[name - 1] != '/' &&
           word.at[name - 1] != ':')
        name--;
    return word.len - name == len && alike(word.at + name, self, len);
}

static struct error refused(struct word word)
{
    word.at[word.len] = '\0';
    return (struct error){.code = ERR_OPTION, .text = word.at};
}

static struct error copy_name(char name[EFI_NAME_MAX], const char *at, size_t len)
{
    if (len >= EFI_NAME_MAX)
        return facts_too_long("a name on the EFI command line: ", EFI_NAME_MAX - 1, len);
    __builtin_memcpy(name, at, len);
    name[len] = '\0';
    return SUCCESS;
}

static bool begins_with_cfg(struct word word)
{
    for (size_t i = 0; i < CFG_LEN; i++) {
        if (word.at[i] != CFG[i])
            return false;
    }
    return true;
}

static struct error read_word(struct efi_args *args, struct word word)
{
    if (begins_with_cfg(word)) {
        if (word.len == CFG_LEN || args->config[0] != '\0')
            return refused(word);
        return copy_name(args->config, word.at + CFG_LEN, word.len - CFG_LEN);
    }
    if (*word.at == '-' || args->section[0] != '\0')
        return refused(word);
    return copy_name(args->section, word.at, word.len);
}

/* A name in quotation marks may hold blanks. */
static void skip_quoted(char **at)
{
    for (++*at; **at != '\0' && **at != '"';)
        ++*at;
    if (**at == '"')
        ++*at;
}

/* The words up to "--"; by_shell: the first is the program's name. */
static struct error read_line(struct efi_args *args, const char *self, bool by_shell)
{
    char *at = args->line;
    struct word word;
    struct error err = SUCCESS;

    while (text_is_blank(*at))
        at++;
    if (by_shell && *at == '"') {
        skip_quoted(&at);
    } else {
        word = next_word(&at);
        if (!by_shell && !is_program(word, self))
            at = args->line;
    }
    for (word = next_word(&at); word.len > 0 && !err.code; word = next_word(&at)) {
        if (word.len == 2 && word.at[0] == '-' && word.at[1] == '-') {
            while (text_is_blank(*at))
                at++;
            args->options = at;
            return SUCCESS;
        }
        err = read_word(args, word);
    }
    return err;
}

struct error efi_args_parse(const void *load_options, size_t size, const char *self, bool shell,
                            struct efi_args *args)
{
    struct efi_options options = {.line = args->line};
    struct error err = efi_options_read(load_options, size, &options);

    args->config[0] = args->section[0] = '\0';
    args->options = "";
    args->ignored = options.ignored;
    args->behind = options.behind;
    return err.code ? err : read_line(args, self, shell && !options.inner);
}
