// SPDX-License-Identifier: GPL-2.0
/*
 * bind(), getsockname(), getpeername(): which bytes make a name, who has it
 * and for how long.
 */
#include "qsock_test.h"

FIXTURE(names)
{
	int family;
	char *dir;
	int sk;
};

FIXTURE_VARIANT(names)
{
	bool qsock;
	bool path_is_a_file;
};

FIXTURE_VARIANT_ADD(names, af_qsock)
{
	.qsock = true,
	/* Names live in a table: none is a file, and close() frees each. */
	.path_is_a_file = false,
};

FIXTURE_VARIANT_ADD(names, af_unix)
{
	.qsock = false,
	.path_is_a_file = true,
};

FIXTURE_SETUP(names)
{
	self->sk = -1;
	self->dir = NULL;
	REQUIRE_FAMILY(variant);
	self->family = test_family(variant->qsock);
	self->dir = make_name_dir(_metadata);
	self->sk = stream_socket(_metadata, self->family, 0);
}

FIXTURE_TEARDOWN(names)
{
	close_open(&self->sk);
	remove_name_dir(self->dir);
}

static int bind_errno(int fd, const struct test_addr *addr)
{
	return bind(fd, &addr->sa, addr->len) ? errno : 0;
}

TEST_F(names, an_unbound_socket_is_a_family_alone)
{
	struct test_addr name = name_of(self->sk);

	EXPECT_EQ(NAME_OFFSET, name.len);
	EXPECT_EQ(self->family, name.sa.sa_family);
}

TEST_F(names, a_nul_name_is_taken_byte_for_byte)
{
	struct test_addr name, addr = nul_addr(self->family, "a\0b");
	struct test_addr longer = addr;
	int other;

	/* Trailing NULs count: the longer name is another one. */
	longer.len++;
	ASSERT_EQ(0, bind_errno(self->sk, &addr));
	name = name_of(self->sk);
	EXPECT_TRUE(same_addr(&addr, &name));

	other = stream_bind(_metadata, &longer);
	name = name_of(other);
	EXPECT_TRUE(same_addr(&longer, &name));
	close(other);
}

TEST_F(names, a_nul_name_may_fill_the_array)
{
	struct test_addr name, addr;
	char bytes[QSOCK_NAME_MAX];
	int other;

	memset(bytes, 'n', sizeof(bytes));
	snprintf(bytes, sizeof(bytes), "_%d", getpid());
	bytes[0] = '\0';
	addr = raw_addr(self->family, bytes, sizeof(bytes));
	ASSERT_EQ(0, bind_errno(self->sk, &addr));
	name = name_of(self->sk);
	EXPECT_TRUE(same_addr(&addr, &name));

	/* The last byte counts. */
	bytes[QSOCK_NAME_MAX - 1] = 'o';
	addr = raw_addr(self->family, bytes, sizeof(bytes));
	other = stream_bind(_metadata, &addr);
	close(other);
}

TEST_F(names, one_nul_byte_is_a_name)
{
	struct test_addr name, addr = raw_addr(self->family, "", 1);

	/* Whoever else uses it is in another namespace. */
	ASSERT_EQ(0, unshare(CLONE_NEWNET));
	close(self->sk);
	self->sk = stream_bind(_metadata, &addr);
	name = name_of(self->sk);
	EXPECT_TRUE(same_addr(&addr, &name));
}

TEST_F(names, a_path_ends_at_its_first_nul)
{
	struct test_addr name, addr = path_addr(self->family, self->dir, "p");
	socklen_t len = addr.len;
	int client;

	strcpy(addr.un.sun_path + len - NAME_OFFSET, "behind");
	addr.len += sizeof("behind");
	ASSERT_EQ(0, bind_errno(self->sk, &addr));
	ASSERT_EQ(0, listen(self->sk, 1));
	name = name_of(self->sk);
	EXPECT_EQ(len, name.len);
	EXPECT_STREQ(addr.un.sun_path, name.un.sun_path);

	/* The same name without what is behind. */
	addr.len = len;
	client = stream_connect(_metadata, &addr);
	name = peer_of(client);
	EXPECT_EQ(len, name.len);
	close(client);
}

TEST_F(names, a_path_without_nul_gets_one)
{
	struct test_addr name, addr = path_addr(self->family, self->dir, "p");
	int client;

	addr.len--;
	ASSERT_EQ(0, bind_errno(self->sk, &addr));
	ASSERT_EQ(0, listen(self->sk, 1));
	name = name_of(self->sk);
	EXPECT_EQ(addr.len + 1, name.len);
	EXPECT_STREQ(addr.un.sun_path, name.un.sun_path);

	client = stream_connect(_metadata, &addr);
	close(client);
	client = stream_connect(_metadata, &name);
	close(client);
}

