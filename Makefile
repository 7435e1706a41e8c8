# Every command of the project; `make` alone lists them. You can type each line that runs yourself.
#   RECIPE=fashion_mnist   which recipe (python -m train list); with a folder of your own as DATA: transfer
#   DATA=                  a folder of your own class folders, or a data set by name; with every command of its run
#   SET=                   fields of the recipe, such as SET="epochs=20 image_size=64x64"
#   SOURCE=0               a camera, a video, an address, or test (python -m device live --help)
#   MODEL=                 what webcam shows; without it the one that comes with the package
#   BASE=                  what gate compares with: a model file, REF:PATH or a baseline
#   PI=user@host           the board that bench-pi measures on, SSH_OPTIONS="-p 2222" how it is reached

DATA ?=
GIVEN = $(if $(DATA),--data "$(DATA)")
RECIPE ?= $(shell test -d "$(DATA)" && echo transfer || echo fashion_mnist)
SET ?=
SOURCE ?= 0
MODEL ?=
PI ?=
SSH_OPTIONS ?=
BASE ?=
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
# `python -m train where` prints the run's folder.
FOLDER = "$$($(RUN) -m train where $(RECIPE) $(GIVEN))"
ENVIRONMENTS := $(VENV)/all.installed .venv-tflite-runtime/installed .venv-mediapipe/installed .venv-jax/installed \
	.venv-window/installed .venv-ray/installed .venv-tflite-micro/installed

# Targets have the names of folders: without this make would find them up to date.
.PHONY: help setup data train export webcam bench report gate bench-pi check test test-setup lint soak format lock lock-check tables backbones
.NOTPARALLEL:
.DEFAULT_GOAL := help

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(VENV)/all.installed  ## the environment .venv, from requirements/all.txt

# The marks are files inside the environments: removing an environment removes its mark.
$(VENV)/all.installed: requirements/all.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
		{ echo "error: $(PYTHON) is not Python 3.11 to 3.13; name another with PYTHON=" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || \
		{ echo "error: $(PYTHON) can't make environments; on Debian: apt install python3-venv" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

# Enough for a live classifier: device's packages and the page's, a tenth of what training needs.
$(VENV)/serve.installed: requirements/serve.txt
	test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

data: setup  ## the image cache of the recipe alone
	$(RUN) -m train $(RECIPE) $(GIVEN) $(SET:%=--set %) --only-data

train: setup  ## train RECIPE: runs/RECIPE, of a folder of your own runs/FOLDER
	$(RUN) -m train $(RECIPE) $(GIVEN) $(SET:%=--set %)

export: setup  ## export that run to four .tflite variants, and time them
	@# Without its table: the next command prints one with latencies.
	$(RUN) -m export $(FOLDER) >/dev/null
	$(RUN) -m benchmarks latency $(FOLDER) --keep
	$(RUN) -m export card $(FOLDER)

webcam: $(VENV)/serve.installed  ## a live classifier on a page: SOURCE=0, SOURCE=test …
	$(RUN) -m device live $(MODEL) --source "$(SOURCE)" --serve

bench: setup  ## accuracy and latency of the exported variants
	$(RUN) -m benchmarks accuracy $(FOLDER) --json $(FOLDER)/accuracy.json
	$(RUN) -m benchmarks latency $(FOLDER)
	$(RUN) -m export card $(FOLDER)

report: setup  ## one HTML page of what bench measured: report.html in the run's folder
	$(RUN) -m benchmarks report $(FOLDER) -o $(FOLDER)/report.html

gate: setup  ## is the run's int8 file slower than BASE?
	@test -n "$(BASE)" || { echo "error: make gate BASE=…, a model file, REF:PATH or a baseline" >&2; exit 2; }
	$(RUN) -m benchmarks gate "$(BASE)" $(FOLDER)/export/*_int8.tflite

bench-pi: setup  ## latency of the run (or MODEL) on the board PI=user@host, over ssh
	@test -n "$(PI)" || { echo "error: no board is named; name it as ssh knows it: make bench-pi PI=user@host" >&2; exit 2; }
	$(RUN) -m benchmarks board "$(PI)" $(if $(MODEL),"$(MODEL)",$(FOLDER)) \
		$(if $(SSH_OPTIONS),--ssh-options="$(SSH_OPTIONS)")

check: setup  ## the tests of a minute: no TensorFlow, no other programs, no whole commands
	$(RUN) -m pytest -m "not tensorflow and not programs and not long" --numprocesses 2

# Three at a time keep two cores busy: servers, cameras and signals are waited for.
test: setup test-setup lint  ## everything: checks of style and types, then all tests
	$(RUN) -m pytest --numprocesses 3 --dist worksteal --durations 25

test-setup: $(ENVIRONMENTS)

# Real runtimes and peers have environments of their own: tflite-runtime needs numpy 1, MediaPipe another OpenCV, and
# JAX is there to train without TensorFlow, Ray to classify on several machines, tflite-micro for microcontrollers.
.venv-tflite-runtime/installed .venv-mediapipe/installed .venv-jax/installed .venv-window/installed \
.venv-ray/installed .venv-tflite-micro/installed .venv-onnxruntime/installed: .venv-%/installed: requirements/%.txt
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

lint: setup  ## style and types
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check --quiet .
	$(RUN) -m mypy

soak: setup  ## a live classifier for an hour with everything at once, and a hundred lost cameras
	$(RUN) -m experiments.soak

format: setup  ## lay the code out as ruff does
	$(RUN) -m ruff check --fix-only --quiet .
	$(RUN) -m ruff format .

UV := $(VENV)/bin/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-header --python-version 3.11 \
	-c requirements/constraints.in

lock: setup  ## write requirements/*.txt anew
	$(RUN) -m pip install --quiet uv
	$(UV) --upgrade pyproject.toml --extra dev -o requirements/all.txt
	$(UV) pyproject.toml --extra device -c requirements/all.txt -o requirements/device.txt
	$(UV) pyproject.toml --extra serve --extra mqtt -c requirements/all.txt -o requirements/serve.txt
	$(UV) pyproject.toml --extra tflite-runtime -o requirements/tflite-runtime.txt
	$(UV) pyproject.toml --extra window -o requirements/window.txt
	$(UV) requirements/mediapipe.in -o requirements/mediapipe.txt
	$(UV) requirements/jax.in -c requirements/all.txt -o requirements/jax.txt
	$(UV) requirements/ray.in -c requirements/all.txt -o requirements/ray.txt
	$(UV) requirements/onnxruntime.in -c requirements/all.txt -o requirements/onnxruntime.txt
	$(UV) --prerelease allow requirements/tflite-micro.in -o requirements/tflite-micro.txt

lock-check: setup  ## resolve the lock with pip for every Python that is supported
	$(RUN) -m experiments.lock_check

backbones: setup  ## measure the int8 latency of the backbones whose weights are here
	$(RUN) -m experiments.backbones

tables: setup  ## write the tables in README and docs anew from their JSON
	$(RUN) -m experiments.tables
