/* SPDX-License-Identifier: MIT */
/* Names of files: either slash, from the root or from the image's folder. */
#include "efi_path.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

static void joined(const char *folder, const char *name, const char *wanted)
{
    char path[EFI_PATH_MAX];

    memset(path, 'x', sizeof(path));
    efi_path_join(folder, name, path);
    assert_string_equal(path, wanted);
}

/* A name is from the image's folder, unless a slash of either kind begins it. */
static void name_is_from_the_folder_or_the_root(void **state)
{
    (void)state;
    joined("\\EFI\\BOOT", "a.cfg", "\\EFI\\BOOT\\a.cfg");
    joined("\\EFI\\BOOT", "/a.cfg", "\\a.cfg");
    joined("\\EFI\\BOOT", "\\a.cfg", "\\a.cfg");
    joined("", "a.cfg", "\\a.cfg");
    joined("", "/a.cfg", "\\a.cfg");
    joined("EFI", "a", "\\EFI\\a");
}

/* Either slash parts folders, and several are one. */
static void either_slash_parts_folders(void **state)
{
    (void)state;
    joined("\\b", "x/y\\z", "\\b\\x\\y\\z");
    joined("\\b", "/x/y/z", "\\x\\y\\z");
    joined("/b//c\\", "x//y", "\\b\\c\\x\\y");
    joined("\\b", "//x", "\\x");
    joined("\\b", "\\/\\x/", "\\x");
    joined("\\b", "x/", "\\b\\x");
    joined("\\b", "/", "\\");
    joined("", "", "\\");
    joined("\\b", "", "\\b");
    joined("\\b", "../\xc3\xa9/./.x", "\\b\\..\\\xc3\xa9\\.\\.x");
}

/* The longest folder and name fit. */
static void longest_names_fit(void **state)
{
    char folder[EFI_NAME_MAX];
    char name[EFI_NAME_MAX];
    char *path = malloc(EFI_PATH_MAX);

    (void)state;
    assert_non_null(path);
    memset(folder, 'f', sizeof(folder));
    memset(name, 'n', sizeof(name));
    folder[EFI_NAME_MAX - 1] = name[EFI_NAME_MAX - 1] = '\0';
    efi_path_join(folder, name, path);
    assert_int_equal(strlen(path), 2 * EFI_NAME_MAX);
    free(path);
}

/* Two names of one file are the same, however they are written, and no others are. */
static void same_file_is_known_by_any_spelling(void **state)
{
    (void)state;
    assert_true(efi_path_same("\\EFI", "a.cfg", "A.CFG"));
    assert_true(efi_path_same("\\EFI", "x/a", "x\\a"));
    assert_true(efi_path_same("\\EFI", "x//a", "X\\A"));
    assert_true(efi_path_same("\\EFI", "/efi/a", "a"));
    assert_true(efi_path_same("", "/a", "a"));
    assert_false(efi_path_same("\\EFI", "/a", "a"));
    assert_false(efi_path_same("\\EFI", "a", "ab"));
    assert_false(efi_path_same("\\EFI", "ab", "a"));
    assert_false(efi_path_same("\\EFI", "x/a", "xa"));
    assert_false(efi_path_same("\\EFI", "\xc3\xa9", "\xc3\x89"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_is_from_the_folder_or_the_root),
        cmocka_unit_test(either_slash_parts_folders),
        cmocka_unit_test(longest_names_fit),
        cmocka_unit_test(same_file_is_known_by_any_spelling),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
