/* SPDX-License-Identifier: MIT */
/* What the firmware knows of the image that it has started: where it is, and where it came from. */
#include "efi_path.h"
#include "efi_services.h"
#include "load.h"
#include "pe.h"
#include "pmap.h"
#include "print.h"
#include "text.h"
#include "x86.h"

/* EFI_LOADED_IMAGE_PROTOCOL, UEFI 2.10 section 9.1. */
#define LOADED_DEVICE       24
#define LOADED_FILE_PATH    32
#define LOADED_OPTIONS_SIZE 48
#define LOADED_OPTIONS      56
#define LOADED_BASE         64
#define LOADED_SIZE         72

/* EFI_SIMPLE_FILE_SYSTEM_PROTOCOL, section 13.4. */
#define FILE_SYSTEM_OPEN_VOLUME 8

/* Device path nodes, section 10.3: type, subtype, length of the node. */
#define NODE_HEADER     4
#define NODE_ACPI       0x0102 /* subtype, type */
#define NODE_UART       0x0e03
#define NODE_FILE_PATH  0x0404
#define NODE_TYPE_END   0x7f
#define NODES_MAX       64
#define EISA_SERIAL     UINT32_C(0x050141d0) /* PNP0501 */
#define FILE_PATH_BYTES (2 * EFI_NAME_MAX)

static const uint8_t loaded_image_protocol[EFI_GUID_SIZE] = {
    0xa1, 0x31, 0x1b, 0x5b, 0x62, 0x95, 0xd2, 0x11, 0x8e, 0x3f, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b};
static const uint8_t file_system_protocol[EFI_GUID_SIZE] = {
    0x22, 0x5b, 0x4e, 0x96, 0x59, 0x64, 0xd2, 0x11, 0x8e, 0x39, 0x00, 0xa0, 0xc9, 0x69, 0x72, 0x3b};

struct node {
    uint64_t pa;
    unsigned kind; /* subtype and type: 0xSSTT */
    size_t len;    /* its header included */
};

/* False: the path ends here, or is damaged. */
static bool read_node(uint64_t pa, struct node *node)
{
    uint8_t header[NODE_HEADER];

    efi_read(pa, header, sizeof(header));
    *node = (struct node){pa, load16(header), load16(header + 2)};
    return header[0] != NODE_TYPE_END && node->len >= NODE_HEADER;
}

unsigned efi_path_serial_port(uint64_t path)
{
    unsigned port = 0;
    struct node node;

    for (unsigned i = 0; i < NODES_MAX && read_node(path, &node); i++) {
        uint32_t acpi[2];

        if (node.kind == NODE_UART)
            return port;
        if (node.kind == NODE_ACPI && node.len >= NODE_HEADER + sizeof(acpi)) {
            efi_read(path + NODE_HEADER, acpi, sizeof(acpi));
            port = acpi[0] == EISA_SERIAL && acpi[1] < 2 ? acpi[1] + 1 : 0;
        }
        path += node.len;
    }
    return 0;
}

/* One more piece of a path; false: it does not fit, or is no text. */
static bool append(char path[EFI_NAME_MAX], size_t *len, const struct node *node)
{
    uint8_t ucs2[FILE_PATH_BYTES];
    size_t bytes = node->len - NODE_HEADER;
    char *at = path + *len;

    if (bytes == 0)
        return true;
    if (bytes > sizeof(ucs2) || *len + 1 >= EFI_NAME_MAX)
        return false;
    efi_read(node->pa + NODE_HEADER, ucs2, bytes);
    if (*len > 0)
        *at++ = '\\';
    if (!ucs2_to_utf8(ucs2, bytes / 2, at, (size_t)(path + EFI_NAME_MAX - at)))
        return false;
    while (path[*len] != '\0')
        ++*len;
    return true;
}

/* The image's own folder and name, from its device path's nodes; empty if that has none. */
static void find_name(struct efi *efi, uint64_t device_path)
{
    char path[EFI_NAME_MAX] = "";
    size_t len = 0;
    size_t cut = 0;
    struct node node;

    for (unsigned i = 0; i < NODES_MAX && read_node(device_path, &node); i++) {
        if (node.kind == NODE_FILE_PATH && !append(path, &len, &node))
            return;
        device_path += node.len;
    }
    for (size_t i = 0; i < len; i++) {
        if (efi_path_parts(path[i]))
            cut = i + 1;
    }
    __builtin_memcpy(efi->name, path + cut, len - cut + 1);
    if (cut > 0)
        __builtin_memcpy(efi->folder, path, cut - 1);
}

/* The root folder of the device: volume, or volume_status why there is none. */
static void open_volume(struct efi *efi, uint64_t device)
{
    uint64_t system = device ? efi_protocol_on(efi, device, file_system_protocol) : 0;
    uint64_t root = 0;

    efi->volume_status = EFI_UNSUPPORTED;
    if (system)
        efi->volume_status = EFI_CALL(system, FILE_SYSTEM_OPEN_VOLUME, system, image_pa(&root));
    if (efi->volume_status == EFI_SUCCESS)
        efi->volume = root;
}

bool efi_has_no_files(const struct efi *efi)
{
    return efi->volume_status == EFI_UNSUPPORTED;
}

/* UEFI 2.10 section 3.3: on while signatures are enforced, but for setup mode; in doubt, on. */
static bool secure_boot(const struct efi *efi)
{
    static const uint16_t secure[] = {'S', 'e', 'c', 'u', 'r', 'e', 'B', 'o', 'o', 't', 0};
    static const uint16_t setup[] = {'S', 'e', 't', 'u', 'p', 'M', 'o', 'd', 'e', 0};

    return efi_flag(efi, secure) != EFI_FLAG_OFF && efi_flag(efi, setup) != EFI_FLAG_ON;
}

struct error efi_find_image(struct efi *efi)
{
    uint64_t loaded = efi_protocol_on(efi, efi->image_handle, loaded_image_protocol);
    uint64_t device;
    uint64_t path;

    if (!loaded)
        return efi_failed("HandleProtocol for the loaded image", EFI_UNSUPPORTED);
    device = efi_read64(loaded + LOADED_DEVICE);
    path = efi_read64(loaded + LOADED_FILE_PATH);
    efi_read(loaded + LOADED_OPTIONS_SIZE, &efi->load_options_size, sizeof(efi->load_options_size));
    efi->load_options = efi_read64(loaded + LOADED_OPTIONS);
    efi->image_base = efi_read64(loaded + LOADED_BASE);
    efi->image_size = efi_read64(loaded + LOADED_SIZE);
    if (path)
        find_name(efi, path);
    open_volume(efi, device);
    efi->secure = secure_boot(efi);
    return SUCCESS;
}

struct error efi_find_section(const struct efi *efi, const char *name, struct efi_buffer *buffer)
{
    const void *headers = pmap_map("image headers", efi->image_base, PAGE_SIZE);
    struct pe_section section;
    struct error err = pe_find_section(headers, PAGE_SIZE, name, &section);

    pmap_unmap(headers);
    if (!err.code && section.size > 0 && section.rva + (uint64_t)section.size > efi->image_size)
        err = (struct error){
            .code = ERR_INFO,
            .at = section.rva,
            .value = section.size,
            .text = message("PE: section %s, 0x%x+0x%x, is beyond the loaded image's 0x%lx bytes",
                            name, section.rva, section.size, efi->image_size)};
    *buffer = (struct efi_buffer){efi->image_base + section.rva, section.size};
    return err;
}
