/* SPDX-License-Identifier: MIT */
/*
 * The UEFI map: every descriptor by the firmware's stride, or the refusal that
 * the header promises; what the sink answers is passed on.
 *
 * Input: descriptor size (16 bits), version, the call at which the sink
 * refuses (255: none), then descriptors.
 */
#include "efi_map.h"
#include "efi_oracle.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct oracle_ranges expected;
    struct bytes in = {data, data + size};
    uint64_t descriptor_size = take16(&in);
    uint32_t version = take8(&in);
    uint8_t refuse_at = take8(&in);
    size_t len = (size_t)(in.end - in.at);
    struct oracle_sink oracle = {&expected, 0, refuse_at == 255 ? SIZE_MAX : refuse_at};
    struct range_sink sink = {&oracle, oracle_add};
    uint8_t *map;

    if (len / 40 > ORACLE_MAX)
        return 0;
    map = fuzz_copy(in.at, len);
    oracle_efi_map(&expected, map, len, descriptor_size, version);
    oracle_end(&oracle, efi_map_ranges(map, len, descriptor_size, version, &sink));
    free(map);
    return 0;
}
