/* SPDX-License-Identifier: MIT */
/* The mock firmware's file system: UEFI 2.10 sections 13.4 and 13.5, in memory. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "efi_services.h"
#include "exact.h"
#include "mock_firmware.h"
#include "mock_tables.h"
#include "reference_text.h"

#define NAME_UNITS 1024
#define DIRECTORY  UINT64_C(0x10)

static const struct mock_file root = {.path = "\\", .folder = true};

/* An open file: what firmware's callers see of it comes first. */
struct handle {
    uint64_t revision;
    uint64_t open, close, delete, read, write, get_position, set_position, get_info, set_info,
        flush;
    const struct mock_file *file;
    uint64_t position;
};

size_t mock_ucs2(const char *text, uint16_t *ucs2)
{
    size_t len = strlen(text);
    size_t units = 0;

    for (size_t at = 0; at < len; units++) {
        uint32_t point = 0;

        at += reference_utf8(text + at, len - at, &point);
        ucs2[units] = (uint16_t)point;
    }
    ucs2[units++] = 0;
    return units;
}

static uint64_t new_handle(const struct mock_file *file)
{
    struct handle *handle = malloc(sizeof(*handle));
    uint64_t other = mock_function(CALL_OTHER);

    if (!handle)
        abort();
    for (size_t at = 0; at < offsetof(struct handle, file); at += 8)
        memcpy((char *)handle + at, &other, 8);
    handle->open = mock_function(CALL_OPEN);
    handle->close = mock_function(CALL_CLOSE);
    handle->read = mock_function(CALL_READ);
    handle->get_info = mock_function(CALL_GET_INFO);
    handle->file = file;
    handle->position = 0;
    mock->open_files++;
    return mock_physical(handle);
}

uint64_t mock_file_system(void)
{
    const uint64_t protocol[] = {0x10000, mock_function(CALL_OPEN_VOLUME)};

    return mock_physical(mock_copy(protocol, sizeof(protocol)));
}

/* The file of this name, in any case; nothing but '\' parts folders. */
static const struct mock_file *find(const uint16_t *name)
{
    static char text[4 * NAME_UNITS];
    size_t units = 0;
    const char *from = text;

    while (name[units] != 0) {
        if (++units >= NAME_UNITS)
            mock_violation("Open of a name without an end");
    }
    text[reference_from_ucs2(name, units, text)] = '\0';
    while (*from == '\\')
        from++;
    for (size_t i = 0; i < mock->nfiles; i++) {
        if (strcasecmp(from, mock->files[i].path + 1) == 0)
            return &mock->files[i];
    }
    return NULL;
}

static uint64_t open_file(const uint64_t *args)
{
    const struct handle *folder = mock_pointer(args[0], 8);
    uint64_t *opened = mock_pointer(args[1], 8);
    const struct mock_file *file = find(mock_pointer(args[2], 2));

    if (args[3] != 1 || folder->file != &root)
        mock_violation("Open for more than reading, or in a file");
    if (!file)
        return EFI_NOT_FOUND;
    *opened = new_handle(file);
    return EFI_SUCCESS;
}

static uint64_t read_file(const uint64_t *args)
{
    struct handle *handle = mock_pointer(args[0], 8);
    uint64_t *size = mock_pointer(args[1], 8);
    uint64_t left = handle->file->size - handle->position;

    if (handle->file->folder)
        mock_violation("Read of a folder");
    if (!mock_allocated(args[2], *size))
        mock_violation("Read into what is not allocated");
    if (*size > left)
        *size = left;
    if (*size > mock->read_max)
        *size = mock->read_max;
    if (handle->file->data)
        memcpy(mock_pointer(args[2], 1), (const char *)handle->file->data + handle->position,
               *size);
    handle->position += *size;
    return EFI_SUCCESS;
}

static uint64_t get_info(const uint64_t *args)
{
    const struct handle *handle = mock_pointer(args[0], 8);
    uint64_t *size = mock_pointer(args[2], 8);
    uint64_t attribute = handle->file->folder ? DIRECTORY : 0;
    const char *name = strrchr(handle->file->path, '\\') + 1;
    uint16_t ucs2[NAME_UNITS];
    uint64_t wanted = 80 + 2 * mock_ucs2(name, ucs2);
    uint64_t room = *size;
    uint8_t *info;

    if (!mock_is_file_info(mock_pointer(args[1], 1)))
        mock_violation("GetInfo of another kind");
    *size = wanted;
    if (room < wanted)
        return EFI_BUFFER_TOO_SMALL;
    info = mock_pointer(args[3], 8);
    memset(info, 0xa5, 80);
    memcpy(info, &wanted, 8);
    memcpy(info + 8, &handle->file->size, 8);
    memcpy(info + 72, &attribute, 8);
    memcpy(info + 80, ucs2, wanted - 80);
    return EFI_SUCCESS;
}

uint64_t mock_file_call(enum mock_call call, const uint64_t *args)
{
    switch (call) {
    case CALL_OPEN_VOLUME:
        if (mock->open_volume_status != EFI_SUCCESS)
            return mock->open_volume_status;
        *(uint64_t *)mock_pointer(args[1], 8) = new_handle(&root);
        return EFI_SUCCESS;
    case CALL_OPEN:
        return open_file(args);
    case CALL_CLOSE:
        free(mock_pointer(args[0], 8));
        mock->open_files--;
        return EFI_SUCCESS;
    case CALL_READ:
        return read_file(args);
    case CALL_GET_INFO:
        return get_info(args);
    default:
        mock_violation("a call of a service that is not there");
    }
}
