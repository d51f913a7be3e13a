/* SPDX-License-Identifier: MIT */
/* Failures seen in the field, one test each: memory maps, their parsing, and frames out of them. */
#include "efi.h"
#include "efi_map.h"
#include "frames.h"
#include "machine.h"
#include "random.h"
#include "recorder.h"
#include "test.h"

#define EFI_WB      UINT64_C(0x8)
#define EFI_UC      UINT64_C(0x1)
#define EFI_RUNTIME UINT64_C(0x8000000000000000)
#define EFI_SP      UINT64_C(0x40000)

static void assert_byte(const struct machine *m, uint64_t pa)
{
    struct ref_map map = machine_ref(m);
    const struct mem_range *range = memmap_find(&m->map, pa);
    enum mem_type type = MEM_USABLE;
    bool known = ref_type_at(&map, pa, &type);

    assert_int_equal(range != NULL, known);
    assert_true(range == NULL || range->type == type);
}

static uint64_t mapped(const struct machine *m, uint64_t base, uint64_t end)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < m->plan.count; i++) {
        uint64_t from = m->entries[i].pa > base ? m->entries[i].pa : base;
        uint64_t to = m->entries[i].pa + m->entries[i].len;

        to = to < end ? to : end;
        bytes += from < to ? to - from : 0;
    }
    return bytes;
}

static void make(struct machine *m)
{
    machine_settle(m);
    assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NONE);
}

/* "Overlapping entries, several at once": 16 entries that cover each other in every way. */
static void overlapping_entries_several_at_once(void **state)
{
    static const struct ref_range in[16] = {
        {0x0, 0xa0000, MEM_USABLE},           {0x9fc00, 0x400, MEM_RESERVED},
        {0x9d800, 0x2800, MEM_RESERVED},      {0xe0000, 0x20000, MEM_RESERVED},
        {0x100000, 0x7ff00000, MEM_USABLE},   {0x100000, 0x200000, MEM_USABLE},
        {0x7f000000, 0x800000, MEM_ACPI_NVS}, {0x7f400000, 0x800000, MEM_ACPI_DATA},
        {0x7f780000, 0x1000, MEM_RESERVED},   {0x7e000000, 0x2000000, MEM_USABLE},
        {0x7fffffff, 0x2, MEM_UNUSABLE},      {0x40000000, 0x1000, MEM_UNUSABLE},
        {0x40000000, 0x1000, MEM_RESERVED},   {0x3ffff000, 0x3000, MEM_USABLE},
        {0xf0000000, 0x10000000, MEM_MMIO},   {0xfee00000, 0x1000, MEM_RESERVED},
    };
    struct machine *m = machine_start(40);

    (void)state;
    for (size_t i = 0; i < COUNT_OF(in); i++)
        machine_add(m, in[i].base, in[i].len, in[i].type);
    make(m);
    for (size_t i = 0; i < COUNT_OF(in); i++) {
        for (uint64_t around = 0; around < 3; around++) {
            assert_byte(m, in[i].base + around - (in[i].base ? 1 : 0));
            assert_byte(m, in[i].base + in[i].len + around - 2);
        }
    }
    assert_int_equal(mapped(m, 0x7f000000, 0x7fc00000), 0);
    assert_int_equal(mapped(m, 0x40000000, 0x40001000), 0);
    assert_int_equal(mapped(m, 0x3ffff000, 0x40002000), 0x2000);
}

/* "Unsorted EFI map": shuffled, it is the same map. */
static void unsorted_efi_map(void **state)
{
    static const uint32_t types[] = {7, 4, 3, 0, 2, 10, 7, 9, 6, 1, 7};
    size_t order[COUNT_OF(types)];
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (size_t i = 0; i < COUNT_OF(order); i++)
        order[i] = i;
    for (unsigned round = 0; round < 50; round++) {
        struct machine *m = machine_start(40);
        struct recorder *got = recorder_start();
        uint8_t buffer[COUNT_OF(types)][48];

        for (size_t i = COUNT_OF(order); i > 1; i--) {
            size_t pick = (size_t)rng_below(&rng, i);
            size_t last = order[i - 1];

            order[i - 1] = order[pick];
            order[pick] = last;
        }
        for (size_t i = 0; i < COUNT_OF(order); i++)
            put_descriptor(buffer[i], 48, types[order[i]], M(1) * order[i], 256, EFI_WB);
        assert_int_equal(efi_map_ranges(buffer, sizeof(buffer), 48, 1, &got->sink).code, ERR_NONE);
        for (size_t i = 0; i < got->count; i++)
            machine_add(m, got->got[i].base, got->got[i].len, got->got[i].type);
        make(m);
        assert_int_equal(m->map.count, 8);
        assert_int_equal(memmap_bytes(&m->map, MEM_USABLE), M(7));
        for (size_t i = 0; i < COUNT_OF(types); i++)
            assert_int_equal(memmap_is(&m->map, M(1) * i, M(1), MEM_USABLE),
                             (types[i] >= 1 && types[i] <= 4) || types[i] == 7);
    }
}

