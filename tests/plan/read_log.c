/* SPDX-License-Identifier: MIT */
/*
 * A Linux kernel log, with whatever time stamps and host names before the
 * words that count. Of several lists the first is used: later ones are what
 * the kernel, kexec or the user made of it, or another boot.
 *
 *     BIOS-e820: [mem 0x0000000000000000-0x000000000009fbff] usable      last byte
 *     BIOS-e820: 0000000000000000 - 000000000009fc00 (usable)            end, until Linux 3.3
 *     BIOS-e820: 000000000009fc00 @ 0000000000000000 (usable)            length @ base, Linux 2.4.0
 *     efi: mem00: [Boot Code |RUN| … |WB|WT|WC|UC] range=[0x…-0x…] (0MB)   last byte
 *     efi: mem00: type=3, attr=0xf, range=[0x…-0x…) (0MB)                  end
 *     MTRR default type: uncachable
 *     MTRR fixed ranges enabled:
 *       00000-9FFFF write-back
 *     MTRR variable ranges enabled:
 *       0 base 0000000000 mask FF80000000 write-back
 *       1 [00E0000000-00FFFFFFFF] mask FFE0000000 uncachable
 *       2 disabled
 *     TOM2: 0000000820000000 aka 33280M
 *     reg00: base=0x000000000 (    0MB), size= 2048MB, count=1: write-back
 *     Hypervisor detected: KVM
 *     Booting paravirtualized kernel on KVM
 *     DMI: QEMU Standard PC (Q35 + ICH9, 2009), BIOS 1.16.3-debian-1.16.3-2 04/01/2014
 */
#include "read.h"
#include "x86.h"

enum section { NO_MTRR, MTRR_BEFORE, MTRR_FIXED, MTRR_FIXED_OFF, MTRR_VARIABLE, MTRR_DONE };

struct log {
    struct survey *survey;
    struct mtrr_facts proc; /* what /proc/mtrr says, should the kernel itself not say it */
    enum section section;
    bool at_registers; /* the line before was one of a variable MTRR */
    bool e820_open;
    bool e820_over;
    bool efi_open;
    bool efi_over;
};

/* What Linux calls the types, and what a few dialects of it do. */
static bool e820_type(struct span words, enum mem_type *type)
{
    static const struct {
        const char *words;
        uint32_t type;
    } names[] = {
        {"unusable", 5}, {"usable", 1},     {"System RAM", 1}, {"ACPI data", 3},
        {"ACPI NVS", 4}, {"persistent", 7}, {"reserved", 2},
    };
    struct span rest;
    uint64_t number;

    if (span_after(words, "type ", &rest) && scan_decimal(&rest, &number) && number <= UINT32_MAX) {
        *type = mem_type_from_e820((uint32_t)number);
        return true;
    }
    if (span_after(words, "soft reserved", &rest) || span_after(words, "Soft Reserved", &rest)) {
        *type = MEM_SOFT_RESERVED;
        return true;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (span_after(words, names[i].words, &rest)) {
            *type = mem_type_from_e820(names[i].type);
            return true;
        }
    }
    *type = MEM_RESERVED;
    return span_len(scan_word(&words)) > 0;
}

/* The three ways to write a range before its type. */
static const char *e820_range(struct span *line, uint64_t *base, uint64_t *len)
{
    uint64_t first;
    uint64_t second;

    if (scan_literal(line, "[mem")) {
        if (!scan_hex(line, &first) || !scan_literal(line, "-") || !scan_hex(line, &second) ||
            !scan_literal(line, "]"))
            return "not of the form [mem 0x…-0x…], or a number above 2^64";
        *base = first;
        return inclusive_len(first, second, len);
    }
    if (!scan_hex(line, &first))
        return "no range after BIOS-e820:";
    if (scan_literal(line, "@")) {
        *len = first;
        return scan_hex(line, base) ? NULL : "no base after the @";
    }
    if (!scan_literal(line, "-") || !scan_hex(line, &second))
        return "not of the form START - END";
    *base = first;
    return exclusive_len(first, second, len);
}

static const char *read_e820(struct log *log, struct span line)
{
    uint64_t base;
    uint64_t len;
    enum mem_type type;
    const char *reason;

    log->e820_open = true;
    if (scan_literal(&line, "[gap"))
        return NULL;
    reason = e820_range(&line, &base, &len);
    if (reason)
        return reason;
    if (!e820_type(line, &type))
        return "the range has no type";
    return survey_add(log->survey, base, len, type, SOURCE_E820);
}

/* What stands before the range: "type=3, attr=0xf, " or "[Boot Code |RUN|…|WB|WT|WC|UC] ". */
static bool efi_kind(struct span words, enum mem_type *type)
{
    struct span rest;
    struct span name;
    uint64_t attribute = 0;

    if (span_after(words, "attr=", &rest) && !scan_hex(&rest, &attribute))
        return false;
    if (span_after(words, "|RUN", &rest))
        attribute |= EFI_RUNTIME;
    if (span_after(words, "|WB", &rest))
        attribute |= EFI_WB;
    if (span_after(words, "|SP", &rest))
        attribute |= EFI_SP;
    scan_literal(&words, "[");
    name = words;
    while (words.at < words.end && *words.at != '|' && *words.at != ']' && *words.at != ',')
        words.at++;
    name.end = words.at;
    *type = efi_named_type(name.at, span_len(name), attribute);
    return span_len(name) > 0;
}

