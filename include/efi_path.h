/* SPDX-License-Identifier: MIT */
/* Names of files on the device that the image came from, as people write them. Pure. */
#ifndef EFI_PATH_H
#define EFI_PATH_H

#include <stdbool.h>

#include "efi_args.h"

/* A folder, a name, a slash before each, and a final zero. */
#define EFI_PATH_MAX (2 * EFI_NAME_MAX + 2)

/* Folders are parted by either slash. */
static inline bool efi_path_parts(char c)
{
    return c == '/' || c == '\\';
}

/*
 * The name from the root of the volume on, in the firmware's spelling: it begins
 * with a backslash, as do its parts; several slashes are one. A name that begins
 * with a slash is from the root, any other from the folder.
 *
 * folder, name: shorter than EFI_NAME_MAX.
 */
void efi_path_join(const char *folder, const char *name, char path[EFI_PATH_MAX]);

/* True if both name one file to a file system that does not tell a from A. */
bool efi_path_same(const char *folder, const char *a, const char *b);

#endif