/* "Zero-length entries": anywhere, of any type, they are nothing. */
static void zero_length_entries(void **state)
{
    static const uint64_t at[] = {0, 1, 0x9fc00, M(1), M(2), G(4), UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(at); i++) {
        struct machine *m = machine_start(40);

        for (unsigned type = 0; type < MEM_TYPES; type++)
            assert_int_equal(memmap_add(&m->map, at[i], 0, (enum mem_type)type), MEMMAP_EMPTY);
        machine_add(m, M(1), M(7), MEM_USABLE);
        make(m);
        assert_int_equal(m->map.count, 1);
        assert_int_equal(mapped(m, 0, UINT64_MAX), M(7));
    }
}

/* "Too many entries": N fit, N + 1 is an error; N that split each other still fit. */
static void too_many_entries(void **state)
{
    struct machine *m = machine_start(40);

    (void)state;
    machine_add(m, 0, M(MACHINE_MAX), MEM_USABLE);
    for (uint64_t i = 1; i < MACHINE_MAX; i++)
        assert_int_equal(memmap_add(&m->map, M(1) * i, 4096, MEM_RESERVED), MEMMAP_KEPT);
    assert_int_equal(memmap_add(&m->map, G(1), 4096, MEM_RESERVED), MEMMAP_FULL);
    machine_settle(m);
    assert_int_equal(m->map.count, 2 * MACHINE_MAX - 1);
    for (uint64_t i = 1; i < MACHINE_MAX; i++)
        assert_true(memmap_is(&m->map, M(1) * i, 4096, MEM_RESERVED));
    assert_null(memmap_find(&m->map, G(1)));
}

/* "Empty map": no entry, none with length, none usable, each is an error and no plan. */
static void empty_map(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 3; round++) {
        struct machine *m = machine_start(40);

        if (round == 1)
            machine_add(m, M(1), 0, MEM_USABLE);
        if (round == 2)
            machine_add(m, 0, G(4), MEM_RESERVED);
        machine_settle(m);
        assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NORAM);
        assert_int_equal(m->plan.count, 0);
    }
}

/* "Loader stack overwrote the map buffer": nothing is written past storage filled to the brim. */
static void full_map_stays_within_its_storage(void **state)
{
    enum { N = 312 }; /* as many as the report had */
    uint64_t *keys = malloc(sizeof(uint64_t) * (2 * N + 1));
    struct mem_range *ranges = malloc(sizeof(struct mem_range) * (2 * (size_t)N));
    const struct mem_range canary = {0x1234, 0x5678, MEM_UNUSABLE};
    struct memmap map;

    (void)state;
    assert_non_null(keys);
    assert_non_null(ranges);
    keys[2 * N] = UINT64_C(0xc0ffee);
    ranges[2 * N - 1] = canary;
    memmap_init(&map, keys, ranges, N, 40);
    assert_int_equal(memmap_add(&map, 0, M(1) * N, MEM_USABLE), MEMMAP_KEPT);
    for (uint64_t i = 1; i < N; i++)
        assert_int_equal(memmap_add(&map, M(1) * i, 1, MEM_RESERVED), MEMMAP_KEPT);
    assert_int_equal(memmap_add(&map, 5, 1, MEM_RESERVED), MEMMAP_FULL);
    memmap_normalise(&map);
    assert_int_equal(map.count, 2 * N - 1);
    assert_int_equal(keys[2 * N], UINT64_C(0xc0ffee));
    assert_memory_equal(&ranges[2 * N - 1], &canary, sizeof(canary));
    free(keys);
    free(ranges);
}

