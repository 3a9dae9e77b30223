#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a link of a Markdown file leads nowhere: a file that is missing, or a heading that is not there.

usage: links.py ROOT
"""
import pathlib
import re
import sys

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$", re.M)
FENCE = re.compile(r"^```.*?^```", re.M | re.S)


def anchors_of(text):
    """Headings as GitHub makes anchors of them."""
    found = set()
    for heading in HEADING.findall(FENCE.sub("", text)):
        words = re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", heading).lower())
        anchor, number = words.replace(" ", "-"), 0
        while (name := anchor + (f"-{number}" if number else "")) in found:
            number += 1
        found.add(name)
    return found


def problems_of(root, file):
    found = []
    for target in LINK.findall(FENCE.sub("", file.read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        other = (file.parent / path).resolve() if path else file
        if not other.exists():
            found.append(f"{file.relative_to(root)}: {target} does not exist")
        elif root not in other.parents and other != root:
            found.append(f"{file.relative_to(root)}: {target} lies outside the project")
        elif anchor and other.suffix == ".md" and anchor not in anchors_of(other.read_text()):
            found.append(f"{file.relative_to(root)}: {target} names no heading")
    return found


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    files = [f for f in sorted(root.rglob("*.md"))
             if not {"build", "node_modules", ".git"} & set(f.relative_to(root).parts)]
    if len(files) < 5:
        sys.exit(f"only {len(files)} Markdown files below {root}: is this the source tree?")
    assert anchors_of("# A `b`: c\n# A b c\n") == {"a-b-c", "a-b-c-1"}
    found = [p for f in files for p in problems_of(root, f)]
    print("\n".join(found) or f"the links of {len(files)} files lead somewhere")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
