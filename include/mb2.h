/* SPDX-License-Identifier: MIT */
/* Multiboot2 boot information → facts. Pure: hosts test and fuzz it. */
#ifndef MB2_H
#define MB2_H

#include "facts.h"

/* Larger boot information is refused: PMAP could not show it in one piece. */
#define MB2_INFO_MAX 0x60000u

/* The first word says how large it is. ERR_INFO, ERR_INFOBIG if that is not to be used. */
struct error mb2_size(const void *info, uint32_t *size);

/*
 * Read all tags of the `size` bytes at info, in order; the last must be the
 * end tag, and every tag lies within. Fills facts except for memory ranges.
 * kexec-tools puts the image's name before the command line, and a module's
 * before its words: the first is skipped, the second becomes the module's name.
 * Its information may stop short of the end tag, which facts say then.
 * ERR_INFO (at = offset of the tag), ERR_CMDLINE, ERR_MODULES: the first that
 * is met; what other tags say is in facts all the same, for who shows the panic.
 */
struct error mb2_facts(const void *info, uint32_t size, struct facts *facts);

/*
 * Hand the memory map to the sink: the UEFI map if there is one, else the
 * E820 map. ERR_NOMAP, ERR_MAPENTRY (entries must be multiples of 8 bytes, at
 * least 24), ERR_INFO, or the sink's error. For information that mb2_facts()
 * accepted; while boot services are alive, ask the firmware instead.
 */
struct error mb2_ranges(const void *info, uint32_t size, const struct range_sink *sink);

#endif
