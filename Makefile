# outflow: make help lists the targets.
#
#   make V=1                     show the commands
#   make CC=clang                another compiler
#   make SAN=address,undefined   with sanitizers
# Each variant has a build folder of its own; the plain gcc one is build/.

CC = gcc
CLANG = clang
BPFTOOL = bpftool
SAN =
V = 0

B := build$(if $(filter gcc,$(CC)),,/$(CC))$(if $(SAN),/san)
Q := $(if $(filter 1,$(V)),,@)
msg = $(if $(filter 1,$(V)),,@printf '  %-7s %s\n' '$(1)' '$(2)')

VERSION := $(shell git describe --always --dirty 2>/dev/null || echo unknown)

WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wmissing-declarations -Wpointer-arith -Wformat=2 -Wundef -Wvla -Wimplicit-fallthrough
HARDEN := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer, \
	-D_FORTIFY_SOURCE=2 -fstack-protector-strong)
CFLAGS := -std=gnu11 -O2 -g -fPIE $(WARN) $(HARDEN)
CPPFLAGS := -D_GNU_SOURCE -Iinclude -Idaemon -I$(B)
LDFLAGS := -pie -Wl,-z,relro,-z,now $(if $(SAN),-fsanitize=$(SAN))
LIBS := -lyaml -lnettle
LIBS_DAEMON := -lbpf -lelf -lz -lpsl $(LIBS)
LIBS_TOOL := -ljansson $(LIBS)

# The programs for the kernel: own types only, neither this machine's BTF nor its headers.
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -std=gnu11 -Wall -Werror -Iinclude -Ibpf

# kernel.c and its parts need the skeleton and libbpf; everything else is one library.
KERNEL_SRC := $(wildcard daemon/intake/kernel*.c)
LIB_SRC := $(filter-out $(KERNEL_SRC),$(wildcard daemon/base/*.c daemon/wire/*.c daemon/conf/*.c \
	daemon/intake/*.c daemon/track/*.c daemon/detect/*.c daemon/alert/*.c daemon/sink/*.c \
	daemon/ctl/*.c daemon/pipeline.c))
DAEMON_SRC := daemon/main.c daemon/options.c $(KERNEL_SRC)
TOOL_SRC := $(wildcard daemon/cli/*.c)
BPF_SRC := $(wildcard bpf/*.bpf.c)
UNIT_SRC := $(wildcard tests/unit/test_*.c)
LAB_SRC := $(wildcard tests/lab/*.c)
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
LIB := $(B)/liboutflow.a

.PHONY: all
all: $(B)/outflowd $(B)/outflow ## build outflowd and outflow

include tests/tests.mk

$(B)/outflowd: $(call obj,$(DAEMON_SRC)) $(LIB)
	$(call msg,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_DAEMON)

$(B)/outflow: $(call obj,$(TOOL_SRC)) $(LIB)
	$(call msg,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(LIBS_TOOL)

$(LIB): $(call obj,$(LIB_SRC))
	$(call msg,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(B)/obj/%.o: %.c
	$(call msg,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(call obj,$(KERNEL_SRC)): $(B)/outflow.skel.h $(B)/try_preempt.skel.h

# The version is compiled in again when it changed, and only where it is used.
VERSIONED := $(call obj,daemon/main.c daemon/options.c daemon/cli/main.c)
$(VERSIONED): CPPFLAGS += -DOUTFLOW_VERSION='"$(VERSION)"'
$(VERSIONED): $(B)/version
$(B)/version: FORCE
	@mkdir -p $(@D)
	@echo '$(VERSION)' | cmp -s - $@ || echo '$(VERSION)' > $@
.PHONY: FORCE
FORCE:

$(B)/bpf/%.bpf.o: bpf/%.bpf.c
	$(call msg,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/outflow.bpf.o: $(patsubst bpf/%.bpf.c,$(B)/bpf/%.bpf.o,$(BPF_SRC))
	$(call msg,BPFLINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

SKELETON = { echo '// NOLINTBEGIN'; $(BPFTOOL) gen skeleton $< name $(1) && \
	echo '// NOLINTEND'; } > $@

$(B)/outflow.skel.h: $(B)/outflow.bpf.o
	$(call msg,SKEL,$@)
	$(Q)$(call SKELETON,outflow_bpf)

# Questions to the kernel, each an object of its own that is loaded for the answer.
$(B)/try_%.skel.h: $(B)/bpf/try/%.bpf.o
	$(call msg,SKEL,$@)
	$(Q)$(call SKELETON,try_$*)

.PHONY: deps
deps: ## install the Debian packages that are missing, by name (as root)
	@packaging/deps

.PHONY: run
run: deps ## install what is missing, build, and watch this machine in the foreground (as root)
	@$(MAKE) --no-print-directory all
	@packaging/run $(B) $(CONFIG)

.PHONY: demo
demo: deps ## a poisoned scanner, end to end, in namespaces of its own (as root)
	@$(MAKE) --no-print-directory all $(LAB)
	@tests/live/demo.sh $(B)

.PHONY: layers
layers: ## fail if a stage includes a later one
	@tests/lint/layers

.PHONY: lint
lint: layers $(B)/outflow.skel.h $(B)/try_preempt.skel.h ## static checks: format, sizes, cppcheck, clang-tidy, shellcheck, manuals
	@packaging/deps lint
	@tests/lint/lint $(B)

.PHONY: clean
clean: ## remove build/
	$(Q)rm -rf build

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | expand -t 14

.DELETE_ON_ERROR:
.SECONDARY:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
