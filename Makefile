# SPDX-License-Identifier: GPL-2.0
#
# The front end: every target sets up what it needs and runs one program in the build root (qemu/root, qemu/lab).
# The module's own recipe is Kbuild and src/Kbuild.

MAKEFLAGS += --no-print-directory
LAB := qemu/enter -- lab

# KERNEL=7.3 means that Debian kernel for every target; other kernels are for `make kdir` and `make`.
ifeq ($(KERNEL),7.3)
CONFIG ?= 7.3
endif
arch := $(if $(ARCH),--arch $(ARCH))
config := $(if $(CONFIG),--config $(CONFIG))

.DEFAULT_GOAL := all
.PHONY: all module tools qsockctl kdir run test bench trace check deb shell doc clean cold-test print-kdir print-image print-module

include tools/install.mk

# What `make install` installs; a tree in KDIR asks for the module alone
all: module $(if $(KDIR),,tools)

# qsock.ko for KDIR, for CONFIG or KERNEL, or for the kernel that the last `make kdir` named (at first: stock)
module:
	+@KDIR='$(KDIR)' qemu/module $(arch) $(or $(config),$(if $(KERNEL),--kernel $(KERNEL),--chosen))

# The command line tool, static, as build/<arch>/qsockctl
qsockctl:
	@$(LAB) qsockctl $(arch)

# The launcher and its library, in build/<arch>/tools, and qsockctl
tools: qsockctl
	@$(LAB) tools $(arch)

kdir:
	@$(LAB) kdir $(arch) $(if $(KERNEL),--choose --kernel $(KERNEL),$(or $(config),--choose))

run:
	@$(LAB) demo $(arch) $(config)

test:
	@$(LAB) test $(arch) $(config) $(if $(SUITE),--suite $(SUITE)) $(if $(RUNNER),--runner $(RUNNER))

bench:
	@$(LAB) bench $(arch) $(if $(ONLY),--only '$(ONLY)') $(if $(BUDGET),--budget $(BUDGET)) $(if $(NATIVE),--native)

# TYPE=stream|seqpacket|dgram SIZE=bytes AGAINST=unix HOOK=none FULL=1
trace:
	@$(LAB) trace $(arch) $(if $(TYPE),--type $(TYPE)) $(if $(SIZE),--size $(SIZE)) \
		$(if $(AGAINST),--against $(AGAINST)) $(if $(HOOK),--hook $(HOOK)) $(if $(FULL),--full)

check:
	@$(LAB) check

# The Debian packages, in build/deb
deb:
	@$(LAB) deb

shell:
	@qemu/run $(arch) $(config) --tty -- sh

doc:
	@$(LAB) doc

# Repeats the set-up and the tests as on a machine that has nothing
cold-test:
	@qemu/cold-test

print-kdir:
	@$(LAB) kdir $(arch) $(or $(config),$(if $(KERNEL),--kernel $(KERNEL)))

print-image:
	@$(LAB) image $(arch) $(config)

print-module:
	@$(LAB) module --quiet $(arch) $(config)

clean:
	@rm -rf build qsock.ko
