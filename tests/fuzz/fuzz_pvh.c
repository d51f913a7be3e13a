/* SPDX-License-Identifier: MIT */
/*
 * PVH start info: the facts are those of a second, plain reading, or both
 * refuse; then the ranges of the map, and what is held.
 *
 * Input: where in memory the start info is (2 bytes), the call at which the
 * sink refuses, the address of memory (8 bytes, below 2^63), then the memory;
 * everywhere else are zeros.
 */
#include "fuzz.h"
#include "pvh.h"

#define SINK_MAX 256
#define HELD_MAX (4 + 2 * MODULES_MAX)

struct scene {
    const uint8_t *memory;
    uint64_t base;
    uint64_t len;
    uint64_t start;
    size_t added;
    size_t refuse_at;
};

static void read_scene(void *ctx, uint64_t pa, void *to, size_t len)
{
    const struct scene *scene = ctx;
    uint8_t *out = to;

    CHECK(len == 0 || pa + (len - 1) >= pa);
    for (size_t i = 0; i < len; i++)
        out[i] = pa + i - scene->base < scene->len ? scene->memory[pa + i - scene->base] : 0;
}

static uint64_t number(const struct scene *scene, uint64_t pa, unsigned bytes)
{
    uint64_t value = 0;

    for (uint64_t at = pa + bytes; at-- != pa;)
        value = value << 8 | (at - scene->base < scene->len ? scene->memory[at - scene->base] : 0);
    return value;
}

/* Characters before the zero; of a string that goes around, too. */
static uint64_t length(const struct scene *scene, uint64_t pa, bool *wraps)
{
    uint64_t len = 0;

    while (number(scene, pa + len, 1) != 0) {
        len++;
        *wraps |= pa + len == 0;
    }
    return len;
}

static bool same(const struct scene *scene, uint64_t pa, const void *bytes, uint64_t len)
{
    const uint8_t *at = bytes;

    for (uint64_t i = 0; i < len; i++) {
        if (at[i] != number(scene, pa + i, 1))
            return false;
    }
    return true;
}

static void check_text(const struct scene *scene, uint64_t pa, const char *text)
{
    bool wraps = false;
    uint64_t len = pa ? length(scene, pa, &wraps) : 0;

    CHECK(strlen(text) == len);
    CHECK(pa == 0 || same(scene, pa, text, len));
}

/* Nothing is at address 0: so says what is not there. */
static uint64_t modules(const struct scene *scene)
{
    return number(scene, scene->start + 16, 8) ? number(scene, scene->start + 12, 4) : 0;
}

/* The modules are those of the list that are there; no more than fit. */
static void check_modules(const struct scene *scene, const struct facts *facts)
{
    uint64_t at = number(scene, scene->start + 16, 8);
    const struct module *m = facts->modules;

    CHECK(facts->nmodules <= MODULES_MAX && facts->texts_used <= FACTS_TEXT_MAX);
    for (uint64_t left = modules(scene); left > 0; left--, at += 32) {
        if (number(scene, at, 8) == 0)
            continue;
        CHECK(m < facts->modules + facts->nmodules);
        CHECK(m->base == number(scene, at, 8) && m->end >= m->base);
        CHECK(m->end - m->base == number(scene, at + 8, 8));
        CHECK(m->text < facts->texts_used);
        CHECK(memchr(facts->texts + m->text, 0, facts->texts_used - m->text));
        check_text(scene, number(scene, at + 16, 8), facts->texts + m->text);
        m++;
    }
    CHECK(m == facts->modules + facts->nmodules);
}

static void check_rsdp(const struct scene *scene, const struct facts *facts)
{
    uint64_t rsdp = number(scene, scene->start + 32, 8);
    uint64_t revision = number(scene, rsdp + 15, 1);

    if (rsdp == 0) {
        CHECK(facts->rsdp_size == 0);
        return;
    }
    CHECK(facts->rsdp_size == 0 || facts->rsdp_size == 20 || facts->rsdp_size == 36);
    if (facts->rsdp_size != 0 && revision != 1)
        CHECK(facts->rsdp_size == (revision == 0 ? 20 : 36));
    CHECK(same(scene, rsdp, facts->rsdp, facts->rsdp_size));
}

