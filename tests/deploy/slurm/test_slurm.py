#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""deploy/slurm/bitsweep-workers.sbatch, run by a real Slurm of one node.

Ends with 77, which ctest takes for skipped, where Slurm cannot run, unless BITSWEEP_REQUIRE_SLURM=1.
"""
import json
import os
import pathlib
import subprocess
import sys
import unittest
import unittest.mock

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[2] / "e2e"), str(pathlib.Path(__file__).resolve().parent)]
import slurm  # noqa: E402
from cluster import BIN, DATA, ROOT, Cluster, small_sweep, wait_until  # noqa: E402

SCRIPT = ROOT / "deploy" / "slurm" / "bitsweep-workers.sbatch"


def worker_of(job, index):
    return f"slurm-{slurm.NAME}-{job}-{index}"


class SlurmTest(Cluster):
    SERVER_ARGUMENTS = ["--lease-ttl", "4s"]

    def setUp(self):
        super().setUp()
        self.slurm = None
        self.addCleanup(self.end_all)  # also when the rest of this fails
        self.slurm = slurm.Slurm(self.folder / "slurm", wait_until)
        self.slurm.start()
        self.start_server(environment=self.slurm.mark)

    def tearDown(self):
        pass

    def end_all(self):
        result = self._outcome.result
        failed = any(test is self for test, _ in [*result.failures, *result.errors])
        left = self.slurm.stop() if self.slurm else []
        if failed and self.slurm:
            print(self.slurm.logs())
        super().tearDown()
        self.assertEqual(left, [], "processes that would not end")

    def submit_workers(self, *arguments, **environment):
        return self.slurm.run("sbatch", "--parsable", "--cpus-per-task=2", "--mem-per-cpu=100M", *arguments, SCRIPT,
                              environment={"BITSWEEP_BIN": str(BIN), "BITSWEEP_SERVER": self.address,
                                           "BITSWEEP_DATA_ROOT": str(DATA), **environment})

    def submit_sweep(self, epochs, repeats):
        """By the command line; the sweep's id. A trial takes about epochs times 50 ms."""
        file = self.folder / "sweep.json"
        file.write_text(json.dumps({"sweep": small_sweep(epochs, repeats, rows=20000, engine="ENGINE_LIBTORCH")}))
        return self.cli_json("sweep", "submit", file)["sweep"]["name"].removeprefix("sweeps/")

    def wait_alive(self, *names):
        def alive():
            workers = self.cli_json("worker", "list").get("workers", [])
            slots = {w["name"].removeprefix("workers/"): w["slots"] for w in workers if w["state"] == "STATE_LIVE"}
            return slots if slots.keys() >= set(names) else None
        return wait_until(alive, f"{names} are alive", 60, 0.2)

    def wait_busy(self, sweep_id, *workers):
        """Until each of them runs a trial of the sweep."""
        def busy():
            trials = self.cli_json("sweep", "trials", sweep_id, "--filter", "state = RUNNING").get("trials", [])
            return {t.get("worker", "").removeprefix("workers/") for t in trials} >= set(workers)
        wait_until(busy, f"{workers} run trials of {sweep_id}", 90, 0.1)

    def assert_complete(self, sweep_id, trials):
        """Every planned trial has one result; the (worker, outcome) of every attempt."""
        self.verify()
        self.assertEqual(self.server.terminate(), 0)
        self.assertEqual(self.rows(
            "select count(*), count(distinct number) from trials t join sweeps s on s.id = t.sweep "
            "where s.sweep_id = ? and t.state = 'SUCCEEDED' and t.val_acc is not null", sweep_id),
            [(trials, trials)])
        attempts = self.rows("select worker, outcome from attempts")
        self.assertEqual(sum(outcome == "SUCCEEDED" for _, outcome in attempts), trials)
        return set(attempts)

    def test_a_cancelled_task_gives_its_trials_back(self):
        job = self.submit_workers("--array=0-1")
        stays, goes = worker_of(job, 0), worker_of(job, 1)
        self.assertEqual(self.wait_alive(stays, goes), {stays: 2, goes: 2})
        sweep = self.submit_sweep(epochs=20, repeats=20)
        wait_until(lambda: self.counts(sweep).get("succeeded", 0) >= 6, "six trials are done", 90)
        self.wait_busy(sweep, stays, goes)
        self.slurm.run("scancel", f"{job}_1")
        self.slurm.wait_state(f"{job}_1", "CANCELLED")
        self.assertEqual(self.wait_ended(sweep)["state"], "STATE_SUCCEEDED")

        self.slurm.run("scancel", "--signal=TERM", "--batch", f"{job}_0")
        self.assertEqual(self.slurm.wait_state(f"{job}_0", "COMPLETED")["ExitCode"], "0:0")
        attempts = self.assert_complete(sweep, 20)
        self.assertLessEqual({(stays, "SUCCEEDED"), (goes, "SUCCEEDED")}, attempts)
        self.assertLessEqual({outcome for _, outcome in attempts}, {"SUCCEEDED", "RELEASED"})

    def test_a_task_that_dies_and_one_that_is_requeued_lose_nothing(self):
        job = self.submit_workers("--array=0-1")
        requeued, dies = worker_of(job, 0), worker_of(job, 1)
        self.wait_alive(requeued, dies)
        sweep = self.submit_sweep(epochs=20, repeats=12)
        self.wait_busy(sweep, requeued, dies)
        self.slurm.run("scancel", "--signal=KILL", "--batch", f"{job}_1")
        self.slurm.wait_state(f"{job}_1", "FAILED")
        self.slurm.run("scontrol", "requeue", f"{job}_0")
        self.assertEqual(self.wait_ended(sweep)["state"], "STATE_SUCCEEDED")
        self.assertIn("restart 1\n", (self.slurm.folder / f"bitsweep-workers-{job}_0.log").read_text())
        attempts = self.assert_complete(sweep, 12)
        self.assertLessEqual({(requeued, "SUCCEEDED"), (dies, "LEASE_EXPIRED")}, attempts)

    def test_the_time_limit_drains(self):
        job = self.submit_workers("--array=7", "--time=1", "--signal=B:TERM@50", BITSWEEP_GRACE="30s")
        worker = worker_of(job, 7)
        self.wait_alive(worker)
        sweep = self.submit_sweep(epochs=2, repeats=4000)
        self.wait_busy(sweep, worker)
        self.assertEqual(self.slurm.wait_state(f"{job}_7", "COMPLETED")["ExitCode"], "0:0")
        counts = self.counts(sweep)
        self.assertNotIn("leased", counts)
        self.assertNotIn("running", counts)
        attempts = self.assert_complete(sweep, counts["succeeded"])
        self.assertLessEqual({outcome for _, outcome in attempts}, {"SUCCEEDED", "RELEASED"})

    def test_with_encryption_and_a_token(self):
        self.assertEqual(self.server.terminate(), 0)
        made = self.folder / "made"
        subprocess.run([ROOT / "deploy" / "make-dev-certs.sh", made], check=True, capture_output=True, timeout=60)
        self.start_server("--tls-cert", made / "server.pem", "--tls-key", made / "server-key.pem",
                          "--token-file", f"admin={made}/admin.token", "--token-file", f"worker={made}/worker.token",
                          environment=self.slurm.mark)
        access = {"BITSWEEP_SERVER": f"localhost:{self.grpc_port}", "BITSWEEP_TLS_CA": str(made / "ca.pem")}
        job = self.submit_workers("--array=0", **access, BITSWEEP_TOKEN_FILE=str(made / "worker.token"))
        with unittest.mock.patch.dict(os.environ, access | {"BITSWEEP_TOKEN_FILE": str(made / "admin.token")}):
            self.wait_alive(worker_of(job, 0))
            self.submit_sweep(epochs=1, repeats=4)
            wait_until(lambda: [s["state"] for s in self.cli_json("sweep", "list")["sweeps"]] == ["STATE_SUCCEEDED"],
                       "the sweep is done", 60, 0.2)
            self.verify()

    def test_without_a_server_the_script_says_so(self):
        job = self.submit_workers("--array=0", BITSWEEP_SERVER="")
        self.assertEqual(self.slurm.wait_state(f"{job}_0", "FAILED")["ExitCode"], "2:0")
        self.assertIn("set BITSWEEP_SERVER", (self.slurm.folder / f"bitsweep-workers-{job}_0.log").read_text())


if __name__ == "__main__":
    if reason := slurm.why_not():
        print(f"cannot run Slurm: {reason}")
        sys.exit(1 if os.environ.get("BITSWEEP_REQUIRE_SLURM") == "1" else 77)
    unittest.main()
