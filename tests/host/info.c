/* SPDX-License-Identifier: MIT */
#include "info.h"

#include "multiboot2.h"
#include "test.h"

struct info *info_start(void)
{
    static struct info info;

    memset(info.bytes, 0xa5, sizeof(info.bytes));
    info.size = MB2_INFO_TAGS;
    info_poke(&info, MB2_INFO_RESERVED, 0);
    return &info;
}

uint32_t info_tag(struct info *info, uint32_t type, const void *payload, size_t len)
{
    uint32_t at = info->size;

    assert_true(len <= MB2_INFO_MAX - 16 - at);
    info_poke(info, at, type);
    info_poke(info, at + 4, (uint32_t)len + 8);
    if (len > 0)
        memcpy(info->bytes + at + 8, payload, len);
    info->size = (at + 8 + (uint32_t)len + 7) & ~7u;
    return at;
}

uint32_t info_u64(struct info *info, uint32_t type, uint64_t value)
{
    return info_tag(info, type, &value, sizeof(value));
}

uint32_t info_string(struct info *info, uint32_t type, const char *text)
{
    return info_tag(info, type, text, strlen(text) + 1);
}

uint32_t info_module(struct info *info, uint32_t base, uint32_t end)
{
    uint8_t payload[8 + sizeof("module")];

    memcpy(payload, &base, 4);
    memcpy(payload + 4, &end, 4);
    memcpy(payload + 8, "module", sizeof("module"));
    return info_tag(info, MB2_TAG_MODULE, payload, sizeof(payload));
}

static uint32_t map_tag(struct info *info, uint32_t type, uint32_t first, uint32_t second,
                        const void *entries, size_t len)
{
    uint8_t *payload = malloc(len + 8);
    uint32_t at;

    assert_non_null(payload);
    memcpy(payload, &first, 4);
    memcpy(payload + 4, &second, 4);
    if (len > 0)
        memcpy(payload + 8, entries, len);
    at = info_tag(info, type, payload, len + 8);
    free(payload);
    return at;
}

uint32_t info_mmap(struct info *info, uint32_t entry_size, const void *entries, size_t len)
{
    return map_tag(info, MB2_TAG_MMAP, entry_size, 0, entries, len);
}

uint32_t info_efi_mmap(struct info *info, uint32_t descriptor_size, uint32_t version,
                       const void *descriptors, size_t len)
{
    return map_tag(info, MB2_TAG_EFI_MMAP, descriptor_size, version, descriptors, len);
}

void info_poke(struct info *info, uint32_t offset, uint32_t value)
{
    memcpy(info->bytes + offset, &value, 4);
}

void info_end(struct info *info)
{
    info_tag(info, MB2_TAG_END, NULL, 0);
    info_poke(info, MB2_INFO_TOTAL_SIZE, info->size);
}

static uint8_t *copy_of(const struct info *info)
{
    uint8_t *copy = malloc(info->size);

    assert_non_null(copy);
    memcpy(copy, info->bytes, info->size);
    return copy;
}

struct error info_facts(const struct info *info, struct facts *facts)
{
    uint8_t *copy = copy_of(info);
    struct error err;

    *facts = (struct facts){0};
    err = mb2_facts(copy, info->size, facts);
    free(copy);
    return err;
}

struct error info_ranges(const struct info *info, const struct range_sink *sink)
{
    uint8_t *copy = copy_of(info);
    struct error err = mb2_ranges(copy, info->size, sink);

    free(copy);
    return err;
}

struct error info_read(const struct info *info, struct facts *facts, const struct range_sink *sink)
{
    struct error err = info_facts(info, facts);

    return err.code == ERR_NONE ? info_ranges(info, sink) : err;
}
