# SPDX-License-Identifier: Apache-2.0
"""The same sweep gives the same numbers, whatever the workers, their order, or a restart in the middle."""
import hashlib
import unittest

from cluster import Cluster, small_sweep, wait_until

HYPERPARAMETERS = "max_epochs, learning_rate, batch_size, optimizer, weight_decay, schedule"
RESULT = f"""
  select {HYPERPARAMETERS}, t.repeat, t.seed, t.val_acc, t.val_loss, t.val_loss_batch_mean, t.train_acc_last_step,
         t.train_loss_last_step, t.best_epoch, t.best_val_acc, t.epochs, t.steps, t.train_rows, t.validation_rows,
         t.data_digest, t.artifact
  from trials t join configurations c on c.sweep = t.sweep and c.number = t.configuration
  order by {HYPERPARAMETERS}, t.repeat"""
EPOCHS = f"""
  select {HYPERPARAMETERS}, t.repeat, e.epoch, e.learning_rate, e.train_loss, e.train_loss_last_step,
         e.train_acc_last_step, e.val_acc, e.val_loss, e.val_loss_batch_mean
  from epochs e join trials t on t.job = e.job
  join configurations c on c.sweep = t.sweep and c.number = t.configuration
  order by {HYPERPARAMETERS.replace("learning_rate", "c.learning_rate")}, t.repeat, e.epoch"""

POINTS = [{"learning_rate": rate, "batch_size": size, "optimizer": optimizer}
          for rate in (1e-3, 1e-2) for size in (48, 100) for optimizer in ("OPTIMIZER_ADAM", "OPTIMIZER_SGD")]


def sweep(points, engine, rows):
    return small_sweep(epochs=4, repeats=2, rows=rows, points=points, keep_models="KEEP_MODELS_ALL",
                       engine=engine) | {"model": {"builtin": "jsc-trt"}}


class DeterminismTest(Cluster):
    SERVER_ARGUMENTS = ["--lease-ttl", "3s"]

    def digest(self, run):
        """Runs in a fresh store and returns the digest of all result rows."""
        self.store = self.folder / f"store-{self._testMethodName}-{len(list(self.folder.glob('store-*')))}"
        self.start_server()
        run()
        self.assertEqual(self.wait_ended("same")["state"], "STATE_SUCCEEDED")
        for worker in self.workers.values():
            self.assertEqual(worker.terminate(), 0)
        self.workers.clear()
        self.assertEqual(self.server.terminate(), 0)
        results, epochs = self.rows(RESULT), self.rows(EPOCHS.replace(", learning_rate, batch", ", c.learning_rate, batch", 1))
        self.assertEqual(len(results), 2 * len(POINTS))
        self.assertEqual(len(epochs), 4 * len(results))
        self.assertEqual(len({row[7] for row in results}), len(results), "seeds differ")
        return hashlib.sha256(repr((results, epochs)).encode()).hexdigest()

    def test_slots_order_and_restarts_change_nothing_on_libtorch(self):
        self.check("ENGINE_LIBTORCH", 4000)

    def test_slots_order_and_restarts_change_nothing_on_the_fused_engine(self):
        self.check("ENGINE_FUSED", 20000)  # more rows: the restarts shall find it in the middle

    def check(self, engine, rows):
        def one_slot():
            self.start_worker("worker-one", 1)
            self.submit(sweep(POINTS, engine, rows), "same")

        def four_slots_in_two_workers_in_another_order():
            self.start_worker("worker-two", 3)
            self.start_worker("worker-three", 1)
            self.submit(sweep(POINTS[::-1][3:] + POINTS[::-1][:3], engine, rows), "same")

        def restarts_in_the_middle():
            self.start_worker("worker-four", 2)
            self.submit(sweep(POINTS, engine, rows), "same")
            wait_until(lambda: self.counts("same").get("succeeded", 0) >= 3, "some trials are done", interval=0.01)
            self.assertLess(self.counts("same").get("succeeded", 0), 2 * len(POINTS), "it is in the middle")
            self.workers["worker-four"].kill()
            self.server.kill()
            self.start_server()
            self.start_worker("worker-four", 2)

        expected = self.digest(one_slot)
        self.assertEqual(self.digest(four_slots_in_two_workers_in_another_order), expected)
        self.assertEqual(self.digest(restarts_in_the_middle), expected)


if __name__ == "__main__":
    unittest.main()
