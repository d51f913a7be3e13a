/* SPDX-License-Identifier: MIT */
/* A boot of footing.efi under the mock firmware, each in a process of its own. */
#ifndef MOCK_RUN_H
#define MOCK_RUN_H

#include "efi.h"
#include "efi_services.h"
#include "facts.h"
#include "mock_firmware.h"
#include "print.h"
#include "recorder.h"

struct run {
    struct mock mock;
    struct efi efi;
    struct facts facts;
    struct error err; /* its texts are these copies */
    char text[MESSAGE_MAX];
    char against[64];
    unsigned left_mapped;          /* mappings that efi_load() left open */
    bool loaded;                   /* efi_load() succeeded */
    void (*then)(struct run *run); /* what follows then; may be null */
    /* for `then` */
    struct recorder recorder;
    struct efi_runtime runtime;
    struct mtrr_state mtrr;
};

/* The image \EFI\BOOT\footing-1.2.efi on a device without other files; a display. */
struct run *run_new(void);
void run_end(struct run *run);

void run_file(struct run *run, const char *path, const char *data);
void run_file_sized(struct run *run, const char *path, const void *data, uint64_t size);
void run_folder(struct run *run, const char *path);
void run_section(struct run *run, const char *name, const void *data, size_t size);

/* LoadOptions: this text, with a final zero. */
void run_options(struct run *run, const char *text);

/* A console of this device path. */
void run_output(struct run *run, const void *path, size_t size);

/*
 * As main.c does it: find the image, start the console, load; where that fails,
 * return to the firmware, else run->then. Fails the test where a rule of
 * mock_firmware.h is broken, or anything is left allocated, open or mapped.
 */
void run_boot(struct run *run);

/* Boot, and it loads; or it fails with this code, and these words in its text. */
void run_good(struct run *run);
void run_bad(struct run *run, enum error_code code, const char *words);

/* The module's kind, command line and contents. */
void run_module(const struct run *run, size_t i, enum module_kind kind, const char *line,
                const void *data, uint64_t size);

/* Its name. */
void run_name(const struct run *run, size_t i, const char *name);

/* An x86-64 ELF header, as far as a payload is looked at. */
extern const uint8_t run_kernel[64];

#endif
