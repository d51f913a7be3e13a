/* SPDX-License-Identifier: MIT */
/* The PVH start info → facts. Its pvh_memory map, and what is held of it, are in test_pvh_map.c. */
#include "pvh.h"

#include "pvh_made.h"
#include "recorder.h"
#include "test.h"

static struct facts facts;

static void good(void)
{
    struct error err = pvh_read(&facts);

    if (err.code != ERR_NONE)
        fail_msg("refused: %d, %s", (int)err.code, err.text ? err.text : "");
}

static void refused(enum error_code code)
{
    assert_int_equal(pvh_read(&facts).code, code);
}

static const char *words_of(size_t i)
{
    assert_true(facts.modules[i].text < FACTS_TEXT_MAX);
    return facts.texts + facts.modules[i].text;
}

/* Of nothing but the start info there are no facts. */
static void bare_start_info_has_no_facts(void **state)
{
    (void)state;
    for (uint32_t version = 0; version < 2; version++) {
        pvh_start(version);
        good();
        assert_string_equal(facts.cmdline, "");
        assert_int_equal(facts.nmodules, 0);
        assert_int_equal(facts.rsdp_size, 0);
        assert_int_equal(facts.efi_system_table, 0);
        assert_int_equal(facts.framebuffer.base, 0);
    }
}

/* Without the magic number, whole and in order, it is none. */
static void magic_must_be_there(void **state)
{
    (void)state;
    pvh_start(1);
    for (unsigned bit = 0; bit < 32; bit++) {
        pvh_put(START + MAGIC, 4, PVH_MAGIC ^ UINT32_C(1) << bit);
        refused(ERR_INFO);
    }
    pvh_put(START + MAGIC, 4, UINT32_C(0x78c56e33));
    refused(ERR_INFO);
    pvh_put(START + MAGIC, 4, 0);
    refused(ERR_INFO);
}

/* Later versions are read as version 1: they only add. */
static void later_versions_are_read_as_1(void **state)
{
    static const uint32_t versions[] = {1,         2, 3, 0x100, INT32_MAX, UINT32_C(0x80000000),
                                        UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        struct recorder *got = recorder_start();

        pvh_start(versions[i]);
        pvh_put(START + CMDLINE, 8, pvh_text(LINE, 5, 'v'));
        pvh_entry(0, K(640), 1);
        good();
        assert_string_equal(facts.cmdline, "vvvvv");
        assert_int_equal(pvh_ranges(&pvh_all, pvh_base + START, &got->sink).code, ERR_NONE);
        assert_int_equal(got->count, 1);
    }
}

/* The flags, and what is reserved, mean nothing. */
static void flags_and_reserved_are_ignored(void **state)
{
    struct recorder *got = recorder_start();

    (void)state;
    pvh_start(1);
    pvh_put(START + S_FLAGS, 4, UINT32_MAX);
    pvh_put(START + 52, 4, UINT32_MAX);
    pvh_module(M(1), 5, 0);
    pvh_entry(0, K(640), 1);
    pvh_put(TABLE + 20, 4, UINT32_MAX);
    good();
    assert_int_equal(pvh_ranges(&pvh_all, pvh_base + START, &got->sink).code, ERR_NONE);
    recorder_expect(got, 0, 0, K(640), MEM_USABLE, 1);
}

/* A line that fills the room for it is taken, one character more is an error, never a cut. */
static void command_line_fills_its_room_exactly(void **state)
{
    (void)state;
    for (size_t len = 0; len<CMDLINE_MAX + 3; len += len> 4 && len < 4090 ? 681 : 1) {
        pvh_start(0);
        pvh_put(START + CMDLINE, 8, pvh_text(LINE, len, 'x'));
        if (len < CMDLINE_MAX) {
            good();
            assert_int_equal(strlen(facts.cmdline), len);
            assert_memory_equal(facts.cmdline, pvh_memory + LINE, len + 1);
        } else {
            refused(ERR_CMDLINE);
        }
    }
}

