/* SPDX-License-Identifier: MIT */
/*
 * Changing page tables, live or not, one range at a time: map, unmap, protect.
 * And further roots, which share what the main root has when they are made.
 *
 * All or nothing: a first pass checks everything and counts the frames that
 * are needed, a second one writes. Where a range covers a part of a large
 * page, that is split; where a table's entries come to be one large page
 * again, they are merged.
 *
 * Break before make: a present entry never changes its page size, frame or
 * memory type in place. It is cleared, its translations are flushed, and only
 * then the new entry is written (SDM vol. 3 section 4.10.4.2 and the notes to
 * 4.10.2.3). Rights, and being global, change in place, and are flushed after.
 *
 * Caches forget what changes its memory type (SDM vol. 3 section 12.12.4): what
 * was mapped cacheable, and what the MTRRs make so and is mapped otherwise now,
 * for a mapping that is gone may have left lines of it.
 *
 * A table is given back when no CPU can reach it any more: after the flush.
 */
#ifndef UPDATE_H
#define UPDATE_H

#include "error.h"
#include "memtype.h"
#include "pagetable.h"
#include "plan.h"

enum pt_op {
    PT_MAP,    /* pages that are not mapped yet, to pa on; ERR_CLASH if one is */
    PT_UNMAP,  /* pages that are all mapped; ERR_ABSENT if one is not */
    PT_PROTECT /* new rights and memory type for pages that are all mapped; ERR_ABSENT */
};

struct pt_change {
    enum pt_op op;
    uint64_t va;
    uint64_t pa; /* of PT_MAP */
    uint64_t len;
    unsigned rights;    /* of PT_MAP and PT_PROTECT: RIGHT_W, RIGHT_X */
    enum memtype type;  /* of PT_MAP and PT_PROTECT */
    unsigned max_level; /* of PT_MAP: the largest page to use */
    bool allow_wx;      /* lift the rule against W+X over aliases, and within one mapping */
    bool allow_types;   /* lift the rule against two memory types of one frame */
};

/*
 * Clear n slots of one table, n > 0; flush [va, va + len); write slot[i] =
 * entry + i * step. And where clean_len > 0: no cache has a line of what is
 * mapped at [clean_va, clean_va + clean_len) then, and modified ones are in
 * memory, before anything is reached by the new entries.
 */
struct pt_exchange {
    uint64_t *slot;
    uint64_t n;
    uint64_t entry;
    uint64_t step;
    uint64_t va;
    uint64_t len;
    uint64_t clean_va;
    uint64_t clean_len;
};

/* Frames, and how entries are written and translations flushed. */
struct pt_live_memory {
    void *ctx;
    /* Are there `count` frames more for alloc()? If not, ERR_NOFRAMES or ERR_FRAME: none is taken. */
    enum error_code (*reserve)(void *ctx, size_t count);
    uint64_t (*alloc)(void *ctx);
    void (*free)(void *ctx, uint64_t frame);
    /* A frame's PT_SLOTS entries, writable, until unmap(); nested, last in first out. */
    uint64_t *(*map)(void *ctx, uint64_t frame);
    void (*unmap)(void *ctx, uint64_t *table);
    /* slot[i] = entry + i * step for i < n, each in one store; n > 0. */
    void (*write)(void *ctx, uint64_t *slot, size_t n, uint64_t entry, uint64_t step);
    /* Forget all translations of [va, va + len), and all ways that lead there. */
    void (*flush)(void *ctx, uint64_t va, uint64_t len);
    /*
     * Break before make: with nothing between that needs what is mapped there,
     * be it the caller's own stack. *what may lie there, too.
     */
    void (*exchange)(void *ctx, const struct pt_exchange *what);
};

/*
 * All mappings outside the directmap, and those in it that are executable or
 * not write-back, by physical address: aliases are found in here, and in the
 * directmap by arithmetic. Neighbours of one kind are one. There is one list
 * for all roots, since the rules about frames hold over all of them: the same
 * va and pa in another root is another mapping. What roots share is in it once.
 */
struct pt_alias {
    uint64_t end;      /* physical; where it begins, its key says */
    uint64_t distance; /* va - pa */
    uint64_t reach;    /* the highest end of this and all before it, physical */
    uint64_t kind;     /* root | type << ALIAS_TYPE_SHIFT | rights */
};
#define ALIAS_TYPE_SHIFT 4

struct pt_aliases {
    struct pt_alias *entries;
    uint64_t *keys; /* pa | index into entries, in order of pa; behind `count`: unused, pa 0 */
    size_t count;
    size_t max;
};

/* An empty list, in the caller's storage: `max` of each, 4096 at most. */
void pt_aliases_init(struct pt_aliases *aliases, struct pt_alias *entries, uint64_t *keys,
                     size_t max);

