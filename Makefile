# `make run` and `make test` do all the set-up they need; ARGS goes to set-up: `make run ARGS=--cpu`.
# `make install` goes by PREFIX (~/.local unless set) and DESTDIR.
.DEFAULT_GOAL := help
.PHONY: help run test setup build install uninstall bench bench-setup clean

CONSOLE_ONLY := --no-default-features
ARGS :=
export PREFIX DESTDIR

help: ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1|/p' Makefile | column -t -s '|'

run: build ## Train the quickstart preset and its labels-only baseline
	@$${CARGO_TARGET_DIR:-target}/debug/fixmatch train quickstart --baseline --attach

build: setup ## Build the console and the worker
	cargo build --bins

test: setup ## Check the format, lint and run all tests, without and with training
	@cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 || \
		{ echo 'set-up: rustfmt or clippy is missing: run `rustup component add rustfmt clippy`' >&2; exit 1; }
	cargo fmt --check
	cargo clippy $(CONSOLE_ONLY) -- -D warnings # its tests are linted below, with all others
	cargo clippy --all-targets -- -D warnings
	CARGO_PROFILE_DEV_OPT_LEVEL=0 cargo test $(CONSOLE_ONLY) # the same code again, so compiled in less time
	cargo test

setup: ## Fetch libtorch if there is none, and say what else is missing
	@scripts/setup.sh $(ARGS)

install: build ## Install both programs, manual pages and completions into PREFIX (~/.local)
	@scripts/install.sh install $${CARGO_TARGET_DIR:-target}/debug

uninstall: ## Remove exactly what `make install` put there
	@scripts/install.sh uninstall

bench: build ## Measure augmentation, opening runs and a training step; beside Pillow and PyTorch after `make bench-setup`
	cargo bench
	cargo bench --bench peer -- wrn
	$${CARGO_TARGET_DIR:-target}/debug/fixmatch-worker bench

bench-setup: ## Make the Python environment that benchmarks compare with
	@scripts/bench-setup.sh

clean: ## Delete what was built; libtorch stays in the cache
	cargo clean
