/* SPDX-License-Identifier: MIT */
/* The stack of slot runs against a model that remembers the owner of each single slot. */
#include "slots.h"

#include "random.h"
#include "test.h"

struct run {
    unsigned first;
    unsigned n;
    const char *owner;
};

/* All runs that are held, in the order in which they were taken. */
struct model {
    struct run runs[SLOTS_MAX];
    unsigned count;
    unsigned used;
};

static const char *const names[] = {"walk", "scrub", "payload", "nobody else", "screen"};

static void check_owner(const struct slots *slots, const struct model *model)
{
    unsigned first = 12345;
    const char *owner = slots_owner(slots, &first);

    if (model->count == 0) {
        assert_null(owner);
        return;
    }
    assert_ptr_equal(owner, model->runs[model->count - 1].owner);
    assert_int_equal(first, model->runs[model->count - 1].first);
}

static void take(struct slots *slots, struct model *model, unsigned max, size_t n,
                 const char *owner)
{
    bool fits = model->used <= max && n <= max - model->used;
    unsigned first = 12345;

    assert_int_equal(slots_take(slots, max, owner, n, &first), fits);
    if (!fits)
        return;
    assert_int_equal(first, model->used);
    model->runs[model->count++] = (struct run){model->used, (unsigned)n, owner};
    model->used += (unsigned)n;
}

static void release(struct slots *slots, struct model *model, unsigned first)
{
    const char *who = slots_release(slots, first);
    unsigned at = 0;
    bool behind = false;

    while (at < model->count && model->runs[at].first != first)
        at++;
    if (at == model->count) {
        assert_non_null(who);
        if (model->count == 0 || first > model->runs[model->count - 1].first)
            assert_string_equal(who, "nobody");
        return;
    }
    if (at + 1 == model->count) {
        assert_null(who);
        model->used -= model->runs[at].n;
        model->count--;
        return;
    }
    for (unsigned i = at + 1; i < model->count; i++)
        behind = behind || who == model->runs[i].owner;
    assert_true(behind);
}

/* Nobody holds anything at first, and there is nothing to give back. */
static void nothing_is_taken_at_first(void **state)
{
    struct slots slots = {0};
    unsigned first = 0;

    (void)state;
    assert_null(slots_owner(&slots, &first));
    for (unsigned at = 0; at < SLOTS_MAX + 2; at++)
        assert_string_equal(slots_release(&slots, at), "nobody");
    assert_string_equal(slots_release(&slots, UINT32_MAX), "nobody");
    assert_null(slots_owner(&slots, &first));
}

/* Runs follow each other from 0 on, and the last one is the first to go. */
static void runs_are_a_stack(void **state)
{
    struct slots slots = {0};
    struct model model = {0};

    (void)state;
    take(&slots, &model, SLOTS_MAX, 1, "a");
    take(&slots, &model, SLOTS_MAX, 3, "b");
    take(&slots, &model, SLOTS_MAX, 2, "c");
    check_owner(&slots, &model);
    assert_string_equal(slots_release(&slots, 1), "c");
    check_owner(&slots, &model);
    release(&slots, &model, 4);
    check_owner(&slots, &model);
    assert_string_equal(slots_release(&slots, 0), "b");
    release(&slots, &model, 1);
    release(&slots, &model, 0);
    check_owner(&slots, &model);
}

/* The inside of the last run, its end, and slots that nobody has are no run. */
static void inside_of_the_last_run_is_no_run(void **state)
{
    struct slots slots = {0};
    struct model model = {0};

    (void)state;
    take(&slots, &model, SLOTS_MAX, 4, "a");
    take(&slots, &model, SLOTS_MAX, 4, "b");
    for (unsigned at = 0; at < SLOTS_MAX + 9; at++) {
        if (at > 4)
            assert_string_equal(slots_release(&slots, at), "nobody");
    }
    check_owner(&slots, &model);
    release(&slots, &model, 4);
    assert_string_equal(slots_release(&slots, 4), "nobody");
    assert_string_equal(slots_release(&slots, 5), "nobody");
    check_owner(&slots, &model);
}

