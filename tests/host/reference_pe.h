/* SPDX-License-Identifier: MIT */
/* A second reading of a PE32+ image's headers. */
#ifndef REFERENCE_PE_H
#define REFERENCE_PE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pe.h"

enum reference_pe_answer {
    PE_GOOD,
    PE_BAD,
    PE_ODD,  /* what linkers do not write, and pe.h neither refuses nor accepts by name */
    PE_VAGUE /* this name with rubbish behind its zero: nothing says if that is a section's */
};

/* Sections that are not found, or empty, have the size 0. */
enum reference_pe_answer reference_pe(const void *headers, size_t len, const char *name,
                                      struct pe_section *section);

/* Look with pe.c: null, or in what it differs from the reference or its header. */
const char *reference_pe_differs(const void *headers, size_t len, const char *name);

#endif
