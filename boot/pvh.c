/* SPDX-License-Identifier: MIT */
#include "pvh.h"

#include "load.h"

/* struct hvm_start_info; version 0 ends before the memory map. Nothing is at address 0. */
#define INFO_MAGIC       0
#define INFO_VERSION     4
#define INFO_MODULES     12
#define INFO_MODLIST     16
#define INFO_CMDLINE     24
#define INFO_RSDP        32
#define INFO_SIZE_0      40u
#define INFO_MAP         40
#define INFO_MAP_ENTRIES 48
#define INFO_SIZE        56u

/* struct hvm_modlist_entry */
#define MODULE_ADDRESS 0
#define MODULE_LENGTH  8
#define MODULE_CMDLINE 16
#define MODULE_SIZE    32u

/* struct hvm_memmap_table_entry */
#define ENTRY_BASE 0
#define ENTRY_LEN  8
#define ENTRY_TYPE 16
#define ENTRY_SIZE 24u

/* ACPI 6.5 section 5.2.5.3. */
#define RSDP_REVISION 15
#define RSDP_1_SIZE   20u

/* Where it is read from, its first bytes, where what is found gets noted, and what is wrong. */
struct start {
    const struct pvh_source *source;
    uint8_t info[INFO_SIZE];
    struct kept_range *held; /* null: nowhere */
    size_t nheld;
    struct error err;
};

static __attribute__((noinline)) bool fail(struct start *start, enum error_code code, uint64_t at,
                                           uint64_t value, const char *how)
{
    start->err = (struct error){.code = code, .at = at, .value = value, .text = how};
    return false;
}

static void read(const struct start *start, uint64_t pa, void *to, size_t len)
{
    start->source->read(start->source->ctx, pa, to, len);
}

/* len bytes at pa end at 2^64 at the latest. */
static __attribute__((noinline)) bool fits(uint64_t pa, uint64_t len)
{
    return len == 0 || len - 1 <= UINT64_MAX - pa;
}

/* What version 0 lacks is zero, which says that there is no map. */
static bool begin(struct start *start, const struct pvh_source *source, uint64_t pa)
{
    *start = (struct start){.source = source};
    if (!fits(pa, INFO_SIZE))
        return fail(start, ERR_INFO, 0, pa, "start info wraps");
    read(start, pa, start->info, INFO_SIZE_0);
    if (load32(start->info) != PVH_MAGIC)
        return fail(start, ERR_INFO, 0, load32(start->info), "no PVH start info");
    if (load32(start->info + INFO_VERSION) > 0)
        read(start, pa + INFO_SIZE_0, start->info + INFO_SIZE_0, INFO_SIZE - INFO_SIZE_0);
    return true;
}

static void note(struct start *start, uint64_t base, uint64_t len)
{
    if (start->held && base != 0 && len != 0 && fits(base, len))
        start->held[start->nheld++] = (struct kept_range){base, len, "boot information"};
}

/*
 * Copy a text, unless `to` is null, with its final zero; its length. Limit:
 * there is no zero among as many bytes. Byte by byte: what is behind the zero
 * may be no memory.
 */
static size_t read_text(struct start *start, uint64_t pa, char *to, size_t limit)
{
    char c;

    if (pa == 0)
        return 0;
    for (size_t len = 0; len < limit && pa + len != 0; len++) {
        read(start, pa + len, &c, 1);
        if (to)
            to[len] = c;
        if (c == '\0') {
            note(start, pa, len + 1);
            return len;
        }
    }
    return limit;
}

/* Null facts: for what gets noted alone; so below. */
static bool read_module(struct start *start, uint64_t pa, struct facts *facts)
{
    char text[FACTS_TEXT_MAX];
    uint8_t module[MODULE_SIZE];
    uint64_t base, end;
    size_t len;

    read(start, pa, module, MODULE_SIZE);
    base = load64(module + MODULE_ADDRESS);
    if (__builtin_add_overflow(base, load64(module + MODULE_LENGTH), &end))
        return fail(start, ERR_INFO, pa, base, "module wraps");
    len = read_text(start, load64(module + MODULE_CMDLINE), text, FACTS_TEXT_MAX);
    return !facts || base == 0 || facts_add_module(facts, base, end, MODULE_PLAIN, text, len) ||
           fail(start, ERR_CMDLINE, FACTS_TEXT_MAX, len, NULL);
}

