/* SPDX-License-Identifier: MIT */
/* The payload's own segments, as its program headers describe them. */
#include "check.h"

#ifdef LINKED_IN

/* Linked to Footing: the image's own segments, which the plan has. */
bool zero_behind_file(void)
{
    return true;
}

void check_segments(bool bss_is_zero)
{
    promise(".bss is zero", bss_is_zero);
    promise_equal("info: payload_va", info->payload_va, 0);
    promise_equal("info: payload_end_va", info->payload_end_va, 0);
    promise_equal("info: payload_entry_va", info->payload_entry_va, 0);
}

#else

struct program_header {
    uint32_t type, flags;
    uint64_t offset, va, pa, file_len, len, align;
};

#define PT_LOAD      1u
#define PT_GNU_RELRO 0x6474e552u
#define PF_X         1u
#define PF_W         2u
#define ET_DYN       3

#define RELOCATED_AT 0xffffffffa0000000ull

extern const uint8_t __ehdr_start[] __attribute__((visibility("hidden")));
void _start(void) __attribute__((visibility("hidden")));

/* Words that need relocation, in RELRO, in plain data, and as a function's address. */
static const int constant_word = 42;
static int data_word = 43;
static const int *const in_relro __attribute__((section(".data.rel.ro"), used)) = &constant_word;
static int *in_data = &data_word;
/* Two pages of them: one at least is RELRO from end to end. */
static void (*const functions[1024])(void) __attribute__((section(".data.rel.ro"), used)) = {
    [0 ... 1021] = check_pmap, check_tables, check_state};

#ifdef BIG
extern uint64_t big[768][512] __attribute__((visibility("hidden")));
#endif

static uint64_t here(void)
{
    uint64_t address;

    __asm__("lea __ehdr_start(%%rip), %0" : "=r"(address));
    return address;
}

static const struct program_header *header(unsigned i)
{
    uint64_t offset;
    uint16_t count;

    __builtin_memcpy(&offset, (const uint8_t *)here() + 32, sizeof(offset));
    __builtin_memcpy(&count, (const uint8_t *)here() + 56, sizeof(count));
    return i < count ? (const struct program_header *)(here() + offset) + i : NULL;
}

static bool is_relocated(void)
{
    return ((const uint8_t *)here())[16] == ET_DYN;
}

static uint64_t base(void)
{
    return is_relocated() ? here() : 0;
}

/* Before anything writes to .bss: it is zero, and so is the rest of its page, and before segments. */
bool zero_behind_file(void)
{
    const struct program_header *h;
    bool zero = true;

    for (unsigned i = 0; (h = header(i)); i++) {
        const volatile uint8_t *at = (const uint8_t *)(base() + h->va + h->file_len);
        uint64_t end = (base() + h->va + h->len + PAGE_MASK) & ~PAGE_MASK;

        if (h->type != PT_LOAD)
            continue;
        for (; (uint64_t)at < end; at++)
            zero &= *at == 0;
        at = (const uint8_t *)((base() + h->va) & ~PAGE_MASK);
        for (; (uint64_t)at < base() + h->va; at++)
            zero &= *at == 0;
    }
    return zero;
}

/* Whole pages; also the first, where it begins as its segment does. */
static uint64_t relro_start(const struct program_header *relro)
{
    const struct program_header *h;
    uint64_t start = base() + relro->va;

    for (unsigned i = 0; (h = header(i)); i++) {
        if (h->type == PT_LOAD && h->va == relro->va)
            return start & ~PAGE_MASK;
    }
    return (start + PAGE_MASK) & ~PAGE_MASK;
}

static void check_rights(void)
{
    struct flaws wrong = {0, 0};
    struct flaws text = {0, 0};
    struct flaws relro = {0, 0};
    const struct program_header *h;
    uint64_t relro_from = 0;
    uint64_t relro_to = 0;

    for (unsigned i = 0; (h = header(i)); i++) {
        if (h->type == PT_GNU_RELRO && h->len > 0) {
            relro_from = relro_start(h);
            relro_to = (base() + h->va + h->len) & ~PAGE_MASK;
        }
    }
    promise("there are pages of RELRO to look at", relro_from < relro_to);
    for (unsigned i = 0; (h = header(i)); i++) {
        uint64_t end = base() + h->va + h->len;

        if (h->type != PT_LOAD)
            continue;
        for (uint64_t va = (base() + h->va) & ~PAGE_MASK; va < end; va += PAGE_SIZE) {
            bool is_relro = va >= relro_from && va < relro_to;
            bool write = (h->flags & PF_W) && !is_relro;
            bool execute = h->flags & PF_X;
            struct leaf leaf = walk(va);
            uint64_t alias = info->directmap_va + leaf.pa + (va - leaf.va);

            flaw(is_relro ? &relro : &wrong, !is_mapped(va, 1, write, execute, FOOTING_WB), va);
            if (!has_directmap())
                continue;
            flaw(&text, execute && !is_mapped(alias, 1, false, false, FOOTING_WB), va);
            flaw(&wrong, !execute && !is_mapped(alias, 1, true, false, FOOTING_WB), va);
        }
    }
    promise_none("segments have their rights", &wrong);
    promise_none("RELRO is read-only", &relro);
    promise_none("text is read-only through the directmap", &text);
}

