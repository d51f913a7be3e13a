/* SPDX-License-Identifier: MIT */
/* Where nothing lives: against trying one GiB after the other, in sums of 128 bits. */
#include "foreign.h"

#include "random.h"
#include "test.h"

#define MAX_RANGES 16

__extension__ typedef unsigned __int128 wide;

struct world {
    struct memmap map;
    struct foreign_request request;
    uint64_t keys[2 * MAX_RANGES];
    struct mem_range ranges[2 * MAX_RANGES - 1];
    struct {
        uint64_t base, end;
        enum mem_type type;
    } in[MAX_RANGES];
    size_t count;
};

static void world_start(struct world *world, unsigned phys_bits, unsigned ht_bits)
{
    *world = (struct world){0};
    memmap_init(&world->map, world->keys, world->ranges, MAX_RANGES, 52);
    world->request = (struct foreign_request){&world->map, 0, phys_bits, ht_bits};
}

static void world_add(struct world *world, uint64_t base, uint64_t end, enum mem_type type)
{
    assert_true(world->count < MAX_RANGES && base < end && end <= UINT64_C(1) << 52);
    world->in[world->count].base = base;
    world->in[world->count].type = type;
    world->in[world->count++].end = end;
    assert_int_equal(memmap_add(&world->map, base, end - base, type), MEMMAP_KEPT);
}

/* The n-th of HyperTransport's two stretches; false: there is none. */
static bool hole(const struct foreign_request *request, unsigned n, wide *base, wide *end)
{
    if (request->ht_bits == 0)
        return false;
    *end = (wide)1 << (n == 0 ? 40 : request->ht_bits);
    *base = *end - 12 * (wide)G(1);
    return true;
}

static bool overlaps_hole(const struct foreign_request *request, wide from, wide to)
{
    wide base;
    wide end;

    for (unsigned n = 0; n < 2; n++) {
        if (hole(request, n, &base, &end) && from < end && to > base)
            return true;
    }
    return false;
}

static bool within_hole(const struct foreign_request *request, wide from, wide to)
{
    wide base;
    wide end;

    for (unsigned n = 0; n < 2; n++) {
        if (hole(request, n, &base, &end) && from >= base && to <= end)
            return true;
    }
    return false;
}

/* The end of all that something has to be above. */
static wide known_end(const struct world *world)
{
    wide end = world->request.above;

    for (size_t i = 0; i < world->count; i++) {
        bool counts = world->in[i].type == MEM_USABLE ||
                      !within_hole(&world->request, world->in[i].base, world->in[i].end);

        if (counts && end < world->in[i].end)
            end = world->in[i].end;
    }
    return end;
}

static bool naive_find(const struct world *world, uint64_t size, uint64_t *base)
{
    wide known = known_end(world);
    wide top = (wide)1 << world->request.phys_bits;

    for (wide at = 4 * (wide)G(1); at + size <= top; at += G(1)) {
        if (at < known || overlaps_hole(&world->request, at, at + size))
            continue;
        *base = (uint64_t)at;
        return true;
    }
    return false;
}

static void check(const struct world *world, uint64_t size)
{
    uint64_t expected_base = 0;
    uint64_t base = 0;
    bool expected = naive_find(world, size, &expected_base);
    bool found = foreign_find(&world->request, size, &base);

    if (found == expected && (!found || base == expected_base))
        return;
    for (size_t i = 0; i < world->count; i++)
        print_message("0x%llx to 0x%llx\n", (unsigned long long)world->in[i].base,
                      (unsigned long long)world->in[i].end);
    fail_msg("%u bits, HT %u, above 0x%llx, 0x%llx bytes: %d at 0x%llx, not %d at 0x%llx",
             world->request.phys_bits, world->request.ht_bits,
             (unsigned long long)world->request.above, (unsigned long long)size, found,
             (unsigned long long)base, expected, (unsigned long long)expected_base);
}

static void settle(struct world *world)
{
    memmap_normalise(&world->map);
}

static void assert_found(const struct world *world, uint64_t size, uint64_t at)
{
    uint64_t base = 0;

    check(world, size);
    assert_true(foreign_find(&world->request, size, &base));
    assert_int_equal(base, at);
}

static void assert_none(const struct world *world, uint64_t size)
{
    uint64_t base = 0;

    check(world, size);
    assert_false(foreign_find(&world->request, size, &base));
}

