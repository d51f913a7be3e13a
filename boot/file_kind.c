/* SPDX-License-Identifier: MIT */
#include "file_kind.h"

#include "elf_format.h"
#include "load.h"
#include "multiboot2.h"
#include "print.h"

/* Linux: the real-mode header's signature. PE: where the offset of its own signature is. */
#define LINUX_HEADER 0x202
#define PE_OFFSET    0x3c

/* What is looked at in one piece; a header, and all that is read of it, lies in the first. */
#define PIECE 0x400u

/* Multiboot 0.6.96, section 3.1: three words that add up to 0, the magic one first. */
#define MULTIBOOT_MAGIC UINT32_C(0x1badb002)
#define MULTIBOOT_AREA  UINT64_C(0x2000)
#define MULTIBOOT2_AREA UINT64_C(0x8000)

/* The Limine boot protocol, "Requests": the first two words of each. */
#define LIMINE_MAGIC_0 UINT64_C(0xc7b1dd30df4c8b88)
#define LIMINE_MAGIC_1 UINT64_C(0x0a82e883a194f07b)

/* The first bytes of a file, and how many there are. */
struct head {
    uint8_t bytes[PIECE];
    size_t len;
};

static bool has(const struct head *head, size_t at, const char *magic, size_t len)
{
    return at + len <= head->len && __builtin_memcmp(head->bytes + at, magic, len) == 0;
}

static const char *machine_name(unsigned machine)
{
    switch (machine) {
    case 3:
        return "i386";
    case 40:
        return "Arm";
    case 183:
        return "AArch64";
    case 243:
        return "RISC-V";
    default:
        return NULL;
    }
}

static const char *other_machine(unsigned bits, unsigned machine)
{
    const char *name = machine_name(machine);

    return name ? message("a %u-bit ELF file for %s", bits, name)
                : message("a %u-bit ELF file for machine %u", bits, machine);
}

static const char *elf_kind(const struct head *head)
{
    unsigned type, machine;

    if (head->len < ELF_HEADER_SIZE)
        return "an ELF file that is cut off";
    if (head->bytes[EI_DATA] != DATA_LSB)
        return "a big-endian ELF file";
    type = load16(head->bytes + E_TYPE);
    machine = load16(head->bytes + E_MACHINE);
    if (head->bytes[EI_CLASS] != CLASS_64 || machine != EM_X86_64)
        return other_machine(head->bytes[EI_CLASS] == CLASS_64 ? 64 : 32, machine);
    if (type == ET_EXEC || type == ET_DYN)
        return NULL;
    return type == ET_REL    ? "an ELF object file that is not linked"
           : type == ET_CORE ? "an ELF core dump"
                             : message("an ELF file of type %u", type);
}

static const char *pe_kind(const struct head *head)
{
    size_t at = head->len >= PE_OFFSET + 4 ? load32(head->bytes + PE_OFFSET) : SIZE_MAX;

    if (at < head->len && has(head, at, "PE\0\0", 4))
        return "a PE file, as UEFI applications are";
    return "a DOS or PE file";
}

/* Files that are told by how they begin. */
static const struct {
    const char *magic;
    uint8_t len;
    const char *kind;
} beginnings[] = {
    {"\x1f\x8b", 2, "compressed by gzip"},
    {"\xfd"
     "7zXZ",
     5, "compressed by xz"},
    {"\x28\xb5\x2f\xfd", 4, "compressed by zstd"},
    {"BZh", 3, "compressed by bzip2"},
    {"\x04\x22\x4d\x18", 4, "compressed by lz4"},
    {"070701", 6, "a cpio archive, as an initrd is"},
    {"070707", 6, "a cpio archive, as an initrd is"},
    {"#!", 2, "a script"},
};

static const char *other_kind(const struct head *head)
{
    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
        if (has(head, 0, beginnings[i].magic, beginnings[i].len))
            return beginnings[i].kind;
    if (head->len < 4)
        return message("a file of %lu bytes", head->len);
    return message("a file that begins with the bytes %02x %02x %02x %02x", head->bytes[0],
                   head->bytes[1], head->bytes[2], head->bytes[3]);
}

const char *file_kind(const struct elf_file *file)
{
    struct head head;

    if (file->size == 0)
        return "an empty file";
    head.len = file->size < PIECE ? (size_t)file->size : PIECE;
    file->read(file->ctx, 0, head.bytes, head.len);
    if (has(&head, 0, ELF_MAGIC, 4))
        return elf_kind(&head);
    if (has(&head, LINUX_HEADER, "HdrS", 4))
        return "a Linux kernel (bzImage)";
    if (has(&head, 0, "MZ", 2))
        return pe_kind(&head);
    return other_kind(&head);
}

/* What the words of a header add up to, if it is one. */
static uint32_t sum(const uint8_t *at, unsigned words)
{
    uint32_t total = 0;

    for (unsigned i = 0; i < words; i++)
        total += load32(at + 4 * i);
    return total;
}

#define HEADER_LEN 16u

static const char *protocol_at(const uint8_t *at, uint64_t offset)
{
    switch (load32(at)) {
    case MB2_HEADER_MAGIC:
        return offset < MULTIBOOT2_AREA && offset % 8 == 0 && sum(at, 4) == 0
                   ? "a multiboot2 header"
                   : NULL;
    case MULTIBOOT_MAGIC:
        return offset < MULTIBOOT_AREA && sum(at, 3) == 0 ? "a multiboot header" : NULL;
    case (uint32_t)LIMINE_MAGIC_0:
        return offset % 8 == 0 && load64(at) == LIMINE_MAGIC_0 && load64(at + 8) == LIMINE_MAGIC_1
                   ? "requests of the Limine boot protocol"
                   : NULL;
    default:
        return NULL;
    }
}

const char *file_protocol(const struct elf_file *file)
{
    uint64_t size = file->size < FILE_LIMINE_MAX ? file->size : FILE_LIMINE_MAX;
    uint8_t bytes[PIECE + HEADER_LEN];

    for (uint64_t offset = 0; offset < size; offset += PIECE) {
        size_t len = size - offset < sizeof(bytes) ? (size_t)(size - offset) : sizeof(bytes);

        /* A header that is cut off by the file's end is none: zeros have no magic number. */
        __builtin_memset(bytes + len, 0, sizeof(bytes) - len);
        file->read(file->ctx, offset, bytes, len);
        for (unsigned at = 0; at < PIECE; at += 4) {
            const char *protocol = protocol_at(bytes + at, offset + at);

            if (protocol)
                return protocol;
        }
    }
    return NULL;
}
