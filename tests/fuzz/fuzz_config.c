/* SPDX-License-Identifier: MIT */
/*
 * footing.cfg: every answer is that of a reader that cuts the text into lines
 * first; and values are cut where their first blank is.
 *
 * Input: the text.
 */
#include "fuzz.h"
#include "reference_config.h"

/* The parts of a value, from their sizes alone. */
static void check_split(struct config_text value)
{
    struct config_text copy = {fuzz_copy(value.at, value.len), value.len};
    struct config_text file = {NULL, 0};
    struct config_text options = {NULL, 0};
    size_t cut = 0;
    size_t rest;

    while (cut < value.len && value.at[cut] != ' ' && value.at[cut] != '\t')
        cut++;
    rest = cut;
    while (rest < value.len && (value.at[rest] == ' ' || value.at[rest] == '\t'))
        rest++;
    config_split(copy, &file, &options);
    CHECK(file.len == cut && (cut == 0 || file.at == copy.at));
    CHECK(options.len == value.len - rest);
    CHECK(options.len == 0 || options.at == copy.at + rest);
    free((void *)(uintptr_t)copy.at);
}

/* A word is the text that it was made of, and no longer so with another letter at its end. */
static void check_is(struct config_text text)
{
    char *word = fuzz_copy(text.at, text.len + 1);

    word[text.len] = '\0';
    CHECK(config_text_is(text, word) == (strlen(word) == text.len));
    CHECK(text.len == 0 || !config_text_is((struct config_text){text.at, text.len - 1}, word) ||
          strlen(word) == text.len - 1);
    free(word);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_copy(data, size);
    size_t count;
    struct reference_entry *entries = reference_config(text, size, &count);
    const char *differs = reference_config_differs(text, size);

    if (differs)
        fprintf(stderr, "differs: %s\n", differs);
    CHECK(!differs);
    for (size_t i = 0; i + 1 < count; i++)
        check_split(entries[i].value);
    check_split((struct config_text){text, size});
    check_is((struct config_text){text, size > 0 ? size - 1 : 0});
    free(entries);
    free(text);
    return 0;
}
