/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/* Which rules see which events (R "Log source"): worked out once, so that an event costs two look-ups. */
#include <assert.h>

#include "engine/sigma/sigma_run.h"

static void *grow(void *items, size_t *capacity, size_t count, size_t size)
{
	if (count < *capacity)
		return items;
	*capacity = *capacity > 0 ? *capacity * 2 : 64;
	return mem_realloc_array(items, *capacity, size);
}

static bool category_is(const struct sg_attributes *a, struct str category)
{
	for (size_t i = 0; i < a->category_count; i++)
		if (str_eq_nocase(a->categories[i], category))
			return true;
	return false;
}

static bool service_is(const struct sg_attributes *a, struct str service)
{
	struct str rest = a->also, word;
	if (str_eq_nocase(service, a->service))
		return true;
	while (str_split(&rest, ' ', &word))
		if (word.n > 0 && str_eq_nocase(service, word))
			return true;
	return false;
}

/* How a key that the rule gives stands to what is known of the event. */
enum agreement { KEY_NOT_GIVEN, KEY_UNKNOWN, KEY_AGREES, KEY_DIFFERS };

static enum agreement agreement_of(struct str wanted, bool known, bool equal)
{
	if (wanted.n == 0)
		return KEY_NOT_GIVEN;
	if (!known)
		return KEY_UNKNOWN;
	return equal ? KEY_AGREES : KEY_DIFFERS;
}

static bool nothing_known(const struct sg_attributes *a)
{
	return a->product.p == NULL && a->service.p == NULL && !a->category_known;
}

/*
 * Each key that the rule gives must equal the event's. A key that is not known of the event stops a rule, unless another
 * one agrees ("product=windows" alone lets every Windows rule see the events) or nothing is known at all.
 */
static bool applies(const struct sigma_ruleset *set, const struct sg_source *s, const struct sg_attributes *a)
{
	const struct sg_image *image = &set->image;
	struct str product = sg_str(image, s->product), category = sg_str(image, s->category), service = sg_str(image, s->service);
	bool product_known = a->product.p != NULL, service_known = a->service.p != NULL;
	if (a->lenient || nothing_known(a))
		return true;
	const enum agreement keys[] = {
		agreement_of(product, product_known, product_known && str_eq_nocase(product, a->product)),
		agreement_of(service, service_known, service_known && service_is(a, service)),
		agreement_of(category, a->category_known, a->category_known && category_is(a, category)),
	};
	bool agrees = false, open = false;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		if (keys[i] == KEY_DIFFERS)
			return false;
		agrees = agrees || keys[i] == KEY_AGREES;
		open = open || keys[i] == KEY_UNKNOWN;
	}
	return agrees || !open;
}

static bool wakes(const struct sigma_ruleset *set, const struct sg_route *r, uint32_t pred)
{
	const struct sg_image *image = &set->image;
	for (uint32_t i = image->trigger_at[pred]; i < image->trigger_at[pred + 1]; i++)
		if (sg_has(r->rules, image->triggers[i]))
			return true;
	return false;
}

/* With more, nearly every long text leads to one of the windows: then looking twice is a loss. */
#define PROBE_TEXTS_MAX 96

static void end_probe(struct sg_probe **probe)
{
	mem_free(*probe);
	*probe = NULL;
}

/* Fields with a predicate that wakes a rule of the route, by what, and the quick look before Hyperscan. */
static void fill_fields(const struct sigma_ruleset *set, struct sg_route *r)
{
	const struct sg_image *image = &set->image;
	struct sg_search *all = mem_alloc_array(image->fields_count, sizeof *all);
	for (uint32_t pred = 0; pred < image->preds_count; pred++) {
		const struct sg_pred *row = &image->preds[pred];
		if (row->field == SG_NONE || row->engine == 0 || image->trigger_at[pred] == image->trigger_at[pred + 1] || !wakes(set, r, pred))
			continue;
		struct sg_search *search = &all[row->field];
		bool first = row->engine == SG_ENGINE_FOLDED && !(search->engines & SG_ENGINE_FOLDED);
		search->engines |= row->engine;
		if (first) {
			search->probe = MEM_NEW(struct sg_probe);
			sg_probe_init(search->probe);
		}
		if (row->engine != SG_ENGINE_FOLDED || search->probe == NULL)
			continue;
		struct str run = sg_str(image, row->run);
		if (run.n < SG_PROBE_WINDOW || search->probe->count == PROBE_TEXTS_MAX ||
		    !sg_probe_add(search->probe, image->text, row->run.at, run.n))
			end_probe(&search->probe);
	}
	for (uint32_t field = 0; field < image->fields_count; field++)
		r->field_count += all[field].engines != 0;
	r->fields = mem_alloc_array(r->field_count, sizeof *r->fields);
	size_t n = 0;
	for (uint32_t field = 0; field < image->fields_count; field++) {
		if (all[field].engines == 0)
			continue;
		if (all[field].probe != NULL) {
			sg_probe_ready(all[field].probe);
			all[field].probe = mem_realloc_array(all[field].probe, sg_probe_size(all[field].probe), 1);
		}
		all[field].field = field;
		r->fields[n++] = all[field];
	}
	mem_free(all);
}

