/* SPDX-License-Identifier: MIT */
/* What the firmware's graphics outputs tell, and that what a loader has told comes first. */
#include "efi_services.h"
#include "framebuffer.h"
#include "mock_run.h"
#include "test.h"

/* EFI_GRAPHICS_OUTPUT_PROTOCOL_MODE: base and size; UEFI 2.10 section 12.9.2. */
static const uint64_t mode[5] = {1, 0, 36, UINT64_C(0xc0000000), 1024 * 768 * 4};

/* ..._MODE_INFORMATION: version, width, height, format, four masks, pixels in a row. */
struct info {
    uint32_t version, width, height, format, red, green, blue, reserved, row;
};

static void describe(struct run *run)
{
    efi_describe(&run->efi, &run->facts);
}

static struct run *start(void)
{
    struct run *run = run_new();

    run->then = describe;
    return run;
}

static void add_graphics(struct run *run, const void *given_mode, const struct info *info)
{
    run->mock.graphics[run->mock.ngraphics++] = (struct mock_graphics){given_mode, info};
}

/* Each pixel format has its colours where the specification says. */
static void framebuffers_have_their_colours(void **state)
{
    static const struct {
        struct info info;
        uint8_t bits;
        struct color_field red, green, blue;
    } formats[] = {
        {{0, 1024, 768, 0, 0, 0, 0, 0, 1024}, 32, {0, 8}, {8, 8}, {16, 8}},
        {{0, 1024, 768, 1, 0, 0, 0, 0, 1040}, 32, {16, 8}, {8, 8}, {0, 8}},
        {{0, 640, 480, 2, 0xf800, 0x7e0, 0x1f, 0, 640}, 16, {11, 5}, {5, 6}, {0, 5}},
        {{0, 640, 480, 2, 0x7c00, 0x3e0, 0x1f, 0x8000, 640}, 16, {10, 5}, {5, 5}, {0, 5}},
        {{0, 640, 480, 2, 0xff0000, 0xff00, 0xff, 0, 640}, 24, {16, 8}, {8, 8}, {0, 8}},
        {{0, 640, 480, 2, 0x3ff00000, 0xffc00, 0x3ff, 0xc0000000, 640},
         32,
         {20, 10},
         {10, 10},
         {0, 10}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        const struct info *info = &formats[i].info;
        struct run *run = start();
        struct framebuffer *fb = &run->facts.framebuffer;

        add_graphics(run, mode, info);
        run_good(run);
        assert_int_equal(fb->base, mode[3]);
        assert_int_equal(fb->type, FRAMEBUFFER_DIRECT);
        assert_int_equal(fb->width, info->width);
        assert_int_equal(fb->height, info->height);
        assert_int_equal(fb->bits_per_pixel, formats[i].bits);
        assert_int_equal(fb->pitch, info->row * (formats[i].bits / 8));
        assert_memory_equal(&fb->red, &formats[i].red, sizeof(fb->red));
        assert_memory_equal(&fb->green, &formats[i].green, sizeof(fb->green));
        assert_memory_equal(&fb->blue, &formats[i].blue, sizeof(fb->blue));
        run_end(run);
    }
}

/* The first output with a usable framebuffer is taken; one without is no reason to stop. */
static void first_usable_framebuffer_is_taken(void **state)
{
    static const struct info blt = {0, 800, 600, 3, 0, 0, 0, 0, 800};
    static const struct info odd = {0, 800, 600, 2, 0, 0, 0, 0, 800};
    static const struct info good = {0, 1024, 768, 1, 0, 0, 0, 0, 1024};
    static const struct info other = {0, 640, 480, 1, 0, 0, 0, 0, 640};
    struct run *run = start();

    (void)state;
    add_graphics(run, NULL, NULL);
    add_graphics(run, mode, &blt);
    add_graphics(run, mode, &good);
    add_graphics(run, mode, &other);
    run_good(run);
    assert_int_equal(run->facts.framebuffer.width, 1024);
    assert_int_equal(run->mock.pools, 0);
    run_end(run);
    run = start();
    add_graphics(run, mode, NULL);
    add_graphics(run, mode, &odd);
    add_graphics(run, mode, &blt);
    run_good(run);
    assert_string_equal(framebuffer_flaw(&run->facts.framebuffer),
                        "the graphics output has no mode");
    run_end(run);
    run = start();
    run_good(run);
    assert_int_equal(run->facts.framebuffer.base, 0);
    assert_false(run->facts.framebuffer.given);
    run_end(run);
}

/* "Stride 0 or below the width, base 0, BltOnly, no masks": used, or the facts say why not. */
static void stride_base_blt_only_masks(void **state)
{
    static const uint64_t nowhere[5] = {1, 0, 36, 0, 0};
    static const struct {
        const uint64_t *mode;
        struct info info;
        uint32_t pitch;
        const char *says; /* null: used */
    } cases[] = {
        {mode, {0, 1024, 768, 1, 0, 0, 0, 0, 0}, 4096, NULL},
        {mode, {0, 640, 480, 2, 0xf800, 0x7e0, 0x1f, 0, 0}, 1280, NULL},
        {mode, {0, 1024, 768, 1, 0, 0, 0, 0, 1023}, 4092, "a row is longer than its pitch"},
        {mode, {0, 1024, 768, 1, 0, 0, 0, 0, 0x40000000}, UINT32_MAX, "larger than 1 GiB"},
        {nowhere, {0, 1024, 768, 1, 0, 0, 0, 0, 1024}, 4096, "its address is 0"},
        {mode,
         {0, 1024, 768, 3, 0, 0, 0, 0, 1024},
         4096,
         "it has no pixels in memory (PixelBltOnly)"},
        {mode, {0, 1024, 768, 4, 0, 0, 0, 0, 1024}, 4096, "its pixel format is unknown"},
        {mode,
         {0, 1024, 768, 2, 0, 0, 0, 0, 1024},
         0,
         "a pixel has fewer than 15 or more than 32 bits"},
        {mode,
         {0, 1024, 768, 2, 0xff, 0xff00, 0, 0, 1024},
         2048,
         "a colour has no bits, or some that are outside the pixel"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct run *run = start();
        const struct framebuffer *fb = &run->facts.framebuffer;

        add_graphics(run, cases[i].mode, &cases[i].info);
        run_good(run);
        assert_true(fb->given);
        assert_int_equal(fb->pitch, cases[i].pitch);
        if (cases[i].says)
            assert_string_equal(framebuffer_flaw(fb), cases[i].says);
        else
            assert_null(framebuffer_flaw(fb));
        run_end(run);
    }
}

static void describe_known(struct run *run)
{
    run->facts.framebuffer.base = 0x1000;
    run->facts.rsdp_size = 20;
    memset(run->facts.rsdp, 'k', 20);
    efi_describe(&run->efi, &run->facts);
}

/* A boot with a framebuffer and an RSDP that another protocol has found. */
static struct run *start_known(void)
{
    static const struct info good = {0, 1024, 768, 1, 0, 0, 0, 0, 1024};
    static const uint8_t rsdp[36] = "RSD PTR ";
    struct run *run = start();

    run->then = describe_known;
    add_graphics(run, mode, &good);
    run->mock.tables[run->mock.ntables++] =
        (struct mock_table){mock_guid_acpi_2, rsdp, sizeof(rsdp), 0};
    run_good(run);
    return run;
}

/* A framebuffer that another protocol has found stays. */
static void known_framebuffer_stays(void **state)
{
    struct run *run = start_known();

    (void)state;
    assert_int_equal(run->facts.framebuffer.base, 0x1000);
    assert_int_equal(run->facts.framebuffer.width, 0);
    run_end(run);
}

/* So does an RSDP. */
static void known_rsdp_stays(void **state)
{
    struct run *run = start_known();

    (void)state;
    assert_int_equal(run->facts.rsdp_size, 20);
    assert_int_equal(run->facts.rsdp[0], 'k');
    run_end(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(framebuffers_have_their_colours),
        cmocka_unit_test(first_usable_framebuffer_is_taken),
        cmocka_unit_test(stride_base_blt_only_masks),
        cmocka_unit_test(known_framebuffer_stays),
        cmocka_unit_test(known_rsdp_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
