# SPDX-License-Identifier: Apache-2.0
"""Why tests, or parts of them, were skipped: ctest itself only says that they were.

    skipped.py JUNIT LOG     of ctest --output-junit, and its LastTest.log, which has all output
"""
import pathlib
import re
import sys
import xml.etree.ElementTree


def outputs(log):
    """{test: what it wrote}"""
    return {name: text for name, text in re.findall(
        r'^"([^\n]+)" start time: [^\n]*\nOutput:\n-+\n(.*?)^<end of output>$', log, re.M | re.S)}


def reasons(output):
    """Of Python's unittest, and of GoogleTest."""
    found = re.findall(r"^(?:(\w+) \(.*\)\n)?(.*) \.\.\. skipped (.*)$", output, re.M)
    said = [f"{name or text.split(' (')[0]}: {why[1:-1]}" for name, text, why in found]
    for text, name in re.findall(r": Skipped\n(.*?)\[  SKIPPED \] (\S+)", output, re.S):
        said.append(f"{name}: {' '.join(text.split())}")
    return said


def main(junit, log):
    said = outputs(pathlib.Path(log).read_text(errors="replace"))
    for case in xml.etree.ElementTree.parse(junit).iter("testcase"):
        name = case.get("name")
        output = said.get(name, "")
        why = reasons(output)
        if case.find("skipped") is not None and not why:
            why = [" ".join(output.split()[-60:]) or case.find("skipped").get("message", "no reason given")]
        for line in why:
            print(f"skipped: {name}: {line}")


if __name__ == "__main__":
    main(*sys.argv[1:])
