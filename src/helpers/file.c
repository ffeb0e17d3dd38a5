// SPDX-License-Identifier: GPL-2.0

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/magic.h>

void qsock_helper_get_file(struct file *file)
{
	get_file(file);
}

unsigned long qsock_helper_file_refs(struct file *file)
{
	return file_count(file);
}

/* NULL for a file that is in a file system. */
const char *qsock_helper_file_anon_name(const struct file *file)
{
	if (file_inode(file)->i_sb->s_magic != ANON_INODE_FS_MAGIC)
		return NULL;
	return file->f_path.dentry->d_name.name;
}
