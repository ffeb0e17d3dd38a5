// SPDX-License-Identifier: GPL-2.0

#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/security.h>

struct dentry *qsock_helper_securityfs_dir(const char *name)
{
	return securityfs_create_dir(name, NULL);
}

struct dentry *qsock_helper_securityfs_file(const char *name, umode_t mode,
					    struct dentry *parent,
					    const struct file_operations *ops)
{
	return securityfs_create_file(name, mode, parent, NULL, ops);
}

void qsock_helper_securityfs_remove(struct dentry *dentry)
{
	securityfs_remove(dentry);
}
