# SPDX-License-Identifier: Apache-2.0
"""The Python package against the real server and worker. Run with the python that setup.sh prints."""
import csv
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import time
import unittest
import warnings
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

# The tests fork with code of their own before exec (cluster.py). gRPC's handlers of forks, which this version of it has
# on by itself, then kill the child now and then; they are not needed, as it only calls exec.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "false"

import numpy as np  # noqa: E402
import pandas  # noqa: E402

import bitsweep  # noqa: E402
from bitsweep._connection import is_loopback  # noqa: E402
from bitsweep.v1 import sweep_pb2, sweep_service_pb2, sweep_service_pb2_grpc  # noqa: E402
from cluster import ROOT, Cluster, small_sweep  # noqa: E402

PACKAGE = ROOT / "client" / "python"
GRID = {"display_name": "grid", "model": {"builtin": "jsc-toy"},
        "dataset": {"name": "synthetic-jets", "synthetic": {"rows": 3000}},
        "base": {"max_epochs": 2, "batch_size": 64}, "repeats": 2, "seed": 11, "keep_models": "all",
        "grid": {"learning_rate": [1e-3, 1e-2], "optimizer": ["adam", "sgd"]}}
TOML = """
sweep_id = "from-toml"
[sweep]
display_name = "grid"
repeats = 2
seed = 11
keepModels = "ALL"
model.builtin = "jsc-toy"
dataset = { name = "synthetic-jets", synthetic = { rows = 3_000 } }
base = { max_epochs = 2, batch_size = 64 }
grid = { learning_rate = [1e-3, 1e-2], optimizer = ["adam", "OPTIMIZER_SGD"] }
"""


def without_lists(row):
    return {key: value for key, value in row.items() if key not in ("epoch_points", "attempts")}


def as_exported(value):
    """A row's value as JSON has it."""
    if hasattr(value, "isoformat"):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, list):
        return [as_exported(item) for item in value]
    if isinstance(value, dict):
        return {key: as_exported(item) for key, item in value.items()}
    return value


class Running(Cluster):
    """A server and a worker; `client` speaks to it."""

    SLOTS = 2

    def setUp(self):
        super().setUp()
        self.start_server()
        if self.SLOTS:
            self.start_worker(slots=self.SLOTS)
        self.client = bitsweep.Client(self.address)
        self.addCleanup(self.client.close)

    def ended(self, sweep):
        last = None
        for last in self.client.watch(sweep, timeout=240):
            pass
        return last.sweep


