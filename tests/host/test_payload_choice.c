/* SPDX-License-Identifier: MIT */
/* Which module is the payload, and what is said where none is, or a doubtful one. */
#include "payload_choice.h"

#include <stdio.h>

#include "test.h"

static struct facts facts;
static struct options options;

/* Files by the number that their module begins at. */
static struct {
    uint8_t bytes[1024];
    uint64_t size;
} files[4];

static void read_file(void *ctx, uint64_t offset, void *to, size_t len)
{
    const struct module *module = ctx;

    assert_true(offset <= module->end - module->base && len <= module->end - module->base - offset);
    memcpy(to, files[module->base].bytes + offset, len);
}

static struct elf_file open_module(const struct module *module)
{
    return (struct elf_file){(void *)(uintptr_t)module, module->end - module->base, read_file};
}

static void start(void)
{
    memset(&facts, 0, sizeof(facts));
    memset(files, 0, sizeof(files));
    options = options_default();
}

/* One more module, whose file begins so. */
static void add(enum module_kind kind, const char *begins, size_t len, uint64_t size)
{
    size_t i = facts.nmodules;

    memcpy(files[i].bytes, begins, len);
    files[i].size = size;
    assert_true(facts_add_module(&facts, i, i + size, kind, "", 0));
}

static void add_elf(enum module_kind kind)
{
    add(kind, "\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\x3e", 19, 64);
}

static const char *absent(void)
{
    return payload_absent(&facts, &options, open_module);
}

static const struct module *chosen(void)
{
    return payload_choose(&facts, open_module);
}

static void first_elf_file_is_the_payload(void **state)
{
    (void)state;
    start();
    assert_null(chosen());
    add_elf(MODULE_PLAIN);
    add_elf(MODULE_PLAIN);
    assert_ptr_equal(chosen(), &facts.modules[0]);
    start();
    add(MODULE_PLAIN, "\177ELF", 4, 4);
    assert_ptr_equal(chosen(), &facts.modules[0]);
    start();
    add(MODULE_PLAIN, "\177ELF", 4, 3);
    assert_null(chosen());
    start();
    add(MODULE_PLAIN, "text", 4, 100);
    add_elf(MODULE_PLAIN);
    assert_null(chosen());
}

/* kernel= is the payload, whatever it is and wherever it stands; ramdisk= never is. */
static void module_that_is_called_so_is_the_payload(void **state)
{
    (void)state;
    start();
    add_elf(MODULE_PLAIN);
    add(MODULE_KERNEL, "text", 4, 100);
    assert_ptr_equal(chosen(), &facts.modules[1]);
    start();
    add_elf(MODULE_RAMDISK);
    assert_null(chosen());
}

/* Nothing is said where no payload was meant: no module, no words, no then=. */
static void nothing_is_said_where_none_was_meant(void **state)
{
    (void)state;
    start();
    assert_null(absent());
    add(MODULE_PLAIN, "text", 4, 100);
    options.then_given = true;
    for (unsigned then = THEN_HALT; then <= THEN_REBOOT; then++) {
        options.then = (enum option_then)then;
        options.payload = "words";
        assert_null(absent());
        facts.nmodules = 0;
        assert_null(absent());
        facts.nmodules = 1;
    }
}

static void missing_module_is_told(void **state)
{
    (void)state;
    start();
    options.payload = "quiet";
    assert_string_equal(absent(), "no module was loaded for the words behind --; it takes module2 "
                                  "(not module) in GRUB, -initrd in QEMU, kernel= in footing.cfg");
    options.payload = "";
    options.then_given = true;
    assert_string_equal(absent(), "no module was loaded for then=payload; it takes module2 (not "
                                  "module) in GRUB, -initrd in QEMU, kernel= in footing.cfg");
}

static void first_module_is_called_by_what_it_is(void **state)
{
    static const struct {
        const char *begins;
        size_t len;
        uint64_t size;
        const char *kind;
    } all[] = {
        {"", 0, 0, "an empty file"},
        {"MZ", 2, 500, "a DOS or PE file"},
        {"070701", 6, 500, "a cpio archive, as an initrd is"},
        {"\xfa\x31\xc0\x8e", 4, 500, "a file that begins with the bytes fa 31 c0 8e"},
    };
    char words[256];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        start();
        add(MODULE_PLAIN, all[i].begins, all[i].len, all[i].size);
        snprintf(words, sizeof(words),
                 "the first module is %s; a payload is an ELF executable for x86-64", all[i].kind);
        assert_string_equal(absent(), words);
    }
    start();
    add(MODULE_PLAIN, "", 0, 1000);
    memcpy(files[0].bytes + 0x202, "HdrS", 4);
    assert_string_equal(absent(), "the first module is a Linux kernel (bzImage); a payload is an "
                                  "ELF executable for x86-64");
    start();
    add(MODULE_PLAIN, "\xea\0\0\0\0\0\0\0\xd6\x50\x52\xe8\0\0\0\0\x10\0\0\0\x1a\xaf\xad\x17", 24,
        1000);
    assert_string_equal(absent(),
                        "the first module is a file that begins with the bytes ea 00 00 00 with a "
                        "multiboot2 header; a payload is an ELF executable for x86-64");
}

/* In another order the payload would have been found: which module it is, is said. */
static void order_of_the_modules_is_told(void **state)
{
    (void)state;
    start();
    add(MODULE_PLAIN, "070701", 6, 100);
    add(MODULE_PLAIN, "text", 4, 100);
    add_elf(MODULE_PLAIN);
    assert_string_equal(absent(), "the first module is a cpio archive, as an initrd is; module 3 "
                                  "is an ELF file: the payload comes first");
    start();
    add(MODULE_RAMDISK, "070701", 6, 100);
    assert_string_equal(absent(), "the first module is ramdisk=, and there is no kernel=; a "
                                  "payload is an ELF executable for x86-64");
}

/* A payload that asks for another boot protocol is entered all the same, and that is said. */
static void other_protocol_is_a_doubt(void **state)
{
    (void)state;
    start();
    add_elf(MODULE_PLAIN);
    assert_null(payload_doubt(&facts.modules[0], open_module));
    facts.modules[0].end = facts.modules[0].base + 1000;
    memcpy(files[0].bytes + 0x40,
           "\x88\x8b\x4c\xdf\x30\xdd\xb1\xc7\x7b\xf0\x94\xa1\x83\xe8\x82\x0a", 16);
    assert_string_equal(payload_doubt(&facts.modules[0], open_module),
                        "requests of the Limine boot protocol");
    assert_ptr_equal(chosen(), &facts.modules[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_elf_file_is_the_payload),
        cmocka_unit_test(module_that_is_called_so_is_the_payload),
        cmocka_unit_test(nothing_is_said_where_none_was_meant),
        cmocka_unit_test(missing_module_is_told),
        cmocka_unit_test(first_module_is_called_by_what_it_is),
        cmocka_unit_test(order_of_the_modules_is_told),
        cmocka_unit_test(other_protocol_is_a_doubt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
