# Every target does all its own set-up, and can be repeated. Needs Linux, Python 3.11 or later, and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PROTO_VENV := .venv-proto
OUT ?= demo-out
RESULTS ?= results/$(basename $(notdir $(GROUND_TRUTH)))
EXPERIMENTS := ablation beyond decoding fig2 fig3 table1
# Fig. 3 in every mode, and further runs of it, each with its CSV and figure.
OPTIONS_fig3 := --modes bpsk,qpsk,qam16,pam256,integer,analog,analog-pca,hybrid,reconstruction
FIG3_RUNS := receivers schemes rayleigh rayleigh-blind 105k paper seeds
RIVALS := --modes bpsk,analog-pca,hybrid
OPTIONS_receivers := $(RIVALS) --receivers hard,list,soft,default --snr-db=-10,-5,-2,0,2,4,6,8,10,15,inf
OPTIONS_schemes := $(RIVALS) --snr-db=-10,-5,-2,0,2,4,6,8,10,15,inf \
  --schemes dsc,dsc-pq,dsc-pq+spill=3+fused,duc-ivf-pq,duc-imi-pq,duc-pq
OPTIONS_rayleigh := $(RIVALS) --fading rayleigh --snr-db=-10,-5,0,5,10,15,20,30
OPTIONS_rayleigh-blind := $(OPTIONS_rayleigh) --no-channel-knowledge
OPTIONS_105k := $(RIVALS) --simulate 105000 --draws 1 --max-draws 3 --snr-db=-10,-5,-2,0,2,4,8,inf
OPTIONS_paper := --config fig3-paper
OPTIONS_seeds := $(RIVALS) --seeds 5
OPTIONS_kind := --modes bpsk --seeds 5 --snr-db=-10,-5,0,5,10,inf --max-draws 3
# DISTRACTORS="DIR DIR": folders of photos that are added to the database.
ADDED = $(foreach folder,$(DISTRACTORS),--distractors "$(folder)")
# Benchmarks of speed, and the packages of the commit BEFORE that they measure beside those of today.
BENCHES := search growth decode build serve extract
BENCH_RESULTS ?= results/bench
SIMULATE ?= 0,8686,105000
BUILD_THREADS ?= $(shell env -u OMP_NUM_THREADS nproc)
MEASURED := common device channel server proto api
BEFORE_CODE := .before
empty :=
BEFORE_PATH = $(subst $(empty) $(empty),:,$(MEASURED:%=$(CURDIR)/$(BEFORE_CODE)/%))
bench = $(BIN)/dsc-eval bench $(1) --out "$(BENCH_RESULTS)" \
  $(if $(filter extract,$(1)),,--ground-truth "$(GROUND_TRUTH)") \
  $(if $(filter search decode build,$(1)),--simulate $(SIMULATE)) $(if $(filter build,$(1)),--threads $(BUILD_THREADS))
# Fewer runs with a million images, since an index of the commit BEFORE may take a quarter of an hour.
OPTIONS_1m_search := --runs 2 --queries 60
OPTIONS_1m_build := --parts index --runs 1
# Load tests; without GROUND_TRUTH on the demonstration's photos.
LOAD_RESULTS ?= results/load
DEVICE_RESULTS ?= results/device
MINUTES ?= 10
loaded = $(BIN)/dsc-eval $(1) --out "$(LOAD_RESULTS)" $(if $(GROUND_TRUTH),--ground-truth "$(GROUND_TRUTH)")
PIP := -m pip --disable-pip-version-check install --quiet
SERVICES := codebook retrieval transmission
# Stubs are made with protobuf 6.31, older than the oldest that is allowed at run time.
PROTO_TOOLS := grpcio-tools==1.78.0 mypy-protobuf==3.7.0

# Processes that share the tests, each with one thread for its arithmetic.
JOBS ?= $(shell n=$$(env -u OMP_NUM_THREADS nproc); echo $$((n < 4 ? n : 4)))
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
# Compiled code is kept, else each worker, and each of the processes that tests start, compiles all of it again.
KEPT := PYTHONDONTWRITEBYTECODE=
PYTEST = $(KEPT) $(ONE_THREAD) $(BIN)/pytest $(if $(SEED),--hypothesis-seed=$(SEED))
RUNS ?= 20

