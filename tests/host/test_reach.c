/* SPDX-License-Identifier: MIT */
/* How a frame is reached, over all 64 bits: held against sums in 128 bits and a plain scan. */
#include "reach.h"

#include "layout.h"
#include "machine.h"
#include "random.h"
#include "test.h"

#define MAX_ENTRIES 24

__extension__ typedef unsigned __int128 wide;

struct world {
    struct mapping entries[MAX_ENTRIES];
    struct plan plan;
    struct places places;
};

/* Is this frame one of the image's? In 128 bits, with the image as it is, and once wrapped. */
static bool in_image(const struct places *places, uint64_t frame, uint64_t *va)
{
    const wide turn = (wide)1 << 64;
    wide first = places->image_pa;
    wide end = first + places->image_len;

    for (wide at = frame; at <= frame + turn; at += turn) {
        if (at < first || at >= end)
            continue;
        *va = (uint64_t)((places->image_va + (at - first)) % turn);
        return true;
    }
    return false;
}

static enum reach naive_reach(const struct places *places, uint64_t frame, uint64_t *va)
{
    if (in_image(places, frame, va))
        return REACH_IMAGE;
    for (size_t i = 0; places->plan && i < places->plan->count; i++) {
        const struct mapping *entry = &places->plan->entries[i];

        if (entry->what != WHAT_DIRECTMAP || (entry->rights & RIGHT_W) == 0)
            continue;
        if (frame < entry->pa || frame >= (wide)entry->pa + entry->len)
            continue;
        *va = entry->va + (frame - entry->pa);
        return REACH_DIRECTMAP;
    }
    return REACH_PMAP;
}

static void check_frame(const struct places *places, uint64_t frame)
{
    uint64_t expected_va = 0;
    uint64_t va = 0;
    enum reach expected = naive_reach(places, frame, &expected_va);
    enum reach reach = places_reach(places, frame, &va);

    if (reach != expected)
        fail_msg("0x%llx: reached by %d, not by %d", (unsigned long long)frame, (int)reach,
                 (int)expected);
    if (reach == REACH_PMAP)
        return;
    assert_int_equal(va, expected_va);
    if (reach == REACH_IMAGE)
        assert_int_equal(places_image_pa(places, va), frame);
    else
        assert_int_equal(va, (uint64_t)(places->directmap_base + frame));
}

static void check_around(const struct places *places, uint64_t edge)
{
    edge -= edge % 4096;
    for (uint64_t i = 0; i < 9; i++)
        check_frame(places, edge + (i - 4) * 4096);
}

/* Everywhere where the answer may change, and somewhere else. */
static void check_world(struct rng *rng, const struct world *world)
{
    const struct places *places = &world->places;

    for (unsigned bit = 12; bit < 64; bit++) {
        check_around(places, UINT64_C(1) << bit);
        check_around(places, (uint64_t)0 - (UINT64_C(1) << bit));
        check_around(places, places->image_pa + (UINT64_C(1) << bit));
        check_around(places, places->image_pa - (UINT64_C(1) << bit));
    }
    check_around(places, 0);
    check_around(places, places->image_pa);
    check_around(places, places->image_pa + places->image_len);
    check_around(places, places->image_va);
    check_around(places, places->image_va + places->image_len);
    check_around(places, places->image_va - places->image_pa);
    check_around(places, places->image_pa - places->image_va);
    check_around(places, (uint64_t)0 - places->directmap_base);
    check_around(places, places->directmap_base);
    check_around(places, places->image_pa + rng_below(rng, M(3)));
    for (size_t i = 0; i < world->plan.count; i++) {
        const struct mapping *entry = &world->plan.entries[i];

        check_around(places, entry->pa);
        check_around(places, entry->pa + entry->len);
        check_around(places, entry->pa + rng_below(rng, entry->len));
        check_around(places, entry->va);
        check_around(places, entry->va - places->directmap_base);
        check_around(places, entry->va + entry->len - places->directmap_base);
    }
    for (unsigned i = 0; i < 20; i++)
        check_frame(places, (rng_next(rng) >> rng_below(rng, 52)) & ~UINT64_C(4095));
}

