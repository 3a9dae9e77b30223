# SPDX-License-Identifier: Apache-2.0
"""A real server, real workers and the real client, each a process, for the end-to-end tests.

Programs come from BITSWEEP_BIN, grpcurl from BITSWEEP_TOOLS. Every wait has a deadline.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest

from child import end_with_test

BIN = pathlib.Path(os.environ["BITSWEEP_BIN"])
TOOLS = pathlib.Path(os.environ.get("BITSWEEP_TOOLS", "build/tools/bin"))
ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("BITSWEEP_TEST_DATA", ROOT / "tests" / "data"))


def wait_until(condition, what, seconds=60, interval=0.05):
    """Returns the first true value of condition(); fails after `seconds`."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still not: {what}")
        pause.wait(interval)


def json_names(pairs):
    """Keys as protobuf's JSON has them: grpcurl prints a field's own name where reflection gives no JSON name."""
    return {re.sub("_([a-z0-9])", lambda m: m[1].upper(), key): value for key, value in pairs}


class Process:
    """A program of ours with its log and its port file."""

    def __init__(self, folder, name, program, arguments, environment=None):
        self.name = name
        self.log = folder / f"{name}.log"
        self.port_file = folder / f"{name}.ports"
        self.port_file.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.popen = subprocess.Popen(
                [BIN / program, "--port-file", self.port_file, *map(str, arguments)],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=end_with_test,
                env={k: v for k, v in os.environ.items() if not k.startswith("BITSWEEP_")} | (environment or {}))

    def ports(self):
        def read():
            if self.popen.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.popen.returncode}:\n{self.tail()}")
            return self.port_file.exists() and self.port_file.read_text().split()
        pairs = wait_until(read, f"{self.name} has written {self.port_file}", 30)
        return {key: int(value) for key, value in (pair.split("=") for pair in pairs)}

    def tail(self, lines=30):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def kill(self):
        self.popen.kill()
        self.popen.wait(30)

    def signal(self, number):
        self.popen.send_signal(number)

    def terminate(self, seconds=60):
        """SIGTERM, and the exit code."""
        self.popen.terminate()
        return self.popen.wait(seconds)


class Cluster(unittest.TestCase):
    """A test with a folder, at most one server and any number of workers."""

    SERVER_ARGUMENTS = []

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bitsweep-e2e-"))
        self.store = self.folder / "store"
        self.server = None
        self.grpc_port = 0
        self.metrics_port = 0
        self.workers = {}

    def tearDown(self):
        failed = any(error for _, error in getattr(self._outcome, "errors", [])) or any(
            getattr(getattr(self._outcome, "result", None), name, None) for name in ("failures", "errors"))
        for process in [*self.workers.values(), *([self.server] if self.server else [])]:
            if process.popen.poll() is None:
                process.signal(signal.SIGCONT)
                process.kill()
            if failed:
                print(f"--- {process.name}\n{process.tail()}")
        shutil.rmtree(self.folder, ignore_errors=True)

    # Processes -------------------------------------------------------------------------------------

    def start_server(self, *extra, environment=None, host="127.0.0.1"):
        """Starts (again) on the same port and the same store."""
        self.server = Process(self.folder, "server", "bitsweep-server", [
            "--listen", f"{host}:{self.grpc_port}", "--data-dir", self.store,
            "--metrics-listen", f"127.0.0.1:{self.metrics_port}", *self.SERVER_ARGUMENTS, *extra], environment)
        ports = self.server.ports()
        self.grpc_port, self.metrics_port = ports["grpc"], ports["metrics"]

    def start_worker(self, name="worker-one", slots=2, *extra, data_root=DATA):
        worker = Process(self.folder, name, "bitsweep-worker", [
            "--server", self.address, "--name", name, "--slots", slots, "--data-root", data_root,
            "--metrics-listen", "127.0.0.1:0", *extra])
        self.workers[name] = worker
        worker.ports()
        return worker

    @property
    def address(self):
        return f"127.0.0.1:{self.grpc_port}"

    # Client ----------------------------------------------------------------------------------------

    def cli(self, *arguments, check=True, stdin=None, seconds=300):
        done = subprocess.run([BIN / "bitsweep", "--server", self.address, *map(str, arguments)],
                              input=stdin, capture_output=True, text=True, timeout=seconds, preexec_fn=end_with_test)
        if check and done.returncode != 0:
            raise AssertionError(f"bitsweep {' '.join(map(str, arguments))} ended with {done.returncode}\n"
                                 f"{done.stdout}\n{done.stderr}\n--- server\n{self.server.tail()}")
        return done

    def cli_json(self, *arguments, **options):
        return json.loads(self.cli("--json", *arguments, **options).stdout)

    def grpcurl(self, method, request, check=True):
        done = subprocess.run([TOOLS / "grpcurl", "-plaintext", "-d", "@", self.address, method],
                              input=request if isinstance(request, str) else json.dumps(request),
                              capture_output=True, text=True, timeout=120)
        if check and done.returncode != 0:
            raise AssertionError(f"grpcurl {method}: {done.stderr}")
        return json.loads(done.stdout, object_pairs_hook=json_names) if done.returncode == 0 else done

    def submit(self, sweep, sweep_id):
        return self.grpcurl("bitsweep.v1.SweepService/SubmitSweep", {"sweep": sweep, "sweep_id": sweep_id})

    def sweep(self, sweep_id):
        return self.grpcurl("bitsweep.v1.SweepService/GetSweep", {"name": f"sweeps/{sweep_id}"})["sweep"]

    def counts(self, sweep_id):
        return {key: int(value) for key, value in self.sweep(sweep_id).get("counts", {}).items()}

    def wait_ended(self, sweep_id, seconds=240):
        return wait_until(lambda: (lambda s: s if "endTime" in s else None)(self.sweep(sweep_id)),
                          f"{sweep_id} has ended", seconds, 0.2)

    def verify(self):
        report = self.cli("server", "verify")
        self.assertEqual(report.returncode, 0, report.stdout)

    # The store, read as any SQLite tool would, once the server has stopped -------------------------

    def rows(self, sql, *parameters):
        with sqlite3.connect(f"file:{self.store / 'bitsweep.db'}?mode=ro", uri=True) as connection:
            return connection.execute(sql, parameters).fetchall()

    def metric(self, name, port=None):
        text = subprocess.run(["curl", "-sf", f"http://127.0.0.1:{port or self.metrics_port}/metrics"],
                              capture_output=True, text=True, check=True, timeout=30).stdout
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                if line.startswith(name) and line[len(name):len(name) + 1] in ("{", " ")}


# A sweep whose trials take about `epochs` times 10 ms each.
def small_sweep(epochs=3, repeats=2, rows=4000, **fields):
    return {"model": {"builtin": "jsc-tiny"},
            "dataset": {"name": "synthetic-jets", "synthetic": {"rows": rows}},
            "base": {"max_epochs": epochs, "learning_rate": 1e-3, "batch_size": 64},
            "repeats": repeats, "seed": 7, **fields}
