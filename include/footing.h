/* SPDX-License-Identifier: MIT */
/*
 * What Footing hands to its payload: the one public header. It needs nothing
 * but <stdint.h>, and serves C and C++.
 *
 * The payload is entered by the System V ABI as
 *
 *     void entry(const struct footing_info *info);
 *
 * Addresses named `_pa` are physical, `_va` and pointers are virtual in the
 * page tables that are active then; lengths are bytes; ends are exclusive.
 * All that info points to lies in Footing's own memory (held as "image") and
 * stays valid for as long as the payload keeps Footing's mappings. README.md,
 * "Hand-over", has the state of every register at entry.
 */
#ifndef FOOTING_H
#define FOOTING_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FOOTING_MAGIC UINT64_C(0x474e49544f4f4621) /* "!FOOTING" in memory */

/*
 * Raised when a member is added; members never move or change their meaning.
 * A payload made for version n runs under any version >= n; what its header
 * knows ends at `size` bytes.
 */
#define FOOTING_VERSION 3

/* What the firmware's memory map says of a range, the more restrictive type where it says two. */
enum footing_memory_type {
    FOOTING_USABLE,
    FOOTING_SOFT_RESERVED, /* EFI specific-purpose memory: not general RAM */
    FOOTING_PERSISTENT,
    FOOTING_ACPI_DATA,
    FOOTING_ACPI_NVS,
    FOOTING_RUNTIME_CODE, /* UEFI runtime services */
    FOOTING_RUNTIME_DATA,
    FOOTING_UNACCEPTED, /* RAM that the guest has not accepted yet */
    FOOTING_MMIO,
    FOOTING_RESERVED, /* also every type that is not known */
    FOOTING_UNUSABLE  /* RAM found bad */
};

/* Ascending, disjoint, maximal; byte-granular, as the firmware gave it. */
struct footing_memory {
    uint64_t base_pa;
    uint64_t end_pa;
    uint32_t type; /* enum footing_memory_type */
    uint32_t reserved;
};

/* Ascending, disjoint; multiples of 4 KiB. */
struct footing_range {
    uint64_t base_pa;
    uint64_t end_pa;
};

/*
 * What holds RAM; byte-granular, ascending by base. Some of it may be where
 * the memory map has no usable RAM anyway, and ranges may overlap there.
 */
struct footing_held {
    uint64_t base_pa;
    uint64_t end_pa;
    const char *owner; /* "image", "payload", "module", … */
};

#define FOOTING_WRITE   0x2u
#define FOOTING_EXECUTE 0x4u

/* Memory types, encoded as in MTRRs (SDM vol. 3 table 12-2). */
enum footing_cache {
    FOOTING_UC = 0,
    FOOTING_WC = 1,
    FOOTING_WT = 4,
    FOOTING_WP = 5,
    FOOTING_WB = 6
};

/* One entry of the plan that the page tables carry out: ascending by va, disjoint. */
struct footing_mapping {
    uint64_t va;
    uint64_t pa;
    uint64_t len;
    uint8_t rights;    /* FOOTING_WRITE, FOOTING_EXECUTE, never both; all can be read */
    uint8_t cache;     /* enum footing_cache */
    uint8_t max_level; /* largest page: 0 is 4 KiB, 1 is 2 MiB, 2 is 1 GiB */
    uint8_t what;      /* internal; see name */
    uint32_t reserved;
};

enum footing_module_kind {
    FOOTING_MODULE,
    FOOTING_KERNEL, /* the payload's own file, as it was loaded */
    FOOTING_RAMDISK
};

/*
 * Since version 3, where it is 64 bytes; version 2 had struct footing_module_2.
 * What each loader tells: footing.cfg and kexec the file's name and what
 * stands behind it; a unified image's section, its name; GRUB's module2 only what stands
 * behind the file's name; QEMU's -initrd nothing.
 */
struct footing_module {
    uint64_t base_pa;
    uint64_t end_pa;
    const char *name;         /* the file's, as it was asked for; "" if the loader does not tell */
    const char *command_line; /* the words behind it; "" if there are none */
    uint32_t kind;            /* enum footing_module_kind */
    uint32_t reserved;
    uint64_t more[3]; /* 0: room for later versions */
};