static void add(struct world *world, struct mapping mapping)
{
    assert_true(world->plan.count < MAX_ENTRIES);
    world->entries[world->plan.count++] = mapping;
}

/* Entries of a directmap in ascending order, some read-only; behind them what is no directmap. */
static void random_plan(struct rng *rng, struct world *world)
{
    uint64_t base = world->places.directmap_base;
    uint64_t pa = rng_once_in(rng, 2) ? 0 : rng_below(rng, T(1) / 4096) * 4096;

    world->plan = (struct plan){.entries = world->entries, .max = MAX_ENTRIES};
    if (rng_once_in(rng, 3))
        add(world, (struct mapping){M(4), M(4), M(2), RIGHT_W, MEMTYPE_WB, 2, WHAT_PAYLOAD});
    for (uint64_t n = rng_below(rng, 10); n > 0; n--) {
        uint64_t len = (1 + rng_below(rng, 1000)) * (rng_once_in(rng, 2) ? 4096 : M(2));

        add(world, (struct mapping){base + pa, pa, len, rng_once_in(rng, 4) ? 0 : RIGHT_W,
                                    MEMTYPE_WB, 2, WHAT_DIRECTMAP});
        pa += len + (rng_once_in(rng, 3) ? 0 : rng_below(rng, 9) * 4096);
        if (rng_once_in(rng, 5))
            pa += rng_below(rng, 40) * T(1) / 4;
    }
    for (uint64_t i = 0; i < rng_below(rng, 8); i++)
        add(world,
            (struct mapping){UINT64_C(0xffffffff80000000) + i * M(4), rng_below(rng, G(8)) * 4096,
                             (1 + rng_below(rng, 1024)) * 4096, (uint8_t)(rng_below(rng, 3) * 2),
                             MEMTYPE_WB, 2, (uint8_t)(1 + rng_below(rng, WHATS - 1))});
}

/* From 0 to 2^52, close to the link address on both sides, and beyond all that an entry holds. */
static uint64_t random_load(struct rng *rng, uint64_t link)
{
    switch (rng_below(rng, 7)) {
    case 0:
        return rng_below(rng, UINT64_C(1) << 40) * 4096;
    case 1:
        return rng_below(rng, 16384) * 4096;
    case 2:
        return link + rng_below(rng, 2048) * 4096;
    case 3:
        return link - rng_below(rng, 2048) * 4096;
    case 4:
        return (uint64_t)0 - rng_below(rng, 1024) * 4096;
    case 5:
        return (UINT64_C(1) << 52) - rng_below(rng, 1024) * 4096;
    default:
        return rng_next(rng) & ~UINT64_C(4095);
    }
}

static void random_world(struct rng *rng, struct world *world)
{
    static const uint64_t links[] = {IMAGE_VA, UINT64_C(0xffffffff80000000), 0, M(1),
                                     (uint64_t)0 - M(2)};

    *world = (struct world){0};
    world->places.directmap_base = rng_once_in(rng, 2) ? DIRECTMAP_BASE_4 : DIRECTMAP_BASE_5;
    world->places.image_va =
        rng_once_in(rng, 2) ? IMAGE_VA : links[rng_below(rng, COUNT_OF(links))];
    world->places.image_pa = random_load(rng, world->places.image_va);
    world->places.image_len = rng_below(rng, M(3) / 4096 + 1) * 4096;
    random_plan(rng, world);
    if (!rng_once_in(rng, 4))
        world->places.plan = &world->plan;
}

/* Random loads, plans and frames over the whole 64-bit range: as the plain scan has it. */
static void random_worlds_agree_with_a_scan(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 800; round++) {
        struct world world;

        random_world(&rng, &world);
        check_world(&rng, &world);
    }
}

