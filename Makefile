# Everything that this project does is a target here; CI calls the same ones.

STACK ?= uat
STEP ?= all
PYTHON ?= python3
TESTS ?= tests
# What `make test` leaves out: the playbook needs a stack that is up (`make playbook`), and the fault matrix takes its time.
MARKERS ?= not playbook and not nightly and not faults
JOBS ?= auto
# Of a restore.
SOURCE = $(if $(FROM),--from '$(FROM)') $(if $(DATABASE),--database '$(DATABASE)') $(if $(INTO),--into '$(INTO)')

VENV := $(shell $(PYTHON) tools/setup/venv.py path)
export PATH := $(VENV)/bin:$(PATH)
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# System packages and Python's at the same time; a target's own lines stay in order.
MAKEFLAGS += --jobs=2

.PHONY: help setup venv packages-% rehearse test test-nightly test-quick test-cli lint format playbook bench bench-again bench-data bench-upgrade bench-gap bench-latency bench-monitoring bench-release faults verify-images \
	preview deploy status replace release promote deliver releases rollback rotate restore upgrade-postgres drill reset reset-if-set recover drift destroy recreate comment docker-stop clean

help: ## this list
	@echo "make TARGET [STACK=uat|prod|local] [STEP=all|preview|up|replace|destroy|recreate|status|restore|recover|drill|reset|releases|rollback|promote|rotate|upgrade-postgres|outputs|diff|clean]"
	@echo
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 16

setup: venv ## what the other targets need, which they also see to themselves: system packages, Python
	@tools/setup/packages.sh

venv:
	@$(PYTHON) tools/setup/venv.py make

packages-%:
	@tools/setup/packages.sh $*

rehearse: venv packages-rehearse ## the whole deployment of STACK without an account, on this machine
	@python -m rehearsal --stack $(STACK) --step $(STEP) $(if $(BASE),--base $(BASE)) $(SOURCE) $(if $(TO),--to '$(TO)') $(if $(SECRET),--secret '$(SECRET)') $(if $(JSON),--json)

test: venv packages-test ## every test that can run here; those that need Docker or Go are skipped without, and say so
	@python -m rehearsal.preparation
	@pytest -n $(JOBS) -m "$(MARKERS)" $(TESTS)

test-nightly: venv packages-test ## the tests that are too long for each change
	@python -m rehearsal.preparation
	@pytest -n $(JOBS) -m nightly $(TESTS)

test-quick: venv ## the tests that need neither the engine nor Docker
	@pytest -n $(JOBS) -m "not engine and not live and not playbook and not nightly and not faults" $(TESTS)

test-cli: venv ## Pulumi's own command, as a user types it; HOST=official insists on the installed language host
	@pytest -n $(JOBS) $(if $(HOST),-k $(HOST)) tests/engine/cli

lint: venv packages-lint ## ruff, mypy, yamllint, shellcheck, actionlint, zizmor
	@tools/lint/lint.sh

format: venv ## ruff's format and safe fixes
	@ruff check --fix-only --quiet
	@ruff format --quiet

playbook: venv packages-playbook ## the validation playbook against a running STACK, with a report in reports/STACK/
	@python -m rehearsal.playbook --stack $(STACK) $(if $(REPLACE_SERVER),--replace-server) $(if $(NEW_API),--new-api '$(NEW_API)') $(if $(NEW_WORKER),--new-worker '$(NEW_WORKER)') $(if $(NEW_WEB),--new-web '$(NEW_WEB)') $(if $(WORKFLOWS),--workflows '$(WORKFLOWS)')

bench-latency: venv packages-rehearse ## the API's latency while a backup is made, and alone; STACK is rehearsed and up
	@python -W ignore -m bench.latency --stack $(STACK) $(if $(RUNS),--runs $(RUNS)) $(if $(SIZE),--size $(SIZE))

