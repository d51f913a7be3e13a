/* SPDX-License-Identifier: MIT */
/*
 * What -fsanitize=undefined calls (make UBSAN=1): every report is a panic
 * that names file and line. All records that the compilers pass begin with
 * the source location; that is all that is read of them, and further
 * arguments are left where they are.
 */
#include "console.h"
#include "panic.h"

struct source_location {
    const char *file;
    uint32_t line;
    uint32_t column;
};

#define HANDLER(name) \
    _Noreturn void __ubsan_handle_##name(const struct source_location *where); \
    void __ubsan_handle_##name(const struct source_location *where) \
    { \
        report(#name, where); \
    }

static _Noreturn void report(const char *what, const struct source_location *where)
{
    const struct error err = {
        .code = ERR_UNDEFINED,
        .at = where->line,
        .text = where->file ? where->file : "?",
    };

    log_print(LOG_ALWAYS, "footing: undefined behaviour: %s\n", what);
    panic(&err);
}

HANDLER(add_overflow)
HANDLER(sub_overflow)
HANDLER(mul_overflow)
HANDLER(negate_overflow)
HANDLER(divrem_overflow)
HANDLER(shift_out_of_bounds)
HANDLER(out_of_bounds)
HANDLER(pointer_overflow)
HANDLER(type_mismatch_v1)
HANDLER(load_invalid_value)
HANDLER(vla_bound_not_positive)
HANDLER(nonnull_arg)
HANDLER(invalid_builtin)
HANDLER(builtin_unreachable)
