/* SPDX-License-Identifier: MIT */
#include "payload.h"

#include "layout.h"
#include "pmap.h"
#include "print.h"

#define LARGE_PAGE UINT64_C(0x200000)
#define CHUNK      UINT64_C(0x20000) /* what is copied at once: two of them fit into PMAP */

static void read_module(void *ctx, uint64_t offset, void *to, size_t len)
{
    const struct module *module = ctx;
    uint8_t *at = to;

    while (len > 0) {
        size_t part = len < CHUNK ? len : CHUNK;

        pmap_read(module->base + offset, at, part);
        at += part;
        offset += part;
        len -= part;
    }
}

struct elf_file payload_file(const struct module *module)
{
    return (struct elf_file){(void *)(uintptr_t)module, module->end - module->base, read_module};
}

static uint64_t page_end(uint64_t address)
{
    return (address + PAGE_MASK) & ~PAGE_MASK;
}

/* Footing's own addresses: what a payload linked there is told. */
static struct error check_window(const struct elf_segment *s, const struct plan_request *request)
{
    const struct {
        uint64_t va, len;
        const char *what;
    } windows[] = {
        {request->directmap_base, request->directmap ? request->directmap_size : 0,
         "the directmap"},
        {RUNTIME_VA, RUNTIME_SIZE, "UEFI's runtime services"},
        {SCREEN_VA, SCREEN_SIZE, "the framebuffer"},
        {PMAP_VA, -PMAP_VA, "Footing itself"},
    };

    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        uint64_t va = windows[i].va;
        uint64_t len = windows[i].len;

        if (s->va - va < len || (va - s->va < s->len && len > 0))
            return (struct error){.code = ERR_PAYLOAD,
                                  .at = s->va,
                                  .value = va,
                                  .text = message("payload's 0x%lx-0x%lx with %s, 0x%lx-0x%lx",
                                                  s->va, s->va + s->len - 1, windows[i].what, va,
                                                  va + len - 1)};
    }
    return SUCCESS;
}

/* One piece of a segment into free RAM; *va and *left move on. */
static struct error place_piece(struct payload *payload, const struct plan_request *request,
                                struct busy_list *busy, uint64_t *va, uint64_t *left)
{
    struct free_iter iter;
    struct free_run run;
    uint64_t len = *left;
    uint64_t pa;

    if (payload->count == PAYLOAD_PIECES_MAX)
        return (struct error){.code = ERR_PLANFULL,
                              .at = PAYLOAD_PIECES_MAX,
                              .text = "RAM is in too many pieces for the payload's segments"};
    if (!(len >= LARGE_PAGE && frames_find(request, busy, len, *va, LARGE_PAGE, &pa)) &&
        !frames_find(request, busy, len, 0, PAGE_SIZE, &pa)) {
        /* No run is long enough: the first one, and as much as fits. */
        free_first(&iter, request, busy, FRAMES_LOW_END, UINT64_MAX);
        if (!free_next(&iter, &run))
            return (struct error){.code = ERR_NOFRAMES,
                                  .value = len >> PAGE_SHIFT,
                                  .text = "for the payload's segments"};
        pa = run.base;
        len = run.end - run.base;
    }
    if (!busy_add(busy, pa, len, "payload"))
        return (struct error){.code = ERR_PLANFULL,
                              .at = BUSY_MAX,
                              .text = "the payload's segments are in too many pieces to be held"};
    payload->pieces[payload->count++] = (struct mapping){
        .va = *va,
        .pa = pa,
        .len = len,
        .type = MEMTYPE_WB,
        .max_level = (uint8_t)request->max_level,
        .what = WHAT_PAYLOAD,
    };
    *va += len;
    *left -= len;
    return SUCCESS;
}

/*
 * Whole pages of RELRO, which are read-only once they are relocated; and its
 * first, where nothing of its segment lies before it.
 */
static bool in_relro(const struct elf_image *image, const struct elf_segment *s, uint64_t va,
                     uint64_t *stop)
{
    uint64_t first = image->relro == s->va ? image->relro & ~PAGE_MASK : page_end(image->relro);
    uint64_t end = (image->relro + image->relro_len) & ~PAGE_MASK;

    if (image->relro_len == 0 || first >= end || va >= end)
        return false;
    if (va >= first) {
        *stop = end < *stop ? end : *stop;
        return true;
    }
    *stop = first < *stop ? first : *stop;
    return false;
}

/* The page that a segment shares with the one before is placed already. */
static struct error place_segment(struct payload *payload, size_t i,
                                  const struct plan_request *request, struct busy_list *busy)
{
    const struct elf_segment *s = &payload->image.segments[i];
    uint64_t va = elf_own_page(&payload->image, i);
    uint64_t left = page_end(s->va + s->len) - va;
    struct error err = check_window(s, request);

    while (left > 0 && !err.code) {
        uint64_t stop = va + left;
        unsigned rights =
            in_relro(&payload->image, s, va, &stop) ? s->rights & ~RIGHT_W : s->rights;
        uint64_t len = stop - va;

        for (left -= len; len > 0 && !err.code;) {
            err = place_piece(payload, request, busy, &va, &len);
            if (!err.code)
                payload->pieces[payload->count - 1].rights = (uint8_t)rights;
        }
    }
    return err;
}

