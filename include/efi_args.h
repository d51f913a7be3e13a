/* SPDX-License-Identifier: MIT */
/*
 * What stands on the EFI command line (EFI_LOADED_IMAGE_PROTOCOL's
 * LoadOptions, UEFI 2.10 section 9.1): pure.
 *
 *     footing.efi -cfg=other.cfg debug -- loglevel=3
 *
 * -cfg=FILE names the configuration, a bare word the section in it, and what
 * follows "--" is added to Footing's command line.
 */
#ifndef EFI_ARGS_H
#define EFI_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "facts.h"

#define EFI_NAME_MAX 256 /* bytes of UTF-8, the final zero included */

struct efi_args {
    char line[CMDLINE_MAX]; /* all of it as UTF-8; errors point into it */
    char config[EFI_NAME_MAX];
    char section[EFI_NAME_MAX];
    const char *options; /* in line; "" if there is no "--" */
    bool ignored;        /* LoadOptions is no text: firmware put something else there */
    size_t behind;       /* so many bytes behind the text's zero do not count */
};

/*
 * Which of LoadOptions's bytes are text is written in efi_options.h.
 *
 * The first word of text is the program's name, and skipped, if `shell` says
 * that a shell has put it there (then it may stand in quotation marks); or
 * else if it ends with ".efi", or what follows its last '\', '/' or ':' is
 * `self` with or without ".efi" (in any case of A to Z). An EFI_LOAD_OPTION's
 * text is judged by its looks alone, shell or not; what begins with '-' is
 * never a program by its looks.
 *
 * self: the file name that the image was loaded from, without its folder;
 * "" if it is not known.
 *
 * ERR_OPTION, text = the word: one that begins with '-' and is neither "--"
 * nor -cfg=FILE; an empty FILE; a second -cfg=; a second bare word.
 * ERR_CMDLINE: a FILE or section that does not fit its array, at = that limit,
 * value = its length in bytes; and the errors of efi_options_read().
 */
struct error efi_args_parse(const void *load_options, size_t size, const char *self, bool shell,
                            struct efi_args *args);

#endif