/* The inside of a run that has others behind it is no run either: nobody's, says the header. */
static void inside_of_any_run_is_no_run(void **state)
{
    struct slots slots = {0};
    struct model model = {0};

    (void)state;
    take(&slots, &model, SLOTS_MAX, 4, "a");
    take(&slots, &model, SLOTS_MAX, 4, "b");
    for (unsigned at = 1; at < 4; at++)
        assert_string_equal(slots_release(&slots, at), "nobody");
}

/* With a limit below what is taken there are no slots left. */
static void limit_below_what_is_taken_gives_nothing(void **state)
{
    struct slots slots = {0};
    struct model model = {0};

    (void)state;
    take(&slots, &model, SLOTS_MAX, 4, "a");
    take(&slots, &model, 3, 1, "b");
    check_owner(&slots, &model);
}

/* One slot too many is not to be had, and a refusal takes nothing. */
static void limit_is_exact(void **state)
{
    (void)state;
    for (unsigned max = 1; max <= SLOTS_MAX; max++) {
        struct slots slots = {0};
        struct model model = {0};

        take(&slots, &model, max, (size_t)max + 1, "a");
        take(&slots, &model, max, SIZE_MAX, "a");
        take(&slots, &model, max, (size_t)1 << 32, "a");
        check_owner(&slots, &model);
        take(&slots, &model, max, max, "b");
        check_owner(&slots, &model);
        take(&slots, &model, max, 1, "c");
        take(&slots, &model, max, SIZE_MAX, "c");
        take(&slots, &model, max, SIZE_MAX - max + 1, "c");
        if (max > 1)
            take(&slots, &model, max, SIZE_MAX - max + 2, "c");
        take(&slots, &model, max, ((size_t)1 << 32) - max + 1, "c");
        check_owner(&slots, &model);
        release(&slots, &model, 0);
        check_owner(&slots, &model);
    }
}

/* A run that was given back leaves no trace: its slots can be cut another way. */
static void slots_are_used_again(void **state)
{
    struct slots slots = {0};
    struct model model = {0};

    (void)state;
    for (unsigned i = 0; i < SLOTS_MAX; i++)
        take(&slots, &model, SLOTS_MAX, 1, names[i % COUNT_OF(names)]);
    take(&slots, &model, SLOTS_MAX, 1, "late");
    for (unsigned i = SLOTS_MAX; i-- > 0;)
        release(&slots, &model, i);
    take(&slots, &model, SLOTS_MAX, SLOTS_MAX, "all");
    for (unsigned i = 1; i < SLOTS_MAX; i++)
        assert_string_equal(slots_release(&slots, i), "nobody");
    check_owner(&slots, &model);
    release(&slots, &model, 0);
}

/* Random sequences, also with a limit that changes: the model agrees after each step. */
static void random_sequences_agree_with_the_model(void **state)
{
    struct rng rng;

    (void)state;
    rng_start(&rng, __func__);
    for (unsigned round = 0; round < 300; round++) {
        struct slots slots = {0};
        struct model model = {0};
        unsigned max = 1 + (unsigned)rng_below(&rng, SLOTS_MAX);

        for (unsigned step = 0; step < 200; step++) {
            const char *name = names[rng_below(&rng, COUNT_OF(names))];

            if (rng_once_in(&rng, 50))
                max = model.used + (unsigned)rng_below(&rng, SLOTS_MAX - model.used + 1);
            if (rng_once_in(&rng, 2))
                take(&slots, &model, max, 1 + rng_below(&rng, rng_once_in(&rng, 9) ? 200 : 5),
                     name);
            else if (rng_once_in(&rng, 3) || model.count == 0)
                release(&slots, &model, (unsigned)rng_below(&rng, SLOTS_MAX + 3));
            else if (rng_once_in(&rng, 3))
                release(&slots, &model, model.runs[rng_below(&rng, model.count)].first);
            else
                release(&slots, &model, model.runs[model.count - 1].first);
            check_owner(&slots, &model);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_taken_at_first),
        cmocka_unit_test(runs_are_a_stack),
        cmocka_unit_test(inside_of_the_last_run_is_no_run),
        cmocka_unit_test(inside_of_any_run_is_no_run),
        cmocka_unit_test(limit_below_what_is_taken_gives_nothing),
        cmocka_unit_test(limit_is_exact),
        cmocka_unit_test(slots_are_used_again),
        cmocka_unit_test(random_sequences_agree_with_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