TEST_F(names, a_path_may_fill_the_array)
{
	char path[QSOCK_NAME_MAX + 1];
	struct test_addr name, addr;
	int client;

	memset(path, 'p', QSOCK_NAME_MAX);
	memcpy(path, self->dir, strlen(self->dir));
	path[strlen(self->dir)] = '/';
	path[QSOCK_NAME_MAX] = '\0';
	addr = raw_addr(self->family, path, QSOCK_NAME_MAX);
	ASSERT_EQ(0, bind_errno(self->sk, &addr));
	ASSERT_EQ(0, listen(self->sk, 1));

	/* The name that comes back counts a NUL beyond the array. */
	name = name_of(self->sk);
	EXPECT_EQ(NAME_OFFSET + QSOCK_NAME_MAX + 1, name.len);
	EXPECT_EQ(0, strcmp(path, (char *)&name.storage + NAME_OFFSET));

	client = stream_connect(_metadata, &addr);
	name = peer_of(client);
	EXPECT_EQ(NAME_OFFSET + QSOCK_NAME_MAX + 1, name.len);
	close(client);
}

TEST_F(names, a_path_is_a_file_only_where_it_should)
{
	struct test_addr addr = path_addr(self->family, self->dir, "file");
	struct stat st;

	ASSERT_EQ(0, bind_errno(self->sk, &addr));
	if (variant->path_is_a_file) {
		ASSERT_EQ(0, stat(addr.un.sun_path, &st));
		EXPECT_TRUE(S_ISSOCK(st.st_mode));
	} else {
		EXPECT_EQ(-1, stat(addr.un.sun_path, &st));
		EXPECT_EQ(ENOENT, errno);
	}
}

TEST_F(names, a_name_in_use_is_eaddrinuse)
{
	struct test_addr path = path_addr(self->family, self->dir, "used");
	struct test_addr nul = nul_addr(self->family, "used");
	int one = stream_bind(_metadata, &path);
	int other = stream_bind(_metadata, &nul);

	EXPECT_EQ(EADDRINUSE, bind_errno(self->sk, &path));
	EXPECT_EQ(EADDRINUSE, bind_errno(self->sk, &nul));
	close(one);
	close(other);
}

TEST_F(names, a_failed_bind_leaves_the_socket_unbound)
{
	struct test_addr nul = nul_addr(self->family, "used");
	struct test_addr name, mine = nul_addr(self->family, "mine");
	int other = stream_bind(_metadata, &nul);

	ASSERT_EQ(EADDRINUSE, bind_errno(self->sk, &nul));
	name = name_of(self->sk);
	EXPECT_EQ(NAME_OFFSET, name.len);
	EXPECT_EQ(0, bind_errno(self->sk, &mine));
	close(other);
}

TEST_F(names, a_second_name_is_einval)
{
	struct test_addr path = path_addr(self->family, self->dir, "second");
	struct test_addr first = nul_addr(self->family, "first");
	struct test_addr second = nul_addr(self->family, "second");
	int other;

	ASSERT_EQ(0, bind_errno(self->sk, &first));
	EXPECT_EQ(EINVAL, bind_errno(self->sk, &second));
	EXPECT_EQ(EINVAL, bind_errno(self->sk, &path));
	EXPECT_EQ(EINVAL, bind_errno(self->sk, &first));

	/* Neither name was taken. */
	other = stream_bind(_metadata, &second);
	close(other);
	other = stream_bind(_metadata, &path);
	close(other);
}

TEST_F(names, close_frees_a_nul_name)
{
	struct test_addr addr = nul_addr(self->family, "freed");

	close(stream_bind(_metadata, &addr));
	EXPECT_EQ(0, bind_errno(self->sk, &addr));
}

TEST_F(names, close_frees_a_path_that_is_no_file)
{
	struct test_addr addr = path_addr(self->family, self->dir, "freed");

	close(stream_bind(_metadata, &addr));
	if (variant->path_is_a_file) {
		EXPECT_EQ(EADDRINUSE, bind_errno(self->sk, &addr));
		ASSERT_EQ(0, unlink(addr.un.sun_path));
	}
	EXPECT_EQ(0, bind_errno(self->sk, &addr));
}

TEST_F(names, an_accepted_socket_does_not_hold_the_name)
{
	struct test_addr name, addr = nul_addr(self->family, "held");
	int listener = stream_listen(_metadata, &addr, 1);
	int client = stream_connect(_metadata, &addr);
	int server = accept(listener, NULL, NULL);

	ASSERT_LE(0, server);
	close(listener);
	EXPECT_EQ(0, bind_errno(self->sk, &addr));
	/* It still says the name it was reached by. */
	name = name_of(server);
	EXPECT_TRUE(same_addr(&addr, &name));
	name = peer_of(client);
	EXPECT_TRUE(same_addr(&addr, &name));
	close(server);
	close(client);
}

