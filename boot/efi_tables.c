/* SPDX-License-Identifier: MIT */
/* What the firmware's configuration tables and its graphics output tell. */
#include "efi.h"
#include "load.h"

/* EFI_GRAPHICS_OUTPUT_PROTOCOL, UEFI 2.10 section 12.9: Mode, and what that points to. */
#define GRAPHICS_MODE     24
#define MODE_INFO         8
#define MODE_BASE         24
#define INFO_WIDTH        4
#define INFO_HEIGHT       8
#define INFO_FORMAT       12
#define INFO_MASKS        16
#define INFO_PIXELS_A_ROW 32
#define INFO_SIZE         36

enum { FORMAT_RGB, FORMAT_BGR, FORMAT_MASKS };

/* ACPI 6.5 sections 5.2.5.3 (RSDP), 5.2.6 (table header), 5.2.23 (BGRT). */
#define RSDP_1_SIZE   20
#define RSDP_XSDT     24
#define TABLE_LENGTH  4
#define TABLE_HEADER  36u
#define XSDT_MAX      4096u
#define BGRT_ADDRESS  40
#define BGRT_SIZE     56
#define BITMAP_SIZE   2 /* in the file's header, behind "BM" */
#define BITMAP_HEADER 6

/* EFI_SYSTEM_RESOURCE_TABLE, section 23.4. */
#define ESRT_COUNT     0
#define ESRT_HEADER    16u
#define ESRT_ENTRY     40u
#define ESRT_COUNT_MAX 1024u

static const uint8_t graphics_output[EFI_GUID_SIZE] = {
    0xde, 0xa9, 0x42, 0x90, 0xdc, 0x23, 0x38, 0x4a, 0x96, 0xfb, 0x7a, 0xde, 0xd0, 0x80, 0x51, 0x6a};
static const uint8_t acpi_2[EFI_GUID_SIZE] = {0x71, 0xe8, 0x68, 0x88, 0xf1, 0xe4, 0xd3, 0x11,
                                              0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81};
static const uint8_t acpi_1[EFI_GUID_SIZE] = {0x30, 0x2d, 0x9d, 0xeb, 0x88, 0x2d, 0xd3, 0x11,
                                              0x9a, 0x16, 0x00, 0x90, 0x27, 0x3f, 0xc1, 0x4d};
static const uint8_t system_resources[EFI_GUID_SIZE] = {
    0x63, 0xa2, 0x22, 0xb1, 0x61, 0x36, 0x68, 0x4f, 0x99, 0x29, 0x78, 0xf8, 0xb0, 0xd6, 0x11, 0x80};

/* A colour's bits from its mask: the lowest one, and how many up to the highest. */
static struct color_field field_of(uint32_t mask)
{
    unsigned low = mask ? (unsigned)__builtin_ctz(mask) : 0;
    unsigned high = mask ? 32 - (unsigned)__builtin_clz(mask) : 0;

    return (struct color_field){(uint8_t)low, (uint8_t)(high - low)};
}

static void find_framebuffer(const struct efi *efi, struct framebuffer *fb)
{
    uint64_t graphics = efi_protocol(efi, graphics_output);
    uint64_t mode = graphics ? efi_read64(graphics + GRAPHICS_MODE) : 0;
    uint64_t at = mode ? efi_read64(mode + MODE_INFO) : 0;
    uint8_t info[INFO_SIZE];
    uint32_t masks[3] = {0xff, 0xff00, 0xff0000};

    if (!at)
        return;
    efi_read(at, info, sizeof(info));
    if (load32(info + INFO_FORMAT) > FORMAT_MASKS)
        return;
    if (load32(info + INFO_FORMAT) == FORMAT_BGR) {
        masks[0] = 0xff0000;
        masks[2] = 0xff;
    } else if (load32(info + INFO_FORMAT) == FORMAT_MASKS) {
        __builtin_memcpy(masks, info + INFO_MASKS, sizeof(masks));
    }
    uint32_t depth = 32;
    uint32_t all = masks[0] | masks[1] | masks[2] | load32(info + INFO_MASKS + sizeof(masks));

    /* Pixels are as wide as their masks, the reserved one included. */
    if (load32(info + INFO_FORMAT) == FORMAT_MASKS)
        depth = all >> 24 ? 32 : all >> 16 ? 24 : 16;
    *fb = (struct framebuffer){
        .base = efi_read64(mode + MODE_BASE),
        .pitch = load32(info + INFO_PIXELS_A_ROW) * (depth / 8),
        .width = load32(info + INFO_WIDTH),
        .height = load32(info + INFO_HEIGHT),
        .bits_per_pixel = (uint8_t)depth,
        .type = FRAMEBUFFER_DIRECT,
        .red = field_of(masks[0]),
        .green = field_of(masks[1]),
        .blue = field_of(masks[2]),
    };
}

