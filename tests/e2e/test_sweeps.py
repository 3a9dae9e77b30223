# SPDX-License-Identifier: Apache-2.0
"""What a user does with sweeps, with the real programs and the real grpcurl."""
import csv
import io
import json
import statistics
import subprocess
import time
import unittest

from cluster import DATA, ROOT, TOOLS, Cluster, small_sweep, wait_until


class SweepTest(Cluster):

    def test_lab1_by_grpcurl_is_120_trials_and_cancels_at_once(self):
        self.start_server()
        worker = self.start_worker(slots=2)
        services = subprocess.run([TOOLS / "grpcurl", "-plaintext", self.address, "list"],
                                  capture_output=True, text=True, check=True).stdout.split()
        self.assertIn("bitsweep.v1.SweepService", services)
        self.assertIn("grpc.health.v1.Health", services)

        answer = self.grpcurl("bitsweep.v1.SweepService/SubmitSweep",
                              (ROOT / "deploy/examples/lab1.json").read_text())["sweep"]
        self.assertEqual(int(answer["configurationCount"]), 12)
        self.assertEqual(int(answer["trialCount"]), 120)
        name = answer["name"]
        sweep_id = name.removeprefix("sweeps/")
        wait_until(lambda: self.counts(sweep_id).get("running"), "a trial runs")
        cancelled = self.grpcurl("bitsweep.v1.SweepService/CancelSweep", {"name": name})
        self.assertEqual(cancelled["sweep"]["state"], "STATE_CANCELLED")
        start = time.monotonic()
        wait_until(lambda: not self.metric("bitsweep_worker_slots_busy", worker.ports()["metrics"])
                   ["bitsweep_worker_slots_busy"], "the worker's slots are free", 20, 0.02)
        self.assertLess(time.monotonic() - start, 3.0)
        # The worker is as good as new.
        self.submit(small_sweep(repeats=2), "after-cancel")
        self.assertEqual(self.wait_ended("after-cancel")["state"], "STATE_SUCCEEDED")
        self.verify()

    def test_results_are_what_the_rows_say(self):
        self.start_server()
        worker = self.start_worker(slots=2)
        sweep_file = self.folder / "grid.toml"
        sweep_file.write_text('''
sweep_id = "grid-one"
[sweep]
display_name = "grid"
repeats = 3
seed = 11
keep_models = "all"
model.builtin = "jsc-toy"
dataset = { name = "synthetic-jets", synthetic = { rows = 3000 } }
base = { max_epochs = 2, batch_size = 64 }
grid = { learning_rate = [1e-3, 1e-2], optimizer = ["adam", "sgd"] }
''')
        done = self.cli("sweep", "submit", sweep_file, "--watch")
        self.assertIn("12/12", done.stdout + done.stderr)

        results = self.cli_json("sweep", "results", "grid-one")
        table = list(csv.DictReader(io.StringIO(
            self.cli("sweep", "results", "grid-one", "--format", "csv").stdout)))
        self.assertEqual(len(table), 4)
        self.assertTrue(results)
        self.assertEqual(self.server.terminate(), 0)
        rows = self.rows("select configuration, val_acc from trials order by number")
        self.assertEqual(len(rows), 12)
        for number, row in enumerate(table):
            values = [v for c, v in rows if c == number]
            self.assertEqual(int(row["n"]), 3)
            self.assertAlmostEqual(float(row["val_acc_mean"]), statistics.mean(values), places=12)
            self.assertAlmostEqual(float(row["val_acc_sd"]), statistics.stdev(values), places=12)
        self.assertEqual(len(set(rows)), len(rows), "every repeat has a seed of its own")
        epochs = self.rows("select count(*) from epochs")[0][0]
        self.assertEqual(epochs, 24)
        # A worker outlives its server and goes on when it is back.
        self.start_server()
        self.submit(small_sweep(repeats=1), "later")
        self.assertEqual(self.wait_ended("later")["state"], "STATE_SUCCEEDED")
        self.assertIsNone(worker.popen.poll())
        self.verify()

    def test_the_same_request_is_stored_once(self):
        self.start_server()
        request = json.dumps({"sweep": small_sweep(), "sweep_id": "one-time"})
        first = self.cli("--json", "sweep", "submit", "-", "--request-id", "r-1", stdin=request)
        second = self.cli("--json", "sweep", "submit", "-", "--request-id", "r-1", stdin=request)
        self.assertFalse(json.loads(first.stdout).get("deduplicated", False))
        self.assertTrue(json.loads(second.stdout)["deduplicated"])
        other = json.dumps({"sweep": small_sweep(repeats=9), "sweep_id": "one-time"})
        refused = self.cli("sweep", "submit", "-", "--request-id", "r-1", stdin=other, check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("REQUEST_ID_REUSED", refused.stderr)
        checked = self.cli("--json", "sweep", "submit", "-", "--validate-only",
                           stdin=json.dumps({"sweep": small_sweep(repeats=5)}))
        self.assertEqual(int(json.loads(checked.stdout)["sweep"]["trialCount"]), 5)
        self.assertEqual(len(self.grpcurl("bitsweep.v1.SweepService/ListSweeps", {})["sweeps"]), 1)

    def test_a_bad_sweep_lists_every_problem_and_stores_nothing(self):
        self.start_server()
        bad = {"sweep": {"model": {"builtin": "resnet"}, "dataset": {"name": "../etc/passwd"},
                         "base": {"batch_size": 0, "learning_rate": -1},
                         "grid": {"learning_rate": [1e-3, 1e-3]}, "repeats": -1}}
        refused = self.cli("sweep", "submit", "-", stdin=json.dumps(bad), check=False)
        self.assertNotEqual(refused.returncode, 0)
        for field in ("sweep.model.builtin", "sweep.dataset.name", "sweep.base.batch_size",
                      "sweep.base.learning_rate", "sweep.grid.learning_rate", "sweep.repeats"):
            self.assertIn(field, refused.stderr)
        self.assertEqual(self.grpcurl("bitsweep.v1.SweepService/ListSweeps", {}), {})

    def test_a_stored_model_is_downloaded_and_trained_on(self):
        self.start_server()
        self.start_worker(slots=1)
        self.submit(small_sweep(repeats=2, keep_models="KEEP_MODELS_BEST"), "parent")
        self.wait_ended("parent")
        models = self.grpcurl("bitsweep.v1.ModelService/ListModels", {})["models"]
        self.assertEqual(len(models), 1)
        name = models[0]["name"]
        accuracies = [t["result"]["valAcc"] for t in
                      self.grpcurl("bitsweep.v1.SweepService/ListTrials", {"parent": "sweeps/parent"})["trials"]]
        self.assertEqual(models[0]["valAcc"], max(accuracies))
        target = self.folder / "model.bsck"
        self.cli("model", "download", name, "-o", target)
        self.assertEqual(target.stat().st_size, int(models[0]["sizeBytes"]))
        self.assertEqual(target.read_bytes()[:4], b"BSCK")
        child = small_sweep(epochs=1, repeats=1)
        child["model"] = {"name": name}
        child["base"]["learning_rate"] = 1e-9
        child["base"]["schedule"] = "SCHEDULE_CONSTANT"
        self.submit(child, "child")
        self.assertEqual(self.wait_ended("child")["state"], "STATE_SUCCEEDED")
        trial = self.grpcurl("bitsweep.v1.SweepService/GetTrial", {"name": "sweeps/child/trials/0"})["trial"]
        # Training that moves nothing but the running statistics starts from, and stays at, the parent.
        self.assertAlmostEqual(trial["result"]["valAcc"], max(accuracies), delta=0.02)

    def test_wrong_data_fails_the_trial_and_nothing_else(self):
        data = self.folder / "data"
        data.mkdir()
        (data / "ragged.csv").write_text("a,b,label\n1,2,0\n3,4\n5,6,1\n")
        (data / "nan.csv").write_text("a,b,label\n1,2,0\n3,nan,1\n")
        (data / "broken.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 40)
        (data / "good.csv").write_text("a,b,label\n" + "".join(f"{i % 7},{i % 5},{i % 3}\n" for i in range(300)))
        self.start_server()
        worker = self.start_worker("worker-one", 2, data_root=data)
        cases = {"ragged.csv": ("INVALID_DATASET", "ragged.csv:3"), "nan.csv": ("INVALID_DATASET", "nan.csv:3"),
                 "broken.h5": ("INVALID_DATASET", "broken.h5"), "missing": ("DATASET_NOT_FOUND", "missing")}
        for number, (file, (reason, words)) in enumerate(cases.items()):
            sweep = small_sweep(epochs=1, repeats=1)
            sweep["dataset"] = {"name": file}
            self.submit(sweep, f"bad-data-{number}")
            self.assertEqual(self.wait_ended(f"bad-data-{number}")["state"], "STATE_FAILED")
            trial = self.grpcurl("bitsweep.v1.SweepService/GetTrial",
                                 {"name": f"sweeps/bad-data-{number}/trials/0"})["trial"]
            self.assertEqual(trial["failureReason"], f"FAILURE_REASON_{reason}", trial)
            self.assertIn(words, trial["failureMessage"])
            self.assertEqual(int(trial["attempt"]), 1, "what the same bytes would repeat is not tried again")
        sweep = small_sweep(epochs=1, repeats=1)
        sweep["dataset"] = {"name": "good"}
        self.submit(sweep, "good-data")
        self.assertEqual(self.wait_ended("good-data")["state"], "STATE_SUCCEEDED")
        self.assertIsNone(worker.popen.poll())

    def test_two_workers_with_different_bytes_are_an_error(self):
        for name, rows in (("left", 200), ("right", 260)):
            (self.folder / name).mkdir()
            (self.folder / name / "set.csv").write_text(
                "a,b,label\n" + "".join(f"{i % 7},{i % 5},{i % 3}\n" for i in range(rows)))
        self.start_server()
        first = self.start_worker("left-worker", 1, data_root=self.folder / "left")
        sweep = small_sweep(epochs=1, repeats=1)
        sweep["dataset"] = {"name": "set.csv"}
        sweep["points"] = [{"learning_rate": 1e-3}, {"learning_rate": 1e-2}]
        sweep["max_parallel_trials"] = 1
        self.submit(sweep, "both-sides")
        wait_until(lambda: self.counts("both-sides").get("succeeded", 0) >= 1, "the first trial is done")
        ended = self.wait_ended("both-sides")
        self.assertEqual(ended["state"], "STATE_SUCCEEDED")
        # The same sweep, its digest known, meets other bytes.
        self.assertEqual(first.terminate(), 0)
        sweep["repeats"] = 200
        self.submit(sweep, "mixed")
        self.start_worker("left-again", 1, data_root=self.folder / "left")
        wait_until(lambda: self.counts("mixed").get("succeeded", 0) >= 1, "one trial is done")
        self.cli("sweep", "pause", "mixed")
        wait_until(lambda: not self.counts("mixed").get("running", 0) and not self.counts("mixed").get("leased", 0),
                   "nothing is under way")
        self.assertEqual(self.workers["left-again"].terminate(), 0)
        left = self.counts("mixed").get("queued", 0)
        self.assertGreater(left, 0)
        self.start_worker("right-worker", 1, data_root=self.folder / "right")
        self.cli("sweep", "resume", "mixed")
        self.assertEqual(self.wait_ended("mixed")["state"], "STATE_PARTIALLY_SUCCEEDED")
        failed = [t for t in self.grpcurl("bitsweep.v1.SweepService/ListTrials",
                                          {"parent": "sweeps/mixed", "filter": "state = FAILED",
                                           "page_size": 1000})["trials"]]
        self.assertEqual(len(failed), left)
        self.assertEqual(failed[0]["failureReason"], "FAILURE_REASON_DATASET_MISMATCH")

    def test_metrics_tell_what_happened(self):
        self.start_server()
        worker = self.start_worker(slots=2)
        self.submit(small_sweep(repeats=6), "for-metrics")
        self.wait_ended("for-metrics")
        finished = self.metric("bitsweep_trials_finished_total")
        self.assertEqual(finished['bitsweep_trials_finished_total{kind="trial",outcome="succeeded"}'], 6)
        self.assertEqual(sum(self.metric("bitsweep_plan_invariant_violations_total").values()), 0)
        handled = self.metric("grpc_server_handled_total")
        submitted = [v for k, v in handled.items() if 'grpc_method="SubmitSweep"' in k and 'grpc_code="OK"' in k]
        self.assertEqual(submitted, [1])
        done = self.metric("bitsweep_worker_trials_total", worker.ports()["metrics"])
        self.assertEqual(done['bitsweep_worker_trials_total{outcome="succeeded"}'], 6)
        text = json.dumps([*self.metric("bitsweep_trials").keys()])
        self.assertNotIn("for-metrics", text, "no sweep is a label")

    def test_pause_retry_and_delete(self):
        self.start_server()
        self.submit(small_sweep(repeats=4), "verbs")
        self.cli("sweep", "pause", "verbs")
        self.start_worker(slots=1)
        self.assertEqual(self.sweep("verbs")["state"], "STATE_PAUSED")
        refused = self.cli("sweep", "delete", "verbs", check=False)
        self.assertIn("INVALID_STATE", refused.stderr)
        self.cli("sweep", "cancel", "verbs")
        self.assertEqual(self.counts("verbs"), {"cancelled": 4})
        self.cli("sweep", "retry", "verbs")
        self.assertEqual(self.wait_ended("verbs")["state"], "STATE_SUCCEEDED")
        self.cli("sweep", "delete", "verbs")
        gone = self.cli("sweep", "show", "verbs", check=False)
        self.assertIn("SWEEP_NOT_FOUND", gone.stderr)
        self.verify()

    def test_real_data_reaches_what_it_should(self):
        self.start_server()
        self.start_worker(slots=2, data_root=DATA)
        self.submit({"model": {"builtin": "jsc-toy"},
                     "dataset": {"name": "drybean/Dry_Bean_Dataset.csv", "label_column": "Class",
                                 "split": {"stratified": True}},
                     "base": {"max_epochs": 12, "learning_rate": 1e-2, "batch_size": 64},
                     "repeats": 2, "seed": 1}, "dry-bean")
        self.assertEqual(self.wait_ended("dry-bean")["state"], "STATE_SUCCEEDED")
        best = self.grpcurl("bitsweep.v1.SweepService/ListOptimalConfigurations",
                            {"parent": "sweeps/dry-bean"})["configurations"][0]
        self.assertGreater(best["valAcc"]["max"], 0.85)


if __name__ == "__main__":
    unittest.main()
