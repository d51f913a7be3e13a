/* SPDX-License-Identifier: MIT */
#include "elf.h"
#include "load.h"
#include "plan.h"

/* The dynamic section: pairs of a tag and a value. */
#define DYN_VALUE  8
#define DYN_SIZE   16u
#define DT_NULL    0u
#define DT_NEEDED  1u
#define DT_RELA    7u
#define DT_RELASZ  8u
#define DT_RELAENT 9u
#define DT_REL     17u
#define DT_TEXTREL 22u
#define DT_JMPREL  23u
#define DT_FLAGS   30u
#define DT_RELRSZ  35u
#define DT_RELR    36u
#define DT_RELRENT 37u
#define DF_TEXTREL 4u

#define R_OFFSET          0
#define R_TYPE            8 /* the low half of r_info */
#define R_ADDEND          16
#define RELA_SIZE         24u
#define R_X86_64_NONE     0u
#define R_X86_64_RELATIVE 8u

/* RELR: an even word is an address, an odd one 63 bits for the words that follow. */
#define RELR_SIZE 8u
#define RELR_BITS 63u

/* What is being applied, and why it ended: functions that return struct error take more bytes. */
struct work {
    const struct elf_file *file;
    const struct elf_image *image;
    uint64_t base;
    const struct elf_relocations *relocations;
    struct error err;
};

/* What the dynamic section says of a table: all three, or it has none. */
enum field { ADDRESS, SIZE, ENTRY_SIZE, FIELDS };

struct table {
    uint64_t fields[FIELDS];
    unsigned seen;   /* a bit for each */
    uint64_t offset; /* in the file */
};

static __attribute__((noinline)) bool refuse(struct work *w, const char *why, uint64_t at,
                                             uint64_t value)
{
    w->err = (struct error){.code = ERR_PAYLOAD, .at = at, .value = value, .text = why};
    return false;
}

static bool set_field(struct work *w, struct table *table, enum field field, uint64_t value)
{
    if (table->seen & 1u << field)
        return refuse(w, "its dynamic section has an entry twice", field, value);
    table->seen |= 1u << field;
    table->fields[field] = value;
    return true;
}

static bool take_entry(struct work *w, uint64_t tag, uint64_t value, struct table *rela,
                       struct table *relr)
{
    /* DT_FLAGS, too, may say TEXTREL. */
    if (tag == DT_FLAGS && (value & DF_TEXTREL))
        tag = DT_TEXTREL;
    switch (tag) {
    case DT_NEEDED:
        return refuse(w, "it needs a dynamic linker", tag, value);
    case DT_REL:
    case DT_JMPREL:
    case DT_TEXTREL:
        return refuse(w, "it has relocations of another kind", tag, value);
    case DT_RELA:
        return set_field(w, rela, ADDRESS, value);
    case DT_RELASZ:
        return set_field(w, rela, SIZE, value);
    case DT_RELAENT:
        return set_field(w, rela, ENTRY_SIZE, value);
    case DT_RELR:
        return set_field(w, relr, ADDRESS, value);
    case DT_RELRSZ:
        return set_field(w, relr, SIZE, value);
    case DT_RELRENT:
        return set_field(w, relr, ENTRY_SIZE, value);
    default:
        return true;
    }
}

static bool read_dynamic(struct work *w, struct table *rela, struct table *relr)
{
    uint64_t at = w->image->dynamic_offset;
    uint64_t left = w->image->dynamic_len;
    uint8_t entry[DYN_SIZE];

    if (at > w->file->size || left > w->file->size - at)
        return refuse(w, "its dynamic section is outside the file", at, left);
    for (; left >= DYN_SIZE; at += DYN_SIZE, left -= DYN_SIZE) {
        w->file->read(w->file->ctx, at, entry, DYN_SIZE);
        if (load64(entry) == DT_NULL)
            return true;
        if (!take_entry(w, load64(entry), load64(entry + DYN_VALUE), rela, relr))
            return false;
    }
    return refuse(w, "its dynamic section does not end", at, left);
}

