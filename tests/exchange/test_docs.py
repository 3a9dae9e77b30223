# SPDX-License-Identifier: Apache-2.0
"""Runs the commands of the pages in docs/exchange, in their order, as their readers would.

Each page has a folder of its own, a server, and a worker that can read tests/data; `bitsweep` is on the PATH, and `python` is
that of the peers. A block of ```sh or ```python that has <!-- test --> in the line before is run and must succeed; blocks of
```text after <!-- prints --> are the last block's output, of which each line must come in this order ("..." stands for any
text). A page begins with what <!-- prepare: NAME ... --> asks for; PREPARED says what there is.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import unittest

from models import BIN, LINEAR_8_4, ROOT, Models

BLOCK = re.compile(r"^<!-- (test|prints) -->\n```(\w+)\n(.*?)^```$", re.M | re.S)
PREPARE = re.compile(r"^<!-- prepare: (.*?) -->$", re.M)


def float_model(test):
    """models/jets-0, jsc-tiny trained on 800 jets."""
    test.train(("jets", "jsc-tiny"))


def quantized_model(test):
    """models/jets-8-4-0, jets-0 with its linear layers in 8 bits, 4 of them behind the point."""
    test.quantize("jets-0", "jets-8-4", LINEAR_8_4)


def jets_table(test):
    """jets.npy, 1,000 jets as networks take them."""
    import numpy as np
    from models import jets
    np.save(test.work / "jets.npy", jets())


def pytorch_files(test):
    """model.safetensors, model.npz and model.onnx, jsc-tiny of PyTorch; network.json, its graph."""
    test.torch("write", test.work)
    for suffix in ("safetensors", "npz", "onnx"):
        (test.work / f"tiny.{suffix}").rename(test.work / f"model.{suffix}")
    layers = [("batch_norm1d", {"num_features": 16}), ("relu", {}), ("linear", {"in_features": 16, "out_features": 5}),
              ("relu", {})]
    nodes = [{"name": "x", "kind": "placeholder", "shape": [16]}]
    for i, (op, attributes) in enumerate(layers):
        nodes.append({"name": f"layer{i}", "kind": "call_module", "op": op, "target": f"seq_blocks.{i}",
                      "inputs": [nodes[-1]["name"]], "attributes": attributes})
    nodes.append({"name": "output", "kind": "output", "inputs": [nodes[-1]["name"]]})
    graph = {"format": "bitsweep.graph", "version": 1, "name": "network", "nodes": nodes}
    (test.work / "network.json").write_text(json.dumps(graph))


ELSEWHERE = {"python", "results"}  # tests/python/test_pages.py runs these
PREPARED = {"float-model": float_model, "quantized-model": quantized_model, "jets": jets_table,
            "pytorch-files": pytorch_files}


class Docs(Models):
    def run_block(self, language, code):
        command = ["bash", "-euo", "pipefail", "-c", code] if language == "sh" else [sys.executable, "-c", code]
        path = f"{self.work / 'bin'}:{BIN}:{pathlib.Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(command, cwd=self.work, capture_output=True, text=True, timeout=300,
                              env=os.environ | {"PATH": path, "BITSWEEP_SERVER": self.address})
        self.assertEqual(done.returncode, 0, f"{code}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    def assert_prints(self, expected, output):
        pattern = ".*".join(r"\s*" + re.escape(line.strip()).replace(re.escape("..."), ".*") for line in expected.strip().splitlines())
        self.assertRegex(output, re.compile(pattern, re.S), f"expected\n{expected}\nin\n{output}")

    def run_page(self, page):
        text = page.read_text()
        self.work = self.folder / "work"
        self.work.mkdir()
        for names in PREPARE.findall(text):
            for name in names.split():
                self.assertIn(name, PREPARED, page.name)
                PREPARED[name](self)
        output, ran = "", 0
        for kind, language, code in BLOCK.findall(text):
            if kind == "prints":
                self.assert_prints(code, output)
            else:
                self.assertIn(language, ("sh", "python"), code)
                output, ran = self.run_block(language, code), ran + 1
        self.assertEqual(len(re.findall("^<!-- (?:test|prints) -->$", text, re.M)), len(BLOCK.findall(text)), "a mark without its block")
        self.assertGreater(ran, 0, f"{page.name}: no block is marked")
        print(f"{page.name}: {ran} blocks")


def add_tests():
    for page in sorted((ROOT / "docs" / "exchange").glob("*.md")):
        if page.stem not in ELSEWHERE:
            setattr(Docs, f"test_{page.stem}", lambda self, page=page: self.run_page(page))


add_tests()

if __name__ == "__main__":
    unittest.main()
