/* SPDX-License-Identifier: MIT */
/* Made-up physical memory with ACPI tables in it. There is one: whoever needs it clears it. */
#ifndef ACPI_MADE_H
#define ACPI_MADE_H

#include <stddef.h>
#include <stdint.h>

#include "acpi.h"
#include "facts.h"

#define ACPI_MADE_MAX  24
#define ACPI_MADE_SIZE 1024

void acpi_made_clear(void);

/* Bytes at an address; not where others already are. They stay within one made-up region. */
uint8_t *acpi_made_put(uint64_t pa, const void *bytes, size_t len);

/* A table of this signature with a body, its length and checksum right. */
uint8_t *acpi_made_table(uint64_t pa, const char *signature, const void *body, size_t len);

/* One entry of an MCFG's body, at which the next one can follow: 16 bytes. */
void acpi_made_ecam(uint8_t *entry, uint64_t base, unsigned first_bus, unsigned last_bus);

/* An RSDP of 20 or 36 bytes, copied into the facts as a loader does. */
void acpi_made_rsdp(struct facts *facts, size_t size, uint32_t rsdt, uint64_t xsdt);

/* The table that was put here has this length instead, up to zeros, and a right checksum. */
void acpi_made_resum(uint64_t pa, size_t len);

/* acpi_open() in this memory. What is told from now on is counted, and the last is kept. */
void acpi_made_open(struct acpi *acpi, const struct facts *facts);
size_t acpi_made_reports(void);
void acpi_made_assert_told(const char *name, uint64_t pa, const char *why);

/* The callback; fails on an empty read. Zeros where nothing was put. */
void acpi_made_read(uint64_t pa, void *to, size_t len);

/* How often it was called, and how many bytes it gave, since the last clearing. */
size_t acpi_made_reads(void);
uint64_t acpi_made_bytes(void);

#endif
