/* SPDX-License-Identifier: MIT */
/*
 * Errors are values. Whoever finds one returns it; boot/main.c and
 * boot/read_facts.c decide to stop, and panic() alone puts one into words. (Exceptions and undefined
 * behaviour leave no choice: they panic where they are met.)
 */
#ifndef ERROR_H
#define ERROR_H

#include <stdint.h>

enum error_code {
    ERR_NONE,
    /* the loader and what it handed over */
    ERR_LOADER,  /* not entered by a multiboot2 loader */
    ERR_INFO,    /* boot information is damaged: text = where, and what stands there */
    ERR_INFOBIG, /* boot information: value = its size, at = the limit */
    ERR_CMDLINE, /* command line too long: value = length, at = the limit, text = both */
    ERR_MODULES, /* too many modules: at = the limit, text = both numbers */
    ERR_OPTION,  /* unknown option or value: text */
    ERR_EFI,     /* a firmware call failed: text = its name, against, value = status */
    ERR_CONFIG,  /* footing.cfg cannot be used: text = file, line, why */
    ERR_FILE,    /* a file cannot be loaded: text = which and why, against, value = status */
    ERR_PAYLOAD, /* it cannot be loaded: text = where, what stands there, and the remedy */
    ERR_VERIFY,  /* nothing vouches for it, and Secure Boot is on: text = what */
    /* the memory map */
    ERR_NOMAP,    /* the loader gave none */
    ERR_MAPENTRY, /* entries unusable: text = where, and what stands there */
    ERR_MAPFULL,  /* more ranges than fit: at = the limit */
    ERR_MTRR,     /* MTRRs that cannot be gone by: text = why, at = the limit, value = counted */
    ERR_NORAM,    /* no usable RAM in it: text = what became of most of it */
    ERR_INUSE,    /* image or module not in RAM: text = which, at, value = range */
    ERR_NOTWB,    /* image or module in RAM that is not write-back: the same */
    ERR_OVERLAP,  /* image or modules share bytes: the same, against = the other */
    ERR_LEVELS,   /* paging levels cannot be had: text = why */
    ERR_FOREIGN,  /* foreign=: nowhere to be found: value = bytes */
    /* the plan; at = va, value = pa unless said otherwise */
    ERR_PLANFULL,  /* at = the limit */
    ERR_ALIGN,     /* an address or length is no multiple of 4 KiB, or empty */
    ERR_CANONICAL, /* not canonical, or wraps */
    ERR_WIDTH,     /* beyond the CPU's physical width */
    ERR_CLASH,     /* two mappings of one virtual address */
    ERR_WX,        /* a frame writable and executable, over all its aliases */
    ERR_ABSENT,    /* a page is not mapped */
    ERR_TYPE,      /* a frame mapped with two memory types */
    ERR_LARGE,     /* a largest page that is no page size of this CPU */
    ERR_UNSORTED,  /* mappings not in ascending order */
    /* the tables */
    ERR_NOFRAMES, /* value = frames needed, at = frames free */
    ERR_FRAME,    /* an allocator gave what cannot become a table */
    ERR_LISTS,    /* the payload's list of RAM: text = which, at = the limit */
    ERR_COUNT,    /* value = frames counted, at = frames used */
    ERR_AUDIT,    /* live tables differ from the plan: text = how, at = va */
    ERR_SCRUB,    /* RAM does not read back: at = pa, value = what it read */
    /* the rest */
    ERR_PMAP,      /* a PMAP slot is not released: text = its owner, at = va */
    ERR_RETURNED,  /* the payload came back: value = what it returned */
    ERR_FAULT,     /* an exception: at = rip, value = vector */
    ERR_UNDEFINED, /* make UBSAN=1: undefined behaviour; text = file, at = line */
    ERR_CODES
};

struct error {
    enum error_code code; /* ERR_NONE: all is well, the rest is zero */
    uint64_t at;
    uint64_t value;
    const char *text;    /* static, or outlives the error; may be null */
    const char *against; /* what it clashes with, likewise */
};

#define SUCCESS ((struct error){.code = ERR_NONE})

/* What a code is called ("NORAM"), says, and calls its two numbers (null: unused). */
struct error_words {
    const char *name;
    const char *says;
    const char *at;
    const char *value;
};

struct error_words error_words(enum error_code code);

#endif