/* After "efi: mem": the number, the kind, the range. */
static const char *read_efi(struct log *log, struct span line)
{
    static const char bad[] = "not of the form memNN: KIND range=[0x…-0x…]";
    struct span words;
    struct span range;
    uint64_t index;
    uint64_t first;
    uint64_t second;
    uint64_t len;
    enum mem_type type;
    const char *reason = NULL;

    if (!scan_decimal(&line, &index) || !scan_literal(&line, ":"))
        return bad;
    if (index == 0 && log->efi_open)
        log->efi_over = true;
    if (log->efi_over)
        return NULL;
    log->efi_open = true;
    if (!span_after(line, "range=[", &range))
        return bad;
    words = (struct span){line.at, range.at - 7};
    if (!efi_kind(words, &type) || !scan_hex(&range, &first) || !scan_literal(&range, "-") ||
        !scan_hex(&range, &second))
        return bad;
    if (scan_literal(&range, "]")) {
        reason = inclusive_len(first, second, &len);
    } else {
        reason = exclusive_len(first, second, &len);
        if (!scan_literal(&range, ")"))
            return bad;
    }
    return reason ? reason : survey_add(log->survey, first, len, type, SOURCE_EFI);
}

/* The last word of a line; the rest of it remains. */
static struct span last_word(struct span *line)
{
    struct span word = *line;

    while (line->end > line->at && line->end[-1] != ' ' && line->end[-1] != '\t')
        line->end--;
    word.at = line->end;
    while (line->end > line->at && (line->end[-1] == ' ' || line->end[-1] == '\t'))
        line->end--;
    return word;
}

/* "00000-9FFFF write-back"; anything else is another line that came between. */
static const char *read_fixed(struct mtrr_facts *mtrr, struct span line)
{
    struct span name = last_word(&line);
    struct span range = last_word(&line);
    uint64_t first;
    uint64_t last;
    enum memtype type;

    if (!mtrr_type_named(name.at, span_len(name), &type) || !scan_hex(&range, &first) ||
        !scan_literal(&range, "-") || !scan_hex(&range, &last) || range.at != range.end)
        return NULL;
    return mtrr_add_fixed(mtrr, first, last, type);
}

/*
 * Right after the registers this line means that AMD's SYSCFG makes all RAM
 * from 4 GiB up to there write-back. Elsewhere PCI code prints the same words,
 * without having looked whether it does.
 */
static const char *read_tom2(struct mtrr_facts *mtrr, struct span line)
{
    struct span rest;

    if (span_after(line, "TOM2:", &rest) && !scan_hex(&rest, &mtrr->wb_top))
        return "not of the form TOM2: ADDRESS";
    mtrr->wb_top &= TOP_MEM2_MASK;
    return NULL;
}

/* "0 base B mask M TYPE", "0 [B-E] mask M TYPE" or "0 disabled"; anything else came between. */
static const char *read_variable(struct log *log, struct span line)
{
    struct mtrr_facts *mtrr = &log->survey->mtrr;
    bool was_at_registers = log->at_registers;
    struct span whole = line;
    struct span name = last_word(&line);
    struct span mask = last_word(&line);
    struct span keyword = last_word(&line);
    struct span base = last_word(&line);
    uint64_t bits;
    uint64_t at;
    enum memtype type;

    log->at_registers = span_is(keyword, "mask") || span_is(name, "disabled");
    if (!log->at_registers)
        return was_at_registers ? read_tom2(mtrr, whole) : NULL;
    if (span_is(name, "disabled"))
        return NULL;
    if (!mtrr_type_named(name.at, span_len(name), &type))
        type = MEMTYPE_UC; /* a reserved encoding, which Linux prints as a question mark */
    scan_literal(&base, "[");
    if (!scan_hex(&mask, &bits) || mask.at != mask.end || !scan_hex(&base, &at))
        return "not of the form INDEX base BASE mask MASK TYPE";
    return mtrr_add_variable(mtrr, at, bits, type, true);
}

/* Is this one of the headings? Then the section changes. */
static bool mtrr_heading(struct log *log, struct span line, const char **reason)
{
    struct mtrr_facts *mtrr = &log->survey->mtrr;
    struct span rest;
    bool enabled = !span_after(line, "disabled", &rest);

    if (span_after(line, "MTRR default type:", &rest)) {
        log->section = mtrr->has_default ? MTRR_DONE : MTRR_BEFORE;
        if (log->section == MTRR_DONE)
            return true;
        mtrr->has_default = true;
        rest = scan_word(&rest);
        if (!mtrr_type_named(rest.at, span_len(rest), &mtrr->default_type))
            *reason = "no MTRR type has this name";
        return true;
    }
    if (log->section == MTRR_DONE)
        return false;
    if (span_after(line, "MTRR fixed ranges ", &rest)) {
        log->section = enabled ? MTRR_FIXED : MTRR_FIXED_OFF;
        return true;
    }
    if (span_after(line, "MTRR variable ranges ", &rest)) {
        log->section = MTRR_VARIABLE;
        mtrr->has_variable = true;
        mtrr->disabled = !enabled;
        return true;
    }
    return false;
}