class SweepTest(Running):

    def test_results_are_those_of_the_command_line(self):
        sweep = self.client.submit(GRID, sweep_id="grid-one")
        self.assertEqual(sweep.name, "sweeps/grid-one")
        self.assertEqual(self.ended(sweep).state, sweep_pb2.Sweep.STATE_SUCCEEDED)
        for sort in ("", "val_acc", "val_loss desc", "seconds"):
            options = ["--sort", sort] if sort else []
            self.assertEqual(self.client.results("grid-one", sort=sort),
                             self.cli_json("sweep", "results", "grid-one", *options), sort)
        exported = [json.loads(line) for line in
                    self.cli("sweep", "export", "grid-one", "--format", "jsonl").stdout.splitlines()]
        self.assertEqual(as_exported(self.client.trials(sweep, epochs=True)), exported)
        self.assertEqual(as_exported(self.client.trials("sweeps/grid-one")), [without_lists(r) for r in exported])
        best = self.client.trials(sweep, filter="val_acc > 0 AND configuration = 1")
        self.assertEqual([row["trial"] for row in best], [2, 3])
        header = next(csv.reader(io.StringIO(self.cli("sweep", "export", "grid-one").stdout)))
        self.assertEqual(list(best[0]), header)

    def test_pandas_takes_the_rows(self):
        sweep = self.client.submit(GRID)
        self.ended(sweep)
        results = pandas.DataFrame(self.client.results(sweep))
        self.assertEqual(list(results["optimizer"]), ["adam", "sgd"] * 2)
        self.assertEqual(results["val_acc_mean"].dtype, np.float64)
        trials = pandas.DataFrame(self.client.trials(sweep, epochs=True))
        self.assertEqual(str(trials["start_time"].dtype), "datetime64[us, UTC]")
        self.assertEqual(trials["seed"].dtype, np.int64)
        means = trials.groupby("configuration")["val_acc"].mean()
        np.testing.assert_allclose(means, results["val_acc_mean"], rtol=1e-15)
        deviations = trials.groupby("configuration")["val_acc"].std()
        np.testing.assert_allclose(deviations, results["val_acc_sd"], rtol=1e-12)
        curves = trials.explode("epoch_points")["epoch_points"].apply(pandas.Series)
        self.assertEqual(len(curves), 16)

    def test_pandas_reads_what_is_exported(self):
        sweep = self.client.submit(GRID, sweep_id="grid-one")
        self.ended(sweep)
        failing = GRID | {"dataset": {"name": "not-there"}}
        self.ended(self.client.submit(failing, sweep_id="failing"))
        for sweep_id in ("grid-one", "failing"):
            rows = pandas.DataFrame(self.client.trials(sweep_id))
            lines = pandas.read_json(io.StringIO(self.cli("sweep", "export", sweep_id, "--format", "jsonl").stdout),
                                     lines=True, precise_float=True)
            table = pandas.read_csv(io.StringIO(self.cli("sweep", "export", sweep_id).stdout))
            for name in ("seed", "configuration", "val_acc", "val_loss", "seconds", "learning_rate"):
                np.testing.assert_array_equal(table[name], rows[name].astype(table[name].dtype), name)
                np.testing.assert_array_equal(lines[name].astype(table[name].dtype), table[name], name)
            self.assertEqual(list(table["state"]), list(rows["state"]))
            self.assertTrue((pandas.to_datetime(table["end_time"]) == rows["end_time"]).all())

    def test_specifications_in_every_form_are_the_same_sweep(self):
        file = self.folder / "grid.toml"
        file.write_text(TOML)
        as_json = self.folder / "grid.json"
        as_json.write_text(json.dumps({"sweep": GRID, "sweepId": "from-json", "request_id": None}))
        message = sweep_pb2.Sweep()
        message.CopyFrom(self.client.submit(GRID, validate_only=True))
        self.assertEqual(message.trial_count, 8)
        with self.assertRaises(bitsweep.BitsweepError):
            self.client.sweep("from-toml")  # nothing was stored
        sweeps = [self.client.submit(file), self.client.submit(str(as_json)),
                  self.client.submit({"sweep": GRID, "sweep_id": "from-dict"}),
                  self.client.submit(GRID, sweep_id="from-fields"),
                  self.client.submit(sweep_pb2.Sweep(
                      display_name="grid", model=message.model, dataset=message.dataset, base=message.base, repeats=2,
                      seed=11, keep_models=sweep_pb2.KEEP_MODELS_ALL, grid=message.grid), sweep_id="from-message"),
                  self.client.submit(GRID | {"repeats": np.int64(2), "grid": GRID["grid"] | {
                      "learning_rate": list(np.array([1e-3, 1e-2]))}}, sweep_id="from-numpy")]
        self.cli("sweep", "submit", file.rename(self.folder / "again.toml"), "--validate-only")
        self.assertEqual({s.name for s in sweeps}, {f"sweeps/from-{n}" for n in (
            "toml", "json", "dict", "fields", "message", "numpy")})
        self.assertEqual(len({s.spec_digest for s in sweeps}), 1)

    def test_a_request_id_stores_a_sweep_once(self):
        first = self.client.submit(GRID, request_id="monday")
        self.assertEqual(self.client.submit(GRID, request_id="monday").name, first.name)
        self.assertNotEqual(self.client.submit(GRID).name, first.name)
        with self.assertRaises(bitsweep.BitsweepError) as caught:
            self.client.submit(GRID | {"seed": 12}, request_id="monday")
        self.assertEqual(caught.exception.reason, "REQUEST_ID_REUSED")

    def test_warnings_of_the_server_are_warnings(self):
        with self.assertWarnsRegex(bitsweep.BitsweepWarning, "1 point was merged"):
            self.client.submit({key: GRID[key] for key in ("model", "dataset")} | {
                "points": [{"max_epochs": 1}, {"max_epochs": 2}, {"max_epochs": 1}]}, validate_only=True)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            self.client.submit(GRID, validate_only=True)


