/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/signature/signature_pattern_scan.h"

/* What is found to the left of an atom, each with the one length to its right. */
struct found {
	struct signature_scan *s;
	const struct signature_part *part;
	uint64_t offset;
	uint32_t forward;
	bool wide;
};

static void found_left(void *context, uint32_t length)
{
	const struct found *f = context;
	signature_scan_found(f->s, f->part, f->offset - length, (uint64_t)length + f->forward, f->wide);
}

static struct signature_run run_of(const struct signature_scan *s, uint32_t program, uint32_t entry, uint64_t at, bool wide)
{
	return (struct signature_run){.steps = &s->steps[s->programs[program].first], .classes = s->classes, .data = s->data, .len = s->len,
	                              .at = at, .entry = entry, .wide = wide};
}

static bool class_has(const struct signature_scan *s, uint32_t class, uint8_t byte)
{
	return class == SIGNATURE_NONE || (s->classes[(size_t)class * 32 + (byte >> 3)] >> (byte & 7) & 1) != 0;
}

/* Whether the byte to the left of the atom speaks against it. Where both plain and wide are looked for, the plain one must be
 * tried to its end: when it fits to the right, libyara does not try the wide one. */
static bool is_hopeless(const struct signature_scan *s, const struct signature_part *part, const struct signature_target *t, uint64_t offset)
{
	const unsigned both = SIGNATURE_PATTERN_ASCII | SIGNATURE_PATTERN_WIDE;
	uint64_t size = (part->flags & SIGNATURE_PATTERN_WIDE) != 0 ? 2 : 1;
	if (t->backward == SIGNATURE_NONE || t->class == SIGNATURE_NONE || (part->flags & both) == both)
		return false;
	return offset < size || !class_has(s, t->class, s->data[offset - size]);
}

void signature_scan_regex(struct signature_scan *s, const struct signature_target *t, uint64_t offset)
{
	const struct signature_part *part = &s->parts[t->part];
	if (signature_scan_is_done(s, part) || is_hopeless(s, part, t, offset))
		return;
	struct signature_machine *m = &s->scratch->machine;
	struct found f = {.s = s, .part = part, .offset = offset};
	int64_t forward = -1;
	/* Wide is tried where plain is not there. */
	for (int wide = 0; wide <= 1 && forward < 0; wide++) {
		if ((part->flags & (wide != 0 ? SIGNATURE_PATTERN_WIDE : SIGNATURE_PATTERN_ASCII)) == 0)
			continue;
		const struct signature_run run = run_of(s, part->program, t->forward, offset, wide != 0);
		forward = signature_regex_run(m, &run);
		f.wide = wide != 0;
	}
	if (forward < 0 || (forward == 0 && t->backward == SIGNATURE_NONE))
		return;
	f.forward = (uint32_t)forward;
	if (t->backward == SIGNATURE_NONE) {
		found_left(&f, 0);
		return;
	}
	struct signature_run run = run_of(s, part->backward, t->backward, offset, f.wide);
	run.backward = true;
	run.found = found_left;
	run.context = &f;
	(void)signature_regex_run(m, &run);
}

static void every_try(struct signature_scan *s, const struct signature_target *t, uint64_t at)
{
	if (class_has(s, t->class, s->data[at]))
		signature_scan_regex(s, t, at);
}

static bool is_linked(const struct signature_scan *s, const struct signature_target *t)
{
	return (s->parts[t->part].flags & SIGNATURE_PART_LINKED) != 0;
}

void signature_scan_every(struct signature_scan *s)
{
	const uint32_t *every = signature_array_of(s->p, s->p->head->every);
	for (uint32_t i = 0; i < s->p->head->every.count; i++) {
		const struct signature_target *t = &s->targets[every[i]];
		if (is_linked(s, t))
			continue;
		for (uint64_t at = 0; at < s->len && signature_scan_work(s, 1) && !signature_scan_is_done(s, &s->parts[t->part]); at++)
			every_try(s, t, at);
	}
}

bool signature_scan_every_is_linked(const struct signature_scan *s)
{
	const uint32_t *every = signature_array_of(s->p, s->p->head->every);
	for (uint32_t i = 0; i < s->p->head->every.count; i++)
		if (is_linked(s, &s->targets[every[i]]))
			return true;
	return false;
}

void signature_scan_every_at(struct signature_scan *s, uint64_t at)
{
	const uint32_t *every = signature_array_of(s->p, s->p->head->every);
	for (uint32_t i = 0; i < s->p->head->every.count && signature_scan_work(s, 1); i++)
		if (is_linked(s, &s->targets[every[i]]))
			every_try(s, &s->targets[every[i]], at);
}

bool signature_patterns_regex_matches(const struct signature_patterns *p, uint32_t id, const uint8_t *text, size_t len, void *scratch)
{
	const struct signature_section *h = p->head;
	const struct signature_part *parts = signature_array_of(p, h->parts);
	const struct signature_program *programs = signature_array_of(p, h->programs);
	const struct signature_step *steps = signature_array_of(p, h->steps);
	struct signature_scratch *s = scratch;
	if (id >= h->pattern_count || (parts[id].flags & SIGNATURE_PATTERN_VALUE) == 0 || s->made_for != signature_scratch_owner(p))
		return false;
	const struct signature_run run = {.steps = &steps[programs[parts[id].program].first], .classes = signature_array_of(p, h->classes),
	                                  .data = text, .len = len};
	s->machine.work = (uint64_t)SIGNATURE_WORK_PER_BYTE * SIGNATURE_REGEX_REACH * 16;
	return signature_regex_anywhere(&s->machine, &run);
}
