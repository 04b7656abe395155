# tars: one executable, one library, everything from this file.  `make help` explains.
#
# Knobs: DEVELOPER=1 (-Werror)  SANITIZE=address,undefined | thread  CC=gcc | clang  V=1  prefix=/usr/local

prefix ?= /usr/local
ifeq ($(origin CC),default)
CC := gcc
endif
SANITIZE ?=
comma := ,
flavour := $(notdir $(CC))-$(if $(SANITIZE),$(subst $(comma),-,$(SANITIZE)),release)
B ?= build/$(flavour)
Q := $(if $(V),,@)
VERSION := 0.1.0

PKGS := libpq jansson libcrypto libssl
# Debian ships llhttp as the C sources that its own parser generator made.
LLHTTP := /usr/share/llhttp
CPPFLAGS += -I. -Icore -I$(B) -I$(B)/gen -isystem /usr/include/postgresql \
	-isystem /usr/share/include/llhttp -D_GNU_SOURCE -DTARS_VERSION='"$(VERSION)"'
CFLAGS ?= -O2 -g
CFLAGS += -std=gnu11 -fvisibility=hidden -fno-omit-frame-pointer -pthread \
	-Wall -Wextra -Wvla -Wshadow -Wmissing-prototypes -Wstrict-prototypes -Wformat=2 \
	-Wcast-function-type -Wno-format-nonliteral -Wno-missing-field-initializers
ifdef DEVELOPER
CFLAGS += -Werror
endif
ifneq ($(SANITIZE),)
CFLAGS += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
LDFLAGS += -fsanitize=$(SANITIZE)
endif
LDLIBS := -lpq -lev -ljansson -Wl,--as-needed -lyaml -Wl,--no-as-needed -linih -lnghttp2 -llz4 -lssl -lcrypto -lm
DEPFLAGS = -MMD -MP

proto_src := $(wildcard proto/*.c)
idl_src   := $(wildcard idl/*.c)
core_src  := $(wildcard core/*/*.c)
roles_src := $(wildcard roles/*.c roles/*/*.c) tars.c
if_tars   := $(wildcard proto/if/*.tars)
if_gen    := $(if_tars:proto/if/%.tars=$(B)/gen/if/%.c)
# Straight-line codecs only where calls are frequent; the others are smaller without.
if_tables := $(filter-out $(patsubst %,$(B)/gen/if/%.c,EndpointF PropertyF QueryF StatF),$(if_gen))
sql_files := $(wildcard roles/sql/*.sql roles/*/*.sql)

