# SPDX-License-Identifier: Apache-2.0
"""`bitsweep sweep export` as CSV, JSON and JSON lines, read by plain readers and equal to the API."""
import csv
import datetime
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from cluster import Cluster, small_sweep  # noqa: E402

REAL = ("val_acc", "val_loss", "val_loss_batch_mean", "train_acc_last_step", "train_loss_last_step", "best_val_acc",
        "seconds", "rows_per_second")
WHOLE = ("best_epoch", "epochs", "steps", "train_rows", "validation_rows", "artifact_bytes", "parameter_count")
TEXT = ("engine", "engine_version", "data_digest", "artifact", "graph_name")


def camel(name):
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def row_of(sweep_id, trial):
    """What a row should be, of a trial as protobuf's JSON has it."""
    values, result = trial["hyperparameters"], trial.get("result")
    row = {"sweep": sweep_id, "trial": int(trial["name"].rsplit("/", 1)[1]),
           "configuration": int(trial["configuration"].rsplit("/", 1)[1]), "repeat": int(trial.get("repeat", 0)),
           "state": trial["state"].removeprefix("STATE_"), "seed": int(trial["seed"]),
           "max_epochs": int(values["maxEpochs"]), "learning_rate": values["learningRate"],
           "batch_size": int(values["batchSize"]), "optimizer": values["optimizer"].removeprefix("OPTIMIZER_").lower(),
           "weight_decay": values["weightDecay"], "schedule": values["schedule"].removeprefix("SCHEDULE_").lower(),
           "attempt": int(trial.get("attempt", 0)), "worker": trial.get("worker", "").removeprefix("workers/") or None,
           "epochs_done": int(trial.get("epochsDone", 0)), "start_time": trial.get("startTime"),
           "end_time": trial.get("endTime"), "model": trial.get("model", "").removeprefix("models/") or None,
           "failure_reason": trial.get("failureReason", "").removeprefix("FAILURE_REASON_") or None,
           "failure_message": trial.get("failureMessage") or None, "validation": "held_out" if result else None}
    for name in REAL:
        row[name] = float(result.get(camel(name), 0)) if result else None
    for name in WHOLE:
        row[name] = int(result.get(camel(name), 0)) if result else None
    for name in TEXT:
        row[name] = (result.get(camel(name)) or None) if result else None
    return row


def time_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


class ResultsTest(Cluster):

    def setUp(self):
        super().setUp()
        self.start_server()
        self.start_worker(slots=2)
        self.submit(small_sweep(repeats=2, display_name='grid "one", 100 %', keep_models="KEEP_MODELS_ALL",
                                grid={"learning_rate": [1e-5, 1e-3], "optimizer": ["OPTIMIZER_ADAM", "OPTIMIZER_SGD"]}),
                    "grid-one")
        failing = small_sweep(repeats=2)
        failing["dataset"] = {"name": "not-there"}
        self.submit(failing, "failing")
        self.wait_ended("grid-one")
        self.wait_ended("failing")

    def trials(self, sweep_id):
        return [self.cli_json("trial", "show", t["name"].removeprefix("sweeps/").replace("/trials/", "/"))
                for t in self.cli_json("sweep", "trials", sweep_id)["trials"]]

    def assert_row(self, row, wanted):
        times = ("start_time", "end_time")
        self.assertEqual({k: v for k, v in row.items() if k not in times},
                         {k: v for k, v in wanted.items() if k not in times})
        for name in times:
            self.assertEqual(time_of(row[name]), time_of(wanted[name]))

    def test_csv(self):
        for sweep_id in ("grid-one", "failing"):
            path = self.folder / f"{sweep_id}.csv"
            self.assertEqual(self.cli("sweep", "export", sweep_id, "-o", path).stdout,
                             f"{path}: {8 if sweep_id == 'grid-one' else 2} trials\n")
            trials = self.trials(sweep_id)
            with open(path, newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file, strict=True))
            self.assertEqual(len(rows), len(trials))
            for row, trial in zip(rows, trials):
                wanted = row_of(sweep_id, trial)
                self.assertEqual(set(row), set(wanted))
                for name, value in row.items():
                    kind = type(wanted[name])
                    value = kind(value) if value and kind in (int, float) else value or None
                    row[name] = value
                self.assert_row(row, wanted)

    def test_json(self):
        for sweep_id in ("grid-one", "failing"):
            path = self.folder / f"{sweep_id}.json"
            self.cli("sweep", "export", sweep_id, "--format", "json", "-o", path)
            document = json.loads(path.read_text(encoding="utf-8"))
            lines = self.cli("sweep", "export", sweep_id, "--format", "jsonl").stdout.splitlines()
            self.assertEqual([json.loads(line) for line in lines], document["trials"])
            self.assertEqual(document["sweep"]["name"], f"sweeps/{sweep_id}")
            trials = self.trials(sweep_id)
            self.assertEqual(len(document["trials"]), len(trials))
            for row, trial in zip(document["trials"], trials):
                points, attempts = row.pop("epoch_points"), row.pop("attempts")
                self.assert_row(row, row_of(sweep_id, trial))
                self.assertEqual(len(points), len(trial.get("epochs", [])))
                for point, epoch in zip(points, trial.get("epochs", [])):
                    self.assertEqual(point, {"epoch": int(epoch.get("epoch", 0))} | {
                        name: float(epoch.get(camel(name), 0)) for name in (
                            "learning_rate", "train_loss", "train_loss_last_step", "train_acc_last_step", "val_acc",
                            "val_loss", "val_loss_batch_mean", "seconds")})
                self.assertEqual([a["outcome"] for a in attempts], [a["outcome"] for a in trial["attempts"]])
            answer = self.grpcurl("bitsweep.v1.SweepService/ListConfigurations", {"parent": f"sweeps/{sweep_id}"})
            self.assertEqual([c["val_acc"].get("mean") for c in document["configurations"]],
                             [c["valAcc"].get("mean") for c in answer["configurations"]])

    def test_the_sweep_of_the_document_can_be_submitted_again(self):
        document = json.loads(self.cli("sweep", "export", "grid-one", "--format", "json").stdout)
        again = self.cli("sweep", "submit", "-", "--validate-only", stdin=json.dumps({"sweep": document["sweep"]}))
        self.assertIn("4 configurations x 2 repeats = 8 trials", again.stdout)

    def test_a_file_is_whole_or_not_there(self):
        self.assertEqual(self.server.terminate(), 0)
        path = self.folder / "out.csv"
        self.assertEqual(self.cli("sweep", "export", "grid-one", "-o", path, check=False).returncode, 4)
        self.assertEqual([p for p in self.folder.iterdir() if p.name.startswith("out.csv")], [])


if __name__ == "__main__":
    unittest.main()
