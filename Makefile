# `make` lists what there is to do. Everything runs in .venv, made on first use from the pinned requirements.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
BIN := .venv/bin
PYTHON := $(BIN)/python
STAGE := dev
CONFIRM :=
RECORDS := 15000
# Options of the CDK's own command line, such as --require-approval never
CDK_OPTIONS :=
CDK_PASSED = $(if $(CDK_OPTIONS),-- $(CDK_OPTIONS))
# An image that is on this machine already; without it SAM pulls AWS's own.
SAM_OPTIONS = $(if $(SAM_IMAGE),--image $(SAM_IMAGE))
# More than a small machine's two cores, since most tests wait for servers. A process that has nothing left takes tests
# from another, though both then set up what these tests share. What was named runs alone, to be readable.
SIDE_BY_SIDE := --numprocesses 4 --dist worksteal
# What long tests share is a whole stack, so a file stays with its process.
FILE_BY_FILE := --numprocesses 4 --dist loadfile --no-loadscope-reorder

# Bytecode is kept, or each of some hundred processes compiles what it imports anew, with the assertions of the tests.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo up down test test-long quick unit check lint types imports docs migration synth rehearse doctor bootstrap deploy \
	diff destroy sam-invoke sam-start outages mutants bench clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/ready  ## run the whole service on this machine, send a few hundred notifications, and account for each
	@$(PYTHON) -m local demo

up: .venv/ready  ## start the local stack and keep it running until Ctrl-C or `make down`
	@$(PYTHON) -m local up

down: .venv/ready  ## end the local stack of this checkout
	@$(PYTHON) -m local down

test: .venv/ready  ## the tests but for the long ones, or some: make test TEST=tests/unit/domain/test_contract.py
	@$(PYTHON) -m pytest $(or $(TEST),$(SIDE_BY_SIDE) -m "not long")

test-long: .venv/ready  ## stacks that are broken, interrupted, deployed into moto and rehearsed; CI runs them, too
	@$(PYTHON) -m pytest $(FILE_BY_FILE) -m long

quick: .venv/ready  ## what to run after each change: lint, types and unit tests at once, under half a minute
	@$(MAKE) --no-print-directory --jobs 3 --output-sync=target lint types unit

unit: .venv/ready
	@$(PYTHON) -m pytest -q $(SIDE_BY_SIDE) --hypothesis-profile quick tests/unit

check: lint types imports  ## lint, types and import rules

lint: .venv/ready  ## ruff: rules and format
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: .venv/ready  ## mypy, strict
	@$(BIN)/mypy

imports: .venv/ready  ## import rules: dependencies point inward
	@$(BIN)/lint-imports

docs: .venv/ready  ## write the parts of docs/ that follow from the code: the event's fields and schema, the settings, openapi.json
	@$(PYTHON) -m docs.event_tables
	@$(PYTHON) -m docs.event_schema
	@$(PYTHON) -m docs.openapi
	@$(PYTHON) -m cdk.settings.page

migration: .venv/ready  ## begin a change of the tables: make migration NAME=add_locale
	@$(PYTHON) -m local.new_migration $(NAME)

synth: .venv/ready  ## write a stage's CloudFormation templates to cdk.out, without an account or a network: make synth STAGE=prod
	@$(PYTHON) app.py $(STAGE)

rehearse: .venv/ready  ## deploy a stage into moto on this machine, as the CDK would on AWS, and keep it up: make rehearse STAGE=prod [ONCE=1]
	@$(PYTHON) -m local rehearse --stage $(STAGE) $(if $(ONCE),--once)

doctor: .venv/ready  ## check an account before and after a deployment, and say what to do: make doctor STAGE=dev [TEST_USER=7] [JSON=1]
	@$(PYTHON) -m cdk.doctor --stage $(STAGE) $(if $(TEST_USER),--test-user $(TEST_USER)) $(if $(JSON),--json)

bootstrap: .venv/ready  ## prepare an AWS account and region for deployments, once: make bootstrap STAGE=dev
	@$(PYTHON) -m cdk.deployments.command_line bootstrap --stage $(STAGE) $(CDK_PASSED)

deploy: .venv/ready  ## create or update a stage on AWS: make deploy STAGE=dev
	@$(PYTHON) -m cdk.deployments.command_line deploy --stage $(STAGE) $(CDK_PASSED)

diff: .venv/ready  ## what a deployment would change: make diff STAGE=dev
	@$(PYTHON) -m cdk.deployments.command_line diff --stage $(STAGE) $(CDK_PASSED)

destroy: .venv/ready  ## remove a stage from AWS: make destroy STAGE=dev; prod wants CONFIRM=prod as well
	@$(PYTHON) -m cdk.deployments.command_line destroy --stage $(STAGE) --confirm "$(CONFIRM)" $(CDK_PASSED)

sam-invoke: .venv/ready  ## run one function in a container, on the stack of `make up`: FUNCTION=ingest [EVENT=file] [SAM_IMAGE=name]
	@$(PYTHON) -m local sam-invoke $(FUNCTION) $(if $(EVENT),--event $(EVENT)) $(SAM_OPTIONS)

sam-start: .venv/ready  ## serve the functions in containers at port 3001, for any AWS client [SAM_IMAGE=name]
	@$(PYTHON) -m local sam-start $(SAM_OPTIONS)

outages: .venv/ready  ## break MySQL in five ways while 15,000 messages go out, and count what was lost or doubled [RECORDS=15000]
	@for fault in stop kill read-only row-lock table-lock; do $(PYTHON) -m tests.outages --records $(RECORDS) --fault $$fault || exit 1; done

mutants: .venv/ready  ## change the code in a small way, thousands of times, and name the changes that no test notices [ONLY=domain/transition]
	@$(PYTHON) -m tests.mutants $(ONLY)

bench: .venv/ready  ## measure against the row-at-a-time way and the raw driver; writes benchmarks/latest.json
	@$(PYTHON) -m benchmarks

clean:  ## remove what was installed and cached in this checkout (end the stack first)
	@rm -rf .venv .local cdk.out

.venv/ready: requirements.txt requirements-dev.txt layers/dependencies/requirements.txt layers/kafka/requirements.txt pyproject.toml local/install.sh
	@sh local/install.sh
