/* SPDX-License-Identifier: MIT */
/*
 * PE32+ headers: the section that a plain second reading finds, or a refusal.
 *
 * Input: the section's name, 8 bytes up to a zero; then the headers.
 */
#include "fuzz.h"
#include "reference_pe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = {data, data + size};
    char name[9] = "";
    const char *differs;
    size_t len;
    void *copy;

    for (size_t i = 0; i < 8; i++)
        name[i] = (char)take8(&in);
    len = (size_t)(in.end - in.at);
    /* No section is asked for by no name. */
    if (name[0] == '\0')
        name[0] = '.';
    copy = fuzz_copy(in.at, len);
    differs = reference_pe_differs(copy, len, name);
    if (differs)
        fprintf(stderr, "differs: %s\n", differs);
    CHECK(!differs);
    free(copy);
    return 0;
}
