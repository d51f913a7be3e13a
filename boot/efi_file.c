/* SPDX-License-Identifier: MIT */
/* Files of the device that the image came from: EFI_FILE_PROTOCOL, UEFI 2.10 section 13.5. */
#include "console.h"
#include "efi_path.h"
#include "efi_services.h"
#include "load.h"
#include "pmap.h"
#include "print.h"
#include "text.h"

#define FILE_OPEN     8
#define FILE_READ     32
#define FILE_GET_INFO 64

#define OPEN_READ UINT64_C(1)

/* EFI_FILE_INFO: what is wanted of it, and room for the name that ends it. */
#define INFO_FILE_SIZE UINT64_C(8)
#define INFO_ATTRIBUTE 72
#define INFO_ROOM      (80 + 2 * 512)
#define IS_DIRECTORY   UINT64_C(0x10)

/* Large requests fail on some firmware, and would hide the progress. */
#define CHUNK UINT64_C(0x100000)

/* Files from this size on show how far they are. */
#define SHOW_PROGRESS UINT64_C(0x1000000)

static const uint8_t file_info[EFI_GUID_SIZE] = {0x92, 0x6e, 0x57, 0x09, 0x3f, 0x6d, 0xd2, 0x11,
                                                 0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b};

static struct error failed(const char *what, uint64_t status)
{
    return (struct error){
        .code = ERR_FILE, .value = status, .text = what, .against = efi_status_name(status)};
}

/* Size of an open file; a folder has none. */
static struct error find_size(uint64_t file, uint64_t *size)
{
    uint8_t info[INFO_ROOM] __attribute__((aligned(8)));
    uint64_t room = sizeof(info);
    uint64_t status =
        EFI_CALL(file, FILE_GET_INFO, file, image_pa(file_info), image_pa(&room), image_pa(info));

    if (status != EFI_SUCCESS)
        return failed("GetInfo", status);
    if (load64(info + INFO_ATTRIBUTE) & IS_DIRECTORY)
        return failed("it is a folder", EFI_UNSUPPORTED);
    *size = load64(info + INFO_FILE_SIZE);
    if (*size == 0)
        return failed("it is empty", EFI_END_OF_FILE);
    return SUCCESS;
}

static bool shows_progress(uint64_t size)
{
    return size >= SHOW_PROGRESS && console_shows_firmware();
}

static void show_progress(const char *name, uint64_t done, uint64_t size)
{
    if (!shows_progress(size))
        return;
    print_to(efi_console_putc, "\r%s: %lu of %lu MiB", name, done >> 20, size >> 20);
    efi_console_flush();
}

static void end_progress(uint64_t size)
{
    if (shows_progress(size))
        print_to(efi_console_putc, "\r\n");
}

static struct error read_all(uint64_t file, const char *name, const struct efi_buffer *buffer)
{
    for (uint64_t done = 0; done < buffer->size;) {
        uint64_t left = buffer->size - done;
        uint64_t got = left < CHUNK ? left : CHUNK;
        uint64_t status = EFI_CALL(file, FILE_READ, file, image_pa(&got), buffer->base + done);

        if (status != EFI_SUCCESS)
            return failed("Read", status);
        if (got == 0 || got > left)
            return failed("Read: the file ends early", EFI_END_OF_FILE);
        done += got;
        show_progress(name, done, buffer->size);
    }
    end_progress(buffer->size);
    return SUCCESS;
}

static struct error load_open(struct efi *efi, uint64_t file, const char *name, uint64_t max,
                              struct efi_buffer *buffer)
{
    uint64_t size;
    struct error err = find_size(file, &size);

    if (!err.code && size > max)
        err = failed(message("it has %lu bytes, the limit is %lu", size, max), EFI_BAD_BUFFER_SIZE);
    if (!err.code)
        err = efi_allocate(efi, size, buffer);
    if (err.code)
        return err;
    err = read_all(file, name, buffer);
    if (err.code) {
        end_progress(size);
        efi_free(efi, buffer);
    }
    return err;
}

struct error efi_load_file(struct efi *efi, const char *name, uint64_t max,
                           struct efi_buffer *buffer)
{
    static uint16_t ucs2[EFI_PATH_MAX];
    static char path[EFI_PATH_MAX];
    uint64_t file = 0;
    uint64_t status;
    struct error err;

    if (!efi->volume)
        return failed(efi_has_no_files(efi) ? "the device has no file system" : "OpenVolume",
                      efi->volume_status);
    efi_path_join(efi->folder, name, path);
    if (!utf8_to_ucs2(path, text_len(path), ucs2, EFI_PATH_MAX))
        return failed("its name is no UTF-8, or not of UCS-2", EFI_INVALID_PARAMETER);
    status = EFI_CALL(efi->volume, FILE_OPEN, efi->volume, image_pa(&file), image_pa(ucs2),
                      OPEN_READ, 0);
    if (status != EFI_SUCCESS)
        return failed("Open", status);
    err = load_open(efi, file, name, max, buffer);
    EFI_CALL(file, FILE_CLOSE, file);
    return err;
}
