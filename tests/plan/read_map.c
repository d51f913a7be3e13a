/* SPDX-License-Identifier: MIT */
/*
 * The map format of Footing's collection of machines, a fact a line:
 *
 *     # machine: NAME                 for the picture
 *     # firmware: hypervisor          a guest's map
 *     # anything
 *     e820 START END TYPE             END inclusive, TYPE the number; END -1: empty
 *     efi START END NAME ATTRIBUTES   END inclusive; 0x mask, or flags as in WB|UC
 *     mtrr-default TYPE               or off: MTRRs are disabled
 *     mtrr-fixed START END TYPE
 *     mtrr INDEX BASE SIZE TYPE       the enabled ones
 *     mtrr none                       there are no enabled ones
 *     note anything
 */
#include "read.h"

static const char *scan_range(struct span *line, uint64_t *base, uint64_t *len)
{
    struct span start = scan_word(line);
    struct span end = scan_word(line);
    uint64_t last;

    if (!word_number(start, base))
        return "the range's start is not a number below 2^64";
    if (span_is(end, "-1") && *base == 0) {
        *len = 0;
        return NULL;
    }
    if (!word_number(end, &last))
        return "the range's end is not a number below 2^64";
    return inclusive_len(*base, last, len);
}

static const char *read_e820(struct survey *survey, struct span *line)
{
    uint64_t base;
    uint64_t len;
    uint64_t type;
    const char *reason = scan_range(line, &base, &len);

    if (reason)
        return reason;
    if (!word_number(scan_word(line), &type) || type > UINT32_MAX)
        return "the range's type is not a number below 2^32";
    return survey_add(survey, base, len, mem_type_from_e820((uint32_t)type), SOURCE_E820);
}

/* "0x…" with or without "attr=", or flags between bars. */
static uint64_t attributes(struct span word)
{
    struct span rest;
    uint64_t mask = 0;

    if (span_after(word, "attr=", &rest))
        word = rest;
    if (span_starts(word, "0x") && scan_hex(&word, &mask))
        return mask;
    while (word.at < word.end) {
        struct span flag = word;

        while (word.at < word.end && *word.at != '|')
            word.at++;
        flag.end = word.at;
        if (word.at < word.end)
            word.at++;
        if (span_is(flag, "RUN"))
            mask |= EFI_RUNTIME;
        else if (span_is(flag, "WB"))
            mask |= EFI_WB;
        else if (span_is(flag, "SP"))
            mask |= EFI_SP;
    }
    return mask;
}

static const char *read_efi(struct survey *survey, struct span *line)
{
    uint64_t base;
    uint64_t len;
    const char *reason = scan_range(line, &base, &len);
    struct span name = scan_word(line);
    struct span attribute = scan_word(line);

    if (reason)
        return reason;
    if (span_len(attribute) == 0)
        return "an EFI range has no type or no attributes";
    return survey_add(survey, base, len,
                      efi_named_type(name.at, span_len(name), attributes(attribute)), SOURCE_EFI);
}

static bool scan_type(struct span *line, enum memtype *type)
{
    struct span word = scan_word(line);

    return mtrr_type_named(word.at, span_len(word), type);
}

static const char *read_default(struct mtrr_facts *mtrr, struct span *line)
{
    if (mtrr->has_default)
        return "a second default type";
    mtrr->has_default = true;
    if (scan_literal(line, "off")) {
        mtrr->disabled = true;
        return NULL;
    }
    return scan_type(line, &mtrr->default_type) ? NULL : "no MTRR type has this name";
}

static const char *read_fixed(struct mtrr_facts *mtrr, struct span *line)
{
    uint64_t first;
    uint64_t len;
    enum memtype type;
    const char *reason = scan_range(line, &first, &len);

    if (reason)
        return reason;
    if (!scan_type(line, &type))
        return "no MTRR type has this name";
    return mtrr_add_fixed(mtrr, first, first + len - 1, type);
}

static const char *read_variable(struct mtrr_facts *mtrr, struct span *line)
{
    uint64_t index;
    uint64_t base;
    uint64_t size;
    enum memtype type;

    if (scan_literal(line, "none")) {
        mtrr->has_variable = true;
        return mtrr->variable > 0 ? "after variable MTRRs, none of them" : NULL;
    }
    if (!word_number(scan_word(line), &index) || !word_number(scan_word(line), &base) ||
        !word_number(scan_word(line), &size))
        return "an index, base or size is not a number below 2^64";
    if (!scan_type(line, &type))
        return "no MTRR type has this name";
    if (size == 0 || (size & (size - 1)))
        return "the size of a variable MTRR is no power of two";
    return mtrr_add_variable(mtrr, base, ~(size - 1), type, false);
}

static const char *read_fact(struct survey *survey, struct span *line)
{
    struct span keyword = scan_word(line);
    const char *reason;

    if (span_is(keyword, "note"))
        return NULL;
    if (span_is(keyword, "e820"))
        reason = read_e820(survey, line);
    else if (span_is(keyword, "efi"))
        reason = read_efi(survey, line);
    else if (span_is(keyword, "mtrr-default"))
        reason = read_default(&survey->mtrr, line);
    else if (span_is(keyword, "mtrr-fixed"))
        reason = read_fixed(&survey->mtrr, line);
    else if (span_is(keyword, "mtrr"))
        reason = read_variable(&survey->mtrr, line);
    else
        reason = "the line begins with none of e820, efi, mtrr, mtrr-default, mtrr-fixed, note, #";
    if (!reason && span_len(scan_word(line)) > 0)
        reason = "more on the line than it should have";
    return reason;
}

/* What a comment says that has the form of the collection's headings. */
static void read_heading(struct survey *survey, struct span line)
{
    struct span rest;

    if (span_after(line, "# machine:", &rest)) {
        scan_literal(&rest, "");
        survey_name(survey, rest.at, span_len(rest));
    }
    if (span_after(line, "# firmware:", &rest) && span_is(scan_word(&rest), "hypervisor"))
        survey->guest = true;
}

bool read_map_file(struct survey *survey, struct span text, struct input_error *error)
{
    struct span line;

    for (error->line = 1; scan_line(&text, &line); error->line++) {
        if (span_starts(line, "#"))
            read_heading(survey, line);
        if (span_len(line) == 0 || span_starts(line, "#"))
            continue;
        error->reason = read_fact(survey, &line);
        if (error->reason)
            return false;
    }
    error->line -= error->line > 1; /* the last one */
    error->reason = survey_settle(survey);
    return !error->reason;
}
