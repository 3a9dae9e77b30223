# SPDX-License-Identifier: Apache-2.0
"""Quantized models in the qonnx package: each quantizer, and whole networks, give what they give here."""
import unittest

import numpy as np
from onnx import numpy_helper
from qonnx.core.execute_custom_node import execute_custom_node
from qonnx.core.modelwrapper import ModelWrapper
from qonnx.core.onnx_exec import execute_onnx
from qonnx.transformation.change_batchsize import ChangeBatchSize
from qonnx.transformation.infer_shapes import InferShapes

from models import ADD_8_4, CONV_8_4, LINEAR_8_4, RELU_8_4, Models, agreement, jets

FEATURES = 16


def integer(width, frac, signed=True, floor=False):
    return {"width": width, "frac_width": frac, "signed": signed, "floor": floor}


def minifloat(width, exponent, bias):
    return {"width": width, "exponent_width": exponent, "exponent_bias": bias, "exact": True}


# (name of the format, the format) of everything that QONNX can say.
SAYABLE = [("integer", integer(width, frac, signed, floor))
           for width in range(1, 33) for frac in (0, width // 2, min(width + 3, 32), -2)
           for signed in (True, False) for floor in (True, False) if signed is False or width > 1]
SAYABLE += [("integer", integer(8, frac)) for frac in (-32, 32)]
SAYABLE += [("binary", {"bipolar": True, "stochastic": False})]
SAYABLE += [("minifloat_ieee", minifloat(1 + exponent + mantissa, exponent, bias))
            for exponent in (1, 2, 4, 5, 8) for mantissa in (0, 1, 3, 10, 16)
            for bias in (2 ** (exponent - 1) - 1, 2 ** exponent - 1) if 2 ** exponent - 1 - bias <= 127
            and 1 - bias - mantissa >= -126]


def node(name, kind, op, inputs, **more):
    return {"name": name, "kind": kind, "op": op, "inputs": inputs, **more}


def graph_of(name, nodes):
    return {"format": "bitsweep.graph", "version": 2, "name": name, "nodes": [
        {"name": "x", "kind": "placeholder", "shape": [FEATURES]}, *nodes,
        {"name": "output", "kind": "output", "inputs": [nodes[-1]["name"]]}]}


def edges():
    """Values on grids, halfway between, at the ends of ranges and beyond, of all sizes; finite."""
    random = np.random.default_rng(11)
    values = [random.normal(size=4000) * 2.0 ** random.integers(-20, 20, size=4000)]
    for frac in range(-4, 12):
        steps = random.integers(-300, 300, size=100) / 2  # whole and half steps
        values.append(steps * 2.0 ** -frac)
    for bits in range(1, 33):
        ends = 2.0 ** bits + np.array([-1.5, -1, -0.5, 0, 0.5, 1, 1.5])
        values.append(np.concatenate([ends, -ends, ends / 2 ** (bits // 2), -ends / 2 ** (bits // 2)]))
    powers = 2.0 ** np.arange(-40.0, 40.0)
    values.append(np.concatenate([np.nextafter(powers, 0, dtype=np.float32), powers, np.nextafter(powers, 1e38, dtype=np.float32)]))
    values.append([0.0, -0.0, 1e-45, -1e-45, 1e-38, 3e38, -3e38])
    flat = np.concatenate(values).astype(np.float32)
    return np.resize(flat, (-(-flat.size // FEATURES), FEATURES))


class Qonnx(Models):
    def run_qonnx(self, path, rows):
        model = ModelWrapper(str(path)).transform(ChangeBatchSize(len(rows))).transform(InferShapes())
        return execute_onnx(model, {"x": rows.reshape(model.get_tensor_shape("x"))})["output"].reshape(len(rows), -1)

    def quantizers(self, path, **inputs):
        """What qonnx's quantizers of a model make of initializers and these inputs, by node. (execute_onnx looks through all
        of a model for each node: of one with hundreds it takes minutes.)"""
        graph = ModelWrapper(str(path)).graph
        context = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer} | inputs
        for operator in graph.node:
            if operator.domain == "qonnx.custom_op.general":
                execute_custom_node(operator, context, graph, 1)
        return context

    def test_every_quantizer_of_inputs(self):
        # One node for each format, and one that reads it.
        nodes = []
        for i, (name, form) in enumerate(SAYABLE):
            nodes += [node(f"sum_{i}", "call_function", "add", ["x", "x"], quantization={"format": name, "data_in": form}),
                      node(f"reads_{i}", "call_function", "relu", [f"sum_{i}"])]
        self.import_graph(graph_of("inputs", nodes), {}, "inputs")
        path = self.export("inputs", "qonnx")
        for what, rows in (("finite", edges()), ("infinite", np.resize(np.float32([np.inf, -np.inf, np.nan, 1]), (1, FEATURES)))):
            ours = self.ours("inputs", rows, "--inputs-of", "reads_").reshape(len(SAYABLE), len(rows), FEATURES)
            theirs = self.quantizers(path, x=rows)
            for i, form in enumerate(SAYABLE):
                if what == "infinite" and form[0] == "minifloat_ieee":
                    continue  # FloatQuant makes infinity a NaN (docs/exchange/onnx.md)
                np.testing.assert_array_equal(theirs[f"sum_{i}_data_in"] + theirs[f"sum_{i}_data_in_1"], ours[i], f"{form}, {what}")
        print(f"{len(SAYABLE)} formats of inputs: equal on {edges().size} values each")

    def test_every_quantizer_of_weights(self):
        values = edges()
        values = values[np.abs(values).max(axis=1) < 2 ** 100]
        nodes, tensors, known = [], {}, [f for f in SAYABLE if f[0] != "integer" or f[1]["width"] <= 16]
        for i, (name, form) in enumerate(known):
            bias = name == "integer"
            nodes += [node(f"fc_{i}", "call_module", "linear", ["x"], target=f"fc.{i}",
                           attributes={"in_features": FEATURES, "out_features": FEATURES, "bias": bias},
                           quantization={"format": name, "weight": form} | ({"bias": form} if bias else {})),
                      node(f"reads_{i}", "call_function", "relu", [f"fc_{i}"])]
            chosen = np.random.default_rng(i).integers(0, len(values), size=FEATURES)
            tensors[f"fc.{i}.weight"] = values[chosen]
            if bias:
                tensors[f"fc.{i}.bias"] = values[chosen[0]]
        self.import_graph(graph_of("weights", nodes), tensors, "weights")
        theirs = self.quantizers(self.export("weights", "qonnx"))
        rows = np.eye(FEATURES + 1, FEATURES, dtype=np.float32)  # each column of the weights, and the bias alone
        ours = self.ours("weights", rows, "--inputs-of", "reads_").reshape(len(known), FEATURES + 1, FEATURES)
        for i, form in enumerate(known):
            outputs = rows @ theirs[f"fc_{i}_weight"].T + theirs.get(f"fc_{i}_bias", np.float32(0))
            np.testing.assert_array_equal(outputs, ours[i], str(form))
        print(f"{len(known)} formats of weights: equal")

    def test_networks_of_random_weights(self):
        signed, unsigned = ("integer", integer(5, 3)), ("integer", integer(4, 2, False))
        rows = edges()[:500]
        for i, (data, weight) in enumerate([
                (("integer", integer(1, 0, False)), ("integer", integer(1, 1, False))), (("integer", integer(2, 1, floor=True)), signed),
                (unsigned, ("integer", integer(16, 12))), (("integer", integer(3, 1)), ("integer", integer(7, 9, True, True))),
                (None, ("binary", {"bipolar": True, "stochastic": False})),
                (("minifloat_ieee", minifloat(6, 3, 3)), ("minifloat_ieee", minifloat(5, 2, 1)))]):
            with self.subTest(data=data, weight=weight):
                q = {"format": weight[0], "weight": weight[1]} | ({"data_in": data[1]} if data else {})
                shape = {"in_features": FEATURES, "out_features": FEATURES, "bias": False}
                # Integers in front of binary weights, which leave their inputs as they are: all sums are exact.
                nodes = [node("first", "call_function", "relu", ["x"], quantization={"format": "integer", "data_in": integer(4, 1, False)}),
                         node("fc1", "call_module", "linear", ["first"], attributes=shape, quantization=q),
                         node("relu", "call_function", "relu", ["fc1"]),
                         node("fc2", "call_module", "linear", ["relu"], attributes=shape, quantization=q),
                         node("add", "call_function", "add", ["fc2", "first"])]
                random = np.random.default_rng(i)
                tensors = {f"fc{k}.weight": random.normal(size=(FEATURES, FEATURES)) for k in (1, 2)}
                model = self.import_graph(graph_of("random", nodes), tensors, f"random-{i}")
                theirs = self.run_qonnx(self.export(model, "qonnx"), rows)
                np.testing.assert_array_equal(theirs, self.ours(model, rows))

    def test_trained_models(self):
        random = np.random.default_rng(5).normal(size=(1000, FEATURES)).astype(np.float32)
        every_op = [LINEAR_8_4, CONV_8_4, RELU_8_4, ADD_8_4]
        linear = [LINEAR_8_4, CONV_8_4]
        # (network, what is quantized, rules, whether a batch norm or a sigmoid, which are float, is behind the last quantizer)
        cases = [("jsc-tiny", "linear", linear, False), ("jsc-tiny", "all", every_op, False),
                 ("jsc-toy", "linear", linear, True), ("jsc-toy", "all", every_op, False),
                 ("jsc-s", "all", every_op, False), ("jsc-three-linear-layers", "linear", linear, False),
                 ("jsc-trt", "all", every_op, False), ("jsc-rs1923", "linear", linear, True),
                 ("jsc-rs1923-relu", "linear", linear, False), ("jsc-rs1923-relu", "all", every_op, False)]
        self.train(*dict.fromkeys(case[0] for case in cases))
        for builtin, what, rules, is_float in cases:
            with self.subTest(builtin, quantized=what):
                model = self.quantize(f"{builtin}-0", f"{builtin}-{what}", *rules)
                path = self.export(model, "qonnx")
                rows = np.concatenate([jets(), random])
                ours, theirs = self.ours(model, rows), self.run_qonnx(path, rows)
                print(f"{builtin}, {what}: {agreement(ours, theirs)}, outputs up to {np.max(np.abs(ours)):.3g}")
                if is_float:
                    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-6 * max(1, np.max(np.abs(ours))))
                else:
                    np.testing.assert_array_equal(theirs, ours)


if __name__ == "__main__":
    unittest.main()
