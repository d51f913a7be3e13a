/* SPDX-License-Identifier: MIT */
/* What elf.c makes of a file, held against reference_elf.c and the promises of elf.h. */
#include <string.h>

#include "exact.h"
#include "plan.h"
#include "reference_elf.h"

#define REFUSAL 0x5eed /* what put's error carries */

/* The file with what was asked of it, and memory as it is changed. */
struct scene {
    const uint8_t *bytes;
    uint64_t size;
    const struct elf_image *image; /* where it was put */
    struct {
        uint64_t va;
        uint64_t value;
    } puts[REFERENCE_ELF_WRITES];
    size_t count; /* of all puts, also those that there was no room for */
    size_t refuse_at;
    const char *wrong; /* null as long as nothing is */
};

static void read_scene(void *ctx, uint64_t offset, void *to, size_t len)
{
    struct scene *scene = ctx;

    if (offset > scene->size || len > scene->size - offset) {
        scene->wrong = "reading outside the file";
        memset(to, 0xa5, len);
        return;
    }
    memcpy(to, scene->bytes + offset, len);
}

/* All of the eight bytes are in segments that may be written. */
static void check_writable(struct scene *scene, uint64_t va)
{
    for (unsigned i = 0; i < 8; i++) {
        bool writable = false;

        for (size_t k = 0; k < scene->image->count; k++) {
            const struct elf_segment *s = &scene->image->segments[k];

            writable |= (s->rights & RIGHT_W) && va + i >= s->va && va + i - s->va < s->len;
        }
        if (!writable)
            scene->wrong = "relocating what is not in a writable segment";
    }
}

static uint64_t get_scene(void *ctx, uint64_t va)
{
    struct scene *scene = ctx;
    uint8_t bytes[8];
    uint64_t value = 0;

    check_writable(scene, va);
    for (unsigned i = 0; i < 8; i++) {
        int byte = reference_elf_byte(scene->image, scene->bytes, va + i);

        bytes[i] = byte < 0 ? 0xa5 : (uint8_t)byte;
    }
    for (size_t i = 0; i < scene->count && i < REFERENCE_ELF_WRITES; i++) {
        for (uint64_t k = 0; k < 8; k++) {
            uint64_t at = scene->puts[i].va + k - va;

            if (at < 8)
                bytes[at] = (uint8_t)(scene->puts[i].value >> (8 * k));
        }
    }
    for (unsigned i = 8; i-- > 0;)
        value = value << 8 | bytes[i];
    return value;
}

static struct error put_scene(void *ctx, uint64_t va, uint64_t value)
{
    struct scene *scene = ctx;

    check_writable(scene, va);
    if (scene->count > scene->refuse_at)
        scene->wrong = "putting after an error";
    if (scene->count == scene->refuse_at) {
        scene->count++;
        return (struct error){.code = ERR_NOFRAMES, .at = va, .value = REFUSAL, .text = "full"};
    }
    if (scene->count < REFERENCE_ELF_WRITES) {
        scene->puts[scene->count].va = va;
        scene->puts[scene->count].value = value;
    }
    scene->count++;
    return SUCCESS;
}

