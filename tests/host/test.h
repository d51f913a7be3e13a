/* SPDX-License-Identifier: MIT */
/* What every host test includes first: cmocka, sizes, and how many elements an array has. */
#ifndef TEST_H
#define TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define K(n) (UINT64_C(n) << 10)
#define M(n) (UINT64_C(n) << 20)
#define G(n) (UINT64_C(n) << 30)
#define T(n) (UINT64_C(n) << 40)

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
