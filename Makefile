# kube-remedy: the human entry. `make help` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BUILD    ?= build/release
JOBS     ?= $(shell nproc)
CONTEXT  ?=
# What is built once: shared by all checkouts.
CACHE    := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kube-remedy
GO_DIR   := $(CACHE)/go
export KUBE_REMEDY_CACHE ?= $(CACHE)
# A Go toolchain that `make deps` put there, if it had to.
export PATH := $(GO_DIR)/bin:$(PATH)
# Never fetch another toolchain behind our back.
export GOTOOLCHAIN := local
export CCACHE_DIR ?= $(CACHE)/ccache

##@ For users

.PHONY: help
help: ## Show the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z ]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: deps
deps: ## Install what is missing: Debian packages and a Go toolchain
	@hack/deps.sh $(GO_DIR)

.PHONY: build
build: $(BUILD)/build.ninja ## Build the programs and the tests
	@cmake --build $(BUILD) -j $(JOBS)

.PHONY: programs
programs: $(BUILD)/build.ninja ## Build the programs only
	@cmake --build $(BUILD) -j $(JOBS) --target kube-remedy kubectl-remedy

$(BUILD)/build.ninja: CMakeLists.txt cmake/*.cmake
	@cmake --preset $(notdir $(BUILD))

.PHONY: demo
demo: deps ## See the calico incident healed on a real control plane (CONTEXT=name: on yours)
	@$(MAKE) --no-print-directory programs tools
	@KUBE_REMEDY_BIN=$(CURDIR)/$(BUILD)/bin build/e2e/demo $(if $(CONTEXT),--context $(CONTEXT))

.PHONY: test
test: deps ## All tests: unit, component, CEL oracle, end to end
	@$(MAKE) --no-print-directory build tools
	@hack/test.sh $(BUILD)

.PHONY: bench
bench: deps ## Measure the bars of docs/performance.md beside client-go
	@$(MAKE) --no-print-directory $(BUILD)/build.ninja tools
	@tests/bench/run.sh $(BUILD)

##@ For developers

.PHONY: tools
tools: ## Build the control plane and the test programs, once
	@hack/tools.sh

.PHONY: verify
verify: build ## Format, layering, header self-containment, schema parity
	@hack/verify.sh $(BUILD)

.PHONY: unit
unit: build ## Unit tests only
	@ctest --test-dir $(BUILD) -L unit --output-on-failure -j $(JOBS)

.PHONY: asan tsan
asan tsan: ## Tests under AddressSanitizer and UBSan, or those with threads under ThreadSanitizer
	@cmake --preset $@
	@cmake --build build/$@ -j $(JOBS) --target kr_tests
	@hack/sanitize.sh build/$@

.PHONY: fmt
fmt: ## Format the sources in place
	@git ls-files '*.cc' '*.h' | xargs clang-format -i

.PHONY: clean
clean: ## Remove what was built (not the cache)
	@rm -rf build
