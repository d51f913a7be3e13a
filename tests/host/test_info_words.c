/* SPDX-License-Identifier: MIT */
/* What is said of boot information that is damaged, or has a text that is too long. */
#include "efi_map.h"

#include <stdio.h>

#include "info.h"
#include "mb2.h"
#include "multiboot2.h"
#include "pe.h"
#include "pvh.h"
#include "pvh_made.h"
#include "recorder.h"
#include "test.h"

static struct facts facts;

static void assert_words(struct error err, enum error_code code, const char *words)
{
    assert_int_equal(err.code, code);
    assert_non_null(err.text);
    assert_string_equal(err.text, words);
}

/* None of these codes has numbers behind its text any more: they stand in it. */
static void numbers_stand_in_the_text(void **state)
{
    static const enum error_code codes[] = {ERR_INFO,    ERR_CMDLINE,  ERR_MODULES,
                                            ERR_PAYLOAD, ERR_MAPENTRY, ERR_OPTION};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        assert_null(error_words(codes[i]).at);
        assert_null(error_words(codes[i]).value);
    }
    for (unsigned code = 0; code < ERR_CODES; code++) {
        const char *value = error_words((enum error_code)code).value;

        assert_true(!value || strcmp(value, "found") != 0);
    }
}

static void damaged_tags_are_named(void **state)
{
    static const uint8_t rsdp[8] = "RSD PTR ";
    static uint8_t long_line[CMDLINE_MAX + 100];
    struct info *info = info_start();
    uint32_t small[2] = {15, 0};
    uint32_t size;

    (void)state;
    info_tag(info, MB2_TAG_ACPI_NEW, rsdp, sizeof(rsdp));
    info_end(info);
    assert_words(info_facts(info, &facts), ERR_INFO,
                 "tag of type 15, 0x10 bytes at offset 0x8: RSDP tag too small");
    assert_words(mb2_size(small, &size), ERR_INFO,
                 "a total size of 15 bytes has no room for a tag");
    memset(long_line, 'x', sizeof(long_line) - 1);
    info = info_start();
    info_tag(info, MB2_TAG_CMDLINE, long_line, sizeof(long_line));
    info_end(info);
    assert_words(info_facts(info, &facts), ERR_CMDLINE, "4195 characters, the limit is 4095");
}

static void damaged_maps_are_named(void **state)
{
    struct recorder *recorder = recorder_start();
    uint8_t map[96] = {7};

    (void)state;
    assert_words(efi_map_ranges(map, 96, 48, 2, &recorder->sink), ERR_MAPENTRY,
                 "UEFI's map has descriptors of version 2, known is 1");
    assert_words(efi_map_ranges(map, 96, 36, 1, &recorder->sink), ERR_MAPENTRY,
                 "UEFI's map has descriptors of 36 bytes, in 0x60: they are to be 40 or more, a "
                 "multiple of 8, and to fill it");
    map[8] = 0x10;
    map[31] = 0x80;
    assert_words(efi_map_ranges(map, 96, 48, 1, &recorder->sink), ERR_MAPENTRY,
                 "UEFI's map has 0x8000000000000000 pages at 0x10, more than 64 bits of bytes");
}

static void damaged_headers_are_named(void **state)
{
    static uint8_t headers[1024];
    struct pe_section section;

    (void)state;
    memset(headers, 0, sizeof(headers));
    assert_words(pe_find_section(headers, 63, ".config", &section), ERR_INFO,
                 "PE: headers are cut off after 0x3f bytes");
    assert_words(pe_find_section(headers, 1024, ".config", &section), ERR_INFO,
                 "PE: no MZ: 0x0, at offset 0x0");
    memcpy(headers, "MZ", 2);
    headers[60] = 0x40;
    memcpy(headers + 0x40, "PE\0\0\x4c\x01", 6);
    assert_words(pe_find_section(headers, 1024, ".config", &section), ERR_INFO,
                 "PE: a machine that is not x86-64: 0x14c, at offset 0x44");
}

static void start_info_is_named(void **state)
{
    (void)state;
    pvh_start(1);
    pvh_put(START, 4, 0x12);
    assert_words(pvh_read(&facts), ERR_INFO, "no start info of PVH is at 0x123456101, but 0x12");
    pvh_start(1);
    pvh_put(START + NR_MODULES, 4, 65);
    pvh_put(START + MODLIST, 8, BASE + LIST);
    assert_words(pvh_read(&facts), ERR_MODULES, "65, the limit is 64");
    pvh_start(1);
    pvh_put(START + RSDP, 8, UINT64_MAX - 3);
    assert_words(pvh_read(&facts), ERR_INFO, "PVH's RSDP at 0xfffffffffffffffc wraps");
}

/* QEMU's loader copies a long command line over its start info: it is told by its text. */
static void command_line_over_the_start_info_is_told(void **state)
{
    static const struct {
        uint64_t before, behind; /* characters in front of the start info, and from its start on */
    } texts[] = {{0, 16}, {15, 1}, {16, 4}, {0x80, 8000}, {0x100, 40000}};
    char words[128];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        pvh_start(1);
        memset(pvh_memory + START - texts[i].before, 'y', texts[i].before + texts[i].behind);
        snprintf(words, sizeof(words),
                 "%u characters of it lie where PVH's start info is to be; the limit is 4095",
                 (unsigned)(texts[i].before + texts[i].behind));
        assert_words(pvh_read(&facts), ERR_CMDLINE, words);
    }
    /* A few characters are there by chance. */
    pvh_start(1);
    memset(pvh_memory + START - 5, 'y', 15);
    assert_int_equal(pvh_read(&facts).code, ERR_INFO);
    pvh_start(1);
    memset(pvh_memory + START - 20, 'y', 20);
    pvh_put(START, 4, 0x12);
    assert_int_equal(pvh_read(&facts).code, ERR_INFO);
}

/* However long it is, its length is told, or that it does not end. */
static void long_command_lines_are_told_by_their_length(void **state)
{
    static const size_t lengths[] = {4096, 8000, 40000};
    char words[128];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        pvh_start(1);
        pvh_put(START + CMDLINE, 8, pvh_text(LINE, lengths[i], 'x'));
        snprintf(words, sizeof(words), "%zu characters, the limit is 4095", lengths[i]);
        assert_words(pvh_read(&facts), ERR_CMDLINE, words);
    }
    pvh_start(1);
    memset(pvh_memory + LINE, 'x', ROOM - LINE);
    pvh_put(START + CMDLINE, 8, BASE + LINE);
    assert_words(pvh_read(&facts), ERR_CMDLINE, "at least 65536 characters, the limit is 4095");
    pvh_start(1);
    pvh_module(M(1), 1, pvh_text(WORDS, 9000, 'm'));
    assert_words(pvh_read(&facts), ERR_CMDLINE,
                 "modules' command lines up to this one: 9000 characters, the limit is 8191");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_stand_in_the_text),
        cmocka_unit_test(damaged_tags_are_named),
        cmocka_unit_test(damaged_maps_are_named),
        cmocka_unit_test(damaged_headers_are_named),
        cmocka_unit_test(start_info_is_named),
        cmocka_unit_test(command_line_over_the_start_info_is_told),
        cmocka_unit_test(long_command_lines_are_told_by_their_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
