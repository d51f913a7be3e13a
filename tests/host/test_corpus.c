/* SPDX-License-Identifier: MIT */
/* Every real machine through normaliser, planner, builder and auditor, at each size of page. */
#include <inttypes.h>

#include "corpus.h"
#include "layout.h"
#include "tables.h"
#include "test.h"
#include "walk.h"

#define IMAGE_PA   M(1)
#define TEXT_BYTES K(36)
#define MAX_STEPS  1024
#define NEAR       M(16) /* at 4 KiB a page, this much is built at each end of a long entry */

/* Which machine a failing test was at. */
static const char *machine_name;
static unsigned machine_levels;
static unsigned machine_pages;

static int forget_machine(void **state)
{
    (void)state;
    machine_name = NULL;
    return 0;
}

static int tell_machine(void **state)
{
    (void)state;
    if (machine_name != NULL)
        print_error("the machine is %s, %u levels, pages up to level %u\n", machine_name,
                    machine_levels, machine_pages);
    return 0;
}

static void enter_machine(const struct corpus_machine *from, unsigned levels, unsigned max_level)
{
    machine_name = from->name;
    machine_levels = levels;
    machine_pages = max_level;
}

/* A stretch of whole pages of which the oracle says one thing. */
struct step {
    uint64_t pa;
    bool ram;
};

static struct step steps[MAX_STEPS];
static size_t nsteps;

static void add_step(uint64_t pa)
{
    size_t at = nsteps;

    while (at > 0 && steps[at - 1].pa > pa)
        at--;
    if (at > 0 && steps[at - 1].pa == pa)
        return;
    assert_true(nsteps < MAX_STEPS);
    memmove(&steps[at + 1], &steps[at], (nsteps - at) * sizeof(steps[0]));
    steps[at].pa = pa;
    nsteps++;
}

/* The page that holds an edge, and the next: only there may the fate of pages change. */
static void add_edge(uint64_t pa)
{
    add_step(pa / 4096 * 4096);
    add_step(pa / 4096 * 4096 + 4096);
}

static void take_steps(const struct machine *m)
{
    uint64_t edges[2 * MACHINE_MAX + 2];
    struct ref_map map = machine_ref(m);
    size_t n = ref_edges(&map, edges);

    nsteps = 0;
    for (size_t i = 0; i < n; i++)
        add_edge(edges[i]);
    for (unsigned i = 0; i < m->mtrr.variable; i++) {
        uint64_t mask = m->mtrr.var[i].mask / 4096 * 4096;
        uint64_t size = UINT64_C(1) << m->mtrr.phys_bits;

        while (size / 2 >= 4096 && (mask & (size / 2)) != 0)
            size /= 2;
        add_edge(m->mtrr.var[i].base & mask);
        add_edge((m->mtrr.var[i].base & mask) + size);
    }
    for (uint64_t pa = 0; pa <= M(1); pa += pa < 0x80000 ? 0x10000 : pa < 0xc0000 ? 0x4000 : 4096)
        add_step(pa);
    for (size_t i = 0; i < nsteps; i++)
        steps[i].ram = ref_page_is_ram(&map, &m->mtrr, steps[i].pa, machine_top(m));
}

static bool is_text(uint64_t pa)
{
    return pa >= IMAGE_PA && pa - IMAGE_PA < TEXT_BYTES;
}

/* What an image would ask for; its text begins at 1 MiB. */
static void want_image(struct machine *m)
{
    machine_want(m, (struct mapping){IMAGE_VA, IMAGE_PA, TEXT_BYTES, RIGHT_X, MEMTYPE_WB, 1,
                                     WHAT_IMAGE_TEXT});
    machine_want(m, (struct mapping){IMAGE_VA + TEXT_BYTES, IMAGE_PA + TEXT_BYTES, K(20), RIGHT_W,
                                     MEMTYPE_WB, 1, WHAT_IMAGE_DATA});
}

/* The directmap at pa, which lies in a stretch of one fate, is as the oracle wants it. */
static void assert_direct(const struct machine *m, uint64_t pa, bool ram)
{
    struct ref_hit hit = ref_planned(&m->plan, m->request.directmap_base + pa);

    assert_int_equal(hit.present, ram);
    if (!ram)
        return;
    assert_int_equal(hit.pa, pa);
    assert_int_equal(hit.type, MEMTYPE_WB);
    assert_int_equal(hit.rights, is_text(pa) ? 0 : RIGHT_W);
}

