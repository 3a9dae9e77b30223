#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a table of what tests/bench/run.sh measured: table.py FOLDER [--write docs/performance.md]."""
import datetime
import json
import pathlib
import sys

MODELS = ("jsc-tiny", "jsc-toy", "jsc-s", "jsc-rs1923")
BATCHES = (16, 64, 256, 1024)
BEGIN, END = "<!-- measured: begin -->\n", "<!-- measured: end -->\n"


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "an unknown processor"


def short(rate):
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if rate >= size:
            return f"{rate / size:.3g} {unit}"
    return f"{rate:.3g}"


def main():
    folder = pathlib.Path(sys.argv[1])
    steps, rows, peers = {}, {}, []
    for b in json.loads((folder / "engines.json").read_text())["benchmarks"]:
        steps[b["name"]], rows[b["name"]] = b["steps"], b["rows"]
    for peer in ("jax", "pytorch"):
        path = folder / f"{peer}.json"
        if not path.exists():
            peers.append(f"{peer} not installed")
            continue
        document = json.loads(path.read_text())
        peers.append(f"{peer} {document['version']}")
        for b in document["benchmarks"]:
            steps[b["name"]], rows[b["name"]] = b["steps"], b["rows"]

    def ratio(of, to):
        return f"{of / to:.1f}" if to else "-"

    lines = [f"{datetime.date.today()}, one core of {processor()}; {', '.join(peers)}. Steps a second; ratios are the fused "
             "engine's steps to the other's.", "",
             "| model | batch | fused | libtorch | ratio | JAX | JAX, 10 at once | ratio to the better | PyTorch | exact kernel | ratio |",
             "|---|---|---|---|---|---|---|---|---|---|---|"]
    for model in MODELS:
        for batch in BATCHES:
            def rate(who):
                return steps.get(f"train/{who}/{model}/{batch}", 0)
            fused, jax = rate("fused"), max(rate("jax"), rate("jax-vmap10"))
            cells = [model, str(batch), short(fused), short(rate("libtorch")), ratio(fused, rate("libtorch")),
                     short(rate("jax")), short(rate("jax-vmap10")), ratio(fused, jax), short(rate("pytorch")),
                     short(rate("exact")) if rate("exact") else "-", ratio(fused, rate("exact"))]
            lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "Evaluation, rows a second:", "", "| model | fused | libtorch | ratio |", "|---|---|---|---|"]
    for model in MODELS:
        fused, libtorch = rows[f"evaluate/fused/{model}"], rows[f"evaluate/libtorch/{model}"]
        lines.append(f"| {model} | {short(fused)} | {short(libtorch)} | {ratio(fused, libtorch)} |")
    text = "\n".join(lines) + "\n"
    if len(sys.argv) < 4:
        print(text)
        return
    page = pathlib.Path(sys.argv[3])
    before, rest = page.read_text().split(BEGIN)
    page.write_text(before + BEGIN + text + END + rest.split(END)[1])


main()
