/* SPDX-License-Identifier: MIT */
/* A second reading of LoadOptions. */
#ifndef REFERENCE_ARGS_H
#define REFERENCE_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum reference_form { FORM_TEXT, FORM_LOAD_OPTION, FORM_NEITHER, FORM_HALF };

/* How LoadOptions are to be read. */
struct reference_reading {
    enum reference_form form;
    char *line;    /* UTF-8, of any length, to be freed; "" unless there is text */
    size_t units;  /* of the text, without its last zero */
    size_t behind; /* bytes behind its zero that are none */
};

/* Read them as efi_options.h has it: by the list of all characters, not piece by piece. */
struct reference_reading reference_load_options(const void *load_options, size_t size);

/* If this word, by its looks, is the program's name. */
bool reference_program_name(const char *word, const char *self);

/* Parse with efi_args.c: null, or in what it differs from the reference or its header. */
const char *reference_args_differ(const void *load_options, size_t size, const char *self,
                                  bool shell);

#endif
