/* SPDX-License-Identifier: MIT */
#include "efi_args.h"

#include "load.h"
#include "text.h"

/*
 * EFI_LOAD_OPTION, UEFI 2.10 section 3.1.3: a fixed part, a description that
 * ends with a zero unit, FilePathListLength bytes of paths, and OptionalData.
 */
#define OPTION_ATTRIBUTES  UINT32_C(0x1f0b) /* all that are defined */
#define OPTION_PATHS       4
#define OPTION_DESCRIPTION 6u

#define CFG     "-cfg="
#define CFG_LEN (sizeof(CFG) - 1)

/* Bytes that may be UCS-2. */
struct bytes {
    const uint8_t *at;
    size_t size;
};

/* A part of the line, not terminated. */
struct word {
    char *at;
    size_t len;
};

/* No text holds controls (Unicode's) or surrogates; a tab is a blank. */
static bool is_printable(uint16_t unit)
{
    bool surrogate = unit >= 0xd800 && unit <= 0xdfff;

    return unit == '\t' || (!text_is_control(unit) && !surrogate);
}

/* If it is text, cut it off where that ends; *more: something follows its zero unit. */
static bool cut_text(struct bytes *bytes, bool *more)
{
    size_t size = 0;

    if (bytes->size % 2 != 0)
        return false;
    for (; size < bytes->size && load16(bytes->at + size) != 0; size += 2) {
        if (!is_printable(load16(bytes->at + size)))
            return false;
    }
    *more = size + 2 < bytes->size;
    bytes->size = size;
    return true;
}

/* If it can be an EFI_LOAD_OPTION, narrow it to the OptionalData. */
static bool narrow_to_data(struct bytes *bytes)
{
    size_t end = OPTION_DESCRIPTION;
    size_t paths;

    if (bytes->size % 2 != 0 || bytes->size < OPTION_DESCRIPTION ||
        (load32(bytes->at) & ~OPTION_ATTRIBUTES) != 0)
        return false;
    while (end < bytes->size && load16(bytes->at + end) != 0)
        end += 2;
    if (end == bytes->size)
        return false;
    end += 2;
    paths = load16(bytes->at + OPTION_PATHS);
    if (paths > bytes->size - end)
        return false;
    *bytes = (struct bytes){bytes->at + end + paths, bytes->size - end - paths};
    return true;
}

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
        return (struct error){.code = ERR_CMDLINE, .at = EFI_NAME_MAX - 1, .value = len};
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

/* Text without anything behind it, or an EFI_LOAD_OPTION's, or else text. */
static bool find_text(struct bytes *bytes, bool *shell)
{
    struct bytes text = *bytes;
    struct bytes data = *bytes;
    bool more;
    bool is_text = cut_text(&text, &more);

    if (is_text && !more) {
        *bytes = text;
        return true;
    }
    if (narrow_to_data(&data) && cut_text(&data, &more)) {
        *shell = false;
        *bytes = data;
        return true;
    }
    *bytes = text;
    return is_text;
}

struct error efi_args_parse(const void *load_options, size_t size, const char *self, bool shell,
                            struct efi_args *args)
{
    struct bytes text = {load_options, load_options ? size : 0};

    args->line[0] = args->config[0] = args->section[0] = '\0';
    args->options = "";
    args->ignored = !find_text(&text, &shell);
    if (args->ignored)
        return SUCCESS;
    if (!ucs2_to_utf8(text.at, text.size / 2, args->line, sizeof(args->line))) {
        args->line[0] = '\0';
        return (struct error){.code = ERR_CMDLINE, .at = CMDLINE_MAX - 1, .value = text.size / 2};
    }
    return read_line(args, self, shell);
}
