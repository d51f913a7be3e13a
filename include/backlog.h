/* SPDX-License-Identifier: MIT */
/* The last lines, kept for a console that is not there yet. Pure. */
#ifndef BACKLOG_H
#define BACKLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "print.h"

/* More than the registers and the stack of an exception take. */
#define BACKLOG_BYTES 4096u

/* Zero but for the text: empty. */
struct backlog {
    char text[BACKLOG_BYTES]; /* a ring */
    uint64_t written;         /* characters, ever */
    uint64_t lost;            /* lines that were overwritten */
    bool cut;                 /* the oldest one that is left has lost its beginning */
};

/* One more character; it takes the place of the oldest one if there is no room. */
void backlog_put(struct backlog *backlog, char c);

/* All whole lines that are left go to the sink, after one that counts those that are not. Empty then. */
void backlog_replay(struct backlog *backlog, print_sink sink);

#endif
