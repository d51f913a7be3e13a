#!/bin/sh
# SPDX-License-Identifier: MIT
# Boot Footing in QEMU. Usage: tests/run.sh FW MEM COMMAND-LINE [--gdb] [QEMU-ARGUMENT…]
# Footing leaves QEMU with status 33 for success and 35 for a panic. gdb reads SYMBOLS, an ELF file.
set -eu

fw=$1
mem=$2
cmdline=$3
shift 3

gdb=
if [ "${1-}" = --gdb ]; then
    gdb=yes
    shift
fi

case $fw in
bios) ;;
uefi32)
    # Debian has it with Secure Boot only, which is off without keys, and wants SMM.
    cp /usr/share/OVMF/OVMF32_VARS_4M.fd build/vars.fd
    set -- -machine smm=on -global driver=cfi.pflash01,property=secure,value=on \
        -drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF32_CODE_4M.secboot.fd \
        -drive if=pflash,format=raw,file=build/vars.fd "$@"
    ;;
uefi | efi)
    cp /usr/share/OVMF/OVMF_VARS_4M.fd build/vars.fd
    set -- -drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd \
        -drive if=pflash,format=raw,file=build/vars.fd "$@"
    ;;
pvh) ;;
*)
    echo "FW=$fw: give bios, uefi, uefi32, efi or pvh." >&2
    exit 2
    ;;
esac

if [ "$fw" = efi ]; then
    printf '[global]\ndefault=run\n[run]\noptions=%s\n' "$cmdline" >build/footing.cfg
    tests/make-esp.sh build/esp.img build/footing.efi build/footing.cfg
    set -- -drive format=raw,file=build/esp.img "$@"
elif [ "$fw" = pvh ]; then
    set -- -kernel build/footing.elf -append "$cmdline" "$@"
else
    tests/make-iso.sh build/run.iso build/footing.elf "$cmdline"
    set -- -cdrom build/run.iso "$@"
fi
set -- -M q35 -m "$mem" -cpu max -display none -no-reboot \
    -device isa-debug-exit,iobase=0xf4,iosize=4 "$@"

if [ -n "$gdb" ]; then
    qemu-system-x86_64 "$@" -serial file:build/gdb.log -S -gdb tcp:127.0.0.1:1234 &
    qemu=$!
    trap 'kill $qemu 2>/dev/null || true' EXIT
    gdb -q "${SYMBOLS:-build/footing.elf}" -ex 'source tests/gdb/footing-gdb.py' \
        -ex 'target remote 127.0.0.1:1234' -ex 'hbreak boot_main' -ex continue \
        -ex 'echo Footing has commands: pt walk VA, pt dump, memmap (help pt, help memmap)\n'
    exit
fi

status=0
qemu-system-x86_64 "$@" -serial stdio </dev/null || status=$?
case $status in
33) echo "Footing left QEMU with success." ;;
35) echo "Footing stopped with a panic." >&2 && exit 1 ;;
*) echo "QEMU ended with status $status." && exit "$status" ;;
esac
