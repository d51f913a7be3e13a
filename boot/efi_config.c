/* SPDX-License-Identifier: MIT */
#include "efi_config.h"

#include "console.h"
#include "efi_path.h"
#include "pmap.h"
#include "print.h"
#include "text.h"

static const char *config_name(const struct efi_config *c)
{
    return c->names[c->nnames - 1];
}

struct error efi_config_line(struct efi_config *c, struct error err,
                             const struct config_entry *entry)
{
    const char *what = err.text ? err.text : error_words(err.code).says;

    err.text = message("%s:%u: %s: %s", config_name(c), entry->line,
                       quoted(entry->whole.at, entry->whole.len), what);
    return err;
}

void efi_config_place(const struct efi_config *c, const struct config_entry *entry,
                      char place[FACTS_PLACE_MAX])
{
    const char *text = message("%s:%u", config_name(c), entry->line);

    /* A name has less than EFI_NAME_MAX bytes, a line's number 5 digits. */
    __builtin_memcpy(place, text, text_len(text) + 1);
}

static struct error bad_line(struct efi_config *c, const struct config_entry *entry,
                             const char *what)
{
    return efi_config_line(c, (struct error){.code = ERR_CONFIG, .text = what}, entry);
}

bool efi_config_copy(char copy[EFI_NAME_MAX], struct config_text text)
{
    if (text.len >= EFI_NAME_MAX)
        return false;
    __builtin_memcpy(copy, text.at, text.len);
    copy[text.len] = '\0';
    return true;
}

static struct error map_config(struct efi_config *c, uint64_t base, uint64_t size)
{
    if (size > CONFIG_MAX_BYTES)
        return (struct error){.code = ERR_CONFIG,
                              .text = message("%s: %lu bytes, the limit is %u", config_name(c),
                                              size, CONFIG_MAX_BYTES)};
    c->text = pmap_map("configuration", base, size);
    c->len = size;
    return SUCCESS;
}

void efi_config_close(struct efi_config *c)
{
    if (!c->text)
        return;
    pmap_unmap(c->text);
    c->text = NULL;
    if (c->file.size > 0)
        efi_free(c->efi, &c->file);
}

/* Each line must be one that is known, also those that this boot does not need. */
static struct error check_lines(struct efi_config *c)
{
    struct config_reader reader;
    struct config_entry entry;
    enum config_result result;
    const char *why;

    config_first(&reader, c->text, c->len);
    do
        result = config_next(&reader, &entry, &why);
    while (result == CONFIG_ENTRY);
    return result == CONFIG_BAD ? bad_line(c, &entry, why) : SUCCESS;
}

/* The file that the last of c->names is the name of. */
static struct error use_config_file(struct efi_config *c, const struct efi_buffer *file)
{
    struct error err;

    if (c->efi->secure)
        return (struct error){.code = ERR_VERIFY, .text = config_name(c)};
    c->file = *file;
    err = map_config(c, file->base, file->size);
    return err.code ? err : check_lines(c);
}

/* A file that is too large was no configuration to begin with. */
static struct error load_config(struct efi_config *c, const char *name, struct efi_buffer *file)
{
    struct error err = efi_load_file(c->efi, name, CONFIG_MAX_BYTES, file);

    if (err.code == ERR_FILE && err.value == EFI_BAD_BUFFER_SIZE)
        err = (struct error){.code = ERR_CONFIG, .text = err.text};
    return err;
}

static struct error open_config_file(struct efi_config *c)
{
    struct efi_buffer file;
    struct error err = load_config(c, config_name(c), &file);

    if (!err.code)
        return use_config_file(c, &file);
    err.text = message("%s: %s", config_name(c), err.text);
    return err;
}

/* objcopy fills a section up with zeros. */
static struct error open_embedded_config(struct efi_config *c, const struct efi_buffer *section)
{
    struct error err;

    __builtin_memcpy(c->names[c->nnames++], ".config", sizeof(".config"));
    err = map_config(c, section->base, section->size);
    if (err.code)
        return err;
    while (c->len > 0 && c->text[c->len - 1] == '\0')
        c->len--;
    return check_lines(c);
}

/* The image's name up to its last '.', '-' or '_', and ".cfg"; false: it has none. */
static bool cut_name(char name[EFI_NAME_MAX], size_t *len)
{
    size_t cut = *len;

    while (cut > 0 && name[cut] != '.' && name[cut] != '-' && name[cut] != '_')
        cut--;
    if (cut == 0)
        return false;
    *len = cut - 1;
    if (cut + sizeof(".cfg") > EFI_NAME_MAX)
        return cut_name(name, len);
    __builtin_memcpy(name + cut, ".cfg", sizeof(".cfg"));
    return true;
}

static bool is_missing(const struct error *err)
{
    return err->code == ERR_FILE && err->value == EFI_NOT_FOUND;
}

