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
