/* SPDX-License-Identifier: MIT */
#include "pvh.h"

#include "load.h"
#include "print.h"

/* ACPI 6.5 section 5.2.5.3. */
#define RSDP_REVISION 15
#define RSDP_1_SIZE   20u

/* As far as the end of a text is looked for; and what is no text by chance. */
#define TEXT_MAX FACTS_LONG
#define TEXT_MIN 16

_Static_assert(PVH_MODULES_MAX == MODULES_MAX, "assembly has the same limit");

/* Where it is read from, its first bytes, where what is found gets noted, and what is wrong. */
struct start {
    const struct pvh_source *source;
    uint8_t info[PVH_INFO_SIZE];
    struct kept_range *held; /* null: nowhere */
    size_t nheld;
    struct error err;
};

static bool fail(struct start *start, enum error_code code, const char *why)
{
    start->err = (struct error){.code = code, .text = why};
    return false;
}

static void read(const struct start *start, uint64_t pa, void *to, size_t len)
{
    start->source->read(start->source->ctx, pa, to, len);
}

/* len bytes at pa end at 2^64 at the latest. */
static bool fits(uint64_t pa, uint64_t len)
{
    return len == 0 || len - 1 <= UINT64_MAX - pa;
}

static bool is_printable(const struct start *start, uint64_t pa)
{
    char c;

    read(start, pa, &c, 1);
    return c >= ' ' && c <= '~';
}

/*
 * QEMU's loader has 4,096 bytes for a command line, copies a longer one all the
 * same, and has its start info behind: there is text then, also in front of it.
 */
static bool refuse_start_info(struct start *start, uint64_t pa)
{
    uint64_t first = pa;
    uint64_t end = pa;

    while (end - pa < TEXT_MAX && end != 0 && is_printable(start, end))
        end++;
    while (pa - first < TEXT_MAX && first > 0 && is_printable(start, first - 1))
        first--;
    if (end == pa || end - first < TEXT_MIN)
        return fail(start, ERR_INFO,
                    message("no start info of PVH is at 0x%lx, but 0x%x", pa, load32(start->info)));
    start->err = (struct error){
        .code = ERR_CMDLINE,
        .at = CMDLINE_MAX - 1,
        .value = end - first,
        .text = message("%lu characters of it lie where PVH's start info is to be; the limit is %u",
                        end - first, CMDLINE_MAX - 1),
    };
    return false;
}

/* What version 0 lacks is zero, which says that there is no map. */
static bool begin(struct start *start, const struct pvh_source *source, uint64_t pa)
{
    *start = (struct start){.source = source};
    if (!fits(pa, PVH_INFO_SIZE))
        return fail(start, ERR_INFO, message("PVH's start info at 0x%lx wraps", pa));
    read(start, pa, start->info, PVH_INFO_SIZE_0);
    if (load32(start->info) != PVH_MAGIC)
        return refuse_start_info(start, pa);
    if (load32(start->info + PVH_INFO_VERSION) > 0)
        read(start, pa + PVH_INFO_SIZE_0, start->info + PVH_INFO_SIZE_0,
             PVH_INFO_SIZE - PVH_INFO_SIZE_0);
    return true;
}

static void note(struct start *start, uint64_t base, uint64_t len)
{
    if (start->held && base != 0 && len != 0 && fits(base, len))
        start->held[start->nheld++] = (struct kept_range){base, len, "boot information"};
}

/*
 * Copy as much of a text as there is room for, with its final zero, unless `to`
 * is null; its length. TEXT_MAX: there is no zero among as many bytes. Byte by
 * byte: what is behind the zero may be no memory.
 */
static size_t read_text(struct start *start, uint64_t pa, char *to, size_t room)
{
    char c;

    if (pa == 0)
        return 0;
    for (size_t len = 0; len < TEXT_MAX && pa + len != 0; len++) {
        read(start, pa + len, &c, 1);
        if (to && len < room)
            to[len] = c;
        if (c == '\0') {
            note(start, pa, len + 1);
            return len;
        }
    }
    return TEXT_MAX;
}

