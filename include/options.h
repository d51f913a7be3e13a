/* SPDX-License-Identifier: MIT */
/* The command line: the same options from every loader. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

enum option_la57 { LA57_AUTO, LA57_ON, LA57_OFF };
enum option_scrub { SCRUB_OFF, SCRUB_ON, SCRUB_VERIFY };
enum option_then { THEN_PAYLOAD, THEN_HALT, THEN_EXIT, THEN_REBOOT };

struct options {
    unsigned consoles; /* CONSOLE_*; 0: none */
    uint32_t com1_baud;
    uint32_t com2_baud;
    unsigned max_level; /* 0: 4 KiB, 1: 2 MiB, 2: 1 GiB */
    unsigned loglevel;  /* 0 to 3 */
    enum option_la57 la57;
    enum option_scrub scrub;
    enum option_then then;
    bool then_given; /* it does not stand there by default */
    bool directmap;
    uint64_t foreign;    /* bytes; 0: none wanted */
    uint64_t ram_limit;  /* mem=: RAM at or above this address is left alone; ~0: no limit */
    const char *payload; /* what follows "--", in the given line; "" if nothing does */
};

struct options options_default(void);

/*
 * What to say of an option that options_parse() refuses: its text, and what
 * values it takes; or which option is but one character away; or which there
 * are, and where the payload's words go. Text of message().
 */
const char *options_advice(const char *option);

/* How much of a line (len bytes) is before the payload's "--", without blanks behind it. */
size_t options_own_length(const char *line, size_t len);

/*
 * Parse a line of options separated by blanks; the line is cut up in the
 * process and must outlive the options. A later option overrides an earlier
 * one of its name. console= is a list (com1[,baud],com2[,baud],vga,efi) in
 * place of the default; each further one adds its devices, and "none" takes
 * away those before it. ERR_OPTION: text is the option that is unknown or has
 * an unknown value; options before it hold.
 */
struct error options_parse(struct options *options, char *line);

/*
 * Two command lines in one, each with its own part for the payload: "a -- p"
 * and "b -- q" are "a b -- p q". The first has len bytes, the second a final
 * zero; neither may overlap line. Returns the length that the result has, or,
 * if that is room or more, would have (then line is "").
 */
size_t options_join(char *line, size_t room, const char *first, size_t len, const char *second);

/*
 * A size: decimal, or hexadecimal after 0x; then K, M, G or T (powers of
 * 1024, either case) or nothing. False: not a number, 0, or 2^64 and above.
 */
bool options_parse_size(const char *text, uint64_t *size);

#endif
