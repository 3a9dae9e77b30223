#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Dockerfile and deploy/compose.yaml, built and run by an engine: what docs/deployment.md says of containers.

Exit code 77 where no engine can run, with the reason; 1 when BITSWEEP_REQUIRE_DOCKER is 1.
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "e2e"))
from cluster import BIN, ROOT, TOOLS, json_names, small_sweep, wait_until  # noqa: E402
from engine import BASE, Engine, Unavailable, run  # noqa: E402

PROJECT = "bitsweep-test"
TAG = "test"
DEPLOY = ROOT / "deploy"
COMPOSE_1 = shutil.which("docker-compose", path="/usr/bin:" + os.environ["PATH"])
COMPOSE_2 = TOOLS / "docker-compose-v2"
PROMETHEUS = "bitsweep-test/prometheus"
engine = None
started = time.monotonic()


def say(text):
    print(f"[{time.monotonic() - started:5.0f} s] {text}", flush=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# A build's, so that a commit meanwhile changes nothing.
REVISION = run(["git", "-C", ROOT, "rev-parse", "--short=12", "HEAD"], check=False).stdout.strip() or "unknown"


class Stack:
    """One project of compose, with the options of a test beside the files that users have."""

    def __init__(self, program, *files, environment=None):
        self.program = program
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="bitsweep-compose-"))
        self.ports = {name: free_port() for name in ("BITSWEEP_PORT", "PROMETHEUS_PORT", "GRAFANA_PORT")}
        self.environment = engine.environment | {k: str(v) for k, v in self.ports.items()} | {
            "BITSWEEP_TAG": TAG, "BITSWEEP_REVISION": REVISION, "BITSWEEP_SLOTS": "1"} | (environment or {})
        override = {"services": {name: {"environment": {"BITSWEEP_GRACE": "5s"}, "build": {"args": build_arguments()}}
                                 for name in ("server", "worker")}}
        (self.folder / "test.yaml").write_text(json.dumps(override))
        self.files = [*files, self.folder / "test.yaml"]

    def __call__(self, *arguments, **options):
        words = [word for file in self.files for word in ("-f", file)]
        return run([self.program, "-p", PROJECT, *words, *arguments], environment=self.environment,
                   **({"seconds": 900} | options))

    @property
    def address(self):
        return f"127.0.0.1:{self.ports['BITSWEEP_PORT']}"

    def containers(self, service):
        return self("ps", "-q", service).stdout.split()

    def container(self, service):
        found = self.containers(service)
        if len(found) != 1:
            raise AssertionError(f"{service}: {found}")
        return found[0]

    def wait_healthy(self, *services, seconds=90):
        def healthy():
            states = [engine.inspect(one, "{{.State.Health.Status}}") for service in services
                      for one in self.containers(service)]
            return len(states) >= len(services) and set(states) == {"healthy"}
        wait_until(healthy, f"{services} are healthy", seconds, 0.3)

    def down(self):
        self("--profile", "observability", "down", "-v", "--remove-orphans", "-t", "10", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def build_arguments():
    """The path of the checkout, so that what its own build compiled is found in ccache's folder."""
    arguments = {"SOURCE_DIR": str(ROOT)}
    if os.environ.get("LANG"):
        arguments["LANG"] = os.environ["LANG"]
    if engine.ccache:
        arguments["CCACHE_IMAGE"] = engine.ccache
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"):
        if os.environ.get(name):
            arguments[name] = os.environ[name]
    return arguments


class ComposeTest(unittest.TestCase):
    """The stack of the class, and the client."""

    stack = None
    client_options = ()
    grpcurl_options = ("-plaintext",)
    maxDiff = None

    def tearDown(self):
        outcome = self._outcome
        errors = getattr(outcome, "errors", None) or [
            (case, text) for case, text in (outcome.result.failures + outcome.result.errors) if case is self]
        if any(text for _, text in errors) and self.stack:
            print(self.stack("ps", check=False).stdout)
            print(self.stack("logs", "--no-color", "--tail", "40", check=False).stdout[-12000:])

    @classmethod
    def start(cls, stack, *services):
        cls.stack = stack
        cls.addClassCleanup(stack.down)
        stack("--profile", "observability", "up", "-d", "--no-build", *services)

    def cli(self, *arguments, check=True, options=None, seconds=300):
        options = self.client_options if options is None else options
        return run([BIN / "bitsweep", "--server", self.stack.address, *options, *arguments], check=check, seconds=seconds,
                   environment=engine.environment)

    def cli_json(self, *arguments):
        return json.loads(self.cli("--json", *arguments).stdout)

    def grpcurl(self, method, request, check=True, options=None):
        options = self.grpcurl_options if options is None else options
        done = subprocess.run([TOOLS / "grpcurl", *options, "-d", "@", self.stack.address, method],
                              input=json.dumps(request), capture_output=True, text=True, timeout=60)
        if check and done.returncode != 0:
            raise AssertionError(f"grpcurl {method}: {done.stderr}")
        return json.loads(done.stdout, object_pairs_hook=json_names) if done.returncode == 0 else done

    def submit(self, name, sweep):
        self.grpcurl("bitsweep.v1.SweepService/SubmitSweep", {"sweep": sweep, "sweep_id": name})

    def sweep(self, name):
        """None while the server does not answer."""
        answer = self.grpcurl("bitsweep.v1.SweepService/GetSweep", {"name": f"sweeps/{name}"}, check=False)
        return answer["sweep"] if isinstance(answer, dict) else None

    def counts(self, name):
        return {key: int(value) for key, value in ((self.sweep(name) or {}).get("counts") or {}).items()}

    def wait_ended(self, name, seconds=240):
        return wait_until(lambda: (lambda s: s if s and "endTime" in s else None)(self.sweep(name)),
                          f"{name} has ended", seconds, 0.3)

    def live_workers(self):
        done = self.cli("--json", "worker", "list", check=False)
        workers = json.loads(done.stdout).get("workers", []) if done.returncode == 0 else []
        return [worker for worker in workers if worker.get("state", "").endswith("LIVE")]


class ImagesTest(ComposeTest):
    def test_compose_files_are_valid(self):
        secure = ["-f", DEPLOY / "compose.yaml", "-f", DEPLOY / "compose.secure.yaml"]
        programs = [program for program in (COMPOSE_1, COMPOSE_2) if program and os.access(program, os.X_OK)]
        self.assertTrue(programs, "neither docker-compose nor Compose v2: deploy/install-deps.sh --dev")
        for program in programs:
            version = run([program, "version", "--short"]).stdout.strip()
            for files in (secure[:2], secure):
                for profile in ([], ["--profile", "observability"]):
                    services = run([program, *files, *profile, "config", "--services"],
                                   environment=engine.environment).stdout.split()
                    # 1.29 lists the services of every profile.
                    expected = {"server", "worker"} | ({"prometheus", "grafana"} if profile else set())
                    self.assertLessEqual(expected, set(services), f"{version} {files} {profile}")
            say(f"valid for {pathlib.Path(program).name} {version}")

    def test_images_say_what_they_are(self):
        version = re.search(r"project\(bitsweep VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
        self.assertEqual(run([BIN / "bitsweep", "--version"]).stdout.split()[1], version)
        for name, program in (("server", "bitsweep-server"), ("worker", "bitsweep-worker"), ("cli", "bitsweep")):
            image = f"bitsweep/{name}:{TAG}"
            config = json.loads(engine("image", "inspect", "--format", "{{json .Config}}", image).stdout)
            self.assertEqual(config["User"], "10001:10001")
            self.assertEqual(config["StopSignal"], "SIGTERM")
            self.assertEqual(config["Entrypoint"], [program])
            self.assertEqual(bool(config.get("Healthcheck")), name != "cli")
            labels = config["Labels"]
            self.assertEqual(labels["org.opencontainers.image.revision"], REVISION)
            self.assertEqual(labels["org.opencontainers.image.title"], program)
            self.assertEqual(engine("run", "--rm", "--read-only", image, "--version").stdout.split(),
                             [program, version, f"({REVISION})"])
            size = int(engine("image", "inspect", "--format", "{{.Size}}", image).stdout)
            say(f"{image}: {size / 1e6:.0f} MB")
        base = int(engine("image", "inspect", "--format", "{{.Size}}", BASE).stdout)
        say(f"of these {base / 1e6:.0f} MB are {BASE}")
        default = re.findall(r"^ARG VERSION=(\S+)$", (ROOT / "Dockerfile").read_text(), re.M)
        self.assertEqual(set(default), {version})

    def test_only_the_worker_has_libtorch(self):
        for name, there in (("server", False), ("cli", False), ("worker", True)):
            files = engine("run", "--rm", "-u", "0", "--entrypoint", "sh", f"bitsweep/{name}:{TAG}", "-c",
                           "find / -xdev -name 'libtorch*' -o -xdev -name '*.h' -o -xdev -name cc1plus").stdout.split()
            self.assertEqual(bool([file for file in files if "libtorch" in file]), there, files)
            self.assertEqual([file for file in files if "libtorch" not in file], [])

    def test_a_server_without_configuration_does_not_start(self):
        done = engine("run", "--rm", f"bitsweep/server:{TAG}", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("--insecure", done.stderr)

    def test_docker_stop_drains_without_compose(self):
        name = "bitsweep-test-alone"
        engine("rm", "-f", "-v", name, check=False)
        engine("run", "-d", "--name", name, "--read-only", "--cap-drop", "ALL", "--tmpfs", "/tmp", f"bitsweep/server:{TAG}",
               "--insecure")
        self.addCleanup(engine, "rm", "-f", "-v", name, check=False)
        wait_until(lambda: engine.inspect(name, "{{.State.Health.Status}}") == "healthy", "the server is healthy", 60, 0.3)
        engine("exec", name, "bitsweep", "server", "info")
        engine("stop", name)
        self.assertEqual(engine.inspect(name, "{{.State.ExitCode}} {{.State.OOMKilled}}"), "0 false")


class RunningTest(ComposeTest):
    """One after the other, on one stack with two workers and Prometheus."""

    @classmethod
    def setUpClass(cls):
        cls.services = ["--scale", "worker=2", "server", "worker", "prometheus"]
        cls.start(Stack(COMPOSE_1 or COMPOSE_2, DEPLOY / "compose.yaml",
                        environment={"PROMETHEUS_IMAGE": engine.prometheus}),
                  *cls.services)
        cls.stack.wait_healthy("server", "worker", "prometheus")
        say("server, two workers and Prometheus are healthy")

    def up(self):
        self.stack("--profile", "observability", "up", "-d", "--no-build", *self.services)

    def test_1_containers_are_hardened(self):
        for service in ("server", "worker", "prometheus"):
            for container in self.stack.containers(service):
                host = json.loads(engine.inspect(container, "{{json .HostConfig}}"))
                self.assertTrue(host["ReadonlyRootfs"])
                self.assertEqual(host["CapDrop"], ["ALL"])
                self.assertIn("no-new-privileges", str(host["SecurityOpt"]))
                self.assertEqual({bound["HostIp"] for bounds in host["PortBindings"].values() for bound in bounds or []}
                                 - {"127.0.0.1"}, set())
                self.assertNotEqual(engine("exec", container, "id", "-u").stdout.strip(), "0")
                for path in ("/file", "/usr/bin/file", "/etc/file"):
                    self.assertNotEqual(engine("exec", container, "touch", path, check=False).returncode, 0, path)
        self.assertNotEqual(
            engine("exec", self.stack.containers("worker")[0], "touch", "/datasets/file", check=False).returncode, 0)

    def submit_example(self, name, example, *changes):
        """An example's file through the client, with --watch."""
        text = f'sweep_id = "{name}"\n' + (DEPLOY / "examples" / example).read_text()
        for old, new in changes:
            self.assertIn(old, text)
            text = text.replace(old, new)
        file = self.stack.folder / example
        file.write_text(text)
        return self.cli("sweep", "submit", file, "--watch")

    def test_2_sweeps_from_the_host(self):
        done = self.submit_example("first", "lab1-small.toml", ("50_000", "4_000"))
        self.assertIn("val_acc", done.stdout)
        self.assertEqual(self.counts("first"), {"succeeded": 24})
        self.submit_example("from-a-file", "jsc1k.toml", ("repeats = 10", "repeats = 1"))  # below the mounted folder
        self.assertEqual(self.counts("from-a-file"), {"succeeded": 12})
        self.assertEqual(len(self.live_workers()), 2)

    def test_3_prometheus_scrapes_both(self):
        def up():
            query = urllib.parse.urlencode({"query": "up"})
            with urllib.request.urlopen(
                    f"http://127.0.0.1:{self.stack.ports['PROMETHEUS_PORT']}/api/v1/query?{query}", timeout=10) as answer:
                series = json.load(answer)["data"]["result"]
            found = sorted((one["metric"]["job"], one["value"][1]) for one in series
                           if one["metric"]["job"].startswith("bitsweep-"))
            return found == [("bitsweep-server", "1"), ("bitsweep-worker", "1"), ("bitsweep-worker", "1")]
        wait_until(up, "Prometheus has scraped the server and two workers", 90, 0.5)

    def test_4_killed_containers_lose_nothing(self):
        trials = 60
        self.submit("storm", small_sweep(engine="ENGINE_LIBTORCH", epochs=20, repeats=trials, rows=6000))
        wait_until(lambda: self.counts("storm").get("succeeded", 0) >= 3, "3 are done", 60)

        # A worker that is killed: the other goes on, and it comes back when told to.
        victim = self.stack.containers("worker")[0]
        engine("kill", victim)
        done = self.counts("storm").get("succeeded", 0)
        wait_until(lambda: self.counts("storm").get("succeeded", 0) >= done + 4, "the other worker goes on", 60)
        say(f"after `docker kill` of a worker it is {engine.inspect(victim, '{{.State.Status}}')}")
        self.up()
        wait_until(lambda: len(self.live_workers()) == 2, "two workers", 60, 0.3)

        # A server whose process dies: the engine starts it again.
        server = self.stack.container("server")
        pid = int(engine.inspect(server, "{{.State.Pid}}"))
        if pathlib.Path(f"/proc/{pid}/comm").exists() and \
                pathlib.Path(f"/proc/{pid}/comm").read_text().startswith("bitsweep-server"):
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: engine.inspect(server, "{{.RestartCount}}") == "1", "the server has been started again", 30)
            self.stack.wait_healthy("server")
            say("a server that dies is started again")
        else:
            say("NOT CHECKED: a server that dies (its process is not this machine's)")

        # A server that is killed: as for the worker.
        done = wait_until(lambda: self.counts("storm").get("succeeded"), "the server answers", 30)
        wait_until(lambda: self.counts("storm").get("succeeded", 0) > done, "the work goes on", 60)
        self.assertLess(done, trials - 4, "the sweep is too short for this test")
        engine("kill", server)
        wait_until(lambda: engine.inspect(server, "{{.State.Status}}") == "exited", "the killed server stays down", 30)
        self.up()
        self.stack.wait_healthy("server", "worker")
        engine("kill", self.stack.container("prometheus"))
        self.up()

        self.assertEqual(self.wait_ended("storm")["state"], "STATE_SUCCEEDED")
        self.assertEqual(self.counts("storm"), {"succeeded": trials})
        self.assertEqual(self.counts("first"), {"succeeded": 24})
        report = self.cli("server", "verify", "--deep")
        self.assertEqual(report.returncode, 0, report.stdout)
        self.test_3_prometheus_scrapes_both()

    def test_5_docker_stop_drains(self):
        self.submit("drained", small_sweep(engine="ENGINE_LIBTORCH", epochs=4000, repeats=4, rows=20000))
        wait_until(lambda: self.counts("drained").get("running", 0) == 2, "both workers train", 60)
        worker = self.stack.containers("worker")[0]
        begin = time.monotonic()
        engine("stop", worker)
        say(f"a worker that trained stopped in {time.monotonic() - begin:.1f} s")
        self.assertEqual(engine.inspect(worker, "{{.State.ExitCode}}"), "0")
        counts = self.counts("drained")
        self.assertEqual((sum(counts.values()), counts["running"]), (4, 1))
        server = self.stack.container("server")
        engine("stop", server)
        self.assertEqual(engine.inspect(server, "{{.State.ExitCode}}"), "0")
        self.up()
        self.stack.wait_healthy("server", "worker")
        self.cli("sweep", "cancel", "drained")
        self.wait_ended("drained")
        self.cli("server", "verify")


class SecureTest(ComposeTest):
    """TLS and tokens, by the other Compose."""

    @classmethod
    def setUpClass(cls):
        cls.secrets = pathlib.Path(tempfile.mkdtemp(prefix="bitsweep-secrets-"))
        cls.addClassCleanup(shutil.rmtree, cls.secrets, ignore_errors=True)
        run([DEPLOY / "make-dev-certs.sh", cls.secrets])
        (cls.secrets / "grafana.password").write_text("unused here\n")
        cls.start(Stack(COMPOSE_2 if os.access(COMPOSE_2, os.X_OK) else COMPOSE_1, DEPLOY / "compose.yaml",
                        DEPLOY / "compose.secure.yaml", environment={"BITSWEEP_SECRETS": str(cls.secrets)}),
                  "server", "worker")
        cls.stack.wait_healthy("server", "worker")
        cls.client_options = ("--tls-ca", cls.secrets / "ca.pem", "--token-file", cls.secrets / "admin.token")
        cls.grpcurl_options = ("-cacert", cls.secrets / "ca.pem", "-H",
                               f"authorization: Bearer {(cls.secrets / 'admin.token').read_text().strip()}")
        say("a protected server and its worker are healthy")

    def test_a_sweep_over_tls_with_tokens(self):
        self.submit("protected", small_sweep(repeats=4))
        self.assertEqual(self.wait_ended("protected")["state"], "STATE_SUCCEEDED")
        self.assertEqual(len(self.live_workers()), 1)

    def test_nobody_else_gets_in(self):
        tls = ("--tls-ca", self.secrets / "ca.pem")
        for options, word in (((), "UNAVAILABLE"), (tls, "TOKEN_MISSING"),
                              ((*tls, "--token-file", self.secrets / "worker.token"), "SCOPE_MISSING")):
            done = self.cli("--timeout", "5s", "sweep", "list", check=False, options=options)
            self.assertNotEqual(done.returncode, 0, options)
            self.assertIn(word, done.stderr)
        without = self.grpcurl("bitsweep.v1.SweepService/ListSweeps", {}, check=False, options=self.grpcurl_options[:2])
        self.assertIn("Unauthenticated", without.stderr)

    def test_no_secret_is_in_the_environment_or_the_image(self):
        tokens = [(self.secrets / f"{scope}.token").read_text().strip() for scope in ("admin", "worker")]
        for service in ("server", "worker"):
            shown = engine("inspect", self.stack.container(service)).stdout
            self.assertEqual([token for token in tokens if token in shown], [])


def build():
    """Every image, the two of compose by compose."""
    engine.make_base()
    say(f"{BASE} is there")
    engine.ccache = engine.import_ccache()
    if engine.ccache:
        say("ccache's folder is an image")
    arguments = [word for name, value in build_arguments().items() for word in ("--build-arg", f"{name}={value}")]
    # The one step that speaks TLS to a registry; compose, which cannot hand secrets to it, finds it done.
    authorities = os.environ.get("NODE_EXTRA_CA_CERTS") or os.environ.get("SSL_CERT_FILE")
    secret = ("--secret", f"id=ca,src={authorities}") if authorities else ()
    engine("build", "--target", "report-packages", *secret, *arguments, ROOT, seconds=1800)
    stack = Stack(COMPOSE_1 or COMPOSE_2, DEPLOY / "compose.yaml")
    try:
        log = stack("build", "server", "worker", seconds=3000)
        statistics = re.findall(r"Hits: +(\d+) / +(\d+)", log.stdout + log.stderr)
        say(f"server and worker are built; ccache's hits: {statistics}")
    finally:
        shutil.rmtree(stack.folder, ignore_errors=True)
    engine("build", "--target", "cli", "-t", f"bitsweep/cli:{TAG}", "--build-arg", f"REVISION={REVISION}", "--build-arg",
           f"VERSION={TAG}", *arguments, ROOT, seconds=1800)
    pinned = re.search(r"PROMETHEUS_IMAGE:-([^}]+)", (DEPLOY / "compose.yaml").read_text())[1]
    if engine.has_image(pinned) or engine("pull", "-q", pinned, check=False, seconds=180).returncode == 0:
        engine.prometheus = pinned
    else:
        engine("build", "-t", PROMETHEUS, "-f", pathlib.Path(__file__).with_name("prometheus.Dockerfile"),
               pathlib.Path(__file__).parent, seconds=900)
        engine.prometheus = PROMETHEUS
    say(f"all images are there; Prometheus is {engine.prometheus}")


def main():
    global engine
    try:
        engine = Engine()
        engine.ccache = None
        version = engine("version", "--format", "{{.Server.Version}}").stdout.strip()
        say(f"engine {version}, {'our own' if engine.daemon else 'the one that answers'}; client {engine.docker}")
        engine.remove_project(PROJECT)
        build()
    except Unavailable as reason:
        print(f"no container engine: {reason}", flush=True)
        if engine:
            engine.close()
        return 1 if os.environ.get("BITSWEEP_REQUIRE_DOCKER") == "1" else 77
    except BaseException:
        if engine:
            engine.close()
        raise
    try:
        program = unittest.main(exit=False, verbosity=2)
        engine.tidy()
        return 0 if program.result.wasSuccessful() else 1
    finally:
        engine.close()
        say("done")


if __name__ == "__main__":
    sys.exit(main())
