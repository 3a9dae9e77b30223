# SPDX-License-Identifier: Apache-2.0
"""Transforms through real processes: Lab 2 replayed, the report's own file, axes, training with quantization."""
import json
import re
import subprocess
import unittest

from cluster import BIN, ROOT, Cluster


class Transforms(Cluster):
    def setUp(self):
        super().setUp()
        self.start_server()
        self.start_worker()

    def passes(self, transform, job=0):
        """The results of a job by pass."""
        shown = self.cli_json("transform", "show", transform)
        results = {}
        for result in shown["job"]["results"]:
            results[result["pass"]] = result
        return results

    def test_replays_lab_2(self):
        out = subprocess.run([ROOT / "deploy/examples/replay_lab2.sh", "--server", self.address, "--bin", BIN,
                              "--epochs", "2"], capture_output=True, text=True, timeout=300)
        self.assertEqual(out.returncode, 0, out.stderr)
        text = out.stdout
        # report_graph: nodes by kind, as the report counts them.
        for line in ("{'placeholder': 1, 'get_attr': 0, 'call_function': 0, 'call_method': 0, 'call_module': 4, 'output': 1}",
                     "{'placeholder': 1, 'get_attr': 0, 'call_function': 6, 'call_method': 1, 'call_module': 5, 'output': 1}"):
            self.assertIn(line, text)
        for module in ("Linear(in_features=16, out_features=5, bias=True)",
                       "Conv1d(1, 8, kernel_size=(3,), stride=(1,), padding=(1,))",
                       "Linear(in_features=256, out_features=5, bias=True)"):
            self.assertIn(module, text)
        # compare_graphs, verify_quantization and count_ops as the report prints them, of both models.
        for line in ("seq_blocks_2\tseq_blocks_2\tcall_module\tmodule_related_func\tlinear\tLinear\tLinearInteger\tTrue",
                     "seq_blocks_3\tseq_blocks_3\tcall_module\tmodule_related_func\trelu\tReLU\tReLU\tFalse",
                     "BatchNorm1d\tbatch_norm1d\t1\t0\t1", "ReLU\trelu\t2\t0\t2",
                     "view\tview\tcall_method\timplicit_func\tview\tview\tview\tFalse",
                     "add\tadd\tcall_function\tbuiltin_func\tadd\tadd\tadd\tFalse",
                     "Conv1d\tconv1d\t4\t4\t0", "Linear\tlinear\t1\t1\t0", "relu\trelu\t5\t0\t5",
                     "There is quantization at seq_blocks_2", "original module: Linear, new module: LinearInteger",
                     "There is quantization at block_conv2", "original module: Conv1d, new module: Conv1dInteger",
                     "total\t\t1833\t79680"):
            self.assertIn(line + "\n", text)
        self.assertRegex(text, r"quantized bias: tensor\(\[( ?-?\d\.\d{4},? ?){5}\]\)")
        tiny, large = [t["name"].split("/")[1] for t in self.cli_json("transform", "list")["transforms"]][::-1]
        results = self.passes(tiny)
        changed = {n["newName"]: n.get("changed", False) for n in results["compare_graphs"]["comparison"]["nodes"]}
        self.assertEqual(changed, {"x": False, "seq_blocks_0": False, "seq_blocks_1": False, "seq_blocks_2": True,
                                   "seq_blocks_3": False, "output": False})
        statistics = {(s["node"], s["tensor"]): {v["key"]: v.get("values") for v in s["values"]}
                      for s in results["profile_statistics"]["statistics"]["statistics"]}
        self.assertEqual(statistics["seq_blocks_2", "weight"]["count"], [80])
        self.assertEqual(statistics["seq_blocks_1", "data_in_0"]["count"], [512])
        self.assertEqual(statistics["seq_blocks_3", "data_in_0"]["count"], [160])
        counts = {c["convention"]: c for c in results["count_ops"]["ops"]["counts"]}
        self.assertEqual(counts["COUNT_CONVENTION_LAB_REPORT"]["flops"], 1833)
        self.assertEqual(counts["COUNT_CONVENTION_LAB_REPORT"]["bitops"], 79680)
        for tensor in results["verify_quantization"]["quantization"]["tensors"]:
            self.assertTrue(all(v * 16 == round(v * 16) for v in tensor["quantized"]), tensor)
        for output in results["verify_quantization"]["quantization"]["outputs"]:
            self.assertTrue(all(v * 256 == round(v * 256) for v in output["quantized"]), output)
        histogram = {row["originalType"]: (int(row["total"]), int(row.get("changed", 0)))
                     for row in self.passes(large)["compare_graphs"]["comparison"]["histogram"]}
        self.assertEqual(histogram, {"Conv1d": (4, 4), "Linear": (1, 1), "add": (1, 0), "output": (1, 0),
                                     "relu": (5, 0), "view": (1, 0), "x": (1, 0)})
        # evaluate of the float model is the training's val_acc on the same rows.
        for transform in (tiny, large):
            evaluation = self.passes(transform)["evaluate"]["evaluation"]
            trial = self.cli_json("trial", "show", f"sweeps/{transform}/trials/0")
            self.assertEqual(evaluation["original"]["accuracy"], trial["result"]["valAcc"])
            models = self.cli_json("model", "list")["models"]
            lineage = [m.get("parentModel") for m in models if m.get("sourceJob") == f"transforms/{transform}/jobs/0"]
            self.assertEqual(lineage, [f"models/{transform}-0"])

    def test_takes_the_reports_own_file(self):
        out = self.cli("transform", "submit", "--watch", ROOT / "deploy/examples/jsc_rs1923_by_type.toml").stdout
        name = re.search(r"transforms/(\S+?)[:\s]", out)[1]
        kinds = {n["newName"]: n["quantizedType"]
                 for n in self.passes(name).get("compare_graphs", {"comparison": {"nodes": []}})["comparison"]["nodes"]}
        quantized = {n["node"]: n["format"] for n in self.passes(name)["quantize"]["quantize"]["nodes"]}
        self.assertEqual(set(quantized.values()), {"integer"}, kinds)
        self.assertEqual(len(quantized), 5)  # four convolutions and one linear layer

    def test_expands_axes_into_jobs_with_a_pareto_set(self):
        spec = {"transformId": "grid", "transform": {
            "model": {"builtin": "jsc-tiny"},
            "dataset": {"name": "synthetic-jets", "synthetic": {"rows": 5000}},
            "axes": [{"entry": "data_in_width", "values": [4, 6, 8]}, {"entry": "weight_frac_width", "values": [2, 4]}],
            "passes": [
                {"quantize": {"quantization": {"by": "type", "defaultConfig": {"name": "NA"}, "rules": [
                    {"key": "linear", "config": {"name": "integer", "dataIn": {"width": 8, "fracWidth": 2},
                                                 "weight": {"width": 6, "fracWidth": 4}}}]}}},
                {"evaluate": {}}, {"countOps": {"conventions": ["COUNT_CONVENTION_MACS"]}}]}}
        file = self.folder / "grid.json"
        file.write_text(json.dumps(spec))
        self.cli("transform", "submit", "--watch", file)
        jobs = self.cli_json("transform", "results", "grid")["jobs"]
        self.assertEqual([[int(v["value"]) for v in job["values"]] for job in jobs],
                         [[4, 2], [4, 4], [6, 2], [6, 4], [8, 2], [8, 4]])
        bitops = [job["metrics"]["bitops"] for job in jobs]
        self.assertEqual(bitops, [80 * d * 6 for d in (4, 4, 6, 6, 8, 8)])
        optimal = [bool(job.get("paretoOptimal")) for job in jobs]
        points = [(job["metrics"]["accuracy"], job["metrics"]["bitops"]) for job in jobs]
        expected = [not any((a >= acc and b < ops) or (a > acc and b <= ops) for a, b in points) for acc, ops in points]
        self.assertEqual(optimal, expected)
        self.verify()
        self.server.terminate()
        self.assertEqual(self.rows("SELECT count(*) FROM transform_jobs WHERE accuracy IS NOT NULL"), [(6,)])
        self.assertEqual(self.rows("SELECT count(*) FROM pass_results"), [(18,)])

    def test_trains_with_quantization_and_from_a_float_model(self):
        config = {"name": "integer", "dataIn": {"width": 6, "fracWidth": 3}, "weight": {"width": 4, "fracWidth": 3}}
        quantization = {"by": "type", "defaultConfig": {"name": "NA"}, "rules": [{"key": "linear", "config": config}]}
        sweep = {"model": {"builtin": "jsc-tiny"}, "dataset": {"name": "synthetic-jets", "synthetic": {"rows": 5000}},
                 "base": {"maxEpochs": 3, "learningRate": 0.01, "batchSize": 128}, "keepModels": "KEEP_MODELS_ALL"}
        accuracies = {}
        for name, extra in (("float", {}), ("qat-scratch", {"quantization": quantization}),
                            ("qat-tuned", {"quantization": quantization, "model": {"name": "models/float-0"}})):
            file = self.folder / f"{name}.json"
            file.write_text(json.dumps({"sweepId": name, "sweep": sweep | extra}))
            self.cli("sweep", "submit", "--watch", file)
            trial = self.cli_json("trial", "show", f"sweeps/{name}/trials/0")
            accuracies[name] = trial["result"]["valAcc"]
        self.assertIn("quantization    by type: linear integer; default NA", self.cli("sweep", "show", "qat-tuned").stdout)
        for name in ("qat-scratch", "qat-tuned"):
            graph = self.cli_json("model", "show", f"models/{name}-0")["graph"]
            self.assertEqual([n["name"] for n in graph["nodes"] if "quantization" in n], ["seq_blocks_2"])
            # An evaluation of the stored model is what training measured.
            file = self.folder / f"{name}-evaluate.json"
            file.write_text(json.dumps({"transformId": f"{name}-evaluate", "transform": {
                "model": {"name": f"models/{name}-0"}, "dataset": sweep["dataset"], "passes": [{"evaluate": {}}]}}))
            self.cli("transform", "submit", "--watch", file)
            evaluation = self.passes(f"{name}-evaluate")["evaluate"]["evaluation"]
            self.assertEqual(evaluation["original"]["accuracy"], accuracies[name])

    def test_grpcurl_submits_a_transform(self):
        request = {"transformId": "curl", "transform": {
            "model": {"builtin": "jsc-tiny"}, "passes": [{"reportGraph": {}}, {"countOps": {"batchSize": "512",
            "dataWidth": "8", "conventions": ["COUNT_CONVENTION_LAB_REPORT"]}}]}}
        answer = self.grpcurl("bitsweep.v1.TransformService/SubmitTransform", request)
        self.assertEqual(answer["transform"]["name"], "transforms/curl")
        self.cli("transform", "watch", "curl")
        count = self.passes("curl")["count_ops"]["ops"]["counts"][0]
        self.assertEqual((count["flops"], count["bitops"]), (117249, 5099520))


if __name__ == "__main__":
    unittest.main()