/* What elf.h says of every image, whatever the file. */
static const char *broken(const struct elf_image *image, uint64_t size)
{
    uint64_t next = image->start;
    bool entry = false;

    if (image->count == 0 || image->count > ELF_SEGMENTS_MAX)
        return "count";
    if (image->start % 4096 || image->end % 4096 ||
        image->start != image->segments[0].va / 4096 * 4096)
        return "start or end";
    if (image->align < 4096 || (image->align & (image->align - 1)))
        return "align";
    for (size_t i = 0; i < image->count; i++) {
        const struct elf_segment *s = &image->segments[i];
        uint64_t last = s->va + (s->len - 1);

        if (s->len == 0 || s->file_len > s->len || last < s->va)
            return "length";
        if (s->file_len > 0 && (s->offset > size || s->file_len > size - s->offset))
            return "bytes outside the file";
        if (i > 0 && (s->va <= s[-1].va || s->va - s[-1].va < s[-1].len))
            return "segments overlap or do not ascend";
        if (i > 0 && s->va / 4096 * 4096 < next && s->rights != s[-1].rights)
            return "a page has two kinds of rights";
        if (elf_own_page(image, i) != (s->va / 4096 * 4096 < next ? next : s->va / 4096 * 4096))
            return "the first page of its own";
        next = last / 4096 * 4096 + 4096;
        if (next == 0 && i + 1 < image->count)
            return "a segment behind the last page";
        if (s->rights != 0 && s->rights != RIGHT_W && s->rights != RIGHT_X)
            return "rights";
        entry |= s->rights == RIGHT_X && image->entry >= s->va && image->entry <= last;
    }
    if (next != image->end)
        return "end";
    return entry ? NULL : "entry";
}

static const char *image_differs(const struct elf_image *got, const struct reference_elf *ref)
{
    const struct elf_image *wanted = &ref->image;

    if (got->count != wanted->count)
        return "the number of segments";
    for (size_t i = 0; i < got->count; i++) {
        const struct elf_segment *a = &got->segments[i];
        const struct elf_segment *b = &wanted->segments[i];

        if (a->va != b->va || a->len != b->len || a->file_len != b->file_len ||
            a->rights != b->rights || a->number != b->number ||
            (a->file_len > 0 && a->offset != b->offset))
            return "a segment";
    }
    if (got->relocatable != wanted->relocatable || got->entry != wanted->entry)
        return "relocatable or entry";
    if (got->start != wanted->start || got->end != wanted->end || got->align != wanted->align)
        return "start, end or align";
    if (ref->relros < 2 && wanted->relro_len > 0 && wanted->relro % 4096 == 0 &&
        (got->relro != wanted->relro || got->relro_len != wanted->relro_len))
        return "relro";
    if (ref->relros < 2 && wanted->relro_len == 0 && got->relro_len != 0)
        return "relro where there is none";
    if (ref->dynamics < 2 &&
        (got->dynamic_len != wanted->dynamic_len ||
         (got->dynamic_len > 0 && got->dynamic_offset != wanted->dynamic_offset)))
        return "dynamic";
    return NULL;
}

/* As bytes: around both ends of every segment that is in the headers, and of its file part. */
static const char *bytes_differ(const struct elf_image *got, const struct reference_elf *ref)
{
    for (size_t i = 0; i < ref->image.count; i++) {
        const struct elf_segment *s = &ref->image.segments[i];
        const uint64_t at[] = {s->va, s->va + s->file_len, s->va + s->len, s->va + s->len / 2};

        for (size_t k = 0; k < 4; k++) {
            for (uint64_t around = 0; around < 3; around++) {
                uint64_t va = at[k] + around - 1;

                if (reference_elf_byte(got, ref->bytes, va) !=
                    reference_elf_byte(&ref->image, ref->bytes, va))
                    return "a byte";
            }
        }
    }
    return NULL;
}

static const char *place_differs(const struct elf_image *image, const struct elf_image *placed,
                                 uint64_t base)
{
    if (placed->count != image->count || placed->relocatable != image->relocatable)
        return "placing: what has no address";
    for (size_t i = 0; i < image->count; i++) {
        struct elf_segment s = image->segments[i];

        s.va += base;
        if (s.va != placed->segments[i].va || s.len != placed->segments[i].len ||
            s.offset != placed->segments[i].offset || s.file_len != placed->segments[i].file_len ||
            s.rights != placed->segments[i].rights)
            return "placing: a segment";
    }
    if (placed->entry != image->entry + base || placed->start != image->start + base ||
        placed->end != image->end + base)
        return "placing: entry, start or end";
    if (placed->align != image->align || placed->relro_len != image->relro_len ||
        (image->relro_len && placed->relro != image->relro + base))
        return "placing: align or relro";
    if (placed->dynamic_offset != image->dynamic_offset ||
        placed->dynamic_len != image->dynamic_len)
        return "placing: dynamic, which is in the file";
    return NULL;
}

