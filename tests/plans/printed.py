#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later WITH openssl-exception
"""printed.py SHARED PLANS: every duty's text, between its ellipses, stands in the printed plan; the ids are those of the reference."""
import pathlib
import re
import sys
import unicodedata


def plain(text):
    text = unicodedata.normalize("NFC", text)
    text = re.sub(r"\n\s*\d+\s*\n", "\n", text)  # page numbers
    text = re.sub(r"[*#_]", "", text)
    return re.sub(r"\s+", " ", text).replace("- ", "").replace("+ ", "").lower()


def duties(path):
    """(id, text) of each; a line a member, as the files are written."""
    found = re.findall(r'^  - id: "([^"]+)"\n    at: "[^"]*"\n    text: "(.*)"$', path.read_text(), re.M)
    return [(name, text.replace('\\"', '"')) for name, text in found]


def main():
    shared, plans = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    reference = set(re.findall(r"^\| (K\d[^ |]*) \|", (shared / "reference/regulations.md").read_text(), re.M))
    seeds = [plain(path.read_text()) for path in sorted((shared / "seeds").glob("*.txt"))]
    faults, seen = 0, []
    for path in sorted(plans.glob("*_*.yaml")):
        for name, text in duties(path):
            seen.append(name)
            for part in text.split("…"):
                part = plain(part).strip(" ;.")
                if part not in seeds[int(name[1])]:
                    faults += 1
                    print(f"{path.name}: {name}: not in the print: {part[:80]}")
    for name in sorted(reference ^ set(seen)):
        faults += 1
        print(f"{name}: {'missing' if name in reference else 'not in the reference'}")
    print(f"{len(seen)} duties, {len(reference)} obligations, {faults} faults")
    return faults > 0 or len(seen) != len(set(seen))


sys.exit(main())
