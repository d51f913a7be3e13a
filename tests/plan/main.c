/* SPDX-License-Identifier: MIT */
/* footing-plan: from a machine's memory map to the plan that Footing would make. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "progress.h"
#include "read.h"
#include "show.h"

#define EXIT_OUTPUT  1
#define EXIT_REFUSED 2

static const char *input_name(const struct plan_options *options)
{
    return options->path ? options->path : "/sys/firmware/memmap";
}

static int bad_input(const struct plan_options *options, const struct input_error *error)
{
    progress_end();
    fprintf(stderr, "%s", error->file[0] ? error->file : input_name(options));
    if (error->line)
        fprintf(stderr, ":%zu", error->line);
    fprintf(stderr, ": %s\n", error->reason);
    return EXIT_REFUSED;
}

static int bad_plan(const struct plan_options *options, const struct result *result,
                    const struct error *error)
{
    const struct error_words words = error_words(error->code);

    progress_end();
    fprintf(stderr, "%s: Footing would stop with %s: %s", input_name(options), words.name,
            words.says);
    if (error->text)
        fprintf(stderr, ": %s", error->text);
    if (words.at)
        fprintf(stderr, " %s=0x%" PRIx64, words.at, error->at);
    if (words.value)
        fprintf(stderr, " %s=0x%" PRIx64, words.value, error->value);
    if (error->code == ERR_NORAM && options->guest == GUEST_BY_INPUT && !result->guest &&
        result->mtrr.present)
        fputs("; if this is a guest, --guest=yes", stderr);
    fputc('\n', stderr);
    return EXIT_REFUSED;
}

static int show(const struct plan_options *options, const struct result *result)
{
    static void (*const forms[])(struct out *, const struct result *, const struct blanket *,
                                 size_t) = {
        [FORMAT_TEXT] = show_text, [FORMAT_JSON] = show_json, [FORMAT_SVG] = show_svg};
    struct blanket blankets[PT_LEAF_LEVELS];
    size_t nblankets = 0;
    struct out out = {0};
    bool good;

    /* Blankets are made of superpages, unless there are none. */
    for (unsigned level = options->max_level ? 1 : 0;
         options->blanket && level <= options->max_level; level++)
        blanket_make(&blankets[nblankets++], result, level);
    forms[options->format](&out, result, blankets, nblankets);
    progress_end();
    good = out_write(&out);
    if (!good)
        fputs("footing-plan: the output could not be written\n", stderr);
    out_free(&out);
    while (nblankets > 0)
        blanket_free(&blankets[--nblankets]);
    return good ? EXIT_SUCCESS : EXIT_OUTPUT;
}

static int plan(const struct plan_options *options, const struct survey *survey)
{
    struct result result;
    struct error error = result_make(&result, survey, options);
    int status;

    if (result.mtrr_verdict[0] == 'i')
        fprintf(stderr, "%s: MTRRs %s\n", input_name(options), result.mtrr_verdict);
    status = error.code ? bad_plan(options, &result, &error) : show(options, &result);
    result_free(&result);
    return status;
}

int main(int argc, char **argv)
{
    struct plan_options options;
    struct survey survey = {0};
    struct input_error error;
    const char *bad;
    const char *reason;
    int status;

    if (!plan_options_parse(&options, argc, argv, &bad, &reason)) {
        fprintf(stderr, "footing-plan: %s: %s; --help says more\n", bad, reason);
        return EXIT_REFUSED;
    }
    if (options.help)
        return fputs(plan_help, stdout) < 0 || fflush(stdout) ? EXIT_OUTPUT : EXIT_SUCCESS;
    if (read_input(&survey, options.path, &error)) {
        survey_name(&survey, input_name(&options), strlen(input_name(&options)));
        status = plan(&options, &survey);
    } else {
        status = bad_input(&options, &error);
    }
    survey_free(&survey);
    return status;
}
