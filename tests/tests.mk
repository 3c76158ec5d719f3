# The test suites. `make test` is what CI runs; `make unit`, `make live`, `make lab` and
# `make test-vm` are its parts.

LIBS_TEST := $(LIBS_TOOL) -lpsl -lcriterion

# Objects first: a mock must stand before the library that has the real one.
$(B)/tests/unit/%: $(B)/obj/tests/unit/%.o $(LIB)
	$(call msg,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(LIB) $(LIBS_TEST)

# What some of them need besides.
RECORDS := gain endpoint names naming naming_settle naming_handed contexts jobs runtimes track_container links links_drivers errands spool decode intake track accounts track_random detect pipeline seeds dns_channel dns_malformed
$(B)/tests/unit/test_ctl $(B)/tests/unit/test_ctl_socket: $(B)/obj/tests/unit/ctl_world.o
$(addprefix $(B)/tests/unit/test_,$(RECORDS)): $(B)/obj/tests/unit/records.o
$(addprefix $(B)/tests/unit/test_,links links_drivers): $(B)/obj/tests/unit/link_tale.o
$(addprefix $(B)/tests/unit/test_,naming naming_settle naming_handed): $(B)/obj/tests/unit/naming_world.o
$(B)/tests/unit/test_cli: $(call obj,$(filter-out daemon/cli/main.c,$(TOOL_SRC)))

# A program of the traffic lab: NAME.c, what lies in NAME/, and what all of them share.
.SECONDEXPANSION:
$(B)/lab/%: $(B)/obj/tests/lab/%.o $(call obj,$(wildcard tests/lab/lib/*.c)) \
		$$(call obj,$$(wildcard tests/lab/$$*/*.c))
	$(call msg,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -luring -lpthread

# No C library to start: of a life that short it would be most.
$(B)/lab/mayfly: | $(B)/lab/mayfly-child
$(B)/lab/mayfly-child: tests/lab/mayfly-child.c
	$(call msg,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O2 $(WARN) -ffreestanding -fno-stack-protector -fno-sanitize=all \
		-static -nostdlib -o $@ $<

# Nothing to look up and to map when a child of it starts. Sanitizers need the shared C library.
ifeq ($(SAN),)
$(B)/lab/reuse: LDFLAGS := -static
endif

# Mocks that a live test loads into the daemon.
$(B)/live/%.so: tests/live/%.c
	$(call msg,SO,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -D_GNU_SOURCE -std=gnu11 -O2 $(WARN) -fPIC -shared -o $@ $<

# The benchmarks' own programs.
$(B)/bench/floor: $(B)/obj/tests/bench/floor.o
	$(call msg,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lbpf -lelf -lz

$(B)/bench/load: $(B)/obj/tests/bench/load.o
	$(call msg,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^

$(B)/bench/%.bpf.o: tests/bench/%.bpf.c
	$(call msg,BPF,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

UNIT := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(UNIT_SRC))
LAB := $(patsubst tests/lab/%.c,$(B)/lab/%,$(LAB_SRC)) \
	$(patsubst tests/live/%.c,$(B)/live/%.so,$(wildcard tests/live/*.c))

# The fuzzers, and the library once more for them. libFuzzer needs clang.
FUZZ_FLAGS := -std=gnu11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all

build/fuzz/obj/%.o: %.c
	$(call msg,FUZZ-CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -MMD -MP -c -o $@ $<

build/fuzz/%: build/fuzz/obj/tests/fuzz/%.o $(patsubst %.c,build/fuzz/obj/%.o,$(LIB_SRC))
	$(call msg,FUZZ-LD,$@)
	$(Q)$(CLANG) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS) -lpsl

# Compares with another reader of JSON.
build/fuzz/fuzz_runtime: LIBS += -ljansson

# Recordings to begin with, in the shape that records have now.
build/fuzz-seeds: $(B)/tests/unit/test_seeds
	$(call msg,SEEDS,$@)
	@mkdir -p $@/replay
	$(Q)FUZZ_SEEDS=$@/replay $< >/dev/null
	@touch $@

FUZZ := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(FUZZ_SRC)) build/fuzz-seeds

.PHONY: test
test: deps ## install what is missing and run every suite (as root)
	-@packaging/deps vm # what they need and cannot have is said there
	-@packaging/deps ci # the same
	@$(MAKE) --no-print-directory all $(UNIT) $(LAB) $(FUZZ)
	@tests/run $(B)

.PHONY: unit
unit: $(UNIT) ## the unit tests alone
	@tests/run $(B) unit

.PHONY: live
live: all $(LAB) ## the live tests alone (as root)
	@tests/run $(B) live

.PHONY: lab
lab: deps ## the traffic lab: a line for each way out; LAB_BYTES=1048576 for a small one, ROWS="..." for some (as root)
	@$(MAKE) --no-print-directory all $(LAB)
	@tests/lab/run $(B) $(ROWS)

.PHONY: test-vm
test-vm: deps ## the traffic lab on other kernels: VM_KERNELS="6.1 7.2", without it all (as root)
	@packaging/deps vm
	@$(MAKE) --no-print-directory all $(LAB)
	@tests/vm/run $(B) $(VM_KERNELS)
.PHONY: soak
soak: all $(LAB) ## mixed ordinary traffic for LINKS_SECONDS (600): nothing of it may be unattributed (as root)
	@LINKS_SECONDS=$(or $(LINKS_SECONDS),600) tests/live/links.sh $(B) mixed

.PHONY: turnover
turnover: all $(LAB) ## 50,000 processes a minute for TURNOVER_SECONDS (180): no lineage is lost, memory is flat (as root)
	@TURNOVER_SECONDS=$(or $(TURNOVER_SECONDS),180) tests/live/turnover.sh $(B)

.PHONY: fuzz
fuzz: $(FUZZ) ## every fuzzer for FUZZ_SECONDS (60)
	@tests/fuzz/run $(or $(FUZZ_SECONDS),60)

.PHONY: bench
bench: all $(addprefix $(B)/bench/,floor load floor.bpf.o) ## what watching costs, in BENCH_ROUNDS (7) rounds (as root)
	@tests/bench/run $(B) $(or $(BENCH_ROUNDS),7)