/* The same modules as payloads made for version 2 find them. */
struct footing_module_2 {
    uint64_t base_pa;
    uint64_t end_pa;
    const char *command_line;
    uint32_t kind;
    uint32_t reserved;
};

/* Bits of a pixel. */
struct footing_color {
    uint8_t position;
    uint8_t size;
};

/* Mapped write-combining at va; if base_pa is 0 there is none. */
struct footing_framebuffer {
    uint64_t base_pa;
    uint64_t va;    /* 0: it could not be mapped */
    uint32_t pitch; /* bytes a row */
    uint32_t width; /* pixels */
    uint32_t height;
    uint32_t bits_per_pixel;
    struct footing_color red, green, blue;
    uint8_t reserved[2];
};

/* UEFI: all zero without it, and with a 32-bit one. Boot services are gone. */
struct footing_efi {
    uint64_t system_table_pa;
    uint64_t system_table_va; /* 0: runtime services are not mapped, and still in physical mode */
    uint64_t runtime_services_va;
    const void *memory_map; /* EFI_MEMORY_DESCRIPTORs, as of ExitBootServices; null: not known */
    uint64_t memory_map_size;
    uint64_t descriptor_size;
    uint64_t descriptor_version;
};

/* What the CPU has and how it is set up; what is decided holds on every CPU. */
struct footing_cpu {
    uint64_t cr0, cr3, cr4, efer;
    uint64_t pat;       /* IA32_PAT; 0: the CPU has none */
    uint64_t apic_base; /* IA32_APIC_BASE as firmware left it */
    uint32_t phys_bits;
    uint32_t features; /* FOOTING_CPU_* */
};

#define FOOTING_CPU_NX   0x001u
#define FOOTING_CPU_1G   0x002u
#define FOOTING_CPU_PAT  0x004u
#define FOOTING_CPU_MTRR 0x008u
#define FOOTING_CPU_PGE  0x010u
#define FOOTING_CPU_SMEP 0x020u
#define FOOTING_CPU_SMAP 0x040u
#define FOOTING_CPU_UMIP 0x080u
#define FOOTING_CPU_LA57 0x100u

enum footing_operation {
    FOOTING_MAP,    /* pages that are not mapped yet, to pa on */
    FOOTING_UNMAP,  /* pages that are all mapped */
    FOOTING_PROTECT /* new rights and memory type for pages that are all mapped */
};

/* Lift a rule, by name. */
#define FOOTING_ALLOW_WX    0x1u /* a frame writable and executable, over all its mappings */
#define FOOTING_ALLOW_CACHE 0x2u /* a frame mapped with two memory types */

/* The change is for the tables of root_pa, of root_create(), not for Footing's own. */
#define FOOTING_OTHER_ROOT 0x4u

/* Frames for page tables: the payload's allocator. */
struct footing_frames {
    void *ctx;
    /*
     * A frame of write-back RAM, whatever is in it; 0: there is none. It calls
     * no update(). Each is looked at before it becomes a table. "FRAME", and
     * nothing is changed, if it is no multiple of 4 KiB or too wide; if the
     * memory map has no usable RAM there, or the MTRRs do not make it write-
     * back; if it has come already for this call, or is a page table; if it is
     * mapped executable, or with another type than write-back; or if it is a
     * part of Footing, and the payload is not linked to that. Such a frame is
     * not given to free(); those before it in the same call are.
     */
    uint64_t (*alloc)(void *ctx);
    /* A frame that no table needs any more; also of those that Footing built its tables of. */
    void (*free)(void *ctx, uint64_t pa);
};

/* A change of the page tables; addresses and len are multiples of 4 KiB, len > 0. */
struct footing_update {
    uint32_t operation; /* enum footing_operation */
    uint32_t flags;     /* FOOTING_ALLOW_* */
    uint64_t va;
    uint64_t pa; /* of FOOTING_MAP */
    uint64_t len;
    uint32_t rights;    /* FOOTING_WRITE, FOOTING_EXECUTE; of FOOTING_MAP and FOOTING_PROTECT */
    uint32_t cache;     /* enum footing_cache; of the same */
    uint32_t max_level; /* of FOOTING_MAP: the largest page to begin with, as above */
    uint32_t reserved;
    const struct footing_frames *frames;
    uint64_t root_pa; /* with FOOTING_OTHER_ROOT: of root_create(); since version 2 */
};

