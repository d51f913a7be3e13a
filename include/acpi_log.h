/* SPDX-License-Identifier: MIT */
/* The line that a damaged ACPI table gets. */
#ifndef ACPI_LOG_H
#define ACPI_LOG_H

#include "console.h"

/* An acpi_report. */
static inline void acpi_log(const char *name, uint64_t pa, const char *why)
{
    log_print(LOG_WARNING, "footing: ACPI %s at 0x%lx: %s\n", name, pa, why);
}

#endif
