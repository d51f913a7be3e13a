/* SPDX-License-Identifier: MIT */
/*
 * A live UEFI firmware as C sees it: from tables of Footing's own, where no
 * pointer of the firmware's is mapped. Its memory is read by copying, its
 * functions are called through firmware_call(); every address that goes there
 * or comes from there is physical. Offsets are those of UEFI 2.10 on x86-64,
 * in the sections that are named.
 */
#ifndef EFI_SERVICES_H
#define EFI_SERVICES_H

#ifdef __ASSEMBLER__
#define UINT64_C(number) number
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "efi_args.h"
#include "error.h"
#include "facts.h"
#include "firmware.h"
#endif

#define EFI_SUCCESS            UINT64_C(0)
#define EFI_ERROR              UINT64_C(0x8000000000000000)
#define EFI_LOAD_ERROR         (EFI_ERROR | 1)
#define EFI_INVALID_PARAMETER  (EFI_ERROR | 2)
#define EFI_UNSUPPORTED        (EFI_ERROR | 3)
#define EFI_BAD_BUFFER_SIZE    (EFI_ERROR | 4)
#define EFI_BUFFER_TOO_SMALL   (EFI_ERROR | 5)
#define EFI_OUT_OF_RESOURCES   (EFI_ERROR | 9)
#define EFI_NOT_FOUND          (EFI_ERROR | 14)
#define EFI_SECURITY_VIOLATION (EFI_ERROR | 26)
#define EFI_END_OF_FILE        (EFI_ERROR | 31)

/* EFI_SYSTEM_TABLE, section 4.3.1. */
#define SYSTEM_SIGNATURE        UINT64_C(0x5453595320494249) /* "IBI SYST", at its beginning */
#define SYSTEM_CON_IN           48
#define SYSTEM_CON_OUT          64
#define SYSTEM_RUNTIME_SERVICES 88
#define SYSTEM_BOOT_SERVICES    96
#define SYSTEM_TABLE_COUNT      104
#define SYSTEM_TABLES           112
#define SYSTEM_SIZE             120
#define SYSTEM_SIZE_32          72

/* EFI_CONFIGURATION_TABLE, section 4.6.1: a GUID and a pointer; more than so many are not believed. */
#define CONFIGURATION_TABLE_SIZE 24
#define CONFIGURATION_TABLES_MAX 1024

/* EFI_BOOT_SERVICES, section 4.4.1. */
#define BOOT_ALLOCATE_PAGES       40
#define BOOT_FREE_PAGES           48
#define BOOT_GET_MEMORY_MAP       56
#define BOOT_FREE_POOL            72
#define BOOT_HANDLE_PROTOCOL      152
#define BOOT_EXIT                 216
#define BOOT_EXIT_BOOT_SERVICES   232
#define BOOT_STALL                248
#define BOOT_SET_WATCHDOG_TIMER   256
#define BOOT_LOCATE_HANDLE_BUFFER 312

/* EFI_RUNTIME_SERVICES, section 4.5.1. */
#define RUNTIME_GET_TIME                24
#define RUNTIME_SET_VIRTUAL_ADDRESS_MAP 56
#define RUNTIME_GET_VARIABLE            72

/* EFI_FILE_PROTOCOL, section 13.5. */
#define FILE_CLOSE 16

#define TEXT_OUTPUT_STRING 8 /* EFI_SIMPLE_TEXT_OUTPUT_PROTOCOL, section 12.4 */

#ifndef __ASSEMBLER__
/* "EFI_NOT_FOUND"; a status without a name: "an unknown status". */
const char *efi_status_name(uint64_t status);

#define EFI_GUID_SIZE 16
extern const uint8_t efi_global_variable[EFI_GUID_SIZE]; /* section 3.3 */

/* Memory that was allocated for what has been loaded. */
struct efi_buffer {
    uint64_t base;
    uint64_t size; /* bytes, as loaded */
};

#define EFI_BUFFERS_MAX (MODULES_MAX + 4)

struct efi {
    bool narrow; /* a 32-bit firmware: pointers and UINTN have 4 bytes */
    uint64_t image_handle;
    uint64_t system_table;
    uint64_t boot_services;
    uint64_t runtime_services;
    /* What may be read of its memory, once a loader has left it; null: it lives, and is believed. */
    const struct memmap *map;
    /* The rest is known only to an image that firmware itself has started. */
    uint64_t image_base;
    uint64_t image_size;
    uint64_t load_options;
    uint32_t load_options_size;
    uint64_t volume;           /* the root folder of the device we come from; 0: see the status */
    uint64_t volume_status;    /* of opening it; EFI_UNSUPPORTED: it has no file system */
    char folder[EFI_NAME_MAX]; /* of the image: "" or "\EFI\BOOT" */
    char name[EFI_NAME_MAX];   /* of the image in it; "" if not known */
    bool secure;               /* Secure Boot is on, or nobody can tell that it is not */
    struct efi_buffer kept[EFI_BUFFERS_MAX];
    size_t nkept;
};

/* Find the tables. ERR_EFI if there are none. */
struct error efi_init(struct efi *efi, uint64_t image_handle, uint64_t system_table);

