/* SPDX-License-Identifier: MIT */
/*
 * ELF files: read, placed and relocated as a plain second reading does it, or
 * both refuse; and nothing outside the file is asked for, nothing put where it
 * may not be written.
 *
 * Input: levels of paging (odd: 5), the call at which put refuses (255:
 * none), the address where it is put (8 bytes), then the file.
 */
#include "fuzz.h"
#include "reference_elf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = {data, data + size};
    unsigned levels = 4 + take8(&in) % 2;
    uint8_t refuse_at = take8(&in);
    uint64_t base = take64(&in);
    const char *differs = reference_elf_differs(in.at, (size_t)(in.end - in.at), levels, base,
                                                refuse_at == 255 ? SIZE_MAX : refuse_at);

    if (differs)
        fprintf(stderr, "differs: %s\n", differs);
    CHECK(!differs);
    return 0;
}
