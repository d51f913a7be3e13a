/* SPDX-License-Identifier: MIT */
/* A payload made for version 2 of footing.h finds everything where its header says. */
#include "abi_2.h"
#include "footing.h"
#include "test.h"

/* What version 3 calls by another name. */
#define footing_module footing_module_2
#define modules        modules_2

#define ABI_SIZE(structure) {#structure, "", 0, sizeof(struct structure)},
#define ABI_MEMBER(structure, member) \
    {#structure, #member, offsetof(struct structure, member), \
     sizeof(((struct structure *)0)->member)},

static const struct abi_place now[] = {
#include "abi_members.inc"
};

static bool grows_at_its_end(const char *structure)
{
    return strcmp(structure, "footing_info") == 0 || strcmp(structure, "footing_calls") == 0;
}

static void members_are_where_they_were(void **state)
{
    (void)state;
    assert_int_equal(abi_2_count, COUNT_OF(now));
    for (size_t i = 0; i < abi_2_count; i++) {
        bool may_grow = abi_2[i].member[0] == '\0' && grows_at_its_end(abi_2[i].structure);

        if (now[i].offset != abi_2[i].offset ||
            (may_grow ? now[i].size < abi_2[i].size : now[i].size != abi_2[i].size))
            fail_msg("%s.%s: %zu bytes at %zu, were %zu at %zu", abi_2[i].structure,
                     abi_2[i].member, now[i].size, now[i].offset, abi_2[i].size, abi_2[i].offset);
    }
}

/* Constants that stand in a payload's code. */
static void constants_are_what_they_were(void **state)
{
    (void)state;
    assert_true(FOOTING_VERSION >= 3);
    assert_int_equal(FOOTING_MAGIC, UINT64_C(0x474e49544f4f4621));
    assert_int_equal(FOOTING_UNUSABLE, 10);
    assert_int_equal(FOOTING_WRITE | FOOTING_EXECUTE << 8, 0x402);
    assert_int_equal(FOOTING_WB, 6);
    assert_int_equal(FOOTING_RAMDISK, 2);
    assert_int_equal(FOOTING_CPU_LA57, 0x100);
    assert_int_equal(FOOTING_PROTECT, 2);
    assert_int_equal(FOOTING_OTHER_ROOT, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_where_they_were),
        cmocka_unit_test(constants_are_what_they_were),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
