/* SPDX-License-Identifier: MIT */
/*
 * footing.cfg, in the dialect of xen.efi's: sections of key=value lines. Pure.
 *
 *     [global]                    # a comment, from any '#' to the end of its line
 *     default=debug               the section that is taken if none is asked for
 *     chain=other.cfg             the file to go on in if that section is not in this one
 *     [debug]
 *     options=loglevel=3          Footing's own command line
 *     kernel=payload.elf quiet    the payload's file, and its command line
 *     ramdisk=initrd.img
 *     module=disk.img writable    as often as there are modules
 *
 * A line ends with LF, CR LF, or the text. Blanks (spaces, tabs) around lines,
 * names, keys and values do not count. The text is UTF-8; a byte order mark at
 * its start is skipped. Section names and keys are compared byte by byte.
 * A section that is named again goes on.
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>

/* A longer configuration is a mistake, such as a kernel in its place. */
#define CONFIG_MAX_BYTES 65536u

enum config_key {
    CONFIG_DEFAULT, /* in [global] only, as CONFIG_CHAIN */
    CONFIG_CHAIN,
    CONFIG_OPTIONS, /* in any other section only, as the rest */
    CONFIG_KERNEL,
    CONFIG_RAMDISK,
    CONFIG_MODULE,
    CONFIG_KEYS
};

/* A part of the configuration's text: not terminated, and gone when that is. */
struct config_text {
    const char *at;
    size_t len;
};

bool config_text_is(struct config_text text, const char *word);

/* One key=value line. */
struct config_entry {
    unsigned line; /* from 1 */
    struct config_text section;
    enum config_key key;
    struct config_text value; /* blanks around it cut off, not empty unless key is CONFIG_OPTIONS */
    struct config_text whole; /* the line without its comment and the blanks around it */
};

struct config_reader {
    const char *at;
    const char *end;
    unsigned line;
    struct config_text section;
};

enum config_result {
    CONFIG_ENTRY, /* *entry is the next one */
    CONFIG_END,   /* there is none */
    CONFIG_BAD    /* this line cannot be read: entry->line, entry->whole and *why say what */
};

void config_first(struct config_reader *reader, const char *text, size_t len);

/*
 * The next key=value line. CONFIG_BAD, and again if asked again, for: control
 * characters other than tab, LF and CR LF (a NUL too) and bytes that are not
 * UTF-8 (in comments too); neither [section] nor key=value; an empty section
 * name, or text after its ']'; an unknown key; a key outside its section (see
 * enum config_key) or before the first one; an empty value. *why is static
 * text, such as "unknown key".
 */
enum config_result config_next(struct config_reader *reader, struct config_entry *entry,
                               const char **why);

/* Is there a line [name], before the first bad line at least? */
bool config_has_section(const char *text, size_t len, const char *name);

/*
 * kernel=, ramdisk= and module= have a file and its command line: cut the
 * value at its first blank; options begins behind the blanks, and may be empty.
 */
void config_split(struct config_text value, struct config_text *file, struct config_text *options);

#endif
