/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* anonymous mappings */

#include "mock_run.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "efi_start.h"
#include "mock_tables.h"
#include "test.h"

const uint8_t run_kernel[64] = {0x7f, 'E', 'L', 'F', 2, 1, 1, [16] = 2, [18] = 62, [20] = 1};

/* A display. */
static const uint8_t display[] = {
    2,    1,    12, 0, 0xd0, 0x41, 0x03, 0x0a, 0, 0, 0, 0, /* PciRoot(0) */
    1,    1,    6,  0, 0,    2,                            /* Pci(2,0) */
    2,    3,    8,  0, 0,    1,    1,    0x80,             /* AcpiAdr */
    0x7f, 0xff, 4,  0,
};

static void *shared(size_t size)
{
    void *at =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    assert_true(at != MAP_FAILED);
    return at;
}

struct run *run_new(void)
{
    struct run *run = shared(sizeof(*run));

    run->mock.arena = shared(ARENA_SIZE);
    run->mock.paths[0] = "\\EFI\\BOOT\\footing-1.2.efi";
    run->mock.secure_boot = run->mock.setup_mode = -1;
    run->mock.variable_size = 1;
    run->mock.read_max = UINT64_MAX;
    run->mock.descriptor_size = 48;
    run->mock.descriptor_version = 1;
    run->mock.key = UINT64_C(0xfedcba9876543210);
    run->mock.fail_at = MOCK_NEVER;
    run->mock.shows_firmware = true;
    run->mock.signature = UINT64_C(0x5453595320494249);
    run_output(run, display, sizeof(display));
    return run;
}

void run_end(struct run *run)
{
    munmap(run->mock.arena, ARENA_SIZE);
    munmap(run, sizeof(*run));
}

void run_file_sized(struct run *run, const char *path, const void *data, uint64_t size)
{
    assert_true(run->mock.nfiles < MOCK_FILES);
    run->mock.files[run->mock.nfiles++] = (struct mock_file){path, data, size, false};
}

void run_file(struct run *run, const char *path, const char *data)
{
    run_file_sized(run, path, data, strlen(data));
}

void run_folder(struct run *run, const char *path)
{
    run_file_sized(run, path, "", 0);
    run->mock.files[run->mock.nfiles - 1].folder = true;
}

void run_section(struct run *run, const char *name, const void *data, size_t size)
{
    assert_true(run->mock.nsections < MOCK_SECTIONS);
    run->mock.sections[run->mock.nsections++] = (struct mock_section){name, data, (uint32_t)size};
}

void run_options(struct run *run, const char *text)
{
    static uint16_t ucs2[sizeof(run->mock.options) / 2];

    assert_true(2 * strlen(text) + 2 <= sizeof(ucs2));
    run->mock.options_size = (uint32_t)(2 * mock_ucs2(text, ucs2));
    memcpy(run->mock.options, ucs2, run->mock.options_size);
}

void run_output(struct run *run, const void *path, size_t size)
{
    assert_true(run->mock.noutputs < MOCK_OUTPUTS);
    run->mock.outputs[run->mock.noutputs].path = path;
    run->mock.outputs[run->mock.noutputs++].path_size = size;
}

static struct error load(struct run *run)
{
    struct error err = efi_init(&run->efi, run->mock.image_handle, run->mock.system_table);

    if (!err.code)
        err = efi_start(&run->efi, &run->facts);
    run->left_mapped = run->mock.open_mappings;
    return err;
}

static _Noreturn void child(struct run *run)
{
    mock_start(&run->mock);
    run->err = load(run);
    run->loaded = !run->err.code;
    if (run->loaded && run->then)
        run->then(run);
    /* The texts of the child. */
    if (run->err.text)
        strncpy(run->text, run->err.text, sizeof(run->text) - 1);
    if (run->err.against)
        strncpy(run->against, run->err.against, sizeof(run->against) - 1);
    if (!run->loaded)
        mock_panic(&run->err);
    _exit(0);
}

static unsigned live_allocations(const struct run *run)
{
    unsigned live = 0;

    for (size_t i = 0; i < run->mock.nallocations; i++)
        live += run->mock.allocations[i].live;
    return live;
}

/* Nothing is left behind, and the firmware was told once. */
static void check_returned(const struct run *run)
{
    const struct mock *m = &run->mock;

    assert_int_equal(run->left_mapped, 0);
    if (m->calls == 0)
        return; /* no firmware was found, to go back to */
    assert_int_equal(m->counts[CALL_EXIT], 1);
    if (!m->failed || m->failed_call != CALL_EXIT)
        assert_int_equal(m->exit_status, efi_status_of(&run->err));
    assert_true(run->err.code == ERR_NONE || (efi_status_of(&run->err) & EFI_ERROR) != 0);
    assert_int_equal(live_allocations(run), m->excused_pages);
    assert_int_equal(m->open_files, m->excused_files);
    assert_int_equal(m->pools, m->excused_pools);
}

void run_boot(struct run *run)
{
    pid_t pid;
    int status;

    run->mock.calls = 0;
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        child(run);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    run->err.text = run->err.text ? run->text : NULL;
    run->err.against = run->err.against ? run->against : NULL;
    if (run->mock.violation[0] != '\0')
        fail_msg("%s (call %u fails)", run->mock.violation, run->mock.fail_at);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("the run ends with status 0x%x (call %u fails)", (unsigned)status,
                 run->mock.fail_at);
    if (!run->loaded)
        check_returned(run);
}

void run_good(struct run *run)
{
    unsigned live = 0;

    run_boot(run);
    if (run->err.code)
        fail_msg("error %s: %s", error_words(run->err.code).name,
                 run->err.text ? run->err.text : "");
    assert_int_equal(run->left_mapped, 0);
    for (size_t i = 0; i < run->facts.nmodules; i++) {
        uint64_t base = run->facts.modules[i].base;

        live += base >= HUGE_BASE || (base >= mock_physical(run->mock.arena) &&
                                      base < mock_physical(run->mock.arena + run->mock.arena_used));
    }
    assert_int_equal(live_allocations(run), live);
    assert_int_equal(run->mock.counts[CALL_EXIT], 0);
    assert_true(run->mock.open_files <= 1); /* the volume */
}

void run_bad(struct run *run, enum error_code code, const char *words)
{
    run_boot(run);
    if (run->err.code != code)
        fail_msg("%s: %s, not %s: %s", error_words(run->err.code).name,
                 run->err.text ? run->err.text : "", error_words(code).name, words ? words : "");
    if (words && (!run->err.text || !strstr(run->err.text, words)))
        fail_msg("\"%s\" does not say \"%s\"", run->err.text ? run->err.text : "", words);
}

void run_module(const struct run *run, size_t i, enum module_kind kind, const char *line,
                const void *data, uint64_t size)
{
    const struct module *module = &run->facts.modules[i];

    assert_true(i < run->facts.nmodules);
    assert_int_equal(module->kind, kind);
    assert_string_equal(run->facts.texts + module->text, line);
    assert_int_equal(module->end - module->base, size);
    if (data)
        assert_memory_equal((void *)(uintptr_t)(module->base - PHYSICAL), data, size);
}

void run_name(const struct run *run, size_t i, const char *name)
{
    assert_true(i < run->facts.nmodules);
    assert_string_equal(run->facts.names + run->facts.modules[i].name, name);
}
