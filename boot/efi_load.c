/* SPDX-License-Identifier: MIT */
/*
 * What footing.efi loads before it leaves the firmware: the files that the
 * chosen section of a configuration names. Sections that were added to the
 * image itself (.config, .kernel, .ramdisk) come before files, and with
 * Secure Boot on they alone will do: the image's signature covers them.
 */
#include "efi_load.h"

#include "console.h"
#include "efi_args.h"
#include "efi_config.h"
#include "file_kind.h"
#include "options.h"
#include "pmap.h"
#include "print.h"
#include "text.h"

#define LOAD_OPTIONS_MAX 65536u

/* What a section has once at most; line 0: it has it not. */
struct choice {
    struct config_entry options;
    struct config_entry kernel;
    struct config_entry ramdisk;
};

static struct {
    struct facts *facts;
    struct efi_args args;
    struct efi_config config;
} loader;

/* EFI_SHELL_PARAMETERS_PROTOCOL: the shell puts it on what it starts (UEFI Shell 2.2, 2.3). */
static const uint8_t shell_parameters[EFI_GUID_SIZE] = {
    0x36, 0x31, 0x2f, 0x75, 0x16, 0x4e, 0xdc, 0x4f, 0xa2, 0x2a, 0xe5, 0xf4, 0x68, 0x12, 0xf4, 0xca};

/* Of LoadOptions only what the firmware says is there: size > 0 bytes. */
static struct error parse_arguments(const struct efi *efi, uint32_t size, bool shell)
{
    const void *options;
    struct error err;

    if (size > LOAD_OPTIONS_MAX)
        return facts_too_long("load options: ", LOAD_OPTIONS_MAX, size);
    if (!pmap_reaches(efi->load_options, size))
        return (struct error){.code = ERR_INFO,
                              .at = efi->load_options,
                              .value = size,
                              .text = "load options where no CPU can reach"};
    options = pmap_map("load options", efi->load_options, size);
    err = efi_args_parse(options, size, efi->name, shell, &loader.args);
    pmap_unmap(options);
    return err;
}

static struct error read_arguments(void)
{
    struct efi *efi = loader.config.efi;
    bool shell = efi_protocol_on(efi, efi->image_handle, shell_parameters) != 0;
    uint32_t size = efi->load_options ? efi->load_options_size : 0;
    struct error err = size > 0 ? parse_arguments(efi, size, shell)
                                : efi_args_parse(NULL, 0, efi->name, shell, &loader.args);

    if (err.code == ERR_OPTION)
        err.text = message("%s: the image takes -cfg=FILE, the name of a section, and options "
                           "behind --",
                           quoted(err.text, text_len(err.text)));
    if (!err.code && loader.args.ignored)
        log_print(LOG_WARNING, "footing: load options of %u bytes are no text: ignored\n", size);
    if (!err.code && loader.args.behind > 0)
        log_print(LOG_WARNING,
                  "footing: load options: %lu bytes behind their text are none: ignored\n",
                  loader.args.behind);
    if (!err.code && efi->secure && loader.args.options[0] != '\0')
        return (struct error){.code = ERR_VERIFY, .text = "options on the EFI command line"};
    __builtin_memcpy(loader.config.section, loader.args.section, sizeof(loader.config.section));
    return err;
}

/* One more module, with its name and its command line, which have room if the configuration had. */
static struct error add_module(enum module_kind kind, const struct efi_buffer *buffer,
                               struct config_text name, struct config_text options)
{
    struct facts *facts = loader.facts;

    if (facts->nmodules == MODULES_MAX)
        return (struct error){.code = ERR_MODULES,
                              .at = MODULES_MAX,
                              .text = message("the limit is %u", MODULES_MAX)};
    if (!facts_add_module(facts, buffer->base, buffer->base + buffer->size, kind, options.at,
                          options.len) ||
        !facts_name_module(facts, name.at, name.len))
        return facts_module_too_long(facts, options.len);
    return SUCCESS;
}

static void read_kernel(void *ctx, uint64_t offset, void *to, size_t len)
{
    const struct efi_buffer *kernel = ctx;

    efi_read(kernel->base + offset, to, len);
}

/* What a payload is to begin with: an x86-64 ELF file that can be loaded. */
static struct error check_kernel(const struct efi_buffer *kernel)
{
    const struct elf_file file = {(void *)(uintptr_t)kernel, kernel->size, read_kernel};

    return elf_check(&file);
}

/* kernel=, ramdisk= or module=: the file that it names, if it is not embedded. */
static struct error load_file(const struct config_entry *entry, enum module_kind kind)
{
    struct config_text name;
    struct config_text options;
    struct efi_buffer buffer;
    char copy[EFI_NAME_MAX];
    struct error err;

