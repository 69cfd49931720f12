#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""Tests of gen_messages.py: what it writes, and that each kind of fault is told with its place."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

TOOL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "gen_messages.py")
GOOD = 'a.one: {vi: "Một {n}", en: "One {n}"}\n'

FAULTS = [
    ('a.x: {vi: "x"}', "x_messages.yaml:1: a.x: no en text"),
    ('a.x: {vi: "x", en: ""}', "x_messages.yaml:1: a.x.en is empty"),
    ('\na.x: {vi: "{n}", en: "{m}"}', "x_messages.yaml:2: a.x: arguments differ: vi has ['n'], en has ['m']"),
    ('a.x: {vi: "x", en: "x"}\na.x: {vi: "y", en: "y"}', "x_messages.yaml:2: “a.x” stands twice"),
    ('a.x: {vi: "x", en: "x", fr: "x"}', "x_messages.yaml:1: a.x: unknown language “fr”"),
    ('a.x: {vi: "x {", en: "x"}', "x_messages.yaml:1: a.x.vi: a brace that is no {argument}"),
    ('a.x: {vi: "x", en: no}', "x_messages.yaml:1: a.x.en must be a text (quote it)"),
    ('a.x: {vi: "{count}", en: {one: "1"}}', "x_messages.yaml:1: a.x.en needs both “one” and “other”"),
    ('a.x: {vi: "x", en: {one: "1", other: "n"}}', "x_messages.yaml:1: a.x.en: plural forms need {count} in “other”"),
    ('a.x: {vi: "{count}", en: {one: "{k}", other: "{count}"}}',
     "x_messages.yaml:1: a.x.en: “one” has an argument that “other” lacks"),
    ('a.x: "text"', "x_messages.yaml:1: a.x must be a mapping"),
    ('Ax: {vi: "x", en: "x"}', "x_messages.yaml:1: “Ax” is no key: room.what in small letters"),
    ('a.x: {vi: "x", en: "x"', "x_messages.yaml:2: expected ',' or '}'"),
    ('- a', "x_messages.yaml:1: the file must be a mapping"),
]


class GenMessages(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def put(self, name, text):
        path = os.path.join(self.folder.name, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def run_tool(self):
        out = os.path.join(self.folder.name, "out")
        return subprocess.run([sys.executable, TOOL, "--source", self.folder.name, "--c", os.path.join(self.folder.name, "m.c"),
                               "--json", out, "--depfile", os.path.join(self.folder.name, "m.d")],
                              capture_output=True, text=True, check=False)

    def read(self, name):
        with open(os.path.join(self.folder.name, name), encoding="utf-8") as f:
            return f.read()

    def test_writes(self):
        self.put("src/base/b_messages.yaml", 'b.two: {vi: "{count} \\"máy\\"", en: {one: "{count} PC", other: "{count} PCs"}}\n')
        self.put("web/console_messages.yaml", GOOD)
        self.put("web/pages/c_messages.yaml", 'c.three: {vi: "{count} \\"máy\\"", en: {one: "{count} PC", other: "{count} PCs"}}\n')
        self.put("web/node_modules/x_messages.yaml", "broken: [")
        result = self.run_tool()
        self.assertEqual(result.returncode, 0, result.stderr)
        source = self.read("m.c")
        self.assertIn('{"a.one", {"Một {n}", "One {n}"}, {NULL, NULL}},', source)
        self.assertIn('{"b.two", {"{count} \\"máy\\"", "{count} PCs"}, {NULL, "{count} PC"}},', source)
        self.assertLess(source.index("a.one"), source.index("b.two"))
        self.assertEqual(json.loads(self.read("out/en.json")), {"a.one": "One {n}"})
        self.assertEqual(json.loads(self.read("out/c.en.json")), {"c.three": {"one": "{count} PC", "other": "{count} PCs"}})
        self.assertEqual(json.loads(self.read("out/c.vi.json"))["c.three"], '{count} "máy"')
        self.assertIn("b_messages.yaml", self.read("m.d"))

    def test_faults(self):
        for text, told in FAULTS:
            with self.subTest(text=text):
                self.put("src/x_messages.yaml", text + "\n")
                result = self.run_tool()
                self.assertEqual(result.returncode, 1)
                self.assertIn("src/" + told, result.stderr)

    def test_same_key_in_two_files(self):
        self.put("src/x_messages.yaml", GOOD)
        self.put("web/y_messages.yaml", "# comment\n" + GOOD)
        result = self.run_tool()
        self.assertEqual(result.returncode, 1)
        self.assertIn("web/y_messages.yaml:2: “a.one” stands also in src/x_messages.yaml:1", result.stderr)


if __name__ == "__main__":
    unittest.main()
