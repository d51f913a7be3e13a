/* SPDX-License-Identifier: MIT */
/* A range sink that remembers what it was handed, and can refuse. */
#ifndef RECORDER_H
#define RECORDER_H

#include "facts.h"

#define RECORDER_MAX 1024

struct recorded {
    uint64_t base;
    uint64_t len;
    enum mem_type type;
    uint32_t raw;
};

struct recorder {
    struct recorded got[RECORDER_MAX];
    size_t count;
    size_t refuse_at; /* the call, from 0, that is answered with refusal */
    struct error refusal;
    struct range_sink sink;
};

/* An empty recorder that never refuses. It lives until the next one is asked for. */
struct recorder *recorder_start(void);

/* Fails the test unless range i is this one. */
void recorder_expect(const struct recorder *recorder, size_t i, uint64_t base, uint64_t len,
                     enum mem_type type, uint32_t raw);

/* One UEFI memory descriptor (UEFI 2.10 section 7.2.3) at the start of `size` bytes; the rest is
   filled with what no parser may take for anything. */
void put_descriptor(void *to, size_t size, uint32_t type, uint64_t base, uint64_t pages,
                    uint64_t attribute);

#endif
