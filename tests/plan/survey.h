/* SPDX-License-Identifier: MIT */
/*
 * What an input says of a machine: ranges as they stand there, and the MTRRs
 * as far as it gives them. The readers fill it in, the planner uses it.
 */
#ifndef SURVEY_H
#define SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "memmap.h"
#include "memtype.h"

/* A list that e820 gave and one that EFI gave describe the same memory: one of them is used. */
enum map_source { SOURCE_E820, SOURCE_EFI };

struct raw_range {
    uint64_t base;
    uint64_t len;
    enum mem_type type;
    enum map_source source;
};

#define MTRR_FIXED_FIELDS (8 * MTRR_FIXED_REGS)

struct mtrr_facts {
    bool has_default;
    bool has_fixed;    /* and they are enabled */
    bool has_variable; /* all of them are known, be it that none is enabled */
    bool disabled;     /* by the E flag of the default type register: all memory is UC */
    enum memtype default_type;
    uint8_t fixed[MTRR_FIXED_FIELDS]; /* enum memtype; UC where nothing is said */
    uint64_t wb_top;                  /* AMD's TOP_MEM2, where it makes RAM write-back; else 0 */
    unsigned variable;
    struct {
        uint64_t base;
        uint64_t mask;
        enum memtype type;
        bool printed; /* the mask is as wide as the CPU that printed it */
    } var[MTRR_MAX_VARIABLE];
};

#define SURVEY_NAME_MAX 96

struct survey {
    struct raw_range *ranges;
    size_t count;
    size_t max;
    struct mtrr_facts mtrr;
    bool guest;                    /* the input says that there is a hypervisor under it */
    char machine[SURVEY_NAME_MAX]; /* "": the input does not name it */
};

/* What is wrong with an input; where reason is null, nothing is. */
struct input_error {
    char file[4096]; /* empty: the one that was named */
    size_t line;     /* 0: not one line's fault */
    const char *reason;
};

void survey_free(struct survey *survey);

/* How many bytes first to last are; last = first - 1: none. Null, or what is wrong. */
const char *inclusive_len(uint64_t first, uint64_t last, uint64_t *len);

/* How many bytes from first up to end are, which is 0 for 2^64. Null, or what is wrong. */
const char *exclusive_len(uint64_t first, uint64_t end, uint64_t *len);

/* Add a range as it stands in the input. Null, or what is wrong. */
const char *survey_add(struct survey *survey, uint64_t base, uint64_t len, enum mem_type type,
                       enum map_source source);

/* Settle which list counts: e820, unless there is none. Null, or what is wrong. */
const char *survey_settle(struct survey *survey);

/* The machine's name, cut to what there is room for, and in ASCII; the first one counts. */
void survey_name(struct survey *survey, const char *name, size_t len);

/* Is this, in the words of its DMI tables, a machine that a hypervisor made up? */
bool names_a_guest(const char *name, size_t len);

/* The attributes of an EFI descriptor that decide what it is (UEFI 2.10 section 7.2.3). */
#define EFI_WB      UINT64_C(0x8)
#define EFI_SP      UINT64_C(0x40000)
#define EFI_RUNTIME UINT64_C(0x8000000000000000)

/* The type of an EFI descriptor, by its number or by the name that a log prints. */
enum mem_type efi_named_type(const char *name, size_t len, uint64_t attribute);

/* Null, or what is wrong. */
const char *mtrr_add_fixed(struct mtrr_facts *mtrr, uint64_t first, uint64_t last,
                           enum memtype type);
const char *mtrr_add_variable(struct mtrr_facts *mtrr, uint64_t base, uint64_t mask,
                              enum memtype type, bool printed);

/* "write-back", …; false: no such type. */
bool mtrr_type_named(const char *name, size_t len, enum memtype *type);

/* The registers that say this. Where the facts are but half of them: MTRRs not present. */
struct mtrr_state mtrr_registers(const struct mtrr_facts *mtrr, unsigned phys_bits);

/* How the MTRRs fared: "used", "absent", or "ignored: " and why. */
const char *mtrr_verdict(const struct mtrr_facts *mtrr);

#endif
