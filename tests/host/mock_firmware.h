/* SPDX-License-Identifier: MIT */
/*
 * A UEFI firmware (UEFI 2.10) for the sources that speak to one, on the host.
 *
 * Its addresses are no pointers: PHYSICAL is added to them, and what uses one
 * as a pointer faults. pmap_map() hands out exact copies, and unmapping frees
 * them. What Footing does wrong (mappings that do not nest, a pointer that no
 * firmware could use, a call that may not be made any more) is noted in
 * `violation`, and ends the run.
 *
 * Each run is a process of its own (mock_run.h), for what it runs is to be
 * called once; struct mock is in memory that both share.
 */
#ifndef MOCK_FIRMWARE_H
#define MOCK_FIRMWARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PHYSICAL      (UINT64_C(1) << 50)
#define HUGE_BASE     (UINT64_C(1) << 51) /* allocations without anything behind them */
#define MOCK_LOW      UINT64_C(0x10000)   /* for a firmware with 32-bit pointers */
#define MOCK_LOW_SIZE UINT64_C(0x10000)
#define FUNCTION_BASE (UINT64_C(1) << 49)
#define ARENA_SIZE    (UINT64_C(64) << 20)

#define MOCK_FILES       96
#define MOCK_SECTIONS    5
#define MOCK_PATHS       4
#define MOCK_OUTPUTS     12
#define MOCK_GRAPHICS    4
#define MOCK_TEXT        16384
#define MOCK_ALLOCATIONS 256
#define MOCK_MAP         64
#define MOCK_TABLES      8
#define MOCK_OPEN        8
#define MOCK_NEVER       UINT32_MAX

/* What firmware_call() can reach. */
enum mock_call {
    CALL_ALLOCATE_PAGES,
    CALL_FREE_PAGES,
    CALL_GET_MEMORY_MAP,
    CALL_FREE_POOL,
    CALL_HANDLE_PROTOCOL,
    CALL_EXIT,
    CALL_EXIT_BOOT_SERVICES,
    CALL_STALL,
    CALL_SET_WATCHDOG_TIMER,
    CALL_LOCATE_HANDLE_BUFFER,
    CALL_SET_VIRTUAL_ADDRESS_MAP,
    CALL_GET_VARIABLE,
    CALL_OPEN_VOLUME,
    CALL_OPEN,
    CALL_CLOSE,
    CALL_READ,
    CALL_GET_INFO,
    CALL_OUTPUT_STRING,
    CALL_READ_KEY,
    CALLS,
    CALL_OTHER = CALLS /* any that Footing is not known to need */
};

struct mock_file {
    const char *path; /* in UTF-8, from the root */
    const void *data; /* null: Read only counts */
    uint64_t size;
    bool folder;
};

struct mock_section {
    const char *name;
    const void *data;
    uint32_t size;
};

struct mock_output {
    const void *path; /* its device path; null: it has none */
    size_t path_size;
    char text[MOCK_TEXT];
    size_t len;
};

/* EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE, but for its pointer to Info; and that. Null: there is none. */
struct mock_graphics {
    const void *mode;
    const void *info;
};

struct mock_allocation {
    uint64_t base;
    uint64_t pages;
    bool live;
};

struct mock_descriptor {
    uint32_t type;
    uint64_t base;
    uint64_t pages;
    uint64_t attribute;
    uint64_t virt;
};

/* A configuration table: its GUID is one of mock_guid_*. */
struct mock_table {
    const void *guid;
    const void *data;
    size_t size;
    uint64_t at; /* physical; 0: a copy of the data is made */
};

