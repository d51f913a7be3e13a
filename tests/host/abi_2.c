/* SPDX-License-Identifier: MIT */
#include "abi_2.h"

#include "../payload/version2/footing.h"

#define ABI_SIZE(structure) {#structure, "", 0, sizeof(struct structure)},
#define ABI_MEMBER(structure, member) \
    {#structure, #member, offsetof(struct structure, member), \
     sizeof(((struct structure *)0)->member)},

const struct abi_place abi_2[] = {
#include "abi_members.inc"
};

const size_t abi_2_count = sizeof(abi_2) / sizeof(abi_2[0]);
