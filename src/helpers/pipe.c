// SPDX-License-Identifier: GPL-2.0

#include <linux/pipe_fs_i.h>

bool qsock_helper_pipe_is_full(const struct pipe_inode_info *pipe)
{
	return pipe_is_full(pipe);
}
