/* SPDX-License-Identifier: MIT */
/*
 * What a boot protocol found out: facts, not decisions. Each protocol fills
 * in the same struct; everything in it is a copy, so that what the loader
 * left behind may be anywhere and may go away.
 */
#ifndef FACTS_H
#define FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "memmap.h"

#define CMDLINE_MAX 4096 /* bytes, the final zero included */
#define MODULES_MAX 64
#define RSDP_MAX    36 /* ACPI 6.5 section 5.2.5.3 */

/* Bytes for the command lines of all modules, a final zero each; and for their names. */
#define FACTS_TEXT_MAX  8192
#define FACTS_NAMES_MAX (1 + MODULES_MAX * 256)

/* Bytes for a file's name and a line's number, with a final zero. */
#define FACTS_PLACE_MAX 272

enum module_kind {
    MODULE_PLAIN,
    MODULE_KERNEL, /* the payload */
    MODULE_RAMDISK
};

struct module {
    uint64_t base; /* physical */
    uint64_t end;  /* exclusive */
    enum module_kind kind;
    uint32_t name; /* its file's: where in facts.names it begins; 0: the loader does not tell */
    uint32_t text; /* its command line: where in facts.texts it begins */
};

/* Where a colour is in a pixel, in bits. */
struct color_field {
    uint8_t position;
    uint8_t size;
};

/* A linear framebuffer, or the text screen (type 2); multiboot2 section 3.6.12. */
struct framebuffer {
    uint64_t base;  /* physical; 0: there is none */
    uint32_t pitch; /* bytes from one row to the next */
    uint32_t width;
    uint32_t height;
    uint8_t bits_per_pixel;
    uint8_t type;
    struct color_field red, green, blue; /* of type FRAMEBUFFER_DIRECT */
    bool given;                          /* somebody named one, be it unusable */
    const char *flaw; /* what the protocol itself says against it; null: nothing */
};

#define FRAMEBUFFER_INDEXED 0
#define FRAMEBUFFER_DIRECT  1
#define FRAMEBUFFER_TEXT    2

/* Something in RAM that the memory map calls free and that must survive all the same. */
struct kept_range {
    uint64_t base;
    uint64_t len;
    const char *what;
};

#define FACTS_KEPT_MAX 8

struct facts {
    char cmdline[CMDLINE_MAX];           /* cut up when the options are parsed */
    char given[CMDLINE_MAX];             /* as it was */
    char options_place[FACTS_PLACE_MAX]; /* "footing.cfg:4", where cmdline's first part stands */
    size_t options_len;                  /* of that part; 0: none of it is from a configuration */
    uint64_t information;                /* what the loader's own structures take; empty: nothing */
    uint64_t information_end;
    bool end_tag_missing; /* of multiboot2's information, from a loader that is known for it */
    struct module modules[MODULES_MAX];
    size_t nmodules;
    char texts[FACTS_TEXT_MAX];
    uint32_t texts_used;
    char names[FACTS_NAMES_MAX]; /* the first is "" */
    uint32_t names_used;         /* but for that one */
    uint8_t rsdp[RSDP_MAX];
    size_t rsdp_size;      /* 0: none found */
    uint64_t rsdp_pa;      /* 0: not known */
    uint64_t smbios_64_pa; /* the entry point "_SM3_" (SMBIOS 3.7 section 5.2.2); 0: none */
    uint64_t smbios_32_pa; /* "_SM_" (section 5.2.1) */
    struct kept_range kept[FACTS_KEPT_MAX];
    size_t nkept;
    struct framebuffer framebuffer;
    uint64_t efi_system_table; /* physical; 0: no UEFI */
    uint64_t efi_image_handle;
    uint32_t efi32_system_table; /* the same of a 32-bit UEFI, with pointers of 4 bytes */
    uint32_t efi32_image_handle;
    bool efi_boot_services; /* still alive */
};

/* One more module; there is room for it. False: but not for its command line, len bytes at text. */
bool facts_add_module(struct facts *facts, uint64_t base, uint64_t end, enum module_kind kind,
                      const char *text, size_t len);

/*
 * ERR_CMDLINE: at = the limit, value = the length, text = both, with `what`
 * before them ("" for the command line). A length of FACTS_LONG says that the
 * end was not found so far.
 */
#define FACTS_LONG 0x10000u
struct error facts_too_long(const char *what, uint64_t limit, uint64_t len);

/* The same for a module's command line, for which facts_add_module() has no room. */
struct error facts_module_too_long(const struct facts *facts, uint64_t len);

/* The name of the module that was added last. False: there is no room for it. */
bool facts_name_module(struct facts *facts, const char *name, size_t len);

/*
 * Where memory ranges go as they are found, in the firmware's words made
 * ours: type is what it means, raw what stood there. Returning an error
 * stops the parser, which passes it on.
 */
struct range_sink {
    void *ctx;
    struct error (*add)(void *ctx, uint64_t base, uint64_t len, enum mem_type type, uint32_t raw);
};

#endif
