# Every habit of the project is a target. All of them may be repeated at will.

PYTHON ?= /usr/bin/python3
VENV := .venv
RUN := $(VENV)/bin
STAMP := $(VENV)/.setup-done
QGIS_PROFILE ?= $(HOME)/.local/share/QGIS/QGIS3/profiles/default
ARGS ?=
DATA ?=

export QT_QPA_PLATFORM ?= offscreen
# The packages run from their sources; nothing of the project is installed into .venv.
export PYTHONPATH := $(CURDIR)/engine:$(CURDIR)/training

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-qgis-lts lint bench bench-peers translations figures screenshots docs package deploy clean
MAKEFLAGS += --no-print-directory

help:  ## list the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' Makefile | expand -t 22

setup: $(STAMP)  ## install what is missing: Debian packages (as root) and .venv

$(STAMP): requirements-dev.txt scripts/setup.sh
	@PYTHON="$(PYTHON)" VENV="$(VENV)" scripts/setup.sh
	@touch $@

demo: setup  ## pansharpen the bundled scene through QGIS, write demo_output/
	@$(RUN)/python scripts/demo.py

# The file is what is handed out, for the sake of what its tests share. More than four processes
# would only want more memory (1 GB each); each computes on one thread.
test: setup  ## run all tests (ARGS="tests/engine -k mtf" for some, ARGS="-n 0 --pdb" in one process)
	@OMP_NUM_THREADS=$${OMP_NUM_THREADS:-1} \
		$(RUN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile $(ARGS)

test-qgis-lts:  ## run tests under QGIS 3.40 LTR: Debian 13 in LTS_ROOT, about 4 GB (as root; ARGS)
	@scripts/test_qgis_lts.sh $(ARGS)

lint: setup  ## formatting, lint, import contracts, types of the engine, what Qt 6 refuses
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/lint-imports
	$(RUN)/mypy
	$(RUN)/python -m pytest --quiet tests/house/test_qt6.py

bench: setup  ## KSDiff beside all methods and programs: docs/benchmarks.md (DATA=folder; ARGS)
	@$(if $(DATA),,$(error bench: name the folder with train/ and test/: make bench DATA=...))
	@$(RUN)/python scripts/bench.py "$(DATA)" $(ARGS)

bench-peers:  ## install the other programs that `make bench` measures where they are (as root)
	apt-get install -y --no-install-recommends otb-bin grass-core saga

translations: setup  ## bring ksdiff_qgis/i18n up to date with the sources
	@$(RUN)/python scripts/translations.py

figures: setup  ## draw the figures of the algorithms' help, resources/help
	@$(RUN)/python scripts/help_figures.py

screenshots: setup  ## take the tutorial's pictures in a real QGIS on a virtual screen
	@$(RUN)/python scripts/screenshots.py

docs: $(VENV)/.docs-done  ## the user guide, build/docs/index.html, and its pages of the algorithms
	@$(RUN)/python scripts/algorithm_pages.py
	@NO_MKDOCS_2_WARNING=1 $(RUN)/mkdocs build --quiet --strict

$(VENV)/.docs-done: requirements-docs.txt $(STAMP)
	@$(RUN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint $(VENV)/constraints.txt --requirement requirements-docs.txt
	@touch $@

package:  ## dist/ksdiff_qgis.zip, ready for QGIS's "Install from ZIP"
	@$(PYTHON) scripts/package.py

deploy: package  ## install the package into QGIS_PROFILE (a profile's folder)
	@$(PYTHON) scripts/deploy.py "$(QGIS_PROFILE)"

clean:  ## remove what the targets built; .venv and trained weights stay
	rm -rf dist build demo_output .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find engine training ksdiff_qgis scripts tests -name __pycache__ -type d -prune -exec rm -rf {} +
