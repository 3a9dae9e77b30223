#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes a table of what tests/bench/run.sh measured: table.py FOLDER [--write docs/performance.md]."""
import datetime
import json
import os
import pathlib
import sys

MODELS = ("jsc-tiny", "jsc-toy", "jsc-s", "jsc-rs1923")
BATCHES = (16, 64, 256, 1024)


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


def named(path):
    return {b["name"]: b for b in json.loads(path.read_text())["benchmarks"]} if path.exists() else {}


def queue_lines(folder):
    queue, slots = (named(folder / f"{name}.json") for name in ("queue", "slots"))
    disk = queue["sync"]
    lines = ["", f"The queue, by a server and clients on the same {os.cpu_count()} cores; a sync of 4 KiB takes this disk "
             f"{disk['p50_ms']:.2f} ms (99 of 100: {disk['p99_ms']:.2f} ms).", "",
             "| what | |", "|---|---|"]
    submit = queue["submit"]
    mib = 1 << 20
    lines += [f"| submit, sweeps of 100,000 trials | {short(submit['trials_per_second'])} trials/s |",
              f"| memory of the server, 1,000,000 trials stored | {submit['resident_bytes'] / mib:.0f} MiB "
              f"(at most {queue['memory']['peak_resident_bytes'] / mib:.0f} with the leases below) |"]
    lines += [f"| idle share of {b['slots']} slot{'s' if b['slots'] > 1 else ''}, trials of {b['trial_ms']} ms | "
              f"{100 * b['idle_share']:.1f} % (with what else runs on the cores {100 * b['lost_share']:.1f} %) |"
              for b in queue.values() if b["name"].startswith("idle/")]
    one, two = slots["lab1/1"], slots["lab1/2"]
    lines += [f"| Lab 1 with {one['rows']:,} rows, 1 slot and 2 slots | {one['seconds']:.1f} s, {two['seconds']:.1f} s "
              f"({one['seconds'] / two['seconds']:.2f}x) |"]
    lines += ["", "| queued | jobs a lease | leased and completed | lease, median | lease, 99 of 100 |",
              "|---|---|---|---|---|"]
    lines += [f"| {b['queued']:,} | {b['jobs_a_lease']} | {short(b['jobs_per_second'])} jobs/s | {b['lease_p50_ms']:.1f} ms | "
              f"{b['lease_p99_ms']:.1f} ms |" for b in queue.values() if b["name"].startswith("lease/")]
    return lines


def lab1_lines(folder):
    lab1 = named(folder / "lab1.json")
    if not lab1:
        return []
    b = lab1["lab1/2"]
    lines = [f"{datetime.date.today()}, two cores of {processor()}.", "", "| Lab 1 at full size | |", "|---|---|",
             f"| submit to last result, {b['rows']:,} rows, 2 slots | {b['seconds']:.0f} s |"]
    jax = folder / "jax_lab1.json"
    if jax.exists():
        seconds = json.loads(jax.read_text())["seconds"]
        lines += [f"| the same work as a JAX script of 2 processes | {seconds:.0f} s ({seconds / b['seconds']:.1f}x) |"]
    return lines


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

    simd = json.loads((folder / "engines.json").read_text())["context"].get("instruction_set", "?")
    lines = [f"{datetime.date.today()}, one core of {processor()} ({simd}); {', '.join(peers)}. Steps a second; ratios are the fused "
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
    lines += ["", "Evaluation, rows a second, by the batch whose mean losses are averaged:", "",
              "| model | batch | fused | libtorch | ratio |", "|---|---|---|---|---|"]
    for model in MODELS:
        for batch in BATCHES:
            fused, libtorch = rows[f"evaluate/fused/{model}/{batch}"], rows[f"evaluate/libtorch/{model}/{batch}"]
            lines.append(f"| {model} | {batch} | {short(fused)} | {short(libtorch)} | {ratio(fused, libtorch)} |")
    lines += queue_lines(folder)
    sections = {"measured": lines, "lab1": lab1_lines(folder)}
    if len(sys.argv) < 4:
        print("\n".join(line for section in sections.values() for line in section))
        return
    page = pathlib.Path(sys.argv[3])
    for name, section in sections.items():
        if section:
            before, rest = page.read_text().split(f"<!-- {name}: begin -->\n")
            after = rest.split(f"<!-- {name}: end -->\n")[1]
            page.write_text(f"{before}<!-- {name}: begin -->\n" + "\n".join(section) + f"\n<!-- {name}: end -->\n{after}")


main()