.PHONY: help demo bench bench-1m bench-device load-test soak figures figures-kind figures-1m tables fuzz outages crash soak-device test test-arm test-gpu test-slow test-random check monitoring-check monitoring-run format proto check-proto clean
.DEFAULT_GOAL := help

help:  ## show this help
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

$(VENV)/.demo: pyproject.toml
	@echo "setting up $(VENV) for the demonstration (a few minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(PIP) -e '.[demo]'
	@touch $@

$(VENV)/.dev: pyproject.toml
	@echo "setting up $(VENV) for development (a few minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(PIP) -e '.[dev]'
	@touch $@ $(VENV)/.demo $(VENV)/.eval

$(VENV)/.eval: pyproject.toml
	@echo "setting up $(VENV) for the evaluation (a few minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python $(PIP) -e '.[eval]'
	@touch $@

$(PROTO_VENV)/.done: Makefile
	@test -x $(PROTO_VENV)/bin/python || $(PYTHON) -m venv $(PROTO_VENV)
	@$(PROTO_VENV)/bin/python $(PIP) $(PROTO_TOOLS)
	@touch $@

demo: $(VENV)/.demo  ## run the main job: server, channel and device as three processes, on real photos
	$(BIN)/dsc-demo --out $(OUT)

# $(call measure,EXPERIMENT,OPTIONS); work on one packet at a time is no faster on several cores.
measure = $(if $(filter ablation decoding fig3,$(1)),OPENBLAS_NUM_THREADS=1) $(BIN)/dsc-eval run $(1) \
  --ground-truth "$(GROUND_TRUTH)" $(ADDED) --out "$(RESULTS)" --resume $(2)

figures: $(VENV)/.eval  ## the paper's figures and tables on GROUND_TRUTH=FILE, into results/ (about an hour)
	@test -n "$(GROUND_TRUTH)" || { echo "expected a ground truth: make figures GROUND_TRUTH=FILE" >&2; exit 2; }
	@set -e; $(call measure,compare,--seeds 5); \
	$(foreach name,$(EXPERIMENTS),$(call measure,$(name),$(OPTIONS_$(name)));) \
	$(foreach name,$(FIG3_RUNS),$(call measure,fig3,--name fig3-$(name) $(OPTIONS_$(name)));) \
	for name in $(EXPERIMENTS); do $(BIN)/dsc-eval plot $$name --results "$(RESULTS)"; done

figures-kind: $(VENV)/.eval  ## schemes, and dsc over noise, on another kind of photos: GROUND_TRUTH=FILE (6 minutes)
	@test -n "$(GROUND_TRUTH)" || { echo "expected a ground truth: make figures-kind GROUND_TRUTH=FILE" >&2; exit 2; }
	@set -e; $(call measure,compare,--seeds 5); $(call measure,fig3,--name fig3-kind $(OPTIONS_kind))

figures-1m: $(VENV)/.eval  ## Table I with a million more images, simulated (about an hour; 9 GiB)
	@test -n "$(GROUND_TRUTH)" || { echo "expected a ground truth: make figures-1m GROUND_TRUTH=FILE" >&2; exit 2; }
	$(BIN)/dsc-eval run table1 --simulate 1000000 --name table1-1m --ground-truth "$(GROUND_TRUTH)" --out "$(RESULTS)" --resume
	$(BIN)/dsc-eval plot table1 --results "$(RESULTS)"

define before_code
@test -n "$(GROUND_TRUTH)" || { echo "expected a ground truth: make $@ GROUND_TRUTH=FILE" >&2; exit 2; }
@rm -rf $(BEFORE_CODE)
@$(if $(BEFORE),mkdir $(BEFORE_CODE) && git archive "$(BEFORE)" $(MEASURED) | tar -x -C $(BEFORE_CODE))
endef