/* First and last byte of every stretch, and as many bytes as all of them have. */
static void check_plan(const struct machine *m)
{
    uint64_t ram = 0;
    uint64_t mapped = 0;

    for (size_t i = 0; i + 1 < nsteps && steps[i].pa < m->request.directmap_size; i++) {
        assert_direct(m, steps[i].pa, steps[i].ram);
        assert_direct(m, steps[i + 1].pa - 1, steps[i].ram);
        ram += steps[i].ram ? steps[i + 1].pa - steps[i].pa : 0;
    }
    for (size_t i = 0; i < m->plan.count; i++)
        mapped += m->entries[i].what == WHAT_DIRECTMAP ? m->entries[i].len : 0;
    assert_int_equal(mapped, ram);
    assert_true(ref_frames_agree(&m->plan));
}

/*
 * The least number of tables, where there are too many pages to go through
 * one by one: an entry of 4 KiB pages alone needs every window that it
 * touches; entries ascend, so only the last window can be shared.
 */
static size_t minimum_of_small_pages(const struct plan *plan, unsigned levels)
{
    uint64_t size = M(2);
    size_t tables = 1;

    for (unsigned level = 0; level + 1 < levels; level++, size *= 512) {
        uint64_t last = 0;

        for (size_t i = 0; i < plan->count; i++) {
            const struct mapping *entry = &plan->entries[i];
            uint64_t first = entry->va / size;
            uint64_t end = (entry->va + (entry->len - 1)) / size;

            tables += end - first + (i > 0 && first == last ? 0 : 1);
            last = end;
        }
    }
    return tables;
}

/* The middles of long entries cut out; every edge stays. */
static void keep_edges(const struct plan *plan, struct plan *kept)
{
    kept->count = 0;
    for (size_t i = 0; i < plan->count; i++) {
        struct mapping entry = plan->entries[i];
        uint64_t gap = entry.len > 2 * NEAR ? entry.len - 2 * NEAR : 0;

        assert_true(kept->count + 2 <= kept->max);
        if (gap > 0) {
            entry.len = NEAR;
            kept->entries[kept->count++] = entry;
            entry.va += NEAR + gap;
            entry.pa += NEAR + gap;
        }
        kept->entries[kept->count++] = entry;
    }
}

/* Each edge, a byte and a page and a large page around it: the tables say what the plan says. */
static void check_tables(struct fake_memory *fake, uint64_t root, const struct machine *m,
                         const struct plan *plan)
{
    static const uint64_t around[] = {0, 1, 4096, M(2), M(2) + 1, G(1)};
    struct ref_reader reader = fake_memory_ref(fake);

    for (size_t i = 0; i < 2 * plan->count * COUNT_OF(around) * 2; i++) {
        const struct mapping *entry = &plan->entries[i / 4 / COUNT_OF(around)];
        uint64_t va = entry->va + (i & 1 ? entry->len : 0);

        va = i & 2 ? va - around[i / 4 % COUNT_OF(around)] : va + around[i / 4 % COUNT_OF(around)];
        struct ref_hit want = ref_planned(plan, va);
        struct ref_hit hit = ref_translate(&reader, root, m->request.levels, va);
        assert_int_equal(hit.present, want.present);
        if (!want.present)
            continue;
        assert_int_equal(hit.pa, want.pa);
        assert_int_equal(hit.level, want.level);
        assert_int_equal(hit.rights, want.rights);
        assert_int_equal(hit.type, want.type);
        assert_false(hit.user);
    }
}

static void build_and_audit(const struct machine *m, const struct plan *plan)
{
    struct fake_memory fake;
    struct pt_reader reader;
    struct pt_stats stats;
    struct pt_stats found;
    uint64_t root;

    tables_build_plan(&fake, plan, m->request.levels, &root, &stats);
    reader = fake_memory_reader(&fake);
    assert_int_equal(
        pt_audit(root, m->request.levels, m->request.phys_bits, &reader, plan, &m->mtrr, &found)
            .code,
        ERR_NONE);
    assert_memory_equal(&found, &stats, sizeof(found));
    check_tables(&fake, root, m, plan);
    fake_memory_free(&fake);
}

static void try_machine(const struct corpus_machine *from, unsigned levels, unsigned max_level)
{
    static struct mapping edges[2048];
    struct plan kept = {.entries = edges, .max = COUNT_OF(edges)};
    struct machine *m = corpus_machine(from, levels, max_level);

    enter_machine(from, levels, max_level);
    want_image(m);
    take_steps(m);
    assert_int_equal(plan_make(&m->plan, &m->request).code, ERR_NONE);
    check_plan(m);
    if (max_level > 0) {
        build_and_audit(m, &m->plan);
        return;
    }
    for (size_t i = 0; i < m->plan.count; i++)
        m->entries[i].max_level = 0;
    assert_int_equal(pt_count(&m->plan, levels), minimum_of_small_pages(&m->plan, levels));
    keep_edges(&m->plan, &kept);
    build_and_audit(m, &kept);
}

