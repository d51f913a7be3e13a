/* SPDX-License-Identifier: MIT */
/* Which footing.cfg counts, and which section of it: on the device that the image came from. */
#ifndef EFI_CONFIG_H
#define EFI_CONFIG_H

#include "config.h"
#include "efi_services.h"
#include "facts.h"

/* As many configurations can be chained, the first one included. */
#define CHAIN_MAX 8

struct efi_config {
    struct efi *efi;
    const char *wanted;                  /* the file that was asked for; "" if none was */
    char section[EFI_NAME_MAX];          /* the chosen one; "" as long as none is */
    char names[CHAIN_MAX][EFI_NAME_MAX]; /* those read so far, this one last */
    size_t nnames;
    struct efi_buffer file; /* this one's; size 0: it is embedded */
    const char *text;       /* mapped; null: there is no configuration */
    size_t len;
};

/*
 * Find and check the configuration: the image's section .config, or the file
 * that was asked for, or one beside the image: of its name, cut at the last
 * '.', '-' or '_', again and again until there is one, and at last
 * footing.cfg. If none is found, and neither file nor section was asked for, a
 * line says so and text stays null; so it does if the device has no file system.
 * Every line of it must be good (ERR_CONFIG). A file while Secure Boot is on
 * is ERR_VERIFY.
 */
struct error efi_config_open(struct efi_config *c);

/*
 * Settle the section, and go on through the chain to the configuration that
 * has it: the one asked for, or that of the first default=. ERR_CONFIG if none
 * is or has it, or a chain goes in a circle, and those of the above.
 */
struct error efi_config_find_section(struct efi_config *c);

/* Keep this entry of a key that may stand there once. ERR_CONFIG the second time. */
struct error efi_config_once(struct efi_config *c, struct config_entry *known,
                             const struct config_entry *entry);

/* A part of the configuration as a string. False: it is too long. */
bool efi_config_copy(char copy[EFI_NAME_MAX], struct config_text text);

/* The same error, its text preceded by file, line and text of this entry. */
struct error efi_config_line(struct efi_config *c, struct error err,
                             const struct config_entry *entry);

/* Where this entry stands, as "footing.cfg:4". */
void efi_config_place(const struct efi_config *c, const struct config_entry *entry,
                      char place[FACTS_PLACE_MAX]);

/* Unmap the text, give its memory back. */
void efi_config_close(struct efi_config *c);

#endif
