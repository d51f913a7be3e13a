/* SPDX-License-Identifier: MIT */
#include "pe.h"

#include "load.h"
#include "print.h"

/* Offsets in the file, from the signature, in the optional header, and in a section's header. */
#define DOS_LFANEW   60u
#define DOS_SIZE     64u
#define PE_MACHINE   4u
#define PE_SECTIONS  6u
#define PE_OPT_SIZE  20u
#define PE_OPTIONAL  24u
#define OPT_IMAGE    56u
#define OPT_MIN      60u
#define SECTION_VSZ  8u
#define SECTION_RVA  12u
#define SECTION_SIZE 40u

#define DOS_MAGIC     0x5a4du     /* "MZ" */
#define PE_SIGNATURE  0x00004550u /* "PE\0\0" */
#define MACHINE_AMD64 0x8664u
#define MAGIC_PE32P   0x020bu

/* Offsets of the section headers, and what the sections must lie in. */
struct table {
    size_t start;
    size_t end;
    uint32_t image_size;
};

static struct error damaged(size_t at, uint64_t value, const char *why)
{
    return (struct error){.code = ERR_INFO, .at = at, .value = value, .text = why};
}

/* What stands in a field of the headers that cannot stand there. */
static struct error bad_field(size_t at, uint64_t value, const char *what)
{
    return damaged(at, value, message("PE: %s: 0x%lx, at offset 0x%lx", what, value, at));
}

static struct error find_table(const uint8_t *bytes, size_t len, struct table *table)
{
    size_t pe, optional, optional_size;

    if (len < DOS_SIZE)
        return damaged(len, len, message("PE: headers are cut off after 0x%lx bytes", len));
    if (load16(bytes) != DOS_MAGIC)
        return bad_field(0, load16(bytes), "no MZ");
    pe = load32(bytes + DOS_LFANEW);
    if (pe > len || len - pe < PE_OPTIONAL)
        return bad_field(DOS_LFANEW, pe, "e_lfanew beyond the headers");
    if (load32(bytes + pe) != PE_SIGNATURE)
        return bad_field(pe, load32(bytes + pe), "no signature");
    if (load16(bytes + pe + PE_MACHINE) != MACHINE_AMD64)
        return bad_field(pe + PE_MACHINE, load16(bytes + pe + PE_MACHINE),
                         "a machine that is not x86-64");
    optional = pe + PE_OPTIONAL;
    optional_size = load16(bytes + pe + PE_OPT_SIZE);
    if (optional_size < OPT_MIN)
        return bad_field(pe + PE_OPT_SIZE, optional_size, "too small an optional header");
    table->start = optional + optional_size;
    table->end = table->start + (size_t)load16(bytes + pe + PE_SECTIONS) * SECTION_SIZE;
    if (table->end > len)
        return damaged(table->start, table->end,
                       message("PE: section table 0x%lx-0x%lx is beyond the headers' 0x%lx bytes",
                               table->start, table->end, len));
    if (load16(bytes + optional) != MAGIC_PE32P)
        return bad_field(optional, load16(bytes + optional), "not PE32+");
    table->image_size = load32(bytes + optional + OPT_IMAGE);
    return SUCCESS;
}

/* Offset of the one section header with this name; 0: there is none. */
static struct error find_name(const uint8_t *bytes, const struct table *table, const char *name,
                              size_t *found)
{
    uint8_t padded[8] = {0};

    for (size_t i = 0; i < sizeof(padded) && name[i] != '\0'; i++)
        padded[i] = (uint8_t)name[i];
    *found = 0;
    for (size_t at = table->start; at < table->end; at += SECTION_SIZE) {
        if (load64(bytes + at) != load64(padded))
            continue;
        if (*found != 0)
            return damaged(at, *found,
                           message("PE: section %s is twice there, at offsets 0x%lx and 0x%lx",
                                   name, *found, at));
        *found = at;
    }
    return SUCCESS;
}

struct error pe_find_section(const void *headers, size_t len, const char *name,
                             struct pe_section *section)
{
    const uint8_t *bytes = headers;
    struct table table;
    struct error err;
    uint32_t rva, size;
    size_t at;

    *section = (struct pe_section){0};
    err = find_table(bytes, len, &table);
    if (!err.code)
        err = find_name(bytes, &table, name, &at);
    if (err.code || at == 0)
        return err;
    rva = load32(bytes + at + SECTION_RVA);
    size = load32(bytes + at + SECTION_VSZ);
    if ((uint64_t)rva + size > table.image_size)
        return damaged(at, (uint64_t)rva + size,
                       message("PE: section %s, 0x%x+0x%x, is beyond the image's 0x%x bytes", name,
                               rva, size, table.image_size));
    *section = (struct pe_section){.rva = rva, .size = size};
    return SUCCESS;
}
