#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""Gathers the texts that people see.

Reads every src/**/*_messages.yaml and web/**/*_messages.yaml below the source
folder, checks them, and writes the C catalogue (base/msg) and, for the console,
the texts of web/ only: vi.json and en.json from web/console_messages.yaml, which
every page has, and x.vi.json and x.en.json from web/**/x_messages.yaml, which are
fetched with the pages that name x in web/routes.js. The server words its own
errors. A fault is told as "file:line: text" and the exit code is 1.

    room.key: {vi: "…", en: "…"}
    room.key: {vi: "…", en: {one: "…", other: "…"}}     chosen by the argument {count}
"""
import argparse
import json
import os
import re
import sys

import yaml

LANGS = ("vi", "en")
KEY = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_]*)+")
ARG = re.compile(r"\{([a-z][a-z0-9_]*)\}")
SKIPPED = {"node_modules", "__pycache__"}
BASE = "console"
# Texts of rooms that a page shows by a key out of a record.
BORROWED = {"endpoint": "endpoint.reason_"}


class Faults:
    def __init__(self):
        self.lines = []

    def add(self, path, node, text):
        line = node.start_mark.line + 1 if hasattr(node, "start_mark") else node
        self.lines.append(f"{path}:{line}: {text}")


def find_files(source):
    """The message files and every folder looked into (so that a new file is noticed)."""
    files, folders = [], []
    for top in ("src", "web"):
        for folder, names, found in os.walk(os.path.join(source, top)):
            names[:] = sorted(n for n in names if n not in SKIPPED and not n.startswith("."))
            folders.append(folder)
            files += [os.path.join(folder, f) for f in sorted(found) if f.endswith("_messages.yaml")]
    return files, folders


def members(node, path, faults, what):
    """(key text, key node, value node) of a mapping; duplicates are faults."""
    if not isinstance(node, yaml.MappingNode):
        faults.add(path, node, f"{what} must be a mapping")
        return
    seen = set()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            faults.add(path, key, "a key must be a plain text")
            continue
        if key.value in seen:
            faults.add(path, key, f"“{key.value}” stands twice")
            continue
        seen.add(key.value)
        yield key.value, key, value


def text_of(node, path, faults, what):
    # A plain "no" or "1" would be something else for other YAML readers: strings only.
    if not isinstance(node, yaml.ScalarNode) or node.tag != "tag:yaml.org,2002:str":
        faults.add(path, node, f"{what} must be a text (quote it)")
        return None
    if not node.value.strip():
        faults.add(path, node, f"{what} is empty")
        return None
    if node.value != node.value.strip():
        faults.add(path, node, f"{what} begins or ends with a blank")
    rest = ARG.sub("", node.value)
    if "{" in rest or "}" in rest:
        faults.add(path, node, f"{what}: a brace that is no {{argument}}")
    return node.value


def forms_of(node, path, faults, what):
    """{"other": text} or {"one": text, "other": text}; None when faulty."""
    if not isinstance(node, yaml.MappingNode):
        text = text_of(node, path, faults, what)
        return None if text is None else {"other": text}
    forms = {}
    for name, key, value in members(node, path, faults, what):
        if name not in ("one", "other"):
            faults.add(path, key, f"{what}: only “one” and “other” are plural forms, not “{name}”")
            continue
        text = text_of(value, path, faults, f"{what}.{name}")
        if text is not None:
            forms[name] = text
    if set(forms) != {"one", "other"}:
        faults.add(path, node, f"{what} needs both “one” and “other”")
        return None
    return forms


def args_of(forms):
    return set(ARG.findall(forms["other"]))


def entry_of(key, node, path, faults):
    entry = {}
    for lang, lang_key, value in members(node, path, faults, key):
        if lang not in LANGS:
            faults.add(path, lang_key, f"{key}: unknown language “{lang}”")
            continue
        forms = forms_of(value, path, faults, f"{key}.{lang}")
        if forms is not None:
            entry[lang] = forms
            if "one" in forms and not set(ARG.findall(forms["one"])) <= args_of(forms):
                faults.add(path, value, f"{key}.{lang}: “one” has an argument that “other” lacks")
            if "one" in forms and "count" not in args_of(forms):
                faults.add(path, value, f"{key}.{lang}: plural forms need {{count}} in “other”")
    for lang in LANGS:
        if lang not in entry:
            faults.add(path, node, f"{key}: no {lang} text")
    if len(entry) == len(LANGS) and args_of(entry["vi"]) != args_of(entry["en"]):
        vi, en = sorted(args_of(entry["vi"])), sorted(args_of(entry["en"]))
        faults.add(path, node, f"{key}: arguments differ: vi has {vi}, en has {en}")
    return entry


def read_file(path, shown, entries, places, faults):
    try:
        with open(path, encoding="utf-8") as f:
            root = yaml.compose(f, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as e:
        faults.add(shown, e.problem_mark.line + 1 if e.problem_mark else 1, e.problem)
        return
    except (yaml.YAMLError, UnicodeDecodeError) as e:
        faults.add(shown, 1, str(e).splitlines()[0])
        return
    if root is None:
        return
    for key, key_node, value in members(root, shown, faults, "the file"):
        if not KEY.fullmatch(key):
            faults.add(shown, key_node, f"“{key}” is no key: room.what in small letters")
        elif len(key) > 63:
            faults.add(shown, key_node, f"“{key}” is longer than 63 letters")
        elif key in places:
            faults.add(shown, key_node, f"“{key}” stands also in {places[key]}")
        else:
            places[key] = f"{shown}:{key_node.start_mark.line + 1}"
            entries[key] = entry_of(key, value, shown, faults)


def c_string(text):
    if text is None:
        return "NULL"
    out = []
    for c in text:
        if c in '"\\?':  # \? : no trigraphs
            out.append("\\" + c)
        elif ord(c) < 32 or ord(c) == 127:
            out.append(f"\\{ord(c):03o}")
        else:
            out.append(c)
    return '"' + "".join(out) + '"'


def c_source(entries):
    lines = [
        "/* SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception */",
        "/* Made by tools/gen_messages.py from the *_messages.yaml files. */",
        '#include "base/msg/msg.h"',
        "",
        "static const struct msg_entry entries[] = {",
    ]
    for key in sorted(entries):
        other = ", ".join(c_string(entries[key][lang]["other"]) for lang in LANGS)
        one = ", ".join(c_string(entries[key][lang].get("one")) for lang in LANGS)
        lines.append(f'\t{{"{key}", {{{other}}}, {{{one}}}}},')
    if not entries:
        lines.append("\t{NULL, {NULL, NULL}, {NULL, NULL}},")
    lines += ["};", "", f"const struct msg_catalogue msg_catalogue_all = {{entries, {len(entries)}}};", ""]
    return "\n".join(lines)


def json_source(entries, lang):
    table = {k: e[lang] if "one" in e[lang] else e[lang]["other"] for k, e in entries.items()}
    return json.dumps(table, ensure_ascii=False, indent=0, sort_keys=True) + "\n"


def browser_sets(entries, places):
    """{set name: entries}: what browsers get, by the file it stands in."""
    sets = {BASE: {}}
    for key, entry in entries.items():
        path = places[key].rsplit(":", 1)[0]
        if path.startswith("web" + os.sep):
            name = os.path.basename(path)[:-len("_messages.yaml")]
            sets.setdefault(name, {})[key] = entry
    for name, prefix in BORROWED.items():
        if name in sets:
            sets[name].update({k: e for k, e in entries.items() if k.startswith(prefix)})
    return sets


def write(path, text):
    temporary = path + ".tmp"
    with open(temporary, "w", encoding="utf-8") as f:
        f.write(text)
    os.replace(temporary, path)


def escaped(path):
    return path.replace("$", "$$").replace("#", "\\#").replace(" ", "\\ ")


def main():
    parser = argparse.ArgumentParser(description="Gathers *_messages.yaml into C and JSON.")
    parser.add_argument("--source", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."),
                        help="the source folder (default: the one this tool is in)")
    parser.add_argument("--c", metavar="FILE", help="write the C catalogue")
    parser.add_argument("--json", metavar="DIR", help="write the console's texts into DIR")
    parser.add_argument("--depfile", metavar="FILE", help="write what was read, for ninja (needs --c)")
    options = parser.parse_args()

    source = os.path.abspath(options.source)
    faults, entries, places = Faults(), {}, {}
    files, folders = find_files(source)
    for path in files:
        read_file(path, os.path.relpath(path, source), entries, places, faults)
    if faults.lines:
        print("\n".join(faults.lines), file=sys.stderr)
        return 1
    if options.c:
        write(options.c, c_source(entries))
    if options.json:
        os.makedirs(options.json, exist_ok=True)
        for name, some in browser_sets(entries, places).items():
            for lang in LANGS:
                write(os.path.join(options.json, f"{lang}.json" if name == BASE else f"{name}.{lang}.json"), json_source(some, lang))
    if options.depfile:
        write(options.depfile, f"{escaped(options.c)}: {' '.join(escaped(p) for p in files + folders)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
