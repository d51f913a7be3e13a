/* SPDX-License-Identifier: MIT */
#include "stock.h"

#include "x86.h"

/*
 * A frame in the stock has its own address, inverted, in its second word. What
 * has that by chance is looked for in the list itself.
 */
#define WORD_NEXT 0
#define WORD_MARK 1

static uint8_t *bucket_of(struct frame_stock *stock, uint64_t frame)
{
    return &stock->tables[frame >> PAGE_SHIFT & (STOCK_BUCKETS - 1)];
}

static void table_comes(struct frame_stock *stock, uint64_t frame)
{
    uint8_t *count = bucket_of(stock, frame);

    *count = (uint8_t)(*count + (*count < UINT8_MAX));
}

static void table_goes(struct frame_stock *stock, uint64_t frame)
{
    uint8_t *count = bucket_of(stock, frame);

    *count = (uint8_t)(*count - (*count > 0 && *count < UINT8_MAX));
}

static bool count_table(void *ctx, uint64_t frame)
{
    table_comes(ctx, frame);
    return false;
}

void stock_start(struct frame_stock *stock, const struct stock_rules *rules)
{
    stock->rules = rules;
    stock->first = 0;
    for (size_t i = 0; i < STOCK_BUCKETS; i++)
        stock->tables[i] = 0;
    pt_any_table(rules->main, count_table, stock);
}

static uint64_t read_word(const struct frame_stock *stock, uint64_t frame, unsigned word)
{
    uint64_t *words = stock->memory->map(stock->memory->ctx, frame);
    uint64_t value = words[word];

    stock->memory->unmap(stock->memory->ctx, words);
    return value;
}

static void push(struct frame_stock *stock, uint64_t frame)
{
    uint64_t *words = stock->memory->map(stock->memory->ctx, frame);

    words[WORD_NEXT] = stock->first;
    words[WORD_MARK] = ~frame;
    stock->memory->unmap(stock->memory->ctx, words);
    stock->first = frame;
}

/* There is one. */
static uint64_t pop(struct frame_stock *stock)
{
    uint64_t frame = stock->first;
    uint64_t *words = stock->memory->map(stock->memory->ctx, frame);

    stock->first = words[WORD_NEXT];
    words[WORD_MARK] = 0;
    stock->memory->unmap(stock->memory->ctx, words);
    return frame;
}

static bool is_in_stock(const struct frame_stock *stock, uint64_t frame)
{
    uint64_t at = stock->first;

    if (read_word(stock, frame, WORD_MARK) != ~frame)
        return false;
    while (at != 0 && at != frame)
        at = read_word(stock, at, WORD_NEXT);
    return at != 0;
}

static bool is_frame(void *ctx, uint64_t frame)
{
    return frame == *(const uint64_t *)ctx;
}

static bool is_table(struct frame_stock *stock, uint64_t frame)
{
    const struct stock_rules *rules = stock->rules;

    if (*bucket_of(stock, frame) == 0)
        return false;
    if (pt_any_table(rules->main, is_frame, &frame))
        return true;
    for (size_t i = 0; i < rules->nothers; i++) {
        if (rules->others[i].root != 0 && pt_any_table(&rules->others[i], is_frame, &frame))
            return true;
    }
    return false;
}

/* In this order: nothing is read that may not be RAM. */
static bool may_be_table(struct frame_stock *stock, uint64_t frame)
{
    const struct stock_rules *rules = stock->rules;

    if (!rules)
        return true;
    return (frame & PAGE_MASK) == 0 && frame >> rules->main->phys_bits == 0 &&
           memmap_is(rules->map, frame, PAGE_SIZE, MEM_USABLE) &&
           memtype_is(rules->main->mtrr, frame, PAGE_SIZE, MEMTYPE_WB) &&
           frame - rules->image_pa >= rules->image_len &&
           pt_may_write(rules->main, frame) == ERR_NONE && !is_in_stock(stock, frame) &&
           !is_table(stock, frame);
}

enum error_code stock_reserve(struct frame_stock *stock, size_t count)
{
    const struct footing_frames *source = stock->source;

    for (; count > 0; count--) {
        uint64_t frame = source->alloc(source->ctx);

        if (frame == 0 || !may_be_table(stock, frame)) {
            stock_return(stock);
            return frame == 0 ? ERR_NOFRAMES : ERR_FRAME;
        }
        push(stock, frame);
    }
    return ERR_NONE;
}

uint64_t stock_take(struct frame_stock *stock)
{
    uint64_t frame = pop(stock);

    table_comes(stock, frame);
    return frame;
}

void stock_free(struct frame_stock *stock, uint64_t frame)
{
    table_goes(stock, frame);
    stock->source->free(stock->source->ctx, frame);
}

void stock_return(struct frame_stock *stock)
{
    while (stock->first != 0)
        stock->source->free(stock->source->ctx, pop(stock));
}