TEST_F(names, a_family_alone_binds_a_name_of_five_hex_digits)
{
	struct test_addr name, any = raw_addr(self->family, NULL, 0);
	int i;

	ASSERT_EQ(0, bind_errno(self->sk, &any));
	name = name_of(self->sk);
	ASSERT_EQ(NAME_OFFSET + 6, name.len);
	EXPECT_EQ('\0', name.un.sun_path[0]);
	for (i = 1; i < 6; i++)
		EXPECT_TRUE(isxdigit(name.un.sun_path[i]));
}

TEST_F(names, a_family_alone_keeps_a_name_that_is_there)
{
	struct test_addr addr = nul_addr(self->family, "kept");
	struct test_addr name, any = raw_addr(self->family, NULL, 0);

	ASSERT_EQ(0, bind_errno(self->sk, &addr));
	EXPECT_EQ(0, bind_errno(self->sk, &any));
	name = name_of(self->sk);
	EXPECT_TRUE(same_addr(&addr, &name));
}

TEST_F(names, the_kernel_gives_each_its_own_name)
{
	struct test_addr name[16], any = raw_addr(self->family, NULL, 0);
	int fd[ARRAY_LEN(name)];
	size_t i, j;

	for (i = 0; i < ARRAY_LEN(name); i++) {
		fd[i] = stream_bind(_metadata, &any);
		name[i] = name_of(fd[i]);
		for (j = 0; j < i; j++)
			EXPECT_FALSE(same_addr(&name[i], &name[j]));
	}
	for (i = 0; i < ARRAY_LEN(name); i++)
		close(fd[i]);
}

/* Those that come next may have been taken by somebody who chose them. */
TEST_F(names, the_kernel_passes_over_names_that_are_taken)
{
	struct test_addr any = raw_addr(self->family, NULL, 0), name, taken[4];
	int first = stream_bind(_metadata, &any), next, fd[ARRAY_LEN(taken)];
	char digits[7];
	unsigned long n;
	size_t i;

	name = name_of(first);
	ASSERT_EQ(NAME_OFFSET + 6, name.len);
	memcpy(digits, name.un.sun_path + 1, 5);
	digits[5] = '\0';
	n = strtoul(digits, NULL, 16);
	for (i = 0; i < ARRAY_LEN(taken); i++) {
		snprintf(digits, sizeof(digits), "%c%05lx", '\0',
			 (n + 1 + i) & 0xfffff);
		taken[i] = raw_addr(self->family, digits, 6);
		fd[i] = stream_bind(_metadata, &taken[i]);
	}
	next = stream_bind(_metadata, &any);
	name = name_of(next);
	for (i = 0; i < ARRAY_LEN(taken); i++) {
		EXPECT_FALSE(same_addr(&name, &taken[i]));
		close(fd[i]);
	}
	close(next);
	close(first);
}

TEST_F(names, an_end_of_a_pair_may_be_named)
{
	struct test_addr name, addr = nul_addr(self->family, "end");
	int fd[2];

	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, fd));
	ASSERT_EQ(0, bind_errno(fd[0], &addr));
	name = name_of(fd[0]);
	EXPECT_TRUE(same_addr(&addr, &name));
	name = peer_of(fd[1]);
	EXPECT_TRUE(same_addr(&addr, &name));
	close(fd[0]);
	close(fd[1]);
}

TEST_F(names, a_peer_that_left_keeps_its_name)
{
	struct test_addr name, addr = nul_addr(self->family, "left");
	int fd[2];

	ASSERT_EQ(0, socketpair(self->family, SOCK_STREAM, 0, fd));
	ASSERT_EQ(0, bind_errno(fd[0], &addr));
	close(fd[0]);
	name = peer_of(fd[1]);
	EXPECT_TRUE(same_addr(&addr, &name));
	close(fd[1]);
}

TEST_F(names, a_short_buffer_gets_the_start_and_the_full_length)
{
	struct test_addr addr = nul_addr(self->family, "long");
	struct test_addr name = { .len = NAME_OFFSET + 2 };

	ASSERT_EQ(0, bind_errno(self->sk, &addr));
	memset(&name.storage, 0x55, sizeof(name.storage));
	ASSERT_EQ(0, getsockname(self->sk, &name.sa, &name.len));
	EXPECT_EQ(addr.len, name.len);
	EXPECT_EQ(0, memcmp(&addr.storage, &name.storage, NAME_OFFSET + 2));
	EXPECT_EQ(0x55, name.un.sun_path[2]);

	/* No room at all. */
	name.len = 0;
	ASSERT_EQ(0, getsockname(self->sk, NULL, &name.len));
	EXPECT_EQ(addr.len, name.len);
}

TEST_HARNESS_MAIN
