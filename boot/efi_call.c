/* SPDX-License-Identifier: MIT */
#include "efi_services.h"

#include "firmware32.h"
#include "pmap.h"
#include "print.h"
#include "words.h"
#include "x86.h"

_Static_assert(offsetof(struct firmware_state, image) == FIRMWARE_IMAGE, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, root) == FIRMWARE_ROOT, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, cr0) == FIRMWARE_CR0, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, cr4) == FIRMWARE_CR4, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, rsp) == FIRMWARE_RSP, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, flags) == FIRMWARE_FLAGS, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, gdtr) == FIRMWARE_GDTR, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, cs) == FIRMWARE_CS, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, ss) == FIRMWARE_SS, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, ds) == FIRMWARE_DS, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, idtr) == FIRMWARE_IDTR, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, es) == FIRMWARE_ES, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, own_root) == FIRMWARE_OWN_ROOT, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, own_rsp) == FIRMWARE_OWN_RSP, "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, image_handle) == FIRMWARE_IMAGE_HANDLE,
               "as in firmware.h");
_Static_assert(offsetof(struct firmware_state, system_table) == FIRMWARE_SYSTEM_TABLE,
               "as in firmware.h");
_Static_assert(sizeof(struct firmware_state) == FIRMWARE_SIZE, "as in firmware.h");

#define TABLE_HEADER 24u /* EFI_TABLE_HEADER, section 4.2 */

#define BY_PROTOCOL 2 /* EFI_LOCATE_SEARCH_TYPE, section 7.3.6 */

const uint8_t efi_global_variable[EFI_GUID_SIZE] = {0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11,
                                                    0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c};

/* UEFI 2.10 appendix D. */
const char *efi_status_name(uint64_t status)
{
    static const char names[] = /* from 0 on */
        "EFI_SUCCESS\0"
        "EFI_LOAD_ERROR\0"
        "EFI_INVALID_PARAMETER\0"
        "EFI_UNSUPPORTED\0"
        "EFI_BAD_BUFFER_SIZE\0"
        "EFI_BUFFER_TOO_SMALL\0"
        "EFI_NOT_READY\0"
        "EFI_DEVICE_ERROR\0"
        "EFI_WRITE_PROTECTED\0"
        "EFI_OUT_OF_RESOURCES\0"
        "EFI_VOLUME_CORRUPTED\0"
        "EFI_VOLUME_FULL\0"
        "EFI_NO_MEDIA\0"
        "EFI_MEDIA_CHANGED\0"
        "EFI_NOT_FOUND\0"
        "EFI_ACCESS_DENIED\0"
        "EFI_NO_RESPONSE\0"
        "EFI_NO_MAPPING\0"
        "EFI_TIMEOUT\0"
        "EFI_NOT_STARTED\0"
        "EFI_ALREADY_STARTED\0"
        "EFI_ABORTED\0"
        "EFI_ICMP_ERROR\0"
        "EFI_TFTP_ERROR\0"
        "EFI_PROTOCOL_ERROR\0"
        "EFI_INCOMPATIBLE_VERSION\0"
        "EFI_SECURITY_VIOLATION\0"
        "EFI_CRC_ERROR\0"
        "EFI_END_OF_MEDIA\0"
        "\0"
        "\0"
        "EFI_END_OF_FILE\0"
        "EFI_INVALID_LANGUAGE\0"
        "EFI_COMPROMISED_DATA\0"
        "EFI_IP_ADDRESS_CONFLICT\0"
        "EFI_HTTP_ERROR\0";
    uint64_t number = status & ~EFI_ERROR;
    const char *name =
        number == status && number > 0 ? NULL : word_at(names, sizeof(names), number);

    return name ? name : "an unknown status";
}

struct error efi_failed(const char *call, uint64_t status)
{
    return (struct error){
        .code = ERR_EFI, .value = status, .text = call, .against = efi_status_name(status)};
}

void efi_read(uint64_t pa, void *to, size_t len)
{
    pmap_read(pa, to, len);
}

uint64_t efi_read64(uint64_t pa)
{
    uint64_t value;

    efi_read(pa, &value, sizeof(value));
    return value;
}

bool efi_can_read(const struct efi *efi, uint64_t pa, uint64_t len)
{
    return efi->map ? memmap_can_be_read(efi->map, pa, len) : pmap_reaches(pa, len);
}

void efi_peek(const struct efi *efi, uint64_t pa, void *to, size_t len)
{
    if (efi_can_read(efi, pa, len))
        efi_read(pa, to, len);
    else
        __builtin_memset(to, 0, len);
}

uint64_t efi_call(uint64_t table, unsigned offset, const uint64_t args[FIRMWARE_ARGS])
{
    return firmware_call(efi_read64(table + offset), args);
}

