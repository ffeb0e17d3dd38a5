/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's description of its own types (BTF), read without a library:
 * which number a function has, and where a structure keeps a member.
 */
#ifndef QSOCK_BTF_H
#define QSOCK_BTF_H

#include <linux/btf.h>

#include "qsock_test.h"

#define BTF_FILE	"/sys/kernel/btf/vmlinux"

struct btf {
	char *data;
	const char *types, *types_end;
	const char *names;
};

/* 0 or the errno. */
static inline int btf_open(struct btf *btf)
{
	int fd = open(BTF_FILE, O_RDONLY | O_CLOEXEC);
	const struct btf_header *header;
	size_t done = 0;
	struct stat st;
	ssize_t n = 0;

	if (fd < 0)
		return errno;
	if (fstat(fd, &st))
		return errno;
	btf->data = malloc(st.st_size);
	while (btf->data && done < st.st_size &&
	       (n = read(fd, btf->data + done, st.st_size - done)) > 0)
		done += n;
	close(fd);
	header = (const struct btf_header *)btf->data;
	if (!header)
		return errno;
	btf->types = btf->data + header->hdr_len + header->type_off;
	btf->types_end = btf->types + header->type_len;
	btf->names = btf->data + header->hdr_len + header->str_off;
	return done == st.st_size && header->magic == BTF_MAGIC ? 0 : EINVAL;
}

/* The bytes that follow a type. */
static inline size_t btf_extra(const struct btf_type *type)
{
	size_t n = BTF_INFO_VLEN(type->info);

	switch (BTF_INFO_KIND(type->info)) {
	case BTF_KIND_INT:
		return sizeof(uint32_t);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return n * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return n * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return n * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return n * sizeof(struct btf_param);
	case BTF_KIND_VAR:
		return sizeof(struct btf_var);
	case BTF_KIND_DATASEC:
		return n * sizeof(struct btf_var_secinfo);
	case BTF_KIND_DECL_TAG:
		return sizeof(struct btf_decl_tag);
	default:
		return 0;
	}
}

/* The type of that kind and name, and its number; NULL if there is none. */
static inline const struct btf_type *btf_find(const struct btf *btf,
					      unsigned int kind,
					      const char *name, int *number)
{
	const char *at = btf->types;
	int id;

	for (id = 1; at < btf->types_end; id++) {
		const struct btf_type *type = (const struct btf_type *)at;

		if (BTF_INFO_KIND(type->info) == kind &&
		    !strcmp(btf->names + type->name_off, name)) {
			if (number)
				*number = id;
			return type;
		}
		at += sizeof(*type) + btf_extra(type);
	}
	return NULL;
}

/* Where in a structure a member is, in bytes; -1 if it has none like that. */
static inline int btf_offset(const struct btf *btf, const char *structure,
			     const char *member)
{
	const struct btf_type *type = btf_find(btf, BTF_KIND_STRUCT, structure,
					       NULL);
	const struct btf_member *m = (const struct btf_member *)(type + 1);
	unsigned int i;

	for (i = 0; type && i < BTF_INFO_VLEN(type->info); i++, m++)
		if (!strcmp(btf->names + m->name_off, member))
			return (BTF_INFO_KFLAG(type->info) ?
				BTF_MEMBER_BIT_OFFSET(m->offset) :
				m->offset) / 8;
	return -1;
}

#endif /* QSOCK_BTF_H */
