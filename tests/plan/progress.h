/* SPDX-License-Identifier: MIT */
/* For those who wait: a line on the terminal, and nothing where there is none. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <stdint.h>

/* Say how far it is; total 0: not known. Shows from half a second of waiting on. */
void progress(const char *doing, uint64_t done, uint64_t total, const char *unit);

/* Wipe the line, if there is one. */
void progress_end(void);

#endif
