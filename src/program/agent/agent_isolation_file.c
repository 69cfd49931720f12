/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_isolation_file.h"

#include "base/file/file.h"

#define FILE_LIMIT ((size_t)64 << 10)

char *agent_isolation_file_path(const char *state_dir)
{
	struct buf path = BUF_INIT(4096);
	file_join(&path, str_c(state_dir), STR("isolation.json"));
	char *copy = mem_strdup(buf_str(&path));
	buf_done(&path);
	return copy;
}

void agent_isolation_problem_write(const struct err *problem, struct json_writer *w)
{
	if (problem->code == 0) {
		json_null(w);
		return;
	}
	json_object(w);
	json_member_cstr(w, "key", problem->key);
	json_name(w, "args");
	json_object(w);
	for (unsigned n = 0; n < problem->arg_count; n++)
		json_member_cstr(w, problem->args[n].name, problem->args[n].value);
	json_object_end(w);
	json_object_end(w);
}

static void write_rules(const struct agent_firewall_rules *rules, struct json_writer *w)
{
	json_name(w, "servers");
	json_array(w);
	for (size_t n = 0; n < rules->server_count; n++) {
		json_object(w);
		json_member_cstr(w, "address", rules->servers[n].address);
		json_member_int(w, "port", rules->servers[n].port);
		json_object_end(w);
	}
	json_array_end(w);
	json_name(w, "resolvers");
	json_array(w);
	for (size_t n = 0; n < rules->resolver_count; n++)
		json_cstr(w, rules->resolvers[n]);
	json_array_end(w);
}

int agent_isolation_file_write(const char *path, const struct agent_isolation_file *file, struct err *err)
{
	struct buf text = BUF_INIT(FILE_LIMIT);
	struct json_writer w = json_writer_init(&text);
	char id[UUID_TEXT_SIZE];
	json_object(&w);
	json_member_int(&w, "format", 1);
	json_member_cstr(&w, "id", uuid_text(&file->id, id));
	json_member_cstr(&w, "state", agent_isolation_state_name(file->state));
	json_member_int(&w, "left_us", file->left);
	json_member_int(&w, "uptime_us", file->uptime);
	json_member_cstr(&w, "boot_id", file->boot_id);
	write_rules(&file->rules, &w);
	json_member_cstr(&w, "message", file->message);
	json_member_int(&w, "repaired", (int64_t)file->repaired);
	json_name(&w, "problem");
	agent_isolation_problem_write(&file->problem, &w);
	json_object_end(&w);
	int r = file_write(path, buf_str(&text), 0600, err);
	buf_done(&text);
	return r;
}

static bool read_rules(const struct json *j, struct agent_firewall_rules *ret)
{
	bool v6;
	json_each(item, json_get(j, "servers")) {
		int64_t port = json_get_int(item, "port", 0);
		if (ret->server_count == AGENT_FIREWALL_SERVERS || port < 1 || port > UINT16_MAX)
			return false;
		struct agent_firewall_peer *p = &ret->servers[ret->server_count++];
		str_copy_c(json_get_str(item, "address", STR("")), p->address, sizeof p->address);
		p->port = (uint16_t)port;
		if (!agent_firewall_is_address(p->address, &v6))
			return false;
	}
	json_each(name, json_get(j, "resolvers")) {
		if (ret->resolver_count == AGENT_FIREWALL_RESOLVERS || name->type != JSON_STRING)
			return false;
		char *address = ret->resolvers[ret->resolver_count++];
		str_copy_c(name->text, address, AGENT_FIREWALL_ADDRESS);
		if (!agent_firewall_is_address(address, &v6))
			return false;
	}
	return true;
}

static bool read_state(struct str name, enum agent_isolation_state *ret)
{
	for (int n = 0; n < AGENT_ISOLATION__COUNT; n++) {
		if (str_eq_c(name, agent_isolation_state_name((enum agent_isolation_state)n))) {
			*ret = (enum agent_isolation_state)n;
			return true;
		}
	}
	return false;
}

static void read_problem(const struct json *problem, struct err *ret)
{
	struct str key = json_get_str(problem, "key", STR_EMPTY);
	if (key.n == 0)
		return;
	ret->code = -EIO;
	str_copy_c(key, ret->key, sizeof ret->key);
	json_each(arg, json_get(problem, "args")) {
		if (ret->arg_count == ERR_ARGS || arg->type != JSON_STRING)
			break;
		str_copy_c(arg->name, ret->args[ret->arg_count].name, ERR_ARG_NAME_SIZE);
		str_copy_c(arg->text, ret->args[ret->arg_count++].value, ERR_ARG_VALUE_SIZE);
	}
}

int agent_isolation_file_parse(struct str text, struct agent_isolation_file *ret, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new((size_t)4 << 20);
	const struct json *j = NULL;
	*ret = (struct agent_isolation_file){.state = AGENT_ISOLATION_NONE};
	int r = json_parse(arena, text, NULL, &j, err);
	if (r < 0)
		return r;
	ret->left = json_get_int(j, "left_us", -1);
	ret->uptime = json_get_int(j, "uptime_us", -1);
	if (json_get_int(j, "format", 0) != 1 || !uuid_parse(json_get_str(j, "id", STR_EMPTY), &ret->id) ||
	    !read_state(json_get_str(j, "state", STR_EMPTY), &ret->state) || !read_rules(j, &ret->rules) || ret->uptime < 0 ||
	    ret->left > AGENT_ISOLATION_LONGEST_S * USEC_PER_SEC || ret->left < -USEC_PER_DAY)
		return err_set(err, -EPROTO, "agent.isolation_state_lost");
	str_copy_c(json_get_str(j, "boot_id", STR("")), ret->boot_id, sizeof ret->boot_id);
	str_copy_c(json_get_str(j, "message", STR("")), ret->message, sizeof ret->message);
	int64_t repaired = json_get_int(j, "repaired", 0);
	ret->repaired = repaired > 0 ? (uint64_t)repaired : 0;
	read_problem(json_get(j, "problem"), &ret->problem);
	return 0;
}

int agent_isolation_file_read(const char *path, struct agent_isolation_file *ret, struct err *err)
{
	struct buf text = BUF_INIT(FILE_LIMIT);
	int r = file_read(path, FILE_LIMIT, &text, err);
	if (r >= 0)
		r = agent_isolation_file_parse(buf_str(&text), ret, err);
	buf_done(&text);
	return r;
}
