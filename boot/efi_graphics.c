/* SPDX-License-Identifier: MIT */
/* The framebuffer: EFI_GRAPHICS_OUTPUT_PROTOCOL, UEFI 2.10 section 12.9. */
#include "efi.h"
#include "framebuffer.h"
#include "load.h"

/* Three functions, and the mode. */
#define GRAPHICS_MODE    24
#define GRAPHICS_MODE_32 12

/* EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE and ..._MODE_INFORMATION. */
#define MODE_INFO         8
#define MODE_BASE         24
#define MODE_BASE_32      16
#define INFO_WIDTH        4
#define INFO_HEIGHT       8
#define INFO_FORMAT       12
#define INFO_MASKS        16
#define INFO_PIXELS_A_ROW 32
#define INFO_SIZE         36

/* EFI_GRAPHICS_PIXEL_FORMAT. */
enum pixel_format { PIXELS_RGB, PIXELS_BGR, PIXELS_MASKS, PIXELS_BLT_ONLY };

static const uint8_t graphics_output[EFI_GUID_SIZE] = {
    0xde, 0xa9, 0x42, 0x90, 0xdc, 0x23, 0x38, 0x4a, 0x96, 0xfb, 0x7a, 0xde, 0xd0, 0x80, 0x51, 0x6a};

/* Red, green, blue, reserved: the bits of each in a pixel. */
struct masks {
    uint32_t of[4];
};

static struct masks masks_of(const uint8_t info[INFO_SIZE])
{
    struct masks masks = {{0x0000ff, 0x00ff00, 0xff0000, 0xff000000}};

    if (load32(info + INFO_FORMAT) == PIXELS_BGR)
        masks = (struct masks){{0xff0000, 0x00ff00, 0x0000ff, 0xff000000}};
    else if (load32(info + INFO_FORMAT) == PIXELS_MASKS)
        __builtin_memcpy(&masks, info + INFO_MASKS, sizeof(masks));
    return masks;
}

/* Bits up to the highest one. */
static unsigned width_of(uint32_t mask)
{
    return mask ? 32 - (unsigned)__builtin_clz(mask) : 0;
}

static struct color_field field_of(uint32_t mask)
{
    unsigned low = mask ? (unsigned)__builtin_ctz(mask) : 0;

    return (struct color_field){(uint8_t)low, (uint8_t)(width_of(mask) - low)};
}

/* What there is of the mode, whatever is to be said against it. */
static void read_pixels(uint64_t base, const uint8_t info[INFO_SIZE], struct framebuffer *fb)
{
    struct masks masks = masks_of(info);
    unsigned bytes = (width_of(masks.of[0] | masks.of[1] | masks.of[2] | masks.of[3]) + 7) / 8;
    uint64_t pitch = (uint64_t)load32(info + INFO_PIXELS_A_ROW) * bytes;

    *fb = (struct framebuffer){
        .base = base,
        .pitch = pitch <= UINT32_MAX ? (uint32_t)pitch : UINT32_MAX,
        .width = load32(info + INFO_WIDTH),
        .height = load32(info + INFO_HEIGHT),
        .bits_per_pixel = (uint8_t)(bytes * 8),
        .type = FRAMEBUFFER_DIRECT,
        .red = field_of(masks.of[0]),
        .green = field_of(masks.of[1]),
        .blue = field_of(masks.of[2]),
    };
    framebuffer_complete(fb);
}

static void read_graphics(const struct efi *efi, uint64_t graphics, struct framebuffer *fb)
{
    uint64_t mode = efi_pointer(efi, graphics + (efi->narrow ? GRAPHICS_MODE_32 : GRAPHICS_MODE));
    uint64_t at = mode ? efi_pointer(efi, mode + MODE_INFO) : 0;
    uint8_t info[INFO_SIZE];

    *fb = (struct framebuffer){0};
    if (at) {
        efi_read(at, info, sizeof(info));
        read_pixels(efi_read64(mode + (efi->narrow ? MODE_BASE_32 : MODE_BASE)), info, fb);
        if (load32(info + INFO_FORMAT) == PIXELS_BLT_ONLY)
            fb->flaw = "it has no pixels in memory (PixelBltOnly)";
        else if (load32(info + INFO_FORMAT) > PIXELS_BLT_ONLY)
            fb->flaw = "its pixel format is unknown";
    } else {
        fb->flaw = "the graphics output has no mode";
    }
    fb->given = true;
}

void efi_find_framebuffer(const struct efi *efi, struct framebuffer *fb)
{
    uint64_t count;
    uint64_t handles = efi_handles_with(efi, graphics_output, &count);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t handle = efi_pointer(efi, handles + i * efi_pointer_size(efi));
        uint64_t graphics = efi_protocol_on(efi, handle, graphics_output);
        struct framebuffer found;

        if (!graphics)
            continue;
        read_graphics(efi, graphics, &found);
        if (!fb->given || !framebuffer_flaw(&found))
            *fb = found;
        if (!framebuffer_flaw(&found))
            break;
    }
    efi_free_handles(efi, handles);
}