obj = $(patsubst %.c,$(B)/%.o,$(filter-out $(B)/%,$(1))) $(patsubst $(B)/%.c,$(B)/%.o,$(filter $(B)/%,$(1)))
llhttp_obj := $(patsubst $(LLHTTP)/%.c,$(B)/llhttp/%.o,$(wildcard $(LLHTTP)/*.c))
proto_obj := $(call obj,$(proto_src)) $(llhttp_obj)
idl_obj   := $(call obj,$(idl_src))
core_obj  := $(call obj,$(core_src))
if_obj    := $(call obj,$(if_gen))
roles_obj := $(call obj,$(roles_src)) $(B)/gen/sql.o

units := $(patsubst t/unit/%.c,$(B)/t/%,$(wildcard t/unit/u-*.c))
fuzzers := $(patsubst t/fuzz/%.c,$(B)/t/%,$(wildcard t/fuzz/fuzz-*.c))
perfs := $(patsubst t/perf/%.c,$(B)/t/perf/%,$(wildcard t/perf/*.c))
public_h  := $(B)/include/tars.h $(B)/include/tars_codec.h
lib       := $(B)/libtars.a
exe       := $(B)/tars
idlc      := $(B)/idlc
hello     := $(B)/examples/hello/HelloServer

.PHONY: all help check units fuzzers layers hdr-check fuzz perf interop install clean tools
.DELETE_ON_ERROR:
.SECONDARY:

all: $(exe) $(lib) $(public_h) $(hello) $(if $(SANITIZE),,$(if $(filter gcc,$(notdir $(CC))),tars))

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile
	@sed -n 's/^# Knobs: /  knobs: /p' Makefile

all: ## ./tars, libtars.a, tars.h and the example (default)
check: ## all tests of this flavour (scripts/check runs every flavour)
fuzz: ## libFuzzer binaries for each t/fuzz/fuzz-*.c (clang); FUZZ_SECONDS=60 runs each so long
perf: ## benchmarks with their references; takes minutes, never fails on time
interop: ## tests against the official SDKs
install: ## executable, library, header, units, templates below prefix=/usr/local
clean: ## remove build/ and ./tars

tars: $(exe)
	@cp -f $< $@.new && mv -f $@.new $@

# ---- compiling ----
$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC $<")
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(DEPFLAGS) -c -o $@ $<
$(B)/%.o: $(B)/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(DEPFLAGS) -c -o $@ $<

$(llhttp_obj): $(B)/llhttp/%.o: $(LLHTTP)/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -w -DLLHTTP_STRICT_MODE=1 -c -o $@ $<

# Everything above proto/ and idl/ may include generated headers: generate them first.
$(core_obj) $(roles_obj) $(if_obj): | $(if_gen) $(B)/gen/sql.c
$(call obj,$(wildcard t/unit/*.c t/fuzz/*.c t/helper/*.c t/helper/sim/*.c)): | $(if_gen) $(B)/gen/sql.c \
	$(B)/gen/test/Base.c $(B)/gen/test/All.c

# ---- generated code: stage 0 of the IDL compiler needs none itself ----
$(idlc): $(call obj,scripts/idlc.c) $(idl_obj) $(proto_obj)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
$(B)/gen/if/%.c: proto/if/%.tars $(if_tars) $(idlc)
	@mkdir -p $(@D)
	$(if $(V),,@echo "  IDL $<")
	$(Q)ASAN_OPTIONS=detect_leaks=0 $(idlc) --with-tars $(if $(filter $@,$(if_tables)),--tables) \
		-I proto/if --out $(@D) $<
# All constructs of the language, for tests.
test_gen := $(B)/gen/test/Base.c $(B)/gen/test/All.c
$(B)/gen/test/%.c: t/data/idl/%.tars $(wildcard t/data/idl/*.tars) $(idlc)
	@mkdir -p $(@D)
	$(Q)ASAN_OPTIONS=detect_leaks=0 $(idlc) --out $(@D) $<
# The headers come with the sources: whoever includes one waits for its source.
$(B)/gen/if/%.h: $(B)/gen/if/%.c ;
$(B)/gen/sql.h: $(B)/gen/sql.c ;
$(B)/gen/sql.c: scripts/embed-sql $(sql_files)
	@mkdir -p $(@D)
	$(Q)scripts/embed-sql $(B)/gen $(sql_files)

# ---- products ----
# One relocatable object whose hidden symbols are made local: short internal names never clash.
$(lib): $(proto_obj) $(core_obj) $(if_obj)
	@mkdir -p $(@D)
	$(if $(V),,@echo "  AR $@")
	$(Q)$(LD) -r -o $(B)/libtars.o $^
	$(Q)objcopy --localize-hidden $(B)/libtars.o
	$(Q)rm -f $@ && $(AR) rcs $@ $(B)/libtars.o
$(exe): $(roles_obj) $(core_obj) $(idl_obj) $(proto_obj) $(if_obj)
	$(if $(V),,@echo "  LD $@")
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -rdynamic -o $@ $^ $(LDLIBS)
$(public_h): $(B)/include/%.h: core/%.h proto/code.h proto/type.h proto/member_put.h proto/member_get.h \
		scripts/inline-header
	@mkdir -p $(@D)
	$(Q)scripts/inline-header $< >$@
$(hello): $(exe) $(lib) $(public_h) $(wildcard etc/examples/hello/*)
	$(if $(V),,@echo "  EXAMPLE hello")
	$(Q)$(MAKE) --no-print-directory -C etc/examples/hello all OUT=$(abspath $(@D)) \
		TARS=$(abspath $(exe)) INCLUDE=$(abspath $(B)/include) LIBDIR=$(abspath $(B)) \
		CC="$(CC)" SANITIZE="$(SANITIZE)"

# ---- tests ----
units: $(units)
fuzzers: $(fuzzers)
# Of the archive a test only takes what it names.
$(B)/all.a: $(proto_obj) $(idl_obj) $(core_obj) $(if_obj) $(filter-out $(B)/tars.o,$(roles_obj)) \
		$(call obj,$(test_gen))
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$(B)/t/u-%: $(B)/t/unit/u-%.o $(B)/all.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS)
# Without libFuzzer each target replays its corpus.
$(B)/t/fuzz-%: $(B)/t/fuzz/fuzz-%.o $(call obj,t/fuzz/replay.c) $(B)/all.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
# With clang and libFuzzer, for scripts/fuzz.
$(B)/t/fuzzer-%: $(B)/t/fuzz/fuzz-%.o $(B)/all.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(FUZZ_MAIN) -o $@ $^ $(LDLIBS)
helpers := $(patsubst t/helper/%.c,$(B)/t/%,$(wildcard t/helper/*.c))
services := $(patsubst t/service/%.c,$(B)/t/%,$(wildcard t/service/*.c))
tools: $(helpers) $(services)
# Services under test have interfaces of their own.
helper_gen := $(patsubst %.tars,$(B)/%.c,$(wildcard t/helper/*.tars))
$(B)/t/helper/%.c: t/helper/%.tars $(idlc)
	@mkdir -p $(@D)
	$(Q)ASAN_OPTIONS=detect_leaks=0 $(idlc) --out $(@D) $<
$(call obj,$(wildcard t/helper/*.c)): CPPFLAGS += -I$(B)/t/helper
$(call obj,$(wildcard t/helper/*.c)): | $(helper_gen)
$(B)/t/interop-service: $(B)/t/helper/Interop.o
$(B)/t/fleet-sim: $(B)/t/helper/sim/node.o
$(patsubst %,$(B)/t/%,chain-service chain-call example-travel): $(B)/t/helper/Chain.o
$(patsubst %,$(B)/t/%,observe-service example-reports): $(B)/t/helper/Observe.o
$(helpers): $(B)/t/%: $(B)/t/helper/%.o $(B)/all.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(B)/all.a $(LDLIBS)

# The services of tests, built as users build theirs.
$(B)/t/service/%.o: t/service/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) -I$(B)/include -I$(B)/t/service $(CFLAGS) $(DEPFLAGS) -c -o $@ $<
$(B)/t/service/%.c: t/service/%.tars $(idlc)
	@mkdir -p $(@D)
	$(Q)ASAN_OPTIONS=detect_leaks=0 $(idlc) --out $(@D) $<
service_gen := $(patsubst %.tars,$(B)/%.c,$(wildcard t/service/*.tars))
$(call obj,$(wildcard t/service/*.c)): $(service_gen) $(public_h)
$(services): $(B)/t/%: $(B)/t/service/%.o $(service_gen:.c=.o) $(lib)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

layers:
	$(Q)scripts/check-layers
hdr-check: $(if_gen) $(B)/gen/sql.c
	$(Q)scripts/check-headers "$(CC)" $(CPPFLAGS)

check: all units $(fuzzers) tools layers hdr-check
	$(Q)B=$(B) t/run

fuzz:
	$(Q)scripts/fuzz $(or $(FUZZ_SECONDS),0)
perf: all tools $(perfs)
	$(Q)for p in t/perf/p[0-9]*.sh; do echo "== $$p"; B=$(B) $$p || exit 1; done
interop: all
	$(Q)B=$(B) t/run t/interop/i[0-9]*.sh

$(B)/t/perf/%.o: t/perf/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -I$(B)/t/perf $(CFLAGS) $(DEPFLAGS) -c -o $@ $<
$(B)/t/perf/Echo.c: t/perf/Echo.tars $(idlc)
	@mkdir -p $(@D)
	$(Q)ASAN_OPTIONS=detect_leaks=0 $(idlc) --out $(@D) $<
perf_tars := $(patsubst %,$(B)/t/perf/%,echo-tars caller-tars)
$(perf_tars:=.o): $(B)/t/perf/Echo.c
$(perf_tars): %: %.o $(B)/t/perf/Echo.o $(lib)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
# protobuf is the reference of the codec's benchmark, and of nothing else.
$(B)/t/perf/Codec.c: t/perf/Codec.tars $(idlc)
	@mkdir -p $(@D)
	$(Q)ASAN_OPTIONS=detect_leaks=0 $(idlc) --out $(@D) $<
$(B)/t/perf/Codec.pb.cc: t/perf/Codec.proto
	@mkdir -p $(@D)
	$(Q)protoc -It/perf --cpp_out=$(@D) $<
$(B)/t/perf/%.o: t/perf/%.cc
	$(Q)$(CXX) $(CPPFLAGS) -I$(B)/t/perf -O2 -g -DNDEBUG -Wall -Wextra -c -o $@ $<
$(B)/t/perf/%.o: $(B)/t/perf/%.cc
	$(Q)$(CXX) -O2 -g -DNDEBUG -c -o $@ $<
$(B)/t/perf/codec-bench.o: $(B)/t/perf/Codec.c
$(B)/t/perf/codec-protobuf.o: $(B)/t/perf/Codec.c $(B)/t/perf/Codec.pb.cc t/perf/codec-bench.h
$(B)/t/perf/codec-bench: $(addprefix $(B)/t/perf/,codec-bench.o codec-protobuf.o Codec.o Codec.pb.o) $(proto_obj)
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ -lprotobuf -pthread $(LDLIBS)
$(B)/t/perf/%: $(B)/t/perf/%.o $(proto_obj)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# ---- install, clean ----
D := $(DESTDIR)$(prefix)
install: all
	install -d $(D)/bin $(D)/lib $(D)/include $(D)/share/tars/systemd $(D)/share/tars/examples
	install -m 755 $(exe) $(D)/bin/tars
	install -m 644 $(lib) $(D)/lib/libtars.a
	install -m 644 $(public_h) $(D)/include/
	install -m 644 etc/tars.ini $(D)/share/tars/tars.ini
	for u in etc/systemd/*; do \
		sed 's,/usr/local/,$(prefix)/,' $$u >$(D)/share/tars/systemd/$${u##*/} || exit 1; \
	done
	cp -r etc/examples/hello $(D)/share/tars/examples/
clean:
	rm -rf build tars

-include $(shell test -d $(B) && find $(B) -name trash -prune -o -name '*.d' -print)