/* With nothing known it is at 4 GiB, however little RAM there is. */
static void never_below_4_gib(void **state)
{
    struct world world;

    (void)state;
    world_start(&world, 36, 0);
    settle(&world);
    assert_found(&world, 1, G(4));
    assert_found(&world, G(60), G(4));
    assert_none(&world, G(60) + 1);
    world_start(&world, 36, 0);
    world_add(&world, 0, M(64), MEM_USABLE);
    world.request.above = G(4);
    settle(&world);
    assert_found(&world, M(1), G(4));
    world.request.above = G(4) + 1;
    assert_found(&world, M(1), G(5));
}

/* 32 bits end where the first possible base is. */
static void nothing_fits_32_bits(void **state)
{
    struct world world;

    (void)state;
    world_start(&world, 32, 0);
    settle(&world);
    assert_none(&world, 1);
    assert_none(&world, UINT64_MAX);
}

/* The last byte of the width can be had, the one behind it cannot. */
static void width_is_exact(void **state)
{
    struct world world;

    (void)state;
    for (unsigned bits = 33; bits <= 52; bits++) {
        uint64_t top = UINT64_C(1) << bits;

        world_start(&world, bits, 0);
        world_add(&world, top - G(3), top - G(1), MEM_RESERVED);
        settle(&world);
        assert_found(&world, G(1), top - G(1));
        assert_none(&world, G(1) + 1);
        assert_none(&world, UINT64_C(1) << 63);
        assert_none(&world, UINT64_MAX);
        assert_none(&world, (uint64_t)0 - top);
        assert_none(&world, (uint64_t)0 - (top - G(1)));
        world.request.above = top - G(1) + 1;
        assert_none(&world, 1);
        world.request.above = (uint64_t)0 - G(1);
        assert_none(&world, 1);
    }
}

/* What ends in the last GiB of 64 bits leaves nothing above it: rounding up must not wrap. */
static void nothing_is_above_the_last_gib(void **state)
{
    static const uint64_t last[] = {1, 2, 4096, M(1), M(512), G(1) - 1};
    struct world world;

    (void)state;
    for (unsigned bits = 36; bits <= 52; bits++) {
        for (size_t i = 0; i < COUNT_OF(last); i++) {
            world_start(&world, bits, 0);
            world_add(&world, 0, G(8), MEM_USABLE);
            settle(&world);
            world.request.above = (uint64_t)0 - last[i];
            assert_none(&world, G(1));
        }
    }
}

/* What calls itself RAM in HyperTransport's stretch has to be below the range, as any RAM. */
static void ram_in_the_ht_stretch_counts(void **state)
{
    struct world world;

    (void)state;
    world_start(&world, 48, 48);
    world_add(&world, 0, G(8), MEM_USABLE);
    world_add(&world, T(256) - G(12), T(256), MEM_USABLE);
    settle(&world);
    assert_none(&world, G(1));
}

/* Whatever the type, a range is avoided, and one byte into a GiB takes all of it. */
static void every_type_is_avoided(void **state)
{
    struct world world;

    (void)state;
    for (int type = 0; type < MEM_TYPES; type++) {
        world_start(&world, 40, 0);
        world_add(&world, G(9), G(10) + 1, (enum mem_type)type);
        world_add(&world, G(5), G(6), MEM_USABLE);
        settle(&world);
        assert_found(&world, G(4), G(11));
    }
}

/* HyperTransport's 12 GiB are stepped over, and only where there is an AMD CPU. */
static void ht_below_1_tib_is_left_out(void **state)
{
    struct world world;

    (void)state;
    world_start(&world, 48, 40);
    world_add(&world, 0, T(1) - G(20), MEM_USABLE);
    settle(&world);
    assert_found(&world, G(8), T(1) - G(20));
    assert_found(&world, G(8) + 1, T(1));
    world.request.above = T(1) - G(12);
    assert_found(&world, 1, T(1));
    world.request.above = T(1) - 1;
    assert_found(&world, 1, T(1));
    world.request.ht_bits = 0;
    world.request.above = 0;
    assert_found(&world, G(8) + 1, T(1) - G(20));
}

