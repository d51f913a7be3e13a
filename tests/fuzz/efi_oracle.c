/* SPDX-License-Identifier: MIT */
#include "efi_oracle.h"

#include "fuzz.h"

/* An error that no parser makes, so that it must be the sink's. */
static const struct error refusal = {
    .code = ERR_MAPFULL, .at = 0x5eed, .value = 0xfeed, .text = "refused"};

uint64_t oracle_number(const uint8_t *at, unsigned size)
{
    uint64_t value = 0;

    while (size-- > 0)
        value = value * 256 + at[size];
    return value;
}

enum mem_type oracle_efi_type(uint32_t type, uint64_t attribute)
{
    /* By EfiReservedMemoryType, LoaderCode … UnacceptedMemory; MEM_USABLE: free if attributes agree. */
    static const enum mem_type types[] = {
        MEM_RESERVED, MEM_USABLE,       MEM_USABLE,       MEM_USABLE,
        MEM_USABLE,   MEM_RUNTIME_CODE, MEM_RUNTIME_DATA, MEM_USABLE,
        MEM_UNUSABLE, MEM_ACPI_DATA,    MEM_ACPI_NVS,     MEM_MMIO,
        MEM_MMIO,     MEM_RESERVED,     MEM_PERSISTENT,   MEM_UNACCEPTED};

    if (type >= sizeof(types) / sizeof(types[0]))
        return MEM_RESERVED;
    if (types[type] != MEM_USABLE)
        return types[type];
    if (attribute >> 63)
        return MEM_RUNTIME_DATA;
    if ((attribute >> 3 & 1) == 0)
        return MEM_RESERVED;
    return attribute >> 18 & 1 ? MEM_SOFT_RESERVED : MEM_USABLE;
}

void oracle_efi_map(struct oracle_ranges *out, const uint8_t *map, uint64_t size,
                    uint64_t descriptor_size, uint32_t version)
{
    out->count = 0;
    out->code = ERR_MAPENTRY;
    if (version != 1 || descriptor_size < 40 || descriptor_size % 8 || size % descriptor_size)
        return;
    for (uint64_t i = 0; i < size / descriptor_size; i++) {
        const uint8_t *d = map + i * descriptor_size;
        uint32_t type = (uint32_t)oracle_number(d, 4);
        uint64_t pages = oracle_number(d + 24, 8);

        if (pages >> 52)
            return;
        out->list[out->count++] =
            (struct oracle_range){oracle_number(d + 8, 8), pages << 12,
                                  oracle_efi_type(type, oracle_number(d + 32, 8)), type};
    }
    out->code = ERR_NONE;
}

struct error oracle_add(void *ctx, uint64_t base, uint64_t len, enum mem_type type, uint32_t raw)
{
    struct oracle_sink *sink = ctx;
    const struct oracle_range *range = &sink->expected->list[sink->got];

    CHECK(sink->got < sink->expected->count);
    CHECK(sink->got <= sink->refuse_at);
    CHECK(base == range->base && len == range->len && type == range->type && raw == range->raw);
    return sink->got++ == sink->refuse_at ? refusal : SUCCESS;
}

void oracle_end(const struct oracle_sink *sink, struct error err)
{
    if (sink->refuse_at < sink->expected->count) {
        CHECK(sink->got == sink->refuse_at + 1);
        CHECK(err.code == refusal.code && err.at == refusal.at && err.value == refusal.value);
        CHECK(err.text == refusal.text);
        return;
    }
    CHECK(sink->got == sink->expected->count);
    CHECK(err.code == sink->expected->code);
}