/* A command line without an end is not read for ever, nor around 2^64. */
static void endless_command_line_is_refused(void **state)
{
    static const uint64_t at[] = {BASE + ROOM, UINT64_MAX, UINT64_MAX - 1, UINT64_MAX - 4095,
                                  UINT64_MAX - 100};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(at); i++) {
        struct error err;

        pvh_start(1);
        pvh_put(START + CMDLINE, 8, at[i]);
        err = pvh_read(&facts);
        assert_true(err.code == ERR_CMDLINE || (err.code == ERR_INFO && i > 0));
    }
}

/* Modules keep their order, addresses above 4 GiB, and their command lines, also none. */
static void modules_keep_their_order(void **state)
{
    (void)state;
    pvh_start(1);
    pvh_module(G(5), 0x1234, pvh_text(WORDS, 3, 'a'));
    pvh_module(0x1000, 1, 0);
    pvh_module(G(4) - 1, M(1), pvh_text(WORDS + 0x100, 7, 'b'));
    pvh_module(M(2), 0x10, pvh_text(WORDS + 0x200, 0, 'c'));
    good();
    assert_int_equal(facts.nmodules, 4);
    assert_int_equal(facts.modules[0].base, G(5));
    assert_int_equal(facts.modules[0].end, G(5) + 0x1234);
    assert_string_equal(words_of(0), "aaa");
    assert_int_equal(facts.modules[1].base, 0x1000);
    assert_int_equal(facts.modules[1].end, 0x1001);
    assert_string_equal(words_of(1), "");
    assert_int_equal(facts.modules[2].base, G(4) - 1);
    assert_int_equal(facts.modules[2].end, G(4) - 1 + M(1));
    assert_string_equal(words_of(2), "bbbbbbb");
    assert_int_equal(facts.modules[3].end, M(2) + 0x10);
    assert_string_equal(words_of(3), "");
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(facts.modules[i].kind, MODULE_PLAIN);
}

/* As many modules as there is room for are taken; one more is an error, never forgotten. */
static void one_module_more_than_fits_is_refused(void **state)
{
    struct error err;

    (void)state;
    pvh_start(1);
    for (uint64_t i = 0; i < MODULES_MAX; i++)
        pvh_module(M(1) * (i + 1), i + 1, 0);
    good();
    assert_int_equal(facts.nmodules, MODULES_MAX);
    for (uint64_t i = 0; i < MODULES_MAX; i++)
        assert_int_equal(facts.modules[i].end, M(1) * (i + 1) + i + 1);
    pvh_module(0x1000, 1, 0);
    err = pvh_read(&facts);
    assert_int_equal(err.code, ERR_MODULES);
    assert_int_equal(err.at, MODULES_MAX);
    pvh_put(START + NR_MODULES, 4, UINT32_C(0x80000001));
    refused(ERR_MODULES);
    pvh_put(START + NR_MODULES, 4, UINT32_MAX);
    refused(ERR_MODULES);
}

/* The modules' command lines together fill the room for them, zeros included, and not more. */
static void command_lines_of_modules_share_their_room(void **state)
{
    enum error_code code;

    (void)state;
    pvh_start(1);
    pvh_module(M(1), 1, pvh_text(WORDS, 4095, 'a'));
    pvh_module(M(2), 1, pvh_text(WORDS + 0x1000, 4094, 'b'));
    pvh_module(M(3), 1, 0);
    good();
    assert_int_equal(facts.texts_used, FACTS_TEXT_MAX);
    assert_int_equal(strlen(words_of(0)), 4095);
    assert_int_equal(strlen(words_of(1)), 4094);
    assert_string_equal(words_of(2), "");
    pvh_module(M(4), 1, 0);
    code = pvh_read(&facts).code;
    assert_true(code == ERR_CMDLINE || code == ERR_MODULES);
    pvh_put(START + NR_MODULES, 4, 3);
    pvh_text(WORDS + 0x1000, 4095, 'b');
    code = pvh_read(&facts).code;
    assert_true(code == ERR_CMDLINE || code == ERR_MODULES);
    pvh_text(WORDS + 0x1000, 12000, 'b');
    code = pvh_read(&facts).code;
    assert_true(code == ERR_CMDLINE || code == ERR_MODULES);
}

/* A module that goes around 2^64 is not taken for one that ends before it begins. */
static void wrapping_module_is_refused(void **state)
{
    static const uint64_t sizes[] = {G(1) + 1, G(2), UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        pvh_start(1);
        pvh_module(-G(1), sizes[i], 0);
        assert_int_not_equal(pvh_read(&facts).code, ERR_NONE);
    }
    pvh_start(1);
    pvh_module(-G(1), G(1) - 1, 0);
    good();
    assert_int_equal(facts.modules[0].end, UINT64_MAX);
}

