/* SPDX-License-Identifier: MIT */
/* Little-endian words out of bytes of any alignment. */
#ifndef LOAD_H
#define LOAD_H

#include <stdint.h>

static inline uint16_t load16(const uint8_t *at)
{
    uint16_t value;

    __builtin_memcpy(&value, at, sizeof(value));
    return value;
}

static inline uint32_t load32(const uint8_t *at)
{
    uint32_t value;

    __builtin_memcpy(&value, at, sizeof(value));
    return value;
}

static inline uint64_t load64(const uint8_t *at)
{
    uint64_t value;

    __builtin_memcpy(&value, at, sizeof(value));
    return value;
}

#endif
