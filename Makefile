# SPDX-License-Identifier: MIT
# Footing: x86-64 early boot. `make help` says what there is.

# Debian's own interpreter: another may come first in PATH.
PYTHON := /usr/bin/python3

ifeq ($(origin CC),default)
CC := gcc
endif
FW ?= bios
MEM ?= 2G
CMDLINE ?=
QEMU ?=
UBSAN ?= 0
TIME ?= 60
CFG ?=
KERNEL ?=
RAMDISK ?=
KEY ?=
CERT ?=
PREFIX ?= /usr/local
DESTDIR ?=

# Each way to build has a folder of its own; build/footing.elf is the one built last.
B := build
VARIANT := $(if $(findstring clang,$(CC)),clang,gcc)$(if $(filter 1,$(UBSAN)),-ubsan)
O := $(B)/obj/$(VARIANT)

WARNINGS := -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion -Wundef \
    -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wwrite-strings \
    -Wcast-align -Wformat=2 -Wvla -Wimplicit-fallthrough -Wredundant-decls

# Freestanding, at the top 2 GiB, without the registers that nobody has saved yet. gcc optimises the
# whole program at once; what clang would need for that is not in Debian's package of it.
WHOLE := $(if $(findstring clang,$(CC))$(filter 1,$(UBSAN)),,-flto -flto-partition=one)
SMALLER := -malign-data=abi -fno-inline-functions-called-once -fno-tree-loop-im -fno-ipa-sra \
    -fno-move-loop-invariants -fno-tree-switch-conversion -fno-if-conversion -fno-ivopts \
    -fno-optimize-sibling-calls -fno-tree-tail-merge -fno-caller-saves -fno-partial-inlining \
    -fno-tree-scev-cprop -fno-forward-propagate
OPTIMISE := -Oz -fno-jump-tables $(if $(findstring clang,$(CC)),,$(SMALLER)) $(WHOLE)
CFLAGS = -std=c11 $(OPTIMISE) -g -ffreestanding -fno-pic -mcmodel=kernel -mno-red-zone \
    -mgeneral-regs-only -fno-stack-protector -fno-asynchronous-unwind-tables \
    -fcf-protection=none -fno-common -ffunction-sections -fdata-sections $(WARNINGS)
CPPFLAGS := -Iinclude -Iboot -MMD -MP
LDFLAGS := -nostdlib -static -z max-page-size=4096 -z noexecstack --build-id=none \
    --orphan-handling=error --fatal-warnings --gc-sections
ifeq ($(UBSAN),1)
CFLAGS += -fsanitize=undefined
LDFLAGS += --defsym=image_ballast=0x200000
endif
ifeq ($(WHOLE),)
LINK = ld $(LDFLAGS)
JOIN = ld -r
else
LINK = $(CC) $(CFLAGS) -nostdlib -static $(LDFLAGS:%=-Xlinker %)
JOIN = $(CC) $(CFLAGS) -nostdlib -r -flinker-output=nolto-rel
endif

