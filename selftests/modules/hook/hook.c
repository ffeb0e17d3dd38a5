// SPDX-License-Identifier: GPL-2.0
/*
 * A hook of another module: it refuses what its parameter `operations` has the
 * bit of, with `error`, and takes note of what it was told.
 *
 * It is asked while `on` is 1, and pins its module that long.
 */
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/qsock_hook.h>

static unsigned int operations;
module_param(operations, uint, 0600);
MODULE_PARM_DESC(operations, "Operations to refuse, a bit for each");

static int error = -EPERM;
module_param(error, int, 0600);
MODULE_PARM_DESC(error, "What to return for them");

static unsigned int seen;
module_param(seen, uint, 0600);
MODULE_PARM_DESC(seen, "Operations that were asked about");

static char told[256];
module_param_string(told, told, sizeof(told), 0400);
MODULE_PARM_DESC(told, "What was told of the last message");

static int ask(const struct qsock_hook_context *context)
{
	unsigned int bit = 1U << context->operation;

	WRITE_ONCE(seen, seen | bit);
	if (context->operation == QSOCK_HOOK_SENDMSG)
		snprintf(told, sizeof(told),
			 "type=%u uid=%u gid=%u pid=%d peer=%u:%u flags=%x files=%u len=%llu head=%.*s name=%*pE peer_name=%*pE",
			 context->type, context->uid, context->gid,
			 context->pid, context->peer_uid, context->peer_gid,
			 context->flags, context->files, context->len,
			 (int)context->head_len, (const char *)context->head,
			 (int)context->name_len, context->name,
			 (int)context->peer_name_len, context->peer_name);
	/* What goes with a message must be there. */
	if ((context->operation == QSOCK_HOOK_PASS_FILE) != !!context->file)
		return -EIO;
	return READ_ONCE(operations) & bit ? READ_ONCE(error) : 0;
}

static const struct qsock_hook hook = {
	.version = QSOCK_HOOK_VERSION,
	.operations = (1U << QSOCK_HOOK_OPERATIONS) - 1,
	.owner = THIS_MODULE,
	.ask = ask,
};

/* What is registered, and nothing from then on: who is asked was copied. */
static struct qsock_hook given;

static DEFINE_MUTEX(lock);
static bool on;

static int set_on(const char *text, const struct kernel_param *parameter)
{
	bool want;
	int result = kstrtobool(text, &want);

	if (result)
		return result;
	guard(mutex)(&lock);
	if (want == on)
		return 0;
	if (want) {
		given = hook;
		result = qsock_register_hook(&given);
		given = (struct qsock_hook){};
	} else {
		qsock_unregister_hook(&given);
	}
	if (!result)
		on = want;
	return result;
}

static const struct kernel_param_ops on_ops = {
	.set = set_on,
	.get = param_get_bool,
};
module_param_cb(on, &on_ops, &on, 0600);
MODULE_PARM_DESC(on, "Whether the hook is asked");

/* What qsock must refuse. */
static int __init hook_init(void)
{
	struct qsock_hook other = hook;

	other.version++;
	if (qsock_register_hook(&other) != -EINVAL)
		return -EBADMSG;
	other = hook;
	other.operations = 1U << QSOCK_HOOK_OPERATIONS;
	if (qsock_register_hook(&other) != -EINVAL)
		return -EBADMSG;
	other = hook;
	other.ask = NULL;
	if (qsock_register_hook(&other) != -EINVAL)
		return -EBADMSG;
	/* One that is not there. */
	qsock_unregister_hook(&hook);
	return 0;
}
module_init(hook_init);

static void __exit hook_exit(void)
{
}
module_exit(hook_exit);

MODULE_DESCRIPTION("Test hook in qsock's chain");
MODULE_AUTHOR("The qsock developers");
MODULE_LICENSE("GPL");
