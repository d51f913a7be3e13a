/* SPDX-License-Identifier: MIT */
#include "pvh.h"

#include "load.h"

/* struct hvm_start_info; version 0 ends before the memory map. An address of 0 is that of nothing. */
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

static struct error damaged(uint64_t at, uint64_t value, const char *how)
{
    return (struct error){.code = ERR_INFO, .at = at, .value = value, .text = how};
}

/* len bytes at pa end at 2^64 at the latest. */
static bool fits(uint64_t pa, uint64_t len)
{
    return len == 0 || len - 1 <= UINT64_MAX - pa;
}

/* What version 0 lacks is zero, which says that there is no map. */
static struct error read_info(const struct pvh_source *source, uint64_t start_info, uint8_t *info)
{
    __builtin_memset(info, 0, INFO_SIZE);
    if (!fits(start_info, INFO_SIZE))
        return damaged(0, start_info, "start info wraps");
    source->read(source->ctx, start_info, info, INFO_SIZE_0);
    if (load32(info + INFO_MAGIC) != PVH_MAGIC)
        return damaged(INFO_MAGIC, load32(info + INFO_MAGIC), "no PVH start info");
    if (load32(info + INFO_VERSION) > 0)
        source->read(source->ctx, start_info + INFO_SIZE_0, info + INFO_SIZE_0,
                     INFO_SIZE - INFO_SIZE_0);
    return SUCCESS;
}

/* Bytes of a text before its final zero; limit, if that is not among as many. */
static size_t text_size(const struct pvh_source *source, uint64_t pa, size_t limit)
{
    char c;

    /* Byte by byte: what is behind the zero may be no memory. */
    for (size_t len = 0; len < limit && fits(pa, len + 1); len++) {
        source->read(source->ctx, pa + len, &c, 1);
        if (c == '\0')
            return len;
    }
    return limit;
}

static struct error read_cmdline(const struct pvh_source *source, uint64_t pa, struct facts *facts)
{
    size_t len;

    if (pa == 0)
        return SUCCESS;
    len = text_size(source, pa, CMDLINE_MAX);
    if (len == CMDLINE_MAX)
        return (struct error){.code = ERR_CMDLINE, .at = CMDLINE_MAX - 1, .value = len};
    source->read(source->ctx, pa, facts->cmdline, len + 1);
    return SUCCESS;
}

static struct error read_module(const struct pvh_source *source, uint64_t pa, struct facts *facts)
{
    char text[FACTS_TEXT_MAX];
    uint8_t module[MODULE_SIZE];
    uint64_t base, end, cmdline;
    size_t room = FACTS_TEXT_MAX - facts->texts_used;
    size_t len = 0;

    source->read(source->ctx, pa, module, sizeof(module));
    base = load64(module + MODULE_ADDRESS);
    cmdline = load64(module + MODULE_CMDLINE);
    if (base == 0)
        return SUCCESS;
    if (__builtin_add_overflow(base, load64(module + MODULE_LENGTH), &end))
        return damaged(pa, base, "module wraps");
    if (cmdline != 0)
        len = text_size(source, cmdline, room);
    if (len > 0 && len < room)
        source->read(source->ctx, cmdline, text, len);
    if (!facts_add_module(facts, base, end, MODULE_PLAIN, text, len))
        return (struct error){.code = ERR_CMDLINE, .at = FACTS_TEXT_MAX, .value = len};
    return SUCCESS;
}

static struct error read_modules(const struct pvh_source *source, const uint8_t *info,
                                 struct facts *facts)
{
    uint64_t list = load64(info + INFO_MODLIST);
    uint32_t count = load32(info + INFO_MODULES);
    struct error err = SUCCESS;

    if (list == 0)
        return SUCCESS;
    if (count > MODULES_MAX - facts->nmodules)
        return (struct error){.code = ERR_MODULES, .at = MODULES_MAX};
    if (!fits(list, count * MODULE_SIZE))
        return damaged(INFO_MODLIST, list, "module list wraps");
    for (uint32_t i = 0; i < count && !err.code; i++)
        err = read_module(source, list + i * MODULE_SIZE, facts);
    return err;
}