class ErrorTest(Running):
    SLOTS = 0

    def raised(self, call, *arguments, **options):
        with self.assertRaises(bitsweep.BitsweepError) as caught:
            call(*arguments, **options)
        return caught.exception

    def test_the_server_names_every_violation(self):
        error = self.raised(self.client.submit, {"model": {"builtin": "jsc-huge"}, "dataset": {"name": "../x"},
                                                 "repeats": 0})
        self.assertEqual((error.code, error.reason), ("INVALID_ARGUMENT", "INVALID_SPEC"))
        self.assertEqual({v.field for v in error.violations}, {"sweep.model.builtin", "sweep.dataset.name",
                                                               "sweep.repeats"})
        self.assertIn("sweep.repeats: 0: expected 1 to 10000", str(error))
        self.assertTrue(str(error).startswith("INVALID_SPEC (3 problems)\n"))

    def test_a_specification_is_checked_as_the_command_line_checks_files(self):
        spec = {"request": 1, "sweep": {"base": {"optimizer": "adamx", "batch": 1}, "keep_models": 7,
                                        "grid": {"optimizer": ["adam", "x"]}}}
        error = self.raised(self.client.submit, spec)
        self.assertEqual((error.code, error.reason), ("INVALID_ARGUMENT", "INVALID_FILE"))
        self.assertEqual({v.field for v in error.violations}, {
            "request", "sweep.base.optimizer", "sweep.base.batch", "sweep.keep_models", "sweep.grid.optimizer[1]"})
        file = self.folder / "bad.json"
        file.write_text(json.dumps(spec))
        said = self.cli("sweep", "submit", file, check=False).stderr
        for violation in error.violations:
            self.assertIn(f"  {violation.field}: ", said)
        self.assertIn("batch_size", self.raised(self.client.submit, GRID | {"base": {"batch_size": 1.5}}).message)
        file.write_text("{")
        self.assertIn("bad.json", self.raised(self.client.submit, file).message)
        toml = self.folder / "bad.toml"
        toml.write_text("sweep = 1\nx = ]\n")
        self.assertIn("line 2", self.raised(self.client.submit, toml).message)
        error = self.raised(self.client.submit, GRID | {"base": {"learning_rate": float("nan")}})
        self.assertEqual(error.reason, "INVALID_SPEC")

    def test_unknown_names(self):
        for call, reason in ((self.client.sweep, "SWEEP_NOT_FOUND"), (self.client.results, "SWEEP_NOT_FOUND"),
                             (self.client.watch, "SWEEP_NOT_FOUND"), (self.client.trials, "SWEEP_NOT_FOUND"),
                             (self.client.transform_results, "TRANSFORM_NOT_FOUND"),
                             (self.client.tensors, "MODEL_NOT_FOUND")):
            error = self.raised(call, "lab-9")
            self.assertEqual((error.code, error.reason), ("NOT_FOUND", reason))
            self.assertTrue(error.metadata["name"].endswith("lab-9"))

    def test_a_server_that_is_away_is_tried_for_about_two_seconds(self):
        self.server.kill()
        start = time.monotonic()
        self.assertEqual(self.raised(self.client.sweep, "lab-1").code, "UNAVAILABLE")
        self.assertGreater(time.monotonic() - start, 1.2)
        self.assertLess(time.monotonic() - start, 20)
        self.assertEqual(self.raised(self.client.watch, "lab-1").code, "UNAVAILABLE")

    def test_a_channel_outlives_a_restart_of_the_server(self):
        self.client.submit(GRID, sweep_id="grid-one")
        self.server.kill()
        self.start_server()
        self.assertEqual(self.client.sweep("grid-one").trial_count, 8)


