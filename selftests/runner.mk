# SPDX-License-Identifier: GPL-2.0
# kselftest's runner, installed beside the collections that it runs.
#
# KSRC is the kernel source, RUNNER_PATH where everything goes, and RUNNER_LIST
# the programs, as collection:program.

RUNNER_SOURCE := $(KSRC)/tools/testing/selftests
RUNNER_FILES := module.sh runner.sh prefix.pl ktap_helpers.sh ksft.py

install_runner:
	@mkdir -p $(RUNNER_PATH)/kselftest
	@install -m 755 $(RUNNER_SOURCE)/run_kselftest.sh $(RUNNER_PATH)
	@install -m 755 $(addprefix $(RUNNER_SOURCE)/kselftest/,$(RUNNER_FILES)) \
		$(RUNNER_PATH)/kselftest
	@printf '%s\n' $(RUNNER_LIST) > $(RUNNER_PATH)/kselftest-list.txt

.PHONY: install_runner
