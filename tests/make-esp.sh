#!/bin/sh
# SPDX-License-Identifier: MIT
# A FAT image that UEFI boots from. Usage: tests/make-esp.sh OUT EFI [FILE[:NAME]…]
# EFI becomes \EFI\BOOT\BOOTX64.EFI, each FILE lies beside it, under NAME if given.
set -eu

out=$1
efi=$2
shift 2

# FAT32 wants 33 MiB at least.
size=40
for file in "$efi" "$@"; do
    size=$((size + $(stat -Lc %s "${file%%:*}") / 1048576 + 1))
done
rm -f "$out.new"
truncate -s "${size}M" "$out.new"
mformat -i "$out.new" -F -v FOOTING ::
mmd -i "$out.new" ::/EFI ::/EFI/BOOT
mcopy -i "$out.new" "$efi" ::/EFI/BOOT/BOOTX64.EFI
for file; do
    name=${file#*:}
    mcopy -i "$out.new" "${file%%:*}" "::/EFI/BOOT/$(basename "$name")"
done
mv "$out.new" "$out"
