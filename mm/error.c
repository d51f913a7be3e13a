/* SPDX-License-Identifier: MIT */
#include "error.h"

static const struct error_words words[ERR_CODES] = {
    [ERR_NONE] = {"NONE", "no error", 0, 0},
    [ERR_LOADER] = {"LOADER", "not started by a multiboot2 loader", 0, "eax"},
    [ERR_INFO] = {"INFO", "boot information is damaged", "offset", "found"},
    [ERR_INFOBIG] = {"INFOBIG", "boot information is too large", "limit", "size"},
    [ERR_CMDLINE] = {"CMDLINE", "command line is too long", "limit", "length"},
    [ERR_MODULES] = {"MODULES", "too many modules", "limit", 0},
    [ERR_OPTION] = {"OPTION", "unknown option or value", 0, 0},
    [ERR_EFI] = {"EFI", "a firmware call failed", 0, "status"},
    [ERR_CONFIG] = {"CONFIG", "configuration cannot be used", 0, 0},
    [ERR_FILE] = {"FILE", "file cannot be loaded", 0, "status"},
    [ERR_PAYLOAD] = {"PAYLOAD", "payload cannot be loaded", "at", "found"},
    [ERR_VERIFY] = {"VERIFY", "not verified, and Secure Boot is on", 0, 0},
    [ERR_NOMAP] = {"NOMAP", "the loader passed no memory map", 0, 0},
    [ERR_MAPENTRY] = {"MAPENTRY", "memory map entries cannot be used", "at", "found"},
    [ERR_MAPFULL] = {"MAPFULL", "memory map has too many ranges", "limit", 0},
    [ERR_NORAM] = {"NORAM", "no usable write-back RAM in the memory map", 0, 0},
    [ERR_INUSE] = {"INUSE", "loaded where the memory map has no usable RAM", "first", "last"},
    [ERR_NOTWB] = {"NOTWB", "loaded where the MTRRs do not make RAM write-back", "first", "last"},
    [ERR_OVERLAP] = {"OVERLAP", "loaded over something else", "first", "last"},
    [ERR_LEVELS] = {"LEVELS", "paging levels cannot be had", 0, 0},
    [ERR_FOREIGN] = {"FOREIGN", "no range for foreign=, nor RAM for it", 0, "bytes"},
    [ERR_PLANFULL] = {"PLANFULL", "too many mappings", "limit", 0},
    [ERR_ALIGN] = {"ALIGN", "mapping is empty or not 4 KiB aligned", "va", "pa"},
    [ERR_CANONICAL] = {"CANONICAL", "mapping wraps or is not canonical", "va", "pa"},
    [ERR_WIDTH] = {"WIDTH", "mapping exceeds the physical address width", "va", "pa"},
    [ERR_CLASH] = {"CLASH", "two mappings of one virtual address", "va", "pa"},
    [ERR_WX] = {"WX", "a frame would be writable and executable", "va", "pa"},
    [ERR_ABSENT] = {"ABSENT", "a page is not mapped", "va", "pa"},
    [ERR_TYPE] = {"TYPE", "a frame would have two memory types", "va", "pa"},
    [ERR_LARGE] = {"LARGE", "largest page is no page size", "va", "pa"},
    [ERR_UNSORTED] = {"UNSORTED", "mappings do not ascend", "va", "pa"},
    [ERR_NOFRAMES] = {"NOFRAMES", "not enough free RAM for the page tables", "frames free",
                      "frames needed"},
    [ERR_COUNT] = {"COUNT", "page tables took other than the counted frames", "used", "counted"},
    [ERR_AUDIT] = {"AUDIT", "live page tables differ from the plan", "va", 0},
    [ERR_SCRUB] = {"SCRUB", "RAM does not read back what was written", "pa", "read"},
    [ERR_PMAP] = {"PMAP", "a PMAP slot is not released", "va", 0},
    [ERR_RETURNED] = {"RETURNED", "payload returned", 0, "rax"},
    [ERR_FAULT] = {"FAULT", "exception", "rip", "vector"},
    [ERR_UNDEFINED] = {"UNDEFINED", "undefined behaviour", "line", 0},
};

const struct error_words *error_words(enum error_code code)
{
    return &words[(unsigned)code < ERR_CODES ? code : ERR_NONE];
}