static bool read_modules(struct start *start, struct facts *facts)
{
    uint64_t list = load64(start->info + INFO_MODLIST);
    uint64_t count = list ? load32(start->info + INFO_MODULES) : 0;

    if (count > MODULES_MAX - (facts ? facts->nmodules : 0))
        return fail(start, ERR_MODULES, MODULES_MAX, count, NULL);
    if (!fits(list, count * MODULE_SIZE))
        return fail(start, ERR_INFO, INFO_MODLIST, list, "module list wraps");
    note(start, list, count * MODULE_SIZE);
    for (; count > 0; count--, list += MODULE_SIZE)
        if (!read_module(start, list, facts))
            return false;
    return true;
}

static void read_rsdp(struct start *start, struct facts *facts)
{
    uint64_t rsdp = load64(start->info + INFO_RSDP);

    if (rsdp == 0)
        return;
    if (!fits(rsdp, RSDP_MAX)) {
        fail(start, ERR_INFO, INFO_RSDP, rsdp, "RSDP wraps");
        return;
    }
    facts->rsdp_pa = rsdp;
    facts->rsdp_size = RSDP_1_SIZE;
    read(start, rsdp, facts->rsdp, RSDP_1_SIZE);
    if (facts->rsdp[RSDP_REVISION] >= 2) {
        facts->rsdp_size = RSDP_MAX;
        read(start, rsdp, facts->rsdp, RSDP_MAX);
    }
}

struct error pvh_facts(const struct pvh_source *source, uint64_t start_info, struct facts *facts)
{
    struct start start;

    if (!begin(&start, source, start_info))
        return start.err;
    if (read_text(&start, load64(start.info + INFO_CMDLINE), facts->cmdline, CMDLINE_MAX) ==
        CMDLINE_MAX)
        fail(&start, ERR_CMDLINE, CMDLINE_MAX - 1, CMDLINE_MAX, NULL);
    else if (read_modules(&start, facts))
        read_rsdp(&start, facts);
    return start.err;
}

struct error pvh_ranges(const struct pvh_source *source, uint64_t start_info,
                        const struct range_sink *sink)
{
    struct start start;
    uint8_t entry[ENTRY_SIZE];
    uint64_t map, count;

    if (!begin(&start, source, start_info))
        return start.err;
    map = load64(start.info + INFO_MAP);
    count = load32(start.info + INFO_MAP_ENTRIES);
    if (map == 0 || count == 0)
        fail(&start, ERR_NOMAP, 0, 0, NULL);
    else if (!fits(map, count * ENTRY_SIZE))
        fail(&start, ERR_MAPENTRY, map, count, "the table wraps");
    for (; count > 0 && !start.err.code; count--, map += ENTRY_SIZE) {
        uint32_t type;

        read(&start, map, entry, ENTRY_SIZE);
        type = load32(entry + ENTRY_TYPE);
        start.err = sink->add(sink->ctx, load64(entry + ENTRY_BASE), load64(entry + ENTRY_LEN),
                              mem_type_from_e820(type), type);
    }
    return start.err;
}

size_t pvh_held(const struct pvh_source *source, uint64_t start_info, struct kept_range *held)
{
    struct start start;

    if (!begin(&start, source, start_info))
        return 0;
    start.held = held;
    note(&start, start_info, load32(start.info + INFO_VERSION) > 0 ? INFO_SIZE : INFO_SIZE_0);
    note(&start, load64(start.info + INFO_MAP),
         (uint64_t)load32(start.info + INFO_MAP_ENTRIES) * ENTRY_SIZE);
    read_text(&start, load64(start.info + INFO_CMDLINE), NULL, CMDLINE_MAX);
    read_modules(&start, NULL);
    return start.nheld;
}
