# SPDX-License-Identifier: Apache-2.0
"""A test that is killed, as ctest does after its time, leaves no process."""
import pathlib
import shutil
import signal
import subprocess
import sys
import unittest

from cluster import wait_until

KILLED = """
import sys
from cluster import Cluster

class Killed(Cluster):
    def runTest(self):
        self.start_server()
        self.start_worker()
        print(self.folder, self.server.popen.pid, self.workers["worker-one"].popen.pid, flush=True)
        sys.stdin.read()

Killed().debug()
"""


def runs(process):
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except FileNotFoundError:
        return False


class Leftovers(unittest.TestCase):
    def test_nothing_is_left_of_a_test_that_is_killed(self):
        with subprocess.Popen([sys.executable, "-c", KILLED], cwd=pathlib.Path(__file__).parent, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True) as killed:
            try:
                folder, *processes = killed.stdout.readline().split()
                self.addCleanup(shutil.rmtree, folder)
                self.assertEqual([runs(process) for process in processes], [True, True])
            finally:
                killed.kill()
        self.assertEqual(killed.returncode, -signal.SIGKILL)
        wait_until(lambda: not any(map(runs, processes)), f"{processes} have ended")


if __name__ == "__main__":
    unittest.main()
