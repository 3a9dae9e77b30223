# SPDX-License-Identifier: Apache-2.0
"""Transforms of test_report.py: what is submitted, and what the API says that their reports should show."""
import json

from cluster import wait_until

FORMAT = {"width": 8, "frac_width": 4}
DATASET = {"name": "synthetic-jets", "synthetic": {"rows": 1000}}


def quantize(*ops):
    config = {"name": "integer", "data_in": FORMAT, "weight": FORMAT, "bias": FORMAT}
    return {"quantize": {"quantization": {"by": "type", "default_config": {"name": "NA"},
                                          "rules": [{"key": op, "config": config} for op in ops]}}}


EVERY_PASS = [
    {"report_graph": {}},
    {"profile_statistics": {
        "by": "type", "target_weight_nodes": ["linear"], "target_activation_nodes": ["relu"], "num_samples": 32,
        "weight_statistics": [{"name": "variance_precise"}], "activation_statistics": [{"name": "range_min_max"}]}},
    {"report_node_meta": {}},
    quantize("conv1d", "linear"),
    {"compare_graphs": {}},
    {"verify_quantization": {}},
    {"count_ops": {"batch_size": 8}},
    {"evaluate": {}},
    {"prune": {"weight": {"sparsity": 0.5}}},
]
AXES = [{"entry": "weight_width", "values": [4, 8]}, {"entry": "data_in_width", "values": [4, 6, 8]}]
GRID = [quantize("linear"), {"evaluate": {}}, {"count_ops": {"conventions": ["macs"]}}]


EVALUATED = {"Before and now": 4, "Before: rows of a class (down) taken for a class (across)": 5,
             "After: rows of a class (down) taken for a class (across)": 5}


def transform(model, passes, **fields):
    return {"model": model, "dataset": DATASET, "passes": passes, "seed": 1, **fields}


def bins(histogram):
    """Bars that are drawn of a histogram: bins with something in them."""
    return sum(int(count) > 0 for side in ("original", "quantized") for count in histogram[side])


def every_pass(job):
    """Figures and tables of the report of EVERY_PASS on jsc-rs1923-relu, from its job."""
    results = {r["pass"]: r for r in job["results"]}
    meta = results["report_node_meta"]["nodeMeta"]["nodes"]
    comparison = results["compare_graphs"]["comparison"]
    quantization = results["verify_quantization"]["quantization"]
    counts = results["count_ops"]["ops"]["counts"]
    tensors = quantization["tensors"]
    figures = {
        "graph-picture": {"nodes": 14, "names": 14, "arrows": 14},
        "pass-2-ranges": {"ranges": 7, "means": 2},  # inputs of 5 relu; a weight and a bias
        "pass-5-changes": {"types": 2 * len(comparison["histogram"])},
        "pass-6-outputs": {"changes": sum(min(16, len(o["original"])) for o in quantization["outputs"])},
        "pass-8-before": {"cells": 25, "count": 25, "share": 25},
        "pass-8-now": {"cells": 25, "count": 25, "share": 25},
        **{f"pass-6-tensor-{i + 1}": {"values": bins(t["histogram"])} for i, t in enumerate(tensors)},
        **{f"pass-7-ops-{i + 1}": {"bars": 2 * len(c["nodes"]), "counts": 2 * len(c["nodes"])}
           for i, c in enumerate(counts)},
    }
    tables = {
        "range_min_max": 5, "variance_precise": 2, "Nodes": len(meta),
        "Tensors, with the batch as first size": sum(len(n.get("args", [])) + len(n.get("results", [])) for n in meta),
        "Quantized nodes": 5, "Nodes before and now": len(comparison["nodes"]),
        "Nodes of each type": len(comparison["histogram"]),
        "Tensors before and after quantization": len(tensors),
        "Outputs of quantized nodes for one input": len(quantization["outputs"]),
        **{c["convention"].removeprefix("COUNT_CONVENTION_"): len(c["nodes"]) + 1 for c in counts},
        **EVALUATED, "Pruned tensors": len(results["prune"]["prune"]["tensors"]),
    }
    texts = ["5 of 14 nodes are quantized", "quantized integer (8, 4)", "of data_in, weight, bias",
             "LAB_REPORT has no formula for conv1", "%relu_1 : [num_users=2]", "Layer types:",
             f'{results["evaluate"]["evaluation"]["current"]["accuracy"]:.4f}']
    return figures, tables, texts


def means(transforms):
    """(accuracy, bit operations) of each job over transforms of equal axes. `transforms`: lists of jobs."""
    return [(sum(job["metrics"]["accuracy"] for job in jobs) / len(jobs),
             sum(job["metrics"]["bitops"] for job in jobs) / len(jobs)) for jobs in zip(*transforms)]


