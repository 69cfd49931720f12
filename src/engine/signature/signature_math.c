/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * The statistics are those of John Walker's "ent". Where libyara reads a string's bytes as signed numbers and a file's
 * as unsigned ones, so does this: rules are written against what libyara says.
 */
#include <math.h>

#include "engine/signature/signature_module_internal.h"

#define MATH_PI 3.141592653589793

enum {
	MATH_ENTROPY = 1,
	MATH_DEVIATION,
	MATH_MEAN,
	MATH_SERIAL_CORRELATION,
	MATH_MONTE_CARLO_PI,
	MATH_IN_RANGE,
	MATH_MIN,
	MATH_MAX,
	MATH_TO_NUMBER,
	MATH_ABS,
	MATH_COUNT,
	MATH_PERCENTAGE,
	MATH_MODE,
};

static const char *const of_bytes[] = {"ii:f", "s:f", NULL};
static const char *const of_bytes_and_mean[] = {"iif:f", "sf:f", NULL};
static const char *const in_range_types[] = {"fff:i", NULL};
static const char *const two_integers[] = {"ii:i", NULL};
static const char *const one_boolean[] = {"b:i", NULL};
static const char *const one_integer[] = {"i:i", NULL};
static const char *const count_types[] = {"iii:i", "i:i", NULL};
static const char *const percentage_types[] = {"iii:f", "i:f", NULL};
static const char *const mode_types[] = {"ii:i", ":i", NULL};

#define FUNCTION(name_, id_, overloads_)                                                                               \
	{                                                                                                              \
		.name = (name_), .type = SIGNATURE_TYPE_FUNCTION, .id = (id_), .overloads = (overloads_)               \
	}

static const struct signature_field fields[] = {
	{.name = "MEAN_BYTES", .type = SIGNATURE_TYPE_FLOAT, .is_constant = true, .constant_float = 127.5},
	FUNCTION("entropy", MATH_ENTROPY, of_bytes),
	FUNCTION("deviation", MATH_DEVIATION, of_bytes_and_mean),
	FUNCTION("mean", MATH_MEAN, of_bytes),
	FUNCTION("serial_correlation", MATH_SERIAL_CORRELATION, of_bytes),
	FUNCTION("monte_carlo_pi", MATH_MONTE_CARLO_PI, of_bytes),
	FUNCTION("in_range", MATH_IN_RANGE, in_range_types),
	FUNCTION("min", MATH_MIN, two_integers),
	FUNCTION("max", MATH_MAX, two_integers),
	FUNCTION("to_number", MATH_TO_NUMBER, one_boolean),
	FUNCTION("abs", MATH_ABS, one_integer),
	FUNCTION("count", MATH_COUNT, count_types),
	FUNCTION("percentage", MATH_PERCENTAGE, percentage_types),
	FUNCTION("mode", MATH_MODE, mode_types),
	{0},
};

/* How often each byte value occurs. */
struct distribution {
	uint32_t of[256];
	size_t total;
};

static void distribute(struct str bytes, struct distribution *ret)
{
	*ret = (struct distribution){.total = bytes.n};
	for (size_t i = 0; i < bytes.n; i++)
		ret->of[(uint8_t)bytes.p[i]]++;
}

static double entropy(struct str bytes)
{
	struct distribution d;
	double sum = 0.0;

	distribute(bytes, &d);
	for (unsigned i = 0; i < 256; i++)
		if (d.of[i] != 0) {
			const double x = (double)d.of[i] / (double)d.total;
			sum -= x * log2(x);
		}
	return sum;
}

static double deviation_of_file(struct str bytes, double mean)
{
	struct distribution d;
	double sum = 0.0;

	distribute(bytes, &d);
	for (unsigned i = 0; i < 256; i++)
		sum += fabs((double)i - mean) * d.of[i];
	return sum / (double)d.total;
}

static double deviation_of_text(struct str text, double mean)
{
	double sum = 0.0;

	for (size_t i = 0; i < text.n; i++)
		sum += fabs((double)(int8_t)text.p[i] - mean);
	return sum / (double)text.n;
}

static double mean_of_file(struct str bytes)
{
	struct distribution d;
	double sum = 0.0;

	distribute(bytes, &d);
	for (unsigned i = 0; i < 256; i++)
		sum += (double)i * d.of[i];
	return sum / (double)d.total;
}

static double mean_of_text(struct str text)
{
	double sum = 0.0;

	for (size_t i = 0; i < text.n; i++)
		sum += (double)(int8_t)text.p[i];
	return sum / (double)text.n;
}

static double byte_of(struct str bytes, size_t i, bool is_signed)
{
	return is_signed ? (double)(int8_t)bytes.p[i] : (double)(uint8_t)bytes.p[i];
}

static double serial_correlation(struct str bytes, bool is_signed)
{
	double now = 0, last = 0, products = 0, sum = 0, squares = 0;

	for (size_t i = 0; i < bytes.n; i++) {
		now = byte_of(bytes, i, is_signed);
		products += last * now;
		sum += now;
		squares += now * now;
		last = now;
	}
	products += last * now;
	sum *= sum;
	const double below = (double)bytes.n * squares - sum;
	/* An exact zero is meant: all bytes are equal. fpclassify() would say it, but narrows in mingw. */
	return !(below < 0.0) && !(below > 0.0) ? -100000.0 : ((double)bytes.n * products - sum) / below;
}

