#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A protected server and its callers: TLS, tokens, certificates of clients; and a backup that is restored."""
import json
import os
import subprocess
import unittest

from cluster import BIN, ROOT, TOOLS, Cluster, small_sweep, wait_until


class Protected(Cluster):
    """A server with TLS, an admin's and a worker's token."""

    def setUp(self):
        super().setUp()
        self.certs = self.folder / "certs"
        subprocess.run([ROOT / "deploy" / "make-dev-certs.sh", self.certs], check=True, capture_output=True)

    @property
    def address(self):
        return f"localhost:{self.grpc_port}"

    def protection(self):
        return ["--tls-cert", self.certs / "server.pem", "--tls-key", self.certs / "server-key.pem",
                "--token-file", f"admin={self.certs / 'admin.token'}",
                "--token-file", f"worker={self.certs / 'worker.token'}"]

    def tls(self):
        return ["--tls-ca", self.certs / "ca.pem"]

    def as_admin(self):
        return [*self.tls(), "--token-file", self.certs / "admin.token"]

    def as_worker(self):
        return [*self.tls(), "--token-file", self.certs / "worker.token"]

    def with_token(self, token, *arguments):
        """The client with a token in its environment."""
        return subprocess.run([BIN / "bitsweep", "--server", self.address, *map(str, self.tls()), *arguments],
                              capture_output=True, text=True, timeout=60, env=os.environ | {"BITSWEEP_TOKEN": token})

    def submitted(self, name, **fields):
        file = self.folder / "sweep.json"
        file.write_text(json.dumps({"sweep_id": name, "sweep": small_sweep(**{"epochs": 2, "repeats": 3} | fields)}))
        return file

    def submit_as_admin(self, name, **fields):
        self.cli(*self.as_admin(), "sweep", "submit", self.submitted(name, **fields))