bench: $(VENV)/.eval  ## speed on GROUND_TRUTH=FILE, into results/bench; with BEFORE=COMMIT beside that commit's
	$(before_code)
	@set -e; $(foreach name,$(BENCHES), \
	  $(if $(BEFORE),PYTHONPATH="$(BEFORE_PATH)" $(call bench,$(name)) --name $(name)-before;) \
	  $(call bench,$(name)); \
	  $(BIN)/dsc-eval bench plot $(name) --results "$(BENCH_RESULTS)";)

bench-1m: SIMULATE := 1000000
bench-1m: $(VENV)/.eval  ## search and build with a million images, beside the results of `make bench` (9 GiB)
	$(before_code)
	@set -e; $(foreach name,search build, \
	  $(if $(BEFORE),PYTHONPATH="$(BEFORE_PATH)" $(call bench,$(name)) $(OPTIONS_1m_$(name)) --name $(name)-before-1m;) \
	  $(call bench,$(name)) $(OPTIONS_1m_$(name)) --name $(name)-1m; \
	  $(BIN)/dsc-eval bench plot $(name) --results "$(BENCH_RESULTS)";)

# The limit of memory takes root: MEMORY_MB= measures without one.
MEMORY_MB ?= $(if $(filter 0,$(shell id -u)),512)
on_device = $(BIN)/dsc-eval bench $(1) --out "$(DEVICE_RESULTS)" --ground-truth "$(GROUND_TRUTH)"

bench-device: $(VENV)/.eval  ## a device's time, memory and energy on GROUND_TRUTH=FILE, into results/device
	@test -n "$(GROUND_TRUTH)" || { echo "expected a ground truth: make $@ GROUND_TRUTH=FILE" >&2; exit 2; }
	$(call on_device,device)
	$(call on_device,device) --simulate 105000 --name device-105k $(if $(MEMORY_MB),--memory-mb $(MEMORY_MB))
	$(call on_device,energy)
	$(call on_device,reading)
	@set -e; for name in device energy; do $(BIN)/dsc-eval bench plot $$name --results "$(DEVICE_RESULTS)"; done

load-test: $(VENV)/.demo $(VENV)/.eval  ## the highest rate that server and channel hold, into results/load (about ten minutes)
	$(call loaded,load-test) --overload

soak: $(VENV)/.demo $(VENV)/.eval  ## memory and descriptors of server and channel over MINUTES=10, into results/load
	$(call loaded,soak) --minutes $(MINUTES)

tables: $(VENV)/.eval  ## rewrite the tables of docs/ from results/
	$(BIN)/dsc-eval tables --results results/ukbench-439 --document docs/results.md
	$(BIN)/dsc-eval tables --results results/bench --document docs/benchmarks.md
	$(BIN)/dsc-eval tables --results results/device --document docs/device-hardware.md
	$(BIN)/dsc-eval tables --results results/device --document docs/models.md
	$(BIN)/dsc-eval tables --results results/training --document docs/training.md

test: $(VENV)/.dev  ## run the tests, but not the slow ones (SEED=N: examples of property tests)
	$(PYTEST) -n $(JOBS) --dist worksteal -m "not slow"

test-arm: $(VENV)/.dev  ## the device on arm64 under emulation, into results/device/arm.json (needs root, Debian; 15 minutes)
	PYTHONPATH=tests $(ONE_THREAD) $(BIN)/python -m arm --out "$(DEVICE_RESULTS)"

test-gpu: $(VENV)/.dev  ## run the tests that need a GPU (docs/models.md)
	$(PYTEST) -m gpu -rs

test-slow: $(VENV)/.dev  ## run the slow tests: whole networks and their exports, a real installation
	$(PYTEST) -m slow

test-random: $(VENV)/.dev  ## run the property tests with RUNS random seeds, printing each
	@for run in $$(seq $(RUNS)); do \
	  seed=$$(od -An -N4 -tu4 /dev/urandom | tr -d ' '); echo "hypothesis seed $$seed"; \
	  $(KEPT) $(ONE_THREAD) $(BIN)/pytest -q -n $(JOBS) -m "hypothesis and not slow" --hypothesis-seed=$$seed || exit 1; \
	done