struct error payload_place(struct payload *payload, const struct module *module,
                           const struct plan_request *request, struct busy_list *busy)
{
    const struct elf_file file = payload_file(module);
    struct elf_image *image = &payload->image;
    struct error err = elf_read(&file, request->levels, image);

    payload->module = module;
    payload->count = 0;
    payload->base = 0;
    if (!err.code && image->relocatable) {
        uint64_t len = image->end - (image->start & ~(LARGE_PAGE - 1));
        uint64_t window = len <= PAYLOAD_SIZE ? PAYLOAD_VA : PAYLOAD_LARGE_VA;

        if (image->align > LARGE_PAGE || len > RUNTIME_VA - PAYLOAD_LARGE_VA)
            return (struct error){.code = ERR_PAYLOAD,
                                  .at = image->align,
                                  .value = len,
                                  .text = message("its alignment, 0x%lx, or its length, 0x%lx, is "
                                                  "beyond what can be placed: 0x%lx, 0x%lx",
                                                  image->align, len, LARGE_PAGE,
                                                  RUNTIME_VA - PAYLOAD_LARGE_VA)};
        payload->base = window - (image->start & ~(LARGE_PAGE - 1));
        elf_place(image, payload->base);
    }
    for (size_t i = 0; i < image->count && !err.code; i++)
        err = place_segment(payload, i, request, busy);
    return err;
}

/* Where a byte of the payload is, and how many follow it there. */
static uint64_t physical(const struct payload *payload, uint64_t va, uint64_t *len)
{
    for (size_t i = 0; i < payload->count; i++) {
        const struct mapping *piece = &payload->pieces[i];

        if (va - piece->va < piece->len) {
            *len = piece->len - (va - piece->va);
            return piece->pa + (va - piece->va);
        }
    }
    *len = 0;
    return 0;
}

/* len bytes at va from the module at offset, or zeros; RAM is cut where pieces end. */
static void fill(const struct payload *payload, uint64_t va, uint64_t len, uint64_t offset,
                 bool zero)
{
    while (len > 0) {
        uint64_t part;
        uint64_t pa = physical(payload, va, &part);
        void *to;

        if (part > CHUNK)
            part = CHUNK;
        if (part > len)
            part = len;
        to = pmap_map("payload", pa, part);
        if (zero)
            __builtin_memset(to, 0, part);
        else
            read_module((void *)(uintptr_t)payload->module, offset, to, part);
        pmap_unmap(to);
        va += part;
        len -= part;
        offset += part;
    }
}

static struct error put_word(void *ctx, uint64_t va, uint64_t value)
{
    const struct payload *payload = ctx;

    for (size_t i = 0; i < sizeof(value); i++, value >>= 8) {
        uint64_t len;
        uint8_t *byte = pmap_map("payload", physical(payload, va + i, &len), 1);

        *byte = (uint8_t)value;
        pmap_unmap(byte);
    }
    return SUCCESS;
}

static uint64_t get_word(void *ctx, uint64_t va)
{
    const struct payload *payload = ctx;
    uint64_t value = 0;

    for (size_t i = sizeof(value); i-- > 0;) {
        uint64_t len;
        const uint8_t *byte = pmap_map("payload", physical(payload, va + i, &len), 1);

        value = value << 8 | *byte;
        pmap_unmap(byte);
    }
    return value;
}

static struct error put_nowhere(void *ctx, uint64_t va, uint64_t value)
{
    (void)ctx;
    (void)va;
    (void)value;
    return SUCCESS;
}

static uint64_t get_nothing(void *ctx, uint64_t va)
{
    (void)ctx;
    (void)va;
    return 0;
}

struct error payload_can_be_copied(const struct payload *payload)
{
    const struct elf_file file = payload_file(payload->module);
    const struct elf_relocations words = {NULL, put_nowhere, get_nothing};

    return elf_relocate(&file, &payload->image, payload->base, &words);
}

struct error payload_copy(const struct payload *payload)
{
    const struct elf_file file = payload_file(payload->module);
    const struct elf_relocations words = {(void *)(uintptr_t)payload, put_word, get_word};

    for (size_t i = 0; i < payload->image.count; i++) {
        const struct elf_segment *s = &payload->image.segments[i];
        uint64_t first = elf_own_page(&payload->image, i);
        uint64_t filled = s->va + s->file_len;

        /*
         * Nothing of what was in these frames before is the payload's to see;
         * but a page that is shared holds the end of the segment before.
         */
        if (first < s->va)
            fill(payload, first, s->va - first, 0, true);
        fill(payload, s->va, s->file_len, s->offset, false);
        fill(payload, filled, page_end(s->va + s->len) - filled, 0, true);
    }
    return elf_relocate(&file, &payload->image, payload->base, &words);
}
