/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_regex_run.h"

struct state {
	struct signature_machine *m;
	const struct signature_run *run;
	uint32_t done, most; /* bytes read, bytes that may be */
	uint32_t count;      /* in `then` */
};

/* The byte `done` + 0 away in the direction of reading, and with wide the zero that belongs to it; -1: none. */
static int byte_after(const struct state *s)
{
	const struct signature_run *r = s->run;
	uint32_t size = r->wide ? 2 : 1;
	if (s->done + size > s->most)
		return -1;
	uint64_t at = r->backward ? r->at - s->done - size : r->at + s->done;
	return r->wide && r->data[at + 1] != 0 ? -1 : r->data[at];
}

static bool is_word(const struct signature_run *r, uint64_t at)
{
	return (signature_is_alnum(r->data[at]) || r->data[at] == '_') && (!r->wide || (at + 1 < r->len && r->data[at + 1] == 0));
}

/* At the ends of the data (and of what is read) every place is a boundary, as in libyara. */
static bool is_boundary(const struct state *s)
{
	const struct signature_run *r = s->run;
	uint32_t size = r->wide ? 2 : 1;
	if ((s->done == 0 && r->at < size) || s->done >= s->most)
		return true;
	uint64_t at = r->backward ? r->at - s->done : r->at + s->done;
	if (at < size || at >= r->len)
		return true;
	return is_word(r, at) != is_word(r, at - size);
}

static bool holds(const struct state *s, enum signature_op op)
{
	const struct signature_run *r = s->run;
	switch (op) {
	case SIGNATURE_OP_START:
		return r->backward ? r->at <= s->done : r->at == 0 && s->done == 0;
	case SIGNATURE_OP_END:
		return !r->backward && r->len - r->at <= s->done;
	case SIGNATURE_OP_WORD:
		return is_boundary(s);
	default:
		return !is_boundary(s);
	}
}

static bool accepts(const struct signature_run *r, const struct signature_step *t, uint8_t c)
{
	switch ((enum signature_op)t->op) {
	case SIGNATURE_OP_BYTE:
		return (c & t->mask) == t->value;
	case SIGNATURE_OP_NOT_BYTE:
		return (c & t->mask) != t->value;
	case SIGNATURE_OP_CLASS:
		return (r->classes[(size_t)t->a * 32 + (c >> 3)] >> (c & 7) & 1) != 0;
	case SIGNATURE_OP_ANY:
		return true;
	default:
		return false;
	}
}

/* Follows everything that reads no byte, from a step on, the preferred way first. */
static void enter(struct state *s, uint32_t at)
{
	struct signature_machine *m = s->m;
	uint32_t depth = 0;
	for (;;) {
		const struct signature_step *t = &s->run->steps[at];
		bool follow = false;
		if (m->marks[at] != m->mark) {
			m->marks[at] = m->mark;
			switch ((enum signature_op)t->op) {
			case SIGNATURE_OP_SPLIT:
				m->stack[depth++] = t->b;
				at = t->a;
				follow = true;
				break;
			case SIGNATURE_OP_JUMP:
				at = t->a;
				follow = true;
				break;
			case SIGNATURE_OP_START:
			case SIGNATURE_OP_END:
			case SIGNATURE_OP_WORD:
			case SIGNATURE_OP_NOT_WORD:
				follow = holds(s, (enum signature_op)t->op);
				at++;
				break;
			case SIGNATURE_OP_MATCH:
			case SIGNATURE_OP_BYTE:
			case SIGNATURE_OP_NOT_BYTE:
			case SIGNATURE_OP_CLASS:
			case SIGNATURE_OP_ANY:
			case SIGNATURE_OP__COUNT:
				m->then[s->count++] = at;
				break;
			}
		}
		if (follow)
			continue;
		if (depth == 0)
			return;
		at = m->stack[--depth];
	}
}

void signature_machine_place(struct signature_machine *m, void *memory, uint32_t longest_program)
{
	m->marks = memory;
	m->steps = longest_program;
	m->now = &m->marks[longest_program];
	m->then = &m->now[longest_program];
	m->stack = &m->then[longest_program];
}

static void generation_next(struct state *s)
{
	s->count = 0;
	if (++s->m->mark == 0) {
		memset(s->m->marks, 0, (size_t)s->m->steps * sizeof(*s->m->marks));
		s->m->mark = 1;
	}
}

static bool reads(const struct signature_step *t)
{
	return t->op >= SIGNATURE_OP_BYTE && t->op <= SIGNATURE_OP_ANY;
}

static struct state state_begin(struct signature_machine *m, const struct signature_run *run)
{
	uint64_t most = run->backward ? run->at : run->len - run->at;
	if (most > SIGNATURE_REGEX_REACH)
		most = SIGNATURE_REGEX_REACH;
	struct state s = {.m = m, .run = run, .most = (uint32_t)most & (run->wide ? ~1u : ~0u)};
	generation_next(&s);
	return s;
}

/* One byte on: the threads of `then` become `now`. Returns how many. */
static uint32_t turn(struct state *s)
{
	uint32_t count = s->count, *now = s->m->then;
	s->m->then = s->m->now;
	s->m->now = now;
	generation_next(s);
	s->m->work -= s->m->work < count ? s->m->work : count;
	return s->m->work == 0 ? 0 : count;
}

int64_t signature_regex_run(struct signature_machine *m, const struct signature_run *run)
{
	struct state s = state_begin(m, run);
	int64_t best = -1;
	uint32_t count, entry = run->entry;
	/* What has one way only needs no machine. */
	for (; reads(&run->steps[entry]); entry++) {
		int c = byte_after(&s);
		if (c < 0 || !accepts(run, &run->steps[entry], (uint8_t)c))
			return -1;
		s.done += run->wide ? 2 : 1;
	}
	enter(&s, entry);
	while ((count = turn(&s)) > 0) {
		int c = byte_after(&s);
		uint32_t read = s.done;
		s.done += run->wide ? 2 : 1;
		for (uint32_t i = 0; i < count; i++) {
			const struct signature_step *t = &run->steps[m->now[i]];
			if (t->op == SIGNATURE_OP_MATCH) {
				best = read;
				if (run->found == NULL)
					break; /* what is left is less preferred */
				run->found(run->context, read);
			} else if (c >= 0 && accepts(run, t, (uint8_t)c)) {
				enter(&s, m->now[i] + 1);
			}
		}
	}
	return best;
}

bool signature_regex_anywhere(struct signature_machine *m, const struct signature_run *run)
{
	struct state s = state_begin(m, run);
	enter(&s, run->entry);
	for (;;) {
		uint32_t count = turn(&s);
		for (uint32_t i = 0; i < count; i++)
			if (run->steps[m->now[i]].op == SIGNATURE_OP_MATCH)
				return true;
		int c = byte_after(&s);
		if (c < 0 || m->work == 0)
			return false;
		s.done++;
		for (uint32_t i = 0; i < count; i++)
			if (accepts(run, &run->steps[m->now[i]], (uint8_t)c))
				enter(&s, m->now[i] + 1);
		/* libyara begins no match behind the last byte: "abc" does not match /x*$/. */
		if (byte_after(&s) >= 0)
			enter(&s, run->entry);
	}
}