SOURCES := $(filter-out $(if $(filter 1,$(UBSAN)),,x86_64/ubsan.c),$(wildcard boot/*.c x86_64/*.c mm/*.c)) \
    $(filter-out %.lds.S,$(wildcard boot/*.S x86_64/*.S))
OBJECTS := $(SOURCES:%=$(O)/%.o)

# What only footing.efi has: PE headers, and a loader, which GRUB is for footing.elf.
EFI_SOURCES := boot/pe.S $(addprefix boot/,$(addsuffix .c,efi_start efi_load efi_config efi_file \
    efi_args efi_options efi_path config))
ELF_OBJECTS := $(filter-out $(EFI_SOURCES:%=$(O)/%.o),$(OBJECTS))

# V=1 shows the commands.
Q := $(if $(V),,@)

BENCHES := $(addprefix $(B)/bench/,builder normaliser corpus update)

.DEFAULT_GOAL := all
.PHONY: all image host-tests help run unified check check-full bench fuzz mutate gdb clean format lint \
    install uninstall FORCE
.DELETE_ON_ERROR:

all: $(B)/footing.elf $(B)/footing.efi $(B)/footing.iso $(B)/footing-plan $(B)/libfooting.a \
    $(B)/footing.lds compile_commands.json
all: ## the image, a bootable ISO, footing-plan and libfooting.a, in build/

image: $(O)/footing.elf $(O)/footing.efi $(O)/libfooting.a ## this variant of the image alone, under build/obj/

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20
	@echo 'Variables: CC=gcc|clang UBSAN=1 FW=bios|uefi|uefi32|efi|pvh MEM=2G CMDLINE="…" QEMU="extra arguments" PREFIX=/usr/local DESTDIR='

run: $(B)/footing.elf $(B)/footing.efi ## boot in QEMU and show the map; FW=, MEM=, CMDLINE=, QEMU=
	@tests/packages.sh run
	@tests/run.sh '$(FW)' '$(MEM)' '$(CMDLINE)' $(QEMU)

unified: $(B)/footing.efi ## build/unified.efi, with CFG=, KERNEL=, RAMDISK= inside; signed with KEY= and CERT=
	@tests/packages.sh build $(if $(KEY),sign)
	@tests/make-unified.sh $(B)/unified.efi $< '$(CFG)' '$(KERNEL)' '$(RAMDISK)' '$(KEY)' '$(CERT)'
	@echo '  EFI   $(B)/unified.efi'

check: all ## every test that a change must pass; ends with "N passed, N failed"
	@tests/packages.sh run check fuzz
	@$(PYTHON) tests/check.py

check-full: all ## the same with the whole boot matrix
	@tests/packages.sh run check fuzz
	@$(PYTHON) tests/check.py --full

bench: all $(BENCHES) ## instruction counts: the builder on the host, a boot in QEMU
	@tests/packages.sh run bench
	@$(PYTHON) tests/bench/bench.py

fuzz: ## run every fuzz target, TIME=60 seconds in all
	@tests/packages.sh fuzz
	@tests/fuzz/run.sh $(TIME)

mutate: ## plant each fault of tests/mutate/faults/, and see the host tests catch it
	@tests/packages.sh check
	@tests/mutate/mutate.py

gdb: $(B)/footing.elf $(B)/footing.efi ## boot as far as the first C function, with gdb attached
	@tests/packages.sh run bench
	@SYMBOLS=$(if $(filter efi,$(FW)),$(O)/footing.efi.elf,$(B)/footing.elf) \
	    tests/run.sh '$(FW)' '$(MEM)' '$(CMDLINE)' --gdb $(QEMU)

format: ## lay out the C sources by .clang-format
	@tests/packages.sh check
	clang-format -i $$(git ls-files '*.c' '*.h')

lint: ## layout of the C sources, and shellcheck on the scripts
	@tests/packages.sh check
	clang-format --dry-run --Werror $$(git ls-files '*.c' '*.h')
	shellcheck $$(git ls-files '*.sh') .ci/run

# What is installed, and where to under PREFIX; footing.pc besides.
INSTALLED := include/footing.h:include $(B)/libfooting.a:lib $(B)/footing.lds:lib/footing \
    $(B)/footing.elf:lib/footing $(B)/footing.efi:lib/footing tests/gdb/footing-gdb.py:lib/footing \
    $(B)/footing-plan:bin \
    boot/footing.7:share/man/man7 boot/footing.cfg.5:share/man/man5 \
    include/footing_info.3:share/man/man3 tests/plan/footing-plan.1:share/man/man1 README.md:share/doc/footing
TO := $(DESTDIR)$(PREFIX)
ABI = $(shell sed -n 's/^.define FOOTING_VERSION //p' include/footing.h)

install: $(foreach f,$(INSTALLED),$(firstword $(subst :, ,$(f)))) ## headers, library, images, man pages: PREFIX=/usr/local, DESTDIR=
	@for f in $(INSTALLED); do from=$${f%:*}; to=$${f##*:}; mode=644; [ $$to != bin ] || mode=755; \
	    install -D -m $$mode "$$from" "$(TO)/$$to/$${from##*/}" || exit 1; done
	@mkdir -p "$(TO)/lib/pkgconfig"
	@sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(ABI)|' boot/footing.pc.in >"$(TO)/lib/pkgconfig/footing.pc"
	@echo '  INSTALL $(TO)'

uninstall: ## what install has put there
	@for f in $(INSTALLED); do from=$${f%:*}; rm -f "$(TO)/$${f##*:}/$${from##*/}"; done
	@rm -f "$(TO)/lib/pkgconfig/footing.pc"
	@for d in lib share/doc; do [ ! -d "$(TO)/$$d/footing" ] || rmdir --ignore-fail-on-non-empty "$(TO)/$$d/footing"; done

clean: ## forget all that was built
	rm -rf $(B) compile_commands.json

# What another compiler or sanitizer built last must not pass for this build.
$(B)/footing.elf $(B)/footing.efi $(B)/libfooting.a: $(B)/%: $(O)/% FORCE
	@cmp -s $< $@ || cp $< $@

$(B)/footing.iso: $(B)/footing.elf tests/make-iso.sh
	@tests/packages.sh iso
	@echo '  ISO   $@'
	$(Q)tests/make-iso.sh $@ $<

$(O)/footing.elf: $(ELF_OBJECTS)
$(O)/footing.efi.elf: $(OBJECTS)
$(O)/footing.elf $(O)/footing.efi.elf: $(O)/footing.lds
	@echo '  LD    $@'
	$(Q)$(LINK) -T $(O)/footing.lds $(filter %.o,$^) -o $@

# The image behind the headers of .pe: file offsets are RVAs.
$(O)/footing.efi: $(O)/footing.efi.elf
	@echo '  EFI   $@'
	$(Q)objcopy -O binary --set-section-flags .pe=alloc,load,readonly,contents \
	    -j .pe -j .text -j .rodata -j .data $< $@

$(O)/boot/pe.S.o: boot/sbat.csv

LDS_PARTS := boot/footing.lds.S boot/pe_constants.h include/layout.h include/x86.h Makefile
PREPROCESS = $(CC) -E -P -D__ASSEMBLER__ -Iinclude -Iboot -x assembler-with-cpp $<

$(O)/footing.lds: boot/footing.lds.S $(LDS_PARTS) | $(O)/.packages
	@mkdir -p $(@D)
	@echo '  CPP   $@'
	$(Q)$(PREPROCESS) -o $@

# With the comment that says how to use it.
$(B)/footing.lds: boot/libfooting.lds.S $(LDS_PARTS) | $(O)/.packages
	@echo '  CPP   $@'
	$(Q)sed '/^ \*\/$$/q' $< >$@
	$(Q)$(PREPROCESS) >>$@

# One object, so that no name of Footing's is in the way of a payload's; memcpy and its like once
# more, for payloads that have none. Footing goes on using its own.
PUBLIC := footing_entry footing_entry_efi64 footing_ready pvh_entry

$(O)/libfooting.a: $(ELF_OBJECTS)
	@echo '  AR    $@'
	$(Q)$(JOIN) -z noexecstack -o $(O)/libfooting.o $(filter %.o,$^)
	$(Q)objcopy $(PUBLIC:%=--keep-global-symbol=%) $(O)/libfooting.o
	$(Q)rm -f $@
	$(Q)ar rcsD $@ $(O)/libfooting.o $(O)/x86_64/string.S.o

$(O)/%.c.o: %.c Makefile | $(O)/.packages
	@mkdir -p $(@D)
	@echo '  CC    $@'
	$(Q)$(CC) $(CFLAGS) $(CPPFLAGS) -c $< -o $@

$(O)/%.S.o: %.S Makefile | $(O)/.packages
	@mkdir -p $(@D)
	@echo '  CC    $@'
	$(Q)$(CC) $(CFLAGS) $(CPPFLAGS) -c $< -o $@

$(O)/.packages: tests/packages.sh
	@tests/packages.sh build $(findstring clang,$(CC))
	@mkdir -p $(@D)
	@touch $@

# The host tool: mm/ as it is, at the speed that large maps want.
PLAN_PARTS := $(filter-out tests/plan/main.c,$(wildcard tests/plan/*.c))
PLAN_SOURCES := tests/plan/main.c $(PLAN_PARTS) $(wildcard mm/*.c) $(addprefix boot/,efi_map.c message.c print.c)

$(B)/footing-plan: $(PLAN_SOURCES) $(wildcard tests/plan/*.h include/*.h) Makefile | $(O)/.packages
	@mkdir -p $(@D)
	@echo '  LINK  $@'
	$(Q)$(CC) -std=c11 -O2 -g $(WARNINGS) -Iinclude $(filter %.c,$^) -o $@

# On the host, with either compiler: mm/ and the parsers unchanged, under sanitizers, with their tests.
HOST_CFLAGS := -std=c11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all $(WARNINGS)
HOST_PURE := $(wildcard mm/*.c $(addprefix boot/,mb2.c firmware32.c efi_map.c efi_exit.c options.c print.c \
    config.c text.c efi_args.c efi_options.c efi_path.c pe.c facts.c elf.c elf_relocate.c claim.c file_kind.c payload_choice.c pvh.c xen_map.c message.c efi_runtime.c acpi.c acpi_memory.c bios_search.c pci.c lists.c \
    screen_choice.c) $(addprefix x86_64/,framebuffer.c font.c backlog.c fault.c))
HOST_SHARED := $(HOST_PURE) $(PLAN_PARTS) \
    $(filter-out tests/host/test_% tests/host/mock_%,$(wildcard tests/host/*.c))
HOST_OBJECTS := $(HOST_SHARED:%=$(B)/obj/host-$(VARIANT)/%.o)
# What speaks to the firmware, and the mock of one: for the tests called test_firmware_*.
HOST_FIRMWARE := $(filter-out $(HOST_PURE),$(wildcard boot/efi*.c)) $(wildcard tests/host/mock_*.c)
HOST_FIRMWARE_OBJECTS := $(HOST_FIRMWARE:%=$(B)/obj/host-$(VARIANT)/%.o)
HOST_TESTS := $(patsubst tests/host/%.c,$(B)/host/%,$(wildcard tests/host/test_*.c))

host-tests: $(HOST_TESTS) $(B)/host/exhaustive

$(B)/obj/host-$(VARIANT)/%.c.o: %.c Makefile | $(O)/.packages
	@mkdir -p $(@D)
	@echo '  CC    $@'
	$(Q)$(CC) $(HOST_CFLAGS) -Iinclude -Iboot -Itests/host -Itests/plan -MMD -MP -c $< -o $@

# The entries' assembly, run on the host.
$(B)/obj/host-$(VARIANT)/%.S.o: %.S Makefile $(wildcard boot/*.inc include/x86.h) | $(O)/.packages
	@mkdir -p $(@D)
	@echo '  CC    $@'
	$(Q)$(CC) $(HOST_CFLAGS) -Iinclude -Iboot -c $< -o $@

$(B)/host/test_cvm: $(B)/obj/host-$(VARIANT)/tests/host/cvm_code.S.o

.SECONDARY: $(HOST_OBJECTS) $(HOST_TESTS:$(B)/host/%=$(B)/obj/host-$(VARIANT)/tests/host/%.c.o)
$(filter $(B)/host/test_firmware_%,$(HOST_TESTS)): $(HOST_FIRMWARE_OBJECTS)
$(B)/host/%: $(B)/obj/host-$(VARIANT)/tests/host/%.c.o $(HOST_OBJECTS)
	@mkdir -p $(@D)
	@echo '  LINK  $@'
	$(Q)$(CC) $(HOST_CFLAGS) $^ -lcmocka -o $@

# All of a small geometry: 3 levels of 4 slots, where every map can be tried.
$(B)/host/exhaustive: $(wildcard tests/host/exhaustive/*.[ch] mm/*.c include/*.h) Makefile | $(O)/.packages
	@mkdir -p $(@D)
	@echo '  LINK  $@'
	$(Q)$(CC) -std=c11 -O2 -g $(WARNINGS) -DPT_BITS=2 -DPT_PAGE_SHIFT=12 -Iinclude \
	    -Itests/host/exhaustive $(filter %.c,$^) -o $@

# The benchmarks: the same sources as footing-plan's, with -O2, but as in the image not vectorised.
BENCH_PARTS := tests/bench/measured.c $(PLAN_PARTS) $(wildcard mm/*.c) $(addprefix boot/,efi_map.c message.c print.c)

$(BENCHES): $(B)/bench/%: tests/bench/%.c $(BENCH_PARTS) $(wildcard include/*.h tests/*/*.h) Makefile
	@tests/packages.sh bench
	@mkdir -p $(@D)
	@echo '  LINK  $@'
	$(Q)$(CC) -std=c11 -O2 -fno-tree-vectorize -g $(WARNINGS) -Iinclude -Itests/bench \
	    -Itests/plan $(filter %.c,$^) -lm -o $@

# For editors and clang tools.
compile_commands.json: Makefile $(SOURCES) | $(O)/.packages
	@printf '[' > $@
	@sep=''; for f in $(filter %.c,$(SOURCES)); do \
	    printf '%s\n{"directory":"%s","file":"%s","command":"%s -c %s"}' "$$sep" '$(CURDIR)' "$$f" \
	        '$(CC) $(CFLAGS) $(filter-out -MMD -MP,$(CPPFLAGS))' "$$f"; sep=','; done >> $@
	@printf '\n]\n' >> $@

-include $(OBJECTS:.o=.d) $(HOST_OBJECTS:.o=.d) $(HOST_FIRMWARE_OBJECTS:.o=.d) \
    $(HOST_TESTS:$(B)/host/%=$(B)/obj/host-$(VARIANT)/tests/host/%.c.d)
