# SPDX-License-Identifier: Apache-2.0
"""`bitsweep sweep export --format optuna`, read by the real Optuna and by its dashboard's loader and pages."""
import datetime
import io
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

import optuna  # noqa: E402
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution  # noqa: E402
from optuna.trial import TrialState  # noqa: E402
from optuna_dashboard import wsgi  # noqa: E402
from optuna_dashboard._storage_url import get_storage  # noqa: E402

from cluster import Cluster, small_sweep, wait_until  # noqa: E402

METRICS = {"val_acc": "valAcc", "val_loss": "valLoss", "val_loss_batch_mean": "valLossBatchMean",
           "best_val_acc": "bestValAcc", "train_acc_last_step": "trainAccLastStep", "seconds": "seconds"}
STATES = {"STATE_QUEUED": TrialState.WAITING, "STATE_LEASED": TrialState.RUNNING, "STATE_RUNNING": TrialState.RUNNING,
          "STATE_SUCCEEDED": TrialState.COMPLETE, "STATE_FAILED": TrialState.FAIL, "STATE_CANCELLED": TrialState.FAIL,
          "STATE_DEAD": TrialState.FAIL}


def time_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


def utc(time):
    return time.astimezone(datetime.timezone.utc) if time else None  # Optuna's are naive, in the zone of the machine


