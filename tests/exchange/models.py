# SPDX-License-Identifier: Apache-2.0
"""Networks that a real server and worker have trained and quantized, exported by the real client, and what LibTorch
computes of them.

Run by the Python of the peers (setup.sh). Programs come from BITSWEEP_BIN, exchange_predict from BITSWEEP_TEST_BIN.
"""
import csv
import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
from cluster import BIN, DATA, ROOT, Cluster  # noqa: E402, F401

PREDICT = pathlib.Path(os.environ["BITSWEEP_TEST_BIN"]) / "exchange_predict"
# As for the parity tests: a Python with PyTorch.
TORCH_PYTHON = os.environ.get("BITSWEEP_PYTHON", "/usr/bin/python3")
TORCH_FILES = pathlib.Path(__file__).with_name("torch_files.py")
EIGHT_FOUR = {"width": 8, "fracWidth": 4}
# What the report's passes quantize to: 8 bits, 4 of them behind the point.
LINEAR_8_4 = {"key": "linear", "config": {"name": "integer", "dataIn": EIGHT_FOUR, "weight": EIGHT_FOUR, "bias": EIGHT_FOUR}}
CONV_8_4 = LINEAR_8_4 | {"key": "conv1d"}
RELU_8_4 = {"key": "relu", "config": {"name": "integer", "dataIn": EIGHT_FOUR}}
ADD_8_4 = RELU_8_4 | {"key": "add"}


def jets():
    """1,000 real jets, each feature standardised, as the loader does."""
    with open(DATA / "jsc1k_raw.csv", newline="") as file:
        rows = np.array([row[:16] for row in list(csv.reader(file))[1:]], dtype=np.float64)
    return ((rows - rows.mean(axis=0)) / rows.std(axis=0)).astype(np.float32)


def safetensors(tensors):
    """The bytes of a file of float32 arrays by name."""
    header, data = {}, b""
    for name, array in tensors.items():
        raw = np.ascontiguousarray(array, dtype="<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(np.shape(array)), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


class Models(Cluster):
    def setUp(self):
        super().setUp()
        self.start_server()
        self.start_worker()

    def train(self, *builtins, epochs=8):
        """Trains each on 800 jets. The models are named after their networks, or as (name, network) says."""
        named = [b if isinstance(b, tuple) else (b, b) for b in builtins]
        for name, builtin in named:
            self.submit({"model": {"builtin": builtin}, "dataset": {"name": "jsc1k_raw"},
                         "base": {"maxEpochs": epochs, "learningRate": 0.01, "batchSize": 32},
                         "keepModels": "KEEP_MODELS_ALL", "seed": 3}, name)
        for name, _ in named:
            self.assertEqual(self.wait_ended(name)["counts"].get("succeeded"), "1", name)
        return [f"{name}-0" for name, _ in named]

    def quantize(self, model, transform, *rules):
        """The name of the model whose nodes are quantized by type."""
        file = self.folder / f"{transform}.json"
        file.write_text(json.dumps({"transformId": transform, "transform": {
            "model": {"name": f"models/{model}"}, "passes": [{"quantize": {"quantization": {
                "by": "type", "defaultConfig": {"name": "NA"}, "rules": list(rules)}}}]}}))
        self.cli("transform", "submit", "--watch", file)
        made = [m["name"].split("/")[1] for m in self.cli_json("model", "list")["models"]
                if m.get("sourceJob") == f"transforms/{transform}/jobs/0"]
        self.assertEqual(len(made), 1)
        return made[0]

    def import_graph(self, graph, tensors, model):
        """Stores a network of our own: its graph and {name: array}."""
        (self.folder / f"{model}.json").write_text(json.dumps(graph))
        (self.folder / f"{model}.safetensors").write_bytes(safetensors(tensors))
        self.cli("model", "import", self.folder / f"{model}.safetensors", "--graph", self.folder / f"{model}.json",
                 "--id", model)
        return model

    def export(self, model, form, *arguments):
        """The path of what `bitsweep model export` wrote."""
        path = self.folder / f"{model}.{form}"
        self.cli("model", "export", model, "--format", form, "-o", path, *arguments)
        return path

    def torch(self, *arguments):
        """Runs torch_files.py with this Python's safetensors beside that one's PyTorch."""
        beside = self.folder / "beside"
        beside.mkdir(exist_ok=True)
        link = beside / "safetensors"
        if not link.exists():
            link.symlink_to(importlib.util.find_spec("safetensors").submodule_search_locations[0])
        done = subprocess.run([TORCH_PYTHON, "-W", "ignore", TORCH_FILES, *arguments], capture_output=True, text=True,
                              timeout=120, env=os.environ | {"PYTHONPATH": str(beside)})
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def ours(self, model, rows, *arguments):
        """What LibTorch computes in evaluation mode."""
        checkpoint = self.folder / f"{model}.bsck"
        if not checkpoint.exists():
            self.cli("model", "download", model, "-o", checkpoint)
        np.save(self.folder / "rows.npy", np.ascontiguousarray(rows, dtype=np.float32))
        subprocess.run([PREDICT, checkpoint, self.folder / "rows.npy", self.folder / "outputs.npy", *arguments],
                       check=True, timeout=60)
        return np.load(self.folder / "outputs.npy")


def agreement(ours, theirs):
    """What a test prints: how far two arrays are apart."""
    equal = int(np.sum((ours == theirs) | (np.isnan(ours) & np.isnan(theirs))))
    return f"{equal} of {ours.size} equal, largest difference {np.max(np.abs(ours - theirs)):.3g}"