/* footing-1.2.efi: footing-1.2.cfg, footing-1.cfg, footing.cfg; and for any other name, footing.cfg. */
static struct error search_config(struct efi_config *c)
{
    static const char fallback[] = "footing.cfg";
    char *name = c->names[c->nnames++];
    size_t len = text_len(c->efi->name);
    struct error err = {.code = ERR_FILE, .value = EFI_NOT_FOUND};

    __builtin_memcpy(name, c->efi->name, len + 1);
    while (is_missing(&err) && cut_name(name, &len))
        err = open_config_file(c);
    if (is_missing(&err)) {
        __builtin_memcpy(name, fallback, sizeof(fallback));
        err = open_config_file(c);
    }
    if (!is_missing(&err) || c->section[0] != '\0')
        return err;
    log_print(LOG_WARNING, "footing: no configuration beside the image: booting without one\n");
    c->nnames = 0;
    return SUCCESS;
}

struct error efi_config_open(struct efi_config *c)
{
    struct efi_buffer section;
    struct error err = efi_find_section(c->efi, ".config", &section);

    if (err.code)
        return err;
    if (section.size > 0)
        return open_embedded_config(c, &section);
    if (c->wanted[0] == '\0' && c->section[0] == '\0' && efi_has_no_files(c->efi)) {
        /* Started over a network, perhaps. */
        log_print(LOG_WARNING, "footing: the device that the image came from has no file system: "
                               "booting without a configuration\n");
        return SUCCESS;
    }
    if (c->wanted[0] == '\0')
        return search_config(c);
    __builtin_memcpy(c->names[c->nnames++], c->wanted, EFI_NAME_MAX);
    return open_config_file(c);
}

struct error efi_config_once(struct efi_config *c, struct config_entry *known,
                             const struct config_entry *entry)
{
    if (known->line != 0)
        return bad_line(c, entry, "given before");
    *known = *entry;
    return SUCCESS;
}

/* The entry of this key in [global]; line 0: there is none. */
static struct error find_global(struct efi_config *c, enum config_key key,
                                struct config_entry *found)
{
    struct config_reader reader;
    struct config_entry entry;
    struct error err = SUCCESS;
    const char *why;

    found->line = 0;
    config_first(&reader, c->text, c->len);
    while (!err.code && config_next(&reader, &entry, &why) == CONFIG_ENTRY) {
        if (entry.key == key)
            err = efi_config_once(c, found, &entry);
    }
    return err;
}

static struct error follow_chain(struct efi_config *c, const struct config_entry *chain)
{
    struct efi_buffer file;
    char name[EFI_NAME_MAX];
    struct error err;

    if (!efi_config_copy(name, chain->value))
        return bad_line(c, chain, "its name is too long");
    for (size_t i = 0; i < c->nnames; i++) {
        if (efi_path_same(c->efi->folder, c->names[i], name))
            return bad_line(c, chain, "chained in a circle");
    }
    if (c->nnames == CHAIN_MAX)
        return bad_line(c, chain, "too many are chained");
    err = load_config(c, name, &file);
    if (err.code)
        return efi_config_line(c, err, chain);
    efi_config_close(c);
    __builtin_memcpy(c->names[c->nnames++], name, EFI_NAME_MAX);
    return use_config_file(c, &file);
}

/* On the image's command line, an option without "--" before it looks like a section. */
static bool has_equals(const char *text)
{
    while (*text != '\0' && *text != '=')
        text++;
    return *text == '=';
}

static struct error no_section(struct efi_config *c)
{
    const char *text;

    if (c->section[0] == '\0')
        text =
            message("%s: no section chosen: no default=, none on the command line", config_name(c));
    else
        text = message("%s: no section [%s]%s", config_name(c), c->section,
                       has_equals(c->section) ? ": options stand behind --" : "");
    return (struct error){.code = ERR_CONFIG, .text = text};
}

static bool has_section(const struct efi_config *c)
{
    struct config_text name = {c->section, text_len(c->section)};

    return name.len > 0 && !config_text_is(name, "global") &&
           config_has_section(c->text, c->len, c->section);
}

struct error efi_config_find_section(struct efi_config *c)
{
    for (;;) {
        struct config_entry entry;
        struct error err = SUCCESS;

        if (c->section[0] == '\0') {
            err = find_global(c, CONFIG_DEFAULT, &entry);
            if (!err.code && entry.line != 0 && !efi_config_copy(c->section, entry.value))
                err = bad_line(c, &entry, "its name is too long");
        }
        if (err.code || has_section(c))
            return err;
        err = find_global(c, CONFIG_CHAIN, &entry);
        if (!err.code)
            err = entry.line != 0 ? follow_chain(c, &entry) : no_section(c);
        if (err.code)
            return err;
    }
}
