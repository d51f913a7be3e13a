/* SPDX-License-Identifier: MIT */
/* The readers of inputs. Those of text are pure functions of it: no file, no global. */
#ifndef READ_H
#define READ_H

#include "scan.h"
#include "survey.h"

/*
 * Each fills in the survey, which is empty before and must be freed in any
 * case; false: error says what is wrong.
 */
bool read_text(struct survey *survey, const char *text, size_t len, struct input_error *error);
bool read_kernel_log(struct survey *survey, struct span text, struct input_error *error);
bool read_map_file(struct survey *survey, struct span text, struct input_error *error);

/* A line of /proc/mtrr, "reg00: base=…"; false: it is none, or *reason says what is wrong. */
bool read_proc_mtrr_line(struct mtrr_facts *mtrr, struct span line, const char **reason);

/* A file or a directory; null: this machine's own. */
bool read_input(struct survey *survey, const char *path, struct input_error *error);
bool read_firmware_dir(struct survey *survey, const char *path, struct input_error *error);

/* All of a file, to be freed; null: error says what is wrong. */
char *slurp(const char *path, size_t *len, struct input_error *error);

#endif
