/* SPDX-License-Identifier: MIT */
/* Files that are no payload are called by what they are. */
#include "file_kind.h"

#include "exact.h"
#include "test.h"

static uint8_t bytes[K(256)];

static void read_exact(void *ctx, uint64_t offset, void *to, size_t len)
{
    memcpy(to, (const uint8_t *)ctx + offset, len);
}

/* Both out of an exact allocation: a byte read behind the file is caught. */
static const char *kind(size_t size)
{
    void *copy = exact_copy(bytes, size);
    const struct elf_file file = {copy, size, read_exact};
    const char *name = file_kind(&file);

    exact_free(copy, size);
    return name;
}

static const char *protocol(size_t size)
{
    void *copy = exact_copy(bytes, size);
    const struct elf_file file = {copy, size, read_exact};
    const char *name = file_protocol(&file);

    exact_free(copy, size);
    return name;
}

static void put(size_t at, unsigned len, uint64_t value)
{
    for (unsigned i = 0; i < len; i++)
        bytes[at + i] = (uint8_t)(value >> (8 * i));
}

static void put_elf(uint8_t class, uint8_t type, uint8_t machine)
{
    memset(bytes, 0, sizeof(bytes));
    memcpy(bytes, "\177ELF\2\1\1", 7);
    bytes[4] = class;
    bytes[16] = type;
    bytes[18] = machine;
    bytes[20] = 1;
}

/* Executables for x86-64 are payloads, position-independent or not. */
static void executables_are_payloads(void **state)
{
    (void)state;
    put_elf(2, 2, 62);
    assert_null(kind(64));
    assert_null(kind(K(64)));
    put_elf(2, 3, 62);
    assert_null(kind(64));
}

/* Another value of any byte that says what the file is makes it none. */
static void other_files_are_no_payloads(void **state)
{
    static const uint8_t decide[] = {0, 1, 2, 3, 4, 5, 16, 17, 18, 19};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(decide); i++) {
        for (unsigned value = 0; value < 256; value++) {
            bool good;

            put_elf(2, 2, 62);
            good = bytes[decide[i]] == value || (decide[i] == 16 && value == 3);
            bytes[decide[i]] = (uint8_t)value;
            assert_int_equal(kind(64) == NULL, good);
        }
    }
    put_elf(2, 2, 62);
    for (size_t size = 0; size < 64; size++)
        assert_non_null(kind(size));
}

