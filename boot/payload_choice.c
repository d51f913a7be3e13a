/* SPDX-License-Identifier: MIT */
#include "payload_choice.h"

#include "elf_format.h"
#include "file_kind.h"
#include "print.h"
#include "text.h"

static bool is_elf(const struct module *module, module_file *file_of)
{
    const struct elf_file file = file_of(module);
    char magic[sizeof(ELF_MAGIC) - 1];

    if (file.size < sizeof(magic))
        return false;
    file.read(file.ctx, 0, magic, sizeof(magic));
    return __builtin_memcmp(magic, ELF_MAGIC, sizeof(magic)) == 0;
}

const struct module *payload_choose(const struct facts *facts, module_file *file_of)
{
    const struct module *first = facts->modules;

    for (size_t i = 0; i < facts->nmodules; i++) {
        if (facts->modules[i].kind == MODULE_KERNEL)
            return &facts->modules[i];
    }
    if (facts->nmodules == 0 || first->kind != MODULE_PLAIN || !is_elf(first, file_of))
        return NULL;
    return first;
}

/* What the first module is, and how a payload would have been found. */
static const char *other_module(const struct facts *facts, module_file *file_of)
{
    const struct elf_file file = file_of(facts->modules);
    const char *kind = file_kind(&file);
    const char *protocol = file_protocol(&file);
    const char *is = facts->modules->kind == MODULE_RAMDISK
                         ? "the first module is ramdisk=, and there is no kernel="
                         : message("the first module is %s%s%s", kind ? kind : "an executable",
                                   protocol ? " with " : "", protocol ? protocol : "");

    for (size_t i = 1; i < facts->nmodules; i++) {
        if (facts->modules[i].kind == MODULE_PLAIN && is_elf(&facts->modules[i], file_of))
            return message("%s; module %lu is an ELF file: the payload comes first", is, i + 1);
    }
    return message("%s; a payload is an ELF executable for x86-64", is);
}

const char *payload_absent(const struct facts *facts, const struct options *options,
                           module_file *file_of)
{
    if (options->then != THEN_PAYLOAD)
        return NULL;
    if (facts->nmodules > 0)
        return other_module(facts, file_of);
    if (!options->then_given && options->payload[0] == '\0')
        return NULL;
    return message("no module was loaded for %s; it takes module2 (not module) in GRUB, -initrd in "
                   "QEMU, kernel= in footing.cfg",
                   options->payload[0] != '\0' ? "the words behind --" : "then=payload");
}

const char *payload_doubt(const struct module *module, module_file *file_of)
{
    const struct elf_file file = file_of(module);

    return file_protocol(&file);
}
