# The two commands of the README, and what a change has to pass.
.PHONY: demo test check bench captures help

CARGO ?= cargo

help: ## Say what there is to make
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

demo: ## Build flowcanary and replay the story of a cryptojacking attack
	@scripts/setup build
	@$(CARGO) build --locked --release --quiet
	target/release/flowcanary replay pcaps/cryptojacking.pcap --export file:target/demo.ipfix --eve target/demo.eve.json

test: ## Run every test
	@scripts/setup test
	$(CARGO) test --locked --workspace

check: ## Formatter, clippy and rustdoc, with warnings denied, and whether what is fuzzed still builds
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" $(CARGO) doc --locked --workspace --no-deps --document-private-items
	CUSTOM_LIBFUZZER_PATH=none/needed.a RUSTFLAGS="--cfg fuzzing --deny warnings" \
		$(CARGO) check --locked --manifest-path fuzz/Cargo.toml --target-dir target/fuzzing

bench: ## Measure reading, decoding, metering and exporting
	@scripts/setup build
	$(CARGO) bench --locked --workspace

captures: ## Write the captures in pcaps/ anew
	$(CARGO) run --locked --quiet --package pcaps --bin write-pcaps