/* Find all of a table among what one segment has in the file; an empty one need not be there. */
static bool find_table(struct work *w, struct table *table, uint64_t entry_size)
{
    uint64_t va = table->fields[ADDRESS] + w->base;
    uint64_t size = table->fields[SIZE];

    if (table->seen == 0)
        return true;
    if (table->seen != (1u << FIELDS) - 1 || table->fields[ENTRY_SIZE] != entry_size ||
        size % entry_size != 0)
        return refuse(w, "its relocations are damaged", va, size);
    for (size_t i = 0; i < w->image->count; i++) {
        const struct elf_segment *s = &w->image->segments[i];
        uint64_t before = va - s->va;

        if (before <= s->file_len && size <= s->file_len - before) {
            table->offset = s->offset + before;
            return true;
        }
    }
    return size == 0 || refuse(w, "its relocations are outside the file", va, size);
}

static bool is_writable(const struct elf_image *image, uint64_t va)
{
    for (size_t i = 0; i < image->count; i++) {
        const struct elf_segment *s = &image->segments[i];

        if ((s->rights & RIGHT_W) && s->len >= 8 && va - s->va <= s->len - 8)
            return true;
    }
    return false;
}

/* Relocate the word at va, with this addend, or if null with what it holds itself. */
static bool relocate(struct work *w, uint64_t va, const uint8_t *addend)
{
    const struct elf_relocations *to = w->relocations;

    if (!is_writable(w->image, va))
        return refuse(w, "a relocation is outside the writable segments", va, 0);
    w->err = to->put(to->ctx, va, w->base + (addend ? load64(addend) : to->get(to->ctx, va)));
    return !w->err.code;
}

static bool apply_rela(struct work *w, const struct table *rela)
{
    uint8_t entry[RELA_SIZE];

    for (uint64_t at = 0; at < rela->fields[SIZE]; at += RELA_SIZE) {
        uint32_t type;

        w->file->read(w->file->ctx, rela->offset + at, entry, RELA_SIZE);
        type = load32(entry + R_TYPE);
        if (type == R_X86_64_NONE)
            continue;
        if (type != R_X86_64_RELATIVE)
            return refuse(w, "it has relocations of another kind", load64(entry + R_OFFSET), type);
        if (!relocate(w, w->base + load64(entry + R_OFFSET), entry + R_ADDEND))
            return false;
    }
    return true;
}

static bool apply_relr(struct work *w, const struct table *relr)
{
    uint8_t bytes[RELR_SIZE];
    bool begun = false;
    uint64_t va = 0; /* of the word that the next bit stands for */

    for (uint64_t at = 0; at < relr->fields[SIZE]; at += RELR_SIZE) {
        uint64_t entry;

        w->file->read(w->file->ctx, relr->offset + at, bytes, RELR_SIZE);
        entry = load64(bytes);
        if (entry % 2 == 0) {
            va = w->base + entry;
            if (!relocate(w, va, NULL))
                return false;
            va += 8;
            begun = true;
            continue;
        }
        /* Linkers fill up with words of no bits, even where there is no address. */
        if (!begun && entry != 1)
            return refuse(w, "its relocations are damaged", at, entry);
        for (unsigned bit = 0; bit < RELR_BITS; bit++)
            if ((entry >> bit & 2) && !relocate(w, va + 8 * bit, NULL))
                return false;
        va += 8 * RELR_BITS;
    }
    return true;
}

struct error elf_relocate(const struct elf_file *file, const struct elf_image *image, uint64_t base,
                          const struct elf_relocations *relocations)
{
    struct work w = {file, image, base, relocations, SUCCESS};
    struct table rela = {.seen = 0};
    struct table relr = {.seen = 0};

    /* A word that both name gets the value of RELA, as from other loaders. */
    if (image->relocatable && image->dynamic_len > 0 && read_dynamic(&w, &rela, &relr) &&
        find_table(&w, &rela, RELA_SIZE) && find_table(&w, &relr, RELR_SIZE) &&
        apply_relr(&w, &relr))
        apply_rela(&w, &rela);
    return w.err;
}
