# Everything that is done with this repository. It needs Go 1.26, make, git and bash.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -X github.com/sluice-lb/sluice/internal/version.linked=$(VERSION)

# Without gRPC's request traces, which look up methods by name: with them the linker must keep
# every operation of every AWS service, and the controller is three times as large.
TAGS := grpcnotrace

# The controller is built by its own go.mod alone, as it is released; the lab takes the
# controller's packages from this tree, through go.work.
GO     := GOWORK=off go
GO_LAB := cd lab && go

# Tools are pinned in go.tools.mod and built from there: nothing has to be installed.
tool = $$(GOWORK=off go tool -modfile=$(CURDIR)/go.tools.mod -n $(1))

# Helm is pinned in lab/go.mod, whose tests use it as a library.
helm = $$($(GO_LAB) tool -n helm)

# Folders of Go code that is formatted and generated.
GOFILES = $(shell git ls-files --cached --others --exclude-standard '*.go')

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: bin/sluice bin/kubectl-sluice bin/sluice-healthz bin/sluice-lab ## Build the programs into bin/

# Go itself knows what has changed, so these run every time.
.PHONY: bin/sluice bin/kubectl-sluice bin/sluice-healthz bin/sluice-lab
bin/sluice bin/kubectl-sluice:
	@echo "building $@"
	@$(GO) build -tags $(TAGS) -ldflags '$(LDFLAGS)' -o $@ ./cmd/$(@F)

# It stands in an image of nothing else: static and without symbols.
bin/sluice-healthz:
	@echo "building $@"
	@CGO_ENABLED=0 $(GO) build -tags $(TAGS) -trimpath -ldflags '-s -w $(LDFLAGS)' -o $@ ./cmd/$(@F)

bin/sluice-lab:
	@echo "building $@ (it holds all of Kubernetes: the first time takes minutes, later seconds)"
	@$(GO_LAB) build -ldflags '-s -w $(LDFLAGS)' -o ../$@ ./cmd/sluice-lab

.PHONY: test
test: test-root test-lab ## Run all tests, those of the lab last

.PHONY: test-root test-lab
test-root: bin/promtool ## Run the tests of the controller
	$(GO) test -timeout 30m ./...

test-lab: bin/promtool ## Run the tests of the lab, end to end
	$(GO_LAB) test -timeout 30m ./...

# And bin/prometheus: the tests of alerts and dashboard ask the real one.
bin/promtool:
	@.ci/prometheus

.PHONY: static
static: ## Build the image's programs for each architecture, and see that they are static
	$(GO) test ./test/image -timeout 30m -count=1 -programs

SEEDS := 1000
FIRST := 1

.PHONY: simulate
simulate: ## Play SEEDS=1000 runs of the simulation from FIRST=1 on, or one with SEED=7 and show what happened; ONLY="scales" draws from some actions
	$(GO) test ./test/simulation -v -count=1 -timeout 0 -run 'TestSeeds$$' $(if $(ONLY),-only '$(ONLY)') $(if $(SEED),-seed $(SEED),-first $(FIRST) -seeds $(SEEDS)) | grep --line-buffered -v -e '^=== ' -e '^ *--- PASS'

FUZZTIME := 1m

.PHONY: fuzz
fuzz: ## Feed every parser of user input for FUZZTIME=10m each, one after the other; what breaks one is kept in testdata/fuzz
	@grep -rn --include='*_test.go' -oE '^func Fuzz[A-Za-z]+' internal cmd | sed -E 's|/[^/]+:[0-9]+:func | |' | sort -u | while read -r package name; do \
		echo "$$package $$name"; \
		$(GO) test ./$$package -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 2s -parallel 1 || exit 1; \
	done

.PHONY: lint
lint: ## Look for mistakes and for imports that the house rules forbid
	GOWORK=off $(call tool,golangci-lint) run ./...
	lint=$(call tool,golangci-lint); cd lab && "$$lint" run --config ../.golangci.yml ./...

.PHONY: generate
generate: ## Regenerate deepcopy functions, CRDs, the chart rendered into config/, reference pages and IAM policies
	GOWORK=off $(call tool,controller-gen) object paths=./api/...
	GOWORK=off $(call tool,controller-gen) crd paths=./api/... output:crd:dir=charts/sluice/files/crds
	charts/render.sh $(helm)
	$(GO_LAB) test ./chart -run Readme -update
	$(GO) test ./internal/annotations ./internal/iam ./cmd/sluice -run Fresh -update

.PHONY: golden
golden: ## Rewrite the golden files; read the diff as the change it is
	@for package in $$(grep -rlE --include='*_test.go' 'flag\.Bool\("update"' internal cmd | xargs -rn1 dirname | sort -u); do \
		$(GO) test ./$$package -update; \
	done
	$(GO_LAB) test ./chart -update

.PHONY: format
format: ## Lay out all Go code
	$(call tool,gofumpt) -w $(GOFILES)

.PHONY: verify
verify: ## Fail where generated files are stale or code is not laid out
	@unformatted=$$($(call tool,gofumpt) -l $(GOFILES)); \
	if [ -n "$$unformatted" ]; then echo "not laid out by gofumpt, run 'make format':"; echo "$$unformatted"; exit 1; fi
	@before=$$(git status --porcelain; git diff); \
	$(MAKE) --no-print-directory generate; \
	after=$$(git status --porcelain; git diff); \
	if [ "$$before" != "$$after" ]; then echo "generated files were stale; they are fresh now, commit them:"; git status --short; exit 1; fi

.PHONY: demo
demo: build ## Show a rolling update behind a load balancer that loses no request
	bin/sluice-lab demo

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin
