/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include <assert.h>
#include <stdlib.h>

#include "engine/sigma/sigma.h"

static const char rules[] =
	"title: a\nlogsource: {product: windows}\ndetection: {s: {Image|endswith: x, 'a.b|contains': [y, 'a*b']}, k: [kiwi, '|u'], condition: s or k}\n---\n"
	"title: b\nlogsource: {category: c}\ndetection: {s: {A|re: '(a|b)+c', B|cidr: 10.0.0.0/8, C|gt: 5, D: null, E|fieldref: A}, condition: not s}\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sigma_matcher *m; /* made once: compiling takes longer than a run */
	static struct sigma_ruleset *set;
	const struct sigma_match *matches;
	if (m == NULL) {
		cleanup(sigma_loader) struct sigma_loader *loader = sigma_loader_new(NULL);
		if (sigma_loader_add_text(loader, "x", STR(rules), NULL) < 0 || sigma_loader_compile(loader, &set, NULL) < 0)
			abort();
		assert(sigma_loader_refused_count(loader) == 0);
		m = sigma_matcher_new(set, NULL);
	}
	int n = sigma_matcher_run(m, str_n(data, size), &matches, NULL);
	assert(n <= 2);
	if (n >= 0)
		(void)sigma_matcher_field(m, STR("Image"));
	return 0;
}