/*
 * The same for a 32-bit firmware, which a loader has left alive at the 32-bit
 * entry; its services can be called then, by EFI_SERVICE(). ERR_EFI, too, if
 * it has no usable interrupt gates (firmware32_segments()) or no memory.
 */
struct error efi_init_32(struct efi *efi, uint32_t image_handle, uint32_t system_table);

/* ERR_EFI: there is no system table at this address, or no image handle. */
struct error efi_check(uint64_t image_handle, uint64_t system_table);

/* What the firmware knows of the image that it has started. */
struct error efi_find_image(struct efi *efi);

/* Copy len bytes of the firmware's memory; zeros, where no CPU can reach. */
void efi_read(uint64_t pa, void *to, size_t len);
uint64_t efi_read64(uint64_t pa);

/* Is there anything at these len > 0 bytes that may be read? */
bool efi_can_read(const struct efi *efi, uint64_t pa, uint64_t len);

/* The same as efi_read(), for where the firmware's tables point; zeros, where nothing can be read. */
void efi_peek(const struct efi *efi, uint64_t pa, void *to, size_t len);

/* Call the function whose pointer is `offset` bytes into the table or protocol at `table`. */
uint64_t efi_call(uint64_t table, unsigned offset, const uint64_t args[FIRMWARE_ARGS]);
#define EFI_CALL(table, offset, ...) \
    efi_call(table, offset, (const uint64_t[FIRMWARE_ARGS]){__VA_ARGS__})

/* A pointer or UINTN of this firmware's: its size, and the one at this address. */
size_t efi_pointer_size(const struct efi *efi);
uint64_t efi_pointer(const struct efi *efi, uint64_t pa);

/* A pointer or UINTN in the system table or in a table of services; offset: on x86-64. */
uint64_t efi_member(const struct efi *efi, uint64_t table, unsigned offset);

/* Call a boot service of a firmware of either kind; its status as on x86-64. */
uint64_t efi_service(const struct efi *efi, unsigned offset, const uint64_t args[FIRMWARE_ARGS]);
#define EFI_SERVICE(efi, offset, ...) \
    efi_service(efi, offset, (const uint64_t[FIRMWARE_ARGS]){__VA_ARGS__})

/* ERR_EFI: this call, and its status. */
struct error efi_failed(const char *call, uint64_t status);

/* The interface of a protocol on a handle; 0: there is none. */
uint64_t efi_protocol_on(const struct efi *efi, uint64_t handle, const uint8_t *guid);

/* All handles with a protocol: an array of *count of them, to be freed again; *count may be 0. */
uint64_t efi_handles_with(const struct efi *efi, const uint8_t *guid, uint64_t *count);
void efi_free_handles(const struct efi *efi, uint64_t handles);

/* A boolean global variable (section 3.3); off if there is none. */
enum efi_flag { EFI_FLAG_OFF, EFI_FLAG_ON, EFI_FLAG_DOUBTFUL };
enum efi_flag efi_flag(const struct efi *efi, const uint16_t *name);

/* A configuration table (section 4.6); 0: there is none. */
uint64_t efi_table(const struct efi *efi, const uint8_t *guid);

/*
 * Memory for size > 0 bytes, wherever there is some, in whole pages. It is
 * kept for what runs later, but given back if the boot fails.
 */
struct error efi_allocate(struct efi *efi, uint64_t size, struct efi_buffer *buffer);
void efi_free(struct efi *efi, const struct efi_buffer *buffer);

/* Is this the device path of a serial port? 1 or 2: which of COM1 and COM2; else 0. */
unsigned efi_path_serial_port(uint64_t path);

/* A section of our own image, where that is loaded; size 0: none of this name. ERR_INFO: damaged. */
struct error efi_find_section(const struct efi *efi, const char *name, struct efi_buffer *section);

/* True if our device has no file system, as a network has none; false also if one cannot be opened. */
bool efi_has_no_files(const struct efi *efi);

/*
 * Load a whole file of our device, named from our own folder, or from the root
 * if the name begins with '/' or '\\'; it may not be empty, nor have more than
 * max bytes. ERR_FILE: text = what failed, against = the status by name, value
 * = the status; ERR_EFI: no memory for it.
 */
struct error efi_load_file(struct efi *efi, const char *name, uint64_t max,
                           struct efi_buffer *file);
void efi_close_volume(struct efi *efi);

/* The firmware's own text outputs, as a device of the console: written line by line. */
void efi_console_start(const struct efi *efi);
void efi_console_putc(char c);
void efi_console_flush(void);

/* Is there an output that is no serial port? What stands there may be wiped off by whoever comes next. */
bool efi_console_has_display(const struct efi *efi);

/*
 * Give a person time to read what is on a display: until a key is pressed, or
 * for 10 seconds, and say so. None where only a serial port shows it.
 */
void efi_linger(const struct efi *efi);

/*
 * From here on until boot services are left, a panic goes back to whoever
 * started the image, after efi_linger(), with a status that tells why. efi stays.
 */
void efi_goes_back(struct efi *efi);

/*
 * Give everything back and return to whoever started the image, with this
 * status. Does not return unless the firmware fails in that too.
 */
void efi_return(struct efi *efi, uint64_t status);

/* The status that stands for an error: its own if it is a firmware's. */
uint64_t efi_status_of(const struct error *err);

#endif

#endif
