# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""A whole Lũy Tre under test: a server with the sample city, started and killed from outside as systemd would, an agent of
this machine, and the questions that its databases answer."""
import glob
import hashlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.parse

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.environ.get('LUYTRE_BIN', os.path.join(TOP, 'build/bin'))
PASSWORD = 'Mot-hai-ba-4'
# How long a thing may take on a machine that does much else; what is promised is measured and told, not judged by it.
PATIENCE = float(os.environ.get('LUYTRE_SOAK_PATIENCE', '180'))


class Failure(Exception):
    """An invariant does not hold."""


def eventually(what, test, seconds=None, pause=0.05):
    end = time.monotonic() + (seconds or PATIENCE)
    while True:
        value = test()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f'{what}: not within {seconds or PATIENCE:.0f} s')
        time.sleep(pause)


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def sha256_of(path):
    with open(path, 'rb') as f:
        return hashlib.sha256(f.read()).hexdigest()


def alive(pid):
    try:
        with open(f'/proc/{pid}/stat') as f:
            return f.read().rsplit(')', 1)[1].split()[0] != 'Z'
    except OSError:
        return False


def memory_kib(pid):
    with open(f'/proc/{pid}/status') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('VmRSS'))


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__('localhost', timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class City:
    def __init__(self, work, database='', env=None, data=None, settings=''):
        self.work, self.env = work, dict(os.environ, **(env or {}))
        self.data = data or f'{work}/data'
        self.watched = f'{work}/watched'
        self.server = self.agent = None
        self.console, self.events, self.agents = free_port(), free_port(), free_port()
        os.makedirs(self.watched)
        shutil.copytree(f'{TOP}/packs', f'{work}/packs')
        states = f'{work}/packs/vn/endpoint_states.yaml'
        with open(states) as f:
            text = f.read().replace('checkin_interval: 60s', 'checkin_interval: 2s')
        lines = [f"  linux: ['{self.watched}']" if line.startswith('  linux: [/home') else line for line in text.splitlines()]
        with open(states, 'w') as f:
            f.write('\n'.join(lines) + '\n')
        with open(f'{work}/server.conf', 'w') as f:
            f.write(f'''data_dir = {self.data}
listen_address = 127.0.0.1
console_port = {self.console}
events_port = {self.events}
agent_port = {self.agents}
public_names = 127.0.0.1 localhost
packs_dir = {work}/packs
web_dir = {TOP}/web
messages_dir = {os.environ.get('LUYTRE_MESSAGES', TOP + '/build/messages')}
sample_dir = {work}/packs/vn/sample/cantho
sample_password = {PASSWORD}
database = {database}
log = json
{settings}
''')

    # ---- processes

    def start(self):
        log = open(f'{self.work}/server.log', 'ab')
        self.server = subprocess.Popen([f'{BIN}/luytre-server', '--config', f'{self.work}/server.conf'], stdin=subprocess.DEVNULL,
                                       stdout=log, stderr=log, env=self.env)
        log.close()

    def wait_up(self):
        eventually('the console answers', lambda: self.healthy(self.console))
        eventually('the events listener answers', lambda: self.healthy(self.events))

    def start_first(self):
        self.start()
        self.wait_up()
        self.cookie = None
        self.sign_in()
        self.unit = self.api('GET', '/api/v1/units?limit=1&q=Ninh+Ki%E1%BB%81u')['items'][0]['id']
        expires = time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(time.time() + 86400 * 30))
        self.token = self.api('POST', '/api/v1/tokens', {'name': 'soak', 'role': 'log_sender', 'unit_id': self.unit,
                                                         'expires_at': expires})['token']

    def roles(self):
        """name -> pid of the supervisor's children. A role may have children that look like it for a moment."""
        found = {}
        for entry in os.listdir('/proc'):
            if not entry.isdigit():
                continue
            try:
                with open(f'/proc/{entry}/stat') as f:
                    fields = f.read().rsplit(')', 1)[1].split()
                with open(f'/proc/{entry}/cmdline', 'rb') as f:
                    args = f.read().split(b'\0')
            except OSError:
                continue
            if fields[0] == 'Z' or int(fields[1]) != self.server.pid:
                continue
            if b'--role' in args:
                found[args[args.index(b'--role') + 1].decode()] = int(entry)
            elif args[0].endswith(b'luytre-eventdb'):
                found['eventdb'] = int(entry)
        return found

    def is_back(self, role, old):
        pid = self.roles().get(role)
        if pid is None or pid == old:
            return False
        if role == 'eventdb':
            return self.ping()
        mark = f'"process is ready","process":"{role}","pid":{pid}'.encode()
        with open(f'{self.work}/server.log', 'rb') as f:
            f.seek(max(0, os.path.getsize(f.name) - 65536))
            return mark in f.read()

    def kill(self, role):
        """kill -9; returns the seconds until it is ready again."""
        if role == 'supervisor':
            return self.kill_supervisor()
        old = eventually(f'{role} runs', lambda: self.roles().get(role))
        begun = time.monotonic()
        os.kill(old, signal.SIGKILL)
        eventually(f'{role} is back', lambda: self.is_back(role, old), pause=0.01)
        return time.monotonic() - begun

    def kill_supervisor(self):
        children = self.roles()
        begun = time.monotonic()
        self.server.kill()
        self.server.wait()
        eventually('children die with their supervisor', lambda: not any(alive(p) for p in children.values()), pause=0.01)
        self.start()
        eventually('all roles are back', lambda: all(self.is_back(r, children[r]) for r in children), pause=0.01)
        return time.monotonic() - begun

    def stop(self):
        for process in (self.agent, self.server):
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self.agent = self.server = None

    # ---- console

    def context(self):
        c = ssl.create_default_context()
        c.check_hostname = False
        c.verify_mode = ssl.CERT_NONE
        return c

    def healthy(self, port):
        try:
            c = http.client.HTTPSConnection('127.0.0.1', port, timeout=10, context=self.context())
            c.request('GET', '/healthz')
            ok = c.getresponse().status == 200
            c.close()
            return ok
        except (OSError, http.client.HTTPException):
            return False

    def ask(self, method, path, body=None, timeout=60):
        """(status, decoded body). OSError when there is no answer."""
        c = http.client.HTTPSConnection('127.0.0.1', self.console, timeout=timeout, context=self.context())
        headers = {'X-Luytre-Request': '1', 'Content-Type': 'application/json'}
        if self.cookie:
            headers['Cookie'] = self.cookie
        try:
            c.request(method, path, None if body is None else json.dumps(body), headers)
            r = c.getresponse()
            if r.getheader('Set-Cookie'):
                self.cookie = r.getheader('Set-Cookie').split(';')[0]
            data = r.read()
        except http.client.HTTPException as e:
            raise OSError(str(e)) from e
        finally:
            c.close()
        try:
            return r.status, json.loads(data) if data else None
        except ValueError:
            return r.status, data

    def sign_in(self):
        def once():
            try:
                return self.ask('POST', '/api/v1/login', {'login': 'quantri', 'password': PASSWORD})[0] in (200, 201, 204)
            except OSError:
                return False
        eventually('sign in', once, pause=0.5)

    def api(self, method, path, body=None):
        """The answer; waits while the server is coming back (reads only)."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                status, answer = self.ask(method, path, body)
                if status < 300:
                    return answer
                if status == 401:
                    self.sign_in()
                elif status < 500:
                    raise Failure(f'{method} {path}: {status} {answer}')
            except OSError as e:
                status, answer = 0, e
            if time.monotonic() > end:
                raise Failure(f'{method} {path}: {status} {answer}')
            time.sleep(0.2)

    def pages(self, path):
        items, cursor = [], ''
        while True:
            answer = self.api('GET', f'{path}{"&" if "?" in path else "?"}limit=200{cursor}')
            items += answer['items']
            if not answer.get('next'):
                return items
            cursor = '&cursor=' + urllib.parse.quote(answer['next'])

    def check_audit(self):
        verdict = self.api('POST', '/api/v1/audit/verify')
        if not verdict['ok']:
            raise Failure(f'the audit chain is broken: {verdict}')

    # ---- event store

    def query(self, sql, timeout=60, workload=''):
        c = UnixConnection(f'{self.data}/run/eventdb.sock', timeout)
        try:
            c.request('POST', f'/?database=luytre&readonly=1{workload and "&workload=" + workload}', sql.encode())
            r = c.getresponse()
            text = r.read().decode()
        except http.client.HTTPException as e:
            raise OSError(str(e)) from e
        finally:
            c.close()
        if r.status != 200:
            raise OSError(text)
        return text.strip()

    def ping(self):
        try:
            return self.query('SELECT 1', 10) == '1'
        except OSError:
            return False

    # ---- agent

    def enrol(self):
        token = self.api('POST', '/api/v1/enrolment-tokens', {'unit_id': self.unit})['token']
        subprocess.run([f'{BIN}/luytre-agent', 'enrol', '--server', f'https://127.0.0.1:{self.agents}', '--events',
                        f'https://127.0.0.1:{self.events}', '--token', token, '--state', f'{self.work}/agent'], check=True,
                       stdout=subprocess.DEVNULL)
        self.start_agent()
        eventually('the agent has signatures', lambda: (self.status() or {}).get('scanner') == 'ready' and
                   self.status().get('yara_rules'), pause=0.2)
        self.endpoint = self.status()['endpoint_id']

    def start_agent(self, env=None):
        log = open(f'{self.work}/agent.log', 'ab')
        self.agent = subprocess.Popen([f'{BIN}/luytre-agent', 'run', '--state', f'{self.work}/agent'], stdin=subprocess.DEVNULL,
                                      stdout=log, stderr=log, env={**self.env, **(env or {})})
        log.close()

    def status(self):
        r = subprocess.run([f'{BIN}/luytre-agent', 'status', '--state', f'{self.work}/agent'], capture_output=True, check=False)
        try:
            return json.loads(r.stdout) if r.returncode == 0 else None
        except ValueError:
            return None

    def kill_agent(self):
        begun = time.monotonic()
        self.agent.kill()
        self.agent.wait()
        self.start_agent()
        eventually('the agent is back', self.status, pause=0.02)
        return time.monotonic() - begun

    def scanners(self):
        """Processes of luytre-scand below the agent."""
        found = []
        for entry in os.listdir('/proc'):
            if entry.isdigit():
                try:
                    with open(f'/proc/{entry}/cmdline', 'rb') as f:
                        name = f.read().split(b'\0')[0]
                    with open(f'/proc/{entry}/environ', 'rb') as f:
                        ours = f'LUYTRE_SOAK={self.work}'.encode() in f.read().split(b'\0')
                    if ours and name.endswith(b'luytre-scand') and alive(entry):
                        found.append(int(entry))
                except OSError:
                    pass
        return found

    def quarantine(self):
        items = []
        for path in glob.glob(f'{self.work}/agent/quarantine/*.item'):
            try:
                with open(path) as f:
                    items.append(json.loads(f.readline()))
            except FileNotFoundError:
                pass
        return items


def eicar(spaces):
    """EICAR's definition allows white space after the string; put together here, so that no scanner takes this for it."""
    return ('X5O!P%@AP[4\\PZX54(P^)7CC)7}' + '$EICAR-STANDARD' + '-ANTIVIRUS-TEST-FILE!$H+H*' + ' ' * (spaces % 20) +
            '\t' * (spaces // 20 % 20) + '\n' * (spaces // 400)).encode()


def make_files(folder, count, bad, first_bad, rng=random):
    """count files, some of them bad. path -> sha256 of the clean ones, of the bad ones."""
    os.makedirs(folder)
    clean, evil = {}, {}
    places = set(rng.sample(range(count), bad))
    for i in range(count):
        path = f'{folder}/f{i:05}'
        content = eicar(first_bad + len(evil)) if i in places else rng.randbytes(rng.randrange(100, 20000))
        with open(path, 'wb') as f:
            f.write(content)
        (evil if i in places else clean)[path] = hashlib.sha256(content).hexdigest()
    return clean, evil
