/* SPDX-License-Identifier: MIT */
#include "corpus.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>

#include "layout.h"
#include "test.h"

#define CORPUS_MAX 1024

#define EFI_WB      UINT64_C(0x8)
#define EFI_RUNTIME UINT64_C(0x8000000000000000)

/* A line being read, and where it stands. */
struct line {
    const char *file;
    unsigned number;
    char text[512];
    char *word[8];
    size_t words;
};

static void bad(const struct line *line, const char *why)
{
    fail_msg("%s:%u: %s", line->file, line->number, why);
}

static uint64_t number_of(const struct line *line, const char *word, int base)
{
    char *end;
    uint64_t value = strtoull(word, &end, base);

    if (*word == 0 || *end != 0)
        bad(line, "not a number");
    return value;
}

/* START END, both inclusive; an END of -1 is that of a range without length. */
static uint64_t length_of(const struct line *line, uint64_t *base)
{
    uint64_t end;

    *base = number_of(line, line->word[1], 16);
    if (strcmp(line->word[2], "-1") == 0)
        return 0;
    end = number_of(line, line->word[2], 16);
    if (end + 1 < *base)
        bad(line, "the end lies before the start");
    return end - *base + 1;
}

static uint32_t efi_type_of(const struct line *line, const char *name)
{
    static const char *const names[] = {
        "Reserved",
        "LoaderCode",
        "LoaderData",
        "BootServicesCode",
        "BootServicesData",
        "RuntimeServicesCode",
        "RuntimeServicesData",
        "ConventionalMemory",
        "UnusableMemory",
        "ACPIReclaimMemory",
        "ACPIMemoryNVS",
        "MemoryMappedIO",
        "MemoryMappedIOPortSpace",
        "PalCode",
        "PersistentMemory",
        "UnacceptedMemory",
    };

    for (uint32_t type = 0; type < COUNT_OF(names); type++) {
        if (strcmp(name, names[type]) == 0)
            return type;
    }
    if (strncmp(name, "Type", 4) != 0)
        bad(line, "no EFI type");
    return (uint32_t)number_of(line, name + 4, 10);
}

static uint64_t mtrr_type_of(const struct line *line, const char *name)
{
    static const char *const names[] = {"uncachable",    "write-combining", "",          "",
                                        "write-through", "write-protect",   "write-back"};

    for (uint64_t type = 0; type < COUNT_OF(names); type++) {
        if (strcmp(name, names[type]) == 0)
            return type;
    }
    bad(line, "no memory type");
    return 0;
}

static void read_e820(struct corpus_machine *machine, const struct line *line)
{
    size_t at = machine->ne820++;

    assert_true(at < CORPUS_MAX_E820);
    machine->e820[at].len = length_of(line, &machine->e820[at].base);
    machine->e820[at].type = (uint32_t)number_of(line, line->word[3], 10);
}

/* The attributes come as a number, as flags, or not at all. */
static void read_efi(struct corpus_machine *machine, const struct line *line)
{
    size_t at = machine->nefi++;
    const char *attribute = line->word[4];

    assert_true(at < CORPUS_MAX_EFI);
    machine->efi[at].len = length_of(line, &machine->efi[at].base);
    machine->efi[at].type = efi_type_of(line, line->word[3]);
    if (strncmp(attribute, "attr=", 5) == 0)
        attribute += 5;
    if (strncmp(attribute, "0x", 2) == 0)
        machine->efi[at].attribute = number_of(line, attribute, 16);
    else
        machine->efi[at].attribute =
            (strstr(attribute, "WB") ? EFI_WB : 0) | (strstr(attribute, "RUN") ? EFI_RUNTIME : 0);
}

/* Fixed ranges divide the first MiB into 88 fields, eight a register. */
static void read_fixed(struct corpus_machine *machine, const struct line *line)
{
    uint64_t type = mtrr_type_of(line, line->word[3]);
    uint64_t base;
    uint64_t len = length_of(line, &base);

    for (unsigned field = 0; field < 88; field++) {
        uint64_t at = field < 8    ? UINT64_C(0x10000) * field
                      : field < 24 ? 0x80000 + UINT64_C(0x4000) * (field - 8)
                                   : 0xc0000 + UINT64_C(0x1000) * (field - 24);

        if (at >= base && at - base < len)
            machine->mtrr.fixed[field / 8] |= type << (field % 8 * 8);
    }
    machine->has_fixed = true;
}

/* INDEX BASE SIZE TYPE: the mask is all of the width that the size does not count through. */
static void read_mtrr(struct corpus_machine *machine, const struct line *line)
{
    unsigned at = machine->mtrr.variable++;
    uint64_t size = number_of(line, line->word[3], 16);

    assert_true(at < MTRR_MAX_VARIABLE);
    if (size < 4096 || (size & (size - 1)) != 0)
        bad(line, "no power of two");
    machine->mtrr.var[at].base =
        number_of(line, line->word[2], 16) | mtrr_type_of(line, line->word[4]);
    machine->mtrr.var[at].mask = (0 - size) | 0x800;
}

