/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share. A target takes bytes, calls what is under test
 * and holds the answer against the headers' promises and an answer of its own.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer's names. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise that does not hold is a finding: the input is kept. */
#define CHECK(holds) ((holds) ? (void)0 : fuzz_broken(__FILE__, __LINE__, #holds))

_Noreturn static inline void fuzz_broken(const char *file, int line, const char *what)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
    abort();
}

/* An input as a row of numbers; behind its end there are zeros. */
struct bytes {
    const uint8_t *at;
    const uint8_t *end;
};

static inline uint8_t take8(struct bytes *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

static inline uint16_t take16(struct bytes *in)
{
    uint16_t low = take8(in);

    return (uint16_t)(low | take8(in) << 8);
}

static inline uint64_t take64(struct bytes *in)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 64; i += 8)
        value |= (uint64_t)take8(in) << i;
    return value;
}

/* A copy of its own size, so that reading past its end is seen; never null. */
static inline void *fuzz_copy(const void *data, size_t size)
{
    void *copy = malloc(size ? size : 1);

    if (!copy)
        exit(1);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

#endif
