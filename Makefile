CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
B := build
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wundef -Werror
CFLAGS := -std=c11 -O2 -g -ffreestanding -fno-pic -mcmodel=kernel -mno-red-zone -mgeneral-regs-only -fno-stack-protector -fno-asynchronous-unwind-tables -Iinclude -Iboot $(WARN)
SRC := $(wildcard boot/*.c x86_64/*.c mm/*.c boot/*.S x86_64/*.S)
SRC := $(filter-out %.lds.S,$(SRC))
OBJ := $(patsubst %,$(B)/%.o,$(SRC))
all: $(B)/footing.elf
$(B)/%.c.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -c $< -o $@
$(B)/%.S.o: %.S
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -c $< -o $@
$(B)/footing.lds: boot/footing.lds.S include/layout.h
	@mkdir -p $(@D)
	$(CC) -E -P -D__ASSEMBLER__ -Iinclude -x assembler-with-cpp $< -o $@
$(B)/footing.elf: $(OBJ) $(B)/footing.lds
	ld -nostdlib -static -z max-page-size=4096 -z noexecstack --orphan-handling=error --fatal-warnings -T $(B)/footing.lds $(OBJ) -o $@
-include $(OBJ:.o=.d)
