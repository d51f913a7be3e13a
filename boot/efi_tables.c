/* SPDX-License-Identifier: MIT */
/* What the firmware's configuration tables tell. */
#include "acpi.h"
#include "acpi_log.h"
#include "console.h"
#include "efi.h"
#include "load.h"

/* ACPI 6.5 sections 5.2.5.3 (RSDP), 5.2.23 (BGRT). */
#define BGRT_ADDRESS  40
#define BGRT_SIZE     56
#define BITMAP_SIZE   2 /* in the file's header, behind "BM" */
#define BITMAP_HEADER 6

/* EFI_SYSTEM_RESOURCE_TABLE, section 23.4. */
#define ESRT_COUNT  0
#define ESRT_HEADER 16u
#define ESRT_ENTRY  UINT64_C(40)

#define KEPT_MAX UINT64_C(0x4000000)

static const uint8_t acpi_2[EFI_GUID_SIZE] = {0x71, 0xe8, 0x68, 0x88, 0xf1, 0xe4, 0xd3, 0x11,
                                              0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81};
static const uint8_t acpi_1[EFI_GUID_SIZE] = {0x30, 0x2d, 0x9d, 0xeb, 0x88, 0x2d, 0xd3, 0x11,
                                              0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d};
static const uint8_t smbios_3[EFI_GUID_SIZE] = {0x44, 0x15, 0xfd, 0xf2, 0x94, 0x97, 0x2c, 0x4a,
                                                0x99, 0x2e, 0xe5, 0xbb, 0xcf, 0x20, 0xe3, 0x94};
static const uint8_t smbios_2[EFI_GUID_SIZE] = {0x31, 0x2d, 0x9d, 0xeb, 0x88, 0x2d, 0xd3, 0x11,
                                                0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d};
static const uint8_t system_resources[EFI_GUID_SIZE] = {
    0x63, 0xa2, 0x22, 0xb1, 0x61, 0x36, 0x68, 0x4f, 0x99, 0x29, 0x78, 0xf8, 0xb0, 0xd6, 0x21, 0x80};

static void find_rsdp(const struct efi *efi, struct facts *facts)
{
    uint64_t rsdp = efi_table(efi, acpi_2);
    size_t size = RSDP_MAX;
    uint8_t copy[RSDP_MAX];

    if (!rsdp) {
        rsdp = efi_table(efi, acpi_1);
        size = RSDP_1_SIZE;
    }
    if (!rsdp)
        return;
    efi_peek(efi, rsdp, copy, size);
    if (__builtin_memcmp(copy, RSDP_MARK, sizeof(RSDP_MARK) - 1) != 0) {
        log_print(LOG_WARNING, "footing: RSDP at 0x%lx: there is none, whatever UEFI says\n", rsdp);
        return;
    }
    facts->rsdp_pa = rsdp;
    if (facts->rsdp_size > 0)
        return;
    __builtin_memcpy(facts->rsdp, copy, size);
    facts->rsdp_size = size;
}

/* A length out of all proportion is the firmware's mistake, and no reason to go without RAM. */
static void keep(const struct efi *efi, struct facts *facts, uint64_t base, uint64_t len,
                 const char *what)
{
    if (len > KEPT_MAX)
        log_print(LOG_WARNING, "footing: %s at 0x%lx has 0x%lx bytes: not kept\n", what, base, len);
    else if (!efi_can_read(efi, base, len))
        log_print(LOG_WARNING, "footing: %s at 0x%lx, 0x%lx bytes: no memory is there: not kept\n",
                  what, base, len);
    else if (facts->nkept < FACTS_KEPT_MAX)
        facts->kept[facts->nkept++] = (struct kept_range){base, len, what};
}

/* The boot logo, which the BGRT points to. */
static void keep_logo(const struct efi *efi, struct facts *facts)
{
    struct acpi acpi;
    struct acpi_table bgrt;
    uint8_t table[BGRT_SIZE];
    uint8_t bitmap[BITMAP_HEADER];
    uint64_t address;

    acpi_open(&acpi, facts, efi_read, acpi_log);
    bgrt = acpi_find(&acpi, "BGRT", 0);
    if (bgrt.len < BGRT_SIZE)
        return;
    efi_read(bgrt.pa, table, sizeof(table));
    address = load64(table + BGRT_ADDRESS);
    if (!address)
        return;
    efi_peek(efi, address, bitmap, sizeof(bitmap));
    if (bitmap[0] == 'B' && bitmap[1] == 'M')
        keep(efi, facts, address, load32(bitmap + BITMAP_SIZE), "boot logo");
}

static void keep_resources(const struct efi *efi, struct facts *facts)
{
    uint64_t esrt = efi_table(efi, system_resources);
    uint8_t header[ESRT_HEADER];

    if (!esrt)
        return;
    efi_peek(efi, esrt, header, sizeof(header));
    keep(efi, facts, esrt, ESRT_HEADER + ESRT_ENTRY * load32(header + ESRT_COUNT), "ESRT");
}

static void read_tables(const struct efi *efi, struct facts *facts)
{
    find_rsdp(efi, facts);
    facts->smbios_64_pa = efi_table(efi, smbios_3);
    facts->smbios_32_pa = efi_table(efi, smbios_2);
    keep_logo(efi, facts);
    keep_resources(efi, facts);
}

void efi_describe(const struct efi *efi, struct facts *facts)
{
    if (!facts->framebuffer.base)
        efi_find_framebuffer(efi, &facts->framebuffer);
    read_tables(efi, facts);
}

/* Why nothing that this system table says can be used; null: it can. */
static const char *system_table_flaw(const struct efi *efi)
{
    const size_t entry = EFI_GUID_SIZE + efi_pointer_size(efi);
    uint64_t count;

    if (!efi_can_read(efi, efi->system_table, efi->narrow ? SYSTEM_SIZE_32 : SYSTEM_SIZE))
        return "no memory is there";
    if (efi_read64(efi->system_table) != SYSTEM_SIGNATURE)
        return "its signature is not there";
    count = efi_member(efi, efi->system_table, SYSTEM_TABLE_COUNT);
    if (count > CONFIGURATION_TABLES_MAX)
        return "it has more than 1024 configuration tables";
    if (count > 0 &&
        !efi_can_read(efi, efi_member(efi, efi->system_table, SYSTEM_TABLES), count * entry))
        return "its configuration tables are where no memory is";
    return NULL;
}

void efi_describe_left(const struct memmap *map, struct facts *facts)
{
    const bool narrow = facts->efi_system_table == 0;
    const struct efi efi = {
        .narrow = narrow,
        .system_table = narrow ? facts->efi32_system_table : facts->efi_system_table,
        .map = map,
    };
    const char *flaw = system_table_flaw(&efi);

    if (flaw) {
        log_print(LOG_WARNING, "footing: EFI system table at 0x%lx: %s: not used\n",
                  efi.system_table, flaw);
        facts->efi_system_table = 0;
        return;
    }
    log_print(LOG_WARNING,
              "footing: runtime services left out: the loader has left boot services, at 0x%lx\n",
              efi.system_table);
    read_tables(&efi, facts);
}