static struct error read_rsdp(const struct pvh_source *source, uint64_t rsdp, struct facts *facts)
{
    if (rsdp == 0)
        return SUCCESS;
    if (!fits(rsdp, RSDP_MAX))
        return damaged(INFO_RSDP, rsdp, "RSDP wraps");
    source->read(source->ctx, rsdp, facts->rsdp, RSDP_1_SIZE);
    facts->rsdp_size = RSDP_1_SIZE;
    if (facts->rsdp[RSDP_REVISION] >= 2) {
        source->read(source->ctx, rsdp + RSDP_1_SIZE, facts->rsdp + RSDP_1_SIZE,
                     RSDP_MAX - RSDP_1_SIZE);
        facts->rsdp_size = RSDP_MAX;
    }
    return SUCCESS;
}

struct error pvh_facts(const struct pvh_source *source, uint64_t start_info, struct facts *facts)
{
    uint8_t info[INFO_SIZE];
    struct error err = read_info(source, start_info, info);

    if (!err.code)
        err = read_cmdline(source, load64(info + INFO_CMDLINE), facts);
    if (!err.code)
        err = read_modules(source, info, facts);
    if (!err.code)
        err = read_rsdp(source, load64(info + INFO_RSDP), facts);
    return err;
}

struct error pvh_ranges(const struct pvh_source *source, uint64_t start_info,
                        const struct range_sink *sink)
{
    uint8_t info[INFO_SIZE];
    uint8_t entry[ENTRY_SIZE];
    struct error err = read_info(source, start_info, info);
    uint64_t map = load64(info + INFO_MAP);
    uint64_t count = load32(info + INFO_MAP_ENTRIES);

    if (err.code)
        return err;
    if (map == 0 || count == 0)
        return (struct error){.code = ERR_NOMAP};
    if (!fits(map, count * ENTRY_SIZE))
        return (struct error){
            .code = ERR_MAPENTRY, .at = map, .value = count, .text = "the table wraps"};
    for (; count > 0 && !err.code; count--, map += ENTRY_SIZE) {
        uint32_t type;

        source->read(source->ctx, map, entry, sizeof(entry));
        type = load32(entry + ENTRY_TYPE);
        err = sink->add(sink->ctx, load64(entry + ENTRY_BASE), load64(entry + ENTRY_LEN),
                        mem_type_from_e820(type), type);
    }
    return err;
}

/* Ranges to be held, as they are found; nothing is at address 0. */
struct holder {
    const struct pvh_source *source;
    struct kept_range *held;
    size_t count;
};

static bool hold(struct holder *h, uint64_t base, uint64_t len)
{
    if (base == 0 || len == 0 || !fits(base, len))
        return false;
    h->held[h->count++] = (struct kept_range){base, len, "boot information"};
    return true;
}

/* With its final zero, if that is where pvh_facts() finds it. */
static void hold_text(struct holder *h, uint64_t pa, size_t limit)
{
    size_t len;

    if (pa == 0)
        return;
    len = text_size(h->source, pa, limit);
    if (len < limit)
        hold(h, pa, len + 1);
}

size_t pvh_held(const struct pvh_source *source, uint64_t start_info, struct kept_range *held)
{
    struct holder h = {source, held, 0};
    uint8_t info[INFO_SIZE];
    uint8_t module[MODULE_SIZE];
    uint64_t list, count;

    if (read_info(source, start_info, info).code)
        return 0;
    hold(&h, start_info, load32(info + INFO_VERSION) > 0 ? INFO_SIZE : INFO_SIZE_0);
    hold_text(&h, load64(info + INFO_CMDLINE), CMDLINE_MAX);
    hold(&h, load64(info + INFO_MAP), UINT64_C(1) * load32(info + INFO_MAP_ENTRIES) * ENTRY_SIZE);
    list = load64(info + INFO_MODLIST);
    count = load32(info + INFO_MODULES);
    if (count > MODULES_MAX || !hold(&h, list, count * MODULE_SIZE))
        return h.count;
    for (; count > 0; count--, list += MODULE_SIZE) {
        source->read(source->ctx, list, module, sizeof(module));
        if (load64(module + MODULE_ADDRESS) != 0)
            hold_text(&h, load64(module + MODULE_CMDLINE), FACTS_TEXT_MAX);
    }
    return h.count;
}
