/* SPDX-License-Identifier: MIT */
/* pt_update() on the tables that are active, for the payload. */
#ifndef LIVE_H
#define LIVE_H

#include "boot.h"
#include "footing.h"

/* Take over the final tables; before the first live_update(). ERR_PLANFULL. */
struct error live_start(const struct boot *boot);

/* As struct footing_calls has it. */
const char *live_update(const struct footing_update *update);

#endif
