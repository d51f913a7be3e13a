/* SPDX-License-Identifier: MIT */
/*
 * A 32-bit UEFI firmware under a 64-bit CPU. The loader enters in 32-bit mode
 * with boot services alive, and has lost the firmware's descriptor table and
 * stack; firmware_call_32() leaves long mode for one call.
 */
#ifndef FIRMWARE32_H
#define FIRMWARE32_H

/* Offsets for assembly; boot/efi_32.c pins them. */
#define FIRMWARE32_IMAGE 0
#define FIRMWARE32_CR0   4
#define FIRMWARE32_CR4   8
#define FIRMWARE32_ESP   12
#define FIRMWARE32_GDTR  16
#define FIRMWARE32_IDTR  22
#define FIRMWARE32_CODE  28
#define FIRMWARE32_DATA  30
#define FIRMWARE32_SIZE  32

#define FIRMWARE32_PUSHED 24 /* six arguments of four bytes */

#ifndef __ASSEMBLER__
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "firmware.h"

struct firmware32 {
    uint32_t image; /* the image's physical address; with the next two and idtr from the entry */
    uint32_t cr0;
    uint32_t cr4;
    uint32_t esp; /* of the stack that its calls get, a multiple of 16 */
    uint8_t gdtr[6];
    uint8_t idtr[6];
    uint16_t code, data; /* selectors in gdtr's table */
};
extern struct firmware32 firmware32;

/* Slots of the descriptor table that is made for it. */
#define FIRMWARE32_SLOTS 64

/* Its interrupt descriptors: 256 gates of 8 bytes (SDM vol. 3 section 6.11). */
#define FIRMWARE32_IDT_MAX 2048

/*
 * A descriptor table that its interrupt gates find their code segment in, flat
 * as all of UEFI's are (UEFI 2.10 section 2.3.2), and the two selectors. Pure.
 * idt: len bytes. ERR_EFI: there is no gate (value = len), they do not agree,
 * or they want a slot that is not there (value = the selector).
 */
struct error firmware32_segments(const void *idt, size_t len, uint64_t gdt[FIRMWARE32_SLOTS],
                                 uint16_t *code, uint16_t *data);

/*
 * Call the firmware's function at this physical address with the calling
 * convention of UEFI for IA-32 (section 2.3.2.2), interrupts on. args are in
 * the image, or on its stack; pointers among them are physical.
 */
uint32_t firmware_call_32(uint32_t function, const uint64_t args[FIRMWARE_ARGS]);
#endif

#endif
