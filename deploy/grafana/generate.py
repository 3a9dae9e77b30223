#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes dashboards/*.json from source/: change a dashboard there and run this.

usage: generate.py [--check]      with --check: only says which files differ, and fails if one does
"""
import json
import pathlib
import sys

sys.dont_write_bytecode = True

from source import grpc, overview, quantization, store, sweeps, workers

FOLDER = pathlib.Path(__file__).resolve().parent / "dashboards"
SOURCES = (overview, sweeps, workers, store, grpc, quantization)


def rendered():
    """The text of each file by name."""
    texts = {}
    for source in SOURCES:
        name = source.__name__.rsplit(".", 1)[-1]
        texts[f"{name}.json"] = json.dumps(source.dashboard(), indent=2, ensure_ascii=False) + "\n"
    return texts


def stale(folder=FOLDER):
    """Names of files in `folder` that are not what the sources say, missing and surplus ones among them."""
    texts = rendered()
    present = {path.name: path.read_text() for path in folder.glob("*.json")}
    return sorted(name for name in texts.keys() | present.keys() if texts.get(name) != present.get(name))


def main():
    if sys.argv[1:] == ["--check"]:
        different = stale()
        print("\n".join(f"{name} is not what generate.py writes" for name in different) or "all as generated")
        sys.exit(1 if different else 0)
    if sys.argv[1:]:
        sys.exit(__doc__)
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        path.unlink()
    for name, text in rendered().items():
        (FOLDER / name).write_text(text)
        print(f"dashboards/{name}")


if __name__ == "__main__":
    main()
