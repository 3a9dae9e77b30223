#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The lab report's Lab 1 (deploy/examples/lab1.toml) from submit to last result, through a server and a worker of their
own with a store on disk. Prints one JSON object.

    lab1.py PROGRAMS --slots 1,2 [--rows 125000] [--results]    rows: those of the file; results: the table too
"""
import argparse
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
START_LIMIT = 60
TRIALS = 120


def ports_of(process, file):
    until = time.monotonic() + START_LIMIT
    while not (file.exists() and "=" in file.read_text()):
        if process.poll() is not None or time.monotonic() > until:
            raise SystemExit(f"{process.args[0]} does not start")
        time.sleep(0.02)
    return dict(pair.split("=") for pair in file.read_text().split())


def run(programs, folder, slots, sweep, show):
    processes = []
    environment = {k: v for k, v in os.environ.items() if not k.startswith("BITSWEEP_")}

    def start(name, *arguments):
        port_file = folder / f"{name}-{slots}.ports"
        process = subprocess.Popen([programs / name, "--port-file", port_file, "--log-level", "warn",
                                    "--metrics-listen", "127.0.0.1:0", *map(str, arguments)], env=environment)
        processes.append(process)
        return ports_of(process, port_file)

    try:
        ports = start("bitsweep-server", "--listen", "127.0.0.1:0", "--data-dir", folder / f"store-{slots}")
        address = f"127.0.0.1:{ports['grpc']}"
        start("bitsweep-worker", "--server", address, "--slots", slots, "--name", "bench")

        def cli(*arguments):
            done = subprocess.run([programs / "bitsweep", "--server", address, *arguments], env=environment,
                                  capture_output=True, text=True)
            if done.returncode != 0:
                raise SystemExit(f"bitsweep {' '.join(arguments)}: {done.stderr}")
            return done.stdout

        begin = time.perf_counter()
        name = json.loads(cli("--json", "sweep", "submit", str(sweep)))["sweep"]["name"]
        cli("sweep", "watch", name)
        seconds = time.perf_counter() - begin
        counts = json.loads(cli("--json", "sweep", "show", name))["counts"]
        if int(counts["succeeded"]) != TRIALS:
            raise SystemExit(f"{TRIALS} trials should have succeeded: {counts}")
        if show:
            print(cli("sweep", "results", name, "--format", "table"), file=sys.stderr)
            print(cli("server", "verify", "--deep"), file=sys.stderr)
        return seconds
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("programs", type=pathlib.Path)
    parser.add_argument("--slots", default="1,2")
    parser.add_argument("--rows", type=int)
    parser.add_argument("--results", action="store_true")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])  # as jax_lab1.py
    text = (ROOT / "deploy/examples/lab1.toml").read_text()
    rows = arguments.rows or int(re.search(r"rows = ([0-9_]+)", text)[1])
    text = re.sub(r"rows = [0-9_]+", f"rows = {rows}", text)
    measured = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        sweep = folder / "lab1.toml"
        sweep.write_text(text)
        for slots in map(int, arguments.slots.split(",")):
            seconds = run(arguments.programs, folder, slots, sweep, arguments.results)
            measured.append({"name": f"lab1/{slots}", "slots": slots, "rows": rows, "trials": TRIALS, "seconds": seconds})
    print(json.dumps({"benchmarks": measured}, indent=1))


main()
