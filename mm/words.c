/* SPDX-License-Identifier: MIT */
#include "words.h"

const char *word_at(const char *words, size_t size, size_t number)
{
    const char *end = words + size;

    for (; number > 0 && words < end; words++)
        number -= *words == '\0';
    return words < end && *words != '\0' ? words : NULL;
}