/* Is there any reason to refuse it? */
static void check_refusal(const struct scene *scene, struct error err)
{
    uint64_t line = number(scene, scene->start + 24, 8);
    uint64_t count = modules(scene);
    uint64_t list = number(scene, scene->start + 16, 8);
    uint64_t texts = 0;
    bool wraps = count > 0 && list + 32 * count < list;
    bool long_line = line && length(scene, line, &wraps) >= CMDLINE_MAX;
    bool long_text = false;

    for (uint64_t i = 0; i < count && i < MODULES_MAX; i++) {
        uint64_t at = list + 32 * i;
        uint64_t text = number(scene, at + 16, 8);
        uint64_t len = text ? length(scene, text, &wraps) : 0;

        wraps |= number(scene, at, 8) + number(scene, at + 8, 8) < number(scene, at, 8);
        long_text |= len >= CMDLINE_MAX;
        texts += len + 1;
    }
    wraps |= number(scene, scene->start + 32, 8) > UINT64_MAX - 35;
    CHECK(err.code == ERR_INFO || err.code == ERR_CMDLINE || err.code == ERR_MODULES);
    CHECK(wraps || long_line || long_text || count > MODULES_MAX || texts > FACTS_TEXT_MAX);
    if (!wraps && !long_text && texts <= FACTS_TEXT_MAX) {
        if (count <= MODULES_MAX)
            CHECK(err.code == ERR_CMDLINE);
        else
            CHECK(err.code == ERR_MODULES || (long_line && err.code == ERR_CMDLINE));
    }
}

static struct error add(void *ctx, uint64_t base, uint64_t len, enum mem_type type, uint32_t raw)
{
    struct scene *scene = ctx;
    uint64_t at = number(scene, scene->start + 40, 8) + 24 * scene->added;

    CHECK(scene->added <= scene->refuse_at);
    CHECK(base == number(scene, at, 8) && len == number(scene, at + 8, 8));
    CHECK(raw == number(scene, at + 16, 4) && type == mem_type_from_e820(raw));
    if (scene->added++ == scene->refuse_at)
        return (struct error){.code = ERR_MAPFULL, .at = 1, .value = 2};
    return SUCCESS;
}

static void check_ranges(struct scene *scene, const struct pvh_source *source)
{
    struct range_sink sink = {scene, add};
    struct error err = pvh_ranges(source, scene->start, &sink);
    uint64_t table = number(scene, scene->start + 40, 8);
    uint64_t count = number(scene, scene->start + 48, 4);

    if (number(scene, scene->start + 4, 4) == 0 || table == 0 || count == 0) {
        CHECK(err.code == ERR_NOMAP && scene->added == 0);
    } else if (scene->added > scene->refuse_at) {
        CHECK(err.code == ERR_MAPFULL && err.at == 1 && err.value == 2);
    } else if (err.code != ERR_NONE) {
        CHECK(err.code == ERR_MAPENTRY && table + 24 * count <= table && scene->added == 0);
    } else {
        CHECK(scene->added == count && table + (24 * count - 1) >= table);
    }
}

static void check_held(const struct scene *scene, const struct pvh_source *source)
{
    struct kept_range *held = malloc(HELD_MAX * sizeof(*held));
    bool start = false;
    size_t count;

    if (!held)
        exit(1);
    count = pvh_held(source, scene->start, held);
    CHECK(count <= HELD_MAX);
    for (size_t i = 0; i < count; i++) {
        CHECK(held[i].what && held[i].what[0] && held[i].len > 0);
        CHECK(held[i].base + (held[i].len - 1) >= held[i].base);
        start |= held[i].base <= scene->start && scene->start - held[i].base + 40 <= held[i].len;
    }
    CHECK(start);
    free(held);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct facts facts;
    struct bytes in = {data, data + size};
    struct scene scene = {.start = take16(&in), .refuse_at = take8(&in)};
    struct pvh_source source = {&scene, read_scene};
    uint8_t *memory;
    struct error err;

    scene.base = take64(&in) >> 1 | 1; /* nothing is at 0 */
    scene.len = (uint64_t)(in.end - in.at);
    scene.memory = memory = fuzz_copy(in.at, (size_t)scene.len);
    scene.start += scene.base;
    memset(&facts, 0, sizeof(facts));
    err = pvh_facts(&source, scene.start, &facts);
    if (number(&scene, scene.start, 4) != PVH_MAGIC) {
        CHECK(err.code == ERR_INFO || (err.code == ERR_CMDLINE && err.value >= 16));
    } else {
        if (err.code == ERR_NONE) {
            check_text(&scene, number(&scene, scene.start + 24, 8), facts.cmdline);
            check_modules(&scene, &facts);
            check_rsdp(&scene, &facts);
            check_held(&scene, &source);
        } else {
            check_refusal(&scene, err);
        }
        check_ranges(&scene, &source);
    }
    free(memory);
    return 0;
}
