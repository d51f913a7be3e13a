/* SPDX-License-Identifier: MIT */
#include "error.h"

#include "words.h"

/* In the order of enum error_code: name, what it says, what it calls its two numbers. */
static const char words[] =
    "NONE\0no error\0\0\0"
    "LOADER\0not started by a multiboot2 loader\0\0eax\0"
    "INFO\0boot information is damaged\0\0\0"
    "INFOBIG\0boot information is too large\0limit\0size\0"
    "CMDLINE\0command line is too long\0\0\0"
    "MODULES\0too many modules\0\0\0"
    "OPTION\0unknown option or value\0\0\0"
    "EFI\0a firmware call failed\0\0status\0"
    "CONFIG\0configuration cannot be used\0\0\0"
    "FILE\0file cannot be loaded\0\0status\0"
    "PAYLOAD\0payload cannot be loaded\0\0\0"
    "VERIFY\0not verified, and Secure Boot is on\0\0\0"
    "NOMAP\0the loader passed no memory map\0\0\0"
    "MAPENTRY\0memory map entries cannot be used\0\0\0"
    "MAPFULL\0memory map has too many ranges\0limit\0\0"
    "MTRR\0memory type ranges (MTRRs) cannot be used\0limit\0counted\0"
    "NORAM\0no usable write-back RAM in the memory map\0\0\0"
    "INUSE\0loaded where the memory map has no usable RAM\0first\0last\0"
    "NOTWB\0loaded where the MTRRs do not make RAM write-back\0first\0last\0"
    "OVERLAP\0loaded over something else\0first\0last\0"
    "LEVELS\0paging levels cannot be had\0\0\0"
    "FOREIGN\0no range for foreign=, nor RAM for it\0\0bytes\0"
    "PLANFULL\0too many mappings\0limit\0\0"
    "ALIGN\0mapping is empty or not 4 KiB aligned\0va\0pa\0"
    "CANONICAL\0mapping wraps or is not canonical\0va\0pa\0"
    "WIDTH\0mapping exceeds the physical address width\0va\0pa\0"
    "CLASH\0two mappings of one virtual address\0va\0pa\0"
    "WX\0a frame would be writable and executable\0va\0pa\0"
    "ABSENT\0a page is not mapped\0va\0pa\0"
    "TYPE\0a frame would have two memory types\0va\0pa\0"
    "LARGE\0largest page is no page size\0va\0pa\0"
    "UNSORTED\0mappings do not ascend\0va\0pa\0"
    "NOFRAMES\0not enough free RAM\0frames free\0frames needed\0"
    "FRAME\0the frame allocator gave what cannot become a page table\0\0\0"
    "LISTS\0too many ranges of RAM to list for the payload\0limit\0\0"
    "COUNT\0page tables took other than the counted frames\0used\0counted\0"
    "AUDIT\0live page tables differ from the plan\0va\0\0"
    "SCRUB\0RAM does not read back what was written\0pa\0read\0"
    "PMAP\0a PMAP slot is not released\0va\0\0"
    "RETURNED\0payload returned\0\0rax\0"
    "FAULT\0exception\0rip\0vector\0"
    "UNDEFINED\0undefined behaviour\0line\0\0";

struct error_words error_words(enum error_code code)
{
    size_t first = (unsigned)code < ERR_CODES ? 4 * (size_t)code : 0;

    return (struct error_words){
        .name = word_at(words, sizeof(words), first),
        .says = word_at(words, sizeof(words), first + 1),
        .at = word_at(words, sizeof(words), first + 2),
        .value = word_at(words, sizeof(words), first + 3),
    };
}