class WatchTest(Running):

    def test_a_watch_goes_on_over_a_restart_of_the_server(self):
        sweep = self.client.submit(small_sweep(epochs=60, repeats=12, rows=20000), sweep_id="long")
        revisions, ended, restarted = [], set(), False
        for update in self.client.watch(sweep, timeout=300):
            revisions.append(update.revision)
            for transition in update.transitions:
                if transition.to == 4:  # SUCCEEDED
                    self.assertNotIn(transition.trial, ended, "each change is told once")
                    ended.add(transition.trial)
            if len(ended) >= 2 and not restarted:
                restarted = True
                self.server.kill()
                self.start_server()
        self.assertTrue(restarted)
        self.assertEqual(revisions, sorted(revisions))
        self.assertEqual(update.sweep.state, sweep_pb2.Sweep.STATE_SUCCEEDED)
        self.assertEqual(update.sweep.counts.succeeded, 12)
        self.assertEqual(len(ended), 12)

    def test_a_watch_that_is_left_ends(self):
        sweep = self.client.submit(small_sweep(epochs=40000, repeats=2, rows=20000))
        for update in self.client.watch(sweep):
            if update.progress:
                break
        with self.assertRaises(bitsweep.BitsweepError) as caught:
            list(self.client.watch(sweep, timeout=1))
        self.assertEqual(caught.exception.code, "DEADLINE_EXCEEDED")
        self.cli("sweep", "cancel", sweep.name)
        self.assertEqual(self.ended(sweep).state, sweep_pb2.Sweep.STATE_CANCELLED)

    def test_a_sweep_that_has_ended_has_one_update(self):
        sweep = self.client.submit(GRID)
        self.ended(sweep)
        self.assertEqual([u.sweep.counts.succeeded for u in self.client.watch(sweep.name)], [8])


class TransformTest(Running):

    def test_a_grid_of_formats(self):
        transform = self.client.submit_transform({
            "model": {"builtin": "jsc-tiny"},
            "dataset": {"name": "synthetic-jets", "synthetic": {"rows": 2000}},
            "passes": [
                {"quantize": {"quantization": {"by": "type", "default_config": {"name": "NA"}, "rules": [
                    {"key": "linear", "config": {"name": "integer", **{
                        tensor: {"width": 8, "frac_width": 4} for tensor in ("data_in", "weight", "bias")}}}]}}},
                {"evaluate": {}}, {"count_ops": {}}],
            "axes": [{"entry": "weight_width", "values": [4, 8]}]}, transform_id="formats")
        self.assertEqual(transform.job_count, 2)
        for update in self.client.watch_transform(transform, timeout=240):
            pass
        self.assertEqual(update.transform.counts.succeeded, 2)
        self.assertEqual(self.client.transform("formats").state, sweep_pb2.Sweep.STATE_SUCCEEDED)
        for sort in ("", "accuracy", "bitops", "accuracy asc"):
            options = ["--sort", sort] if sort else []
            wanted = json.loads(self.cli("transform", "results", "formats", "--format", "json", *options).stdout)
            rows = self.client.transform_results("formats", sort=sort)
            for row in rows:
                row["pareto"] = "*" if row["pareto"] else ""
                self.assertIsNone(row.pop("failure_reason"))
                self.assertIsNone(row.pop("failure_message"))
                row.pop("model")
            self.assertEqual(rows, wanted, sort)


class ModelTest(Running):

    def test_tensors_are_those_of_the_file(self):
        sweep = self.client.submit(GRID | {"keep_models": "best"}, sweep_id="grid-one")
        self.ended(sweep)
        model = next(row["model"] for row in self.client.trials(sweep) if row["model"])
        file = self.folder / "best.bsck"
        self.cli("model", "download", model, "-o", file)
        whole = bitsweep.read_checkpoint(file.read_bytes())
        tensors = self.client.tensors(model)
        shown = self.cli_json("model", "show", model)
        self.assertEqual([(t["name"], [int(n) for n in t.get("shape", [])]) for t in shown["tensors"]],
                         [(name, list(tensor.shape)) for name, tensor in tensors.items()])
        # By the documentation's own few lines.
        page = (ROOT / "docs" / "checkpoint_format.md").read_text()
        code = re.search(r"```python\n(.*?)```", page, re.S)[1].replace('"model.bsck"', repr(str(file)))
        by_hand = {}
        exec(code, by_hand)
        self.assertEqual(list(tensors), list(by_hand["tensors"]))
        for name, tensor in tensors.items():
            np.testing.assert_array_equal(tensor, by_hand["tensors"][name])
            self.assertEqual(tensor.dtype, by_hand["tensors"][name].dtype)
            np.testing.assert_array_equal(tensor, whole.tensors[name])
            self.assertTrue(tensor.flags.writeable)
        self.assertEqual(self.client.graph(f"models/{model}"), by_hand["header"]["graph"])
        self.assertEqual(self.client.checkpoint(model).metadata, whole.metadata)
        self.assertEqual(whole.metadata["epochs"], "2")

    def test_damaged_bytes_are_refused(self):
        sweep = self.client.submit(GRID | {"repeats": 1})
        self.ended(sweep)
        model = next(row["model"] for row in self.client.trials(sweep) if row["model"])
        file = self.folder / "best.bsck"
        self.cli("model", "download", model, "-o", file)
        data = file.read_bytes()
        for bad, message in ((data[:-1], "digest"), (data[:100] + b"x" + data[101:], "digest"), (b"", "not a"),
                             (b"BSCK" + b"\2" + data[5:], "version 2"), (b"x" * 100, "not a checkpoint")):
            with self.assertRaisesRegex(ValueError, message):
                bitsweep.read_checkpoint(bad)
        # The store's bytes: the digest in the artifact's name is not theirs any more.
        artifact = self.client.trials(sweep)[0]["artifact"] or self.cli_json("model", "show", model)["artifact"]
        digest = artifact.removeprefix("artifacts/")
        stored = next(path for path in self.store.rglob("*") if path.is_file() and digest in str(path))
        stored.chmod(0o600)
        stored.write_bytes(data[:200] + bytes([data[200] ^ 1]) + data[201:])
        with self.assertRaises(bitsweep.BitsweepError) as caught:
            for row in self.client.trials(sweep):
                if row["artifact"] == artifact and row["model"]:
                    self.client.tensors(row["model"])
            self.client.tensors(model)
        self.assertEqual(caught.exception.code, "DATA_LOSS")


