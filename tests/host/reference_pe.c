/* SPDX-License-Identifier: MIT */
#include "reference_pe.h"

#include <string.h>

#include "exact.h"

/* A number of so many bytes; of bytes that are not there: 0, and the headers are cut. */
static uint64_t number(const void *headers, uint64_t len, uint64_t at, unsigned bytes, bool *cut)
{
    const uint8_t *from = headers;
    uint64_t value = 0;

    if (at + bytes > len) {
        *cut = true;
        return 0;
    }
    for (unsigned i = bytes; i-- > 0;)
        value = value * 256 + from[at + i];
    return value;
}

enum reference_pe_answer reference_pe(const void *headers, size_t len, const char *name,
                                      struct pe_section *section)
{
    enum reference_pe_answer answer = PE_GOOD;
    bool cut = len < 64;
    uint64_t pe = number(headers, len, 0x3c, 4, &cut);
    uint64_t coff = pe + 4;
    uint64_t optional = coff + 20;
    uint64_t count = number(headers, len, coff + 2, 2, &cut);
    uint64_t optional_size = number(headers, len, coff + 16, 2, &cut);
    uint64_t table = optional + optional_size;
    uint64_t image = number(headers, len, optional + 56, 4, &cut);
    unsigned found = 0;

    *section = (struct pe_section){0, 0};
    if (number(headers, len, 0, 2, &cut) != 0x5a4d || number(headers, len, pe, 4, &cut) != 0x4550 ||
        number(headers, len, optional, 2, &cut) != 0x20b)
        return PE_BAD;
    if (cut || table + 40 * count > len || optional_size < 60)
        return PE_BAD;
    if (pe < 64 || pe % 8 != 0 || optional_size < 112 || optional_size > 240 ||
        number(headers, len, coff, 2, &cut) != 0x8664 ||
        optional_size != 112 + 8 * number(headers, len, optional + 108, 4, &cut) ||
        number(headers, len, optional + 60, 4, &cut) < table + 40 * count)
        answer = PE_ODD;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t at = table + 40 * i;
        uint64_t size = number(headers, len, at + 8, 4, &cut);
        uint64_t rva = number(headers, len, at + 12, 4, &cut);
        const char *its = (const char *)headers + at;
        size_t its_len = 0;

        while (its_len < 8 && its[its_len])
            its_len++;
        for (size_t k = its_len; k < 8; k++) {
            if (its[k] && strlen(name) == its_len && memcmp(its, name, its_len) == 0)
                return PE_VAGUE;
        }
        if (its_len != strlen(name) || memcmp(its, name, its_len) != 0) {
            if (rva + size > image)
                answer = PE_ODD;
            continue;
        }
        if (rva + size > image && size > 0)
            return PE_BAD;
        if (rva + size > image)
            answer = PE_ODD;
        *section = (struct pe_section){(uint32_t)rva, (uint32_t)size};
        if (++found == 2)
            return PE_BAD;
    }
    return answer;
}

const char *reference_pe_differs(const void *headers, size_t len, const char *name)
{
    struct pe_section wanted;
    enum reference_pe_answer answer = reference_pe(headers, len, name, &wanted);
    void *copy = exact_copy(headers, len);
    char *word = exact_copy(name, strlen(name) + 1);
    struct pe_section got = {0xa5a5a5a5, 0xa5a5a5a5};
    struct error err = pe_find_section(copy, len, word, &got);
    const char *differs = NULL;

    if (err.code != ERR_NONE && err.code != ERR_INFO)
        differs = "the code";
    else if (err.code != ERR_NONE && (answer == PE_GOOD || !err.text || !err.text[0]))
        differs = answer == PE_GOOD ? "the refusal of good headers" : "the reason";
    else if (err.code == ERR_NONE && answer == PE_BAD)
        differs = "the acceptance of bad headers";
    else if (err.code == ERR_NONE && answer != PE_VAGUE && got.size != wanted.size)
        differs = "the size";
    else if (err.code == ERR_NONE && answer != PE_VAGUE && got.size > 0 && got.rva != wanted.rva)
        differs = "the address";
    exact_free(word, strlen(name) + 1);
    exact_free(copy, len);
    return differs;
}
