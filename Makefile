# The verbs of the project; `make` alone lists them. Each sets up what it needs in .venv.
.DEFAULT_GOAL := help
.PHONY: help book test notebooks figures slides ledger mutants reseed proofs proofs-mutants reproduce bench scorecard pdf lab labtest clean

# On Windows this runs in Git Bash, and an environment has its programs in another folder.
ifeq ($(OS),Windows_NT)
BIN := Scripts
PYTHON ?= python
else
BIN := bin
PYTHON ?= python3
endif
VENV := .venv
RUN := $(VENV)/$(BIN)/python
PIP := $(RUN) -m pip install --disable-pip-version-check -c constraints.txt
# The library, the checks and the book's own helpers; extras are those of the last.
HOUSES := -e . -e dropcheck -e book
LISTS := constraints.txt pyproject.toml dropcheck/pyproject.toml book/pyproject.toml
# An index with other builds of torch, such as https://download.pytorch.org/whl/cpu
ifdef TORCH_INDEX
PIP += --extra-index-url $(TORCH_INDEX)
endif
# The same sums in the same order on every machine, and two processes that do not compete.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
# Files and messages in UTF-8, whatever the system's own encoding is.
export PYTHONUTF8 := 1
# Two processes need about 4 GB; what is free is known on Linux only.
WORKERS ?= $(shell awk '/^MemAvailable/ { free = $$2 } \
	END { print free && free < 4000000 ? 0 : 2 }' /proc/meminfo 2>/dev/null || echo 2)

# With PYODIDE=1 the pages bring Python along, 25 MB, and cells run in them without a network.
export PYODIDE

# Processes that run experiments, one thread each.
JOBS ?= 2

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

book: $(VENV)/html.stamp ## build the book, if anything changed; PYODIDE=1 with Python in it
	$(if $(PYODIDE),@$(RUN) -m book.scripts.fetch_pyodide)
	@$(RUN) -m book.scripts.build_book

test: $(VENV)/test.stamp book ## verify everything; SEED=1 reseeds what is random
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy
	@command -v coqc >/dev/null || $(RUN) -m book.scripts.build_proofs
	$(RUN) -m pytest tests chapters --nbval --ledger-check --alter=exact -n $(WORKERS) --dist loadfile \
		$(if $(SEED),--seed=$(SEED))

notebooks: $(VENV)/test.stamp ## execute the chapters whose text or library changed
	@$(RUN) -m book.scripts.build_notebooks

figures: $(VENV)/test.stamp ## write every figure as SVG into _build/figures, with caption and licence
	@$(RUN) -m book.scripts.build_figures

slides: $(VENV)/test.stamp book ## make decks of slides of seven chapters in _build/slides, with their figures
	@$(RUN) -m book.scripts.build_slides

reproduce: $(VENV)/test.stamp ## run the experiments in full size; ONLY="R1 R4" some of them
	@$(RUN) -m book.experiments $(ONLY) --jobs $(JOBS) --folder _build/reproduced

ledger: $(VENV)/test.stamp ## run the claim tests and write backmatter/ledger.md
	@$(RUN) -m book.scripts.build_ledger

mutants: $(VENV)/test.stamp ## change the library at N=200 places; STATEMENTS=1 alter the statements; see what the tests notice
	@$(RUN) tests/mutants.py $(if $(STATEMENTS),statements,library $(or $(N),200))
	@$(RUN) tests/mutants.py $(if $(STATEMENTS),tests,shared)

reseed: $(VENV)/test.stamp ## run the claims under N=1000 seeds, about 15 s of computing each; resumes
	@nice $(RUN) tests/reseed.py $(or $(N),1000)
	@$(RUN) tests/mutants.py page

proofs: $(VENV)/html.stamp ## compile the formal proofs, and write which axioms each needs
	@$(RUN) -m book.scripts.build_proofs

proofs-mutants: $(VENV)/html.stamp ## show that no proof accepts a wrong form of its theorem
	@$(RUN) -m book.scripts.build_proofs --mutants

bench: $(VENV)/test.stamp $(if $(PEERS),$(VENV)/peers.stamp) ## compare speeds, minutes; PEERS=1 with timm and others, too
	@$(RUN) benchmarks/run.py
	$(if $(PEERS),@$(VENV)/peers/$(BIN)/python benchmarks/run.py peers)

scorecard: $(VENV)/test.stamp ## examine the layers of all frameworks, several GB; ONLY="torch jax" some
	@$(RUN) -m book.scripts.build_scorecard $(ONLY)

pdf: $(VENV)/test.stamp book ## print the book into one PDF, with a Chromium
	@$(RUN) -m book.scripts.build_pdf

lab: $(VENV)/lab.stamp ## open the preface and the chapters in JupyterLab, as Binder does
	$(VENV)/lab/$(BIN)/jupyter lab index.md

labtest: $(VENV)/lab.stamp $(VENV)/test.stamp ## run every chapter in that JupyterLab, in a headless browser
	$(RUN) -m pytest tests/test_lab.py -m lab

clean: ## remove everything built, but not .venv
	rm -rf _build build book/build dropcheck/build dist *.egg-info book/*.egg-info \
		dropcheck/*.egg-info .mypy_cache .pytest_cache .ruff_cache
	find benchmarks book dropcheck dropoutlib tests -name __pycache__ -prune -exec rm -rf {} +

# A stamp is the last thing its recipe writes: an interrupted installation is taken up again.
$(VENV)/html.stamp: $(LISTS)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo 'Python 3.11 or newer is needed; name one with  make PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo 'Python lacks its venv module; on Debian and Ubuntu: apt install python3-venv' >&2; \
		exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) $(HOUSES)[html]
	@touch $@

# An environment of its own, from the list that Binder takes, so that it holds nothing else.
$(VENV)/lab.stamp: $(LISTS) .binder/postBuild .binder/overrides.json
	$(PYTHON) -m venv $(VENV)/lab
	$(PIP:$(RUN)%=$(VENV)/lab/$(BIN)/python%) $(HOUSES)[lab]
	PATH="$$PWD/$(VENV)/lab/$(BIN):$$PATH" bash .binder/postBuild
	@touch $@

# An environment of its own, without the constraints: torchvision decides which torch fits.
$(VENV)/peers.stamp: pyproject.toml
	$(PYTHON) -m venv $(VENV)/peers
	$(VENV)/peers/$(BIN)/python -m pip install --disable-pip-version-check \
		$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) \
		$(HOUSES) timm torchvision transformers baal "torch-uncertainty[cpu]"
	@touch $@

$(VENV)/test.stamp: $(VENV)/html.stamp
	$(PIP) $(HOUSES)[test]
	@touch $@
