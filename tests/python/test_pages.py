# SPDX-License-Identifier: Apache-2.0
"""What docs/exchange/results.md and python.md say is what happens: every block of shell and Python, in order."""
import os
import pathlib
import re
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from cluster import BIN, ROOT, Cluster, small_sweep  # noqa: E402


class PagesTest(Cluster):

    def run_page(self, name):
        """The page as one script, in a folder of its own; `lab-1` is a finished sweep. Returns what it prints."""
        self.start_server()
        self.start_worker(slots=2)
        self.submit(small_sweep(repeats=2, keep_models="KEEP_MODELS_ALL",
                                grid={"learning_rate": [1e-4, 1e-3, 1e-2], "batch_size": ["32", "128"]}), "lab-1")
        self.wait_ended("lab-1")
        page = (ROOT / "docs" / "exchange" / name).read_text(encoding="utf-8")
        blocks = re.findall(r"^```(sh|python)\n(.*?)^```", page, re.S | re.M)
        self.assertGreater(len(blocks), 2)
        script = ["import subprocess"]
        for kind, text in blocks:
            script.append(f"subprocess.run(['bash', '-euc', {text!r}], check=True)" if kind == "sh" else text)
        file = self.folder / "page.py"
        file.write_text("\n".join(script), encoding="utf-8")
        done = subprocess.run([sys.executable, file], cwd=self.folder, capture_output=True, text=True, timeout=240,
                              env=os.environ | {"BITSWEEP_SERVER": self.address, "PATH": f"{BIN}:{os.environ['PATH']}"})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_results(self):
        said = self.run_page("results.md")
        for file in ("lab-1.csv", "lab-1.json", "lab-1.log"):
            self.assertIn(f"{file}: 12 trials", said)
        self.assertIn("learning_rate", said)

    def test_python(self):
        said = self.run_page("python.md")
        self.assertIn("4 configurations 8 trials", said)
        self.assertIn("8 of 8", said)
        self.assertIn("INVALID_ARGUMENT INVALID_SPEC", said)
        self.assertIn("sweep.repeats - 0: expected 1 to 10000", said)
        self.assertIn("models/lab-1-0 jsc-tiny", said)


if __name__ == "__main__":
    unittest.main()
