# The names of things that need no explanation: `make help`.
SHELL := /bin/bash
GO    ?= go
BIN   := bin
TOOLS := $(BIN)/tools

# The linter is built from source at this version, with the machine's own Go: nothing prebuilt is downloaded.
GOLANGCI_VERSION := v2.15.0
GOLANGCI         := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)

# Flags of go test for `make bench`: -short leaves out the cold build, which compiles the standard library twice; -benchtime, ...
BENCHFLAGS ?=

# How long each fuzz target runs in `make fuzz`.
FUZZTIME ?= 30s

.DEFAULT_GOAL := help
.PHONY: build demo test lint fmt generate bench fuzz platforms help clean setup

build: ## build bin/logspout-builder
	@CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $(BIN)/logspout-builder ./cmd/logspout-builder

demo: build ## a custom logspout with kafka, run against the local engine (or stdin) and an embedded Kafka
	@$(GO) run ./examples/kafka/demo -builder $(BIN)/logspout-builder

setup: # what the tests need beyond Go: Debian packages, installed where that is possible
	@./test/setup.sh
	@$(GO) mod download # also what only other platforms need: tests build from the module cache

test: setup $(GOLANGCI) ## all tests, with the race detector; end to end where an engine answers
	GOLANGCI_LINT=$(abspath $(GOLANGCI)) $(GO) test -race -timeout 15m ./...

lint: $(GOLANGCI) ## the linter with the design's fences, and generated files that must be fresh
	$(GOLANGCI) run --allow-parallel-runners ./...
	@$(MAKE) --no-print-directory generate
	@git diff --exit-code --stat -- '*_gen.go' generator registry.json || { echo 'generated files are stale: commit what `make generate` wrote' >&2; exit 1; }

fmt: $(GOLANGCI) ## format all Go code
	$(GOLANGCI) fmt ./...

generate: ## write the generated files anew
	@$(GO) generate ./...

bench: ## the benchmarks, each beside its floor (about 3 minutes)
	@$(GO) run ./test/bench $(BENCHFLAGS) $$(grep -rl --include='*_test.go' '^func Benchmark' . | xargs -n 1 dirname | sort -u)

fuzz: ## every fuzz target for FUZZTIME (30s)
	@set -e; for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; \
	done

# The platforms that binaries are released for; another set can be named.
PLATFORMS ?= linux/amd64 linux/arm64 linux/arm darwin/arm64 windows/amd64

platforms: ## the runtime and its tests compile on every platform that binaries are made for
	@set -e; for platform in $(PLATFORMS); do echo "$$platform" >&2; \
	  CGO_ENABLED=0 GOOS=$${platform%/*} GOARCH=$${platform#*/} $(GO) vet ./core/... ./modules/...; \
	done

clean: ## remove what was built
	rm -rf $(BIN)

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(GOLANGCI):
	@mkdir -p $(TOOLS)
	@echo "building golangci-lint $(GOLANGCI_VERSION)" >&2
	@GOBIN=$(abspath $(TOOLS)) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	@mv $(TOOLS)/golangci-lint $@