static const char *read_mtrr(struct log *log, struct span line)
{
    const char *reason = NULL;

    if (mtrr_heading(log, line, &reason))
        return reason;
    if (log->section == MTRR_FIXED)
        reason = read_fixed(&log->survey->mtrr, line);
    else if (log->section == MTRR_VARIABLE)
        reason = read_variable(log, line);
    if (!reason)
        read_proc_mtrr_line(&log->proc, line, &reason);
    return reason;
}

/* KiB or MiB, as /proc/mtrr has it. */
static bool proc_size(struct span size, uint64_t *bytes)
{
    unsigned shift = 0;

    if (!scan_decimal(&size, bytes))
        return false;
    if (scan_literal(&size, "MB"))
        shift = 20;
    else if (scan_literal(&size, "KB"))
        shift = 10;
    if (shift == 0 || *bytes > UINT64_MAX >> shift)
        return false;
    *bytes <<= shift;
    return *bytes > 0 && (*bytes & (*bytes - 1)) == 0;
}

bool read_proc_mtrr_line(struct mtrr_facts *mtrr, struct span line, const char **reason)
{
    struct span rest = line;
    struct span size;
    uint64_t index;
    uint64_t base;
    uint64_t bytes;
    enum memtype type;

    *reason = NULL;
    if (!scan_literal(&rest, "reg") || !scan_decimal(&rest, &index) || !scan_literal(&rest, ":"))
        return false;
    if (!scan_literal(&rest, "base=") || !scan_hex(&rest, &base) ||
        !span_after(rest, "size=", &size) || !proc_size(size, &bytes)) {
        *reason = "not of the form regNN: base=0x…, size=NMB, count=N: TYPE";
        return false;
    }
    /* Until Linux 2.6 the type stood before the count. */
    while (span_len(size) > 0) {
        struct span word = scan_word(&size);

        if (word.end > word.at && word.end[-1] == ',')
            word.end--;
        if (mtrr_type_named(word.at, span_len(word), &type)) {
            *reason = mtrr_add_variable(mtrr, base, ~(bytes - 1), type, false);
            return !*reason;
        }
    }
    *reason = "no MTRR type in it";
    return false;
}

/* A heading of a list of ranges, or a boot: what was open is complete. */
static bool closes_lists(struct span line)
{
    struct span rest;

    return span_after(line, "physical RAM map", &rest) || span_after(line, "Linux version ", &rest);
}

/*
 * The name of the machine, and whether a hypervisor is under it. That the
 * kernel does not say so proves nothing: some are built without the support.
 */
static void read_machine(struct survey *survey, struct span line)
{
    struct span rest;

    if (span_after(line, "DMI: ", &rest)) {
        survey_name(survey, rest.at, span_len(rest));
        survey->guest |= names_a_guest(rest.at, span_len(rest));
    } else if (span_after(line, "Booting paravirtualized kernel on ", &rest)) {
        survey->guest |= !span_starts(rest, "bare hardware");
    } else if (span_after(line, "Hypervisor detected: ", &rest)) {
        survey->guest = true;
    }
}

static const char *read_line(struct log *log, struct span line)
{
    struct span rest;

    read_machine(log->survey, line);
    if (closes_lists(line)) {
        log->e820_over |= log->e820_open;
        log->efi_over |= log->efi_open;
        return NULL;
    }
    if (span_after(line, "BIOS-e820:", &rest) || span_after(line, "BIOS-e801:", &rest) ||
        span_after(line, "BIOS-88:", &rest))
        return log->e820_over ? NULL : read_e820(log, rest);
    if (span_after(line, "efi: mem", &rest) || span_after(line, "EFI: mem", &rest)) {
        if (rest.at < rest.end && *rest.at >= '0' && *rest.at <= '9')
            return read_efi(log, rest);
        return NULL;
    }
    return read_mtrr(log, line);
}

bool read_kernel_log(struct survey *survey, struct span text, struct input_error *error)
{
    struct log log = {.survey = survey};
    struct span line;

    for (error->line = 1; scan_line(&text, &line); error->line++) {
        error->reason = read_line(&log, line);
        if (error->reason)
            return false;
    }
    if (!survey->mtrr.has_variable && log.proc.has_variable) {
        for (unsigned i = 0; i < log.proc.variable; i++)
            survey->mtrr.var[i] = log.proc.var[i];
        survey->mtrr.variable = log.proc.variable;
        survey->mtrr.has_variable = true;
    }
    error->line -= error->line > 1; /* the last one */
    error->reason = survey_settle(survey);
    return !error->reason;
}
