/* SPDX-License-Identifier: MIT */
#include "elf_linked.h"

#include "test.h"

struct linked linked;

static struct error put(void *ctx, uint64_t va, uint64_t value)
{
    assert_ptr_equal(ctx, &linked);
    assert_true(linked.count < LINKED_PUTS && linked.count <= linked.refuse_at);
    linked.puts[linked.count].va = va;
    linked.puts[linked.count++].value = value;
    if (linked.count > linked.refuse_at)
        return (struct error){.code = ERR_FAULT, .at = 1, .value = 2, .text = "3"};
    return SUCCESS;
}

/* Only what may be written is asked for. */
static uint64_t get(void *ctx, uint64_t va)
{
    uint64_t at = va - linked.image.segments[2].va;

    assert_ptr_equal(ctx, &linked);
    assert_true(at <= MADE_DATA_ROOM - 8);
    for (size_t i = linked.count; i-- > 0;) {
        if (linked.puts[i].va == va)
            return linked.puts[i].value;
    }
    return at <= MADE_DATA_LEN - 8 ? made_get(linked.made, DATA_AT + at, 8) : 0;
}

struct made *linked_start(void)
{
    struct made *made = made_three(MADE_DYN, 0);

    made_put(made, made_field(1, P_FILESZ), 8, 0x1000 - 0x10);
    made_put(made, made_field(1, P_MEMSZ), 8, 0x1000 - 0x10);
    made_header(made, MADE_DYNAMIC, MADE_R, DYNAMIC, DYNAMIC, 0, 0, 8);
    return made;
}

static void dynamic_len(struct made *made, uint64_t len)
{
    made_put(made, made_field(3, P_FILESZ), 8, len);
    made_put(made, made_field(3, P_MEMSZ), 8, len);
}

void linked_dynamic(struct made *made, uint64_t tag, uint64_t value)
{
    uint64_t len = made_get(made, made_field(3, P_FILESZ), 8);

    made_put(made, DYNAMIC + len, 8, tag);
    made_put(made, DYNAMIC + len + 8, 8, value);
    dynamic_len(made, len + 16);
}

void linked_no_dynamic(struct made *made)
{
    dynamic_len(made, 0);
}

void linked_rela_is(struct made *made, uint64_t va, uint64_t size, uint64_t entry)
{
    linked_dynamic(made, RELA, va);
    linked_dynamic(made, RELASZ, size);
    linked_dynamic(made, RELAENT, entry);
}

void linked_relr_is(struct made *made, uint64_t va, uint64_t size, uint64_t entry)
{
    linked_dynamic(made, RELR, va);
    linked_dynamic(made, RELRSZ, size);
    linked_dynamic(made, RELRENT, entry);
}

void linked_rela(struct made *made, unsigned i, uint64_t va, uint64_t info, uint64_t addend)
{
    made_put(made, TABLES + 24 * (uint64_t)i, 8, va);
    made_put(made, TABLES + 24 * (uint64_t)i + 8, 8, info);
    made_put(made, TABLES + 24 * (uint64_t)i + 16, 8, addend);
}

void linked_relr(struct made *made, unsigned i, uint64_t entry)
{
    made_put(made, TABLE2 + 8 * (uint64_t)i, 8, entry);
}

struct error linked_run(const struct made *made, uint64_t base, size_t refuse_at)
{
    struct elf_file file = made_file(made);
    struct elf_relocations to = {&linked, put, get};

    made_good(made, &linked.image);
    if (linked.image.relocatable)
        elf_place(&linked.image, base);
    linked.made = made;
    linked.count = 0;
    linked.refuse_at = refuse_at;
    return elf_relocate(&file, &linked.image, base, &to);
}

void linked_good(const struct made *made, uint64_t base, size_t puts)
{
    struct error err = linked_run(made, base, SIZE_MAX);

    if (err.code != ERR_NONE)
        fail_msg("refused: %s", err.text);
    assert_int_equal(linked.count, puts);
}

void linked_refused(const struct made *made)
{
    struct error err = linked_run(made, BASE, SIZE_MAX);

    assert_int_equal(err.code, ERR_PAYLOAD);
    assert_non_null(err.text);
    assert_true(err.text[0] != '\0');
}

void linked_assert_put(uint64_t va, uint64_t value)
{
    for (size_t i = 0; i < linked.count; i++) {
        if (linked.puts[i].va == va) {
            assert_int_equal(linked.puts[i].value, value);
            return;
        }
    }
    fail_msg("0x%llx is not relocated", (unsigned long long)va);
}
