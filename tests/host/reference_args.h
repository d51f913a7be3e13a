/* SPDX-License-Identifier: MIT */
/* A second reading of LoadOptions, and EFI_LOAD_OPTIONs to read. */
#ifndef REFERENCE_ARGS_H
#define REFERENCE_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum reference_form { FORM_TEXT, FORM_LOAD_OPTION, FORM_NEITHER };

/* One way to read LoadOptions. */
struct reference_reading {
    enum reference_form form;
    size_t at;    /* of the text, in bytes */
    size_t units; /* of the text, without its zero */
};

#define READINGS_MAX 2

/*
 * The readings that the header allows; how many. There are two where all
 * lengths of a load option fit, but its description, its device paths (UEFI
 * 2.10 sections 3.1.3, 10.3), or what follows its text, are not as they should be.
 */
size_t reference_load_options(const void *load_options, size_t size,
                              struct reference_reading readings[READINGS_MAX]);

/* If this word, by its looks, is the program's name. */
bool reference_program_name(const char *word, const char *self);

/* Parse with efi_args.c: null, or in what it differs from the reference or its header. */
const char *reference_args_differ(const void *load_options, size_t size, const char *self,
                                  bool shell);

#endif
