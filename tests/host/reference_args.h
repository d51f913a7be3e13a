/* SPDX-License-Identifier: MIT */
/* A second reading of LoadOptions, and EFI_LOAD_OPTIONs to read. */
#ifndef REFERENCE_ARGS_H
#define REFERENCE_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum reference_form { FORM_TEXT, FORM_LOAD_OPTION, FORM_NEITHER };

/*
 * By UEFI 2.10 section 3.1.3. doubtful: of the load option's parts all lengths
 * fit, but another part than OptionalData is not as the specification has it.
 */
struct reference_load_options {
    enum reference_form form;
    bool doubtful;
    size_t at;    /* of the text, in bytes */
    size_t units; /* of the text, without its zero */
};

struct reference_load_options reference_load_options(const void *load_options, size_t size);

/* If this word, by its looks, is the program's name. */
bool reference_program_name(const char *word, const char *self);

/* Parse with efi_args.c: null, or in what it differs from the reference or its header. */
const char *reference_args_differ(const void *load_options, size_t size, const char *self,
                                  bool shell);

#endif