/* false: fewer than six bytes. */
static bool monte_carlo_pi(struct str bytes, bool is_signed, double *ret)
{
	const double in_circle = pow(pow(256.0, 3.0) - 1, 2.0);
	size_t tries = bytes.n / 6, hits = 0;

	for (size_t i = 0; i < tries; i++) {
		double x = 0, y = 0;
		for (size_t j = 0; j < 3; j++) {
			const char cx = bytes.p[6 * i + j], cy = bytes.p[6 * i + 3 + j];
			x = x * 256.0 + (is_signed ? (double)(uint32_t)(int8_t)cx : (double)(uint8_t)cx);
			y = y * 256.0 + (is_signed ? (double)(uint32_t)(int8_t)cy : (double)(uint8_t)cy);
		}
		hits += x * x + y * y <= in_circle;
	}
	if (tries == 0)
		return false;
	*ret = fabs((4.0 * ((double)hits / (double)tries) - MATH_PI) / MATH_PI);
	return true;
}

static void of_distribution(unsigned id, struct str bytes, uint8_t byte, struct signature_value *ret)
{
	struct distribution d;
	unsigned most = 0;

	distribute(bytes, &d);
	switch (id) {
	case MATH_COUNT:
		signature_value_integer(ret, d.of[byte]);
		break;
	case MATH_PERCENTAGE:
		/* In single precision, as libyara. */
		signature_value_float(ret, (double)((float)d.of[byte] / (float)d.total));
		break;
	case MATH_MODE:
		for (unsigned i = 1; i < 256; i++)
			if (d.of[i] > d.of[most])
				most = i;
		signature_value_integer(ret, most);
		break;
	}
}

static void of_numbers(unsigned id, const struct signature_argument *a, struct signature_value *ret)
{
	const int64_t first = a[0].value.integer;

	switch (id) {
	case MATH_IN_RANGE:
		signature_value_integer(ret, a[1].value.number <= a[0].value.number && a[0].value.number <= a[2].value.number);
		break;
	case MATH_MIN:
		signature_value_integer(ret, (uint64_t)first < (uint64_t)a[1].value.integer ? first : a[1].value.integer);
		break;
	case MATH_MAX:
		signature_value_integer(ret, (uint64_t)first > (uint64_t)a[1].value.integer ? first : a[1].value.integer);
		break;
	case MATH_TO_NUMBER:
		signature_value_integer(ret, first != 0);
		break;
	case MATH_ABS:
		signature_value_integer(ret, first < 0 ? (int64_t)(0 - (uint64_t)first) : first);
		break;
	}
}

static void of_file_or_text(unsigned id, struct str bytes, bool is_text, double mean, struct signature_value *ret)
{
	double pi = 0;

	switch (id) {
	case MATH_ENTROPY:
		signature_value_float(ret, entropy(bytes));
		break;
	case MATH_DEVIATION:
		signature_value_float(ret, is_text ? deviation_of_text(bytes, mean) : deviation_of_file(bytes, mean));
		break;
	case MATH_MEAN:
		signature_value_float(ret, is_text ? mean_of_text(bytes) : mean_of_file(bytes));
		break;
	case MATH_SERIAL_CORRELATION:
		signature_value_float(ret, serial_correlation(bytes, is_text));
		break;
	case MATH_MONTE_CARLO_PI:
		if (monte_carlo_pi(bytes, is_text, &pi))
			signature_value_float(ret, pi);
		break;
	}
}

static void call(struct signature_module_state *s, unsigned id, unsigned overload, const struct signature_key *keys,
		 unsigned key_count, const struct signature_argument *a, struct signature_value *ret)
{
	(void)keys;
	(void)key_count;
	struct str bytes = str_n(s->data, s->len);

	switch (id) {
	case MATH_ENTROPY:
	case MATH_DEVIATION:
	case MATH_MEAN:
	case MATH_SERIAL_CORRELATION:
	case MATH_MONTE_CARLO_PI: {
		const bool is_text = overload == 1;
		const double mean = id == MATH_DEVIATION ? a[is_text ? 1 : 2].value.number : 0.0;
		if (is_text)
			bytes = a[0].value.text;
		else if (!signature_range(s, a[0].value.integer, a[1].value.integer, &bytes))
			return;
		of_file_or_text(id, bytes, is_text, mean, ret);
		break;
	}
	case MATH_COUNT:
	case MATH_PERCENTAGE:
		if (overload == 0 && !signature_range(s, a[1].value.integer, a[2].value.integer, &bytes))
			return;
		of_distribution(id, bytes, (uint8_t)a[0].value.integer, ret);
		break;
	case MATH_MODE:
		if (overload == 0 && !signature_range(s, a[0].value.integer, a[1].value.integer, &bytes))
			return;
		of_distribution(id, bytes, 0, ret);
		break;
	default:
		of_numbers(id, a, ret);
	}
}

const struct signature_module_driver signature_math_module = {
	.module = {.name = "math", .id = SIGNATURE_MODULE_MATH, .fields = fields},
	.call = call,
};