class AccessTest(Protected):
    def test_a_sweep_runs_over_tls_with_tokens(self):
        self.start_server(*self.protection())
        self.start_worker("worker-one", 2, *self.as_worker())
        made = self.cli(*self.as_admin(), "token", "create", "people", "--scope", "submit", "--expires", "1h")
        token = made.stdout.strip()
        done = self.with_token(token, "sweep", "submit", str(self.submitted("lab-1")), "--watch")
        self.assertEqual(done.returncode, 0, done.stderr)
        listed = self.with_token(token, "--json", "sweep", "trials", "lab-1")
        self.assertEqual([trial["state"] for trial in json.loads(listed.stdout)["trials"]], ["STATE_SUCCEEDED"] * 3)
        self.assertEqual(self.cli(*self.as_admin(), "server", "verify", "--deep").returncode, 0)
        log = self.server.log.read_text() + self.workers["worker-one"].log.read_text()
        for secret in [token, *((self.certs / f"{name}.token").read_text().strip() for name in ("admin", "worker"))]:
            self.assertNotIn(secret, log)

        refused = self.with_token(token, "token", "list")
        self.assertEqual(refused.returncode, 3)
        self.assertIn("SCOPE_MISSING", refused.stderr)
        self.cli(*self.as_admin(), "token", "revoke", "people")
        refused = self.with_token(token, "sweep", "list")
        self.assertEqual(refused.returncode, 3)
        self.assertIn("TOKEN_REVOKED", refused.stderr)

    def test_who_may_not_gets_nothing(self):
        self.start_server(*self.protection())
        sweep = str(self.submitted("lab-1"))
        for arguments, reason in [
                ([*self.as_worker(), "sweep", "submit", sweep], "SCOPE_MISSING"),
                ([*self.as_worker(), "sweep", "list"], "SCOPE_MISSING"),
                ([*self.tls(), "sweep", "list"], "TOKEN_MISSING"),
                ([*self.tls(), "--token", "a-wrong-token-0123", "sweep", "list"], "TOKEN_INVALID")]:
            done = self.cli(*arguments, check=False)
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn(reason, done.stderr)
        plain = self.cli("--timeout", "2s", "sweep", "list", check=False)
        self.assertEqual(plain.returncode, 4)
        self.assertIn("UNAVAILABLE", plain.stderr)
        self.assertEqual(self.cli(*self.tls(), "server", "health").stdout, "SERVING\n")
        self.assertEqual(json.loads(self.cli(*self.as_admin(), "--json", "sweep", "list").stdout), {})

    def test_grpcurl_with_a_token(self):
        self.start_server(*self.protection())
        token = (self.certs / "admin.token").read_text().strip()

        def grpcurl(*headers):
            return subprocess.run([TOOLS / "grpcurl", "-cacert", self.certs / "ca.pem", *headers, self.address,
                                   "bitsweep.v1.AdminService/GetServerInfo"],
                                  capture_output=True, text=True, timeout=60)
        self.assertIn("sqlite", grpcurl("-H", f"authorization: Bearer {token}").stdout)
        self.assertIn("Unauthenticated", grpcurl().stderr)

    def test_a_worker_without_a_token_ends_and_says_why(self):
        self.start_server(*self.protection())
        worker = self.start_worker("worker-one", 1, *self.tls())
        self.assertNotEqual(worker.popen.wait(60), 0)
        self.assertIn("authorization: Bearer", worker.tail())

    def test_a_workers_token_is_exchanged_while_it_trains(self):
        self.start_server(*self.protection())
        token_file = self.folder / "worker.token"

        def make(name):
            return self.cli(*self.as_admin(), "token", "create", name, "--scope", "worker").stdout
        token_file.write_text(make("first"))
        worker = self.start_worker("worker-one", 1, *self.tls(), "--token-file", token_file)
        self.submit_as_admin("lab-1", epochs=60, repeats=40)

        def succeeded():
            sweep = self.cli_json(*self.as_admin(), "sweep", "show", "lab-1")
            return int(sweep.get("counts", {}).get("succeeded", 0))
        wait_until(lambda: succeeded() >= 2, "two trials have ended")
        self.cli(*self.as_admin(), "token", "revoke", "first")
        wait_until(lambda: "tokens/first was revoked" in worker.log.read_text(), "the worker was refused")
        done = succeeded()
        self.assertLess(done, 40)
        token_file.write_text(make("second"))
        wait_until(lambda: succeeded() == 40, "all trials have ended", 120)
        trials = self.cli_json(*self.as_admin(), "sweep", "trials", "lab-1")["trials"]
        self.assertEqual({trial["attempt"] for trial in trials}, {"1"})

    def test_certificates_of_clients(self):
        self.start_server(*self.protection()[:4], "--tls-client-ca", self.certs / "ca.pem")
        shown = [*self.tls(), "--tls-cert", self.certs / "client.pem", "--tls-key", self.certs / "client-key.pem"]
        self.assertEqual(self.cli(*shown, "server", "health").stdout, "SERVING\n")
        self.start_worker("worker-one", 1, *shown)
        self.assertEqual(self.cli(*shown, "sweep", "submit", self.submitted("lab-1"), "--watch").returncode, 0)
        self.assertEqual(self.cli(*self.tls(), "--timeout", "2s", "sweep", "list", check=False).returncode, 4)

    def test_it_does_not_start_unprotected_where_others_reach_it(self):
        for arguments in ([], self.protection()[:4], self.protection()[4:]):
            done = subprocess.run([BIN / "bitsweep-server", "--listen", "0.0.0.0:0", "--data-dir", self.store,
                                   "--metrics-listen", "off", *map(str, arguments)],
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 1)
            self.assertIn("--insecure", done.stderr)
        self.assertFalse(self.store.exists())
        self.start_server(*self.protection(), host="0.0.0.0")
        self.assertEqual(self.cli(*self.tls(), "server", "health").stdout, "SERVING\n")


class BackupTest(Cluster):
    def test_a_backup_made_in_the_middle_is_restored_and_finished(self):
        self.start_server()
        worker = self.start_worker("worker-one", 1)
        self.submit(small_sweep(epochs=2, repeats=12, keepModels="KEEP_MODELS_ALL"), "lab-1")
        wait_until(lambda: self.counts("lab-1").get("succeeded", 0) >= 3, "some trials have ended")
        backup = self.folder / "backup.tar"
        said = self.cli_json("server", "backup", backup)
        self.assertEqual(said["contents"]["trials"], "12")
        self.assertEqual(int(said["sizeBytes"]), backup.stat().st_size)
        self.assertEqual(backup.stat().st_mode & 0o777, 0o600)
        again = self.cli("server", "backup", backup, check=False)
        self.assertEqual(again.returncode, 2)
        self.assertIn("--force", again.stderr)
        self.wait_ended("lab-1")
        first = {t["name"]: t["result"]["valAcc"] for t in self.cli_json("sweep", "trials", "lab-1")["trials"]}
        worker.terminate()
        self.server.terminate()

        restored = self.folder / "restored"
        restored.mkdir()
        subprocess.run(["tar", "-xf", backup, "-C", restored], check=True)
        self.store = restored
        self.start_server()
        before = self.counts("lab-1")
        self.assertGreaterEqual(before["succeeded"], 3)
        self.start_worker("worker-two", 2)
        self.wait_ended("lab-1")
        second = {t["name"]: t["result"]["valAcc"] for t in self.cli_json("sweep", "trials", "lab-1")["trials"]}
        self.assertEqual(second, first)
        self.assertEqual(len(second), 12)
        self.assertEqual(self.cli("server", "verify", "--deep").returncode, 0)


if __name__ == "__main__":
    unittest.main()
