/* SPDX-License-Identifier: MIT */
/* What only footing.efi has: a loader of its own. */
#ifndef EFI_START_H
#define EFI_START_H

#include "efi_services.h"

/*
 * The firmware has started us: show its console, find out where we come from,
 * and load what is to be loaded (efi_load()). From here on until boot services
 * are left, a panic goes back to the firmware, with a status that tells why.
 *
 * Weak, for footing.elf, which a loader has started, is linked without it.
 */
struct error efi_start(struct efi *efi, struct facts *facts) __attribute__((weak));

#endif