static bool is_named(const struct sg_source *s)
{
	return s->product.n > 0 || s->category.n > 0 || s->service.n > 0;
}

void sg_route_fill(const struct sigma_ruleset *set, const struct sg_attributes *a, struct sg_route *r)
{
	const struct sg_image *image = &set->image;
	uint32_t rules = image->known[0].rule_count;
	*r = (struct sg_route){.rules = mem_alloc_array(rules / 64 + 1, sizeof *r->rules),
	                       .always = mem_alloc_array(image->known[0].always_count, sizeof *r->always),
	                       .keywords = mem_alloc_array(image->keywords_count, sizeof *r->keywords)};
	uint8_t *open = mem_alloc_array(image->sources_count, 1);
	bool by_presence = a->by_presence && nothing_known(a);
	for (uint32_t s = 0; s < image->sources_count; s++) {
		open[s] = applies(set, &image->sources[s], a);
		if (open[s] && image->sources[s].keywords != SG_NONE)
			r->keywords[r->keyword_count++] = image->sources[s].keywords;
	}
	for (uint32_t rule = 0; rule < rules; rule++) {
		if (!open[image->rules[rule].source])
			continue;
		r->rules[rule / 64] |= UINT64_C(1) << (rule % 64);
		r->rule_count++;
		if (image->rules[rule].always && !(by_presence && is_named(&image->sources[image->rules[rule].source])))
			r->always[r->always_count++] = rule;
	}
	mem_free(open);
	fill_fields(set, r);
}

void sg_route_done(struct sg_route *r)
{
	mem_free(r->rules);
	mem_free(r->always);
	for (size_t i = 0; i < r->field_count; i++)
		mem_free(r->fields[i].probe);
	mem_free(r->fields);
	mem_free(r->keywords);
	*r = (struct sg_route){0};
}

static uint32_t new_route(struct sigma_ruleset *set, const struct sg_attributes *a)
{
	set->routes = grow(set->routes, &set->route_capacity, set->route_count, sizeof *set->routes);
	sg_route_fill(set, a, &set->routes[set->route_count]);
	return (uint32_t)set->route_count++;
}

static struct str known(struct str s)
{
	return s.p != NULL ? s : STR("");
}

static bool same_service(const struct sigma_ruleset *set, const struct sg_category *c, const struct sg_channel *channel)
{
	return str_eq(sg_str(&set->image, c->product), sg_str(&set->image, channel->product)) &&
	       str_eq(sg_str(&set->image, c->service), sg_str(&set->image, channel->service));
}

/* The row for one event number and one `when` of it (SG_NONE: none): all categories that then hold. */
static void add_kind(struct sigma_ruleset *set, const struct sg_channel *channel, const struct sg_category *row)
{
	const struct sg_image *image = &set->image;
	struct sg_attributes a = {.product = known(sg_str(image, channel->product)), .service = known(sg_str(image, channel->service)),
	                          .category_known = true};
	struct sg_range aliases = {0};
	for (uint32_t i = 0; i < image->categories_count; i++) {
		const struct sg_category *c = &image->categories[i];
		bool holds = same_service(set, c, channel) && c->event_id == row->event_id &&
		             (c->when_field == SG_NONE ||
		              (c->when_field == row->when_field && str_eq(sg_str(image, c->when_value), sg_str(image, row->when_value))));
		if (!holds || a.category_count == ARRAY_LEN(a.categories))
			continue;
		a.categories[a.category_count++] = sg_str(image, c->category);
		if (c->aliases.n > 0)
			aliases = c->aliases;
	}
	set->kinds = grow(set->kinds, &set->kind_capacity, set->kind_count, sizeof *set->kinds);
	uint32_t route = new_route(set, &a);
	set->routes[route].aliases = aliases;
	set->kinds[set->kind_count++] = (struct sg_kind){row->event_id, row->when_field, sg_str(image, row->when_value), route};
}

