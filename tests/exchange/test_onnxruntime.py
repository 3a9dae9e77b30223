# SPDX-License-Identifier: Apache-2.0
"""Float models run in onnxruntime as they run here."""
import unittest

import numpy as np
import onnxruntime

from models import LINEAR_8_4, Models, agreement, jets

BUILTINS = ["jsc-tiny", "jsc-toy", "jsc-s", "jsc-three-linear-layers", "jsc-trt", "jsc-rs1923"]


class OnnxRuntime(Models):
    def run_onnx(self, path, rows):
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        x = session.get_inputs()[0]
        return session.run(None, {x.name: rows.reshape([len(rows), *x.shape[1:]])})[0]

    def assert_same(self, model, path, rows):
        ours = self.ours(model, rows)
        theirs = self.run_onnx(path, rows).reshape(ours.shape)
        print(f"{model}: {agreement(ours, theirs)}, outputs up to {np.max(np.abs(ours)):.3g}")
        # float32 numbers from 4 on are 5e-7 apart: 1e-6 of the largest output.
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-6 * max(1, np.max(np.abs(ours))))

    def test_trained_models(self):
        random = np.random.default_rng(5).normal(size=(1000, 16)).astype(np.float32)
        for model in self.train(*BUILTINS):
            with self.subTest(model):
                path = self.export(model, "onnx")
                self.assert_same(model, path, jets())
                self.assert_same(model, path, random)
                self.assertEqual(self.run_onnx(path, random[:1]).shape, (1, 5))

    def test_a_quantized_model_needs_a_word(self):
        self.train("jsc-tiny")
        model = self.quantize("jsc-tiny-0", "rounded", LINEAR_8_4)
        path = self.folder / "refused.onnx"
        refused = self.cli("model", "export", model, "--format", "onnx", "-o", path, check=False)
        self.assertEqual(refused.returncode, 3)
        self.assertIn("bitsweep: NOT_EXPORTABLE (3 problems)\n  seq_blocks_2.data_in: integer (8, 4): ", refused.stderr)
        self.assertFalse(path.exists())
        for form in ("qonnx", "hls4ml"):
            refused = self.cli("model", "export", model, "--format", form, "-o", path, "--drop-quantization", check=False)
            self.assertEqual(refused.returncode, 2, refused.stderr)
            self.assertIn("expected only with --format onnx", refused.stderr)
        # Without its formats it is the network that was quantized.
        self.assert_same("jsc-tiny-0", self.export(model, "onnx", "--drop-quantization"), jets())


if __name__ == "__main__":
    unittest.main()
