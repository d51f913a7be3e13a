/* SPDX-License-Identifier: MIT */
#ifndef PANIC_H
#define PANIC_H

#include <stdbool.h>

#include "error.h"
#include "print.h"

/* One line on every console, then stop as then= says; see README, "Panic codes". */
_Noreturn void panic(const struct error *err);

/* What a panic does once it is printed: leave QEMU (and halt if that fails), or halt at once. */
void panic_exits(bool exits);

#endif
