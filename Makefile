# `make` lists what there is to do. Everything runs in .venv, made on first use from the pinned requirements.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
BIN := .venv/bin
PYTHON := $(BIN)/python
STAGE := dev
CONFIRM :=
# Of the CDK's own command line, such as --require-approval never
CDK_OPTIONS :=
CDK_PASSED = $(if $(CDK_OPTIONS),-- $(CDK_OPTIONS))
# An image that is here already; without one SAM pulls AWS's own.
SAM_OPTIONS = $(if $(SAM_IMAGE),--image $(SAM_IMAGE))

.PHONY: help demo test up down sam-invoke sam-start bench check lint types imports synth bootstrap deploy diff destroy clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/ready  ## run the whole service on this machine, send a few hundred notifications, and account for each
	@$(PYTHON) -m local demo

test: .venv/ready  ## unit, integration (real MySQL), infra (template) and e2e (local stack) tests
	@echo "test: two files at a time, about five minutes; the first time also fetches MySQL, Kafka and the layers' wheels"
	@$(PYTHON) -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

up: .venv/ready  ## start the local stack and keep it running until Ctrl-C or `make down`
	@$(PYTHON) -m local up

down: .venv/ready  ## end the local stack of this checkout
	@$(PYTHON) -m local down

sam-invoke: .venv/ready  ## one function in a container, on the stack of `make up`: FUNCTION=ingest|claim|send [EVENT=file] [SAM_IMAGE=name]
	@$(PYTHON) -m local sam-invoke $(FUNCTION) $(if $(EVENT),--event $(EVENT)) $(SAM_OPTIONS)

sam-start: .venv/ready  ## the functions in containers at port 3001, for any AWS client [SAM_IMAGE=name]
	@$(PYTHON) -m local sam-start $(SAM_OPTIONS)

bench: .venv/ready  ## measure against the row-at-a-time way and the raw driver; writes benchmarks/latest.json
	@$(PYTHON) -m benchmarks

check: lint types imports  ## lint, types and import rules

lint: .venv/ready  ## ruff: rules and format
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

types: .venv/ready  ## mypy, strict
	@$(BIN)/mypy

imports: .venv/ready  ## import rules: dependencies point inward
	@$(BIN)/lint-imports

synth: .venv/ready  ## write the CloudFormation templates to cdk.out, without an account or a network, and print how large the code is
	@$(PYTHON) app.py

bootstrap: .venv/ready  ## prepare an AWS account and region for deployments, once: make bootstrap STAGE=dev
	@$(PYTHON) -m cdk.build.command_line bootstrap --stage $(STAGE) $(CDK_PASSED)

deploy: .venv/ready  ## create or update a stage on AWS: make deploy STAGE=dev
	@$(PYTHON) -m cdk.build.command_line deploy --stage $(STAGE) $(CDK_PASSED)

diff: .venv/ready  ## what a deployment would change: make diff STAGE=dev
	@$(PYTHON) -m cdk.build.command_line diff --stage $(STAGE) $(CDK_PASSED)

destroy: .venv/ready  ## remove a stage from AWS: make destroy STAGE=dev; prod wants CONFIRM=prod as well
	@$(PYTHON) -m cdk.build.command_line destroy --stage $(STAGE) --confirm "$(CONFIRM)" $(CDK_PASSED)

clean:  ## remove what was installed and cached in this checkout (end the stack first)
	@rm -rf .venv .local cdk.out

.venv/ready: requirements.txt requirements-dev.txt layers/dependencies/requirements.txt layers/kafka/requirements.txt pyproject.toml local/install.sh
	@sh local/install.sh
