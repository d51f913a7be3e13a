/* SPDX-License-Identifier: MIT */
/* The lines of the contract, and at loglevel=3 the facts behind them. */
#include "boot.h"
#include "console.h"
#include "layout.h"

static void print_details(const struct boot *boot)
{
    const struct cpu_caps *caps = &boot->caps;
    const struct facts *facts = &boot->facts;

    log_print(LOG_DETAIL, "footing: cpu phys-bits=%u%s%s%s%s%s%s\n", caps->phys_bits,
              caps->page1g ? " 1g" : "", caps->pge ? " pge" : "", caps->smep ? " smep" : "",
              caps->smap ? " smap" : "", caps->umip ? " umip" : "", caps->la57 ? " la57" : "");
    log_print(LOG_DETAIL, "footing: loader modules=%lu rsdp=%lu bytes system-table=0x%lx\n",
              facts->nmodules, facts->rsdp_size, facts->efi_system_table);
    log_print(LOG_DETAIL, "footing: screen 0x%lx %ux%u type %u\n", facts->framebuffer.base,
              facts->framebuffer.width, facts->framebuffer.height, facts->framebuffer.type);
    for (size_t i = 0; i < boot->busy.count; i++) {
        const struct busy_range *busy = &boot->busy.ranges[i];

        log_print(LOG_DETAIL, "footing: holds 0x%lx-0x%lx %s\n", busy->base, busy->end - 1,
                  busy->owner);
    }
}

/* RAM that Footing will not touch; that of pages shared with something else is not worth a line. */
static void print_left_out(const struct boot *boot)
{
    struct ram_iter iter;
    struct ram_piece piece;

    ram_first(&iter, &boot->request);
    while (ram_next(&iter, &piece)) {
        if (piece.fate == RAM_MAPPED || piece.fate == RAM_PARTIAL_PAGE)
            continue;
        log_print(LOG_WARNING, "footing: left out 0x%lx-0x%lx (%lu KiB): %s%s\n", piece.base,
                  piece.end - 1, (piece.end - piece.base) >> 10, ram_fate_text(piece.fate),
                  piece.undefined ? ", their overlap is undefined" : "");
    }
}

void print_contract(const struct boot *boot)
{
    if (console_wants(LOG_WARNING))
        print_left_out(boot);

    const struct pt_stats *stats = &boot->stats;

    if (!console_wants(LOG_MAP))
        return;
    if (console_wants(LOG_DETAIL))
        print_details(boot);
    log_print(LOG_MAP, "footing: layout directmap=0x%lx image=0x%lx+0x%lx phys=0x%lx levels=%u\n",
              boot->request.directmap ? boot->request.directmap_base : 0, IMAGE_VA,
              (uint64_t)(image_end - image_start), boot->image_pa, boot->request.levels);
    for (size_t i = 0; i < boot->map.count; i++) {
        const struct mem_range *r = &boot->map.ranges[i];

        log_print(LOG_MAP, "footing: map 0x%lx-0x%lx %s\n", r->base, r->end - 1,
                  mem_type_name(r->type));
    }
    for (size_t i = 0; i < boot->plan.count; i++) {
        const struct mapping *m = &boot->plan.entries[i];

        log_print(LOG_MAP, "footing: plan 0x%lx 0x%lx 0x%lx %s %s %s %s\n", m->va, m->pa, m->len,
                  rights_name(m->rights), memtype_name((enum memtype)m->type),
                  page_size_name(m->max_level), mapping_what_name((enum mapping_what)m->what));
    }
    if (boot->foreign.len > 0)
        log_print(LOG_MAP, "footing: foreign 0x%lx-0x%lx %s\n", boot->foreign.base,
                  boot->foreign.base + boot->foreign.len - 1,
                  boot->foreign.ram ? "RAM set aside" : "empty");
    log_print(LOG_MAP, "footing: tables %lu leaves 4K=%lu 2M=%lu 1G=%lu\n", stats->tables,
              stats->leaves[0], stats->leaves[1], stats->leaves[2]);
}