/* What nobody writes is as it is in the file, which is still there. */
static void check_contents(void)
{
    struct flaws different = {0, 0};
    const struct footing_module *file = NULL;
    const struct program_header *h;

    for (uint64_t i = 0; i < info->module_count; i++) {
        if (info->modules[i].kind == FOOTING_KERNEL)
            file = &info->modules[i];
    }
    promise("the payload's file is among the modules", file != NULL);
    for (unsigned i = 0; file && (h = header(i)); i++) {
        uint64_t left = h->file_len;

        if (h->type != PT_LOAD || (h->flags & PF_W))
            continue;
        for (uint64_t at = 0; left > 0;) {
            uint64_t part = left < PAGE_SIZE ? left : PAGE_SIZE;
            const void *from = info->calls->pmap_map(file->base_pa + h->offset + at, part);

            flaw(&different, __builtin_memcmp(from, (const void *)(base() + h->va + at), part) != 0,
                 base() + h->va + at);
            info->calls->pmap_unmap(from);
            at += part;
            left -= part;
        }
    }
    promise_none("text and constants are as in the file", &different);
}

static void check_place(void)
{
    const struct program_header *h;
    uint64_t first = UINT64_MAX;
    uint64_t last = 0;

    for (unsigned i = 0; (h = header(i)); i++) {
        if (h->type != PT_LOAD)
            continue;
        if (first == UINT64_MAX)
            first = (base() + h->va) & ~PAGE_MASK;
        last = (base() + h->va + h->len + PAGE_MASK) & ~PAGE_MASK;
    }
    promise_equal("info: payload_va", info->payload_va, first);
    promise_equal("info: payload_end_va", info->payload_end_va, last);
    promise_equal("info: payload_entry_va", info->payload_entry_va, (uint64_t)_start);
    if (is_relocated())
        promise_equal("a static PIE is where README says", first, RELOCATED_AT);
#ifdef LINKED
    promise_equal("an ET_EXEC is where it is linked", first, LINKED);
#endif
}

static void check_relocations(void)
{
    promise("relocated: constants", *in_relro == 42);
    promise("relocated: data", *in_data == 43 && in_data == &data_word);
    promise("relocated: functions", functions[0] == check_pmap && functions[1021] == check_pmap &&
                                        functions[1022] == check_tables &&
                                        functions[1023] == check_state);
}

#ifdef BIG
/* 3 MiB from a 2 MiB boundary: their first 2 MiB are one large page where that may be. */
static void check_big(void)
{
    struct flaws pages = {0, 0};
    uint64_t at = (uint64_t)big;
    const struct leaf leaf = walk(at);

    for (uint64_t i = 0; i < 768; i++) {
        for (unsigned j = 0; j < 512; j++)
            flaw(&pages, big[i][j] != i + 1, (uint64_t)&big[i][j]);
    }
    promise_none("3 MiB of data are as in the file", &pages);
    for (uint64_t i = 0; i < info->plan_count; i++) {
        const struct footing_mapping *m = &info->plan[i];

        if (at < m->va || at + (2 * MIB) > m->va + m->len)
            continue;
        say("payload: large data in pages of 0x%x", leaf.size);
        if (((m->va ^ m->pa) & (2 * MIB - 1)) == 0 && m->max_level > 0)
            promise_equal("large data in a large page", leaf.size, 2 * MIB);
    }
}
#else
static void check_big(void)
{
}
#endif

void check_segments(bool bss_is_zero)
{
    promise(".bss is zero, to the end of its page", bss_is_zero);
    check_place();
    check_rights();
    check_contents();
    check_relocations();
    check_big();
}

#endif
