# make demo     builds bgfetch and shows it running
# make install  puts bgfetch, its completions and its manual under PREFIX
# make test     checks format and lints, and runs every test, make wpt included
# make published  reads what embedders get: documentation, packages, examples,
#               and licences and versions where the tools for them are there
# make fresh    builds with an empty cargo home, and runs what was built
# make fuzz     searches for inputs that break a rule (needs cargo-fuzz)
# make bench    measures bgfetch against curl, aria2 and others
# make wpt      runs the web-platform-tests of this project
#
# ENGINE=quickjs (default) or ENGINE=v8 picks the JavaScript engine.

ENGINE ?= quickjs

ifeq ($(ENGINE),quickjs)
  FEATURES := --features cli
  WORKSPACE := --workspace --features background_fetch/cli
  WPT_FEATURES :=
else ifeq ($(ENGINE),v8)
  FEATURES := --no-default-features --features v8,cli
  # The benchmarks are of QuickJS.
  WORKSPACE := --workspace --exclude bench --no-default-features \
    --features background_fetch/cli,background_fetch/v8 \
    --features wpt/v8,sim/v8,fuzz_targets/v8
  WPT_FEATURES := --no-default-features --features v8
else
  $(error ENGINE is quickjs or v8, not "$(ENGINE)")
endif

# The v8 crate downloads its library, unless one is named. One that lies
# beside this clone saves the download.
ifeq ($(ENGINE)$(RUSTY_V8_ARCHIVE),v8)
  archive := $(firstword $(wildcard \
    ../shared/v8/librusty_v8_*_$(shell uname -m)-unknown-linux-gnu.a.gz))
  ifneq ($(archive),)
    export RUSTY_V8_ARCHIVE := $(CURDIR)/$(archive)
  endif
endif

# A cmake that scripts/setup.sh had to bring along, and a cargo that rustup
# installed after this shell was started.
export PATH := $(CURDIR)/target/setup/cmake/data/bin:$(PATH):$(HOME)/.cargo/bin

# No test may hang for ever; macOS has no timeout(1).
BOUNDED := $(shell command -v timeout >/dev/null && echo timeout -k 30 1800)

.PHONY: published help demo install test all-tests wpt bench fresh fuzz setup

help:
	@sed -n '/^#/!q; s/^# \{0,1\}//p' Makefile

demo: setup
	cargo build --release $(FEATURES) --bin bgfetch
	cargo run --quiet --release $(FEATURES) --bin bgfetch -- demo

# DESTDIR is for packages: what is below it is installed elsewhere later.
PREFIX ?= /usr/local

install: setup
	cargo build --release $(FEATURES) --bin bgfetch
	sh scripts/install.sh target/release/bgfetch "$(DESTDIR)$(PREFIX)"

# Tests that cannot run here are listed as ignored.
test: setup
	@TESTS_WITHOUT="$${TESTS_WITHOUT-$$(sh scripts/tests_without.sh)}" \
	  $(MAKE) --no-print-directory all-tests

# What other platforms need is looked at, too, by tests that download nothing.
# Packages that are built apart would each have dependencies with features of
# their own, and build them again: time, and gigabytes.
all-tests:
	cargo fetch --locked
	cargo fmt --all --check
	cargo clippy --all-targets $(WORKSPACE) -- -D warnings
	cargo test --no-run $(WORKSPACE)
	sh scripts/run_tests.sh $(BOUNDED) cargo test --no-fail-fast $(WORKSPACE)
	sh scripts/run_tests.sh $(BOUNDED) "$${CARGO_TARGET_DIR:-target}/debug/wpt"

ifeq ($(ENGINE),quickjs)
	$(MAKE) --no-print-directory published
endif

# The oldest Rust that the packages promise.
MSRV := $(shell sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

published: setup
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --lib $(FEATURES)
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --package background_fetch_build
	cargo check --lib --no-default-features --features $(ENGINE)
	sh scripts/package.sh
	sh scripts/embedder.sh
	@if cargo +$(MSRV) --version >/dev/null 2>&1; then \
	  cargo +$(MSRV) check --lib; \
	else echo "published: left out is Rust $(MSRV): rustup toolchain install $(MSRV)"; fi
	@if cargo deny --version >/dev/null 2>&1; then \
	  cargo deny check licenses bans sources && \
	  if cargo deny fetch db; then cargo deny check advisories; \
	  else echo "published: left out are advisories: see above"; fi; \
	else echo "published: left out is cargo deny: cargo install cargo-deny"; fi
	@if cargo semver-checks --version >/dev/null 2>&1; then \
	  cargo semver-checks --package background_fetch; \
	else echo "published: left out is cargo semver-checks: \
	cargo install cargo-semver-checks"; fi

FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= $(notdir $(wildcard fuzz/corpus/*))
# What it asks of the compiler is not stable yet, and works in a stable one.
FUZZ := RUSTC_BOOTSTRAP=1 cargo fuzz

# Inputs that broaden the search are kept in fuzz/found, out of the corpus. A
# fuzzer is no Rust program: a peer that has gone away would end it by SIGPIPE.
fuzz: setup
	@$(FUZZ) --version >/dev/null 2>&1 || { \
	  echo "make fuzz needs cargo-fuzz: cargo install cargo-fuzz" >&2; exit 2; }
	trap '' PIPE; for target in $(FUZZ_TARGETS); do \
	  mkdir -p fuzz/found/$$target; \
	  $(FUZZ) run --sanitizer none $$target \
	    fuzz/found/$$target fuzz/corpus/$$target -- \
	    -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 || exit; \
	done

wpt: setup
	cargo build --package wpt $(WPT_FEATURES)
	$(BOUNDED) cargo run --quiet --package wpt $(WPT_FEATURES)

# Release builds; minutes, and a machine that has nothing else to do.
bench: setup
	cargo build --release $(FEATURES) --bin bgfetch
	cargo run --quiet --release --package bench -- \
	  --json docs/performance.json --svg docs/performance.svg

fresh:
	@sh scripts/fresh.sh $(ENGINE)

setup:
	@sh scripts/setup.sh $(ENGINE)
