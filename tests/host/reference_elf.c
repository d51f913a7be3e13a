/* SPDX-License-Identifier: MIT */
#include "reference_elf.h"

#include <string.h>

#include "plan.h"

/* Wide enough that no sum wraps. */
__extension__ typedef unsigned __int128 wide;

#define TOP ((wide)1 << 64)

/* What is found on the way; what is bad is bad, however vague the rest. */
struct finding {
    bool bad;
    bool vague;
};

static uint64_t number(const struct reference_elf *ref, uint64_t at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = bytes; i-- > 0;)
        value = value * 256 + ref->bytes[at + i];
    return value;
}

static enum reference_elf_answer answer(struct finding found)
{
    return found.bad ? ELF_BAD : found.vague ? ELF_VAGUE : ELF_GOOD;
}

static bool power_of_two(uint64_t n)
{
    for (unsigned bit = 0; bit < 64; bit++) {
        if (n == UINT64_C(1) << bit)
            return true;
    }
    return false;
}

/* Both ends in one half of what so many levels of paging reach. */
static bool canonical(wide va, wide len, unsigned levels)
{
    wide half = (wide)1 << (levels == 5 ? 56 : 47);

    return va + len <= half || (va >= TOP - half && va + len <= TOP);
}

static struct finding read_load(struct reference_elf *ref, uint64_t at, unsigned levels)
{
    struct finding found = {false, false};
    uint64_t flags = number(ref, at + 4, 4);
    wide offset = number(ref, at + 8, 8);
    wide va = number(ref, at + 16, 8);
    wide file_len = number(ref, at + 32, 8);
    wide len = number(ref, at + 40, 8);
    uint64_t align = number(ref, at + 48, 8);
    struct elf_image *image = &ref->image;

    if (len == 0) {
        found.bad = file_len > 0;
        return found;
    }
    if (file_len > len || va + len > TOP || !canonical(va, len, levels))
        found.bad = true;
    if (offset + file_len > ref->size)
        *(file_len > 0 ? &found.bad : &found.vague) = true;
    if ((va + len - 1) / 4096 == (TOP - 1) / 4096)
        found.vague = true; /* the end of its last page is no number */
    if (va < 0x10000 && !image->relocatable)
        found.bad = true;
    if (align == 0)
        found.vague = true; /* no power of two, but the System V ABI's way to say "any" */
    else if (!power_of_two(align) || va % align != offset % align)
        found.bad = true;
    if ((flags & 1) && (flags & 2))
        found.bad = true;
    if (image->count == ELF_SEGMENTS_MAX || found.bad) {
        found.bad = true;
        return found;
    }
    image->segments[image->count++] =
        (struct elf_segment){(uint64_t)va,
                             (uint64_t)len,
                             (uint64_t)offset,
                             (uint64_t)file_len,
                             ((flags & 2) ? RIGHT_W : 0) | ((flags & 1) ? RIGHT_X : 0),
                             (unsigned)((at - number(ref, 32, 8)) / 56)};
    if (align > image->align)
        image->align = align;
    return found;
}

/* Relro ends where a page does, in a segment that is writable without it. */
static bool relro_is_plain(const struct elf_image *image)
{
    wide end = (wide)image->relro + image->relro_len;

    for (size_t i = 0; i < image->count; i++) {
        const struct elf_segment *s = &image->segments[i];
        wide last = ((wide)s->va + s->len + 4095) / 4096 * 4096;

        if ((s->rights & RIGHT_W) && image->relro >= s->va && end <= last && end % 4096 == 0)
            return true;
    }
    return false;
}

static struct finding read_header(struct reference_elf *ref, uint64_t at, unsigned levels)
{
    struct finding found = {false, false};
    struct elf_image *image = &ref->image;

    switch (number(ref, at, 4)) {
    case 1:
        return read_load(ref, at, levels);
    case 2:
        image->dynamic_offset = number(ref, at + 8, 8);
        image->dynamic_len = number(ref, at + 32, 8);
        found.vague = ++ref->dynamics > 1 || image->dynamic_len != number(ref, at + 40, 8) ||
                      (wide)image->dynamic_offset + image->dynamic_len > ref->size;
        break;
    case 3:
        found.bad = true;
        break;
    case 0x6474e552:
        image->relro = number(ref, at + 16, 8);
        image->relro_len = number(ref, at + 40, 8);
        found.vague = ++ref->relros > 1;
        break;
    default:
        break;
    }
    return found;
}

