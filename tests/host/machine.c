/* SPDX-License-Identifier: MIT */
#include "machine.h"

#include "layout.h"
#include "test.h"

struct machine *machine_start(unsigned phys_bits)
{
    static struct machine machine;

    memset(&machine, 0, sizeof(machine));
    memmap_init(&machine.map, machine.keys, machine.ranges, MACHINE_MAX, phys_bits);
    machine.mtrr = (struct mtrr_state){
        .present = true, .phys_bits = phys_bits, .def_type = 0x800 | MEMTYPE_WB};
    machine.request = (struct plan_request){
        .map = &machine.map,
        .mtrr = &machine.mtrr,
        .fixed = machine.fixed,
        .directmap_base = DIRECTMAP_BASE_4,
        .directmap_size = DIRECTMAP_SIZE_4,
        .directmap = true,
        .ram_limit = UINT64_MAX,
        .levels = 4,
        .phys_bits = phys_bits,
        .max_level = 2,
    };
    machine.plan = (struct plan){.entries = machine.entries, .max = COUNT_OF(machine.entries)};
    return &machine;
}

void machine_add(struct machine *machine, uint64_t base, uint64_t len, enum mem_type type)
{
    assert_true(machine->count < MACHINE_MAX);
    machine->in[machine->count++] = (struct ref_range){base, len, type};
    memmap_add(&machine->map, base, len, type);
}

void machine_mtrr(struct machine *machine, uint64_t base, uint64_t size, enum memtype type)
{
    uint64_t width = (UINT64_C(1) << machine->mtrr.phys_bits) - 1;

    machine->mtrr.var[machine->mtrr.variable].base = base | (uint64_t)type;
    machine->mtrr.var[machine->mtrr.variable].mask = (width & ~(size - 1)) | 0x800;
    machine->mtrr.variable++;
}

void machine_want(struct machine *machine, struct mapping mapping)
{
    assert_true(machine->request.nfixed < PLAN_MAX_FIXED);
    machine->fixed[machine->request.nfixed++] = mapping;
}

void machine_settle(struct machine *machine)
{
    memmap_normalise(&machine->map);
}

static uint64_t random_edge(struct rng *rng)
{
    uint64_t edge = rng_below(rng, M(16) / 4096) * 4096;

    return rng_once_in(rng, 3) ? edge + rng_below(rng, 4096) : edge;
}

struct machine *machine_random(struct rng *rng)
{
    struct machine *machine = machine_start(36 + (unsigned)rng_below(rng, 11));

    for (uint64_t n = 1 + rng_below(rng, 6); n > 0; n--) {
        uint64_t base = random_edge(rng);

        machine_add(machine, base, rng_below(rng, M(16) - base) + 1, MEM_USABLE);
    }
    for (uint64_t n = rng_below(rng, 12); n > 0; n--) {
        uint64_t len = rng_below(rng, rng_once_in(rng, 2) ? M(1) : 4096 * 3) + 1;

        machine_add(machine, random_edge(rng), len, (enum mem_type)rng_below(rng, MEM_TYPES));
    }
    for (uint64_t n = rng_below(rng, 4); n > 0; n--) {
        uint64_t size = UINT64_C(4096) << rng_below(rng, 10);
        bool wb = rng_once_in(rng, 3);

        machine_mtrr(machine, rng_below(rng, M(16) / size) * size, size,
                     wb ? MEMTYPE_WB : (enum memtype)(rng_below(rng, 2) * 4));
    }
    if (rng_once_in(rng, 2)) {
        machine->mtrr.def_type |= 0x400;
        memset(machine->mtrr.fixed, MEMTYPE_WB, sizeof(machine->mtrr.fixed));
        machine->mtrr.fixed[2] = 0;
    }
    if (rng_once_in(rng, 4))
        machine->request.ram_limit = random_edge(rng);
    if (rng_once_in(rng, 4))
        machine->request.directmap_size = rng_below(rng, M(16) / 4096) * 4096 + 4096;
    machine->request.max_level = (unsigned)rng_below(rng, 3);
    machine_settle(machine);
    return machine;
}

struct ref_map machine_ref(const struct machine *machine)
{
    return (struct ref_map){machine->in, machine->count, machine->map.phys_bits};
}

uint64_t machine_top(const struct machine *machine)
{
    const struct plan_request *request = &machine->request;

    if (!request->directmap)
        return request->ram_limit;
    return request->ram_limit < request->directmap_size ? request->ram_limit
                                                        : request->directmap_size;
}
