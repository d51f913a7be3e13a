/* SPDX-License-Identifier: MIT */
/* From the state of the boot to what the payload is given (footing.h), and into it. */
#ifndef HANDOVER_H
#define HANDOVER_H

#include "boot.h"
#include "footing.h"

/*
 * Fill in what the payload is told; call it when the final tables are active.
 * boot->lists have been made, and stay as they are from then on.
 */
const struct footing_info *handover_info(const struct boot *boot);

#endif
