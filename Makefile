# Every target works from a fresh clone: it creates .venv and installs what it needs, once.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.SILENT:
.DELETE_ON_ERROR:

PYTHON ?= python3
LEADS ?= 100000
ARGS ?=
VENV_PYTHON := .venv/bin/python

# Without byte code every start would compile everything again, and packages of another environment are not ours.
unexport PYTHONDONTWRITEBYTECODE PYTHONPATH PYTHONHOME VIRTUAL_ENV
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Use the machine's certificates, so that uv accepts those of a proxy.
export UV_SYSTEM_CERTS := true

CODE := leads buyers billing marketplace stripe_stand_in
COMPILE := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --custom-compile-command 'make lock'

# Sample production settings: the market must start with them, and the deployment checks must find nothing.
PRODUCTION := MODE=production SITE_URL=https://leads.acme-desk.com ALLOWED_HOSTS=leads.acme-desk.com \
	DATABASE_URL=postgres://market@localhost/market EMAIL_URL=smtp://mail.acme-desk.com:587 \
	OPERATOR_NAME=Acme OPERATOR_STREET='1 Main Street' OPERATOR_CITY='Austin, TX 78701' \
	OPERATOR_PHONE='(512) 555-0100' OPERATOR_EMAIL=desk@acme-desk.com
random = head -c $(1) /dev/urandom | base64 -w 0

.PHONY: help demo demo-reset up stop test lint bench lock clean

help: ## List the commands
	awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/installed ## Run a demo market and everything it needs (Ctrl-C stops it and keeps its data)
	$(VENV_PYTHON) manage.py demo

demo-reset: .venv/installed ## Delete the demo's data and run it again from scratch
	$(VENV_PYTHON) manage.py demo --reset

up: .venv/installed ## Run the market with the settings of the environment, without demo data
	$(VENV_PYTHON) manage.py up

stop: .venv/installed ## Stop the embedded database if it is still running
	$(VENV_PYTHON) manage.py pg stop

test: .venv/installed-dev ## Run the tests (ARGS="-k sweep" runs some of them)
	$(VENV_PYTHON) -m pytest -n 2 $(ARGS)

lint: .venv/installed-dev ## Check style, types, templates, layers, migrations and production settings
	.venv/bin/ruff check --quiet .
	.venv/bin/ruff format --quiet --check . || { .venv/bin/ruff format --check .; exit 1; }
	.venv/bin/djade --check --target-version 5.2 $$(find templates -name '*.html')
	.venv/bin/lint-imports --no-logo
	.venv/bin/mypy $(CODE)
	state=$$(mktemp -d); trap 'rm -rf "$$state"' EXIT; \
		VAR_DIR="$$state" $(VENV_PYTHON) manage.py makemigrations --check --dry-run
	env $(PRODUCTION) SECRET_KEY="$$($(call random,48))" DIGEST_KEY="$$($(call random,32))" \
		FIELD_KEYS="1:$$($(call random,32))" $(VENV_PYTHON) manage.py check --deploy --fail-level WARNING

bench: .venv/installed-dev ## Run the benchmarks, compared with bare SQL (LEADS=1000000 for more leads)
	$(VENV_PYTHON) -m benchmarks --leads $(LEADS) $(ARGS)

lock: .venv/bin/uv ## Update the locked requirements from the .in files
	$(COMPILE) --upgrade requirements-install.in -o requirements-install.txt
	$(COMPILE) --upgrade requirements.in -o requirements.txt
	$(COMPILE) --upgrade requirements-dev.in -o requirements-dev.txt

clean: ## Delete the virtual environment and everything under var/
	if [ -x $(VENV_PYTHON) ]; then $(VENV_PYTHON) manage.py pg stop; fi
	rm -rf .venv var

# install(requirements file): try uv first, then pip, which may know mirrors and certificates that uv doesn't.
define install
started=$$(date +%s); \
.venv/bin/uv pip install --quiet --python $(VENV_PYTHON) --require-hashes -r $(1) || \
	$(VENV_PYTHON) -m pip install --quiet --require-hashes -r $(1) || exit 1; \
echo "installed $$(grep -c '^[a-z].*==' $(1)) packages in $$(($$(date +%s) - started)) s"
endef

.venv/installed: requirements.txt .venv/bin/uv
	$(call install,requirements.txt)
	touch $@

.venv/installed-dev: requirements-dev.txt .venv/bin/uv
	$(call install,requirements-dev.txt)
	touch $@ .venv/installed

.venv/bin/uv: requirements-install.txt
	started=$$(date +%s); \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "You need Python 3.11 or newer. Run: make PYTHON=/path/to/python3.11"; exit 1; }; \
	if ! $(PYTHON) -c 'import ensurepip' 2>/dev/null; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			{ apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3-venv; } \
				>/dev/null </dev/null || exit 1; \
		else echo "Python can't create virtual environments here. Run: sudo apt-get install python3-venv"; exit 1; fi; \
	fi; \
	$(PYTHON) -m venv .venv && \
	$(VENV_PYTHON) -m pip install --quiet --quiet --require-hashes -r requirements-install.txt && \
	touch $@ && echo "created .venv in $$(($$(date +%s) - started)) s"