static const struct {
    const char *name;
    size_t words;
    void (*read)(struct corpus_machine *machine, const struct line *line);
} kinds[] = {
    {"e820", 4, read_e820},
    {"efi", 5, read_efi},
    {"mtrr-fixed", 4, read_fixed},
    {"mtrr", 5, read_mtrr},
};

static void read_words(struct corpus_machine *machine, struct line *line)
{
    if (strcmp(line->word[0], "mtrr-default") == 0 && line->words == 2) {
        machine->mtrr.def_type = 0x800 | mtrr_type_of(line, line->word[1]);
        machine->has_default = true;
        return;
    }
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(line->word[0], kinds[i].name) == 0 && line->words == kinds[i].words) {
            kinds[i].read(machine, line);
            return;
        }
    }
    bad(line, "unknown line");
}

static void read_line(struct corpus_machine *machine, struct line *line)
{
    unsigned width;

    line->text[strcspn(line->text, "\n")] = 0;
    if (sscanf(line->text, "# width: %u", &width) == 1 ||
        sscanf(line->text, "note address width implied by the MTRR masks: %u", &width) == 1)
        machine->width = width;
    if (line->text[0] == '#' || line->text[0] == 0 || strncmp(line->text, "note ", 5) == 0)
        return;
    line->words = 0;
    for (char *word = strtok(line->text, " "); word; word = strtok(NULL, " ")) {
        if (line->words == COUNT_OF(line->word))
            bad(line, "too many words");
        line->word[line->words++] = word;
    }
    if (line->words > 0)
        read_words(machine, line);
}

static void read_machine(struct corpus_machine *machine, const char *folder, const char *file)
{
    char path[512];
    struct line line = {.file = path};
    FILE *in;

    assert_true((size_t)snprintf(path, sizeof(path), "%s/%s", folder, file) < sizeof(path));
    assert_true(strlen(file) - 4 < sizeof(machine->name));
    memcpy(machine->name, file, strlen(file) - 4);
    in = fopen(path, "r");
    if (in == NULL)
        fail_msg("%s cannot be read", path);
    while (fgets(line.text, sizeof(line.text), in)) {
        line.number++;
        read_line(machine, &line);
    }
    fclose(in);
    if (machine->ne820 == 0)
        fail_msg("%s has no map", path);
    machine->mtrr.present = machine->has_default && machine->mtrr.variable > 0;
    machine->mtrr.phys_bits = machine->width ? machine->width : 52;
    if (machine->has_fixed)
        machine->mtrr.def_type |= 0x400;
    for (unsigned i = 0; i < machine->mtrr.variable; i++)
        machine->mtrr.var[i].mask &= (UINT64_C(1) << machine->mtrr.phys_bits) - 1;
}

static int by_name(const void *a, const void *b)
{
    const struct corpus_machine *left = a;
    const struct corpus_machine *right = b;

    return strcmp(left->name, right->name);
}

const struct corpus_machine *corpus_all(size_t *count)
{
    static struct corpus_machine machines[CORPUS_MAX];
    static size_t known;
    const char *folder = getenv("FOOTING_CORPUS");
    const struct dirent *entry;
    DIR *dir;

    if (folder == NULL)
        folder = "tests/corpus";
    if (known == 0) {
        dir = opendir(folder);
        if (dir == NULL)
            fail_msg("no corpus at %s: run this from the project's folder", folder);
        while ((entry = readdir(dir)) != NULL) {
            size_t len = strlen(entry->d_name);

            if (len <= 4 || strcmp(entry->d_name + len - 4, ".map") != 0)
                continue;
            assert_true(known < CORPUS_MAX);
            read_machine(&machines[known++], folder, entry->d_name);
        }
        closedir(dir);
        qsort(machines, known, sizeof(machines[0]), by_name);
    }
    *count = known;
    return machines;
}

const struct corpus_machine *corpus_find(const char *name)
{
    size_t count;
    const struct corpus_machine *machines = corpus_all(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(machines[i].name, name) == 0)
            return &machines[i];
    }
    if (getenv("FOOTING_CORPUS") == NULL)
        fail_msg("the corpus has no machine %s", name);
    skip();
    return NULL;
}

struct machine *corpus_bare(const struct corpus_machine *from, unsigned phys_bits)
{
    struct machine *machine = machine_start(phys_bits);

    machine->mtrr = from->mtrr;
    machine->mtrr.phys_bits = phys_bits;
    return machine;
}

struct machine *corpus_machine(const struct corpus_machine *from, unsigned levels,
                               unsigned max_level)
{
    struct machine *machine = corpus_bare(from, from->mtrr.phys_bits);

    machine->request.levels = levels;
    machine->request.max_level = max_level;
    if (levels == 5) {
        machine->request.directmap_base = DIRECTMAP_BASE_5;
        machine->request.directmap_size = DIRECTMAP_SIZE_5;
    }
    for (size_t i = 0; i < from->ne820; i++)
        machine_add(machine, from->e820[i].base, from->e820[i].len,
                    mem_type_from_e820(from->e820[i].type));
    machine_settle(machine);
    return machine;
}
