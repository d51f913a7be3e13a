/* SPDX-License-Identifier: MIT */
/* MTRRs as people print them, put back into registers. */
#include <string.h>

#include "survey.h"
#include "x86.h"

bool mtrr_type_named(const char *name, size_t len, enum memtype *type)
{
    static const struct {
        const char *name;
        enum memtype type;
    } names[] = {
        {"uncachable", MEMTYPE_UC},    {"write-combining", MEMTYPE_WC},
        {"write-through", MEMTYPE_WT}, {"write-protect", MEMTYPE_WP},
        {"write-back", MEMTYPE_WB},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i].name) == len && memcmp(names[i].name, name, len) == 0) {
            *type = names[i].type;
            return true;
        }
    }
    return false;
}

/* Where a field of the fixed registers lies: SDM vol. 3 table 12-9, in order. */
static uint64_t fixed_base(unsigned field)
{
    if (field < 8)
        return UINT64_C(0x10000) * field;
    if (field < 24)
        return 0x80000 + UINT64_C(0x4000) * (field - 8);
    return 0xc0000 + UINT64_C(0x1000) * (field - 24);
}

const char *mtrr_add_fixed(struct mtrr_facts *mtrr, uint64_t first, uint64_t last,
                           enum memtype type)
{
    bool starts = false;
    bool ends = false;

    if (first > last || last > 0xfffff)
        return "a fixed MTRR range ends before it starts, or above the first MiB";
    for (unsigned i = 0; i < MTRR_FIXED_FIELDS; i++) {
        starts |= fixed_base(i) == first;
        ends |= fixed_base(i + 1) == last + 1;
    }
    if (!starts || !ends)
        return "a fixed MTRR range does not begin and end with a field";
    for (unsigned i = 0; i < MTRR_FIXED_FIELDS; i++) {
        if (fixed_base(i) >= first && fixed_base(i) <= last)
            mtrr->fixed[i] = (uint8_t)type;
    }
    mtrr->has_fixed = true;
    return NULL;
}

const char *mtrr_add_variable(struct mtrr_facts *mtrr, uint64_t base, uint64_t mask,
                              enum memtype type, bool printed)
{
    if (mtrr->variable == MTRR_MAX_VARIABLE)
        return "more variable MTRRs than a CPU can have registers for (40)";
    if ((base | mask) & PAGE_MASK)
        return "a variable MTRR is no multiple of 4 KiB";
    mtrr->var[mtrr->variable].base = base;
    mtrr->var[mtrr->variable].mask = mask;
    mtrr->var[mtrr->variable].type = type;
    mtrr->var[mtrr->variable].printed = printed;
    mtrr->variable++;
    mtrr->has_variable = true;
    return NULL;
}

/* All bits above those that the widest printed mask has. */
static uint64_t above_printed(const struct mtrr_facts *mtrr)
{
    uint64_t all = 0;

    for (unsigned i = 0; i < mtrr->variable; i++) {
        if (mtrr->var[i].printed)
            all |= mtrr->var[i].mask;
    }
    return all ? ~(UINT64_MAX >> __builtin_clzll(all)) : 0;
}

struct mtrr_state mtrr_registers(const struct mtrr_facts *mtrr, unsigned phys_bits)
{
    struct mtrr_state state = {.phys_bits = phys_bits};
    uint64_t above = above_printed(mtrr);

    if (strcmp(mtrr_verdict(mtrr), "used") != 0)
        return state;
    state.present = true;
    if (mtrr->disabled)
        return state;
    state.def_type = (uint64_t)mtrr->default_type | MTRR_DEF_ENABLE;
    if (mtrr->has_fixed)
        state.def_type |= MTRR_DEF_FIXED_ENABLE;
    for (unsigned i = 0; i < MTRR_FIXED_FIELDS; i++)
        state.fixed[i / 8] |= (uint64_t)mtrr->fixed[i] << (8 * (i % 8));
    state.wb_top = mtrr->wb_top;
    state.variable = mtrr->variable;
    for (unsigned i = 0; i < mtrr->variable; i++) {
        /* On a wider CPU the same register would reach as far up as this one does. */
        uint64_t mask = mtrr->var[i].mask | (mtrr->var[i].printed ? above : 0);

        state.var[i].base = mtrr->var[i].base | (uint64_t)mtrr->var[i].type;
        state.var[i].mask = mask | MTRR_MASK_VALID;
    }
    return state;
}

const char *mtrr_verdict(const struct mtrr_facts *mtrr)
{
    if (mtrr->disabled || (mtrr->has_default && mtrr->has_variable))
        return "used";
    if (mtrr->has_default)
        return "ignored: the input gives the default type, but no variable range";
    if (mtrr->has_variable)
        return "ignored: the input gives the variable ranges, but not the default type";
    if (mtrr->has_fixed)
        return "ignored: the input gives the fixed ranges only";
    return "absent";
}
