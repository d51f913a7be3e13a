#!/bin/sh
# SPDX-License-Identifier: MIT
# One EFI file with all that it boots, for one signature to cover all of it.
# Usage: tests/make-unified.sh OUT EFI [CONFIG [PAYLOAD [RAMDISK [KEY CERTIFICATE]]]]
# What is '' is left out. With KEY and CERTIFICATE, OUT is signed by sbsign.
set -eu

out=$1
efi=$2

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# Each section begins at the first free page: where the image ends, and then where the last one did.
next=$(($(objdump -p "$efi" | sed -n 's/^SizeOfImage[[:blank:]]*/0x/p')))
add() {
    [ -n "$2" ] || return 0
    sections="$sections --add-section .$1=$tmp/$1 --change-section-vma .$1=$next \
        --set-section-flags .$1=alloc,load,readonly,data,contents"
    cp "$2" "$tmp/$1"
    next=$((next + ($(stat -Lc %s "$2") + 4095) / 4096 * 4096))
}
sections=
add config "${3-}"
add kernel "${4-}"
add ramdisk "${5-}"

# $sections is a list; TMPDIR has no blanks in it.
# shellcheck disable=SC2086
SOURCE_DATE_EPOCH=0 objcopy -p $sections "$efi" "$tmp/out.efi"
if [ -n "${6-}" ]; then
    sbsign --key "$6" --cert "$7" --output "$tmp/signed.efi" "$tmp/out.efi" 2>"$tmp/log" ||
        { cat "$tmp/log" >&2 && exit 1; }
    mv "$tmp/signed.efi" "$tmp/out.efi"
fi
cp "$tmp/out.efi" "$out"
