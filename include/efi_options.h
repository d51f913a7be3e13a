/* SPDX-License-Identifier: MIT */
/*
 * LoadOptions (EFI_LOADED_IMAGE_PROTOCOL, UEFI 2.10 section 9.1): bytes of
 * whoever wrote the boot entry → a line of UTF-8, or nothing. Pure.
 *
 * UEFI says nothing of what they hold. A shell and most boot managers write
 * UCS-2; efibootmgr without -u writes 8-bit text, without a zero; several
 * arguments to it are separated by zeros; firmware puts numbers, a GUID or a
 * structure of its own there, and some hand over the whole EFI_LOAD_OPTION.
 */
#ifndef EFI_OPTIONS_H
#define EFI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"
#include "facts.h"

struct efi_options {
    char *line;    /* of CMDLINE_MAX bytes; "" if there is no text */
    bool ignored;  /* there is something, but no text */
    bool inner;    /* the text is OptionalData of a whole EFI_LOAD_OPTION */
    size_t behind; /* so many bytes behind the text's zero are no text, and do not count */
};

/*
 * Text is a sequence of characters without controls but tabs: UCS-2 (little
 * endian, no surrogates), or UTF-8, of which ASCII is a part. A byte order
 * mark at its start says which, and is skipped. A zero unit ends a piece of
 * text. Further pieces, one zero apart, belong to the same line, as if a blank
 * stood there; those of UCS-2 must be mostly ASCII (more than half of their
 * units), and only zeros may follow the last.
 *
 * The first of these that is true of the bytes decides:
 *  - there are none, or all are zero: an empty line;
 *  - 16 bytes without a mark look like a random GUID (RFC 4122, version 4), and
 *    are not mostly ASCII as UCS-2: ignored;
 *  - all of them are text. What can be read as UCS-2 and as UTF-8 is UCS-2 only
 *    if it is mostly ASCII, as a command line is;
 *  - they are a whole EFI_LOAD_OPTION (section 3.1.3) with no Attributes but
 *    defined ones, whose OptionalData is empty, or text by this rule or the next;
 *  - they begin with text that a zero ends, and the rest is none: that text, and
 *    `behind`. Not so a single ASCII byte as UTF-8, nor the structure that
 *    belongs to Windows's boot manager;
 *  - they are ignored.
 *
 * ERR_CMDLINE: the text does not fit, at = the limit, value = its units.
 * ERR_INFO: UCS-2 that is marked so or mostly ASCII ends with half a unit, text
 * = so, at = where, value = that byte.
 *
 * load_options: `size` bytes at any address, no others are read; may be null
 * if there are none.
 */
struct error efi_options_read(const void *load_options, size_t size, struct efi_options *options);

#endif