/* A list of modules that goes around 2^64 is refused; without modules it may be anywhere. */
static void list_of_modules_does_not_wrap(void **state)
{
    (void)state;
    pvh_start(1);
    pvh_module(M(1), 1, 0);
    pvh_module(M(2), 1, 0);
    pvh_put(START + MODLIST, 8, UINT64_MAX - 2 * MODULE + 2);
    assert_int_not_equal(pvh_read(&facts).code, ERR_NONE);
    pvh_put(START + MODLIST, 8, UINT64_MAX);
    assert_int_not_equal(pvh_read(&facts).code, ERR_NONE);
    pvh_put(START + NR_MODULES, 4, 0);
    good();
    assert_int_equal(facts.nmodules, 0);
}

/* The RSDP has 20 bytes of revision 0, and 36 of revision 2 and later. */
static void rsdp_is_copied_by_its_revision(void **state)
{
    static const uint8_t revisions[] = {0, 2, 3, 6};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(revisions); i++) {
        pvh_start(i % 2);
        pvh_rsdp(revisions[i]);
        good();
        assert_int_equal(facts.rsdp_size, revisions[i] == 0 ? 20 : 36);
        assert_memory_equal(facts.rsdp, pvh_memory + ROOT, facts.rsdp_size);
    }
}

/* All of it may be at the end of the address space, to its last byte but one. */
static void all_may_be_high(void **state)
{
    struct recorder *got = recorder_start();

    (void)state;
    pvh_start(1);
    pvh_base = -ROOM - 1;
    pvh_put(START + CMDLINE, 8, pvh_text(ROOM - 6, 5, 'z'));
    pvh_module(M(1), 1, 0);
    memmove(pvh_memory + ROOM - 6 - MODULE, pvh_memory + LIST, MODULE);
    pvh_put(START + MODLIST, 8, pvh_base + ROOM - 6 - MODULE);
    pvh_entry(M(1), M(2), 1);
    good();
    assert_string_equal(facts.cmdline, "zzzzz");
    assert_int_equal(facts.modules[0].end, M(1) + 1);
    assert_int_equal(pvh_ranges(&pvh_all, pvh_base + START, &got->sink).code, ERR_NONE);
    recorder_expect(got, 0, M(1), M(2), MEM_USABLE, 1);
}

/* Nothing is loaded at address 0: there it means "not present", for modules and their list too. */
static void address_zero_is_not_present(void **state)
{
    struct recorder *got = recorder_start();

    (void)state;
    pvh_start(1);
    pvh_module(M(1), 1, 0);
    pvh_module(0, M(1), pvh_text(WORDS, 3, 'a'));
    pvh_module(M(2), 1, 0);
    pvh_entry(0, K(640), 1);
    good();
    assert_int_equal(facts.nmodules, 2);
    assert_int_equal(facts.modules[1].base, M(2));
    pvh_put(START + MODLIST, 8, 0);
    good();
    assert_int_equal(facts.nmodules, 0);
    pvh_put(START + MEMMAP, 8, 0);
    assert_int_equal(pvh_ranges(&pvh_all, pvh_base + START, &got->sink).code, ERR_NOMAP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bare_start_info_has_no_facts),
        cmocka_unit_test(magic_must_be_there),
        cmocka_unit_test(later_versions_are_read_as_1),
        cmocka_unit_test(flags_and_reserved_are_ignored),
        cmocka_unit_test(command_line_fills_its_room_exactly),
        cmocka_unit_test(endless_command_line_is_refused),
        cmocka_unit_test(modules_keep_their_order),
        cmocka_unit_test(one_module_more_than_fits_is_refused),
        cmocka_unit_test(command_lines_of_modules_share_their_room),
        cmocka_unit_test(wrapping_module_is_refused),
        cmocka_unit_test(list_of_modules_does_not_wrap),
        cmocka_unit_test(rsdp_is_copied_by_its_revision),
        cmocka_unit_test(all_may_be_high),
        cmocka_unit_test(address_zero_is_not_present),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