static void elf_files_are_called_by_what_they_are(void **state)
{
    static const struct {
        uint8_t class, type, machine;
        const char *words;
    } files[] = {
        {1, 2, 3, "a 32-bit ELF file for i386"},
        {1, 2, 40, "a 32-bit ELF file for Arm"},
        {1, 2, 62, "a 32-bit ELF file for machine 62"},
        {2, 2, 183, "a 64-bit ELF file for AArch64"},
        {2, 3, 243, "a 64-bit ELF file for RISC-V"},
        {2, 2, 21, "a 64-bit ELF file for machine 21"},
        {2, 1, 62, "an ELF object file that is not linked"},
        {2, 4, 62, "an ELF core dump"},
        {2, 0, 62, "an ELF file of type 0"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        put_elf(files[i].class, files[i].type, files[i].machine);
        assert_string_equal(kind(64), files[i].words);
    }
    put_elf(2, 2, 62);
    bytes[5] = 2;
    assert_string_equal(kind(64), "a big-endian ELF file");
    assert_string_equal(kind(63), "an ELF file that is cut off");
}

/* A bzImage begins as a PE file does, so that firmware starts it; it is still a Linux kernel. */
static void linux_and_pe_are_told_apart(void **state)
{
    (void)state;
    memset(bytes, 0, sizeof(bytes));
    memcpy(bytes, "MZ", 2);
    assert_string_equal(kind(2), "a DOS or PE file");
    assert_string_equal(kind(K(4)), "a DOS or PE file");
    put(0x3c, 4, 0x80);
    memcpy(bytes + 0x80, "PE\0\0", 4);
    assert_string_equal(kind(K(4)), "a PE file, as UEFI applications are");
    assert_string_equal(kind(0x84), "a PE file, as UEFI applications are");
    assert_string_equal(kind(0x83), "a DOS or PE file");
    put(0x3c, 4, UINT32_MAX);
    assert_string_equal(kind(K(4)), "a DOS or PE file");
    put(0x3c, 4, 0x80);
    memcpy(bytes + 0x202, "HdrS", 4);
    assert_string_equal(kind(K(4)), "a Linux kernel (bzImage)");
    assert_string_equal(kind(0x206), "a Linux kernel (bzImage)");
    assert_string_equal(kind(0x205), "a PE file, as UEFI applications are");
    bytes[0] = 0xea;
    assert_string_equal(kind(K(4)), "a Linux kernel (bzImage)");
}

static void other_files_are_called_by_how_they_begin(void **state)
{
    static const struct {
        const char *begins;
        size_t len;
        const char *words;
    } files[] = {
        {"", 0, "an empty file"},
        {"\x1f\x8b\x08", 3, "compressed by gzip"},
        {"\xfd"
         "7zXZ\0",
         6, "compressed by xz"},
        {"\x28\xb5\x2f\xfd", 4, "compressed by zstd"},
        {"BZh9", 4, "compressed by bzip2"},
        {"\x04\x22\x4d\x18", 4, "compressed by lz4"},
        {"070701", 6, "a cpio archive, as an initrd is"},
        {"070707", 6, "a cpio archive, as an initrd is"},
        {"#!/bin/sh\n", 10, "a script"},
        {"\x1f", 1, "a file of 1 bytes"},
        {"abc", 3, "a file of 3 bytes"},
        {"\x01\xfe\x00z", 4, "a file that begins with the bytes 01 fe 00 7a"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        memset(bytes, 0, sizeof(bytes));
        memcpy(bytes, files[i].begins, files[i].len);
        assert_string_equal(kind(files[i].len), files[i].words);
    }
}

/* A header of multiboot2: magic, architecture, length, checksum; at a multiple of 8. */
static void put_multiboot2(size_t at)
{
    memset(bytes, 0, sizeof(bytes));
    put(at, 4, 0xe85250d6);
    put(at + 8, 4, 0x18);
    put(at + 12, 4, -UINT64_C(0xe85250ee));
}

static void multiboot2_headers_are_found(void **state)
{
    static const size_t good[] = {0, 8, 0x3f8, 0x400, 0x1000, 0x7ff8};
    static const size_t bad[] = {4, 0x8000, 0x10000};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        put_multiboot2(good[i]);
        assert_string_equal(protocol(good[i] + 16), "a multiboot2 header");
        assert_string_equal(protocol(K(256)), "a multiboot2 header");
        assert_null(protocol(good[i] + 15));
        bytes[good[i] + 12]++;
        assert_null(protocol(K(256)));
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        put_multiboot2(bad[i]);
        assert_null(protocol(K(256)));
    }
}

static void multiboot_headers_are_found(void **state)
{
    static const size_t good[] = {0, 4, 0x3fc, 0x400, 0x1ffc};
    static const size_t bad[] = {2, 0x2000, 0x8000};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good) + COUNT_OF(bad); i++) {
        bool is_good = i < COUNT_OF(good);
        size_t at = is_good ? good[i] : bad[i - COUNT_OF(good)];

        memset(bytes, 0, sizeof(bytes));
        put(at, 4, 0x1badb002);
        put(at + 4, 4, 3);
        put(at + 8, 4, -UINT64_C(0x1badb005));
        if (is_good)
            assert_string_equal(protocol(K(256)), "a multiboot header");
        else
            assert_null(protocol(K(256)));
        bytes[at + 8]++;
        assert_null(protocol(K(256)));
    }
}

static void requests_of_limine_are_found(void **state)
{
    static const size_t good[] = {0, 8, 0x3f8, 0x8000, K(256) - 16};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        memset(bytes, 0, sizeof(bytes));
        put(good[i], 8, UINT64_C(0xc7b1dd30df4c8b88));
        put(good[i] + 8, 8, UINT64_C(0x0a82e883a194f07b));
        assert_string_equal(protocol(K(256)), "requests of the Limine boot protocol");
        assert_null(protocol(good[i] + 15));
        bytes[good[i] + 15] ^= 1;
        assert_null(protocol(K(256)));
    }
}

/* What is far behind is not looked at, so that large files take no time. */
static void files_are_not_searched_for_ever(void **state)
{
    const size_t size = FILE_LIMINE_MAX + K(64);
    uint8_t *large = calloc(1, size);
    const struct elf_file file = {large, size, read_exact};

    (void)state;
    assert_non_null(large);
    memset(bytes, 0, sizeof(bytes));
    put(0, 8, UINT64_C(0xc7b1dd30df4c8b88));
    put(8, 8, UINT64_C(0x0a82e883a194f07b));
    memcpy(large + FILE_LIMINE_MAX - 16, bytes, 16);
    assert_non_null(file_protocol(&file));
    memset(large + FILE_LIMINE_MAX - 16, 0, 16);
    memcpy(large + FILE_LIMINE_MAX, bytes, 16);
    assert_null(file_protocol(&file));
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(executables_are_payloads),
        cmocka_unit_test(other_files_are_no_payloads),
        cmocka_unit_test(elf_files_are_called_by_what_they_are),
        cmocka_unit_test(linux_and_pe_are_told_apart),
        cmocka_unit_test(other_files_are_called_by_how_they_begin),
        cmocka_unit_test(multiboot2_headers_are_found),
        cmocka_unit_test(multiboot_headers_are_found),
        cmocka_unit_test(requests_of_limine_are_found),
        cmocka_unit_test(files_are_not_searched_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