static void find_rsdp(const struct efi *efi, struct facts *facts)
{
    uint64_t rsdp = efi_table(efi, acpi_2);

    facts->rsdp_size = RSDP_MAX;
    if (!rsdp) {
        rsdp = efi_table(efi, acpi_1);
        facts->rsdp_size = RSDP_1_SIZE;
    }
    if (rsdp)
        efi_read(rsdp, facts->rsdp, facts->rsdp_size);
    else
        facts->rsdp_size = 0;
}

static void keep(struct facts *facts, uint64_t base, uint64_t len, const char *what)
{
    if (facts->nkept < FACTS_KEPT_MAX)
        facts->kept[facts->nkept++] = (struct kept_range){base, len, what};
}

/* An ACPI table of this signature in the XSDT; 0: there is none. */
static uint64_t find_acpi_table(const struct facts *facts, const char *signature)
{
    uint64_t xsdt = facts->rsdp_size == RSDP_MAX ? load64(facts->rsdp + RSDP_XSDT) : 0;
    uint8_t header[8];
    uint32_t len;

    if (!xsdt)
        return 0;
    efi_read(xsdt, header, sizeof(header));
    len = load32(header + TABLE_LENGTH);
    if (len > XSDT_MAX)
        len = XSDT_MAX;
    for (uint32_t at = TABLE_HEADER; at + sizeof(uint64_t) <= len; at += sizeof(uint64_t)) {
        uint64_t table = efi_read64(xsdt + at);

        if (!table)
            continue;
        efi_read(table, header, sizeof(header));
        if (__builtin_memcmp(header, signature, 4) == 0)
            return table;
    }
    return 0;
}

/* The boot logo, which the BGRT points to. */
static void keep_logo(struct facts *facts)
{
    uint64_t bgrt = find_acpi_table(facts, "BGRT");
    uint8_t table[BGRT_SIZE];
    uint8_t bitmap[BITMAP_HEADER];
    uint64_t address;

    if (!bgrt)
        return;
    efi_read(bgrt, table, sizeof(table));
    address = load64(table + BGRT_ADDRESS);
    if (load32(table + TABLE_LENGTH) < BGRT_SIZE || !address)
        return;
    efi_read(address, bitmap, sizeof(bitmap));
    if (bitmap[0] == 'B' && bitmap[1] == 'M')
        keep(facts, address, load32(bitmap + BITMAP_SIZE), "boot logo");
}

static void keep_resources(const struct efi *efi, struct facts *facts)
{
    uint64_t esrt = efi_table(efi, system_resources);
    uint8_t header[ESRT_HEADER];

    if (!esrt)
        return;
    efi_read(esrt, header, sizeof(header));
    if (load32(header + ESRT_COUNT) <= ESRT_COUNT_MAX)
        keep(facts, esrt, ESRT_HEADER + ESRT_ENTRY * load32(header + ESRT_COUNT), "ESRT");
}

void efi_describe(const struct efi *efi, struct facts *facts)
{
    if (!facts->framebuffer.base)
        find_framebuffer(efi, &facts->framebuffer);
    if (facts->rsdp_size == 0)
        find_rsdp(efi, facts);
    keep_logo(facts);
    keep_resources(efi, facts);
}
