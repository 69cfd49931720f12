#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""plan.py DATA RULES OUT: a shift of a city of 20,000 machines, made of real events, the same on every run.

Nobody publishes how often which rule fires by mistake. What is assumed here is written here: the rules that match in the Windows
corpora, in the order of their level and of how often they match there, fire at rates that fall evenly on a logarithmic scale between
the two figures of RATES (machines of the whole city in eight hours). So each level has rules that fire all day and rules
that fire once a month. The 30 days before have the same rates.

LUYTRE_SHIFT_MIX says how the noise lies (the figures above stay): `even`, each event on any machine; `admins`, half of it on one machine in
a hundred, as administrators' and developers' machines have it; `rollouts`, each finding of a rule on one to forty machines at once in one
unit, as software that is rolled out has it, and on each of those machines together with two other rules; `loud`, three times as many of
everything. LUYTRE_SHIFT_SEED: another city of the same kind.

OUT/events.jsonl  every event once
OUT/plan.tsv      second of the shift, machine, line of events.jsonl
OUT/history.tsv   rule, days ago, machines
OUT/rules.txt     rule files that are on (LUYTRE_SHIFT_RULES=default: as an archive is imported)
"""
import collections, csv, json, math, os, random, re, subprocess, sys

data, rules, out = sys.argv[1:4]
MACHINES, SECONDS = 20000, 8 * 3600
RATES = {'informational': (6000, 200), 'low': (6000, 50), 'medium': (1000, 0.3), 'high': (5, 0.05), 'critical': (0.1, 0.02)}
QUIET_EVERY = 5  # of the events that match nothing, one in so many is played
# Documents, a way around UAC, a way to stay, passwords, a look around; then the second machine.
ATTACK = [(0, 3 * 3600, (1412, 1422)), (0, 3 * 3600 + 240, (9926, 9934)), (0, 3 * 3600 + 600, (8581, 8605)), (0, 3 * 3600 + 1500, (8863, 8868)),
          (0, 3 * 3600 + 1800, (8150, 8153)), (1, 3 * 3600 + 2400, (11351, 11358)), (1, 3 * 3600 + 3000, (14384, 14391))]
VICTIMS = (7123, 7311)
MIX = os.environ.get('LUYTRE_SHIFT_MIX', 'even')
if MIX not in ('even', 'admins', 'rollouts', 'loud'):
    sys.exit(f'no such mix: {MIX}')
random.seed(int(os.environ.get('LUYTRE_SHIFT_SEED', '20261121')))


def rule_files():
    known = {}
    for folder, _, names in os.walk(rules):
        for name in sorted(names):
            if not name.endswith('.yml'):
                continue
            path = os.path.join(folder, name)
            text = open(path, encoding='utf-8', errors='replace').read()
            part = lambda key: (re.search(rf'^{key}: *(\S+)', text, re.M) or [None, ''])[1]
            known[part('id')] = (path, part('level'), part('status'))
    return known


def is_default(level, status):
    if level in ('low', 'informational') or status in ('deprecated', 'unsupported'):
        return False
    return status != 'experimental' or level in ('high', 'critical')


def lines_of(corpus):
    with subprocess.Popen(['zstd', '-qdc', f'{data}/events/{corpus}.jsonl.zst'], stdout=subprocess.PIPE) as p:
        yield from enumerate(p.stdout, 1)


def poisson(rate):
    if rate > 50:
        return max(0, round(random.gauss(rate, math.sqrt(rate))))
    limit, k, p = math.exp(-rate), 0, random.random()
    while p > limit:
        k, p = k + 1, p * random.random()
    return k


known = rule_files()
matches, seen = {}, collections.Counter()
for corpus in ('windows', 'winlogbeat6'):
    for row in csv.DictReader(open(f'{data}/events/{corpus}.matches.tsv'), delimiter='\t'):
        if row['rule_id'] in known:
            matches.setdefault((corpus, int(row['line'])), set()).add(row['rule_id'])
            seen[row['rule_id']] += 1
rates = {}
for level, (high, low) in RATES.items():
    ordered = sorted((r for r in seen if known[r][1] == level), key=lambda r: (-seen[r], r))
    for i, rule in enumerate(ordered):
        rates[rule] = high * (low / high) ** (i / max(1, len(ordered) - 1))
# An event stands for the rarest rule that it matches; others that it matches too fire with it.
stands_for = collections.defaultdict(list)
for where, found in sorted(matches.items()):
    stands_for[min(found, key=lambda r: (rates[r], r))].append(where)

UNITS = 130
ADMINS = random.sample(range(MACHINES), MACHINES // 100)
SETS = 10


def machine():
    return random.choice(ADMINS) if MIX == 'admins' and random.random() < 0.5 else random.randrange(MACHINES)


plan = []
for rule in sorted(stands_for):
    for _ in range(poisson(rates[rule] * (3 if MIX == 'loud' else 1))):
        plan.append((random.randrange(SECONDS), machine(), random.choice(stands_for[rule])))
if MIX == 'rollouts':
    # What one piece of software does: the same three events on each machine that gets it, one after the other.
    often = [rule for rule in sorted(stands_for) if known[rule][1] in ('medium', 'high')]
    software = [[random.choice(stands_for[rule]) for rule in random.sample(often, 3)] for _ in range(SETS)]
    for does in software:
        unit, start = random.randrange(UNITS), random.randrange(SECONDS)
        for _ in range(random.randint(1, 40)):
            where = random.randrange(MACHINES // UNITS) * UNITS + unit
            plan += [(min(SECONDS - 1, start + random.randrange(1800) + i * 20), where, event) for i, event in enumerate(does)]
wanted = {where for _, _, where in plan}
for who, start, (first, last) in ATTACK:
    for line in range(first, last + 1):
        plan.append((start + (line - first) * 5, VICTIMS[who], ('evtx', line)))
        wanted.add(('evtx', line))
number, quiet = {}, 0
with open(f'{out}/events.jsonl', 'wb') as events:
    for corpus in ('windows', 'winlogbeat6', 'evtx'):
        for line, text in lines_of(corpus):
            where = (corpus, line)
            if where in wanted:
                number[where] = len(number)
                events.write(text)
            elif corpus == 'windows' and where not in matches and line % QUIET_EVERY == 0:
                number[where] = len(number)
                events.write(text)
                plan.append((random.randrange(SECONDS), random.randrange(MACHINES), where))
                quiet += 1
with open(f'{out}/plan.tsv', 'w') as f:
    for second, machine, where in sorted(plan):
        f.write(f'{second}\t{machine}\t{number[where]}\n')
with open(f'{out}/history.tsv', 'w') as f:
    for rule in sorted(rates):
        for day in range(1, 31):
            machines = min(MACHINES, poisson(3 * rates[rule] * (3 if MIX == 'loud' else 1)))
            if machines:
                f.write(f'{rule}\t{day}\t{machines}\n')
on = [path for path, level, status in known.values() if os.environ.get('LUYTRE_SHIFT_RULES') != 'default' or is_default(level, status)]
open(f'{out}/rules.txt', 'w').write('\n'.join(sorted(on)) + '\n')
print(f'{MIX}: {len(plan)} events of {MACHINES} machines, {quiet} of them match nothing; {len(rates)} rules make noise; {len(on)} of {len(known)} rules are on')