static bool kind_known(const struct sigma_ruleset *set, const struct sg_channel_route *c, const struct sg_category *row)
{
	for (uint32_t i = 0; i < c->kind_count; i++) {
		const struct sg_kind *k = &set->kinds[c->first_kind + i];
		if (k->event_id == row->event_id && k->when_field == row->when_field &&
		    (k->when_field == SG_NONE || str_eq(k->when_value, sg_str(&set->image, row->when_value))))
			return true;
	}
	return false;
}

static void add_channel(struct sigma_ruleset *set, uint32_t index)
{
	const struct sg_image *image = &set->image;
	const struct sg_channel *channel = &image->channels[index];
	struct sg_channel_route *c = &set->channels[index];
	struct sg_attributes a = {.product = known(sg_str(image, channel->product)), .service = known(sg_str(image, channel->service)),
	                          .category_known = true};
	struct str name = sg_str(image, channel->name);
	if (name.p == NULL) /* an image without texts has no channels */
		return;
	*c = (struct sg_channel_route){.name = name, .hash = sg_hash(name.p, name.n), .first_kind = (uint32_t)set->kind_count};
	/* Channels of one service share their routes. */
	for (uint32_t i = 0; i < index && channel->service.n > 0; i++)
		if (str_eq(sg_str(image, image->channels[i].service), a.service) && str_eq(sg_str(image, image->channels[i].product), a.product)) {
			c->route = set->channels[i].route;
			c->first_kind = set->channels[i].first_kind;
			c->kind_count = set->channels[i].kind_count;
			return;
		}
	c->route = new_route(set, &a);
	for (int with_when = 1; with_when >= 0; with_when--)
		for (uint32_t i = 0; i < image->categories_count; i++) {
			const struct sg_category *row = &image->categories[i];
			struct sg_category plain = *row;
			if (!same_service(set, row, channel) || (with_when && row->when_field == SG_NONE))
				continue;
			if (!with_when) {
				plain.when_field = SG_NONE;
				plain.when_value.n = 0;
			}
			if (!kind_known(set, c, &plain)) {
				add_kind(set, channel, &plain);
				c->kind_count++;
			}
		}
}

static void add_detect(struct sigma_ruleset *set, uint32_t index)
{
	const struct sg_image *image = &set->image;
	const struct sg_detect *d = &image->detects[index];
	struct str category = sg_str(image, d->category), service = sg_str(image, d->service);
	struct sg_attributes a = {.product = sg_str(image, d->product), .also = sg_str(image, d->also)};
	if (category.n > 0) {
		a.category_known = true;
		a.categories[a.category_count++] = category;
	}
	if (service.n > 0)
		a.service = service;
	else
		a.service = d->service_field != SG_NONE ? STR("") : STR_EMPTY;
	set->detect_routes[index] = new_route(set, &a);
	for (uint32_t s = 0; s < image->sources_count && d->service_field != SG_NONE; s++) {
		struct str known_service = sg_str(image, image->sources[s].service);
		struct str product = sg_str(image, image->sources[s].product);
		assert(product.n == 0 || product.p != NULL);
		if (!str_eq(product, a.product) || known_service.n == 0)
			continue;
		a.service = known_service;
		set->services = grow(set->services, &set->service_capacity, set->service_count, sizeof *set->services);
		uint32_t route = new_route(set, &a);
		set->services[set->service_count++] = (struct sg_service_route){index, known_service, route};
	}
}

int sg_routes_make(struct sigma_ruleset *set)
{
	set->channels = mem_alloc_array(set->image.channels_count, sizeof *set->channels);
	set->detect_routes = mem_alloc_array(set->image.detects_count, sizeof *set->detect_routes);
	for (uint32_t i = 0; i < set->image.channels_count; i++)
		add_channel(set, i);
	for (uint32_t i = 0; i < set->image.detects_count; i++)
		add_detect(set, i);
	return 0;
}

void sg_routes_done(struct sigma_ruleset *set)
{
	for (size_t i = 0; i < set->route_count; i++)
		sg_route_done(&set->routes[i]);
	mem_free(set->routes);
	mem_free(set->channels);
	mem_free(set->kinds);
	mem_free(set->services);
	mem_free(set->detect_routes);
}
