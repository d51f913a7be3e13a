/* SPDX-License-Identifier: MIT */
/*
 * Two worlds: the firmware's page tables, descriptors and stack, and
 * Footing's. The entry saves the one before it enters the other;
 * firmware_call() goes back for as long as one call lasts.
 */
#ifndef FIRMWARE_H
#define FIRMWARE_H

/* Offsets for assembly; boot/efi.c pins them. */
#define FIRMWARE_IMAGE        0
#define FIRMWARE_ROOT         8
#define FIRMWARE_CR0          16
#define FIRMWARE_CR4          24
#define FIRMWARE_RSP          32
#define FIRMWARE_FLAGS        40
#define FIRMWARE_GDTR         48
#define FIRMWARE_CS           58
#define FIRMWARE_SS           60
#define FIRMWARE_DS           62
#define FIRMWARE_IDTR         64
#define FIRMWARE_ES           74
#define FIRMWARE_OWN_ROOT     80
#define FIRMWARE_OWN_RSP      88
#define FIRMWARE_IMAGE_HANDLE 96
#define FIRMWARE_SYSTEM_TABLE 104
#define FIRMWARE_SIZE         112

#ifndef __ASSEMBLER__
#include <stdint.h>

struct firmware_state {
    uint64_t image; /* the image's physical address, identity-mapped by the firmware */
    uint64_t root;
    uint64_t cr0;
    uint64_t cr4;
    uint64_t rsp;
    uint64_t flags;
    uint8_t gdtr[10];
    uint16_t cs, ss, ds;
    uint8_t idtr[10];
    uint16_t es;
    uint8_t unused[4];
    uint64_t own_root; /* Footing's own, while the firmware runs */
    uint64_t own_rsp;
    uint64_t image_handle; /* from efi_entry; else 0 */
    uint64_t system_table;
};

#define FIRMWARE_ARGS 6

/*
 * Call the firmware's function at this physical address with the UEFI calling
 * convention (UEFI 2.10 section 2.3.4.2), interrupts as the firmware had
 * them. Pointers among the arguments are physical. Only between entry and
 * ExitBootServices.
 */
uint64_t firmware_call(uint64_t function, const uint64_t args[FIRMWARE_ARGS]);
#endif

#endif
