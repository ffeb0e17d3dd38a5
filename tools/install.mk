# SPDX-License-Identifier: GPL-2.0
#
# make install, make uninstall: what goes where, below DESTDIR=. Nothing is built here: `make` builds, and this runs as root.

# The programs and the library of one, as `make` leaves them in build/<arch>. A man page joins by being there.
TOOLS := qsockctl tools/qsock-run
LIBRARY := tools/libqsock_run.so

prefix ?= /usr/local
includedir ?= $(prefix)/include
mandir ?= $(prefix)/share/man
docdir ?= $(prefix)/share/doc/qsock
MODULE ?= qsock.ko

INSTALL_DATA := install -D -m 644
tool_dir := build/$(or $(ARCH),$(patsubst aarch64,arm64,$(shell uname -m)))
built_tools := $(wildcard $(addprefix $(tool_dir)/,$(TOOLS)))
built_library := $(wildcard $(tool_dir)/$(LIBRARY))
man_pages := $(wildcard tools/*.[1-8])
man_target = $(DESTDIR)$(mandir)/man$(subst .,,$(suffix $(1)))/$(notdir $(1))
# Its tools are not on every user's path.
sbin := PATH=$$PATH:/usr/sbin:/sbin
# The module's kernel need not be the one that runs.
release = $(firstword $(shell $(sbin) modinfo -F vermagic $(MODULE) 2>/dev/null))
depmod = $(sbin) depmod $(if $(DESTDIR),--basedir $(DESTDIR))
# DESTDIR as a user gave it may be relative.
override DESTDIR := $(if $(DESTDIR),$(abspath $(DESTDIR)))
# A blank parts what make and the shell are to write and to remove.
one_word = $(if $(word 2,$(DESTDIR)/$(prefix)/$(includedir)/$(mandir)/$(docdir)/$(MODULE)),\
	$(error qsock: DESTDIR= and the paths to install at cannot have blanks))

# A kernel that takes signed modules alone wants SIGN_KEY= and SIGN_CERT=, which its owner has enrolled.
SIGN_FILE ?= /lib/modules/$(release)/build/scripts/sign-file
SIGN_HASH ?= sha256
demands_signature = $(if $(DESTDIR)$(SIGN_KEY),,$(shell grep -qsx Y /sys/module/module/parameters/sig_enforce || \
	grep -qsE '\[(integrity|confidentiality)\]' /sys/kernel/security/lockdown && echo yes))

.PHONY: install install-module install-user uninstall

install: install-module install-user

install-module:
	$(one_word)
	@[ -f $(MODULE) ] || { echo "qsock: $(MODULE) is not built: run 'make' first, as a user." >&2; exit 1; }
	@[ -n "$(release)" ] || { echo "qsock: $(MODULE) names no kernel that modinfo (package kmod) can read." >&2; exit 1; }
	$(INSTALL_DATA) $(MODULE) $(DESTDIR)/lib/modules/$(release)/updates/qsock.ko
	$(if $(SIGN_KEY),$(SIGN_FILE) $(SIGN_HASH) $(SIGN_KEY) $(SIGN_CERT) $(DESTDIR)/lib/modules/$(release)/updates/qsock.ko)
	$(depmod) $(release)
	@$(if $(demands_signature),echo "qsock: this kernel loads signed modules alone: see 'Install it' in README.md." >&2,:)

# What has nothing to do with one kernel
install-user:
	$(one_word)
	$(INSTALL_DATA) include/uapi/linux/qsock.h $(DESTDIR)$(includedir)/linux/qsock.h
	$(foreach page,$(man_pages),$(INSTALL_DATA) $(page) $(call man_target,$(page)) &&) :
	$(foreach tool,$(built_tools),install -D -m 755 $(tool) $(DESTDIR)$(prefix)/bin/$(notdir $(tool)) &&) :
	$(if $(built_library),$(INSTALL_DATA) $(built_library) $(DESTDIR)$(prefix)/lib/qsock/$(notdir $(LIBRARY)))
	$(INSTALL_DATA) tools/modprobe.conf $(DESTDIR)$(docdir)/examples/modprobe.conf

# For every kernel that has it
uninstall:
	$(one_word)
	rm -f $(DESTDIR)$(includedir)/linux/qsock.h $(foreach page,$(man_pages),$(call man_target,$(page)))
	rm -f $(addprefix $(DESTDIR)$(prefix)/bin/,$(notdir $(TOOLS))) $(DESTDIR)$(docdir)/examples/modprobe.conf
	rm -f $(DESTDIR)$(prefix)/lib/qsock/$(notdir $(LIBRARY))
	for dir in $(DESTDIR)$(prefix)/lib/qsock $(DESTDIR)$(docdir)/examples $(DESTDIR)$(docdir); do \
		[ ! -d "$$dir" ] || rmdir --ignore-fail-on-non-empty "$$dir"; \
	done
	for module in $(DESTDIR)/lib/modules/*/updates/qsock.ko; do \
		[ -f "$$module" ] || continue; \
		rm -f "$$module"; \
		dir=$${module%/updates/qsock.ko}; \
		rmdir --ignore-fail-on-non-empty "$$dir/updates"; \
		$(depmod) "$${dir##*/}"; \
	done
