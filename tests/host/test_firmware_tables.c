/* SPDX-License-Identifier: MIT */
/* What the firmware's tables and its graphics outputs tell. */
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

static void put(uint8_t *to, uint64_t value, unsigned bytes)
{
    memcpy(to, &value, bytes);
}

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

static void add_table(struct run *run, const void *guid, const void *data, size_t size)
{
    run->mock.tables[run->mock.ntables++] = (struct mock_table){guid, data, size, 0};
}

/* As add_table(), but where it lies is for other tables to say. */
static uint64_t place(const void *data)
{
    return mock_physical(data);
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
    add_table(run, mock_guid_acpi_2, rsdp, sizeof(rsdp));
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

/* Of two RSDPs the newer is taken, whatever their order; the older one is shorter. */
static void newest_rsdp_is_taken(void **state)
{
    static const uint8_t old[20] = "RSD PTR old", new[36] = "RSD PTR new";

    (void)state;
    for (unsigned which = 0; which < 5; which++) {
        struct run *run = start();

        if (which < 3)
            add_table(run, mock_guid_acpi_1, old, sizeof(old));
        add_table(run, mock_guid_esrt, "\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0", 16);
        if (which == 1 || which == 3)
            add_table(run, mock_guid_acpi_2, new, sizeof(new));
        run_good(run);
        if (which == 1 || which == 3) {
            assert_int_equal(run->facts.rsdp_size, 36);
            assert_memory_equal(run->facts.rsdp, new, 36);
        } else if (which < 3) {
            assert_int_equal(run->facts.rsdp_size, 20);
            assert_memory_equal(run->facts.rsdp, old, 20);
        } else {
            assert_int_equal(run->facts.rsdp_size, 0);
        }
        run_end(run);
    }
}

/* ACPI tables that the RSDP leads to; the logo behind the last of them. */
struct acpi {
    uint8_t rsdp[36];
    uint8_t xsdt[36 + 4 * 8];
    uint8_t other[36];
    uint8_t bgrt[56];
    uint8_t bitmap[64];
};

static void sum_up(uint8_t *bytes, size_t len, size_t at)
{
    uint8_t sum = 0;

    bytes[at] = 0;
    for (size_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + bytes[i]);
    bytes[at] = (uint8_t)(0x100 - sum);
}

/* All checksums are right, of the lengths that the tables say. */
static void sum_acpi(struct acpi *acpi)
{
    sum_up(acpi->rsdp, 20, 8);
    sum_up(acpi->rsdp, 36, 32);
    sum_up(acpi->xsdt, acpi->xsdt[4], 9);
    sum_up(acpi->bgrt, acpi->bgrt[4], 9);
}

static void build_acpi(struct acpi *acpi)
{
    memset(acpi, 0, sizeof(*acpi));
    memcpy(acpi->rsdp, "RSD PTR ", 8);
    acpi->rsdp[15] = 2;
    put(acpi->rsdp + 20, 36, 4);
    put(acpi->rsdp + 24, place(acpi->xsdt), 8);
    memcpy(acpi->xsdt, "XSDT", 4);
    put(acpi->xsdt + 4, sizeof(acpi->xsdt), 4);
    put(acpi->xsdt + 36, place(acpi->other), 8);
    put(acpi->xsdt + 52, place(acpi->bgrt), 8); /* a null pointer before it */
    put(acpi->xsdt + 60, place(acpi->other), 8);
    memcpy(acpi->other, "FACP", 4);
    put(acpi->other + 4, 36, 4);
    memcpy(acpi->bgrt, "BGRT", 4);
    put(acpi->bgrt + 4, 56, 4);
    put(acpi->bgrt + 36, 1, 2);
    acpi->bgrt[38] = 1;
    put(acpi->bgrt + 40, place(acpi->bitmap), 8);
    memcpy(acpi->bitmap, "BM", 2);
    put(acpi->bitmap + 2, 12345, 4);
}

/* The logo is kept as large as its bitmap says; what is no bitmap is not, nor what no table tells. */
static void logo_is_kept(void **state)
{
    static struct acpi acpi;

    (void)state;
    for (unsigned damage = 0; damage < 8; damage++) {
        struct run *run = start();

        build_acpi(&acpi);
        if (damage == 1)
            acpi.bitmap[0] = 'X';
        else if (damage == 2)
            put(acpi.bgrt + 40, 0, 8);
        else if (damage == 3)
            put(acpi.xsdt + 4, 52, 4);
        else if (damage == 4)
            put(acpi.rsdp + 24, 0, 8);
        else if (damage == 5)
            put(acpi.bgrt + 4, 55, 4);
        sum_acpi(&acpi);
        if (damage == 6)
            acpi.bgrt[9] ^= 1;
        else if (damage == 7)
            acpi.xsdt[9] ^= 1;
        add_table(run, mock_guid_acpi_2, acpi.rsdp, 36);
        run_good(run);
        assert_int_equal(run->facts.nkept, damage == 0);
        if (damage == 0) {
            assert_int_equal(run->facts.kept[0].base, place(acpi.bitmap));
            assert_int_equal(run->facts.kept[0].len, 12345);
        }
        assert_int_equal(strstr(run->mock.log, "footing: ACPI BGRT at 0x") != NULL, damage == 6);
        assert_int_equal(strstr(run->mock.log, "footing: ACPI XSDT at 0x") != NULL,
                         damage == 4 || damage == 7);
        run_end(run);
    }
}

/* The ESRT is kept with all its entries, even none; a count out of proportion is not believed. */
static void system_resources_are_kept(void **state)
{
    static const uint32_t counts[] = {0, 1, 7, 0xffffffff};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        static uint8_t esrt[16 + 7 * 40];
        struct run *run = start();

        put(esrt, counts[i], 4);
        put(esrt + 4, counts[i], 4);
        put(esrt + 8, 1, 8);
        run->mock.tables[run->mock.ntables++] =
            (struct mock_table){mock_guid_esrt, NULL, 0, place(esrt)};
        run_good(run);
        assert_int_equal(run->facts.nkept, counts[i] < 8);
        if (counts[i] < 8) {
            assert_int_equal(run->facts.kept[0].base, place(esrt));
            assert_int_equal(run->facts.kept[0].len, 16 + 40 * counts[i]);
        }
        run_end(run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(framebuffers_have_their_colours),
        cmocka_unit_test(first_usable_framebuffer_is_taken),
        cmocka_unit_test(stride_base_blt_only_masks),
        cmocka_unit_test(known_framebuffer_stays),
        cmocka_unit_test(known_rsdp_stays),
        cmocka_unit_test(newest_rsdp_is_taken),
        cmocka_unit_test(logo_is_kept),
        cmocka_unit_test(system_resources_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
