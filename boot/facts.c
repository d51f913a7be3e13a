/* SPDX-License-Identifier: MIT */
#include "facts.h"

bool facts_add_module(struct facts *facts, uint64_t base, uint64_t end, enum module_kind kind,
                      const char *text, size_t len)
{
    if (len >= FACTS_TEXT_MAX - facts->texts_used)
        return false;
    facts->modules[facts->nmodules++] =
        (struct module){.base = base, .end = end, .kind = kind, .text = facts->texts_used};
    __builtin_memcpy(facts->texts + facts->texts_used, text, len);
    facts->texts_used += (uint32_t)len;
    facts->texts[facts->texts_used++] = '\0';
    return true;
}

bool facts_name_module(struct facts *facts, const char *name, size_t len)
{
    char *to = facts->names + 1 + facts->names_used;

    if (len == 0)
        return true;
    if (len >= FACTS_NAMES_MAX - 1 - facts->names_used)
        return false;
    __builtin_memcpy(to, name, len);
    to[len] = '\0';
    facts->modules[facts->nmodules - 1].name = 1 + facts->names_used;
    facts->names_used += (uint32_t)len + 1;
    return true;
}