static void try_all(unsigned levels, unsigned max_level)
{
    size_t count;
    const struct corpus_machine *machines = corpus_all(&count);

    for (size_t i = 0; i < count; i++)
        try_machine(&machines[i], levels, max_level);
    machine_name = NULL;
}

/* The corpus is there, and its files have what they must. */
static void corpus_is_whole(void **state)
{
    size_t count;
    size_t mtrrs = 0;
    size_t efi = 0;
    const struct corpus_machine *machines = corpus_all(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        mtrrs += machines[i].mtrr.present;
        efi += machines[i].nefi > 0;
    }
    print_message("%zu machines, %zu with MTRRs, %zu with an EFI map\n", count, mtrrs, efi);
    if (getenv("FOOTING_CORPUS") == NULL) {
        assert_int_equal(count, 217);
        assert_int_equal(mtrrs, 120);
        assert_int_equal(efi, 5);
    }
}

/* Normalised maps hold what a look at each byte's entries says, and are sorted and maximal. */
static void every_map_normalises(void **state)
{
    size_t count;
    const struct corpus_machine *machines = corpus_all(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct machine *m = corpus_machine(&machines[i], 4, 2);
        struct ref_map map = machine_ref(m);
        uint64_t edges[2 * MACHINE_MAX + 2];
        size_t n = ref_edges(&map, edges);

        enter_machine(&machines[i], 4, 2);
        for (size_t k = 0; k < m->map.count; k++) {
            const struct mem_range *range = &m->map.ranges[k];

            assert_true(range->base < range->end);
            assert_true(k == 0 || range[-1].end <= range->base);
            assert_true(k == 0 || range[-1].end < range->base || range[-1].type != range->type);
        }
        for (size_t k = 0; k + 1 < n; k++) {
            uint64_t at[2] = {edges[k], edges[k + 1] - 1};

            for (unsigned end = 0; end < 2 && edges[k] < edges[k + 1]; end++) {
                const struct mem_range *range = memmap_find(&m->map, at[end]);
                enum mem_type type = MEM_USABLE;

                assert_int_equal(range != NULL, ref_type_at(&map, at[end], &type));
                assert_true(range == NULL || range->type == type);
            }
        }
        for (unsigned type = 0; type < MEM_TYPES; type++)
            assert_int_equal(memmap_bytes(&m->map, (enum mem_type)type),
                             ref_bytes(&map, (enum mem_type)type));
    }
    machine_name = NULL;
}

/* The order in which firmware tells its map changes nothing. */
static void every_map_backwards_is_the_same(void **state)
{
    size_t count;
    const struct corpus_machine *machines = corpus_all(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct mem_range before[2 * MACHINE_MAX];
        struct machine *m = corpus_machine(&machines[i], 4, 2);
        size_t ranges = m->map.count;

        enter_machine(&machines[i], 4, 2);
        memcpy(before, m->ranges, ranges * sizeof(before[0]));
        m = corpus_bare(&machines[i], m->map.phys_bits);
        for (size_t k = machines[i].ne820; k-- > 0;)
            machine_add(m, machines[i].e820[k].base, machines[i].e820[k].len,
                        mem_type_from_e820(machines[i].e820[k].type));
        machine_settle(m);
        assert_int_equal(m->map.count, ranges);
        for (size_t k = 0; k < ranges; k++) {
            assert_int_equal(m->ranges[k].base, before[k].base);
            assert_int_equal(m->ranges[k].end, before[k].end);
            assert_int_equal(m->ranges[k].type, before[k].type);
        }
    }
    machine_name = NULL;
}

static void small_pages_4_levels(void **state)
{
    (void)state;
    try_all(4, 0);
}

static void small_pages_5_levels(void **state)
{
    (void)state;
    try_all(5, 0);
}

static void pages_of_2m_4_levels(void **state)
{
    (void)state;
    try_all(4, 1);
}

static void pages_of_2m_5_levels(void **state)
{
    (void)state;
    try_all(5, 1);
}

static void pages_of_1g_4_levels(void **state)
{
    (void)state;
    try_all(4, 2);
}

static void pages_of_1g_5_levels(void **state)
{
    (void)state;
    try_all(5, 2);
}

#define CORPUS_TEST(test) cmocka_unit_test_setup_teardown(test, forget_machine, tell_machine)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CORPUS_TEST(corpus_is_whole),
        CORPUS_TEST(every_map_normalises),
        CORPUS_TEST(every_map_backwards_is_the_same),
        CORPUS_TEST(small_pages_4_levels),
        CORPUS_TEST(small_pages_5_levels),
        CORPUS_TEST(pages_of_2m_4_levels),
        CORPUS_TEST(pages_of_2m_5_levels),
        CORPUS_TEST(pages_of_1g_4_levels),
        CORPUS_TEST(pages_of_1g_5_levels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
