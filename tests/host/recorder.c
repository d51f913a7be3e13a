/* SPDX-License-Identifier: MIT */
#include "recorder.h"

#include "test.h"

static struct error record(void *ctx, uint64_t base, uint64_t len, enum mem_type type, uint32_t raw)
{
    struct recorder *recorder = ctx;

    if (recorder->count == recorder->refuse_at)
        return recorder->refusal;
    if (recorder->count > recorder->refuse_at)
        fail_msg("the sink is called again after it refused");
    if (recorder->count == RECORDER_MAX)
        fail_msg("more ranges than any map here has");
    recorder->got[recorder->count++] = (struct recorded){base, len, type, raw};
    return SUCCESS;
}

struct recorder *recorder_start(void)
{
    static struct recorder recorder;

    memset(&recorder, 0, sizeof(recorder));
    recorder.refuse_at = SIZE_MAX;
    recorder.sink = (struct range_sink){&recorder, record};
    return &recorder;
}

void recorder_expect(const struct recorder *recorder, size_t i, uint64_t base, uint64_t len,
                     enum mem_type type, uint32_t raw)
{
    assert_true(i < recorder->count);
    assert_int_equal(recorder->got[i].base, base);
    assert_int_equal(recorder->got[i].len, len);
    assert_int_equal(recorder->got[i].type, type);
    assert_int_equal(recorder->got[i].raw, raw);
}

void put_descriptor(void *to, size_t size, uint32_t type, uint64_t base, uint64_t pages,
                    uint64_t attribute)
{
    const uint64_t virtual_start = UINT64_C(0x5a5a5a5a5a5a5000);
    uint8_t descriptor[40];

    memset(descriptor, 0xa5, sizeof(descriptor));
    memcpy(descriptor, &type, 4);
    memcpy(descriptor + 8, &base, 8);
    memcpy(descriptor + 16, &virtual_start, 8);
    memcpy(descriptor + 24, &pages, 8);
    memcpy(descriptor + 32, &attribute, 8);
    memset(to, 0xa5, size);
    memcpy(to, descriptor, size < 40 ? size : 40);
}