/* What lies in the stretch needs not be below; what reaches out of it does. */
static void ranges_in_the_ht_stretch_do_not_count(void **state)
{
    struct world world;

    (void)state;
    world_start(&world, 48, 48);
    world_add(&world, 0, G(8), MEM_USABLE);
    world_add(&world, T(1) - G(12), T(1), MEM_RESERVED);
    world_add(&world, T(256) - G(12), T(256), MEM_RESERVED);
    settle(&world);
    assert_found(&world, G(1), G(8));
    assert_found(&world, T(1), T(1));
    assert_found(&world, T(255) - G(12), T(1));
    assert_none(&world, T(255) - G(12) + 1);
    world_start(&world, 48, 48);
    world_add(&world, T(1) - G(12), T(1) + 1, MEM_RESERVED);
    settle(&world);
    assert_found(&world, G(1), T(1) + G(1));
    world_start(&world, 48, 48);
    world_add(&world, T(1) - G(12) - 1, T(1) - G(11), MEM_RESERVED);
    settle(&world);
    assert_found(&world, G(1), T(1));
}

/* Points where something begins or ends, give or take a little. */
static uint64_t random_point(struct rng *rng, unsigned phys_bits, unsigned ht_bits)
{
    static const uint64_t steps[] = {0, 1, 4096, G(1), G(1) - 1, G(11), G(12), G(12) + 1, G(13)};
    uint64_t top = UINT64_C(1) << phys_bits;
    uint64_t point = 0;

    switch (rng_below(rng, 5)) {
    case 0:
        point = T(1);
        break;
    case 1:
        point = UINT64_C(1) << (ht_bits ? ht_bits : 41);
        break;
    case 2:
        point = top;
        break;
    case 3:
        point = rng_below(rng, 64) * G(1);
        break;
    default:
        point = rng_below(rng, top);
    }
    point += steps[rng_below(rng, COUNT_OF(steps))];
    point -= 2 * steps[rng_below(rng, COUNT_OF(steps))];
    return point < UINT64_C(1) << 52 ? point : rng_below(rng, UINT64_C(1) << 52);
}

/* RAM in HyperTransport's stretch would say that this is none: not here. */
static enum mem_type random_type(struct rng *rng, const struct world *world, uint64_t a, uint64_t b)
{
    bool within = within_hole(&world->request, a < b ? a : b, a < b ? b : a);
    unsigned from = within ? MEM_USABLE + 1 : MEM_USABLE;

    return (enum mem_type)(from + rng_below(rng, MEM_TYPES - from));
}

static void random_world(struct rng *rng, struct world *world)
{
    unsigned bits =
        rng_once_in(rng, 8) ? 32 + (unsigned)rng_below(rng, 21) : 38 + (unsigned)rng_below(rng, 8);
    unsigned ht =
        rng_once_in(rng, 3) ? 0 : 40 + (unsigned)rng_below(rng, rng_once_in(rng, 2) ? 7 : 13);

    world_start(world, bits, ht);
    for (uint64_t n = rng_below(rng, 6); n > 0; n--) {
        uint64_t a = random_point(rng, bits, ht);
        uint64_t b =
            rng_once_in(rng, 2) ? a + 1 + rng_below(rng, G(3)) : random_point(rng, bits, ht);

        if (b > UINT64_C(1) << 52 || a == b)
            continue;
        world_add(world, a < b ? a : b, a < b ? b : a, random_type(rng, world, a, b));
    }
    if (rng_once_in(rng, 3))
        world->request.above = random_point(rng, bits, ht);
    settle(world);
}

/* Random maps, widths and sizes: as found by trying each GiB. */
static void random_worlds_agree_with_trying(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 400; round++) {
        struct world world;

        random_world(&rng, &world);
        check(&world, 1 + rng_below(&rng, G(40)));
        check(&world, (1 + rng_below(&rng, 64)) * G(1));
        check(&world, UINT64_C(1) << rng_below(&rng, 64));
        check(&world, random_point(&rng, world.request.phys_bits, world.request.ht_bits) + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_below_4_gib),
        cmocka_unit_test(nothing_fits_32_bits),
        cmocka_unit_test(width_is_exact),
        cmocka_unit_test(nothing_is_above_the_last_gib),
        cmocka_unit_test(every_type_is_avoided),
        cmocka_unit_test(ram_in_the_ht_stretch_counts),
        cmocka_unit_test(ht_below_1_tib_is_left_out),
        cmocka_unit_test(ranges_in_the_ht_stretch_do_not_count),
        cmocka_unit_test(random_worlds_agree_with_trying),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