/* Each against each: no byte is in two, no page in two of other rights, and they ascend. */
static bool apart_and_ascending(const struct elf_image *image)
{
    for (size_t i = 0; i < image->count; i++) {
        for (size_t k = 0; k < image->count; k++) {
            const struct elf_segment *a = &image->segments[i];
            const struct elf_segment *b = &image->segments[k];
            uint64_t a_last = ((wide)a->va + a->len - 1) / 4096 & UINT64_MAX;
            uint64_t b_last = ((wide)b->va + b->len - 1) / 4096 & UINT64_MAX;

            if (i == k)
                continue;
            if ((wide)a->va < (wide)b->va + b->len && (wide)b->va < (wide)a->va + a->len)
                return false;
            if (a->rights != b->rights && a->va / 4096 <= b_last && b->va / 4096 <= a_last)
                return false;
            if ((i < k) != (a->va < b->va))
                return false;
        }
    }
    return true;
}

static bool entry_is_executable(const struct elf_image *image)
{
    for (size_t i = 0; i < image->count; i++) {
        const struct elf_segment *s = &image->segments[i];

        if ((s->rights & RIGHT_X) && image->entry >= s->va && image->entry - s->va < s->len)
            return true;
    }
    return false;
}

enum reference_elf_answer reference_elf_read(struct reference_elf *ref, const void *bytes,
                                             uint64_t size, unsigned levels)
{
    struct finding all = {false, false};
    struct elf_image *image = &ref->image;
    uint64_t headers;
    uint64_t count;

    memset(ref, 0, sizeof(*ref));
    ref->bytes = bytes;
    ref->size = size;
    if (size < 64 || memcmp(bytes, "\177ELF\2\1", 6) != 0 || number(ref, 18, 2) != 62)
        return ELF_BAD;
    if (number(ref, 16, 2) != 2 && number(ref, 16, 2) != 3)
        return ELF_BAD;
    all.vague = ref->bytes[6] != 1 || number(ref, 20, 4) != 1 || number(ref, 52, 2) != 64;
    headers = number(ref, 32, 8);
    count = number(ref, 56, 2);
    if (count > ELF_HEADERS_MAX || number(ref, 54, 2) != 56 || (wide)headers + 56 * count > size)
        return ELF_BAD;
    image->relocatable = number(ref, 16, 2) == 3;
    image->entry = number(ref, 24, 8);
    image->align = 4096;
    for (uint64_t i = 0; i < count && !all.bad; i++) {
        struct finding found = read_header(ref, headers + 56 * i, levels);

        all.bad |= found.bad;
        all.vague |= found.vague;
    }
    if (all.bad || image->count == 0 || !apart_and_ascending(image) || !entry_is_executable(image))
        return ELF_BAD;
    all.vague |= image->relro_len > 0 && !relro_is_plain(image);
    image->start = image->segments[0].va / 4096 * 4096;
    image->end = image->segments[image->count - 1].va + image->segments[image->count - 1].len;
    image->end = (image->end + 4095) / 4096 * 4096;
    return answer(all);
}

/* The segment that holds va, if it has one of these rights (0: whatever it has); else null. */
static const struct elf_segment *segment_at(const struct elf_image *image, uint64_t va,
                                            unsigned rights)
{
    for (size_t i = 0; i < image->count; i++) {
        const struct elf_segment *s = &image->segments[i];

        if (va >= s->va && va - s->va < s->len)
            return rights == 0 || (s->rights & rights) ? s : NULL;
    }
    return NULL;
}

int reference_elf_byte(const struct elf_image *image, const uint8_t *bytes, uint64_t va)
{
    const struct elf_segment *s = segment_at(image, va, 0);

    if (!s)
        return -1;
    return va - s->va < s->file_len ? bytes[s->offset + (va - s->va)] : 0;
}

static uint64_t in_memory(const struct reference_elf *ref, uint64_t va)
{
    uint64_t value = 0;

    for (unsigned i = 8; i-- > 0;)
        value = value * 256 + (uint64_t)reference_elf_byte(&ref->image, ref->bytes, va + i);
    return value;
}

/* Eight bytes that are to become value. */
static struct finding write_one(struct reference_elf *ref, uint64_t base, uint64_t va,
                                uint64_t value)
{
    struct finding found = {false, false};

    for (unsigned i = 0; i < 8; i++) {
        if (!segment_at(&ref->image, va + i, RIGHT_W))
            found.bad = true;
        else if (segment_at(&ref->image, va + i, 0) != segment_at(&ref->image, va, 0))
            found.vague = true; /* in two writable segments that touch */
    }
    for (size_t i = 0; i < ref->nwrites; i++) {
        uint64_t apart = ref->writes[i].va - (va + base);

        if (apart < 8 || -apart < 8)
            ref->many = true;
    }
    if (ref->nwrites == REFERENCE_ELF_WRITES) {
        ref->many = true;
        return found;
    }
    ref->writes[ref->nwrites].va = va + base;
    ref->writes[ref->nwrites++].value = value;
    return found;
}

struct table {
    uint64_t va, size, entry;
    bool has_va, has_size, has_entry;
};

