/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
/*
 * libclamav, found at run time, because a small PC does without it. Only the
 * functions below are used; they have not changed from 0.103 (libclamav.so.9) to 1.4 (.so.12).
 */
#include <clamav.h>
#include <dlfcn.h>
#include <stdio.h>
#include <unistd.h>

#include "base/mem/mem.h"
#include "program/scand/scand.h"

static const char *const libraries[] = {"libclamav.so.12", "libclamav.so.11", "libclamav.so.9", NULL};

struct scand_clamav {
	__typeof__(cl_init) *cl_init;
	__typeof__(cl_retver) *cl_retver;
	__typeof__(cl_engine_new) *cl_engine_new;
	__typeof__(cl_engine_compile) *cl_engine_compile;
	__typeof__(cl_engine_set_num) *cl_engine_set_num;
	__typeof__(cl_engine_set_str) *cl_engine_set_str;
	__typeof__(cl_load) *cl_load;
	__typeof__(cl_scandesc_callback) *cl_scandesc_callback;
	__typeof__(cl_strerror) *cl_strerror;
	struct cl_engine *engine;
	struct cl_scan_options options;
	unsigned signatures;
};

#define ROW(name_) {#name_, offsetof(struct scand_clamav, name_)}
static const struct {
	const char *name;
	size_t offset;
} functions[] = {
	ROW(cl_init),           ROW(cl_retver),         ROW(cl_engine_new), ROW(cl_engine_compile),
	ROW(cl_engine_set_num), ROW(cl_engine_set_str), ROW(cl_load),       ROW(cl_scandesc_callback),
	ROW(cl_strerror),
};

static bool find_functions(struct scand_clamav *c)
{
	void *library = NULL;
	for (unsigned i = 0; libraries[i] != NULL && library == NULL; i++)
		library = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL);
	for (size_t i = 0; library != NULL && i < ARRAY_LEN(functions); i++) {
		/* ISO C has no cast from object to function pointer; POSIX says the bits are the same. */
		void *found = dlsym(library, functions[i].name);
		if (found == NULL)
			return false;
		memcpy((char *)c + functions[i].offset, &found, sizeof(found));
	}
	return library != NULL;
}

static int clamav_failed(struct scand_clamav *c, const char *call, int code, struct err *err)
{
	int r = err_set(err, -EIO, "malware.clamav_failed", ARG_CSTR("call", call),
	                ARG_CSTR("reason", c->cl_strerror((cl_error_t)code)));
	mem_free(c);
	return r;
}

static int load(struct scand_clamav *c, int directory, const struct scand_config *config, const char **call)
{
	char path[32];
	*call = "cl_init";
	int r = (int)c->cl_init(CL_INIT_DEFAULT);
	if (r != CL_SUCCESS)
		return r;
	*call = "cl_engine_new";
	c->engine = c->cl_engine_new();
	if (c->engine == NULL)
		return CL_EMEM;
	*call = "cl_load";
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", directory);
	r = (int)c->cl_load(path, c->engine, &c->signatures, CL_DB_STDOPT);
	if (r != CL_SUCCESS)
		return r;
	*call = "cl_engine_set_num";
	r = (int)c->cl_engine_set_num(c->engine, CL_ENGINE_MAX_SCANTIME, (long long)config->time_limit_s * 1000);
	if (r == CL_SUCCESS)
		r = (int)c->cl_engine_set_num(c->engine, CL_ENGINE_MAX_FILESIZE, (long long)config->max_file_bytes);
	if (r != CL_SUCCESS)
		return r;
	*call = "cl_engine_compile";
	return (int)c->cl_engine_compile(c->engine);
}

int scand_clamav_new(int directory, const struct scand_config *config, struct scand_clamav **ret, struct err *err)
{
	struct scand_clamav *c = MEM_NEW(struct scand_clamav);
	const char *call;
	if (!find_functions(c)) {
		mem_free(c);
		return err_set(err, -ENOENT, "malware.clamav_missing");
	}
	int r = load(c, directory, config, &call);
	if (r != CL_SUCCESS)
		return clamav_failed(c, call, r, err);
	c->options.general = CL_SCAN_GENERAL_HEURISTICS;
	c->options.parse = ~UINT32_C(0);
	*ret = c;
	return 0;
}

int scand_clamav_use_folder(struct scand_clamav *c, const char *path, struct err *err)
{
	int r = (int)c->cl_engine_set_str(c->engine, CL_ENGINE_TMPDIR, path);
	return r == CL_SUCCESS ? 0 : err_set(err, -EIO, "malware.clamav_failed", ARG_CSTR("call", "cl_engine_set_str"),
	                                     ARG_CSTR("reason", c->cl_strerror((cl_error_t)r)));
}

uint64_t scand_clamav_count(const struct scand_clamav *c)
{
	return c->signatures;
}

struct str scand_clamav_version(const struct scand_clamav *c)
{
	return str_c(c->cl_retver());
}

void scand_clamav_scan(struct scand_clamav *c, int fd, const struct malware_wire *request, struct malware_wire *verdict)
{
	const char *name = NULL;
	unsigned long scanned = 0;
	char *path = mem_strdup(request->texts[0]);
	int r = (int)c->cl_scandesc_callback(fd, path, &name, &scanned, c->engine, &c->options, NULL);
	mem_free(path);
	if (r == CL_VIRUS) {
		verdict->numbers[0] = MALWARE_WIRE_FOUND;
		verdict->numbers[1] = MALWARE_WIRE_CLAM;
		verdict->texts[0] = str_c(name);
		verdict->texts[1] = str_c(name);
	} else if (r != CL_CLEAN) {
		verdict->numbers[0] = MALWARE_WIRE_ERROR;
		verdict->texts[2] = r == CL_ETIMEOUT ? STR("malware.timeout") : r == CL_EMEM ? STR("malware.memory")
		                                                                              : STR("malware.engine_failed");
	}
}
