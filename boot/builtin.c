/* SPDX-License-Identifier: MIT */
/* The built-in payload: shows what was surveyed and mapped, and audits the live tables. */
#include "boot.h"
#include "console.h"
#include "cpu.h"
#include "layout.h"
#include "pmap.h"
#include "runtime.h"

/* A size as people say it: the largest unit that leaves it whole. */
static void print_size(uint64_t bytes)
{
    static const char units[] = {'B', 'K', 'M', 'G', 'T'};
    unsigned unit = 0;

    while (unit + 1 < sizeof(units) && bytes >= 1024 && bytes % 1024 == 0) {
        bytes /= 1024;
        unit++;
    }
    log_print(LOG_ALWAYS, "%8lu %c", bytes, units[unit]);
}

static void show_map(const struct boot *boot)
{
    log_print(LOG_ALWAYS, "\nMemory map, normalised\n");
    for (size_t i = 0; i < boot->map.count; i++) {
        const struct mem_range *r = &boot->map.ranges[i];

        log_print(LOG_ALWAYS, "  %013lx-%013lx ", r->base, r->end - 1);
        print_size(r->end - r->base);
        log_print(LOG_ALWAYS, "  %s\n", mem_type_name(r->type));
    }
}

static void show_plan(const struct boot *boot)
{
    log_print(LOG_ALWAYS, "\nPlan\n  %-16s  %-13s %10s  %-6s %-4s %-4s %s\n", "virtual", "physical",
              "length", "rights", "type", "page", "what");
    for (size_t i = 0; i < boot->plan.count; i++) {
        const struct mapping *m = &boot->plan.entries[i];

        log_print(LOG_ALWAYS, "  %016lx  %013lx ", m->va, m->pa);
        print_size(m->len);
        log_print(LOG_ALWAYS, "  %-6s %-4s %-4s %s\n", rights_name(m->rights),
                  memtype_name((enum memtype)m->type), page_size_name(m->max_level),
                  mapping_what_name((enum mapping_what)m->what));
    }
}

static void show_piece(uint64_t base, uint64_t end, const char *why, const char *type)
{
    log_print(LOG_ALWAYS, "  %013lx-%013lx ", base, end - 1);
    print_size(end - base);
    log_print(LOG_ALWAYS, "  %s%s%s\n", why, type[0] ? ": " : "", type);
}

/* Usable bytes that got no mapping, and why; then what never was a candidate. */
static void show_omissions(const struct boot *boot)
{
    struct ram_iter iter;
    struct ram_piece piece;

    log_print(LOG_ALWAYS, "\n%s\n",
              boot->request.directmap ? "Left out of the directmap" : "Not used as RAM");
    ram_first(&iter, &boot->request);
    while (ram_next(&iter, &piece)) {
        if (piece.fate != RAM_MAPPED)
            show_piece(piece.base, piece.end, ram_fate_text(piece.fate),
                       piece.fate != RAM_NOT_WB ? ""
                       : piece.undefined        ? "UC, their overlap is undefined"
                                                : memtype_name(piece.type));
    }
    for (size_t i = 0; i < boot->map.count; i++) {
        const struct mem_range *r = &boot->map.ranges[i];

        if (r->type != MEM_USABLE)
            show_piece(r->base, r->end, "no RAM to the firmware", mem_type_name(r->type));
    }
}

/* Two services that every firmware has, called where they were told that they are. */
static void show_runtime(const struct boot *boot)
{
    static const uint16_t language[] = {'P', 'l', 'a', 't', 'f', 'o', 'r',
                                        'm', 'L', 'a', 'n', 'g', 0};
    const void *table = runtime_table(&boot->runtime, boot->efi.system_table);
    struct runtime_time time = {0};
    char text[16] = "";
    uint64_t size = sizeof(text) - 1;
    uint64_t status;

    if (!table)
        return;
    status = runtime_get_time(table, &time);
    log_print(LOG_ALWAYS, "Runtime services: GetTime: %s, %u-%02u-%02u %02u:%02u:%02u",
              efi_status_name(status), time.year, time.month, time.day, time.hour, time.minute,
              time.second);
    status = runtime_get_variable(table, language, efi_global_variable, &size, text);
    log_print(LOG_ALWAYS, "; GetVariable: %s, PlatformLang=%s\n", efi_status_name(status), text);
}

struct error builtin_payload(const struct boot *boot)
{
    struct pt_stats found;
    struct error err;

    show_map(boot);
    show_plan(boot);
    show_omissions(boot);
    log_print(LOG_ALWAYS, "\nPage tables: %lu frames; leaves: %lu of 4K, %lu of 2M, %lu of 1G\n",
              boot->stats.tables, boot->stats.leaves[0], boot->stats.leaves[1],
              boot->stats.leaves[2]);
    err = pt_audit(cpu_root(), cpu_levels(), boot->request.phys_bits, &pmap_snapshots, &boot->plan,
                   &boot->mtrr, &found);
    show_runtime(boot);
    if (!err.code)
        log_print(LOG_ALWAYS, "Audit: %lu tables and %lu leaves read back, exactly as planned\n",
                  found.tables, found.leaves[0] + found.leaves[1] + found.leaves[2]);
    return err;
}
