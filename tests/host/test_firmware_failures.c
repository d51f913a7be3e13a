/* SPDX-License-Identifier: MIT */
/* Every call of the firmware fails once, with any status: a clean error, or a boot all the same. */
#include "efi_services.h"
#include "mock_run.h"
#include "test.h"

#define EFI_DEVICE_ERROR (EFI_ERROR | 7)
#define WARNING          UINT64_C(4) /* EFI_WARN_BUFFER_TOO_SMALL */

static const uint64_t statuses[] = {
    EFI_DEVICE_ERROR,   EFI_NOT_FOUND, EFI_BUFFER_TOO_SMALL, EFI_OUT_OF_RESOURCES, EFI_ERROR,
    EFI_ERROR | 0x1234, WARNING};

/* A chain, a payload, a ramdisk and a module that shows its progress; bad: and one that is none. */
static struct run *start(bool bad)
{
    struct run *run = run_new();

    run_file(run, "\\EFI\\BOOT\\footing.cfg", "[global]\ndefault=a\nchain=next.cfg\n");
    run_file(run, "\\EFI\\BOOT\\next.cfg",
             bad ? "[a]\nkernel=k q\nramdisk=r\nmodule=m\nmodule=none\n"
                 : "[a]\nkernel=k q\nramdisk=r\nmodule=m\noptions=o\n");
    run_file_sized(run, "\\EFI\\BOOT\\k", run_kernel, sizeof(run_kernel));
    run_file(run, "\\EFI\\BOOT\\r", "ramdisk");
    run_file_sized(run, "\\EFI\\BOOT\\m", NULL, M(17));
    run->mock.secure_boot = run->mock.setup_mode = 0;
    return run;
}

/* What loads a file cannot fail unnoticed. */
static bool matters(enum mock_call call)
{
    return call == CALL_OPEN || call == CALL_READ || call == CALL_GET_INFO ||
           call == CALL_ALLOCATE_PAGES;
}

static void check(const struct run *run, uint64_t status)
{
    if (run->err.code) {
        assert_non_null(run->err.text);
        assert_true(run->err.text[0] != '\0');
        if (run->err.code == ERR_FILE || run->err.code == ERR_EFI)
            assert_non_null(run->err.against);
        return;
    }
    if (matters(run->mock.failed_call) && status != EFI_NOT_FOUND)
        fail_msg("call %u, status 0x%lx: it goes unnoticed that a file was not read",
                 run->mock.fail_at, status);
    if (run->facts.nmodules == 0)
        return; /* no configuration, as far as the firmware tells */
    assert_int_equal(run->facts.nmodules, 3);
    run_module(run, 0, MODULE_KERNEL, "q", run_kernel, sizeof(run_kernel));
    run_module(run, 1, MODULE_RAMDISK, "", "ramdisk", 7);
    run_module(run, 2, MODULE_PLAIN, "", NULL, M(17));
}

/* Each call in its turn, each status; none crashes, leaks, or is lost. */
static void any_call_may_fail(void **state)
{
    struct run *run = start(false);
    unsigned calls;

    (void)state;
    run_good(run);
    calls = run->mock.calls;
    run_end(run);
    for (unsigned k = 0; k < calls; k++) {
        for (size_t i = 0; i < COUNT_OF(statuses); i++) {
            run = start(false);
            run->mock.fail_at = k;
            run->mock.fail_status = statuses[i];
            run_boot(run);
            assert_true(run->mock.failed);
            check(run, statuses[i]);
            run_end(run);
        }
    }
}

/* The same on the way back from an error: that is told, whatever else fails. */
static void any_call_may_fail_after_an_error(void **state)
{
    struct run *run = start(true);
    unsigned calls;

    (void)state;
    run_bad(run, ERR_FILE, "next.cfg:5: module=none: ");
    calls = run->mock.calls;
    run_end(run);
    for (unsigned k = 0; k < calls; k++) {
        run = start(true);
        run->mock.fail_at = k;
        run->mock.fail_status = EFI_DEVICE_ERROR;
        run_boot(run);
        assert_true(run->mock.failed);
        if (!run->err.code)
            assert_int_equal(run->facts.nmodules, 0);
        run_end(run);
    }
}

/* The status that the firmware is given back is the one that it gave. */
static void status_is_the_firmwares_own(void **state)
{
    unsigned told = 0;

    (void)state;
    for (unsigned k = 0; k < 60; k++) {
        struct run *run = start(false);

        run->mock.fail_at = k;
        run->mock.fail_status = EFI_DEVICE_ERROR;
        run_boot(run);
        if (run->err.code && matters(run->mock.failed_call)) {
            assert_int_equal(run->err.value, EFI_DEVICE_ERROR);
            assert_string_equal(run->against, "EFI_DEVICE_ERROR");
            assert_int_equal(run->mock.exit_status, EFI_DEVICE_ERROR);
            told++;
        }
        run_end(run);
    }
    assert_true(told > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_call_may_fail),
        cmocka_unit_test(any_call_may_fail_after_an_error),
        cmocka_unit_test(status_is_the_firmwares_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
