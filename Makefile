# Copyright (c) 2026 the certops.clm authors
# GNU General Public License v3.0 or later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# make test         everything: lint, types, unit and integration tests, every gate (tests/gates is the definition of the checks)
# make demo         one certificate's whole life on servers of this machine: no root, no system package, about a minute
# make unit         unit tests only
# make integration  tests against the lab's real servers
# make gates        ruff, mypy, sanity on every core, ansible-lint, docs, changelog, licences, build, importer
# make faults       the whole matrix of faults at every step, and its table in README (root and a C compiler), less than an hour on an idle
#                   machine; FAULTS="--keep --budget 20" goes on where a run stopped; make test runs the worst ten
# make bench        the benchmarks, and README's table of them; about 65 minutes, on a machine that does nothing else
# make traffic      twenty rotations of all servers under clients that look all the time, and README's line of it; about ten minutes
# make races        200 races of two controllers for the same lineages, and README's table of them; some minutes
# make index        write the generated files again
# make venv         .venv only (what make demo needs)
# PYTHON=/usr/bin/python3.12 make test   starts from another interpreter (3.11 or newer)

PYTHON ?= python3
PYTEST = .venv/bin/python -m pytest
# Four workers for two cores, because half of an integration test is waiting for a server; tests that share something say so by
# xdist_group. The long ones come first.
PARALLEL = -n 4 --dist loadgroup

.PHONY: test demo unit integration gates faults bench traffic races index venv clean

test:
	@$(PYTHON) tools/environment.py all
	@$(PYTEST) $(PARALLEL) --durations 30 --durations-min 20 tests/gates tests/integration tests/faults tests/hostile tests/unit

demo: venv
	@.venv/bin/python demo/demo.py

unit: venv
	@$(PYTEST) -n 2 tests/hostile tests/unit

integration:
	@$(PYTHON) tools/environment.py dev cores servers peers
	@$(PYTEST) $(PARALLEL) tests/integration

gates:
	@$(PYTHON) tools/environment.py dev cores gates
	@$(PYTEST) $(PARALLEL) tests/gates

faults: venv
	@PYTHONPATH=.cache/dev .venv/bin/python tests/faults/run.py $(FAULTS); code=$$?; .venv/bin/python tools/make_readme.py; exit $$code

bench:
	@$(PYTHON) tools/environment.py dev servers peers
	@set -e; for one in issue inventory probe rotation orders listeners discovery; do echo "== $$one"; PYTHONPATH=.cache/dev .venv/bin/python tests/benchmarks/$$one.py; done
	@.venv/bin/python tools/make_readme.py

traffic:
	@$(PYTHON) tools/environment.py dev servers
	@CLM_LAB_REQUIRE=all CLM_ROTATIONS=20 CLM_TRAFFIC=keep $(PYTEST) tests/integration/rotate/test_live_traffic.py
	@.venv/bin/python tools/make_readme.py

races: venv
	@PYTHONPATH=.cache/dev .venv/bin/python tests/races/racing.py --keep
	@.venv/bin/python tools/make_readme.py

index: venv
	@.venv/bin/python tools/make_index.py
	@.venv/bin/python tools/make_readme.py

venv:
	@$(PYTHON) tools/environment.py dev

clean:
	rm -rf .cache .venv .hypothesis .pytest_cache tests/output