#define FOOTING_ROOTS_MAX 8 /* that are there at once, those of identity pages among them */

/*
 * A code page on its way to its identity mapping, for code that turns paging
 * off or exchanges the root. Since version 2.
 */
struct footing_identity {
    uint64_t pa; /* the page, in the payload's text: of write-back RAM, and nowhere writable */
    const struct footing_frames *frames;
    /*
     * From identity_prepare(): a root that maps pa at pa, and all else as
     * Footing's does, but for what shares pa's part of the root (512 GiB; 256
     * TiB with 5 levels).
     */
    uint64_t root_pa;
    /* From identity_enable(): where both roots map the page, executable; 0: not prepared. */
    uint64_t va;
};

struct footing_info;

/* Calls into Footing, System V ABI, on the caller's stack (4 KiB of it are enough), one CPU at a time. */
struct footing_calls {
    /*
     * Give up what nobody but Footing and its loader needed: the payload's
     * file, and multiboot2's boot information. Writes up to `max` ranges that are free
     * from now on, whole pages of the directmap that are not in info's free
     * list, and returns
     * how many it wrote; those that did not fit can be had by calling again.
     */
    uint64_t (*reclaim)(struct footing_range *ranges, uint64_t max);

    /*
     * Map len > 0 bytes at pa through Footing's PMAP slots, write-back, and
     * writable but for pages that any mapping has executable: those can only be
     * read. While it is mapped, update() holds other mappings of its frames
     * against it. The last one mapped is the first to be unmapped, or a panic
     * (PMAP) says so. Null: there are not enough slots, or pa is too wide.
     */
    void *(*pmap_map)(uint64_t pa, uint64_t len);
    void (*pmap_unmap)(const void *mapped);

    /*
     * Change Footing's page tables (root_pa), or another root's: all of it, or nothing. Large pages are
     * split and merged as needed, and translations of this CPU are flushed;
     * those of others are the caller's business, with what it unmapped still
     * unused. Returns null, or why nothing was changed: "INVALID" (a value
     * that this header does not have, or no frames), "ALIGN", "CANONICAL",
     * "WIDTH", "LARGE", "CLASH" (mapped already, the first 64 KiB, Footing's
     * own, or in the directmap's window anywhere but in its own place), "ABSENT"
     * (not mapped), "WX", "TYPE" (also: write-back where the MTRRs make it
     * something else, and write-combining or write-protected on a CPU without
     * the PAT), "NOFRAMES", "FRAME" (see struct footing_frames), "PLANFULL"
     * (too many mappings). Each page
     * is held against what its frame's other mappings are before the call, also
     * if these change with it. No page is larger than maxpage= allows.
     *
     * The framebuffer is the payload's to unmap and protect, too. Once any page
     * of it is gone or read-only, Footing gives the screen up for good: print()
     * and panics go to the other consoles. The text screen's page is Footing's
     * own: "CLASH".
     *
     * Caches are flushed with a memory type that changes (SDM vol. 3 section
     * 12.12.4): what was mapped cacheable and is protected as another type, and
     * RAM that is mapped as another type than write-back, since a mapping that
     * is gone may have left lines of it. By CLFLUSH, which reaches all CPUs; or
     * by WBINVD, which reaches this one's caches alone, where what one table
     * maps of the range is more than 4 MiB, and on a CPU without CLFLUSH.
     * Interrupts are off for that long.
     */
    const char *(*update)(const struct footing_update *update);

    /* Write to all consoles that the command line chose. */
    void (*print)(const char *text, uint64_t len);

    /* Leave for good, as then=exit does after success, or as a panic does. */
    void (*finish)(int success);

    /* All that follows: since version 2. */

    /* Print what the tables of this root map, in runs, with effective rights and memory types. */
    void (*dump)(uint64_t root_pa);

    /*
     * A root that shares everything with Footing's, as it is now, for update()
     * to fill where that has nothing; 0: no frame, or FOOTING_ROOTS_MAX are there. What
     * is shared can only be changed in Footing's own tables, and changes there
     * are seen in all roots, but for addresses in a part of the root (512 GiB;
     * 256 TiB with 5 levels) that was empty when this one was made.
     * root_destroy() gives back the root and all tables that are not shared;
     * "INVALID": it is active, or none of these roots, or an identity page's,
     * which goes with identity_disable().
     */
    uint64_t (*root_create)(const struct footing_frames *frames);
    const char *(*root_destroy)(uint64_t root_pa, const struct footing_frames *frames);

