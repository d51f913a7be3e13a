/* SPDX-License-Identifier: MIT */
/* What makes a file a payload. */
#include "elf_check.h"

#include "exact.h"
#include "test.h"

/* The check, out of an exact allocation. */
static const char *check(const uint8_t header[ELF_HEADER_SIZE])
{
    uint8_t *copy = exact_copy(header, ELF_HEADER_SIZE);
    const char *why = elf_check_header(copy);

    exact_free(copy, ELF_HEADER_SIZE);
    if (why)
        assert_true(why[0] != '\0');
    return why;
}

static void put_elf(uint8_t header[ELF_HEADER_SIZE], uint8_t type)
{
    memset(header, 0, ELF_HEADER_SIZE);
    memcpy(header, "\177ELF\2\1\1", 7);
    header[16] = type;
    header[18] = 62;
    header[20] = 1;
}

/* Executables for x86-64 are payloads, position-independent or not. */
static void executables_are_payloads(void **state)
{
    uint8_t header[ELF_HEADER_SIZE];

    (void)state;
    put_elf(header, 2);
    assert_null(check(header));
    put_elf(header, 3);
    assert_null(check(header));
}

/* Another value of any byte that says what the file is makes it none. */
static void other_files_are_no_payloads(void **state)
{
    static const uint8_t decide[] = {0, 1, 2, 3, 4, 5, 16, 17, 18, 19};
    uint8_t header[ELF_HEADER_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(decide); i++) {
        for (unsigned value = 0; value < 256; value++) {
            bool good;

            put_elf(header, 2);
            good = header[decide[i]] == value || (decide[i] == 16 && value == 3);
            header[decide[i]] = (uint8_t)value;
            assert_int_equal(check(header) == NULL, good);
        }
    }
    memset(header, 0, sizeof(header));
    assert_non_null(check(header));
    memcpy(header, "MZ", 2);
    assert_non_null(check(header));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(executables_are_payloads),
        cmocka_unit_test(other_files_are_no_payloads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
