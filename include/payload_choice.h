/* SPDX-License-Identifier: MIT */
/* Which module is the payload, and what to say of one that is not. Pure. */
#ifndef PAYLOAD_CHOICE_H
#define PAYLOAD_CHOICE_H

#include "elf.h"
#include "facts.h"
#include "options.h"

/* How a module is read as a file. */
typedef struct elf_file module_file(const struct module *module);

/* The one that is called so, or the first if it is an ELF file of whatever kind; or null. */
const struct module *payload_choose(const struct facts *facts, module_file *file_of);

/*
 * Why the built-in payload runs although another was meant: null if none was.
 * One was meant if a module was loaded, if then=payload stands on the command
 * line, or if words for it stand behind "--", and then= has it entered. For
 * where payload_choose() finds none. Text of message().
 */
const char *payload_absent(const struct facts *facts, const struct options *options,
                           module_file *file_of);

/*
 * What makes it doubtful that the payload expects to be entered as footing.h
 * says: that it asks for another boot protocol, see file_protocol(). Null:
 * nothing.
 */
const char *payload_doubt(const struct module *module, module_file *file_of);

#endif