class AccessTest(Cluster):

    def setUp(self):
        super().setUp()
        self.certs = self.folder / "certs"
        subprocess.run([ROOT / "deploy" / "make-dev-certs.sh", self.certs], check=True, capture_output=True)
        self.start_server("--tls-cert", self.certs / "server.pem", "--tls-key", self.certs / "server-key.pem",
                          "--token-file", f"admin={self.certs / 'admin.token'}")
        self.localhost = f"localhost:{self.grpc_port}"
        self.token = (self.certs / "admin.token").read_text().strip()

    def client(self, *arguments, **options):
        client = bitsweep.Client(*arguments, timeout=10, **options)
        self.addCleanup(client.close)
        return client

    def refused(self, client):
        with self.assertRaises(bitsweep.BitsweepError) as caught:
            client.sweep("lab-9")
        return caught.exception

    def test_tls_and_a_token(self):
        ca, file = self.certs / "ca.pem", self.certs / "admin.token"
        for options in ({"token": self.token}, {"token_file": file}, {"token_file": str(file)}):
            client = self.client(self.localhost, tls_ca=ca, **options)
            self.assertEqual(self.refused(client).reason, "SWEEP_NOT_FOUND")
            self.assertEqual(client.submit(GRID, validate_only=True).trial_count, 8)
            stub = sweep_service_pb2_grpc.SweepServiceStub(client.channel)  # the whole API, with the token
            self.assertEqual(len(stub.ListSweeps(sweep_service_pb2.ListSweepsRequest(), timeout=10).sweeps), 0)
        client = self.client(self.localhost, tls_ca=ca, token=self.token)
        sweep = client.submit(GRID, sweep_id="grid-one")
        next(client.watch(sweep)).sweep
        self.assertEqual(self.refused(self.client(self.localhost, tls_ca=ca)).reason, "TOKEN_MISSING")
        error = self.refused(self.client(self.localhost, tls_ca=ca, token="x" * 64))
        self.assertEqual((error.code, error.reason), ("UNAUTHENTICATED", "TOKEN_INVALID"))
        self.assertNotIn("x" * 64, str(error))
        self.assertEqual(self.refused(self.client(self.localhost)).code, "UNAVAILABLE")

    def test_the_environment(self):
        environment = {"BITSWEEP_SERVER": self.localhost, "BITSWEEP_TLS_CA": str(self.certs / "ca.pem"),
                       "BITSWEEP_TOKEN_FILE": str(self.certs / "admin.token")}
        with mock.patch.dict(os.environ, environment):
            self.assertEqual(self.refused(self.client()).reason, "SWEEP_NOT_FOUND")
            self.assertEqual(self.refused(self.client(token="x" * 64)).reason, "TOKEN_INVALID")  # what is given first
            with mock.patch.dict(os.environ, {"BITSWEEP_TOKEN": "x" * 64}):
                self.assertEqual(self.refused(self.client()).reason, "TOKEN_INVALID")
                given = self.client(token_file=self.certs / "admin.token")
                self.assertEqual(self.refused(given).reason, "SWEEP_NOT_FOUND")
        with mock.patch.dict(os.environ, {"BITSWEEP_TLS": "maybe"}), self.assertRaisesRegex(ValueError, "BITSWEEP_TLS"):
            self.client()

    def test_a_token_does_not_travel_in_the_open(self):
        with self.assertRaisesRegex(ValueError, "the token would travel without encryption"):
            self.client("lab-server:50051", token=self.token)
        self.client("lab-server:50051", token=self.token, insecure_token=True)
        self.client("lab-server:50051", token=self.token, tls=True)
        for address in ("localhost:1", "127.0.0.1:1", "127.9.9.9", "[::1]:1", "unix:/run/x"):
            self.assertTrue(is_loopback(address), address)
        for address in ("lab:1", "10.0.0.1:1", "localhost.lab:1", "127.0.0.1,lab:1", "dns:///localhost", "[::2]:1", ""):
            self.assertFalse(is_loopback(address), address)

    def test_options_that_do_not_do(self):
        for options, message in (({"tls_cert": "x.pem"}, "expected both or none"),
                                 ({"tls_ca": self.folder / "none.pem"}, "none.pem: cannot be read"),
                                 ({"token_file": self.folder / "none"}, "none: cannot be read"),
                                 ({"token": "two words"}, "visible ASCII")):
            with self.assertRaisesRegex(ValueError, message):
                self.client(self.localhost, **options)

    def test_a_plain_connection_goes_through_no_proxy(self):
        code = ("import sys, bitsweep\n"
                "try: bitsweep.Client(sys.argv[1], timeout=10).sweep('lab-9')\n"
                "except bitsweep.BitsweepError as error: print(error.reason)")
        self.assertEqual(self.server.terminate(), 0)
        self.start_server()
        proxy = {"http_proxy": "http://127.0.0.1:1", "grpc_proxy": "http://127.0.0.1:1", "no_proxy": ""}
        done = subprocess.run([sys.executable, "-c", code, f"127.0.0.1:{self.grpc_port}"], capture_output=True,
                              text=True, timeout=60, env=os.environ | proxy)
        self.assertEqual(done.stdout.strip(), "SWEEP_NOT_FOUND", done.stderr)