/* "Several available ranges hit one reserved range": none of its bytes is handed out. */
static void several_available_ranges_hit_one_reserved(void **state)
{
    struct machine *m = machine_start(40);
    struct busy_list busy = {.count = 0};
    struct frame_pool pool;
    struct free_run run;

    (void)state;
    for (uint64_t i = 0; i < 8; i++)
        machine_add(m, M(2) + M(1) * i, M(1) + 4096, MEM_USABLE);
    machine_add(m, M(3) + 1, M(5), MEM_RESERVED);
    make(m);
    assert_int_equal(mapped(m, M(3), M(8) + 4096), 0);
    assert_int_equal(mapped(m, 0, UINT64_MAX), M(3));
    frame_pool_init(&pool, &m->request, &busy);
    while (frame_pool_take_run(&pool, &run))
        assert_true(run.end <= M(3) || run.base >= M(8) + 4096);
}

/* "No region large enough never detected": tiny memory has too few frames, and is told so. */
static void tiny_memory_has_too_few_frames(void **state)
{
    (void)state;
    for (uint64_t pages = 1; pages < 6; pages++) {
        struct machine *m = machine_start(40);
        struct busy_list busy = {.count = 0};
        struct frame_pool pool;
        uint64_t found;
        uint64_t frame;

        machine_add(m, M(1), pages * 4096, MEM_USABLE);
        make(m);
        frame_pool_init(&pool, &m->request, &busy);
        assert_true(frame_pool_has(&pool, pages, &found));
        assert_false(frame_pool_has(&pool, pages + 1, &found));
        assert_int_equal(found, pages);
        assert_false(frame_pool_has(&pool, UINT64_MAX, &found));
        for (uint64_t i = 0; i < pages; i++)
            assert_true(frame_pool_take(&pool, &frame));
        assert_false(frame_pool_take(&pool, &frame));
    }
}

/* "EFI descriptor stride": the firmware's own size counts; bad remainder or version is an error. */
static void efi_descriptor_stride(void **state)
{
    static const size_t strides[] = {40, 48, 56};
    uint8_t buffer[3 * 56];

    (void)state;
    for (size_t s = 0; s < COUNT_OF(strides); s++) {
        size_t stride = strides[s];
        struct recorder *got = recorder_start();

        for (size_t i = 0; i < 3; i++)
            put_descriptor(buffer + i * stride, stride, 7, M(1) + G(1) * i, 16, EFI_WB);
        assert_int_equal(efi_map_ranges(buffer, 3 * stride, stride, 1, &got->sink).code, ERR_NONE);
        assert_int_equal(got->count, 3);
        for (size_t i = 0; i < 3; i++)
            recorder_expect(got, i, M(1) + G(1) * i, K(64), MEM_USABLE, 7);
        got = recorder_start();
        assert_int_equal(efi_map_ranges(buffer, 3 * stride - 8, stride, 1, &got->sink).code,
                         ERR_MAPENTRY);
        assert_int_equal(efi_map_ranges(buffer, 3 * stride, stride, 2, &got->sink).code,
                         ERR_MAPENTRY);
        assert_int_equal(efi_map_ranges(buffer, 3 * stride, 32, 1, &got->sink).code, ERR_MAPENTRY);
        assert_int_equal(efi_map_ranges(buffer, 3 * stride, 0, 1, &got->sink).code, ERR_MAPENTRY);
        assert_int_equal(got->count, 0);
    }
}

/* "RUNTIME attribute against type; non-WB memory is not RAM": every type with every attribute. */
static void efi_type_against_attribute(void **state)
{
    (void)state;
    for (uint32_t type = 0; type < 32; type++) {
        bool given_up = (type >= 1 && type <= 4) || type == 7;

        for (unsigned set = 0; set < 8; set++) {
            uint64_t attribute =
                (set & 1 ? EFI_WB : EFI_UC) | (set & 2 ? EFI_RUNTIME : 0) | (set & 4 ? EFI_SP : 0);

            assert_int_equal(efi_mem_type(type, attribute) == MEM_USABLE, given_up && set == 1);
        }
    }
}

