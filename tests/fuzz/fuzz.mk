# SPDX-License-Identifier: MIT
# The fuzz targets in build/fuzz/; tests/fuzz/run.sh calls this.

CC := clang
O := build/fuzz
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
CFLAGS := -std=c11 -O1 -g $(SANITIZE) -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion \
    -Wsign-conversion -Wundef -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
    -Wwrite-strings -Wcast-align -Wformat=2 -Wvla -Wimplicit-fallthrough
CPPFLAGS := -Iinclude -Iboot -Itests/host -Itests/fuzz -Itests/plan -MMD -MP

# Coverage counts in what is under test and in the targets, not in the oracle.
TARGETS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
UNDER := $(wildcard mm/*.c) \
    $(addprefix boot/,mb2.c efi_map.c options.c config.c text.c efi_args.c efi_options.c pe.c elf.c elf_relocate.c file_kind.c pvh.c facts.c message.c print.c acpi.c acpi_memory.c bios_search.c pci.c) \
    $(filter-out tests/plan/main.c,$(wildcard tests/plan/*.c))
ORACLE := tests/fuzz/efi_oracle.c tests/fuzz/world.c \
    $(addprefix tests/host/,reference.c reference_mmu.c reference_args.c reference_options.c reference_config.c \
    reference_pe.c reference_elf.c reference_elf_differs.c reference_text.c fake_memory.c tables.c machine.c random.c \
    shadow_tlb.c shadow_finish.c shadow_clean.c subject.c subject_clean.c subject_check.c subject_foretell.c acpi_made.c pci_made.c)

.PHONY: all
.DELETE_ON_ERROR:
.SECONDARY:
all: $(TARGETS:%=$(O)/bin/%)

$(O)/bin/%: $(O)/tests/fuzz/fuzz_%.c.o $(O)/under.a
	@mkdir -p $(@D)
	$(CC) $(SANITIZE) -fsanitize=fuzzer $^ -lcmocka -o $@

# An archive: a target has the coverage counters of what it uses, and no others.
$(O)/under.a: $(UNDER:%=$(O)/%.o) $(ORACLE:%=$(O)/%.o)
	@rm -f $@
	ar rcs $@ $^

$(ORACLE:%=$(O)/%.o): COVERAGE :=
COVERAGE := -fsanitize=fuzzer-no-link

$(O)/%.c.o: %.c tests/fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(COVERAGE) $(CPPFLAGS) -c $< -o $@

-include $(wildcard $(O)/*/*.d $(O)/*/*/*.d)
