/* SPDX-License-Identifier: MIT */
/*
 * Names of files before the words: kexec-tools puts them there for the image
 * and for each module, and no other loader that is known.
 */
#include "mb2.h"

#include "info.h"
#include "multiboot2.h"
#include "test.h"

#define KEXEC "kexec 2.0.25"

static struct facts facts;

static void add_module(struct info *info, const char *text)
{
    uint8_t tag[8 + 64] = {0, 0, 0x10, 0, 0, 0x10, 0x10, 0}; /* 1 MiB to 1 MiB + 4 KiB */

    memcpy(tag + 8, text, strlen(text) + 1);
    info_tag(info, MB2_TAG_MODULE, tag, 8 + strlen(text) + 1);
}

/* A command line and a module with this text, from this loader, before or after its name. */
static void read_from(const char *loader, bool late, const char *line, const char *module)
{
    struct info *info = info_start();

    if (loader && !late)
        info_string(info, MB2_TAG_LOADER_NAME, loader);
    info_string(info, MB2_TAG_CMDLINE, line);
    add_module(info, module);
    if (loader && late)
        info_string(info, MB2_TAG_LOADER_NAME, loader);
    info_end(info);
    assert_int_equal(info_facts(info, &facts).code, ERR_NONE);
    assert_int_equal(facts.nmodules, 1);
}

static void assert_split(const char *line, const char *name, const char *words)
{
    assert_string_equal(facts.cmdline, line);
    assert_string_equal(facts.names + facts.modules[0].name, name);
    assert_string_equal(facts.texts + facts.modules[0].text, words);
}

/* "kexec-tools' multiboot2 loader … puts the image's name first on the command line." */
static void kexec_puts_the_images_name_first(void **state)
{
    (void)state;
    for (int late = 0; late < 2; late++) {
        read_from(KEXEC, late, "/boot/footing.elf then=halt -- a", "/k.elf one two");
        assert_split(" then=halt -- a", "/k.elf", "one two");
        read_from(KEXEC, late, "footing.elf", "k.elf");
        assert_split("", "k.elf", "");
        read_from(KEXEC, late, "", "");
        assert_split("", "", "");
    }
}

/* A loader that is not known to do so gives options from the first word on. */
static void other_loaders_give_words_alone(void **state)
{
    static const char *const others[] = {
        NULL, "", "kexec", "kexecute 1", "GRUB 2.06", "Limine 11.4.1", "a kexec 2", "Kexec 2.0",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        read_from(others[i], i % 2 == 0, "footing.elf then=halt", "k.elf one");
        assert_split("footing.elf then=halt", "", "k.elf one");
    }
}

/* A loader's name without a final zero; what stands behind its tag is no part of it. */
static void loader_name_ends_with_its_tag(void **state)
{
    (void)state;
    for (uint32_t len = 1; len <= 8; len++) {
        struct info *info = info_start();
        uint32_t at = info_tag(info, MB2_TAG_LOADER_NAME, "kexec 2.", 8);

        info_poke(info, at + 4, 8 + len);
        info_string(info, MB2_TAG_CMDLINE, "x y");
        info_end(info);
        assert_int_equal(info_facts(info, &facts).code, ERR_NONE);
        assert_string_equal(facts.cmdline, len >= 6 ? " y" : "x y");
    }
}

/*
 * kexec-tools counts a module's tag without its padding, so that its
 * information stops short: the end tag may be missing, a module's tag not.
 */
static void kexec_leaves_out_the_end_tag(void **state)
{
    (void)state;
    for (uint32_t cut = 0; cut <= 24; cut++) {
        for (int known = 0; known < 2; known++) {
            struct info *info = info_start();
            struct error err;

            info_string(info, MB2_TAG_LOADER_NAME, known ? KEXEC : "GRUB");
            add_module(info, "k.elf a"); /* 24 bytes, no padding */
            info_end(info);
            info->size -= cut;
            info_poke(info, MB2_INFO_TOTAL_SIZE, info->size);
            err = info_facts(info, &facts);
            if (cut == 0 || (known && cut <= 8)) {
                assert_int_equal(err.code, ERR_NONE);
                assert_int_equal(facts.nmodules, 1);
                assert_int_equal(facts.end_tag_missing, cut > 0);
            } else {
                assert_int_equal(err.code, ERR_INFO);
            }
        }
    }
}

/* A name that there is no room for is an error, never a cut. */
static void name_too_long_is_refused(void **state)
{
    static char text[8 + FACTS_NAMES_MAX + 2];

    (void)state;
    for (size_t len = FACTS_NAMES_MAX - 3; len <= FACTS_NAMES_MAX; len++) {
        struct info *info = info_start();
        struct error err;

        memset(text, 0, 8);
        memset(text + 8, 'n', len);
        info_string(info, MB2_TAG_LOADER_NAME, KEXEC);
        info_tag(info, MB2_TAG_MODULE, text, 8 + len);
        info_end(info);
        err = info_facts(info, &facts);
        if (len < FACTS_NAMES_MAX - 1) {
            assert_int_equal(err.code, ERR_NONE);
            assert_int_equal(strlen(facts.names + facts.modules[0].name), len);
        } else {
            assert_int_equal(err.code, ERR_CMDLINE);
            assert_int_equal(err.at, FACTS_NAMES_MAX - 2);
            assert_int_equal(err.value, len);
        }
    }
}

/* Of words that there is no room for the length is said, and the name is none of them. */
static void words_too_long_are_counted_without_the_name(void **state)
{
    static char text[8 + 2 + FACTS_TEXT_MAX];

    (void)state;
    for (size_t len = FACTS_TEXT_MAX - 1; len <= FACTS_TEXT_MAX; len++) {
        struct info *info = info_start();
        struct error err;

        memset(text, 0, 8);
        memset(text + 8, 'w', sizeof(text) - 8);
        text[9] = ' ';
        info_string(info, MB2_TAG_LOADER_NAME, KEXEC);
        info_tag(info, MB2_TAG_MODULE, text, 8 + 2 + len);
        info_end(info);
        err = info_facts(info, &facts);
        assert_int_equal(err.code, len < FACTS_TEXT_MAX ? ERR_NONE : ERR_CMDLINE);
        assert_int_equal(err.value, len < FACTS_TEXT_MAX ? 0 : len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kexec_puts_the_images_name_first),
        cmocka_unit_test(other_loaders_give_words_alone),
        cmocka_unit_test(loader_name_ends_with_its_tag),
        cmocka_unit_test(kexec_leaves_out_the_end_tag),
        cmocka_unit_test(name_too_long_is_refused),
        cmocka_unit_test(words_too_long_are_counted_without_the_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