bench-release: venv packages-rehearse ## RELEASES=50 of the API under RATE=200 requests a second, beside two peers' ways: what is lost, and how long each takes
	@python -W ignore -m bench.release $(if $(RELEASES),--releases $(RELEASES)) $(if $(RATE),--rate $(RATE)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(WAYS),--ways $(WAYS)) $(if $(OUT),--out '$(OUT)')

faults: venv packages-test ## the fault matrix: what is lost and how long it takes, counted in acknowledged commits; ONLY=<expression> of pytest's
	@python -m rehearsal.preparation
	@pytest -n 4 -q -m faults --table .pulumi-out/faults.md $(if $(ONLY),-k '$(ONLY)',--least 45) tests/faults

verify-images: venv packages-rehearse ## the images of the stack files, pulled, against their contracts, and started as the program starts them
	@python -W ignore -m rehearsal.images.verify $(if $(filter command% environment%,$(origin STACK)),--stack $(STACK))

bench: venv packages-rehearse ## the program's and the engine's seconds against their limits, beside an empty program; docs/bench.md
	@python -W ignore -m bench.run $(if $(RUNS),--runs $(RUNS))

bench-again: venv packages-rehearse ## what it costs an up that changes nothing to read what is there; STACK is rehearsed and up
	@python -W ignore -m bench.again --stack $(STACK) $(if $(RUNS),--runs $(RUNS))

bench-monitoring: venv packages-rehearse ## what monitoring costs: seconds of an up and a preview, and cores of the idle machine, with it and without; a quarter of an hour a round
	@python -W ignore -m bench.monitoring $(if $(RUNS),--runs $(RUNS))

bench-gap: venv packages-rehearse ## for how long nobody is served while Postgres, Temporal or Traefik gets another image; STACK is rehearsed and up
	@python -W ignore -m bench.gap --stack $(STACK) $(if $(RUNS),--runs $(RUNS))

bench-upgrade: venv packages-test ## seconds of a move to another major version of Postgres, beside what is said before; SIZES="100 1000" in MB
	@python -W ignore -m bench.upgrade $(if $(SIZES),--sizes $(SIZES))

bench-data: venv packages-test ## seconds and memory of a proven dump and of a restore, beside the plain tools; SIZES="100 1000" in MB
	@python -W ignore -m bench.data $(if $(SIZES),--sizes $(SIZES))

preview: venv ## what deploying STACK would change (real accounts); Markdown in .pulumi-out/STACK/preview.md
	@python -m operations preview --stack $(STACK) --markdown .pulumi-out/$(STACK)/preview.md

deploy: venv ## deploys STACK (real accounts)
	@python -m operations deploy --stack $(STACK)

status: venv ## how STACK is: what is red and what to do, services, backups, certificates, machine, alerts; JSON=1
	@python -m operations.status --stack $(STACK) $(if $(JSON),--json)

replace: venv ## makes the server of STACK anew, with minutes of downtime (real accounts); data and addresses stay; YES=1 does not ask
	@python -m operations replace --stack $(STACK) $(if $(YES),--yes)

release: venv ## API=, WORKER=, WEB=<repository>:<version>@<digest> into the file of STACK, once their registry has shown them; a preview, no deploy. CANARY=<as API>|promote|none and SHARE=<percent>: another image of the API beside it
	@python -m operations.release --stack $(STACK) $(if $(API),--api '$(API)') $(if $(WORKER),--worker '$(WORKER)') $(if $(WEB),--web '$(WEB)') $(if $(CANARY),--canary '$(CANARY)') $(if $(SHARE),--share $(SHARE))

promote: venv ## what FROM runs, was found good and has passed the playbook with, into the file of TO; a preview, no deploy; PLAYBOOK=no goes without
	@python -m operations.promote --from '$(FROM)' $(if $(TO),--to '$(TO)') $(if $(filter no,$(PLAYBOOK)),--without-playbook)

