# Every target works in a fresh clone: what is missing is set up first.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3            # any Python 3.11+ with venv
VENV := .venv
TRAINING := include/models/requirements
PY := $(VENV)/bin/python
# uv installs ten times faster than pip here but reads none of pip's settings: hand them on.
export UV_FIND_LINKS ?= $(PIP_FIND_LINKS)
ifneq ($(PIP_INDEX_URL),)
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
endif
CODE_VERSION = $$(git describe --always --dirty=+changes --abbrev=12 2>/dev/null || echo unknown)
COMPOSE ?= $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)
UV_VERSION := $(shell sed -n 's/^uv==//p' requirements.txt 2>/dev/null)

##@ Use it
run: setup ## the main job on real data: land, load, train, score, publish, show
	@bin/python -m include.embedded.make_run

up: setup ## Airflow's UI, scheduler and triggerer on http://localhost:8080, in the background
	@bin/python -m include.embedded up

down: ## stop Airflow and Postgres; leaves no process behind
	@if [ -x $(PY) ]; then bin/python -m include.embedded down; fi

ROLE ?= pipeline
sql: setup ## run a query on the warehouse: make sql Q="select ..." [ROLE=analyst]
	@bin/python -m include.embedded sql "$(Q)" "$(ROLE)"

explain: setup ## where a published score comes from: make explain SCORE="2017-12-24 coffee 1467"
	@bin/python -m include.embedded explain "$(SCORE)"

reader: setup ## a login of somebody's own who reads: make reader NAME=ann GROUP=analyst|marketing|team_x
	@bin/python -m include.embedded reader "$(NAME)" "$(GROUP)"

##@ Check it
# Each process has a Postgres and a Spark of its own, about 2 GiB.
TEST_PROCESSES ?= 2
test: setup ## every test that needs no cluster [ENGINE=spark|sail]
	@$(if $(ENGINE),PROPENSITY_SPARK_ENGINE=$(ENGINE)) bin/python -m pytest -n $(TEST_PROCESSES) --dist worksteal $(PYTEST_ARGS)

REPEAT ?= 3
bench: setup ## how fast, beside yardsticks on the same work [STAGES="events_2m activity" REPEAT=3]
	@bin/python -m tests.bench.run --stages "$(STAGES)" --repeat $(REPEAT)

bench-large: setup ## the same on 100 million events a day [STAGES, REPEAT]
	@bin/python -m tests.bench.run --large --stages "$(STAGES)" --repeat $(REPEAT)

lint: setup ## ruff, mypy and the generated docs, without network; changes nothing
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	bin/python -m include.database.dictionary --check docs/data_dictionary.md

lock-check: setup ## whether the locks follow from their .in files; asks the package index
	@cp requirements.txt .venv/lock.txt && $(call compile_lock,requirements.in,.venv/lock.txt) && \
	diff -u requirements.txt .venv/lock.txt || { echo "requirements.txt does not follow from requirements.in: run 'make lock'" >&2; exit 1; }
	@cp $(TRAINING).txt .venv/lock.txt && $(call compile_lock,$(TRAINING).in -c requirements.txt,.venv/lock.txt) && \
	diff -u $(TRAINING).txt .venv/lock.txt || { echo "$(TRAINING).txt does not follow from $(TRAINING).in: run 'make lock'" >&2; exit 1; }

test-kubernetes: setup ## training pods on the cluster that KUBECONFIG points at (kind, for one)
	@bin/python -m pytest tests/kubernetes $(PYTEST_ARGS)

test-cluster: setup ## jobs on a Spark cluster of three processes, with kills; needs Java
	@bin/python -m pytest tests/cluster $(PYTEST_ARGS)

test-backfill: setup ## any order, killed anywhere: the same tables [SUITES=orders|hardships|mutations|backfills|killed]
	@bin/python -m pytest tests/backfill -v -s -x $(if $(filter command%,$(origin SUITES)),-m "$(SUITES)") $(PYTEST_ARGS)

# Suites are markers (pyproject.toml). Each goes on from its last test, so a failure ends it.
ACCEPTANCE := bin/python -m pytest tests/acceptance -v -s -x
SUITES ?= after_run or own_data or scheduler
test-acceptance: setup ## after `make run`: its tables, own data, the scheduler [SUITES=runbook|cluster|large|order|store]
	@$(ACCEPTANCE) -m "$(SUITES)" $(PYTEST_ARGS)

