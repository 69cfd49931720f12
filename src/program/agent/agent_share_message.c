/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */
#include "program/agent/agent_share_message.h"

#include "base/cursor/cursor.h"
#include "base/json/json.h"

#define MAGIC STR("LTSHARE1\n")
#define BODY_MOST 512

static void signed_bytes(struct str body, struct buf *out)
{
	buf_append_c(out, "luytre-share-v1\n");
	buf_append(out, body);
}

static void put_u16(struct buf *out, size_t v)
{
	buf_append_char(out, (char)(unsigned char)v);
	buf_append_char(out, (char)(unsigned char)(v >> 8));
}

int agent_share_write(const struct agent_share_word *word, struct str cert_der, const struct crypto_key *key, struct buf *out,
                      struct err *err)
{
	cleanup_buf struct buf body = BUF_INIT(BODY_MOST), bytes = BUF_INIT(BODY_MOST + 64), signature = BUF_INIT(256);
	char id[UUID_TEXT_SIZE];
	struct json_writer w = json_writer_init(&body);
	json_object(&w);
	json_member_cstr(&w, "id", uuid_text(&word->id, id));
	json_member_int(&w, "sequence", (int64_t)word->sequence);
	json_member_int(&w, "port", word->port);
	json_member_cstr(&w, "have", word->have);
	json_member_cstr(&w, "want", word->want);
	json_member_bool(&w, "fetching", word->fetching);
	json_object_end(&w);
	signed_bytes(buf_str(&body), &bytes);
	int r = crypto_sign(key, buf_str(&bytes), &signature, err);
	if (r < 0)
		return r;
	buf_append(out, MAGIC);
	put_u16(out, body.n);
	put_u16(out, cert_der.n);
	put_u16(out, signature.n);
	buf_append(out, buf_str(&body));
	buf_append(out, cert_der);
	buf_append(out, buf_str(&signature));
	return out->overflow || out->n > AGENT_SHARE_MESSAGE_MOST ? err_set(err, -E2BIG, "agent.share_message", ARG_CSTR("what", "size")) : 0;
}

static int bad(struct err *err, const char *what)
{
	return err_set(err, -EBADMSG, "agent.share_message", ARG_CSTR("what", what));
}

static bool take_hex(const struct json *body, const char *name, char ret[SHA256_HEX_SIZE])
{
	unsigned char bytes[SHA256_SIZE];
	struct str text = json_get_str(body, name, STR_EMPTY);
	if (text.n != 0 && (text.n != SHA256_HEX_SIZE - 1 || !str_parse_hex(text, bytes, sizeof bytes)))
		return false;
	str_copy_c(text, ret, SHA256_HEX_SIZE);
	return true;
}

int agent_share_read_body(struct str text, struct agent_share_word *ret, struct err *err)
{
	cleanup(arena) struct arena *arena = arena_new((size_t)64 << 10);
	const struct json_limits limits = {.depth = 2, .nodes = 20};
	const struct json *body = NULL;
	if (json_parse(arena, text, &limits, &body, NULL) < 0 || body->type != JSON_OBJECT)
		return bad(err, "body");
	int64_t sequence = json_get_int(body, "sequence", -1), port = json_get_int(body, "port", 0);
	if (!uuid_parse(json_get_str(body, "id", STR_EMPTY), &ret->id) || sequence < 0 || port < 1 || port > 65535 ||
	    !take_hex(body, "have", ret->have) || !take_hex(body, "want", ret->want))
		return bad(err, "body");
	ret->sequence = (uint64_t)sequence;
	ret->port = (uint16_t)port;
	ret->fetching = json_get_bool(body, "fetching", false);
	return 0;
}

/* The certificate's, before anything it signed is parsed. */
static int check(struct str cert, struct str body, struct str signature, struct str ca_pem, usec_t now, struct crypto_cert_info *ret,
                 struct err *err)
{
	cleanup(crypto_key) struct crypto_key *key = NULL;
	cleanup_buf struct buf bytes = BUF_INIT(BODY_MOST + 64);
	signed_bytes(body, &bytes);
	if (crypto_cert_verify(cert, ca_pem, now, NULL) < 0 || crypto_cert_info(cert, ret, NULL) < 0 || ret->is_ca)
		return bad(err, "certificate");
	if (crypto_cert_key(cert, &key, NULL) < 0 || crypto_verify(key, buf_str(&bytes), signature, NULL) < 0)
		return bad(err, "signature");
	return 0;
}

int agent_share_read(struct str datagram, struct str ca_pem, usec_t now, struct agent_share_word *ret, struct err *err)
{
	struct cursor c = cursor_of(datagram);
	struct crypto_cert_info info;
	struct agent_share_word word = {.port = 0};
	struct uuid named;
	if (datagram.n > AGENT_SHARE_MESSAGE_MOST || !cursor_accept_str(&c, MAGIC))
		return bad(err, "form");
	size_t body_size = cursor_u16_le(&c), cert_size = cursor_u16_le(&c), signature_size = cursor_u16_le(&c);
	struct str body = cursor_take(&c, body_size), cert = cursor_take(&c, cert_size), signature = cursor_take(&c, signature_size);
	if (c.failed || !cursor_at_end(&c) || body_size > BODY_MOST)
		return bad(err, "form");
	int r = check(cert, body, signature, ca_pem, now, &info, err);
	if (r >= 0)
		r = agent_share_read_body(body, &word, err);
	if (r < 0)
		return r;
	/* An agent's certificate, and its own name. */
	if (!info.for_client || !uuid_parse(str_c(info.common_name), &named) || memcmp(&named, &word.id, sizeof named) != 0)
		return bad(err, "name");
	*ret = word;
	return 0;
}
