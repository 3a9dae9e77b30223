# SPDX-License-Identifier: Apache-2.0
"""What docs/reliability.md promises, with real kills of real processes."""
import os
import random
import signal
import threading
import time
import unittest

from cluster import Cluster, small_sweep, wait_until


def slow_sweep(**fields):
    """Trials that last long enough to be hit in the middle: the fused engine would be done too soon."""
    return small_sweep(engine="ENGINE_LIBTORCH", **fields)


class CrashTest(Cluster):
    SERVER_ARGUMENTS = ["--lease-ttl", "4s"]

    def assert_complete(self, sweep_id, trials):
        """Every planned trial has one result, and the store says the same thing in every place."""
        self.verify()
        self.assertEqual(self.server.terminate(), 0)
        self.assertEqual(self.rows(
            "select count(*), count(distinct number) from trials t join sweeps s on s.id = t.sweep "
            "where s.sweep_id = ? and t.state = 'SUCCEEDED' and t.val_acc is not null", sweep_id),
            [(trials, trials)])
        self.assertEqual(self.rows("select job, count(*) from attempts where outcome = 'SUCCEEDED' "
                                   "group by job having count(*) <> 1"), [])

    def test_a_killed_workers_trial_is_finished_by_another(self):
        self.start_server()
        self.start_worker("first", 1)
        self.submit(slow_sweep(epochs=200, repeats=1, rows=20000), "orphan")
        wait_until(lambda: self.counts("orphan").get("running"), "the trial runs")
        self.workers["first"].kill()
        self.start_worker("second", 1)
        ended = self.wait_ended("orphan")
        self.assertEqual(ended["state"], "STATE_SUCCEEDED")
        attempts = self.grpcurl("bitsweep.v1.SweepService/GetTrial",
                                {"name": "sweeps/orphan/trials/0"})["trial"]["attempts"]
        self.assertEqual([(a["worker"], a["outcome"]) for a in attempts],
                         [("workers/first", "LEASE_EXPIRED"), ("workers/second", "SUCCEEDED")])
        self.assert_complete("orphan", 1)

    def test_a_killed_server_forgets_nothing(self):
        self.start_server()
        self.start_worker("steady", 2)
        self.submit(slow_sweep(epochs=5, repeats=40), "survivor")
        for goal in (3, 15, 27):
            wait_until(lambda: self.counts("survivor").get("succeeded", 0) >= goal, f"{goal} are done", interval=0.01)
            self.server.kill()
            self.start_server()
        self.assertEqual(self.wait_ended("survivor")["state"], "STATE_SUCCEEDED")
        self.assert_complete("survivor", 40)

    def test_a_stopped_worker_is_fenced(self):
        self.start_server()
        zombie = self.start_worker("zombie", 1)
        self.submit(slow_sweep(epochs=60, repeats=1, rows=20000), "fenced")
        wait_until(lambda: self.counts("fenced").get("running"), "the trial runs")
        zombie.signal(signal.SIGSTOP)
        self.start_worker("healthy", 1)
        self.assertEqual(self.wait_ended("fenced")["state"], "STATE_SUCCEEDED")
        before = self.grpcurl("bitsweep.v1.SweepService/GetTrial", {"name": "sweeps/fenced/trials/0"})["trial"]
        zombie.signal(signal.SIGCONT)
        # It hears that its lease is lost, drops the work and goes on with the next job.
        self.workers["healthy"].terminate()
        self.submit(slow_sweep(repeats=2), "next-one")
        self.assertEqual(self.wait_ended("next-one")["state"], "STATE_SUCCEEDED")
        after = self.grpcurl("bitsweep.v1.SweepService/GetTrial", {"name": "sweeps/fenced/trials/0"})["trial"]
        self.assertEqual(before, after)
        self.assertEqual(before["worker"], "workers/healthy")
        self.assertGreater(sum(self.metric("bitsweep_leases_fenced_total").values()), 0)
        self.assert_complete("fenced", 1)

    def test_sigterm_gives_work_back_unharmed(self):
        self.start_server()
        worker = self.start_worker("leaver", 1, "--grace", "1s")
        self.submit(slow_sweep(epochs=2000, repeats=3, rows=20000), "drained")
        wait_until(lambda: self.counts("drained").get("running"), "a trial runs")
        start = time.monotonic()
        self.assertEqual(worker.terminate(), 0)
        self.assertLess(time.monotonic() - start, 10)
        self.assertEqual(self.counts("drained"), {"queued": 3})
        trial = self.grpcurl("bitsweep.v1.SweepService/GetTrial", {"name": "sweeps/drained/trials/0"})["trial"]
        self.assertEqual(trial["attempts"][0]["outcome"], "RELEASED")
        self.cli("sweep", "cancel", "drained")
        self.verify()

    def test_a_job_that_kills_its_workers_is_dead(self):
        self.start_server()
        self.submit(slow_sweep(epochs=2000, repeats=1, rows=20000), "poison")
        for number in (1, 2):
            self.start_worker(f"victim-{number}", 1)
            wait_until(lambda: self.counts("poison").get("running"), "the trial runs", 60)
            self.workers[f"victim-{number}"].kill()
            wait_until(lambda: not self.counts("poison").get("running"), "the lease has expired", 30)
        self.assertEqual(self.counts("poison"), {"dead": 1})
        trial = self.grpcurl("bitsweep.v1.SweepService/GetTrial", {"name": "sweeps/poison/trials/0"})["trial"]
        self.assertEqual(trial["failureReason"], "FAILURE_REASON_WORKER_LOST")
        self.verify()

    def test_random_kills_for_a_minute_lose_nothing(self):
        """200 trials on 4 slots while server and workers are killed and stopped at random."""
        seconds = float(os.environ.get("BITSWEEP_CHAOS_SECONDS", "60"))
        rng = random.Random(int(os.environ.get("BITSWEEP_CHAOS_SEED", "20240229")))
        self.start_server()
        names = ["alpha", "beta"]
        for name in names:
            self.start_worker(name, 2)
        self.submit(slow_sweep(epochs=24, repeats=50, rows=12000,
                                grid={"learning_rate": [1e-4, 1e-3, 1e-2, 3e-3]}), "storm")
        pause = threading.Event()
        deadline = time.monotonic() + seconds
        kills = stops = server_kills = 0
        first = rng.sample([0.2, 0.6, 0.9], 3)  # each of the three at least once, however slow the machine
        while first or time.monotonic() < deadline:
            pause.wait(rng.uniform(0.5, 5))
            what = first.pop() if first else rng.random()
            name = rng.choice(names)
            if what < 0.45:
                self.workers[name].kill()
                self.start_worker(name, 2)
                kills += 1
            elif what < 0.7:
                self.server.kill()
                self.start_server()
                server_kills += 1
            else:
                self.workers[name].signal(signal.SIGSTOP)
                pause.wait(rng.uniform(0.2, 5))
                self.workers[name].signal(signal.SIGCONT)
                stops += 1
        print(f"{kills} worker kills, {server_kills} server kills, {stops} stops")
        self.assertGreater(min(kills, server_kills, stops), 0)
        ended = self.wait_ended("storm", 600)
        counts = self.counts("storm")
        self.assertEqual(sum(counts.values()), 200)
        self.assertLessEqual(set(counts), {"succeeded", "dead"}, "only deaths of workers can end a trial here")
        if counts.get("dead"):  # hit twice by chance: they are named, and a person runs them again
            self.cli("sweep", "retry", "storm")
            ended = self.wait_ended("storm", 600)
        self.assertEqual(ended["state"], "STATE_SUCCEEDED")
        self.assert_complete("storm", 200)


if __name__ == "__main__":
    unittest.main()