    /*
     * Identity-map one code page, for a while, so that execution can go on there when
     * paging goes off or the root changes. Nothing is identity-mapped in the tables
     * that are active: prepare makes a root in which it is, even where something
     * else is mapped at that address otherwise. It takes all the frames, and
     * says why not as update() does. enable maps the page at a third address,
     * too, in both roots: jump there, load root_pa, jump to pa; come back the
     * same way. Global pages are off from enable to disable (CR4.PGE), so that no
     * translation outlives the change of roots. disable, back on the root from
     * before, undoes all of it, also where enable was never called, or more than
     * once: CR4.PGE is then as it was, and the frames are given back. One at a
     * time, else "INVALID". With paging off, no NMI or machine check can be taken.
     */
    const char *(*identity_prepare)(struct footing_identity *identity);
    void (*identity_enable)(struct footing_identity *identity);
    const char *(*identity_disable)(struct footing_identity *identity);
};

struct footing_info {
    uint64_t magic;   /* FOOTING_MAGIC */
    uint32_t version; /* FOOTING_VERSION of the Footing that runs */
    uint32_t size;    /* sizeof(struct footing_info) there */

    /* Memory. */
    const struct footing_memory *memory; /* the normalised memory map */
    uint64_t memory_count;
    /* RAM that nothing holds: write-back, unused, in the directmap if there is one; never page 0. */
    const struct footing_range *free;
    uint64_t free_count;
    const struct footing_held *held; /* what holds the rest */
    uint64_t held_count;

    /* Virtual memory. */
    const struct footing_mapping *plan;
    uint64_t plan_count;
    /* RAM at pa is at directmap_va + pa, where the plan says "directmap"; len 0: there is none. */
    uint64_t directmap_va;
    uint64_t directmap_len;
    uint64_t root_pa; /* the page tables' root, without CR3's flags */
    uint64_t levels;  /* 4 or 5 */
    uint64_t pmap_va;
    uint64_t pmap_slots; /* of 4 KiB each */

    /* Footing and the payload. */
    uint64_t image_pa;
    uint64_t image_va;
    uint64_t image_len;
    uint64_t
        payload_va; /* all three 0 if it is linked to Footing: the first mapped page of the payload, and the end of its last */
    uint64_t payload_end_va;
    uint64_t payload_entry_va;
    uint64_t stack_va; /* the stack at entry; the page below it is not mapped */
    uint64_t stack_len;

    /* What the loader gave. */
    const struct footing_module_2 *modules_2; /* see modules, at the end */
    uint64_t module_count;
    const char *command_line;         /* the payload's: of its file, then what follows "--" */
    const char *footing_command_line; /* Footing's own, as it was given */
    const uint8_t *rsdp;              /* a copy; null: there is none */
    uint64_t rsdp_size;               /* 20 or 36 */
    uint64_t rsdp_pa;                 /* where it was found; 0 if a loader gave only a copy */
    uint64_t smbios_pa;               /* smbios_64_pa, or else smbios_32_pa; 0: not known */

    struct footing_framebuffer framebuffer;
    struct footing_efi efi;
    struct footing_cpu cpu;

    const struct footing_calls *calls;

    /* Words for `what` of a mapping, and for a memory type. */
    const char *(*mapping_name)(const struct footing_mapping *mapping);
    const char *(*memory_name)(uint32_t type);

    /*
     * What foreign= asked for, since version 2: physical addresses at which
     * nothing is known to live, for foreign pages or device memory; foreign_len
     * 0: nothing. If foreign_ram is 1 it is RAM, set aside for want of such
     * addresses; the directmap maps it all the same.
     */
    uint64_t foreign_pa;
    uint64_t foreign_len;
    uint64_t foreign_ram;

    /* What the loader gave, since version 3: module_count of them. */
    const struct footing_module *modules;

    /* SMBIOS's entry points, "_SM3_" and "_SM_", as far as there are any; 0: not known. Since version 3. */
    uint64_t smbios_64_pa;
    uint64_t smbios_32_pa;
};

#ifdef __cplusplus
}
#endif

#endif
