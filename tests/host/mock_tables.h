/* SPDX-License-Identifier: MIT */
/* The mock firmware's handles, and the protocols on them. */
#ifndef MOCK_TABLES_H
#define MOCK_TABLES_H

#include "error.h"
#include "mock_firmware.h"

#define HANDLE_IMAGE    UINT64_C(0x1111000)
#define HANDLE_DEVICE   UINT64_C(0x2222000)
#define HANDLE_OUTPUTS  UINT64_C(0x3333000)
#define HANDLE_GRAPHICS UINT64_C(0x4444000)

/* The interface of a protocol on a handle; 0: there is none. */
uint64_t mock_protocol_on(uint64_t handle, const void *guid);

/* How many handles have this protocol, and the first of them; the others follow it. */
size_t mock_handles_with(const void *guid, uint64_t *first);

bool mock_is_global_variable(const void *guid);
bool mock_is_file_info(const void *guid);

struct mock_output *mock_output_at(uint64_t protocol);

/* A panic's line, and the way back to the firmware, if panic_returns() has named one. */
void mock_panic(const struct error *err);

#endif
