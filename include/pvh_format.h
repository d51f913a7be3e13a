/* SPDX-License-Identifier: MIT */
/* PVH's start info (Xen, public/arch-x86/hvm/start_info.h): the numbers, for C and assembly. */
#ifndef PVH_FORMAT_H
#define PVH_FORMAT_H

/* struct hvm_start_info; version 0 ends before the memory map. Nothing is at address 0. */
#define PVH_MAGIC            0x336ec578
#define PVH_INFO_MAGIC       0
#define PVH_INFO_VERSION     4
#define PVH_INFO_MODULES     12
#define PVH_INFO_MODLIST     16
#define PVH_INFO_CMDLINE     24
#define PVH_INFO_RSDP        32
#define PVH_INFO_SIZE_0      40
#define PVH_INFO_MAP         40
#define PVH_INFO_MAP_ENTRIES 48
#define PVH_INFO_SIZE        56

#define PVH_MODULES_MAX 64 /* more are refused */

/* struct hvm_modlist_entry */
#define PVH_MODULE_ADDRESS 0
#define PVH_MODULE_LENGTH  8
#define PVH_MODULE_CMDLINE 16
#define PVH_MODULE_SIZE    32

/* struct hvm_memmap_table_entry */
#define PVH_ENTRY_BASE 0
#define PVH_ENTRY_LEN  8
#define PVH_ENTRY_TYPE 16
#define PVH_ENTRY_SIZE 24

#endif
