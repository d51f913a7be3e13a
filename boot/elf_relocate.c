/* SPDX-License-Identifier: MIT */
#include "elf.h"
#include "load.h"
#include "plan.h"
#include "print.h"

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

/* What is being applied, and why it ended. */
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
    const char *name;
    uint64_t fields[FIELDS];
    unsigned seen;   /* a bit for each */
    uint64_t offset; /* in the file */
};

static bool refuse(struct work *w, uint64_t at, const char *why)
{
    w->err = (struct error){.code = ERR_PAYLOAD, .at = at, .text = why};
    return false;
}

static bool set_field(struct work *w, struct table *table, enum field field, uint64_t value)
{
    static const char *const endings[] = {"", "SZ", "ENT"};

    if (table->seen & 1u << field)
        return refuse(w, value,
                      message("its dynamic section has %s%s twice", table->name, endings[field]));
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
        return refuse(w, value, "it needs a shared library (NEEDED): link it with -static-pie");
    case DT_REL:
        return refuse(w, value, "it has relocations without addends (REL), which x86-64 has not");
    case DT_JMPREL:
        return refuse(w, value,
                      "it has relocations of calls (JMPREL): link it with -static-pie, and without "
                      "symbols that are not defined");
    case DT_TEXTREL:
        return refuse(w, value,
                      "it has relocations in what is not writable (TEXTREL): compile with -fPIE");
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
        return refuse(w, at,
                      message("its dynamic section, 0x%lx bytes at offset 0x%lx, is outside the "
                              "file, which has 0x%lx",
                              left, at, w->file->size));
    for (; left >= DYN_SIZE; at += DYN_SIZE, left -= DYN_SIZE) {
        w->file->read(w->file->ctx, at, entry, DYN_SIZE);
        if (load64(entry) == DT_NULL)
            return true;
        if (!take_entry(w, load64(entry), load64(entry + DYN_VALUE), rela, relr))
            return false;
    }
    return refuse(w, at,
                  message("its dynamic section, up to offset 0x%lx, does not end with NULL", at));
}

static bool refuse_table(struct work *w, const struct table *table, const char *why)
{
    uint64_t va = table->fields[ADDRESS];

    return refuse(
        w, va,
        message("its table of relocations %s, 0x%lx+0x%lx with entries of 0x%lx bytes, %s",
                table->name, va, table->fields[SIZE], table->fields[ENTRY_SIZE], why));
}

/* Find all of a table among what one segment has in the file; an empty one need not be there. */
static bool find_table(struct work *w, struct table *table, uint64_t entry_size)
{
    uint64_t va = table->fields[ADDRESS] + w->base;
    uint64_t size = table->fields[SIZE];

    if (table->seen == 0)
        return true;
    if (table->seen != (1u << FIELDS) - 1)
        return refuse_table(w, table, "lacks its address, its size or that of its entries");
    if (table->fields[ENTRY_SIZE] != entry_size || size % entry_size != 0)
        return refuse_table(w, table, message("is damaged: entries have %lu bytes", entry_size));
    for (size_t i = 0; i < w->image->count; i++) {
        const struct elf_segment *s = &w->image->segments[i];
        uint64_t before = va - s->va;

        if (before <= s->file_len && size <= s->file_len - before) {
            table->offset = s->offset + before;
            return true;
        }
    }
    return size == 0 || refuse_table(w, table, "is in no segment's part of the file");
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
        return refuse(w, va - w->base,
                      message("a relocation, of the 8 bytes at 0x%lx, is outside the writable "
                              "segments",
                              va - w->base));
    w->err = to->put(to->ctx, va, w->base + (addend ? load64(addend) : to->get(to->ctx, va)));
    return !w->err.code;
}

/* System V ABI, AMD64 supplement, table 4.9: those that linkers leave to a dynamic linker. */
static const char *type_name(uint32_t type)
{
    static const char *const names[] = {
        [1] = "R_X86_64_64",       [2] = "R_X86_64_PC32",       [5] = "R_X86_64_COPY",
        [6] = "R_X86_64_GLOB_DAT", [7] = "R_X86_64_JUMP_SLOT",  [10] = "R_X86_64_32",
        [11] = "R_X86_64_32S",     [16] = "R_X86_64_DTPMOD64",  [17] = "R_X86_64_DTPOFF64",
        [18] = "R_X86_64_TPOFF64", [24] = "R_X86_64_PC64",      [33] = "R_X86_64_SIZE64",
        [36] = "R_X86_64_TLSDESC", [37] = "R_X86_64_IRELATIVE",
    };
    const char *name = type < sizeof(names) / sizeof(names[0]) ? names[type] : NULL;

    return name ? name : "of no known name";
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
            return refuse(w, load64(entry + R_OFFSET),
                          message("its relocation of 0x%lx has type %u, %s, where only "
                                  "R_X86_64_RELATIVE needs no dynamic linker: link it with "
                                  "-static-pie",
                                  load64(entry + R_OFFSET), type, type_name(type)));
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
            return refuse_table(w, relr,
                                message("begins with a bitmap, 0x%lx, before any address", entry));
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
    struct table rela = {.name = "RELA"};
    struct table relr = {.name = "RELR"};

    /* A word that both name gets the value of RELA, as from other loaders. */
    if (image->relocatable && image->dynamic_len > 0 && read_dynamic(&w, &rela, &relr) &&
        find_table(&w, &rela, RELA_SIZE) && find_table(&w, &relr, RELR_SIZE) &&
        apply_relr(&w, &relr))
        apply_rela(&w, &rela);
    return w.err;
}