struct mock {
    /* what it is */
    struct mock_file files[MOCK_FILES];
    size_t nfiles;
    struct mock_section sections[MOCK_SECTIONS]; /* of the image */
    size_t nsections;
    uint32_t image_size;               /* as the loaded image has it; 0: what it is */
    const char *paths[MOCK_PATHS + 1]; /* the image's device path, in nodes; null: it has none */
    bool empty_node;                   /* and one that has nothing but a header */
    uint64_t signature;                /* of the system table */
    bool no_loaded_image, no_device, no_file_system, shell;
    uint64_t open_volume_status;
    uint8_t options[131072];
    uint32_t options_size;
    uint64_t options_at;         /* what LoadOptions says, instead of where they are */
    bool options_nowhere;        /* LoadOptions is null, whatever their size */
    int secure_boot, setup_mode; /* -1: there is no such variable */
    uint64_t variable_size;
    uint64_t read_max; /* bytes that one Read gives */
    struct mock_output outputs[MOCK_OUTPUTS];
    size_t noutputs;
    struct mock_output con_out;
    bool no_keyboard;
    unsigned old_keys; /* pressed before anybody asks */
    uint64_t key_at;   /* one more is, when so many microseconds have been stalled; 0: never */
    struct mock_graphics graphics[MOCK_GRAPHICS];
    size_t ngraphics;
    struct mock_table tables[MOCK_TABLES];
    size_t ntables;
    struct mock_descriptor map[MOCK_MAP];
    size_t nmap;
    uint64_t descriptor_size;
    uint32_t descriptor_version;
    unsigned stale; /* so many ExitBootServices fail, and the map grows */
    bool shows_firmware;
    unsigned drives_serial; /* bit 1: COM1, bit 2: COM2 */
    /* what goes wrong */
    unsigned fail_at; /* the call, from 0, that does nothing but answer this */
    uint64_t fail_status;
    enum mock_call failed_call;
    bool failed;
    /* what happened */
    unsigned calls;
    unsigned counts[CALLS];
    unsigned open_files;
    unsigned excused_files; /* that the firmware itself did not close */
    unsigned excused_pages;
    unsigned excused_pools;
    unsigned pools;
    struct mock_allocation allocations[MOCK_ALLOCATIONS];
    size_t nallocations;
    unsigned open_mappings;
    uint64_t exit_status;
    uint64_t stalled;
    uint64_t key;
    bool exited, left;
    uint64_t map_version, map_step;
    struct mock_descriptor virtual_map[MOCK_MAP];
    size_t nvirtual;
    char log[MOCK_TEXT]; /* all that log_print() was given */
    size_t log_len;
    char violation[256];
    uint64_t system_table, image_handle;
    uint8_t *arena;
    uint64_t arena_used;
};

extern struct mock *mock;

/* What lies at MOCK_LOW, and who answers firmware_call_32(). */
extern uint8_t mock_low[MOCK_LOW_SIZE];
extern uint32_t (*mock_call_32)(uint32_t function, const uint64_t args[6]);

extern const uint8_t mock_guid_acpi_1[16], mock_guid_acpi_2[16], mock_guid_esrt[16],
    mock_guid_smbios_2[16], mock_guid_smbios_3[16], mock_guid_attributes[16],
    mock_guid_properties[16];

/* Build its tables; it is `mock` from then on. */
void mock_start(struct mock *mock);

/* Note what is wrong, and end the run. */
__attribute__((format(printf, 1, 2), noreturn)) void mock_violation(const char *format, ...);

/* Its own view of a pointer argument: aligned, and where a firmware could reach it. */
void *mock_pointer(uint64_t pa, size_t align);
uint64_t mock_physical(const void *pointer);

/* Is all of this in memory that was allocated? */
bool mock_allocated(uint64_t pa, uint64_t len);

/* A copy that lives as long as the run. */
void *mock_copy(const void *data, size_t size);
uint64_t mock_function(enum mock_call call);

/* The calls of file systems, and a root folder to open. */
uint64_t mock_file_call(enum mock_call call, const uint64_t *args);
uint64_t mock_file_system(void);

/* UTF-8 to UCS-2 with a final zero; the units with it. */
size_t mock_ucs2(const char *text, uint16_t *ucs2);

#endif
