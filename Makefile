# ngx_cos_module: see README.md. Everything is built below build/.

NGX_SRC   ?= /usr/share/nginx/src
BUILD     := $(CURDIR)/build
MODULE    := $(BUILD)/ngx_http_cos_module.so

CC        ?= cc
# make V=1 shows the commands
Q         := $(if $(V),,@)
WARN      := -Wall -Wextra -Werror -Wshadow -Wpointer-arith -Wstrict-prototypes
HARDEN    := -fstack-protector-strong -Wformat -Werror=format-security -D_FORTIFY_SOURCE=2
CFLAGS    ?= -g -O2
PURE_INC  := -I$(CURDIR)/include -I$(BUILD)/gen -I/usr/include/libxml2
# Debian has it for amd64 only; without it OpenSSL encrypts alone
IPSEC_MB  := $(if $(wildcard /usr/include/intel-ipsec-mb.h),1,0)
PURE_INC  += -DCOS_IPSEC_MB=$(IPSEC_MB)
PURE_CF   := -std=gnu11 -fPIC $(WARN) $(PURE_INC)
LIBS      := -lxml2 -ljansson -lisal -lcrypto -lhiredis -lpthread \
             $(if $(filter 1,$(IPSEC_MB)),-lIPSec_MB)

ALL_SRC   := $(sort $(wildcard ngx_cos_module/*/*.c))
PURE_SRC  := $(foreach f,$(ALL_SRC),$(if $(filter ngx_%,$(notdir $(f))),,$(f)))
PURE_OBJ  := $(PURE_SRC:%.c=$(BUILD)/pure/%.o)
HEADERS   := $(wildcard include/*.h) $(wildcard ngx_cos_module/*/*.h)

CTL_SRC   := $(sort $(wildcard tools/ctl/*.c))
UNIT_SRC  := $(sort $(wildcard t/unit/test_*.c))
UNIT_BIN  := $(UNIT_SRC:t/unit/%.c=$(BUILD)/unit/%)
FUZZ_SRC  := $(sort $(wildcard fuzz/fuzz_*.c))
FUZZ_BIN  := $(FUZZ_SRC:fuzz/%.c=$(BUILD)/fuzz/%)

.PHONY: all module lib ctl unit test run bench asan valgrind fuzz fuzz-build lint deps clean \
        gen FORCE asan-build

all: module $(if $(CTL_SRC),ctl)

# --- the module ---------------------------------------------------------------
# Built in nginx's own build system. configure (5 s) runs again only when what
# it was given changes: nginx, its flags, ours, config, or the list of files.

MODULE_CC := $(CFLAGS) -fPIC -Wextra -Wno-unused-parameter $(HARDEN)
MODULE_LD := -Wl,-z,relro -Wl,-z,now
OBJS      := $(BUILD)/objs

module:
	@mkdir -p $(BUILD)
	@+flock $(BUILD)/.lock $(MAKE) --no-print-directory module-locked

.PHONY: module-locked
module-locked: $(OBJS)/Makefile
	@$(MAKE) $(if $(V),,-s) --no-print-directory -C $(NGX_SRC) -f $(OBJS)/Makefile modules
	@cmp -s $(OBJS)/$(notdir $(MODULE)) $(MODULE) \
	  || install -m 644 $(OBJS)/$(notdir $(MODULE)) $(MODULE)

$(OBJS)/Makefile: config config.make $(BUILD)/configured-for
	@mkdir -p $(OBJS) && echo "configuring ngx_cos_module against $(NGX_SRC)"
	@bash -c 'set -e; cd $(NGX_SRC); . ./conf_flags; \
	  ./configure "$${NGX_CONF_FLAGS[@]}" --with-cc-opt="$(MODULE_CC)" \
	    --with-ld-opt="$(MODULE_LD)" --builddir=$(OBJS) \
	    --add-dynamic-module=$(CURDIR) >$(OBJS)/configure.log 2>&1 \
	    || { tail -n 15 $(OBJS)/configure.log >&2; rm -f $@; exit 1; }'

$(BUILD)/configured-for: FORCE
	@mkdir -p $(BUILD)
	@test -r $(NGX_SRC)/conf_flags || { \
	  echo "nginx headers not found in $(NGX_SRC): run \"make deps\"" >&2; exit 1; }
	@{ echo '$(MODULE_CC) $(MODULE_LD) $(IPSEC_MB)'; \
	   grep -h 'define nginx_version' $(NGX_SRC)/src/core/nginx.h; \
	   cat $(NGX_SRC)/conf_flags; printf '%s\n' $(ALL_SRC) $(HEADERS); } >$@.new; \
	 cmp -s $@.new $@ && rm $@.new || mv $@.new $@

FORCE:

# --- the pure rooms -------------------------------------------------------------

gen: $(BUILD)/gen/cos_lua.h

# the folder, too: a file that went is a change
LUA_SRC   := $(wildcard ngx_cos_module/meta/lua ngx_cos_module/meta/lua/*.lua)

$(BUILD)/gen/cos_lua.h: $(LUA_SRC) tools/library.sh tools/embed.sh
	@mkdir -p $(dir $@)
	$(Q)sh tools/library.sh >$(dir $@)cos.lua
	$(Q)sh tools/embed.sh $(dir $@)cos.lua $@ cos_lua

lib: $(BUILD)/libcos.a

$(BUILD)/pure/%.o: %.c $(HEADERS) Makefile
	@mkdir -p $(dir $@)
	$(Q)$(CC) $(PURE_CF) $(HARDEN) $(CFLAGS) -c $< -o $@

# made anew when the library came or went
$(BUILD)/pure/ngx_cos_module/core/ctr_wide.o: $(BUILD)/ipsec-mb-$(IPSEC_MB)

$(BUILD)/ipsec-mb-$(IPSEC_MB):
	@mkdir -p $(BUILD) && rm -f $(BUILD)/ipsec-mb-? && touch $@

$(BUILD)/libcos.a: $(PURE_OBJ)
	@mkdir -p $(dir $@)
	$(Q)rm -f $@ && ar rcs $@ $^

# --- cosctl -----------------------------------------------------------------

ctl: $(BUILD)/cosctl

$(BUILD)/cosctl: $(CTL_SRC) $(BUILD)/libcos.a $(BUILD)/gen/cos_lua.h $(HEADERS) tools/ctl/ctl.h
	@mkdir -p $(dir $@)
	$(Q)$(CC) $(PURE_CF) $(HARDEN) $(CFLAGS) $(CTL_SRC) -o $@.new $(BUILD)/libcos.a $(LIBS)
	@mv $@.new $@

# --- unit tests -------------------------------------------------------------

$(BUILD)/unit/%: t/unit/%.c $(BUILD)/libcos.a $(BUILD)/gen/cos_lua.h $(HEADERS) $(wildcard t/unit/*.h)
	@mkdir -p $(dir $@)
	$(Q)$(CC) $(PURE_CF) $(CFLAGS) $< -o $@ $(BUILD)/libcos.a -lcmocka $(LIBS)

unit: $(UNIT_BIN)
	@set -e; for t in $(UNIT_BIN); do CMOCKA_MESSAGE_OUTPUT=TAP $$t; done

# --- fuzz targets: libFuzzer with address and undefined sanitizers ------------

FUZZ_CC   ?= clang
FUZZ_CF   := -std=gnu11 -g -O1 -fno-omit-frame-pointer -fsanitize=fuzzer,address,undefined \
             -fno-sanitize-recover=undefined $(PURE_INC)
FUZZ_SECONDS ?= 30

$(BUILD)/fuzz/%: fuzz/%.c $(PURE_SRC) $(HEADERS) $(wildcard fuzz/*.h)
	@mkdir -p $(dir $@)
	$(Q)$(FUZZ_CC) $(FUZZ_CF) $< $(PURE_SRC) -o $@ $(LIBS)

fuzz-build: $(FUZZ_BIN)

fuzz: fuzz-build
	@set -e; for f in $(FUZZ_BIN); do n=$$(basename $$f); mkdir -p $(BUILD)/corpus/$$n; \
	  echo "== $$n"; mkdir -p fuzz/corpus/$$n; \
	  $$f -max_total_time=$(FUZZ_SECONDS) -timeout=10 -rss_limit_mb=1024 -print_final_stats=0 \
	    -verbosity=0 $(BUILD)/corpus/$$n fuzz/corpus/$$n; done; echo "fuzz: all targets clean"

# --- doors ----------------------------------------------------------------------

deps:
	@tools/deps build run test

run:
	@tools/deps build run
	@$(MAKE) --no-print-directory all
	@tools/run

# Everything: unit tests, end-to-end tests, real clients.
test: all $(UNIT_BIN)
	@tools/test $(TESTS)

bench: all
	@tools/deps bench && bench/run

# --- benchmarks -----------------------------------------------------------------

BENCH_SRC := $(wildcard bench/*.c)
BENCH_BIN := $(BENCH_SRC:bench/%.c=$(BUILD)/bench/%)

.PHONY: bench-programs
bench-programs: $(BENCH_BIN)

$(BUILD)/bench/%: bench/%.c bench/bare.h Makefile
	@mkdir -p $(dir $@)
	$(CC) -std=gnu11 $(WARN) $(CFLAGS) $< -o $@ -lhiredis -lpthread

# --- checks ---------------------------------------------------------------------

asan-build: gen
	@tools/deps build asan
	@flock $(BUILD)/.lock tools/asan-nginx

# The end-to-end tests on an nginx built with sanitizers, module linked in.
asan: all asan-build
	@COSDEV_NGINX=$(BUILD)/asan/nginx COSDEV_STATIC=1 COS_TEST_SLOW=5 \
	  COSDEV_TIMEOUT=120 COS_SKIP_CLIENTS=$(if $(CLIENTS),,1) \
	  tools/test $(or $(TESTS),$(wildcard t/*.t))

# The same under valgrind: slow, finds reads of memory that was never written, and leaks.
valgrind: all
	@tools/deps valgrind
	@COSDEV_WRAP="valgrind --quiet --trace-children=yes --child-silent-after-fork=no \
	  --keep-debuginfo=yes --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite --error-exitcode=0 --suppressions=$(CURDIR)/tools/valgrind.supp \
	  --log-file=logs/valgrind.%p" COS_TEST_SLOW=20 COSDEV_TIMEOUT=300 \
	  tools/test $(or $(TESTS),t/put_get.t t/multipart.t t/list.t t/badinput.t)

lint: $(OBJS)/Makefile gen
	@tools/deps build lint
	@tools/lint

clean:
	rm -rf $(BUILD)
