/* SPDX-License-Identifier: MIT */
#include "elf_made.h"

#include "test.h"

void made_put(struct made *made, uint64_t at, unsigned bytes, uint64_t value)
{
    assert_true(at + bytes <= MADE_MAX);
    for (unsigned i = 0; i < bytes; i++)
        made->bytes[at + i] = (uint8_t)(value >> (8 * i));
}

uint64_t made_get(const struct made *made, uint64_t at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = bytes; i-- > 0;)
        value = value << 8 | made->bytes[at + i];
    return value;
}

struct made *made_start(unsigned type)
{
    static struct made made;

    memset(&made, 0, sizeof(made));
    for (size_t i = 0x1000; i < sizeof(made.bytes); i++)
        made.bytes[i] = (uint8_t)(i * 37 + i / 256 * 11 + 1);
    made.size = 0x8000;
    memcpy(made.bytes, "\177ELF\2\1\1", 7);
    made_put(&made, E_TYPE, 2, type);
    made_put(&made, E_MACHINE, 2, 62);
    made_put(&made, 20, 4, 1);
    made_put(&made, E_PHOFF, 8, MADE_HEADERS);
    made_put(&made, 52, 2, 64);
    made_put(&made, E_PHENTSIZE, 2, P_SIZE);
    return &made;
}

uint64_t made_field(unsigned header, uint64_t field)
{
    return MADE_HEADERS + P_SIZE * (uint64_t)header + field;
}

uint64_t made_header(struct made *made, uint32_t type, uint32_t flags, uint64_t offset, uint64_t va,
                     uint64_t file_len, uint64_t len, uint64_t align)
{
    uint64_t at = made_field(made->count, 0);

    made_put(made, at + P_TYPE, 4, type);
    made_put(made, at + P_FLAGS, 4, flags);
    made_put(made, at + P_OFFSET, 8, offset);
    made_put(made, at + P_VADDR, 8, va);
    made_put(made, at + P_PADDR, 8, UINT64_C(0xa5a5a5a5a5a5a5a5)); /* means nothing */
    made_put(made, at + P_FILESZ, 8, file_len);
    made_put(made, at + P_MEMSZ, 8, len);
    made_put(made, at + P_ALIGN, 8, align);
    made_put(made, E_PHNUM, 2, ++made->count);
    return at;
}

uint64_t made_load(struct made *made, uint32_t flags, uint64_t va, uint64_t len)
{
    return made_header(made, MADE_LOAD, flags, 0x1000 + va % 4096, va, 1, len, 4096);
}

struct made *made_three(unsigned type, uint64_t va)
{
    struct made *made = made_start(type);

    made_header(made, MADE_LOAD, MADE_R | MADE_X, 0x1000, va, MADE_TEXT_LEN, MADE_TEXT_LEN, 4096);
    made_header(made, MADE_LOAD, MADE_R, 0x2010, va + 0x2010, MADE_RODATA_LEN, MADE_RODATA_LEN, 16);
    made_header(made, MADE_LOAD, MADE_R | MADE_W, 0x3000, va + 0x4000, MADE_DATA_LEN,
                MADE_DATA_ROOM, 4096);
    made_put(made, E_ENTRY, 8, va + 0x10);
    return made;
}

static void read_made(void *ctx, uint64_t offset, void *to, size_t len)
{
    const struct made *made = ctx;
    uint8_t *out = to;

    if (offset > made->size || len > made->size - offset)
        fail_msg("%zu bytes at 0x%llx of 0x%llx are asked for", len, (unsigned long long)offset,
                 (unsigned long long)made->size);
    for (size_t i = 0; i < len; i++)
        out[i] = offset + i < MADE_MAX ? made->bytes[offset + i] : 0;
}

struct elf_file made_file(const struct made *made)
{
    return (struct elf_file){(void *)(uintptr_t)made, made->size, read_made};
}

struct error made_read(const struct made *made, unsigned levels, struct elf_image *image)
{
    struct elf_file *file = malloc(sizeof(*file));
    struct error err;

    assert_non_null(file);
    *file = made_file(made);
    memset(image, 0xa5, sizeof(*image));
    image->relocatable = false;
    err = elf_read(file, levels, image);
    free(file);
    return err;
}

void made_good(const struct made *made, struct elf_image *image)
{
    struct error err = made_read(made, 4, image);

    if (err.code != ERR_NONE)
        fail_msg("refused: %s, at 0x%llx, 0x%llx", err.text ? err.text : "(nothing)",
                 (unsigned long long)err.at, (unsigned long long)err.value);
}

static struct error reason(struct error err)
{
    assert_int_equal(err.code, ERR_PAYLOAD);
    assert_non_null(err.text);
    assert_true(err.text[0] != '\0');
    return err;
}

struct error made_refused(const struct made *made)
{
    struct elf_image image;

    return reason(made_read(made, 4, &image));
}

struct error made_refused_with(struct made *made, uint64_t at, unsigned bytes, uint64_t value)
{
    uint64_t was = made_get(made, at, bytes);
    struct error err;

    made_put(made, at, bytes, value);
    err = made_refused(made);
    made_put(made, at, bytes, was);
    return err;
}
