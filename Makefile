# One word a task; CONTRIBUTING.md says what each is for. What takes more than a few lines is a script in .ci/.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.PHONY: demo build test test-c test-python test-peers test-debian test-free-threaded soak bench bench-quick lint clang asan asan-c asan-python tsan fuzz format clean

PYTHON ?= python3
JOBS ?= $(shell nproc)
BUILD ?= build
CFLAGS ?= -O2 -g
FLAGS := -std=c17 -D_GNU_SOURCE -Icsrc -Iinclude -fvisibility=hidden -pthread -MMD -MP \
    -Wall -Wextra -Wshadow -Wconversion -Wvla -Wstrict-prototypes -Werror
LUA_CFLAGS := $(shell pkg-config --cflags lua5.4 2>/dev/null || echo -I/usr/include/lua5.4)
LUA_LIBS := $(shell pkg-config --libs lua5.4 2>/dev/null || echo -llua5.4)
SANITIZE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
TSAN_TESTS := threads bell command batch_node batch_parts group node loop pool tend tend_many api single_cluster udf_modules # those with threads
PYTEST := -m pytest -n $(JOBS) --dist worksteal --timeout=180 --ignore=tests/peers

LAYERS := $(filter-out python,$(shell sed -n 's/^\([a-z]*\):.*/\1/p' csrc/layers.txt))
OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out csrc/node/udf_none.c,$(foreach layer,$(LAYERS),$(wildcard csrc/$(layer)/*.c))))
C_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/c/test_*.c))
FUZZ := $(patsubst %.c,$(BUILD)/%,$(filter-out %/replay.c,$(wildcard tests/fuzz/*.c)))
BENCH := $(patsubst %.c,$(BUILD)/%,$(wildcard benchmarks/*.c))
BENCH_PYTHON = $$(ls .venv-bench/.bench >&/dev/null && echo .venv-bench/bin/python || echo .venv/bin/python)
C_HELP := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/c/test_%,$(wildcard tests/c/*.c)))

demo: build
	@.venv/bin/python -m aerospike_np demo
build: .venv/.build
	@.venv/bin/python setup.py -q build_ext --inplace
test: export ANP_WERROR := 1
test:
	@failed=; for task in test-c clang lint test-python test-peers test-debian; do \
	    echo "== make $$task"; $(MAKE) --no-print-directory $$task || failed+=" $$task"; done; \
	echo "== make test: $${failed:+failed:}$${failed:-everything passed}"; [ -z "$$failed" ]

test-c: system-test
	@$(MAKE) -s --no-print-directory -j$(JOBS) c-tests
	@.ci/test-c.sh $(C_TESTS) $(FUZZ)
test-python: export AEROSPIKE_NP_SOAK_RUNS ?= 200
test-python: .venv/.tests build
	@$(MAKE) -s --no-print-directory bench-programs
	@.venv/bin/python $(PYTEST) tests
	@AEROSPIKE_NP_SOAK_RUNS=20 .venv/bin/python $(PYTEST) tests/integration --driver async
test-peers: .venv-peers/.peers build
	@.venv-peers/bin/python -m pytest --timeout=180 tests/peers
test-debian: system-test
	@.ci/test-debian.sh
test-free-threaded:
	@.ci/free-threaded.sh interpreter
	@.ci/free-threaded.sh tests
soak: export AEROSPIKE_NP_SOAK_RUNS ?= 1000
soak: export AEROSPIKE_NP_SOAK_SEED ?= $(shell date +%s)
soak: .venv/.tests build
	@.venv/bin/python $(PYTEST) -v tests/integration/test_soak.py
bench bench-quick: bench-ready
	@PYTHONPATH=. $(BENCH_PYTHON) benchmarks/bench.py $(if $(filter bench-quick,$@),--quick)
lint: .venv/.tests build
	@.ci/lint.sh
clang: system-test .venv/.build  # compiled only: no warning from the other compiler
	@CC=clang-14 ANP_WERROR=1 .venv/bin/python setup.py -q build_ext -b build/clang/lib -t build/clang/temp
asan: asan-c asan-python
asan-c:
	@$(MAKE) --no-print-directory test-c BUILD=build/asan CFLAGS="$(SANITIZE)"
asan-python: .venv/.tests
	@.ci/asan-python.sh $(PYTEST) tests/unit tests/integration tests/conformance
tsan: BUILD := build/tsan
tsan: CFLAGS := -O1 -g -fsanitize=thread -fno-omit-frame-pointer
tsan: system-test
	@$(MAKE) --no-print-directory test-c BUILD=$(BUILD) CFLAGS="$(CFLAGS)" \
	    C_TESTS="$(TSAN_TESTS:%=$(BUILD)/tests/c/test_%)"
fuzz: system-test
	@.ci/fuzz.sh $(SECONDS)
format: .venv/.tests
	@.ci/lint.sh --fix
clean:
	rm -rf build dist *.egg-info .venv .venv-peers .venv-bench aerospike_np/*.so aerospike_np/lib

system-%:
	@.ci/setup.sh system $*
.venv/.build: .ci/requirements.txt .ci/requirements-build.txt | system-build
	@.ci/setup.sh venv $< $@ $(PYTHON)
.venv/.tests: tests/requirements.txt .venv/.build | system-test
	@.ci/setup.sh venv $< $@ $(PYTHON)
.venv-peers/.peers: tests/peers/requirements.txt .venv/.build | system-test
	@.ci/setup.sh venv $< $@ .venv/bin/python

.venv-bench/.bench: benchmarks/requirements.txt .venv/.build | system-bench
	@.ci/setup.sh venv $< $@ .venv/bin/python

.PHONY: c-tests bench-programs bench-ready
bench-ready: build # without the other clients, and without 3.13t, where they can't be had
	@$(MAKE) -s --no-print-directory bench-programs
	@$(MAKE) -s --no-print-directory .venv-bench/.bench || echo "bench: goes on without other clients" >&2
	@! .ci/free-threaded.sh have >/dev/null || .ci/free-threaded.sh package
c-tests: $(C_TESTS) $(FUZZ)
bench-programs: $(BENCH)
$(BENCH): $(BUILD)/%: %.c aerospike_np/lib/libaerospike_np.a
	mkdir -p $(@D); $(CC) $(FLAGS) -O3 $< aerospike_np/lib/libaerospike_np.a -o $@ -lm
$(BUILD)/libanp.a: $(OBJECTS)
	rm -f $@; ar rcs $@ $^
$(BUILD)/csrc/lua/%.o $(BUILD)/tests/c/test_lua_patterns.o: FLAGS += $(LUA_CFLAGS)
$(BUILD)/%.o: %.c Makefile
	mkdir -p $(@D); $(CC) $(FLAGS) $(CFLAGS) -c $< -o $@
$(C_TESTS): %: %.o $(C_HELP) $(BUILD)/libanp.a
	$(CC) $(CFLAGS) -pthread $^ -o $@ $(LUA_LIBS) -lcmocka -lcrypto -lpthread -lm
$(FUZZ): %: %.o $(BUILD)/tests/fuzz/replay.o $(BUILD)/libanp.a
	$(CC) $(CFLAGS) -pthread $^ -o $@ $(LUA_LIBS) -lcrypto -lpthread -lm
.SECONDARY:
-include $(OBJECTS:.o=.d) $(C_TESTS:=.d) $(FUZZ:=.d) $(C_HELP:.o=.d) $(BENCH:=.d)
