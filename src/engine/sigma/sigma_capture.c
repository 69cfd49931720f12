/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/sigma/sigma_record.h"

/* Correlations read the event's own fields: what a category's rules see under another name is not one (docs/sigma.md). */
static struct str first_value(struct sigma_matcher *m, uint32_t field)
{
	const struct sg_slot *slot = sg_slot_of(m, field);
	if (slot != NULL && slot->rank == SG_RANK_ALIAS)
		return STR_EMPTY;
	for (uint32_t i = slot != NULL ? slot->first : SG_NONE; i != SG_NONE; i = m->values[i].next)
		if (m->values[i].type != SG_VALUE_NULL && m->values[i].type != SG_VALUE_EMPTY)
			return sg_decode_raw(m, &m->values[i], 1);
	return STR_EMPTY;
}

static bool event_time(struct sigma_matcher *m, int64_t *ret)
{
	const struct sg_range *times = &m->image->known[0].times;
	for (uint32_t i = 0; i < times->n; i++)
		if (sigma_time_parse(first_value(m, m->image->lists[times->at + i]), ret))
			return true;
	*ret = 0;
	return false;
}

/* All fields of a list as a key; false when one is absent. */
static bool put_fields(struct sigma_matcher *m, const struct sg_range *fields, struct buf *out)
{
	for (uint32_t i = 0; i < fields->n; i++) {
		uint32_t field = m->image->lists[fields->at + i];
		struct str value = field != SG_NONE ? first_value(m, field) : STR_EMPTY;
		if (value.p == NULL)
			return false;
		sg_put_value(out, value);
	}
	return true;
}

void sigma_matcher_capture(struct sigma_matcher *m, const struct sigma_match *match, uint64_t tag, struct buf *records)
{
	const struct sg_range *feeds = &m->image->rules[match->rule].feeds;
	struct sg_record record = {.rule = match->rule, .tag = tag, .parts = feeds->n};
	size_t start = records->n;
	if (feeds->n == 0)
		return;
	record.has_time = event_time(m, &record.time_usec);
	buf_append(records, str_n(&record, sizeof record));
	for (uint32_t i = 0; i < feeds->n; i++) {
		const struct sg_feed *feed = &m->image->feeds[feeds->at + i];
		struct sg_part part = {.feed = feeds->at + i};
		size_t at = records->n;
		buf_append(records, str_n(&part, sizeof part));
		part.has_group = put_fields(m, &feed->group, records);
		part.group_bytes = (uint32_t)(records->n - at - sizeof part);
		part.has_value = feed->values.n > 0 && put_fields(m, &feed->values, records);
		part.value_bytes = (uint32_t)(records->n - at - sizeof part) - part.group_bytes;
		if (records->overflow)
			break;
		(void)memcpy(records->p + at, &part, sizeof part);
	}
	record.bytes = (uint32_t)(records->n - start);
	if (records->overflow)
		records->n = start;
	else
		(void)memcpy(records->p + start, &record, sizeof record);
}
