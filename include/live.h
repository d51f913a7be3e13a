/* SPDX-License-Identifier: MIT */
/* The page-table calls of struct footing_calls: on the tables that are active, and other roots. */
#ifndef LIVE_H
#define LIVE_H

#include "boot.h"
#include "footing.h"
#include "update.h"

/* How tables are reached and translations flushed here; frames come from and go to this source. */
const struct pt_live_memory *live_memory(const struct footing_frames *frames);

/* Take over the final tables; before the first of the calls. ERR_PLANFULL. */
struct error live_start(const struct boot *boot);

/* As struct footing_calls has them. */
void *live_pmap_map(uint64_t pa, uint64_t len);
void live_pmap_unmap(const void *mapped);
const char *live_update(const struct footing_update *update);
uint64_t live_root_create(const struct footing_frames *frames);
const char *live_root_destroy(uint64_t root_pa, const struct footing_frames *frames);
const char *live_identity_prepare(struct footing_identity *identity);
void live_identity_enable(struct footing_identity *identity);
const char *live_identity_disable(struct footing_identity *identity);

#endif
