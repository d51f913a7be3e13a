/* SPDX-License-Identifier: MIT */
/* Where lines go: serial ports, QEMU's debug port, the screen, the firmware's own console. */
#ifndef CONSOLE_H
#define CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#include "print.h"

#define CONSOLE_COM1 0x1u
#define CONSOLE_COM2 0x2u
#define CONSOLE_VGA  0x4u
#define CONSOLE_EFI  0x8u /* the firmware's own: only while its boot services live */

#define CONSOLE_DEFAULT (CONSOLE_COM1 | CONSOLE_VGA | CONSOLE_EFI)
#define CONSOLE_BAUD    115200u

/* How chatty: a line is printed if its level is at most loglevel=. */
enum log_level {
    LOG_ALWAYS,  /* footing: ready, panics, the built-in payload */
    LOG_WARNING, /* what was dropped or left out */
    LOG_MAP,     /* the lines of the contract; the default */
    LOG_DETAIL   /* CPU, loader, what holds which RAM */
};

/*
 * Start the devices of this set that are there; the debug port, where there
 * is one, goes with any set that is not empty. Until the first call lines go
 * nowhere. Serial rates in baud, from 300 up, both dividing 115200.
 */
void console_start(unsigned devices, uint32_t com1_baud, uint32_t com2_baud);

/*
 * Where the screen's characters go (CONSOLE_VGA: VGA text or a framebuffer).
 * Null, as at first: nowhere, but the last 4 KiB of them are kept, to be shown
 * on the next screen before all else.
 */
void console_screen(print_sink put);

/* No character goes to the screen or to the firmware's console any more: they may be gone. */
void console_lose_screen(void);

/* The same for the firmware's own console (CONSOLE_EFI): null once boot services are gone. */
void console_firmware(print_sink put);

/* Do characters go to the firmware's console? */
bool console_shows_firmware(void);

/* Is this serial port, 1 for COM1, 2 for COM2, one that characters go to directly? */
bool console_drives_serial(unsigned port);

void console_loglevel(enum log_level level);

/* Would a line of this level be seen? Lets callers skip making it. */
bool console_wants(enum log_level level);

/* For panics: every device there is, whatever console= says. */
void console_all(void);

void console_putc(char c);

/* Formatted as in print.h, to all consoles, if the level is wanted. */
__attribute__((format(printf, 2, 3))) void log_print(enum log_level level, const char *format, ...);

#endif
