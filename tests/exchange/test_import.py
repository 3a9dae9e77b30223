# SPDX-License-Identifier: Apache-2.0
"""Models that PyTorch, NumPy and onnx have written become models here, and back."""
import pathlib
import unittest

import numpy as np
import onnx
import safetensors
import safetensors.numpy
from onnx import helper, numpy_helper

from models import Models, agreement

MADE = pathlib.Path(__file__).with_name("data")


class Import(Models):
    def import_file(self, file, model, *arguments):
        return self.cli("model", "import", self.folder / file, "--id", model, *arguments)

    def refused(self, file, *arguments):
        done = self.cli("model", "import", self.folder / file, *arguments, check=False)
        self.assertEqual(done.returncode, 3, done.stderr)
        return done.stderr

    def test_what_pytorch_writes(self):
        self.torch("write", self.folder)
        rows = np.load(self.folder / "rows.npy")
        self.import_file("tiny.onnx", "tiny-onnx")
        self.import_file("residual.onnx", "residual-onnx")
        self.import_file("tiny.safetensors", "tiny-safetensors", "--builtin", "jsc-tiny")
        self.import_file("tiny.npz", "tiny-npz", "--builtin", "jsc-tiny")
        for model in ("tiny-onnx", "residual-onnx", "tiny-safetensors", "tiny-npz"):
            with self.subTest(model):
                ours = self.ours(model, rows)
                theirs = np.load(self.folder / f"{model.split('-')[0]}.npy")
                print(f"{model}: {agreement(ours, theirs)}")
                np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)
        same = [self.cli_json("model", "show", f"tiny-{form}")["artifact"] for form in ("safetensors", "npz")]
        self.assertEqual(same[0], same[1])
        for file in ("tiny.pt", "tiny-old.pt"):
            self.assertIn("safetensors.torch.save_file", self.refused(file))

    def test_what_brevitas_writes(self):
        """data/make_brevitas.py made the file and what Brevitas computes."""
        done = self.import_file(MADE / "brevitas.onnx", "brevitas")
        self.assertEqual(done.stderr.count("its narrow range became a whole one"), 2)
        with np.load(MADE / "brevitas.npz") as made:
            ours = self.ours("brevitas", made["rows"])
            print(f"brevitas: {agreement(ours, made['outputs'])}")
            np.testing.assert_allclose(ours, made["outputs"], rtol=0, atol=1e-6)

    def test_safetensors_go_back_to_pytorch(self):
        self.train("jsc-tiny")
        path = self.export("jsc-tiny-0", "safetensors")
        self.assertIn("All keys matched", self.torch("load", path))
        with safetensors.safe_open(path, "numpy") as file:
            self.assertEqual(file.metadata()["format"], "pt")
        again = self.cli("model", "import", path, "--id", "again")
        self.assertIn("the graph is the one of the file's metadata", again.stderr)
        rows = np.zeros([1, 16], dtype=np.float32)
        np.testing.assert_array_equal(self.ours("again", rows), self.ours("jsc-tiny-0", rows))

    def test_numpy_reads_and_writes_npz(self):
        self.train("jsc-tiny")
        with np.load(self.export("jsc-tiny-0", "npz"), allow_pickle=False) as file:
            arrays = dict(file)
        tensors = safetensors.numpy.load_file(self.export("jsc-tiny-0", "safetensors"))
        self.assertEqual(set(arrays), set(tensors))
        for name, array in arrays.items():
            self.assertEqual(array.dtype, tensors[name].dtype)
            np.testing.assert_array_equal(array, tensors[name])
        digest = self.imported(np.savez, arrays)
        self.assertEqual(digest, self.imported(np.savez_compressed, arrays))
        self.assertEqual(digest, self.imported(np.savez, {k: v.astype(v.dtype.newbyteorder(">"), order="F")
                                                          for k, v in arrays.items()}))
        self.assertEqual(digest, self.imported(np.savez, {k: v.astype(np.float64) if v.dtype == np.float32 else v
                                                          for k, v in arrays.items()}))
        np.savez(self.folder / "objects.npz", a=np.array([{}], dtype=object))
        self.assertIn('"a" holds pickled objects', self.refused("objects.npz", "--builtin", "jsc-tiny"))

    def imported(self, save, arrays):
        save(self.folder / "model.npz", **arrays)
        model = self.cli_json("model", "import", self.folder / "model.npz", "--builtin", "jsc-tiny")
        return model["artifact"]

    def test_what_other_writers_of_onnx_give(self):
        """Constants as nodes, typed fields, a batch of one: helper.make_* as people use them."""
        weight = np.arange(32, dtype=np.float32).reshape(2, 16)
        nodes = [helper.make_node("Constant", [], ["w"], value=helper.make_tensor(
                     "w", onnx.TensorProto.FLOAT, [2, 16], weight.flatten().tolist())),
                 helper.make_node("Gemm", ["x", "w"], ["g"], transB=1),
                 helper.make_node("Relu", ["g"], ["y"])]
        graph = helper.make_graph(nodes, "made by hand", [
            helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 16])], [
            helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1, 2])])
        model = helper.make_model(graph)  # the newest opset
        onnx.checker.check_model(model)
        onnx.save(model, self.folder / "hand.onnx")
        self.import_file("hand.onnx", "hand")
        rows = np.random.default_rng(2).normal(size=[7, 16]).astype(np.float32)
        np.testing.assert_allclose(self.ours("hand", rows), np.maximum(rows @ weight.T, 0), rtol=1e-5, atol=1e-5)

        outside = onnx.ModelProto()
        outside.CopyFrom(model)
        del outside.graph.node[0]
        outside.graph.initializer.append(numpy_helper.from_array(weight, "w"))
        onnx.save_model(outside, self.folder / "outside.onnx", save_as_external_data=True, size_threshold=0,
                        location="outside.bin")
        self.assertIn("its values stand in another file", self.refused("outside.onnx"))


if __name__ == "__main__":
    unittest.main()
