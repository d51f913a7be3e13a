/* SPDX-License-Identifier: MIT */
#include "facts.h"

#include "print.h"

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

struct error facts_too_long(const char *what, uint64_t limit, uint64_t len)
{
    return (struct error){
        .code = ERR_CMDLINE,
        .at = limit,
        .value = len,
        .text = message("%s%s%lu characters, the limit is %lu", what,
                        len >= FACTS_LONG ? "at least " : "", len, limit),
    };
}

struct error facts_module_too_long(const struct facts *facts, uint64_t len)
{
    return facts_too_long("modules' command lines up to this one: ", FACTS_TEXT_MAX - 1,
                          facts->texts_used + len);
}
