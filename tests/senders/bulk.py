#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""bulk.py URL CA TOKEN COUNT: sends as Filebeat does: asks who is there, looks for its template and policy, then bulks of 500,
packed, of which every other one is sent twice, as after a lost answer; documents have an _id. Exits 0 when all were answered well."""
import base64
import gzip
import json
import ssl
import sys
import urllib.error
import urllib.request

url, ca, token, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
context = ssl.create_default_context(cafile=ca)
basic = 'Basic ' + base64.b64encode(b'filebeat:' + token.encode()).decode()
api_key = 'ApiKey ' + base64.b64encode(b'filebeat:' + token.encode()).decode()


def ask(method, path, body=None, auth=basic, headers=None):
    request = urllib.request.Request(url + path, method=method, data=body, headers={'Authorization': auth, 'Content-Type': 'application/json',
                                                                                    'Accept': 'application/json', **(headers or {})})
    with urllib.request.urlopen(request, context=context, timeout=30) as answer:
        assert answer.headers['X-Elastic-Product'] == 'Elasticsearch', path
        return answer.status, answer.read()


about = json.loads(ask('GET', '/')[1])
assert int(about['version']['number'].split('.')[0]) == 8 and about['version']['build_flavor'] == 'default'
assert json.loads(ask('GET', '/_license?human=false')[1])['license']['status'] == 'active'
for path in ('/_index_template/filebeat-8.19.0', '/_template/filebeat-7.17.0', '/_data_stream/filebeat-8.19.0'):
    assert ask('HEAD', path)[0] == 200
assert ask('GET', '/_ilm/policy/filebeat')[0] == 200

for start in range(0, count, 500):
    lines = []
    for n in range(start, min(start + 500, count)):
        lines.append(json.dumps({'create': {'_index': 'filebeat-8.19.0', '_id': 'doc-%d' % n}}))
        lines.append(json.dumps({'@timestamp': '2026-11-21T08:00:00.000Z', 'message': 'case=bulk n=%d;' % n, 'host': {'name': 'pc-7'},
                                 'agent': {'type': 'filebeat', 'version': '8.19.0'}, 'ecs': {'version': '8.0.0'}}))
    body = gzip.compress('\n'.join(lines).encode() + b'\n')
    for again in range(2 if start // 500 % 2 else 1):
        answer = json.loads(ask('POST', '/_bulk', body, auth=api_key if again else basic, headers={'Content-Encoding': 'gzip'})[1])
        assert not answer['errors'] and all(item['create']['status'] in (201, 409) for item in answer['items']), answer
