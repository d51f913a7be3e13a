/* SPDX-License-Identifier: MIT */
#ifndef PANIC_H
#define PANIC_H

#include <stdbool.h>

#include "error.h"

/*
 * One line on every console, then stop; see README, "Panic codes". Called
 * again while that line is printed, by an exception: the same line once more.
 */
_Noreturn void panic(const struct error *err);

/* Is the line on its way? An exception met there says so, and goes on without the screen. */
bool panic_is_printing(void);

/* Go on, or panic. */
static inline void must(struct error err)
{
    if (err.code)
        panic(&err);
}

/*
 * Where there is somebody to go back to, as long as UEFI's boot services live:
 * called when the line is out. If it is null or returns, the machine stops.
 */
void panic_returns(void (*back)(const struct error *err));

/*
 * As long as no screen is shown: called when the line is out everywhere else,
 * to find one for it. Null: there is none to find, or one is shown.
 */
void panic_seeks_screen(void (*seek)(void));

/*
 * Does a panic leave QEMU, before it halts? It does until then=halt or
 * then=reboot is known: neither asks for an end that looks like another.
 */
void panic_exits(bool wanted);

#endif
