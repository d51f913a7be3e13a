/* SPDX-License-Identifier: MIT */
/* From the state of the boot to what the payload is given (footing.h), and into it. */
#ifndef HANDOVER_H
#define HANDOVER_H

#include "boot.h"
#include "footing.h"

/*
 * Room for the lists of free and of held RAM. A free run splits in two at most
 * where page tables end in it, so that both together are never longer.
 */
#define HANDOVER_RUNS  (BOOT_MAX_RANGES + BUSY_MAX + 2)
#define HANDOVER_BYTES ((BUSY_MAX + HANDOVER_RUNS) * sizeof(struct footing_held))

/*
 * Fill in what the payload is told; call it when the final tables are active.
 * room: HANDOVER_BYTES, aligned to 8, that stay as they are from then on.
 */
const struct footing_info *handover_info(const struct boot *boot, void *room);

#endif
