/* SPDX-License-Identifier: MIT */
#include "console.h"

#include <stddef.h>

#include "backlog.h"
#include "io.h"
#include "port.h"
#include "print.h"
#include "xen.h"

/* The one console of the machine: its state is the hardware's. */
static struct {
    unsigned devices; /* CONSOLE_* that are wanted and there */
    bool debug_port;
    enum log_level level;
    print_sink screen;
    print_sink firmware;
} console = {.level = LOG_MAP};

/* What the screen is to show as soon as there is one. */
static struct backlog backlog;

/* A UART keeps what is written to its scratch register; an empty port does not. */
static bool uart_start(uint16_t port, uint32_t baud)
{
    uint32_t divisor = UART_CLOCK / baud;

    out8(port + UART_SCR, 0x5a);
    if (in8(port + UART_SCR) != 0x5a)
        return false;
    out8(port + UART_IER, 0);
    out8(port + UART_LCR, UART_LCR_DLAB | UART_LCR_8N1);
    out8(port + UART_DLL, (uint8_t)divisor);
    out8(port + UART_DLH, (uint8_t)(divisor >> 8));
    out8(port + UART_LCR, UART_LCR_8N1);
    out8(port + UART_FCR, UART_FCR_ENABLE);
    out8(port + UART_MCR, UART_MCR_DTR_RTS);
    return true;
}

/* False: the UART has had time for several characters and takes none. */
static bool uart_put(uint16_t port, char c)
{
    for (unsigned patience = UART_PATIENCE; patience > 0; patience--) {
        if (in8(port + UART_LSR) & UART_LSR_THRE) {
            out8(port + UART_DATA, (uint8_t)c);
            return true;
        }
    }
    return false;
}

/* A device that has died is waited for once, not once a character. */
static void serial_put(unsigned device, uint16_t port, char c)
{
    if ((console.devices & device) && !uart_put(port, c))
        console.devices &= ~device;
}

/*
 * QEMU's reads back its own number. Xen's takes lines from every guest with
 * page tables of its own, and cannot be read (xen/arch/x86/hvm/hvm.c,
 * hvm_print_line()).
 */
static bool debug_port_listens(void)
{
    return in8(DEBUG_PORT) == DEBUG_PORT || xen_present();
}

void console_start(unsigned devices, uint32_t com1_baud, uint32_t com2_baud)
{
    if ((devices & CONSOLE_COM1) && !uart_start(COM1, com1_baud))
        devices &= ~CONSOLE_COM1;
    if ((devices & CONSOLE_COM2) && !uart_start(COM2, com2_baud))
        devices &= ~CONSOLE_COM2;
    console.devices = devices;
    console.debug_port = devices != 0 && debug_port_listens();
}

void console_screen(print_sink put)
{
    console.screen = put;
    if (put)
        backlog_replay(&backlog, put);
}

static void screen_put(char c)
{
    if (console.screen)
        console.screen(c);
    else
        backlog_put(&backlog, c);
}

void console_lose_screen(void)
{
    console.screen = NULL;
    console.firmware = NULL;
}

void console_firmware(print_sink put)
{
    console.firmware = put;
}

bool console_shows_firmware(void)
{
    return (console.devices & CONSOLE_EFI) && console.firmware;
}

bool console_drives_serial(unsigned port)
{
    return (port == 1 && (console.devices & CONSOLE_COM1)) ||
           (port == 2 && (console.devices & CONSOLE_COM2));
}

void console_loglevel(enum log_level level)
{
    console.level = level;
}

bool console_wants(enum log_level level)
{
    return level <= console.level && (console.devices || console.debug_port);
}

void console_all(void)
{
    unsigned all = CONSOLE_COM1 | CONSOLE_COM2 | CONSOLE_VGA | CONSOLE_EFI;
    unsigned missing = all & ~console.devices;

    if ((missing & CONSOLE_COM1) && !uart_start(COM1, CONSOLE_BAUD))
        missing &= ~CONSOLE_COM1;
    if ((missing & CONSOLE_COM2) && !uart_start(COM2, CONSOLE_BAUD))
        missing &= ~CONSOLE_COM2;
    console.devices |= missing;
    console.debug_port = debug_port_listens();
}

void console_putc(char c)
{
    if (c == '\n')
        console_putc('\r');
    serial_put(CONSOLE_COM1, COM1, c);
    serial_put(CONSOLE_COM2, COM2, c);
    if (console.debug_port)
        out8(DEBUG_PORT, (uint8_t)c);
    if (console.devices & CONSOLE_VGA)
        screen_put(c);
    if (console_shows_firmware())
        console.firmware(c);
}

void log_print(enum log_level level, const char *format, ...)
{
    va_list args;

    if (!console_wants(level))
        return;
    va_start(args, format);
    vprint_to(console_putc, format, args);
    va_end(args);
}
