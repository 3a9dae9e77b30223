#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes Debian's changelog of a package from CHANGELOG.md: an entry a version, what is unreleased as VERSION.

usage: changelog.py CHANGELOG.md PACKAGE VERSION REVISION MAINTAINER OUT.gz

The same input gives the same bytes. Entries without a date are dated by SOURCE_DATE_EPOCH, else by the last commit that
changed the file, else by 1970.
"""
import email.utils
import datetime
import gzip
import os
import pathlib
import re
import subprocess
import sys
import textwrap


def date_of(file):
    seconds = os.environ.get("SOURCE_DATE_EPOCH")
    if not seconds:
        git = subprocess.run(["git", "log", "-1", "--format=%ct", "--", file.name], cwd=file.parent, capture_output=True,
                             text=True)
        seconds = git.stdout.strip() or "0"
    return datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc)


def entries_of(text):
    """(version or "Unreleased", date or None, [change]) of each heading `## [0.1.0] - 2026-01-31`."""
    for part in re.split(r"^## ", text, flags=re.M)[1:]:
        version, day = re.match(r"\[?([^\]\s]+)\]?(?:\s*-\s*(\S+))?", part).groups()
        changes = []
        for block in re.split(r"^### ", part, flags=re.M)[1:]:
            kind, _, items = block.partition("\n")
            for item in re.split(r"^- ", items, flags=re.M)[1:]:
                change = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", " ".join(item.split())).replace("`", "")
                changes.append(change if kind.strip() == "Added" else f"{kind.strip()}: {change}")
        if changes:
            yield version, day and datetime.datetime.fromisoformat(day + "T00:00:00+00:00"), changes


def main():
    source, package, version, revision, maintainer, out = sys.argv[1:]
    source = pathlib.Path(source).resolve()
    texts = []
    for name, day, changes in entries_of(source.read_text()):
        lines = [textwrap.fill(change, 79, initial_indent="  * ", subsequent_indent="    ", break_on_hyphens=False)
                 for change in changes]
        date = email.utils.format_datetime(day or date_of(source))
        name = version if name == "Unreleased" else name
        texts.append(f"{package} ({name}-{revision}) unstable; urgency=medium\n\n" + "\n".join(lines)
                     + f"\n\n -- {maintainer}  {date}\n")
    if not texts:
        sys.exit(f"changelog.py: no entries in {source}")
    with open(out, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write("\n".join(texts).encode())


main()
