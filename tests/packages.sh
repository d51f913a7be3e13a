#!/bin/sh
# SPDX-License-Identifier: MIT
# Install what a goal needs and this machine lacks, from Debian's packages; say so first.
# Usage: tests/packages.sh GROUP…   groups: build clang iso run sign check fuzz bench
set -eu

packages() {
    case $1 in
    build) echo gcc binutils libc6-dev ;;
    iso) echo grub-common grub-pc-bin grub-efi-amd64-bin grub-efi-ia32-bin xorriso mtools ;;
    run) echo qemu-system-x86 ovmf ovmf-ia32 && packages iso ;;
    sign) echo sbsigntool ;;
    check) echo gdb sbsigntool shim-unsigned openssl g++ mandoc pkgconf libcmocka-dev python3-pytest python3-pytest-xdist clang clang-format shellcheck ;;
    clang) echo clang ;;
    fuzz) echo clang libclang-rt-14-dev libcmocka-dev ;;
    bench) echo valgrind gdb python3 ;;
    *) echo "packages.sh: no such group: $1" >&2 && exit 2 ;;
    esac
}

missing=
for group in "$@"; do
    for package in $(packages "$group"); do
        dpkg-query -W -f='${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
            missing="$missing $package"
    done
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    echo "Footing needs these Debian packages or their like:$missing" >&2
    exit 1
fi
sudo=
if [ "$(id -u)" -ne 0 ]; then
    sudo=sudo
    if ! command -v sudo >/dev/null; then
        echo "Footing needs these packages, and root or sudo to install them:$missing" >&2
        exit 1
    fi
fi
echo "Installing with apt-get:$missing"
$sudo apt-get update -q >/dev/null
# $missing is a list.
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing >/dev/null