class PackageTest(unittest.TestCase):

    def test_the_version_is_that_of_the_programs(self):
        cmake = re.search(r"project\(bitsweep VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())[1]
        self.assertEqual(bitsweep.__version__, cmake)

    def test_types(self):
        use = ROOT / "build" / "tools" / "python" / "use.py"
        use.write_text("import bitsweep\nfrom bitsweep.v1 import sweep_pb2\n"
                       "with bitsweep.Client() as client:\n"
                       "    sweep: sweep_pb2.Sweep = client.submit('x.toml')\n"
                       "    for update in client.watch(sweep):\n"
                       "        n: int = update.sweep.counts.succeeded\n"
                       "    rows: list[dict[str, object]] = client.results(sweep)\n")
        mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file", PACKAGE / "pyproject.toml",
                "--cache-dir", ROOT / "build" / "tools" / "python" / "mypy"]
        for arguments in ([], [use]):
            done = subprocess.run([*mypy, *arguments], cwd=ROOT / "build", capture_output=True, text=True, timeout=300)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_package_holds_what_it_needs(self):
        folder = pathlib.Path(bitsweep.__file__).parent
        self.assertNotIn(ROOT / "client", folder.parents, "the installed package is under test")
        self.assertTrue((folder / "py.typed").exists())
        protos = {path.stem for path in (ROOT / "proto" / "bitsweep" / "v1").glob("*.proto")}
        self.assertEqual({p.name for p in (folder / "v1").iterdir() if p.suffix in (".py", ".pyi")},
                         {f"{p}_pb2{end}" for p in protos for end in (".py", ".pyi")}
                         | {f"{p}_pb2_grpc.py" for p in protos if p.endswith("_service")} | {"__init__.py"})


if __name__ == "__main__":
    unittest.main()
