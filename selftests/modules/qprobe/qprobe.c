// SPDX-License-Identifier: GPL-2.0
/*
 * Watches places of another module that function_graph does not see: what
 * rustc makes has no place for ftrace, and kprobe events refuse such functions.
 *
 * A line written to /proc/qprobe is a place: "function <id> <address>", of
 * which the beginning and the return are told, or "at <id> <address>". The
 * write fails as the registration does. They stay until the module goes, and
 * what they watch must stay as long.
 */
#include <linux/kprobes.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/proc_fs.h>
#include <linux/ptrace.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#define CREATE_TRACE_POINTS
#include "qprobe_trace.h"

struct place {
	struct list_head node;
	unsigned int id;
	bool is_function;
	union {
		struct kprobe at;
		struct kretprobe function;
	};
};

/* Protects places. */
static DEFINE_MUTEX(places_lock);
static LIST_HEAD(places);

static unsigned long caller_of(struct pt_regs *regs)
{
#ifdef CONFIG_X86
	return regs_get_kernel_stack_nth(regs, 0);
#else
	return procedure_link_pointer(regs);
#endif
}

static struct place *place_of(struct kretprobe_instance *instance)
{
	return container_of(get_kretprobe(instance), struct place, function);
}

static int enter(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	trace_qprobe_enter(place_of(instance)->id, caller_of(regs));
	return 0;
}

static int leave(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	trace_qprobe_exit(place_of(instance)->id, 0);
	return 0;
}

static int pass(struct kprobe *kprobe, struct pt_regs *regs)
{
	trace_qprobe_at(container_of(kprobe, struct place, at)->id, 0);
	return 0;
}

static int watch(bool is_function, unsigned int id, unsigned long address)
{
	struct place *place = kzalloc(sizeof(*place), GFP_KERNEL);
	int error;

	if (!place)
		return -ENOMEM;
	place->id = id;
	place->is_function = is_function;
	if (is_function) {
		place->function.kp.addr = (kprobe_opcode_t *)address;
		place->function.entry_handler = enter;
		place->function.handler = leave;
		error = register_kretprobe(&place->function);
	} else {
		place->at.addr = (kprobe_opcode_t *)address;
		place->at.pre_handler = pass;
		error = register_kprobe(&place->at);
	}
	if (error) {
		kfree(place);
		return error;
	}
	mutex_lock(&places_lock);
	list_add(&place->node, &places);
	mutex_unlock(&places_lock);
	return 0;
}

static ssize_t write_place(struct file *file, const char __user *bytes,
			   size_t size, loff_t *offset)
{
	char line[64], kind[16];
	unsigned long address;
	unsigned int id;
	int error;

	if (size >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, bytes, size))
		return -EFAULT;
	line[size] = '\0';
	if (sscanf(line, "%15s %u %lx", kind, &id, &address) != 3)
		return -EINVAL;
	error = watch(!strcmp(kind, "function"), id, address);
	return error ?: size;
}

static const struct proc_ops operations = {
	.proc_write = write_place,
};

static int __init qprobe_init(void)
{
	return proc_create("qprobe", 0200, NULL, &operations) ? 0 : -ENOMEM;
}
module_init(qprobe_init);

static void __exit qprobe_exit(void)
{
	struct kretprobe *functions[64];
	struct kprobe *at[64];
	struct place *place, *next;

	remove_proc_entry("qprobe", NULL);
	/* Many at once: the kernel waits for RCU each time. */
	while (!list_empty(&places)) {
		int functions_count = 0, at_count = 0;
		LIST_HEAD(gone);

		list_for_each_entry_safe(place, next, &places, node) {
			if (functions_count == 64 || at_count == 64)
				break;
			if (place->is_function)
				functions[functions_count++] = &place->function;
			else
				at[at_count++] = &place->at;
			list_move(&place->node, &gone);
		}
		unregister_kretprobes(functions, functions_count);
		unregister_kprobes(at, at_count);
		list_for_each_entry_safe(place, next, &gone, node)
			kfree(place);
	}
}
module_exit(qprobe_exit);

MODULE_DESCRIPTION("Kprobes where kprobe events refuse them");
MODULE_LICENSE("GPL");