def pareto_size(points):
    beats = lambda a, b: (a[0] >= b[0] and a[1] < b[1]) or (a[0] > b[0] and a[1] <= b[1])
    return sum(not any(beats(other, point) for other in points) for point in points)


def grid(transforms):
    """Figures and tables of GRID with AXES on jsc-tiny. `transforms`: lists of jobs, one for each model."""
    count = len(transforms[0])
    pareto = pareto_size(means(transforms))
    figures = {
        "accuracy-by-bitops": {"jobs": count, "intervals": count if len(transforms) > 1 else 0, "front": 1,
                               "numbers": pareto},
        "accuracy-by-axis-1": {"jobs": count}, "accuracy-by-axis-2": {"jobs": count},
        "graph-picture": {"nodes": 6, "arrows": 5},
        "pass-2-before": {"cells": 25}, "pass-2-now": {"cells": 25}, "pass-3-ops-1": {"bars": 2},
    }
    tables = {"Jobs": count, "Pareto set, by bit operations": pareto, "Quantized nodes": 1, "MACS": 2,
              **EVALUATED}
    if len(transforms) > 1:
        tables["Transforms"] = len(transforms)
    return figures, tables


class TransformReports:
    """Mixed into the test that has the cluster, `submit_file`, `wait_for` and `expect`."""

    def submit_transform(self, transform_id, spec):
        file = self.folder / f"{transform_id}.json"
        file.write_text(json.dumps({"transform": spec, "transform_id": transform_id}))
        self.cli("transform", "submit", file)

    def wait_for_transform(self, transform_id):
        wait_until(lambda: "endTime" in self.cli_json("transform", "show", transform_id)["transform"],
                   f"{transform_id} has ended", 240, 0.2)

    def transform_report(self, file, names, title, figures, tables, texts):
        self.cli("report", *names, "-o", self.reports / file)
        self.expect(file, title, figures, tables, texts)
        self.assertLess((self.reports / file).stat().st_size, 3_000_000)

    def report_transforms(self, markup):
        """With a worker. Every pass on one model; a grid on three models; nothing but failures; nothing yet."""
        self.submit_file("kept", {
            "model": {"builtin": "jsc-tiny"}, "dataset": DATASET, "repeats": 3, "seed": 1, "keep_models": "all",
            "base": {"max_epochs": 2, "learning_rate": 1e-2, "batch_size": 64}})
        self.submit_transform("passes", transform({"builtin": "jsc-rs1923-relu"}, EVERY_PASS, display_name=markup))
        self.submit_transform("lost", transform({"builtin": "jsc-tiny"}, GRID, axes=AXES)
                              | {"dataset": {"name": "no-such-file"}})
        self.wait_for("kept")
        grids = [f"transforms/grid-on-{i}" for i in range(3)]
        for i, name in enumerate(grids):
            self.submit_transform(name.removeprefix("transforms/"),
                                  transform({"name": f"models/kept-{i}"}, GRID, axes=AXES))
        for name in ["transforms/passes", "transforms/lost", *grids]:
            self.wait_for_transform(name.removeprefix("transforms/"))
        job = self.cli_json("transform", "show", "passes")["job"]
        self.transform_report("passes.html", ["passes"], markup, *every_pass(job))
        self.report_grids(grids)
        self.transform_report("lost.html", ["transforms/lost"], "lost", {}, {
            "Jobs": 6, "Jobs that failed, or whose latest attempt did": 6},
            ["none of its jobs has succeeded", "dataset_not_found", "The graph is not drawn"])
        self.submit_transform("other-axes", transform({"name": "models/kept-0"}, GRID, axes=AXES[:1]))
        done = self.cli("report", grids[0], "transforms/other-axes", check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("transforms/other-axes has other axes than transforms/grid-on-0", done.stderr)

    def report_grids(self, grids):
        results = [self.cli_json("transform", "results", name.removeprefix("transforms/"))["jobs"] for name in grids]
        self.assertEqual([len(jobs) for jobs in results], [6, 6, 6])
        figures, tables = grid(results[:1])
        self.assertEqual(figures["accuracy-by-bitops"]["numbers"],
                         sum(job.get("paretoOptimal", False) for job in results[0]))
        self.transform_report("grid-on-0.html", grids[:1], "grid-on-0", figures, tables,
                              ["the best accuracy of the Pareto set", "Marked: in the Pareto set"])
        figures, tables = grid(results)
        self.transform_report("grids.html", grids, "grid-on-0", figures, tables, ["on 3 models", "95 % interval"])
