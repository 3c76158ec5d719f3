/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * kernel_fill.c: what the probes are given of the configuration: how large their maps are, their
 * knobs, the roles.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "intake/kernel_private.h"

#include "base/poison.h"

int fill_sizes(struct outflow_bpf *s, const struct config *c)
{
	const struct config_limits *l = &c->limits;
	uint32_t reserve = l->accounts / 8 < OF_RESERVE_MAX ? l->accounts / 8 : OF_RESERVE_MAX;
	const struct {
		struct bpf_map *map;
		uint32_t n;
	} sizes[] = {
		{ s->maps.records, l->ring_bytes },	{ s->maps.captures, l->name_ring_bytes },
		{ s->maps.accounts, l->accounts },	{ s->maps.account_index, l->accounts },
		{ s->maps.free_accounts, l->accounts }, { s->maps.free_reserve, reserve },
		{ s->maps.executions, l->executions },	{ s->maps.free_executions, l->executions },
		{ s->maps.exec_ids, l->executions },	{ s->maps.told, l->accounts },
	};
	size_t i;
	int err = 0;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && err == 0; i++)
		err = bpf_map__set_max_entries(sizes[i].map, sizes[i].n);
	for (i = 0; i < c->policy.dns_ports_n; i++)
		s->rodata->cfg_dns_ports[i] = c->policy.dns_ports[i];
	s->rodata->cfg_accounts = l->accounts;
	s->rodata->cfg_executions = l->executions;
	s->rodata->cfg_reserve = reserve;
	s->rodata->cfg_ring_bytes = l->ring_bytes;
	return err;
}

/* A plain name goes into the hash; everything else is a glob, a plain path too. */
static bool match_is_name(const struct role_match *m)
{
	return m->kind == ROLE_MATCH_NAME && !m->glob;
}

static bool match_is_glob(const struct role_match *m)
{
	return role_match_in_kernel(m) && !match_is_name(m);
}

uint32_t fill_globs(const struct policy *p)
{
	uint32_t n = 0;
	size_t i, j;

	for (i = 0; i < p->roles_n; i++)
		for (j = 0; j < p->roles[i].n; j++)
			n += match_is_glob(&p->roles[i].match[j]);
	return n;
}

static int role_name_add(int fd, const char *pattern, uint64_t bit)
{
	struct of_role_name key = { "" };
	uint64_t roles = 0;

	memcpy(key.name, pattern, strnlen(pattern, sizeof(key.name) - 1)); /* conf bounds it */
	(void)bpf_map_lookup_elem(fd, &key, &roles);
	roles |= bit;
	return bpf_map_update_elem(fd, &key, &roles, BPF_ANY) < 0 ? -errno : 0;
}

int fill_roles(struct outflow_bpf *s, const struct policy *p)
{
	struct of_role_glob glob;
	const struct role_match *m;
	uint32_t globs = 0;
	size_t i, j;
	int err = 0;

	for (i = 0; i < p->roles_n; i++) {
		for (j = 0; j < p->roles[i].n && err == 0; j++) {
			m = &p->roles[i].match[j];
			if (match_is_name(m)) {
				err = role_name_add(bpf_map__fd(s->maps.role_names), m->pattern,
						    1ULL << i);
				continue;
			}
			if (!match_is_glob(m))
				continue;
			glob = (struct of_role_glob){
				.roles = 1ULL << i,
				.kind = m->kind == ROLE_MATCH_EXE ? OF_GLOB_EXE : OF_GLOB_NAME,
			};
			(void)snprintf(glob.pattern, sizeof(glob.pattern), "%s", m->pattern);
			if (bpf_map_update_elem(bpf_map__fd(s->maps.role_globs), &globs, &glob,
						BPF_ANY) < 0)
				err = -errno;
			globs++;
		}
	}
	if (err == 0)
		err = who_fill_names(s, p);
	/* Nobody changes them behind the back of a daemon that goes on with them. */
	(void)bpf_map_freeze(bpf_map__fd(s->maps.env_names));
	(void)bpf_map_freeze(bpf_map__fd(s->maps.role_names));
	(void)bpf_map_freeze(bpf_map__fd(s->maps.role_globs));
	return err;
}
