# What one does with a clone. Needs Rust (the version in Cargo.toml), Node 20.19 or newer, and make; nothing else beforehand.
#
#   make demo        build everything and start the demo organisation      ARGS="--play" plays its story to the end
#   make test        every test this machine can run, and what it could not run and why
#   make check       what a change has to pass besides its tests: format, lints, docs, licences, the house's own rules
#   make bench       the figures of docs/, measured here, as ratios
#   make web         the page alone
#   make clean-demo  forget what the demo has stored

SHELL := /bin/sh
CARGO ?= cargo
NPM ?= npm
TARGET := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
STAMPS := $(TARGET)/stamps
ARGS ?=

WEB_SOURCES := $(shell find web -path web/node_modules -prune -o -path web/dist -prune -o -path web/shots -prune -o -type f -print 2>/dev/null)

.PHONY: demo test check bench web clean-demo

demo: web
	$(CARGO) build --profile demo -p interlock-cli
	$(TARGET)/demo/interlock demo $(ARGS)

test:
	$(CARGO) xtask test

check:
	$(CARGO) xtask check

bench:
	$(CARGO) xtask bench $(ARGS)

web: web/dist/index.html

$(STAMPS)/web-packages: web/package-lock.json
	cd web && $(NPM) ci --no-audit --no-fund
	@mkdir -p $(STAMPS) && touch $@

web/dist/index.html: $(STAMPS)/web-packages $(WEB_SOURCES)
	cd web && $(NPM) run build
	@touch $@

clean-demo:
	rm -rf .demo
