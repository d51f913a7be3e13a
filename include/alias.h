/* SPDX-License-Identifier: MIT */
/* Which other mappings a frame has: for pt_update(), inside mm/. */
#ifndef ALIAS_H
#define ALIAS_H

#include "update.h"

/* Pages in a row: [va, va + len) to [pa, pa + len), all of one kind. */
struct pt_run {
    uint64_t va;
    uint64_t pa;
    uint64_t len;
    unsigned rights;
    enum memtype type;
};

#define ALIAS_NONE SIZE_MAX

/* What the registry has for a run as it is to be; good until the registry changes. */
struct alias_view {
    long growth; /* by how many entries the registry grows, or shrinks */
    bool known;  /* the run is a part of an entry that is of this kind already */
    bool kept;   /* it is of those that have an entry at all */
    size_t at;   /* where it is, or would be, in order of pa */
    size_t end;  /* the first entry that begins where the run ends, or above */
    /* The entry that is this run; those of its kind that end, or begin, beside it; or ALIAS_NONE. */
    size_t whole;
    size_t before;
    size_t after;
};

/* One binary search, and a look at what reaches into the run, or to its ends. */
void alias_look(const struct pt_space *space, const struct pt_run *run, enum pt_op op,
                struct alias_view *view);

/*
 * May these frames be mapped so, as far as their other mappings are concerned?
 * *err: ERR_WX or ERR_TYPE for the first page that is wrong.
 */
void alias_check(const struct pt_space *space, const struct pt_run *run,
                 const struct pt_change *change, const struct alias_view *view, struct error *err);

/* The run is mapped, unmapped or protected: take note. */
void alias_change(struct pt_space *space, const struct pt_run *run, enum pt_op op,
                  const struct alias_view *view);

/* All mappings of this root are gone. */
void alias_forget(struct pt_space *space);

#endif
