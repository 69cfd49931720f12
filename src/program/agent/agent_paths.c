/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_paths.h"

#include <stdlib.h>

#include "program/agent/agent_os.h"

static bool is_separator(char c)
{
	return c == '/' || (agent_os_backslash && c == '\\');
}

static char *clean(struct str path)
{
	char *copy = mem_strdup(path), *real = agent_os_real_path(copy);
	if (real != NULL) {
		mem_free(copy);
		copy = real;
	}
	size_t n = strlen(copy);
	while (n > 1 && is_separator(copy[n - 1]))
		copy[--n] = '\0';
	return copy;
}

void agent_paths_init(struct agent_paths *p, const struct str *items, size_t count)
{
	p->items = mem_alloc_array(count + 1, sizeof *p->items);
	p->count = count;
	for (size_t i = 0; i < count; i++)
		p->items[i] = clean(items[i]);
}

void agent_paths_done(struct agent_paths *p)
{
	for (size_t i = 0; i < p->count; i++)
		mem_free(p->items[i]);
	mem_free(p->items);
	*p = (struct agent_paths){0};
}

bool agent_paths_equal(const struct agent_paths *a, const struct agent_paths *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i], b->items[i]) != 0)
			return false;
	return true;
}

static bool equal(struct str a, struct str b)
{
	/* Windows compares names without regard to case. */
	return agent_os_backslash ? str_eq_nocase(a, b) : str_eq(a, b);
}

const char *agent_paths_above(const struct agent_paths *p, struct str path)
{
	for (size_t i = 0; i < p->count; i++) {
		struct str root = str_c(p->items[i]);
		bool whole = root.n == 1 && is_separator(root.p[0]);
		if (path.n < root.n || !equal(str_sub(path, 0, root.n), root))
			continue;
		if (whole || path.n == root.n || is_separator(path.p[root.n]))
			return p->items[i];
	}
	return NULL;
}

bool agent_paths_wants(const struct agent_paths *watched, const struct agent_paths *excluded, struct str path)
{
	return agent_paths_above(watched, path) != NULL && agent_paths_above(excluded, path) == NULL;
}
