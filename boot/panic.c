/* SPDX-License-Identifier: MIT */
#include "panic.h"

#include "console.h"
#include "cpu.h"

/* How far the first panic has come: an exception on the way leads here again. */
static enum { QUIET, PRINTING, PRINTING_AGAIN, PRINTED } progress;
static bool exits = true;
static void (*go_back)(const struct error *err);
static void (*seek_screen)(void);

void panic_exits(bool wanted)
{
    exits = wanted;
}

void panic_returns(void (*back)(const struct error *err))
{
    go_back = back;
}

void panic_seeks_screen(void (*seek)(void))
{
    seek_screen = seek;
}

static _Noreturn void stop(void)
{
    if (exits)
        cpu_exit_qemu(false);
    cpu_halt();
}

static void print_number(const char *name, uint64_t value, const char **separator)
{
    if (!name)
        return;
    log_print(LOG_ALWAYS, "%s%s 0x%lx", *separator, name, value);
    *separator = ", ";
}

static void print_line(const struct error *err)
{
    const struct error_words words = error_words(err->code);
    const char *separator = " (";

    log_print(LOG_ALWAYS, "footing: panic %s: %s", words.name, words.says);
    if (err->text)
        log_print(LOG_ALWAYS, ": %s", err->text);
    if (err->against)
        log_print(LOG_ALWAYS, ", %s", err->against);
    print_number(words.at, err->at, &separator);
    print_number(words.value, err->value, &separator);
    log_print(LOG_ALWAYS, "%s\n", separator[0] == ',' ? ")" : "");
}

bool panic_is_printing(void)
{
    return progress == PRINTING || progress == PRINTING_AGAIN;
}

void panic(const struct error *err)
{
    static const struct error *first;

    if (progress >= PRINTING_AGAIN)
        stop();
    if (progress == QUIET)
        first = err;
    progress++;
    console_all();
    print_line(first);
    progress = PRINTED;
    if (seek_screen)
        seek_screen();
    if (go_back)
        go_back(first);
    stop();
}
