/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "engine/sigma/sigma_build.h"

static uint32_t optional_field(struct sg_builder *b, struct str name)
{
	return name.n > 0 ? sg_field_add(b, name) : SG_NONE;
}

static struct sg_range field_list(struct sg_builder *b, const struct sigma_names *names)
{
	struct sg_range range = {(uint32_t)b->image.lists_count, (uint32_t)names->count};
	uint32_t fields[SIGMA_LIST_MAX];
	for (size_t i = 0; i < names->count; i++)
		fields[i] = sg_field_add(b, names->items[i]);
	for (size_t i = 0; i < names->count; i++)
		(void)SG_PUSH(b, lists, fields[i]);
	return range;
}

static void add_category(struct sg_builder *b, const struct sigma_category *c)
{
	struct sg_category row = {.category = sg_text_add(b, c->category), .product = sg_text_add(b, c->product),
	                          .service = sg_text_add(b, c->service), .event_id = c->event_id,
	                          .when_field = optional_field(b, c->when_field), .when_value = sg_text_add(b, c->when_value),
	                          .aliases = {.at = (uint32_t)b->image.aliases_count}};
	for (const struct sigma_alias_of *alias = c->aliases; alias != NULL; alias = alias->next, row.aliases.n++) {
		struct sg_alias pair = {.field = sg_field_add(b, alias->field), .from = sg_field_add(b, alias->from)};
		(void)SG_PUSH(b, aliases, pair);
	}
	(void)SG_PUSH(b, categories, row);
}

void sg_sources_make(struct sg_builder *b)
{
	const struct sigma_mapping *mapping = b->mapping;
	struct sg_known *known = b->image.known;
	for (const struct sigma_channel *c = mapping->channels; c != NULL; c = c->next)
		(void)SG_PUSH(b, channels, (struct sg_channel){sg_text_add(b, c->name), sg_text_add(b, c->product), sg_text_add(b, c->service)});
	/* The last row, without a name: any other channel. */
	(void)SG_PUSH(b, channels, (struct sg_channel){.product = sg_text_add(b, mapping->channel_product)});
	for (const struct sigma_category *c = mapping->categories; c != NULL; c = c->next)
		add_category(b, c);
	for (const struct sigma_detect *d = mapping->detects; d != NULL; d = d->next)
		(void)SG_PUSH(b, detects, (struct sg_detect){.present = field_list(b, &d->present), .product = sg_text_add(b, d->product),
		                                             .category = sg_text_add(b, d->category), .service = sg_text_add(b, d->service),
		                                             .also = sg_text_add(b, d->also), .when_field = SG_NONE, .service_field = optional_field(b, d->service_from)});
	known->channel = sg_field_add(b, STR("Channel"));
	known->event_id = sg_field_add(b, STR("EventID"));
	known->times = field_list(b, &mapping->times);
}
