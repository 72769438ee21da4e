# The verbs of the project; `make` alone lists them. Each sets up what it needs in .venv.
.DEFAULT_GOAL := help
.PHONY: help book test notebooks ledger proofs proofs-mutants reproduce bench pdf lab labtest clean

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
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
# Two processes need about 4 GB.
WORKERS ?= $(shell test -r /proc/meminfo && \
	awk '/^MemAvailable/ { print $$2 < 4000000 ? 0 : 2 }' /proc/meminfo || echo 2)

# Processes that run experiments, one thread each.
JOBS ?= 2

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

book: $(VENV)/html.stamp ## build the book, if anything changed, and say how to open it
	@$(RUN) book/scripts/build_book.py

test: $(VENV)/test.stamp book ## verify everything; SEED=1 reseeds what is random
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	@command -v coqc >/dev/null || $(RUN) book/scripts/build_proofs.py
	$(RUN) -m pytest tests chapters --nbval --ledger-check -n $(WORKERS) --dist loadfile \
		$(if $(SEED),--seed=$(SEED))

notebooks: $(VENV)/test.stamp ## execute the chapters whose text or library changed
	@$(RUN) book/scripts/build_notebooks.py

reproduce: $(VENV)/test.stamp ## run the experiments in full size; ONLY="R1 R4" some of them
	@$(RUN) -m book.experiments $(ONLY) --jobs $(JOBS) --folder _build/reproduced

ledger: $(VENV)/test.stamp ## run the claim tests and write backmatter/ledger.md
	@$(RUN) book/scripts/build_ledger.py

proofs: $(VENV)/html.stamp ## compile the formal proofs, and write which axioms each needs
	@$(RUN) book/scripts/build_proofs.py

proofs-mutants: $(VENV)/html.stamp ## show that no proof accepts a wrong form of its theorem
	@$(RUN) book/scripts/build_proofs.py --mutants

bench: $(VENV)/test.stamp $(if $(PEERS),$(VENV)/peers.stamp) ## compare speeds, minutes; PEERS=1 with timm and others, too
	@$(RUN) benchmarks/run.py
	$(if $(PEERS),@$(VENV)/peers/bin/python benchmarks/run.py peers)

pdf: $(VENV)/test.stamp book ## print the book into one PDF, with a Chromium
	@$(RUN) book/scripts/build_pdf.py

lab: $(VENV)/lab.stamp ## open the preface and the chapters in JupyterLab, as Binder does
	$(VENV)/lab/bin/jupyter lab index.md

labtest: $(VENV)/lab.stamp $(VENV)/test.stamp ## run every chapter in that JupyterLab, in a headless browser
	$(RUN) -m pytest tests/test_lab.py -m lab

clean: ## remove everything built, but not .venv
	rm -rf _build build .pytest_cache .ruff_cache
	find book dropcheck dropoutlib tests -name __pycache__ -prune -exec rm -rf {} +

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
	$(PIP:$(RUN)%=$(VENV)/lab/bin/python%) $(HOUSES)[lab]
	PATH="$(CURDIR)/$(VENV)/lab/bin:$$PATH" .binder/postBuild
	@touch $@

# An environment of its own, without the constraints: torchvision decides which torch fits.
$(VENV)/peers.stamp: pyproject.toml
	$(PYTHON) -m venv $(VENV)/peers
	$(VENV)/peers/bin/python -m pip install --disable-pip-version-check \
		$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) \
		-e . timm torchvision baal "torch-uncertainty[cpu]"
	@touch $@

$(VENV)/test.stamp: $(VENV)/html.stamp
	$(PIP) $(HOUSES)[test]
	@touch $@
