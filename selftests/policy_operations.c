// SPDX-License-Identifier: GPL-2.0
/*
 * Each operation, for each type that has it: refused with the errno that a rule
 * names, allowed by a rule before that, only told of when the policy is not
 * enforced; and a rule for one operation touches no other.
 */
#include "qsock_policy.h"

static const int TYPES[] = { SOCK_STREAM, SOCK_SEQPACKET, SOCK_DGRAM };

FIXTURE(policy_operations)
{
	struct world world;
};

FIXTURE_VARIANT(policy_operations)
{
	const char *name;
	operation_fn *operation;
	bool connections_only;
};

#define OPERATION(name_, connections_only_) {				\
	.name = #name_,							\
	.operation = op_##name_,					\
	.connections_only = connections_only_,				\
}

FIXTURE_VARIANT_ADD(policy_operations, create)
	OPERATION(create, false);
FIXTURE_VARIANT_ADD(policy_operations, bind)
	OPERATION(bind, false);
FIXTURE_VARIANT_ADD(policy_operations, listen)
	OPERATION(listen, true);
FIXTURE_VARIANT_ADD(policy_operations, connect)
	OPERATION(connect, false);
FIXTURE_VARIANT_ADD(policy_operations, accept)
	OPERATION(accept, true);
FIXTURE_VARIANT_ADD(policy_operations, sendmsg)
	OPERATION(sendmsg, false);
FIXTURE_VARIANT_ADD(policy_operations, recvmsg)
	OPERATION(recvmsg, false);
FIXTURE_VARIANT_ADD(policy_operations, pass_file)
	OPERATION(pass_file, false);
FIXTURE_VARIANT_ADD(policy_operations, shutdown)
	OPERATION(shutdown, false);

FIXTURE_SETUP(policy_operations)
{
	REQUIRE_POLICY();
}

FIXTURE_TEARDOWN_PARENT(policy_operations)
{
	policy_unload();
}

/* What the operation returns under a policy of lines with %s for its name. */
static int under(struct __test_metadata *_metadata, struct world *w,
		 operation_fn *operation, const char *name, const char *format)
{
	char text[128];
	int error;

	snprintf(text, sizeof(text), format, name, name);
	ASSERT_EQ(0, policy_load(text));
	error = operation(w);
	ASSERT_EQ(0, policy_load("\n"));
	return error;
}

/* Go on to the next type that has the operation, if there is one. */
static bool next_world(struct __test_metadata *_metadata, struct world *w,
		       bool connections_only, int *at)
{
	if (*at >= 0)
		world_end(w);
	do {
		if (++*at == ARRAY_LEN(TYPES))
			return false;
	} while (connections_only && !type_ends(TYPES[*at]));
	world_make(_metadata, w, TYPES[*at]);
	return true;
}

#define FOR_EACH_TYPE(w)						\
	for (int at_ = -1; next_world(_metadata, w,			\
				      variant->connections_only, &at_);)

#define UNDER(format)							\
	under(_metadata, &self->world, variant->operation,		\
	      variant->name, format)

TEST_F(policy_operations, a_rule_refuses)
{
	FOR_EACH_TYPE(&self->world) {
		EXPECT_EQ(EPERM, UNDER("deny:EPERM %s\n"));
	}
}

TEST_F(policy_operations, a_denial_is_eacces_unless_it_says_more)
{
	FOR_EACH_TYPE(&self->world) {
		EXPECT_EQ(EACCES, UNDER("deny %s\n"));
	}
}

TEST_F(policy_operations, a_default_refuses)
{
	FOR_EACH_TYPE(&self->world) {
		EXPECT_EQ(EIO, UNDER("default deny:EIO %s\n"));
	}
}

TEST_F(policy_operations, the_first_rule_decides)
{
	FOR_EACH_TYPE(&self->world) {
		EXPECT_EQ(0, UNDER("allow %s\ndeny %s\n"));
	}
}

TEST_F(policy_operations, without_a_rule_it_is_allowed)
{
	FOR_EACH_TYPE(&self->world) {
		EXPECT_EQ(0, UNDER("deny %s uid=12345\n"));
	}
}

TEST_F(policy_operations, others_are_left_alone)
{
	const char *rule = "deny * uid=0\n";

	FOR_EACH_TYPE(&self->world) {
		char text[64];

		snprintf(text, sizeof(text), "allow %s\n%s", variant->name,
			 rule);
		/* Sending a file is also sending. */
		if (variant->operation == op_pass_file)
			snprintf(text, sizeof(text), "allow sendmsg,%s\n%s",
				 variant->name, rule);
		ASSERT_EQ(0, policy_load(text));
		EXPECT_EQ(0, variant->operation(&self->world));
		ASSERT_EQ(0, policy_load("\n"));
	}
}

TEST_F(policy_operations, not_enforced_it_goes_on_and_counts)
{
	FOR_EACH_TYPE(&self->world) {
		char text[64];

		snprintf(text, sizeof(text), "\ndeny %s\n", variant->name);
		ASSERT_EQ(0, policy_load(text));
		ASSERT_EQ(0, policy_enforce("0"));
		EXPECT_EQ(0, policy_hits("2"));
		EXPECT_EQ(0, variant->operation(&self->world));
		EXPECT_LE(1, policy_hits("2"));
		ASSERT_EQ(0, policy_enforce("1"));
		ASSERT_EQ(0, policy_load("\n"));
	}
}

TEST_F(policy_operations, what_is_refused_can_be_done_later)
{
	FOR_EACH_TYPE(&self->world) {
		ASSERT_EQ(EPERM, UNDER("deny:EPERM %s\n"));
		/* A connection whose acceptance was refused is gone. */
		if (variant->operation == op_accept) {
			EXPECT_ERRNO(ECONNRESET,
				     recv(self->world.client, NULL, 0, 0));
			ASSERT_EQ(0, op_connect(&self->world));
		}
		EXPECT_EQ(0, variant->operation(&self->world));
	}
}

TEST_HARNESS_MAIN
