/* SPDX-License-Identifier: MIT */
/* A live 32-bit firmware: what it needs before one of its services can be called. */
#include "efi_services.h"
#include "firmware32.h"
#include "image.h"
#include "layout.h"
#include "load.h"
#include "pmap.h"
#include "print.h"

#define PIN(member, offset) \
    _Static_assert(offsetof(struct firmware32, member) == (offset), "as in firmware32.h")
PIN(image, FIRMWARE32_IMAGE);
PIN(cr0, FIRMWARE32_CR0);
PIN(cr4, FIRMWARE32_CR4);
PIN(esp, FIRMWARE32_ESP);
PIN(gdtr, FIRMWARE32_GDTR);
PIN(idtr, FIRMWARE32_IDTR);
PIN(code, FIRMWARE32_CODE);
PIN(data, FIRMWARE32_DATA);
_Static_assert(sizeof(struct firmware32) == FIRMWARE32_SIZE, "as in firmware32.h");

/* EFI_ALLOCATE_TYPE, EFI_MEMORY_TYPE (UEFI 2.10 section 7.2.1). */
#define ALLOCATE_ANY_PAGES 0
#define LOADER_DATA        2

/* What a service may use of the stack (section 2.3.2): 128 KiB. */
#define STACK_PAGES UINT64_C(32)

static uint64_t gdt[FIRMWARE32_SLOTS];

/* Descriptors in place of those that the loader has lost. */
static struct error make_segments(void)
{
    uint8_t idt[FIRMWARE32_IDT_MAX];
    size_t len = (size_t)load16(firmware32.idtr) + 1;
    uint32_t base = (uint32_t)image_pa(gdt);
    const uint16_t limit = sizeof(gdt) - 1;

    if (len > sizeof(idt))
        len = sizeof(idt);
    efi_read(load32(firmware32.idtr + 2), idt, len);
    __builtin_memcpy(firmware32.gdtr, &limit, sizeof(limit));
    __builtin_memcpy(firmware32.gdtr + 2, &base, sizeof(base));
    return firmware32_segments(idt, len, gdt, &firmware32.code, &firmware32.data);
}

/* A stack of the size that services may expect; to get one, the lower half of our own will do. */
static struct error make_stack(const struct efi *efi)
{
    uint64_t stack = 0;
    uint64_t status;

    firmware32.esp = (uint32_t)image_pa(boot_stack) + STACK_SIZE / 2;
    status = EFI_SERVICE(efi, BOOT_ALLOCATE_PAGES, ALLOCATE_ANY_PAGES, LOADER_DATA, STACK_PAGES,
                         image_pa(&stack));
    if (status != EFI_SUCCESS)
        return efi_failed("AllocatePages", status);
    firmware32.esp = (uint32_t)(stack + STACK_PAGES * PAGE_SIZE);
    return SUCCESS;
}

struct error efi_init_32(struct efi *efi, uint32_t image_handle, uint32_t system_table)
{
    struct error err = efi_check(image_handle, system_table);

    if (err.code)
        return err;
    *efi = (struct efi){.image_handle = image_handle, .system_table = system_table, .narrow = true};
    efi->boot_services = efi_member(efi, system_table, SYSTEM_BOOT_SERVICES);
    efi->runtime_services = efi_member(efi, system_table, SYSTEM_RUNTIME_SERVICES);
    err = make_segments();
    if (!err.code)
        err = make_stack(efi);
    if (err.code)
        *efi = (struct efi){0};
    return err;
}
