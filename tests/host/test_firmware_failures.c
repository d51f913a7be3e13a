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
    run->mock.key_at = 1; /* nobody needs to wait for the error to be read */
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

/*
 * A verification warning taken for success (X 38a5e0d031): a status with the
 * high bit clear is no error, and no success either. Whatever call loads or
 * verifies, and warns (UEFI 2.10 appendix D), the boot does not go on by it.
 */
static void verification_warning_taken_for_success(void **state)
{
    unsigned seen = 0;
    unsigned secure = 0; /* the call that reads SecureBoot; the one that reads SetupMode is later */
    bool doubted = false;

    (void)state;
    for (unsigned k = 0; k < 60; k++) {
        for (uint64_t warning = 1; warning <= 7; warning += 3) {
            struct run *run = start(false);

            /* Signatures are not enforced, for the machine is in setup mode. */
            run->mock.secure_boot = run->mock.setup_mode = 1;
            run->mock.fail_at = k;
            run->mock.fail_status = warning;
            run_boot(run);
            if (run->mock.failed && matters(run->mock.failed_call)) {
                assert_int_not_equal(run->err.code, ERR_NONE);
                assert_int_equal(run->mock.exit_status, EFI_LOAD_ERROR);
                seen++;
            }
            if (run->mock.failed && run->mock.failed_call == CALL_GET_VARIABLE) {
                secure = secure == 0 ? k : secure;
                /* In doubt whether the machine is in setup mode, signatures are enforced. */
                assert_int_equal(run->err.code, k == secure ? ERR_NONE : ERR_VERIFY);
                doubted = doubted || k != secure;
            }
            run_end(run);
        }
    }
    assert_true(seen > 3 * 10);
    assert_true(doubted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_call_may_fail),
        cmocka_unit_test(any_call_may_fail_after_an_error),
        cmocka_unit_test(status_is_the_firmwares_own),
        cmocka_unit_test(verification_warning_taken_for_success),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
