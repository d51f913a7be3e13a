/* SPDX-License-Identifier: MIT */
/* Failures seen in the field, one test each: what a user loads. */
#include "elf_made.h"
#include "plan.h"
#include "test.h"

/* nanvix issue 2568: a segment of memory size 0 with contents in the file. */
static void elf_segment_of_no_memory_with_contents(void **state)
{
    static const uint64_t lengths[] = {1, 0x45, 0x800, 0x8000, UINT64_MAX};
    struct elf_image image;

    (void)state;
    for (unsigned segment = 0; segment < 3; segment++) {
        struct made *made = made_three(MADE_EXEC, M(4));

        made_put(made, made_field(segment, P_MEMSZ), 8, 0);
        for (size_t i = 0; i < COUNT_OF(lengths); i++) {
            struct error err =
                made_refused_with(made, made_field(segment, P_FILESZ), 8, lengths[i]);

            assert_int_equal(err.at, made_get(made, made_field(segment, P_VADDR), 8));
            assert_non_null(strstr(err.text, "than in memory (0x0)"));
        }
    }
    made_good(made_three(MADE_EXEC, M(4)), &image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elf_segment_of_no_memory_with_contents),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
