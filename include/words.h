/* SPDX-License-Identifier: MIT */
/* Names by number, as one text: a table of pointers would be half as long again. */
#ifndef WORDS_H
#define WORDS_H

#include <stddef.h>

/*
 * The number-th of the words that follow each other, each with its final
 * zero, in a text of `size` bytes; null if that has not so many, or where the
 * word is empty.
 */
const char *word_at(const char *words, size_t size, size_t number);

#endif
