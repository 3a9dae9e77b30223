# SPDX-License-Identifier: Apache-2.0
"""The server ends itself at a named point (core/base/failpoint.h); started again, it has lost nothing."""
import json
import unittest

from cluster import Cluster, small_sweep, wait_until

EXIT_CODE = 70  # of a failpoint


class FailpointTest(Cluster):
    SERVER_ARGUMENTS = ["--lease-ttl", "2s"]
    TRIALS = 6

    def survive(self, failpoint):
        """Runs a sweep on a server that ends itself at `failpoint`, starts it again, and checks every row."""
        self.start_server(environment={"BITSWEEP_FAILPOINTS": failpoint})
        self.start_worker(slots=2)
        request = json.dumps({"sweep": small_sweep(repeats=self.TRIALS, keep_models="KEEP_MODELS_ALL"),
                              "sweep_id": "survivor"})
        # Whoever does not hear an answer may ask again: the request id says that it is the same request.
        submit = ["--json", "sweep", "submit", "-", "--request-id", "once"]
        self.cli(*submit, stdin=request, check=False)
        wait_until(lambda: self.server.popen.poll() is not None, f"the server has met {failpoint}", 60)
        self.assertEqual(self.server.popen.returncode, EXIT_CODE, self.server.tail())
        self.start_server()
        answer = json.loads(self.cli(*submit, stdin=request).stdout)
        self.assertEqual(answer["sweep"]["name"], "sweeps/survivor")
        self.assertEqual(self.wait_ended("survivor")["state"], "STATE_SUCCEEDED")
        self.verify()
        self.assertEqual(self.server.terminate(), 0)
        self.assertEqual(self.rows("select count(*) from sweeps"), [(1,)])
        self.assertEqual(self.rows("select count(*), count(distinct seed) from trials where state = 'SUCCEEDED'"),
                         [(self.TRIALS, self.TRIALS)])
        self.assertEqual(self.rows("select count(*) from epochs"), [(3 * self.TRIALS,)])
        self.assertEqual(self.rows("select count(*) from attempts where outcome = 'SUCCEEDED'"), [(self.TRIALS,)])
        self.assertEqual(self.rows("select count(*) from models"), [(self.TRIALS,)])


# One test a point and hit. The first commit is made when the store is opened, before anyone is served.
for point, hits in {"store.before_commit": (2, 3, 5, 9), "store.after_commit": (2, 3, 5, 9),
                    "scheduler.after_lease": (1, 2), "rpc.before_reply": (1, 3),
                    "artifact.mid_upload": (1, 4)}.items():
    for hit in hits:
        setattr(FailpointTest, f"test_{point.replace('.', '_')}_{hit}",
                lambda self, failpoint=f"{point}:{hit}": self.survive(failpoint))


if __name__ == "__main__":
    unittest.main()
