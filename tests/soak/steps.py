# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""The agent is killed before each single step of taking a file away and of giving it back (steps.c counts them)."""
import os
import random
import subprocess

from city import Failure, eventually, sha256_of

MOST = 80  # there are fewer steps than this


def library(bench):
    path = f'{bench.work}/steps.so'
    if not os.path.exists(path):
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'steps.c')
        subprocess.run([*os.environ.get('CC', 'cc').split(), '-std=gnu17', '-O2', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC', '-o', path, source,
                        '-ldl'], check=True)
    return path


def restart(city, env=None):
    if city.agent.poll() is None:
        city.agent.terminate()
    city.agent.wait()
    city.start_agent(env)
    eventually('the agent is back', lambda: city.status() or city.agent.poll() is not None, pause=0.02)


def plan(bench):
    """All steps in turn, from anywhere; in the short form every few."""
    stride = 1 if bench.rounds >= 6 else 5
    first = random.randrange(stride)
    return stride, first


def items_of(city, path):
    return [i for i in city.quarantine() if i['path_shown'] == path]


def take(bench, city, step):
    """True: the agent died at this step; False: the file was through before it."""
    _, bad = bench.bad_files(city, f'{city.watched}/{bench.next("step")}', 1, 0)
    folder = os.path.dirname(next(iter(bad or _)))
    restart(city, {'LD_PRELOAD': library(bench), 'LUYTRE_KILL_FROM': '.taking', 'LUYTRE_KILL_AT': str(step)})
    _, bad = bench.bad_files(city, f'{folder}/x', 1, 1)
    path, digest = next(iter(bad.items()))
    eventually('the file is taken, or the agent dies of it', lambda: city.agent.poll() is not None or
               (not os.path.exists(path) and items_of(city, path) and (city.status() or {}).get('spool_events') == 0), pause=0.02)
    died = city.agent.poll() is not None
    if died and city.agent.returncode != -9:
        raise Failure(f'step {step}: the agent ended with {city.agent.returncode}')
    # At no moment is there neither the file nor its item.
    if not os.path.exists(path) and not items_of(city, path):
        left = [n for n in os.listdir(f'{folder}/x')]
        raise Failure(f'step {step}: the file is nowhere; left: {left}')
    restart(city)
    eventually(f'step {step}: the bad file is gone in the end', lambda: not os.path.exists(path))
    eventually(f'step {step}: it is in quarantine once', lambda: len(items_of(city, path)) == 1)
    if items_of(city, path)[0]['sha256'] != digest:
        raise Failure(f'step {step}: other bytes are in quarantine')
    eventually(f'step {step}: nothing is left behind', lambda: os.listdir(f'{folder}/x') == [])
    return died, path, digest


def give_back(bench, city, step, path, digest):
    restart(city, {'LD_PRELOAD': library(bench), 'LUYTRE_KILL_FROM': '.luytre-', 'LUYTRE_KILL_AT': str(step)})
    def known():
        return next((q for q in city.pages('/api/v1/quarantine') if q['path'] == path), None)
    try:
        item = eventually('the console knows the item', lambda: (lambda q: q if q and q['state'] == 'held' else None)(known()), pause=0.2)
    except Failure as e:
        raise Failure(f'{e}: {known()}, here {[i["id"] for i in items_of(city, path)]}, {city.status()}') from e
    status, answer = city.ask('POST', f'/api/v1/quarantine/{item["id"]}/restore', {'reason': 'soak'})
    if status != 202:
        raise Failure(f'restore: {status} {answer}')
    eventually('it is given back, or the agent dies of it', lambda: city.agent.poll() is not None or
               (os.path.exists(path) and not items_of(city, path)), pause=0.02)
    died = city.agent.poll() is not None
    whole = os.path.exists(path) and sha256_of(path) == digest
    if not whole and not items_of(city, path):
        raise Failure(f'restore, step {step}: neither the file nor its item is there')
    if os.path.exists(path) and not whole:
        raise Failure(f'restore, step {step}: half a file is at its place')
    restart(city)
    # What was ordered is carried out in the end.
    eventually(f'restore, step {step}: the file is back in the end', lambda: os.path.exists(path) and sha256_of(path) == digest)
    eventually(f'restore, step {step}: nothing is left behind', lambda: os.listdir(os.path.dirname(path)) == [os.path.basename(path)])
    strays = [i['path_shown'] for i in city.quarantine() if '/.luytre-' in i['path_shown']]
    if strays:
        raise Failure(f'restore, step {step}: its own half was taken for a finding: {strays}')
    return died


def kill_steps(bench):
    """kill -9 of the agent before each single step of a quarantine move, and of giving the file back"""
    city = bench.city(agent=True)
    stride, first = plan(bench)
    done, back, rounds = 0, 0, 0
    wanted = bench.rounds if bench.rounds >= 20 else 1
    while done < wanted:
        for step in range(1 + first, MOST, stride):
            died, *_ = take(bench, city, step)
            if not died:
                break
            done += 1
            if done >= wanted and bench.rounds >= 20:
                break
        rounds += 1
    for step in range(1 + first, MOST, stride):
        # A new file each time: of one that is back in its place the item may still be there, and is told so.
        _, *last = take(bench, city, MOST)
        if not give_back(bench, city, step, *last):
            break
        back += 1
    return f'{done} kills at the steps of taking (every {stride}), {back} at those of giving back; each file once in quarantine or whole at its place'