/* "RAM beyond the WB MTRRs": on, off, absent, too short; what is not write-back is left out. */
static void ram_beyond_the_wb_mtrrs(void **state)
{
    static const struct {
        bool present;
        uint64_t def_type;
        uint64_t size;     /* of a WB range from 0 */
        uint64_t expected; /* bytes mapped of 6 GiB */
    } states[] = {
        {false, 0x000, 0, G(6)},    {true, 0x806, 0, G(6)},    {true, 0x800, G(4), G(4)},
        {true, 0x800, G(8), G(6)},  {true, 0x800, G(2), G(2)}, {true, 0x801, G(2), G(2)},
        {false, 0x800, G(1), G(6)}, {true, 0x006, 0, 0}, /* not enabled: all is UC */
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        struct machine *m = machine_start(40);

        machine_add(m, 0, G(6), MEM_USABLE);
        m->mtrr.present = states[i].present;
        m->mtrr.def_type = states[i].def_type;
        if (states[i].size)
            machine_mtrr(m, 0, states[i].size, MEMTYPE_WB);
        machine_settle(m);
        assert_int_equal(plan_make(&m->plan, &m->request).code,
                         states[i].expected ? ERR_NONE : ERR_NORAM);
        assert_int_equal(mapped(m, 0, UINT64_MAX), states[i].expected);
    }
}

/* Firmware whose map grows, and changes its key, at each of the first `stale` exits. */
struct restless {
    unsigned stale;
    size_t descriptors;
    uint64_t key;
};

static uint64_t get_map(void *ctx, struct efi_map *map)
{
    const struct restless *firmware = ctx;

    map->size = firmware->descriptors * 48;
    if (map->size > map->room)
        return EFI_BUFFER_TOO_SMALL;
    for (size_t i = 0; i < firmware->descriptors; i++)
        put_descriptor((uint8_t *)map->map + i * 48, 48, 7, M(1) * i, 16, EFI_WB);
    map->key = firmware->key;
    map->descriptor_size = 48;
    map->version = EFI_DESCRIPTOR_VERSION;
    return EFI_SUCCESS;
}

static uint64_t leave(void *ctx, uint64_t key)
{
    struct restless *firmware = ctx;

    if (key != firmware->key)
        return EFI_INVALID_PARAMETER;
    if (firmware->stale == 0)
        return EFI_SUCCESS;
    firmware->stale--;
    firmware->key++;
    firmware->descriptors++;
    return EFI_INVALID_PARAMETER;
}

/* "Map key changes between GetMemoryMap and Exit; the map grows": the last map counts. */
static void map_grows_while_boot_services_end(void **state)
{
    static uint8_t room[48 * 32];

    (void)state;
    for (unsigned stale = 0; stale < 16; stale++) {
        struct restless firmware = {stale, 5, 100};
        struct efi_exit_calls calls = {&firmware, get_map, leave};
        struct efi_map map = {.map = room, .room = sizeof(room)};

        assert_int_equal(efi_exit(&calls, &map).code, ERR_NONE);
        assert_int_equal(map.size, 48 * (5 + stale));
    }
}

/* "EBDA overwritten through a broken map": tables never come from below 1 MiB while there is more. */
static void ebda_variants(void **state)
{
    static const uint64_t starts[] = {0x80000, 0x9d800, 0x9f000, 0x9fc00, 0x9fc01, 0xa0000};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(starts); i++) {
        struct machine *m = machine_start(40);
        struct busy_list busy = {.count = 0};
        struct frame_pool pool;
        uint64_t frame;

        machine_add(m, 0, 0xa0000, MEM_USABLE); /* claims the EBDA as well */
        machine_add(m, starts[i], 0xa0000 - starts[i], MEM_RESERVED);
        machine_add(m, M(1), K(64), MEM_USABLE);
        make(m);
        assert_int_equal(mapped(m, 0, M(1)), starts[i] / 4096 * 4096);
        busy_add(&busy, 0, 0x600, "BDA");
        frame_pool_init(&pool, &m->request, &busy);
        for (unsigned n = 0; n < 16; n++) {
            assert_true(frame_pool_take(&pool, &frame));
            assert_int_equal(frame, M(1) + 4096 * n);
        }
        while (frame_pool_take(&pool, &frame))
            assert_in_range(frame, 4096, starts[i] / 4096 * 4096 - 4096);
    }
}

/* "Entries that wrap 2^64 or lie beyond the physical width": doubt never turns into RAM. */
static void entries_that_wrap_or_lie_beyond_the_width(void **state)
{
    struct machine *m = machine_start(36);

    (void)state;
    machine_add(m, M(1), M(1), MEM_USABLE);
    assert_int_equal(memmap_add(&m->map, M(1), UINT64_MAX, MEM_USABLE), MEMMAP_WRAPS);
    assert_int_equal(memmap_add(&m->map, UINT64_MAX, 2, MEM_USABLE), MEMMAP_WRAPS);
    assert_int_equal(memmap_add(&m->map, G(64), G(1), MEM_USABLE), MEMMAP_BEYOND);
    assert_int_equal(memmap_add(&m->map, T(1), UINT64_C(0) - T(1), MEM_USABLE), MEMMAP_BEYOND);
    assert_int_equal(memmap_add(&m->map, G(63), G(2), MEM_USABLE), MEMMAP_CUT);
    assert_int_equal(memmap_add(&m->map, G(2), UINT64_MAX, MEM_RESERVED), MEMMAP_CUT);
    machine_settle(m);
    assert_int_equal(memmap_bytes(&m->map, MEM_USABLE), M(1));
    assert_true(memmap_is(&m->map, G(2), G(62), MEM_RESERVED));
}

