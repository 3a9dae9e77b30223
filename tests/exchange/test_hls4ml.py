# SPDX-License-Identifier: Apache-2.0
"""The real hls4ml converts, compiles (g++) and predicts exported models as they compute here."""
import contextlib
import io
import os
import unittest

import hls4ml
import numpy as np

from models import LINEAR_8_4, RELU_8_4, Models, agreement, jets


class Hls4ml(Models):
    def predict(self, folder, rows):
        """As docs/exchange/hls4ml.md says: in the folder, from its configuration."""
        here = os.getcwd()
        os.chdir(folder)
        try:
            with contextlib.redirect_stdout(io.StringIO()) as said:
                model = hls4ml.converters.convert_from_config("config.yml")
                model.compile()
                return model.predict(np.ascontiguousarray(rows)).reshape(len(rows), -1)
        except Exception:
            print(said.getvalue())
            raise
        finally:
            os.chdir(here)

    def check(self, model, what, tolerance=0):
        folder = self.export(model, "hls4ml")
        self.assertEqual(sorted(path.name for path in folder.iterdir()), ["config.yml", "model.onnx"])
        random = np.random.default_rng(5).normal(size=(1000, 16)).astype(np.float32) * 3
        rows = np.concatenate([jets(), random])
        ours, theirs = self.ours(model, rows), self.predict(folder, rows)
        for name, part in (("1,000 jets", slice(0, 1000)), ("1,000 random rows", slice(1000, 2000))):
            print(f"{what}, {name}: {agreement(ours[part], theirs[part])}, outputs up to {np.max(np.abs(ours)):.3g}")
        if tolerance:
            np.testing.assert_allclose(theirs, ours, rtol=0, atol=tolerance * max(1, np.max(np.abs(ours))))
        else:
            np.testing.assert_array_equal(theirs, ours)

    def test_models_quantized_to_8_4(self):
        self.train("jsc-tiny", "jsc-toy")
        for builtin, what, rules, tolerance in (
                ("jsc-tiny", "linear", [LINEAR_8_4], 0),
                ("jsc-tiny", "all", [LINEAR_8_4, RELU_8_4], 0),
                ("jsc-toy", "linear", [LINEAR_8_4], 1e-6),  # ends with a batch norm, which is float here
                ("jsc-toy", "all", [LINEAR_8_4, RELU_8_4], 0)):
            with self.subTest(builtin, quantized=what):
                model = self.quantize(f"{builtin}-0", f"{builtin}-{what}", *rules)
                self.check(model, f"{builtin}, {what}", tolerance)

    def test_a_network_of_our_own(self):
        """Rounding down, unsigned numbers, points outside of the number, a residual, and names that hls4ml keeps for itself."""
        def integer(width, frac, signed=True, floor=False):
            return {"width": width, "frac_width": frac, "signed": signed, "floor": floor}

        def linear(name, reads, size, data_in, weight, bias=None):
            formats = {"format": "integer", "data_in": data_in, "weight": weight} | ({"bias": bias} if bias else {})
            return {"name": name, "kind": "call_module", "op": "linear", "target": name, "inputs": [reads],
                    "attributes": {"in_features": size[0], "out_features": size[1], "bias": bias is not None},
                    "quantization": formats}

        graph = {"format": "bitsweep.graph", "version": 2, "name": "own", "nodes": [
            {"name": "x", "kind": "placeholder", "shape": [16]},
            linear("input", "x", (16, 12), integer(7, 3, floor=True), integer(4, 6), integer(5, 7)),
            {"name": "relu", "kind": "call_function", "op": "relu", "inputs": ["input"],
             "quantization": {"format": "integer", "data_in": integer(6, 2, False, True)}},
            {"name": "drop", "kind": "call_function", "op": "dropout", "inputs": ["relu"]},
            linear("middle", "drop", (12, 12), integer(6, 2, False), integer(3, 1, floor=True)),
            {"name": "flat", "kind": "call_method", "op": "flatten", "inputs": ["middle"]},
            {"name": "add", "kind": "call_function", "op": "add", "inputs": ["flat", "input"],
             "quantization": {"format": "integer", "data_in": integer(8, 3)}},
            linear("last", "add", (12, 5), integer(6, -1), integer(5, 4, False), integer(12, 9)),
            {"name": "output", "kind": "output", "inputs": ["last"]}]}
        random = np.random.default_rng(7)
        tensors = {"input.weight": random.normal(size=(12, 16)) / 8, "input.bias": random.normal(size=12) / 8,
                   "middle.weight": random.normal(size=(12, 12)), "last.weight": random.uniform(0, 2, size=(5, 12)),
                   "last.bias": random.normal(size=5)}
        self.check(self.import_graph(graph, tensors, "own"), "a network of our own")


if __name__ == "__main__":
    unittest.main()
