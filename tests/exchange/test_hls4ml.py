# SPDX-License-Identifier: Apache-2.0
"""The real hls4ml converts, compiles (g++) and predicts exported models as they compute here."""
import contextlib
import io
import os
import unittest

import hls4ml
import numpy as np
import yaml

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

    def check(self, builtin, what, rules, tolerance):
        model = self.quantize(f"{builtin}-0", f"{builtin}-{what}", *rules)
        folder = self.export(model, "hls4ml")
        rows = jets()
        ours, theirs = self.ours(model, rows), self.predict(folder, rows)
        print(f"{builtin}, {what}: {agreement(ours, theirs)}, outputs up to {np.max(np.abs(ours)):.3g}")
        if tolerance:
            np.testing.assert_allclose(theirs, ours, rtol=0, atol=tolerance * max(1, np.max(np.abs(ours))))
        else:
            np.testing.assert_array_equal(theirs, ours)

    def test_models_quantized_to_8_4(self):
        self.train("jsc-tiny", "jsc-toy")
        with self.subTest("jsc-tiny, linear"):
            self.check("jsc-tiny", "linear", [LINEAR_8_4], 0)
        with self.subTest("jsc-tiny, linear and relu"):
            self.check("jsc-tiny", "all", [LINEAR_8_4, RELU_8_4], 0)
        with self.subTest("jsc-toy, linear"):  # ends with a batch norm, which is float here
            self.check("jsc-toy", "linear", [LINEAR_8_4], 1e-6)
        with self.subTest("jsc-toy, linear and relu"):
            self.check("jsc-toy", "all", [LINEAR_8_4, RELU_8_4], 0)


if __name__ == "__main__":
    unittest.main()
