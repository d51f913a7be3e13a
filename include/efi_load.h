/* SPDX-License-Identifier: MIT */
/* footing.efi's loader: a configuration and its files → facts. */
#ifndef EFI_LOAD_H
#define EFI_LOAD_H

#include "efi_services.h"

/*
 * Read the EFI command line and the configuration that goes with it, and load
 * the files of the chosen section: facts get the command line and, as modules,
 * the payload, the ramdisk and the others, in this order. With Secure Boot
 * on, only what is a section of the image itself is accepted.
 *
 * Without a configuration, that is if none is embedded, named or found beside
 * the image, there is nothing to load, and the command line is that of the
 * EFI command line.
 *
 * ERR_CONFIG, ERR_FILE, ERR_PAYLOAD: text = configuration, line and text, and
 * what is wrong; ERR_VERIFY: what nothing vouches for; ERR_MODULES; ERR_INFO
 * for a damaged section; and those of efi_args_parse(). Call it once.
 */
struct error efi_load(struct efi *efi, struct facts *facts);

#endif
