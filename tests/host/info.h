/* SPDX-License-Identifier: MIT */
/* Multiboot2 boot information, put together tag by tag (Multiboot2 2.0 section 3.6). */
#ifndef INFO_H
#define INFO_H

#include "facts.h"
#include "mb2.h"

struct info {
    uint8_t bytes[MB2_INFO_MAX];
    uint32_t size;
};

/* Room for one; it lives until the next one is asked for. */
struct info *info_start(void);

/* Append a tag of 8 + len bytes, then padding that is not zero; returns the tag's offset. */
uint32_t info_tag(struct info *info, uint32_t type, const void *payload, size_t len);

/* Tags of one or two numbers, of a string with its zero, and of a module. */
uint32_t info_u64(struct info *info, uint32_t type, uint64_t value);
uint32_t info_string(struct info *info, uint32_t type, const char *text);
uint32_t info_module(struct info *info, uint32_t base, uint32_t end);

/* An E820 map tag with its two words and `len` bytes of entries. */
uint32_t info_mmap(struct info *info, uint32_t entry_size, const void *entries, size_t len);

/* The same for a UEFI map. */
uint32_t info_efi_mmap(struct info *info, uint32_t descriptor_size, uint32_t version,
                       const void *descriptors, size_t len);

/* Write the word at an offset, whatever stood there. */
void info_poke(struct info *info, uint32_t offset, uint32_t value);

/* The end tag, and the total size. */
void info_end(struct info *info);

/*
 * Parse a copy that lies at the very end of its allocation and is gone when
 * this returns, so that a read beyond it and a pointer into it are both found.
 * facts is empty before.
 */
struct error info_facts(const struct info *info, struct facts *facts);
struct error info_ranges(const struct info *info, const struct range_sink *sink);

/* Facts, and if they are good, ranges: the first error of both. */
struct error info_read(const struct info *info, struct facts *facts, const struct range_sink *sink);

#endif