deliver: venv ## what the workflow release does: API=, WORKER=, WEB= into the repository's file of STACK, by a commit or a pull request, as that says
	@python -m operations.delivery --stack "$${STACK:-uat}" --api "$${API:-}" --worker "$${WORKER:-}" --web "$${WEB:-}"

releases: venv ## the releases of STACK: when, what, who, how long, how each ended; which one runs, and which is the last good
	@python -m operations.releases --stack $(STACK)

rollback: venv ## STACK back to its last good release, or TO=<number of the list>|<digest>; YES=1 does not ask; the schema stays
	@python -m operations.rollback --stack $(STACK) $(if $(TO),--to '$(TO)') $(if $(YES),--yes)

rotate: venv ## SECRET=postgres|jira|migration|temporal|backup|monitoring|session|admin|temporal_ui|metrics, several with commas, or all: other ones, deployed without a gap; again goes on
	@python -m operations.rotate --stack $(STACK) --secret '$(SECRET)'

restore: venv ## databases as they were: FROM=latest|before|former|<dump>|<moment>, DATABASE=jira|temporal|all, INTO=scratch; without FROM lists
	@python -m operations.restore --stack $(STACK) $(SOURCE) $(if $(YES),--yes)

upgrade-postgres: venv ## the data of STACK to another major version: TO=<the image, or the major version that the file names>; BACK=1 goes back; YES=1
	@python -m operations.upgrade --stack $(STACK) $(if $(BACK),--back,--to '$(TO)') $(if $(YES),--yes)

drill: venv ## restores what STACK has off the machine in a throw-away cluster, checks and measures it; KIND=copies|log, else both; SHOW=1 shows the last
	@python -m operations.drill --stack $(STACK) $(if $(KIND),--kind '$(KIND)') $(if $(SHOW),--show)

reset: venv ## the data of STACK anew, where its file has backup.reset: FROM=seed|masked, else as that says; YES=1 does not ask
	@python -m operations.reset --stack $(STACK) $(if $(FROM),--from '$(FROM)') $(if $(YES),--yes)

reset-if-set: venv # the same each night: does nothing in a stack without backup.reset
	@python -m operations.reset --stack $(STACK) --yes --if-set

recover: venv ## STACK on an empty machine, from its bucket off the machine and the secrets on paper: deploys, then restores all databases
	@python -m operations deploy --stack $(STACK)
	@python -m operations.restore --stack $(STACK) --from '$(or $(FROM),former)' --database all $(if $(YES),--yes)

drift: venv ## what differs from the code in STACK (real accounts); exit code 2 if anything does
	@python -m operations drift --stack $(STACK) --markdown .pulumi-out/$(STACK)/drift.md

destroy: venv ## deletes all of STACK (real accounts); YES=1 does not ask; COPY=no takes no last copy off the machine
	@python -m operations destroy --stack $(STACK) $(if $(YES),--yes) $(if $(filter no,$(COPY)),--without-copy)

recreate: venv ## destroys STACK and makes it anew with its names, and times it (real accounts); YES=1 does not ask; COPY=no takes no last copy
	@python -m operations.recreate --stack $(STACK) $(if $(YES),--yes) $(if $(filter no,$(COPY)),--without-copy)

comment: venv ## puts FILES (Markdown) into one comment on PULL_REQUEST, edited in place
	@python -m operations.comment --pull-request $(PULL_REQUEST) $(FILES)

docker-stop: venv ## removes the rehearsals' registry, and stops the Docker daemon if a target here started it
	@if python -m rehearsal.dockerd status >/dev/null 2>&1; then python -m rehearsal.images stop; fi
	@python -m rehearsal.dockerd stop

clean: venv ## takes down every rehearsal of this checkout, prod too, and forgets it
	@python -m rehearsal --step clean
	@python -m rehearsal.dockerd stop-unused
	@rm -rf .mypy_cache .ruff_cache .pytest_cache reports .pulumi-out
