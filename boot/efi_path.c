/* SPDX-License-Identifier: MIT */
#include "efi_path.h"

#include <stddef.h>

#include "text.h"

/* Append the parts of a name, each behind one backslash. */
static size_t append_parts(char *path, size_t len, const char *name)
{
    bool inside = false;

    for (; *name != '\0'; name++) {
        if (efi_path_parts(*name)) {
            inside = false;
            continue;
        }
        if (!inside)
            path[len++] = '\\';
        inside = true;
        path[len++] = *name;
    }
    return len;
}

void efi_path_join(const char *folder, const char *name, char path[EFI_PATH_MAX])
{
    size_t len = efi_path_parts(name[0]) ? 0 : append_parts(path, 0, folder);

    len = append_parts(path, len, name);
    if (len == 0)
        path[len++] = '\\';
    path[len] = '\0';
}

bool efi_path_same(const char *folder, const char *a, const char *b)
{
    char first[EFI_PATH_MAX];
    char second[EFI_PATH_MAX];
    size_t at = 0;

    efi_path_join(folder, a, first);
    efi_path_join(folder, b, second);
    while (first[at] != '\0' && text_lower(first[at]) == text_lower(second[at]))
        at++;
    return first[at] == second[at];
}