class OptunaTest(Cluster):

    def study(self, sweep_id, *options):
        path = self.folder / f"{sweep_id}.log"
        self.cli("sweep", "export", sweep_id, "--format", "optuna", "-o", path, *options)
        storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(path)))
        return optuna.load_study(study_name=sweep_id, storage=storage)

    def trials(self, sweep_id):
        """Ours, from the API: each with its epochs."""
        return [self.cli_json("trial", "show", t["name"].removeprefix("sweeps/").replace("/trials/", "/"))
                for t in self.cli_json("sweep", "trials", sweep_id)["trials"]]

    def assert_equal_trials(self, study, ours, metric="val_acc"):
        theirs = study.get_trials()
        self.assertEqual(len(theirs), len(ours))
        for their, our in zip(theirs, ours):
            with self.subTest(metric=metric, trial=our["name"]):
                result = our.get("result", {})
                state = STATES[our["state"]]
                self.assertEqual(their.number, int(our["name"].rsplit("/", 1)[1]))
                self.assertEqual(their.state, state)
                self.assertEqual(their.value, result.get(METRICS[metric], 0.0) if result else None)
                values = our["hyperparameters"]
                self.assertEqual(their.params, {
                    "max_epochs": int(values["maxEpochs"]), "learning_rate": values["learningRate"],
                    "batch_size": int(values["batchSize"]), "weight_decay": values["weightDecay"],
                    "optimizer": values["optimizer"].removeprefix("OPTIMIZER_").lower(),
                    "schedule": values["schedule"].removeprefix("SCHEDULE_").lower()})
                for name, distribution in their.distributions.items():
                    self.assertTrue(distribution._contains(distribution.to_internal_repr(their.params[name])), name)
                per_epoch = METRICS["val_acc" if metric == "best_val_acc" else metric]
                self.assertEqual(their.intermediate_values,
                                 {int(e.get("epoch", 0)): e.get(per_epoch, 0.0) for e in our.get("epochs", [])})
                waits = state == TrialState.WAITING
                start = our.get("startTime") or next((a["leaseTime"] for a in reversed(our.get("attempts", []))),
                                                     our.get("endTime"))
                self.assertEqual(utc(their.datetime_start), None if waits else time_of(start))
                self.assertEqual(utc(their.datetime_complete), time_of(our.get("endTime")))
                wanted = {"configuration": int(our["configuration"].rsplit("/", 1)[1]),
                          "repeat": int(our.get("repeat", 0)), "seed": int(our["seed"]),
                          "state": our["state"].removeprefix("STATE_"), "attempt": int(our.get("attempt", 0)),
                          "epochs_done": int(our.get("epochsDone", 0))}
                for name, text in (("worker", our.get("worker")), ("model", our.get("model"))):
                    if text:
                        wanted[name] = text.rsplit("/", 1)[1]
                if "failureReason" in our:
                    wanted["failure_reason"] = our["failureReason"].removeprefix("FAILURE_REASON_")
                    wanted["failure_message"] = our["failureMessage"]
                if result:
                    for name in ("val_acc", "val_loss", "val_loss_batch_mean", "train_acc_last_step",
                                 "train_loss_last_step", "best_val_acc", "seconds", "rows_per_second"):
                        wanted[name] = result.get(self.camel(name), 0.0)
                    for name in ("best_epoch", "epochs", "steps", "train_rows", "validation_rows", "artifact_bytes",
                                 "parameter_count"):
                        wanted[name] = int(result.get(self.camel(name), 0))
                    for name in ("engine", "engine_version", "data_digest", "artifact", "graph_name"):
                        if result.get(self.camel(name)):
                            wanted[name] = result[self.camel(name)]
                    wanted["validation"] = "held_out"
                self.assertEqual(their.user_attrs, wanted)

    @staticmethod
    def camel(name):
        first, *others = name.split("_")
        return first + "".join(word.capitalize() for word in others)

    def get(self, app, path):
        """One page of the dashboard, called in process."""
        answer = {}

        def start(status, headers, error=None):
            answer["status"] = status
        body = b"".join(app({"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": "", "SERVER_NAME": "here",
                             "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http",
                             "wsgi.input": io.BytesIO(), "wsgi.errors": sys.stderr}, start))
        self.assertEqual(answer["status"], "200 OK", body)
        return json.loads(body)

    def run_grid(self):
        self.start_server()
        self.start_worker(slots=2)
        self.submit(small_sweep(repeats=3, rows=2000, display_name="grid", keep_models="KEEP_MODELS_BEST",
                                grid={"learning_rate": [1e-4, 1e-3, 1e-2], "batch_size": ["32", "128"],
                                      "optimizer": ["OPTIMIZER_ADAM", "OPTIMIZER_SGD"]}), "grid-one")
        self.assertEqual(self.wait_ended("grid-one")["state"], "STATE_SUCCEEDED")

    def test_a_study_is_the_sweep(self):
        self.run_grid()
        ours = self.trials("grid-one")
        self.assertEqual(len(ours), 36)
        sweep = self.sweep("grid-one")
        for metric in METRICS:
            study = self.study("grid-one", "--metric", metric)
            self.assert_equal_trials(study, ours, metric)
            self.assertEqual(study.metric_names, [metric])
            key = METRICS[metric]
            best = sorted(ours, key=lambda t: t["result"][key], reverse="Acc" in key)[0]  # the first of equals
            self.assertEqual(study.best_trial.number, int(best["name"].rsplit("/", 1)[1]))
            self.assertEqual(study.best_value, best["result"][key])
            self.assertEqual(study.direction.name, "MAXIMIZE" if "Acc" in key else "MINIMIZE")
        study = self.study("grid-one")
        served = self.cli_json("sweep", "trials", "grid-one", "--sort", "val_acc desc")["trials"][0]
        self.assertEqual(study.best_trial.number, int(served["name"].rsplit("/", 1)[1]))
        self.assertTrue(study.best_trial.user_attrs["model"], "the best trial's checkpoint is kept")
        self.assertEqual(study.user_attrs, {"sweep": "sweeps/grid-one", "display_name": "grid",
                                            "data_digest": sweep["dataDigest"], "spec_digest": sweep["specDigest"]})
        self.assertEqual(study.trials[0].distributions["learning_rate"], FloatDistribution(1e-4, 1e-2, log=True))
        self.assertEqual(study.trials[0].distributions["batch_size"], IntDistribution(32, 128))
        self.assertEqual(study.trials[0].distributions["optimizer"], CategoricalDistribution(("adam", "sgd")))
        importances = optuna.importance.get_param_importances(study)
        self.assertEqual(set(importances), set(study.best_params))
        self.assertAlmostEqual(sum(importances.values()), 1.0, places=9)
        self.assertGreater(importances["learning_rate"], 0)
        self.assertEqual(importances["max_epochs"], 0.0)

    def test_the_dashboard_shows_it(self):
        self.run_grid()
        ours = self.trials("grid-one")
        self.study("grid-one")
        path = str(self.folder / "grid-one.log")
        app = wsgi(get_storage(path))
        studies = self.get(app, "/api/studies")["study_summaries"]
        self.assertEqual([s["study_name"] for s in studies], ["grid-one"])
        self.assertEqual(studies[0]["directions"], ["maximize"])
        detail = self.get(app, f"/api/studies/{studies[0]['study_id']}")
        self.assertEqual(len(detail["trials"]), len(ours))
        self.assertEqual(detail["objective_names"], ["val_acc"])
        self.assertTrue(detail["has_intermediate_values"])
        self.assertEqual(len(detail["intersection_search_space"]), 6)
        for shown, our in zip(detail["trials"], ours):
            self.assertEqual(shown["state"], "Complete")
            self.assertEqual(shown["values"], [our["result"]["valAcc"]])
            self.assertEqual([v["value"] for v in shown["intermediate_values"]], [e["valAcc"] for e in our["epochs"]])
            attributes = {a["key"]: a["value"] for a in shown["user_attrs"]}
            self.assertEqual(attributes["seed"], our["seed"])
        best = max(t["result"]["valAcc"] for t in ours)
        self.assertEqual([t["values"] for t in detail["best_trials"]], [[best]])
        importances = self.get(app, f"/api/studies/{studies[0]['study_id']}/param_importances")
        self.assertEqual(len(importances["param_importances"][0]), 6)

    def test_trials_that_wait_run_fail_or_are_cancelled(self):
        self.start_server()
        self.submit(small_sweep(repeats=2), "waiting")
        self.assert_equal_trials(self.study("waiting"), self.trials("waiting"))
        self.cli("sweep", "cancel", "waiting")
        study = self.study("waiting")
        self.assert_equal_trials(study, self.trials("waiting"))
        self.assertEqual([t.state for t in study.trials], [TrialState.FAIL] * 2)
        self.start_worker(slots=1)
        failing = small_sweep(repeats=1)
        failing["dataset"] = {"name": "not-there"}
        self.submit(failing, "failing")
        self.wait_ended("failing")
        study = self.study("failing")
        self.assert_equal_trials(study, self.trials("failing"))
        self.assertEqual(study.trials[0].user_attrs["failure_reason"], "DATASET_NOT_FOUND")
        copy = optuna.create_study()  # which checks each trial, as copy_study does
        copy.add_trials([*self.study("waiting").trials, *study.trials])
        self.assertEqual(len(copy.trials), 3)
        self.submit(small_sweep(epochs=40000, repeats=6, rows=20000), "running")
        wait_until(lambda: int(self.cli_json("trial", "show", "running/0").get("epochsDone", 0)) > 1, "two epochs")
        study = self.study("running")
        self.assertEqual(study.trials[0].state, TrialState.RUNNING)
        self.assertEqual(study.trials[5].state, TrialState.WAITING)
        for trial in study.trials:  # also of one that a worker holds and has not started
            self.assertEqual(trial.datetime_start is None, trial.state == TrialState.WAITING)
        running = study.trials[0]
        self.assertGreater(len(running.intermediate_values), 1)
        self.assertIsNone(running.value)
        self.assertEqual(utc(running.datetime_start), time_of(self.trials("running")[0]["startTime"]))
        app = wsgi(get_storage(str(self.folder / "running.log")))
        shown = [t["state"] for t in self.get(app, "/api/studies/0")["trials"]]
        self.assertEqual((shown[0], shown[5]), ("Running", "Waiting"))
        self.cli("sweep", "cancel", "running")

    def test_a_loss_that_is_no_number_is_a_failure(self):
        self.start_server()
        self.start_worker(slots=1)
        sweep = small_sweep(epochs=3, repeats=1)
        sweep["base"] |= {"learning_rate": 1e6, "optimizer": "OPTIMIZER_SGD", "schedule": "SCHEDULE_CONSTANT"}
        self.submit(sweep, "lost")
        self.wait_ended("lost")
        study = self.study("lost", "--metric", "val_loss")
        self.assert_equal_trials(study, self.trials("lost"), "val_loss")
        self.assertEqual(study.trials[0].user_attrs["failure_reason"], "NAN_LOSS")
        self.get(wsgi(get_storage(str(self.folder / "lost.log"))), "/api/studies/0")

    def test_the_space_of_a_random_search(self):
        self.start_server()
        self.submit(small_sweep(repeats=1, random={
            "count": "20", "learning_rate": {"min": 1e-4, "max": 3e-2, "scale": "SCALE_LOG"},
            "batch_size": {"values": ["32", "64", "512"]}, "max_epochs": {"min": "1", "max": "40"},
            "optimizer": ["OPTIMIZER_ADAM", "OPTIMIZER_ADAMW"]}), "drawn")
        study = self.study("drawn")
        self.assert_equal_trials(study, self.trials("drawn"))
        distributions = study.trials[0].distributions
        self.assertEqual(distributions["learning_rate"], FloatDistribution(1e-4, 3e-2, log=True))
        self.assertEqual(distributions["batch_size"], IntDistribution(32, 512, log=True))
        self.assertEqual(distributions["max_epochs"], IntDistribution(1, 40))
        self.assertEqual(distributions["optimizer"], CategoricalDistribution(("adam", "adamw")))
        self.assertEqual(distributions["schedule"], CategoricalDistribution(("cosine",)))


if __name__ == "__main__":
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    unittest.main()