/* Null facts: for what gets noted alone; so below. */
static bool read_module(struct start *start, uint64_t pa, struct facts *facts)
{
    char text[FACTS_TEXT_MAX];
    uint8_t module[PVH_MODULE_SIZE];
    uint64_t base, end;
    size_t len;

    read(start, pa, module, PVH_MODULE_SIZE);
    base = load64(module + PVH_MODULE_ADDRESS);
    if (__builtin_add_overflow(base, load64(module + PVH_MODULE_LENGTH), &end))
        return fail(
            start, ERR_INFO,
            message("PVH's module 0x%lx+0x%lx wraps", base, load64(module + PVH_MODULE_LENGTH)));
    len = read_text(start, load64(module + PVH_MODULE_CMDLINE), text, FACTS_TEXT_MAX);
    if (!facts || base == 0 || facts_add_module(facts, base, end, MODULE_PLAIN, text, len))
        return true;
    start->err = facts_module_too_long(facts, len);
    return false;
}

static bool read_modules(struct start *start, struct facts *facts)
{
    uint64_t list = load64(start->info + PVH_INFO_MODLIST);
    uint64_t count = list ? load32(start->info + PVH_INFO_MODULES) : 0;

    if (count > MODULES_MAX - (facts ? facts->nmodules : 0)) {
        fail(start, ERR_MODULES, message("%lu, the limit is %u", count, MODULES_MAX));
        start->err.at = MODULES_MAX;
        return false;
    }
    if (!fits(list, count * PVH_MODULE_SIZE))
        return fail(start, ERR_INFO,
                    message("PVH's list of %lu modules at 0x%lx wraps", count, list));
    note(start, list, count * PVH_MODULE_SIZE);
    for (; count > 0; count--, list += PVH_MODULE_SIZE)
        if (!read_module(start, list, facts))
            return false;
    return true;
}

static void read_rsdp(struct start *start, struct facts *facts)
{
    uint64_t rsdp = load64(start->info + PVH_INFO_RSDP);

    if (rsdp == 0)
        return;
    if (!fits(rsdp, RSDP_MAX)) {
        fail(start, ERR_INFO, message("PVH's RSDP at 0x%lx wraps", rsdp));
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
    size_t len;

    if (!begin(&start, source, start_info))
        return start.err;
    len = read_text(&start, load64(start.info + PVH_INFO_CMDLINE), facts->cmdline, CMDLINE_MAX);
    if (len >= CMDLINE_MAX)
        start.err = facts_too_long("", CMDLINE_MAX - 1, len);
    else if (read_modules(&start, facts))
        read_rsdp(&start, facts);
    return start.err;
}

struct error pvh_ranges(const struct pvh_source *source, uint64_t start_info,
                        const struct range_sink *sink)
{
    struct start start;
    uint8_t entry[PVH_ENTRY_SIZE];
    uint64_t map, count;

    if (!begin(&start, source, start_info))
        return start.err;
    map = load64(start.info + PVH_INFO_MAP);
    count = load32(start.info + PVH_INFO_MAP_ENTRIES);
    if (map == 0 || count == 0)
        fail(&start, ERR_NOMAP, NULL);
    else if (!fits(map, count * PVH_ENTRY_SIZE))
        fail(&start, ERR_MAPENTRY,
             message("PVH's table of %lu entries at 0x%lx wraps", count, map));
    for (; count > 0 && !start.err.code; count--, map += PVH_ENTRY_SIZE) {
        uint32_t type;

        read(&start, map, entry, PVH_ENTRY_SIZE);
        type = load32(entry + PVH_ENTRY_TYPE);
        start.err = sink->add(sink->ctx, load64(entry + PVH_ENTRY_BASE),
                              load64(entry + PVH_ENTRY_LEN), mem_type_from_e820(type), type);
    }
    return start.err;
}

size_t pvh_held(const struct pvh_source *source, uint64_t start_info, struct kept_range *held)
{
    struct start start;

    if (!begin(&start, source, start_info))
        return 0;
    start.held = held;
    note(&start, start_info,
         load32(start.info + PVH_INFO_VERSION) > 0 ? PVH_INFO_SIZE : PVH_INFO_SIZE_0);
    note(&start, load64(start.info + PVH_INFO_MAP),
         (uint64_t)load32(start.info + PVH_INFO_MAP_ENTRIES) * PVH_ENTRY_SIZE);
    read_text(&start, load64(start.info + PVH_INFO_CMDLINE), NULL, CMDLINE_MAX);
    read_modules(&start, NULL);
    return start.nheld;
}