##@ The whole stack with docker-compose
compose-up: .env ## build the images, start every service, wait until all are healthy
	@CODE_VERSION=$(CODE_VERSION) $(COMPOSE) build -q
	@$(COMPOSE) up -d --remove-orphans && $(PYTHON) docker/wait.py $(COMPOSE)

DAY ?= 2017-12-24
compose-run: .env ## the main job in the stack, on real data, as of a Sunday [DAY=2017-12-24]
	@$(COMPOSE) run --rm --no-deps -T init python -m include.stack.compose_run $(DAY)

compose-test: setup ## build, up, main job, kills, down and up again [QUICK=1: no main job and kills]
	@$(ACCEPTANCE) -m "compose$(if $(QUICK), and not main_job)" $(PYTEST_ARGS)

compose-down: .env ## stop the stack; its data stays in volumes (docker-compose down -v removes them)
	@$(COMPOSE) down --remove-orphans

.env:
	@$(PYTHON) docker/write_env.py

##@ Change it
setup: $(VENV)/.installed ## the virtual environment, from requirements.txt

$(VENV)/.installed: requirements.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if v >= (3, 11) else f"Python 3.11 or newer is needed, this is {v[0]}.{v[1]}: set PYTHON=/path/to/python3.11")'
	@echo "[setup] installing requirements.txt into $(VENV) (about a minute)"
	@[ -x $(PY) ] || $(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install -q "uv==$(UV_VERSION)" 2> >(grep -v -e 'is ignored: it is neither' -e '^$$' >&2 || true)
	@$(VENV)/bin/uv pip install -q --python $(PY) -r requirements.txt
	@touch $@

training-image: ## build the image of training pods; prints the setting that names it
	@docker build -q --network=host -f include/models/Dockerfile \
	  --build-arg BASE_IMAGE=$(or $(BASE_IMAGE),python:3.11-slim-bookworm) \
	  --build-arg FIND_LINKS=$(TRAINING_FIND_LINKS) \
	  --build-arg CODE_VERSION=$(CODE_VERSION) \
	  -t campaign-propensity-training:latest . >.training-image
	@id=$$(sed 's/sha256://' .training-image | cut -c1-12) && rm .training-image && \
	docker tag campaign-propensity-training:latest campaign-propensity-training:$$id && \
	echo "export PROPENSITY_TRAINING_IMAGE=campaign-propensity-training:$$id"

spark-package: setup ## the jobs' code for a cluster's executors; prints the property that names it
	@bin/python -m spark_jobs.package .local/spark/propensity_jobs.zip

spark-history: setup ## Spark's own pages of past applications, on http://localhost:18080 [PROPENSITY_SPARK_EVENT_LOG]
	@bin/python -m include.embedded spark-history

lock: setup ## rewrite requirements.txt from requirements.in
	@$(call compile_lock,requirements.in,requirements.txt)
	@$(call compile_lock,$(TRAINING).in -c requirements.txt,$(TRAINING).txt)

docs: setup ## rewrite docs/data_dictionary.md
	bin/python -m include.database.dictionary docs/data_dictionary.md

format: setup ## format the code
	$(VENV)/bin/ruff format .
	$(VENV)/bin/ruff check --fix .

clean: down ## remove .local/ (every state) but not the virtual environment
	rm -rf .local

# uv keeps the versions that the output file already names, so the result changes only with
# requirements.in. torch's own CUDA packages are left to torch, which pins each exactly; the
# "+cpu" of a local build is dropped, so that the lock holds on every machine.
define compile_lock
$(VENV)/bin/uv pip compile -q $(1) --python-version 3.11 --no-header \
  --no-annotate --output-file $(2) >/dev/null && \
sed -i -e 's/+cpu$$//' -e '/^\(triton\|cuda-[a-z]*\|nvidia-[a-z-]*-cu13\|nvidia-\(cublas\|cudnn\|cufft\|cufile\|curand\|cusolver\|cusparse\|nvjitlink\|nvtx\|cuda-[a-z]*\|nccl-cu13\)[a-z0-9-]*\)==/d' $(2)
endef

help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: spark-package spark-history test-cluster compose-up compose-run compose-test compose-down run up down sql explain reader test test-acceptance test-backfill test-kubernetes training-image bench bench-large lint lock lock-check setup docs format clean help