/* The image's bytes go from physical to virtual and back, whatever the load address. */
static void image_goes_there_and_back(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 20000; round++) {
        uint64_t load = random_load(&rng, IMAGE_VA);
        uint64_t len = M(3) - rng_below(&rng, 500) * 4096;
        struct places places = {.image_pa = load, .image_va = IMAGE_VA, .image_len = len};
        uint64_t offset = rng_below(&rng, len);
        uint64_t frame = load + offset / 4096 * 4096;
        uint64_t va = 0;

        assert_int_equal(places_image_pa(&places, IMAGE_VA), load);
        assert_int_equal(places_image_pa(&places, IMAGE_VA + offset), (uint64_t)(load + offset));
        assert_int_equal(places_reach(&places, frame, &va), REACH_IMAGE);
        assert_int_equal(va, IMAGE_VA + offset / 4096 * 4096);
        assert_int_equal(places_image_pa(&places, va), frame);
        assert_int_equal(places_reach(&places, load - 4096, &va), REACH_PMAP);
        assert_int_equal(places_reach(&places, load + len, &va), REACH_PMAP);
    }
}

/* The planner's own plans: writable where RAM is, read-only over the code, absent elsewhere. */
static void made_plans_are_reached_as_planned(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 30; round++) {
        struct machine *m = machine_random(&rng);
        uint64_t load = rng_below(&rng, 3000) * 4096;
        struct places places = {load, IMAGE_VA, M(1), &m->plan, m->request.directmap_base};

        machine_want(
            m, (struct mapping){IMAGE_VA, load, 8 * 4096, RIGHT_X, MEMTYPE_WB, 1, WHAT_IMAGE_TEXT});
        machine_want(m, (struct mapping){PAYLOAD_VA, load + M(1), M(1), RIGHT_X, MEMTYPE_WB, 1,
                                         WHAT_PAYLOAD});
        if (plan_make(&m->plan, &m->request).code != ERR_NONE)
            continue;
        for (uint64_t frame = 0; frame < M(18); frame += 4096)
            check_frame(&places, frame);
    }
}

/* An empty plan, and none at all, have no directmap. */
static void without_a_plan_there_is_no_directmap(void **state)
{
    struct mapping entry = {DIRECTMAP_BASE_4, 0, G(1), RIGHT_W, MEMTYPE_WB, 2, WHAT_DIRECTMAP};
    struct plan plan = {.entries = &entry, .count = 0, .max = 1};
    struct places places = {M(1), IMAGE_VA, M(1), NULL, DIRECTMAP_BASE_4};
    uint64_t va = 0;

    (void)state;
    assert_int_equal(places_reach(&places, 0, &va), REACH_PMAP);
    places.plan = &plan;
    assert_int_equal(places_reach(&places, 0, &va), REACH_PMAP);
    plan.count = 1;
    assert_int_equal(places_reach(&places, 0, &va), REACH_DIRECTMAP);
    assert_int_equal(va, DIRECTMAP_BASE_4);
    assert_int_equal(places_reach(&places, M(1), &va), REACH_IMAGE);
    assert_int_equal(places_reach(&places, G(1), &va), REACH_PMAP);
    entry.rights = 0;
    assert_int_equal(places_reach(&places, 0, &va), REACH_PMAP);
    entry.rights = RIGHT_X;
    assert_int_equal(places_reach(&places, 0, &va), REACH_PMAP);
    entry.rights = RIGHT_W;
    entry.what = WHAT_PAYLOAD;
    assert_int_equal(places_reach(&places, 0, &va), REACH_PMAP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_worlds_agree_with_a_scan),
        cmocka_unit_test(image_goes_there_and_back),
        cmocka_unit_test(made_plans_are_reached_as_planned),
        cmocka_unit_test(without_a_plan_there_is_no_directmap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