size_t efi_pointer_size(const struct efi *efi)
{
    return efi->narrow ? sizeof(uint32_t) : sizeof(uint64_t);
}

uint64_t efi_pointer(const struct efi *efi, uint64_t pa)
{
    uint64_t value = 0;

    efi_read(pa, &value, efi_pointer_size(efi));
    return value;
}

/*
 * The system table and those of services are a header of 24 bytes, and then
 * nothing but pointers and UINTNs: FirmwareRevision, the one UINT32, is padded
 * where they have 8 bytes. So with 4 bytes a member is half as far behind the header.
 */
uint64_t efi_member(const struct efi *efi, uint64_t table, unsigned offset)
{
    return efi_pointer(efi, table + (efi->narrow ? (TABLE_HEADER + offset) / 2 : offset));
}

/* A status of 32 bits has its error bit at the top, too (appendix D). */
static uint64_t widen_status(uint32_t status)
{
    return (status & INT32_MAX) | (status >> 31 ? EFI_ERROR : 0);
}

uint64_t efi_service(const struct efi *efi, unsigned offset, const uint64_t args[FIRMWARE_ARGS])
{
    uint64_t function = efi_member(efi, efi->boot_services, offset);

    return efi->narrow ? widen_status(firmware_call_32((uint32_t)function, args))
                       : firmware_call(function, args);
}

struct error efi_check(uint64_t image_handle, uint64_t system_table)
{
    if (!image_handle || !system_table)
        return (struct error){.code = ERR_EFI, .text = "no system table or image handle given"};
    if (efi_read64(system_table) != SYSTEM_SIGNATURE)
        return (struct error){.code = ERR_EFI,
                              .text = message("there is no system table at 0x%lx", system_table)};
    return SUCCESS;
}

struct error efi_init(struct efi *efi, uint64_t image_handle, uint64_t system_table)
{
    struct error err = efi_check(image_handle, system_table);

    if (err.code)
        return err;
    *efi = (struct efi){
        .image_handle = image_handle,
        .system_table = system_table,
        .boot_services = efi_read64(system_table + SYSTEM_BOOT_SERVICES),
        .runtime_services = efi_read64(system_table + SYSTEM_RUNTIME_SERVICES),
    };
    return SUCCESS;
}

uint64_t efi_protocol_on(const struct efi *efi, uint64_t handle, const uint8_t *guid)
{
    uint64_t interface = 0;
    uint64_t status =
        EFI_SERVICE(efi, BOOT_HANDLE_PROTOCOL, handle, image_pa(guid), image_pa(&interface));

    return status == EFI_SUCCESS ? interface : 0;
}

uint64_t efi_handles_with(const struct efi *efi, const uint8_t *guid, uint64_t *count)
{
    uint64_t found = 0;
    uint64_t handles = 0;
    uint64_t status = EFI_SERVICE(efi, BOOT_LOCATE_HANDLE_BUFFER, BY_PROTOCOL, image_pa(guid), 0,
                                  image_pa(&found), image_pa(&handles));

    *count = status == EFI_SUCCESS ? found : 0;
    return status == EFI_SUCCESS ? handles : 0;
}

void efi_free_handles(const struct efi *efi, uint64_t handles)
{
    if (handles)
        EFI_SERVICE(efi, BOOT_FREE_POOL, handles);
}

enum efi_flag efi_flag(const struct efi *efi, const uint16_t *name)
{
    uint8_t value = 0;
    uint64_t size = sizeof(value);
    uint64_t status = EFI_CALL(efi->runtime_services, RUNTIME_GET_VARIABLE, image_pa(name),
                               image_pa(efi_global_variable), 0, image_pa(&size), image_pa(&value));

    if (status == EFI_NOT_FOUND || (status == EFI_SUCCESS && size == sizeof(value) && value == 0))
        return EFI_FLAG_OFF;
    return status == EFI_SUCCESS && size == sizeof(value) && value == 1 ? EFI_FLAG_ON
                                                                        : EFI_FLAG_DOUBTFUL;
}

uint64_t efi_table(const struct efi *efi, const uint8_t *guid)
{
    const size_t size = EFI_GUID_SIZE + efi_pointer_size(efi);
    uint64_t count = efi_member(efi, efi->system_table, SYSTEM_TABLE_COUNT);
    uint64_t tables = efi_member(efi, efi->system_table, SYSTEM_TABLES);

    for (uint64_t i = 0; i < count && i < CONFIGURATION_TABLES_MAX; i++) {
        uint8_t entry[CONFIGURATION_TABLE_SIZE];
        uint64_t pointer = 0;

        efi_peek(efi, tables + i * size, entry, size);
        __builtin_memcpy(&pointer, entry + EFI_GUID_SIZE, efi_pointer_size(efi));
        if (__builtin_memcmp(entry, guid, EFI_GUID_SIZE) == 0)
            return pointer;
    }
    return 0;
}
