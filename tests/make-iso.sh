#!/bin/sh
# SPDX-License-Identifier: MIT
# A GRUB ISO that boots on BIOS and UEFI. Usage: tests/make-iso.sh OUT ELF [COMMAND-LINE]
set -eu

out=$1
elf=$2
# GRUB's own quoting: a backslash before whatever its shell would not take as it stands.
cmdline=$(printf '%s' "${3-}" | sed 's/[^][:alnum:] =,._:/-]/\\&/g')

tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/iso/boot/grub"
cp "$elf" "$tree/iso/boot/footing.elf"
cat > "$tree/iso/boot/grub/grub.cfg" <<END
set timeout=0
menuentry Footing {
    multiboot2 /boot/footing.elf $cmdline
}
END
if ! grub-mkrescue --fonts= --locales= --themes= -o "$out.new" "$tree/iso" >"$tree/log" 2>&1; then
    cat "$tree/log" >&2
    exit 1
fi
mv "$out.new" "$out"
