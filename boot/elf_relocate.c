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

struct work {
    const struct elf_file *file;
    const struct elf_image *image;
    uint64_t base;
    const struct elf_relocations *relocations;
};

/* What the dynamic section says of a table: all three, or it has none. */
enum field { ADDRESS, SIZE, ENTRY_SIZE, FIELDS };

struct table {
    uint64_t fields[FIELDS];
    unsigned seen;   /* a bit for each */
    uint64_t offset; /* in the file */
};

static struct error refuse(const char *why, uint64_t at, uint64_t value)
{
    return (struct error){.code = ERR_PAYLOAD, .at = at, .value = value, .text = why};
}

static struct error set_field(struct table *table, enum field field, uint64_t value)
{
    if (table->seen & 1u << field)
        return refuse("its dynamic section has an entry twice", field, value);
    table->seen |= 1u << field;
    table->fields[field] = value;
    return SUCCESS;
}

static struct error take_entry(uint64_t tag, uint64_t value, struct table *rela, struct table *relr)
{
    switch (tag) {
    case DT_NEEDED:
        return refuse("it needs a dynamic linker", tag, value);
    case DT_FLAGS:
        if (!(value & DF_TEXTREL))
            return SUCCESS;
        /* fallthrough */
    case DT_REL:
    case DT_JMPREL:
    case DT_TEXTREL:
        return refuse("it has relocations of another kind", tag, value);
    case DT_RELA:
        return set_field(rela, ADDRESS, value);
    case DT_RELASZ:
        return set_field(rela, SIZE, value);
    case DT_RELAENT:
        return set_field(rela, ENTRY_SIZE, value);
    case DT_RELR:
        return set_field(relr, ADDRESS, value);
    case DT_RELRSZ:
        return set_field(relr, SIZE, value);
    case DT_RELRENT:
        return set_field(relr, ENTRY_SIZE, value);
    default:
        return SUCCESS;
    }
}

static struct error read_dynamic(const struct work *w, struct table *rela, struct table *relr)
{
    uint64_t at = w->image->dynamic_offset;
    uint64_t left = w->image->dynamic_len;
    struct error err = SUCCESS;
    uint8_t entry[DYN_SIZE];

    if (at > w->file->size || left > w->file->size - at)
        return refuse("its dynamic section is outside the file", at, left);
    for (; left >= DYN_SIZE && !err.code; at += DYN_SIZE, left -= DYN_SIZE) {
        w->file->read(w->file->ctx, at, entry, DYN_SIZE);
        if (load64(entry) == DT_NULL)
            return SUCCESS;
        err = take_entry(load64(entry), load64(entry + DYN_VALUE), rela, relr);
    }
    return err.code ? err : refuse("its dynamic section does not end", at, left);
}

/* Find all of a table among what one segment has in the file. */
static struct error find_table(const struct work *w, struct table *table, uint64_t entry_size)
{
    uint64_t va = table->fields[ADDRESS] + w->base;
    uint64_t size = table->fields[SIZE];

    if (table->seen == 0)
        return SUCCESS;
    if (table->seen != (1u << FIELDS) - 1 || table->fields[ENTRY_SIZE] != entry_size ||
        size % entry_size != 0)
        return refuse("its relocations are damaged", va, size);
    for (size_t i = 0; i < w->image->count; i++) {
        const struct elf_segment *s = &w->image->segments[i];
        uint64_t before = va - s->va;

        if (before <= s->file_len && size <= s->file_len - before) {
            table->offset = s->offset + before;
            return SUCCESS;
        }
    }
    return size == 0 ? SUCCESS : refuse("its relocations are outside the file", va, size);
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
static struct error relocate(const struct work *w, uint64_t va, const uint8_t *addend)
{
    const struct elf_relocations *to = w->relocations;

    if (!is_writable(w->image, va))
        return refuse("a relocation is outside the writable segments", va, 0);
    return to->put(to->ctx, va, w->base + (addend ? load64(addend) : to->get(to->ctx, va)));
}

static struct error apply_rela(const struct work *w, const struct table *rela)
{
    struct error err = SUCCESS;
    uint8_t entry[RELA_SIZE];

    for (uint64_t at = 0; at < rela->fields[SIZE] && !err.code; at += RELA_SIZE) {
        uint32_t type;

        w->file->read(w->file->ctx, rela->offset + at, entry, RELA_SIZE);
        type = load32(entry + R_TYPE);
        if (type == R_X86_64_RELATIVE)
            err = relocate(w, w->base + load64(entry + R_OFFSET), entry + R_ADDEND);
        else if (type != R_X86_64_NONE)
            err = refuse("it has relocations of another kind", load64(entry + R_OFFSET), type);
    }
    return err;
}

static struct error apply_relr(const struct work *w, const struct table *relr)
{
    struct error err = SUCCESS;
    uint8_t bytes[RELR_SIZE];
    uint64_t va = 0; /* of the word that the next bit stands for */

    for (uint64_t at = 0; at < relr->fields[SIZE] && !err.code; at += RELR_SIZE) {
        uint64_t entry;

        w->file->read(w->file->ctx, relr->offset + at, bytes, RELR_SIZE);
        entry = load64(bytes);
        if (entry % 2 == 0) {
            va = w->base + entry;
            err = relocate(w, va, NULL);
            va += 8;
            continue;
        }
        for (unsigned bit = 0; bit < RELR_BITS && !err.code; bit++)
            if (entry >> bit & 2)
                err = relocate(w, va + 8 * bit, NULL);
        va += 8 * RELR_BITS;
    }
    return err;
}

struct error elf_relocate(const struct elf_file *file, const struct elf_image *image, uint64_t base,
                          const struct elf_relocations *relocations)
{
    const struct work w = {file, image, base, relocations};
    struct table rela = {.seen = 0};
    struct table relr = {.seen = 0};
    struct error err;

    if (!image->relocatable || image->dynamic_len == 0)
        return SUCCESS;
    err = read_dynamic(&w, &rela, &relr);
    if (!err.code)
        err = find_table(&w, &rela, RELA_SIZE);
    if (!err.code)
        err = find_table(&w, &relr, RELR_SIZE);
    /* A word that both name gets the value of RELA, as from other loaders. */
    if (!err.code)
        err = apply_relr(&w, &relr);
    if (!err.code)
        err = apply_rela(&w, &rela);
    return err;
}