/* A stretch of frames that the MTRRs give one type; len 0: none. */
struct pt_typed {
    uint64_t pa;
    uint64_t len;
    enum memtype type;
};

/* The table of single pages that translates va; frame 0: none. */
struct pt_recent {
    uint64_t va;
    uint64_t frame;
};

/* One root, and the tables below it. */
struct pt_space {
    uint64_t root;
    uint64_t main_root; /* the one whose tables this one shares; root itself: this is that one */
    /* Other roots that link the tables right below this one: those stay then, were they empty. */
    unsigned sharers;
    unsigned levels;
    unsigned phys_bits;
    unsigned max_level;      /* the largest page that this CPU and the user allow */
    uint64_t directmap_base; /* its window, in the main root; size 0: there is none */
    uint64_t directmap_size;
    const struct mtrr_state *mtrr;
    const struct pt_live_memory *memory;
    struct pt_aliases *aliases; /* of all roots */
    struct pt_typed typed;      /* what the MTRRs said last; zero at first */
    struct pt_recent recent;    /* the last page's table, this root's own; zero at first */
};

/* Add the plan's mappings to the aliases, as this root's. ERR_PLANFULL: no room for all. */
struct error pt_space_start(struct pt_space *space, const struct plan *plan);

/*
 * Carry it out, or change nothing. Errors: ERR_ALIGN, ERR_CANONICAL,
 * ERR_WIDTH, ERR_LARGE, as plan_check(); ERR_CLASH and ERR_ABSENT, as above,
 * and ERR_CLASH for a PT_MAP in the directmap's window at another address than
 * the directmap has for it, or in another root than the main one; ERR_CLASH
 * also, whatever the operation, for a page of another root where that has the
 * main root's table (the same entry, not zero): change it through the main root;
 * ERR_WX: writable and executable, in itself or over aliases; ERR_TYPE: write-
 * back where the MTRRs make it something else, or a frame that another
 * mapping has with another type (if both rules are broken, either code), or a
 * type that no entry of this CPU can say;
 * ERR_NOFRAMES and ERR_FRAME (as reserve() says): value = frames wanted; ERR_PLANFULL: too many mappings, be it
 * half way through. at = va (of the first page that is wrong, where one is),
 * value = its pa.
 *
 * Leaves are as large as the change and the space allow, and never cross a
 * boundary of the MTRRs' types; for each such boundary up to levels - 1 frames
 * too many are asked for. New tables are filled before they are linked, by
 * plain stores. A merge needs all of a table's entries to be leaves of one
 * kind, in a row, and the space to allow the larger page.
 */
struct error pt_update(struct pt_space *space, const struct pt_change *change);

/*
 * A root that has what the main root has now, by linking the same tables: what
 * the main root changes below these is in both. What it maps later where it
 * has no table yet, in some slot of the root, is in the main root alone.
 * ERR_NOFRAMES, ERR_FRAME: there is not the one frame that this takes; nothing
 * else fails.
 * Leaves right below a root there are none, so what is shared is whole tables.
 *
 * While the main root has sharers, nothing becomes global that was not, in any
 * of the roots: where they may differ, a change of CR3 is to end what the one
 * before had. On an error *space is what it was.
 */
struct error pt_root_create(struct pt_space *space, struct pt_space *main);

/*
 * Give back the root and all its tables but the main root's, and forget its
 * mappings. No CPU has it in CR3, nor ever will. Each slot of the root that it
 * had for itself is flushed all the same, before its tables go: global
 * translations are there whichever root is active.
 */
void pt_root_destroy(struct pt_space *space, struct pt_space *main);

/*
 * Ask found() of each table: the root itself and all below it; of another root,
 * those that are not the main root's. True, and no further: it has said so of
 * one. All tables are read but those of single pages.
 */
bool pt_any_table(const struct pt_space *space, bool (*found)(void *ctx, uint64_t frame),
                  void *ctx);

/*
 * May this page be mapped once more, writable and write-back? ERR_WX: some
 * mapping has it executable; ERR_TYPE: with another type. pa: of a page.
 */
enum error_code pt_may_write(const struct pt_space *space, uint64_t pa);

/*
 * Pages from pa on are mapped at va by other means than pt_update(), write-back;
 * writable but for those of which pt_may_write() says ERR_WX, which are only
 * read. Until the window is closed, pt_update() holds other mappings of these
 * frames against it. The caller's list has room for as many entries beyond
 * `max` as there are pages in windows. All of a window is closed at once.
 */
void pt_window_open(const struct pt_space *space, uint64_t va, uint64_t pa, uint64_t len);
void pt_window_close(const struct pt_space *space, uint64_t va, uint64_t pa, uint64_t len);

#endif