/* Each write is one of the other's, as often. */
static const char *writes_differ(const struct scene *scene, const struct reference_elf *ref)
{
    if (scene->count != ref->nwrites)
        return "the number of relocations";
    for (size_t i = 0; i < ref->nwrites; i++) {
        size_t same = 0;

        for (size_t k = 0; k < scene->count; k++)
            same += scene->puts[k].va == ref->writes[i].va &&
                    scene->puts[k].value == ref->writes[i].value;
        if (same != 1)
            return "a relocation";
    }
    return NULL;
}

static const char *relocate_differs(struct scene *scene, struct reference_elf *ref, uint64_t base)
{
    enum reference_elf_answer wanted = reference_elf_relocate(ref, base);
    struct elf_file file = {scene, scene->size, read_scene};
    struct elf_relocations to = {scene, put_scene, get_scene};
    struct error err = elf_relocate(&file, scene->image, base, &to);

    if (scene->wrong)
        return scene->wrong;
    if (scene->count > scene->refuse_at)
        return err.code == ERR_NOFRAMES && err.value == REFUSAL ? NULL : "the error of put";
    if (err.code != ERR_NONE && err.code != ERR_PAYLOAD)
        return "the code of relocation";
    if (err.code != ERR_NONE && (!err.text || !err.text[0]))
        return "the reason of relocation";
    if (err.code == ERR_NONE && wanted == ELF_BAD)
        return "the acceptance of bad relocations";
    if (err.code != ERR_NONE && wanted == ELF_GOOD)
        return "the refusal of good relocations";
    if (err.code == ERR_NONE && wanted == ELF_GOOD && !ref->many)
        return writes_differ(scene, ref);
    return NULL;
}

static const char *differs(struct scene *scene, const struct elf_file *file, unsigned levels,
                           uint64_t base)
{
    static struct reference_elf ref;
    enum reference_elf_answer wanted = reference_elf_read(&ref, scene->bytes, scene->size, levels);
    struct elf_image image;
    struct elf_image placed;
    struct error err;
    const char *what;

    memset(&image, 0xa5, sizeof(image));
    image.relocatable = false;
    err = elf_read(file, levels, &image);
    if (scene->wrong)
        return scene->wrong;
    if (err.code != ERR_NONE) {
        if (err.code != ERR_PAYLOAD || !err.text || !err.text[0])
            return "the code or the reason";
        return wanted == ELF_GOOD ? "the refusal of a good file" : NULL;
    }
    if (wanted == ELF_BAD)
        return "the acceptance of a bad file";
    if ((what = broken(&image, scene->size)) || (what = image_differs(&image, &ref)) ||
        (what = bytes_differ(&image, &ref)))
        return what;
    base = image.relocatable ? base / image.align * image.align : 0;
    if (base && base + image.end < base + image.start)
        base = 0; /* it would not be in one piece */
    placed = image;
    if (image.relocatable)
        elf_place(&placed, base);
    if ((what = place_differs(&image, &placed, base)))
        return what;
    scene->image = &placed;
    return relocate_differs(scene, &ref, base);
}

const char *reference_elf_differs(const void *bytes, size_t size, unsigned levels, uint64_t base,
                                  size_t refuse_at)
{
    static struct scene scene;
    struct elf_file file = {&scene, size, read_scene};
    void *copy = exact_copy(bytes, size);
    const char *what;

    scene.bytes = copy;
    scene.size = size;
    scene.image = NULL;
    scene.count = 0;
    scene.refuse_at = refuse_at;
    scene.wrong = NULL;
    what = differs(&scene, &file, levels, base);
    exact_free(copy, size);
    return what;
}
