// SPDX-License-Identifier: GPL-2.0
/*
 * 64 senders and 64 receivers: no byte is lost, doubled, reordered or
 * damaged, whatever sizes, calls, signals and ends there are.
 *
 * QSOCK_STRESS_MESSAGES says how many messages a test sends, and
 * QSOCK_STRESS_SEED repeats the chances of a run.
 */
#include "qsock_crowd_run.h"

#define MESSAGES	(LINKS * 64)

/* The watch ends a test that hangs; this is for long runs. */
#define LONG_TIMEOUT	7200

/* So often a socket that all share is closed and opened again. */
#define LIVES		6

FIXTURE(queue_stress)
{
	struct crowd *crowd;
};

FIXTURE_VARIANT(queue_stress)
{
	bool qsock;
	enum crowd_kind kind;
};

CROWD_VARIANTS(queue_stress);

FIXTURE_SETUP(queue_stress)
{
	REQUIRE_FAMILY(variant);
	self->crowd = crowd_new(_metadata, test_family(variant->qsock),
				variant->kind, MESSAGES);
}

FIXTURE_TEARDOWN(queue_stress)
{
	/* The process ends here, and with it every thread and descriptor. */
}

TEST_F_TIMEOUT(queue_stress, all_comes_once_and_in_order, LONG_TIMEOUT)
{
	struct crowd *crowd = self->crowd;
	unsigned int life;

	crowd->signals = true;
	crowd->life = 100;
	if (!is_shared(crowd)) {
		ASSERT_TRUE(run_pairs(crowd));
	} else {
		/* Every second time, the receivers leave early. */
		for (life = LIVES; life; life--) {
			bool leave = life % 2 == 0;

			ASSERT_TRUE(run_shared(crowd, ANY, life, leave));
		}
	}
	crowd_tell(_metadata, crowd);
}

TEST_HARNESS_MAIN
