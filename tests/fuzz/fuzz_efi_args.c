/* SPDX-License-Identifier: MIT */
/*
 * LoadOptions: told apart, cut up and refused as by a plain second reading.
 *
 * Input: which name the image has, and in the highest bit if a shell is there;
 * then LoadOptions.
 */
#include "fuzz.h"
#include "reference_args.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const selves[] = {"", "footing.efi", "BOOTX64.EFI", "a", "\xc3\xa9.efi"};
    struct bytes in = {data, data + size};
    uint8_t first = take8(&in);
    size_t len = (size_t)(in.end - in.at);
    void *copy = fuzz_copy(in.at, len);
    const char *differs = reference_args_differ(
        copy, len, selves[(first & 0x7f) % (sizeof(selves) / sizeof(selves[0]))], first >> 7 != 0);

    if (differs)
        fprintf(stderr, "differs: %s\n", differs);
    CHECK(!differs);
    free(copy);
    return 0;
}
