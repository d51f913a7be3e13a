/* SPDX-License-Identifier: MIT */
/* Output is gathered and written at the end: all of it or nothing. */
#ifndef OUT_H
#define OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct out {
    char *text;
    size_t len;
    size_t max;
    bool failed; /* out of memory: what follows is not kept */
};

__attribute__((format(printf, 2, 3))) void out_print(struct out *out, const char *format, ...);

/* Write it all to standard output; false: that failed, or the gathering did. */
bool out_write(const struct out *out);
void out_free(struct out *out);

/* Room for n things, at least one, not cleared. Where there is none: says so and exits with 1. */
void *out_alloc(size_t n, size_t size);

/* A size in the largest unit that leaves it whole: "639 K". */
void size_exact(char text[24], uint64_t bytes);

/* A size as people say it: "15.9 GiB". */
void size_rough(char text[24], uint64_t bytes);

#endif
