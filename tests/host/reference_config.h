/* SPDX-License-Identifier: MIT */
/* A second reading of footing.cfg: cut into lines first, each of them then judged alone. */
#ifndef REFERENCE_CONFIG_H
#define REFERENCE_CONFIG_H

#include "config.h"

/* What the reader has to answer once; parts of the text by their contents. */
struct reference_entry {
    enum config_result result;
    unsigned line;
    struct config_text section;
    enum config_key key;
    struct config_text value;
    struct config_text whole;
};

/*
 * All answers up to the first CONFIG_END or CONFIG_BAD, that one included, out
 * of an array that is the caller's to free. Parts point into text.
 */
struct reference_entry *reference_config(const char *text, size_t len, size_t *count);

/* Read the text with config.c: null, or in what it differs from the reference or its header. */
const char *reference_config_differs(const char *text, size_t len);

#endif