static void take(struct finding *found, uint64_t *to, bool *has, uint64_t value)
{
    found->vague |= *has; /* twice */
    *has = true;
    *to = value;
}

/* Is there such a table, with entries of `wanted` bytes, all of them in the file? */
static bool table_is_there(const struct reference_elf *ref, const struct table *table,
                           uint64_t wanted, struct finding *found)
{
    if (table->has_va != table->has_size || table->has_va != table->has_entry)
        found->vague = true;
    if (!table->has_va || table->size == 0) {
        found->vague |= table->has_size && !table->has_va;
        found->vague |= table->has_va; /* of no bytes, perhaps nowhere */
        return false;
    }
    if ((table->has_entry && table->entry != wanted) || table->size % wanted != 0 ||
        table->size > ref->size)
        found->bad = true;
    for (uint64_t i = 0; i < table->size && !found->bad; i++) {
        const struct elf_segment *s = segment_at(&ref->image, table->va + i, 0);

        if (!s || table->va + i - s->va >= s->file_len)
            found->bad = true;
        else if (s != segment_at(&ref->image, table->va, 0))
            found->vague = true;
    }
    return !found->bad;
}

static void read_rela(struct reference_elf *ref, uint64_t base, const struct table *table,
                      struct finding *found)
{
    for (uint64_t at = table->va; at - table->va < table->size && !found->bad; at += 24) {
        uint64_t info = in_memory(ref, at + 8);
        struct finding one;

        found->vague |= info >> 32 != 0;
        if ((uint32_t)info == 0)
            continue;
        if ((uint32_t)info != 8) {
            found->bad = true;
            return;
        }
        one = write_one(ref, base, in_memory(ref, at), in_memory(ref, at + 16) + base);
        found->bad |= one.bad;
        found->vague |= one.vague;
    }
}

static void read_relr(struct reference_elf *ref, uint64_t base, const struct table *table,
                      struct finding *found)
{
    uint64_t next = 0;

    for (uint64_t at = table->va; at - table->va < table->size && !found->bad; at += 8) {
        uint64_t entry = in_memory(ref, at);
        uint64_t bits = entry % 2 ? entry / 2 : 1;

        if (entry % 2 && at == table->va)
            found->vague = true; /* a bitmap of what? */
        if (entry % 2 == 0)
            next = entry;
        for (uint64_t va = next; bits > 0 && !found->bad; bits /= 2, va += 8) {
            struct finding one = {false, false};

            if (bits % 2)
                one = write_one(ref, base, va, 0);
            if (bits % 2 && !one.bad && !ref->many)
                ref->writes[ref->nwrites - 1].value = in_memory(ref, va) + base;
            found->bad |= one.bad;
            found->vague |= one.vague;
        }
        next += entry % 2 ? 63 * 8 : 8;
    }
}

enum reference_elf_answer reference_elf_relocate(struct reference_elf *ref, uint64_t base)
{
    struct finding found = {false, false};
    struct table rela = {0}, relr = {0};
    uint64_t at = ref->image.dynamic_offset;
    uint64_t len = ref->image.dynamic_len;
    bool ended = false;

    ref->nwrites = 0;
    ref->many = false;
    if (!ref->image.relocatable)
        return ELF_GOOD;
    if (ref->dynamics > 1)
        return ELF_VAGUE;
    if (len == 0)
        return ELF_GOOD;
    if ((wide)at + len > ref->size)
        return ELF_BAD;
    found.vague = len % 16 != 0;
    for (; len >= 16 && !ended; at += 16, len -= 16) {
        uint64_t tag = number(ref, at, 8);
        uint64_t value = number(ref, at + 8, 8);

        ended = tag == 0;
        if (tag == 1 || tag == 17 || tag == 22 || tag == 23 || (tag == 30 && (value & 4)))
            found.bad = true;
        if (tag == 2 || tag == 18 || tag == 19 || tag == 20)
            found.vague = true; /* what describes a DT_REL or DT_JMPREL, without it */
        if (tag == 7)
            take(&found, &rela.va, &rela.has_va, value);
        if (tag == 8)
            take(&found, &rela.size, &rela.has_size, value);
        if (tag == 9)
            take(&found, &rela.entry, &rela.has_entry, value);
        if (tag == 36)
            take(&found, &relr.va, &relr.has_va, value);
        if (tag == 35)
            take(&found, &relr.size, &relr.has_size, value);
        if (tag == 37)
            take(&found, &relr.entry, &relr.has_entry, value);
    }
    found.vague |= !ended;
    if (!found.bad && table_is_there(ref, &rela, 24, &found))
        read_rela(ref, base, &rela, &found);
    if (!found.bad && table_is_there(ref, &relr, 8, &found))
        read_relr(ref, base, &relr, &found);
    return answer(found);
}
