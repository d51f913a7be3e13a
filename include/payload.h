/* SPDX-License-Identifier: MIT */
/* The payload: from its ELF file to segments in frames of their own. */
#ifndef PAYLOAD_H
#define PAYLOAD_H

#include "elf.h"
#include "facts.h"
#include "frames.h"
#include "plan.h"

/* Segments may lie in pieces, where RAM is fragmented. */
#define PAYLOAD_PIECES_MAX 128

struct payload {
    const struct module *module; /* null: there is no payload that was loaded */
    struct elf_image image;
    uint64_t base; /* what its addresses count from: 0 if it is not relocatable */
    struct mapping pieces[PAYLOAD_PIECES_MAX]; /* plan entries, in the image's order */
    size_t count;
};

/* A module as a file that is read through PMAP; it lives as long as the module. */
struct elf_file payload_file(const struct module *module);

/*
 * Read the module's headers, and find free RAM for its segments; it is held
 * from then on. Where there is a run long enough, a segment of 2 MiB or more
 * agrees with its addresses modulo 2 MiB. ERR_PAYLOAD: those of elf_read(), and
 * a segment where Footing itself is, both ranges in text; ERR_PLANFULL: RAM is
 * in too many pieces; ERR_NOFRAMES: there is not enough, value = frames.
 */
struct error payload_place(struct payload *payload, const struct module *module,
                           const struct plan_request *request, struct busy_list *busy);

/* What payload_copy() would say; nothing is written. */
struct error payload_can_be_copied(const struct payload *payload);

/* Copy and relocate it, through PMAP: for while nothing else maps its frames. ERR_PAYLOAD. */
struct error payload_copy(const struct payload *payload);

#endif