/* "Firmware holds everything below 1 MiB": no free page there, and the plan is made all the same. */
static void firmware_holds_all_below_1m(void **state)
{
    struct machine *m = machine_start(40);
    struct busy_list busy = {.count = 0};
    struct frame_pool pool;
    uint64_t found;

    (void)state;
    machine_add(m, 0, M(1), MEM_RESERVED);
    machine_add(m, M(1), M(1), MEM_USABLE);
    make(m);
    assert_int_equal(mapped(m, 0, M(1)), 0);
    frame_pool_init(&pool, &m->request, &busy);
    assert_true(frame_pool_has(&pool, 256, &found));
    assert_false(frame_pool_has(&pool, 257, &found));
}

/* "Modules or table frames placed over the image": at every boundary, in every order. */
static void frames_keep_off_image_and_modules(void **state)
{
    static const uint64_t at[4] = {M(1), M(1) + 0x800, M(1) + 0x5fff, M(1) + 0x7001};
    static const uint64_t len[4] = {0x801, 1, 2, 0xffe};

    (void)state;
    for (unsigned number = 0; number < 256; number++) {
        struct machine *m = machine_start(40);
        struct busy_list busy = {.count = 0};
        struct frame_pool pool;
        uint64_t frame;
        size_t taken = 0;

        for (unsigned i = 0; i < 4; i++)
            busy_add(&busy, at[number >> (2 * i) & 3], len[number >> (2 * i) & 3], "x");
        machine_add(m, M(1), 0xa000, MEM_USABLE);
        make(m);
        frame_pool_init(&pool, &m->request, &busy);
        for (; frame_pool_take(&pool, &frame); taken++) {
            for (size_t i = 0; i < busy.count; i++)
                assert_true(frame + 4096 <= busy.ranges[i].base || frame >= busy.ranges[i].end);
        }
        assert_in_range(taken, 6, 9);
    }
}

/* "Image end rounded wrong, own memory freed": the image's last, partial page is not free. */
static void image_end_inside_a_page(void **state)
{
    static const uint64_t ends[] = {0x8000, 0x8001, 0x8fff, 0x9000, 0x9001};
    static const uint64_t first_free[] = {0x8000, 0x9000, 0x9000, 0x9000, 0xa000};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        struct machine *m = machine_start(40);
        struct busy_list busy = {.count = 0};
        struct frame_pool pool;
        uint64_t frame = 0;

        machine_add(m, M(1), 0x4000, MEM_USABLE);
        machine_add(m, M(1) + 0x4000, 0x10000, MEM_USABLE); /* the image straddles two entries */
        make(m);
        busy_add(&busy, M(1), ends[i], "image");
        frame_pool_init(&pool, &m->request, &busy);
        assert_true(frame_pool_take(&pool, &frame));
        assert_int_equal(frame, M(1) + first_free[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overlapping_entries_several_at_once),
        cmocka_unit_test(unsorted_efi_map),
        cmocka_unit_test(zero_length_entries),
        cmocka_unit_test(too_many_entries),
        cmocka_unit_test(empty_map),
        cmocka_unit_test(full_map_stays_within_its_storage),
        cmocka_unit_test(several_available_ranges_hit_one_reserved),
        cmocka_unit_test(tiny_memory_has_too_few_frames),
        cmocka_unit_test(efi_descriptor_stride),
        cmocka_unit_test(efi_type_against_attribute),
        cmocka_unit_test(ram_beyond_the_wb_mtrrs),
        cmocka_unit_test(map_grows_while_boot_services_end),
        cmocka_unit_test(ebda_variants),
        cmocka_unit_test(entries_that_wrap_or_lie_beyond_the_width),
        cmocka_unit_test(firmware_holds_all_below_1m),
        cmocka_unit_test(frames_keep_off_image_and_modules),
        cmocka_unit_test(image_end_inside_a_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
