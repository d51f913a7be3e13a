/* SPDX-License-Identifier: MIT */
#include "backlog.h"

void backlog_put(struct backlog *backlog, char c)
{
    char *place = &backlog->text[backlog->written++ % BACKLOG_BYTES];

    if (backlog->written > BACKLOG_BYTES) {
        backlog->cut = *place != '\n';
        if (*place == '\n')
            backlog->lost++;
    }
    *place = c;
}

static char char_at(const struct backlog *backlog, uint64_t at)
{
    return backlog->text[at % BACKLOG_BYTES];
}

/* Where the first whole line begins; a text without any is shown as far as it goes. */
static uint64_t first_line(const struct backlog *backlog, uint64_t oldest)
{
    for (uint64_t at = oldest; at < backlog->written; at++) {
        if (char_at(backlog, at) == '\n')
            return at + 1;
    }
    return oldest;
}

void backlog_replay(struct backlog *backlog, print_sink sink)
{
    uint64_t at = backlog->written > BACKLOG_BYTES ? backlog->written - BACKLOG_BYTES : 0;
    uint64_t lost = backlog->lost + (backlog->cut ? 1 : 0);

    if (backlog->cut)
        at = first_line(backlog, at);
    if (lost > 0)
        print_to(sink, "footing: screen: %lu earlier lines are not shown here\r\n", lost);
    while (at < backlog->written)
        sink(char_at(backlog, at++));
    backlog->written = 0;
    backlog->lost = 0;
    backlog->cut = false;
}