    config_split(entry->value, &name, &options);
    if (!efi_config_copy(copy, name))
        return efi_config_line(
            &loader.config,
            (struct error){.code = ERR_CONFIG, .text = "the file's name is too long"}, entry);
    if (loader.config.efi->secure)
        return efi_config_line(
            &loader.config, (struct error){.code = ERR_VERIFY, .text = "Secure Boot is on"}, entry);
    err = efi_load_file(loader.config.efi, copy, UINT64_MAX, &buffer);
    if (!err.code && kind == MODULE_KERNEL)
        err = check_kernel(&buffer);
    if (!err.code)
        err = add_module(kind, &buffer, name, options);
    return err.code ? efi_config_line(&loader.config, err, entry) : SUCCESS;
}

/* What is embedded comes first; an entry then gives its command line only. */
static struct error load_first(const char *section, const struct config_entry *entry,
                               enum module_kind kind)
{
    struct config_text file;
    struct config_text options = {"", 0};
    struct efi_buffer buffer;
    struct error err = efi_find_section(loader.config.efi, section, &buffer);

    if (err.code)
        return err;
    if (buffer.size == 0)
        return entry->line != 0 ? load_file(entry, kind) : SUCCESS;
    if (entry->line != 0)
        config_split(entry->value, &file, &options);
    if (kind == MODULE_KERNEL)
        err = check_kernel(&buffer);
    if (err.code) {
        err.text = message("%s: %s", section, err.text);
        return err;
    }
    return add_module(kind, &buffer, (struct config_text){section, text_len(section)}, options);
}

static struct error read_section(struct choice *choice)
{
    struct config_reader reader;
    struct config_entry entry;
    struct error err = SUCCESS;
    const char *why;

    config_first(&reader, loader.config.text, loader.config.len);
    while (!err.code && config_next(&reader, &entry, &why) == CONFIG_ENTRY) {
        if (!config_text_is(entry.section, loader.config.section))
            continue;
        if (entry.key == CONFIG_OPTIONS)
            err = efi_config_once(&loader.config, &choice->options, &entry);
        else if (entry.key == CONFIG_KERNEL)
            err = efi_config_once(&loader.config, &choice->kernel, &entry);
        else if (entry.key == CONFIG_RAMDISK)
            err = efi_config_once(&loader.config, &choice->ramdisk, &entry);
    }
    return err;
}

static struct error load_modules(void)
{
    struct config_reader reader;
    struct config_entry entry;
    struct error err = SUCCESS;
    const char *why;

    config_first(&reader, loader.config.text, loader.config.len);
    while (!err.code && config_next(&reader, &entry, &why) == CONFIG_ENTRY) {
        if (entry.key == CONFIG_MODULE && config_text_is(entry.section, loader.config.section))
            err = load_file(&entry, MODULE_PLAIN);
    }
    return err;
}

/* Footing's command line: the section's options, then those of the image's own command line. */
static struct error join_options(const struct config_entry *options)
{
    struct facts *facts = loader.facts;
    struct config_text first = options->line != 0 ? options->value : (struct config_text){"", 0};
    size_t len =
        options_join(facts->cmdline, CMDLINE_MAX, first.at, first.len, loader.args.options);

    if (options->line != 0) {
        efi_config_place(&loader.config, options, facts->options_place);
        facts->options_len = options_own_length(first.at, first.len);
    }
    return len < CMDLINE_MAX
               ? SUCCESS
               : facts_too_long("options= and those behind -- of the EFI command line: ",
                                CMDLINE_MAX - 1, len);
}

static struct error load_chosen(void)
{
    struct choice choice = {0};
    struct error err = SUCCESS;

    if (loader.config.text) {
        err = efi_config_find_section(&loader.config);
        if (!err.code)
            err = read_section(&choice);
    }
    if (!err.code)
        err = join_options(&choice.options);
    if (err.code)
        return err;
    err = load_first(".kernel", &choice.kernel, MODULE_KERNEL);
    if (!err.code)
        err = load_first(".ramdisk", &choice.ramdisk, MODULE_RAMDISK);
    if (!err.code && loader.config.text)
        err = load_modules();
    return err;
}

struct error efi_load(struct efi *efi, struct facts *facts)
{
    struct error err;

    loader.config.efi = efi;
    loader.config.wanted = loader.args.config;
    loader.facts = facts;
    err = read_arguments();
    if (!err.code)
        err = efi_config_open(&loader.config);
    if (!err.code)
        err = load_chosen();
    efi_config_close(&loader.config);
    return err;
}