fuzz: RUNS := 1000000
fuzz: $(VENV)/.dev  ## RUNS mutated requests (a million: half an hour) to the services; SEED=N repeats a run
	PYTHONPATH=tests $(ONE_THREAD) $(BIN)/python -m fuzz --runs $(RUNS) $(if $(SEED),--seed $(SEED)) --out fuzz-out

soak-device: MINUTES := 30
soak-device: $(VENV)/.dev  ## a device over links that fail at random, for MINUTES=30, into results/device
	PYTHONPATH=tests $(ONE_THREAD) $(BIN)/python -m device_soak --minutes $(MINUTES)

crash: $(VENV)/.dev  ## kill a device at 200 random points of its queue and of a download (5 minutes)
	PYTHONPATH=tests $(ONE_THREAD) $(BIN)/python -m crash
	PYTHONPATH=tests $(ONE_THREAD) $(BIN)/python -m crash.sync_crashes --points 200

outages: $(VENV)/.dev  ## kill, stop and pause server and channel under load: what clients see, as a table (2 minutes)
	PYTHONPATH=tests $(ONE_THREAD) $(BIN)/python -m outages

check: $(VENV)/.dev check-proto  ## ruff, mypy --strict, rules of imports, buf lint, stubs up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint

# promtool of Debian, where it is not installed; exit code 3: there is none.
PROMETHEUS := .prometheus

monitoring-check: $(VENV)/.dev  ## check configuration, alerts and dashboard of deploy/ with promtool
	@tools=$$(deploy/prometheus/debian $(PROMETHEUS)) || { [ $$? = 3 ] && echo "skipped: monitoring is not checked" && exit 0; exit 1; }; \
	"$$tools/promtool" check config deploy/prometheus/prometheus.yml && \
	"$$tools/promtool" test rules deploy/prometheus/alerts.test.yml && \
	PROMTOOL="$$tools/promtool" $(PYTEST) -q tests/deploy

monitoring-run: $(VENV)/.dev  ## run a real Prometheus beside server and channel: an alert, each query of the dashboard
	@tools=$$(deploy/prometheus/debian $(PROMETHEUS)) && PYTHONPATH=tests $(ONE_THREAD) \
	$(BIN)/python -m monitoring "$$tools/prometheus"

format: $(VENV)/.dev  ## format the code and sort its imports
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# $(call stubs,FOLDER): generate the stubs of every message, and of every service, into FOLDER
define stubs
	PATH="$(CURDIR)/$(PROTO_VENV)/bin:$$PATH" $(PROTO_VENV)/bin/python -m grpc_tools.protoc -I proto \
	  --python_out=$(1) --pyi_out=$(1) proto/dsc/v1/*.proto
	PATH="$(CURDIR)/$(PROTO_VENV)/bin:$$PATH" $(PROTO_VENV)/bin/python -m grpc_tools.protoc -I proto \
	  --grpc_python_out=$(1) --mypy_grpc_out=quiet:$(1) $(SERVICES:%=proto/dsc/v1/%.proto)
endef

proto: $(PROTO_VENV)/.done  ## regenerate the stubs beside the .proto files
	$(call stubs,proto)

check-proto: $(PROTO_VENV)/.done
	@rm -rf $(PROTO_VENV)/fresh && mkdir $(PROTO_VENV)/fresh
	@$(call stubs,$(PROTO_VENV)/fresh)
	@for stub in $$(cd $(PROTO_VENV)/fresh && find . -type f); do \
	  cmp "$(PROTO_VENV)/fresh/$$stub" "proto/$$stub" || { echo "stubs are out of date: run make proto" >&2; exit 1; }; \
	done

clean:  ## remove what the targets made, but not the index or photos of anyone
	rm -rf $(VENV) $(PROTO_VENV) $(BEFORE_CODE) $(PROMETHEUS) demo-out fuzz-out dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
