#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""deploy/kubernetes: built by the real kustomize, held against the API's schemas and rules, and its containers' commands
run as they stand there, with folders of this machine for the mounts."""
import copy
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.request

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[2] / "e2e"), str(pathlib.Path(__file__).resolve().parent)]
import manifests  # noqa: E402
from cluster import BIN, ROOT, TOOLS, Cluster, Process, wait_until  # noqa: E402
from manifests import Pod, allowed, labels_of, of_kind, one, option, pod_of  # noqa: E402

FOLDER = ROOT / "deploy" / "kubernetes"
SERVER, WORKER = "bitsweep-server", "bitsweep-worker"
BUILDS = ["base", *sorted(f"overlays/{path.name}" for path in (FOLDER / "overlays").iterdir())]


def build(path):
    done = subprocess.run([TOOLS / "kustomize", "build", FOLDER / path], capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"kustomize build {path}: {done.stderr}")
    if done.stderr:
        raise AssertionError(f"kustomize build {path} warns: {done.stderr}")
    return manifests.load(done.stdout)


BUILT = {path: build(path) for path in BUILDS}


def container_of(documents, kind, name):
    (container,) = pod_of(one(documents, kind, name))["containers"]
    return container


def adapter_rule():
    (rule,) = manifests.load((FOLDER / "prometheus-adapter-values.yaml").read_text())[0]["rules"]["external"]
    return rule


def adapter_query(namespace):
    """What prometheus-adapter makes of its rule for an autoscaler of this namespace."""
    series = adapter_rule()["seriesQuery"].partition("{")[0]
    return adapter_rule()["metricsQuery"].replace("<<.Series>>", series).replace(
        "<<.LabelMatchers>>", f'namespace="{namespace}"')


def keda_query():
    (trigger,) = one(BUILT["overlays/keda"], "ScaledObject", WORKER)["spec"]["triggers"]
    return trigger["metadata"]["query"]


class ManifestsTest(unittest.TestCase):
    maxDiff = None

    def test_all_is_well(self):
        for path, documents in BUILT.items():
            with self.subTest(path):
                self.assertEqual(manifests.complaints(documents), [])
                kinds = [document["kind"] for document in documents]
                for kind in ("Namespace", "StatefulSet", "Deployment", "PodDisruptionBudget", "NetworkPolicy"):
                    self.assertIn(kind, kinds)

    def test_the_base_is_secure_and_committed_without_secrets(self):
        for path, documents in BUILT.items():
            with self.subTest(path):
                self.assertEqual(of_kind(documents, "Secret"), [])
                server, worker = container_of(documents, "StatefulSet", SERVER), container_of(documents, "Deployment", WORKER)
                words = server["args"] + worker["args"]
                if path == "overlays/dev":
                    self.assertIn("--insecure", server["args"])
                    continue
                self.assertNotIn("--insecure", words)
                self.assertTrue(option(server, "tls-cert") and option(server, "tls-key") and option(worker, "tls-ca"))
                self.assertEqual([value.partition("=")[0] for value in option(server, "token-file")], ["admin", "worker"])
                self.assertTrue(option(worker, "token-file"))
                volumes = {v["name"]: v for v in pod_of(one(documents, "Deployment", WORKER))["volumes"]}
                self.assertEqual([i["key"] for i in volumes["tls"]["secret"]["items"]], ["ca.crt"])
                self.assertEqual([i["key"] for i in volumes["tokens"]["secret"]["items"]], ["worker"])

    def test_the_documentation_names_every_secret(self):
        text = (ROOT / "docs" / "more_machines.md").read_text()
        for secret, keys in manifests.SECRETS.items():
            self.assertIn(secret, text)
            for key in keys:
                self.assertIn(key, text)
        for claim in manifests.CLAIMS:
            self.assertIn(claim, text)

    def test_images_are_of_this_version(self):
        version = re.search(r"project\(bitsweep VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
        for path in ("base", "overlays/example", "overlays/keda"):
            for workload in manifests.workloads(BUILT[path]):
                self.assertTrue(pod_of(workload)["containers"][0]["image"].endswith(f":{version}"), path)

    def test_autoscalers_and_the_adapter_speak_of_one_metric(self):
        (of_base,) = one(BUILT["base"], "HorizontalPodAutoscaler", WORKER)["spec"]["metrics"]
        self.assertEqual(of_base["external"]["metric"], {"name": adapter_rule()["name"]["as"]})
        series = adapter_rule()["seriesQuery"].partition("{")[0]
        self.assertTrue(re.fullmatch(adapter_rule()["name"]["matches"], series))
        self.assertEqual(adapter_query("bitsweep"), keda_query())
        self.assertIn(f'namespace="{BUILT["overlays/keda"][0]["metadata"]["name"]}"', keda_query())
        golden = (ROOT / "tests" / "server" / "metrics" / "metrics.golden.txt").read_text()
        self.assertRegex(golden, rf"(?m)^{series} \| gauge \| ")
        self.assertRegex(golden, r"(?m)^bitsweep_trials \| gauge \| .*\bstate\b")

    def test_scaling_counts_what_may_run_and_what_does(self):
        """The query, evaluated by Prometheus: 500 jobs wait, 400 of them in a paused sweep; later the queue is paused."""
        def trials(kind, state, values, namespace="bitsweep"):
            return {"series": f'bitsweep_trials{{namespace="{namespace}",kind="{kind}",state="{state}"}}', "values": values}
        series = [trials("trial", "queued", "450x20"), trials("transform", "queued", "50x20"), trials("trial", "leased", "3x20"),
                  trials("trial", "running", "8x20"), trials("transform", "running", "2x20"),
                  trials("trial", "succeeded", "9000x20"), trials("trial", "running", "70x20", "other"),
                  {"series": 'bitsweep_jobs_ready{namespace="bitsweep"}', "values": "100x9 0x10"},
                  {"series": 'bitsweep_jobs_ready{namespace="other"}', "values": "7000x20"}]
        cases = [{"expr": query, "eval_time": at, "exp_samples": [{"labels": "{}", "value": value}]}
                 for query in (adapter_query("bitsweep"), keda_query()) for at, value in (("5m", 113), ("15m", 13))]
        # Without a server there is no number, and nothing is scaled.
        cases += [{"expr": adapter_query("nowhere"), "eval_time": "5m", "exp_samples": []}]
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "test.yml"
            file.write_text(json.dumps({"tests": [{"interval": "1m", "input_series": series, "promql_expr_test": cases}]}))
            done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_operator_has_the_rules_of_prometheus(self):
        rules = [manifests.load(path.read_text())[0]["groups"]
                 for path in sorted((ROOT / "deploy" / "prometheus" / "rules").glob("*.yml"))]
        groups = [group for file in rules for group in file]
        self.assertTrue(groups)
        for path in ("overlays/example", "overlays/keda"):
            self.assertEqual(one(BUILT[path], "PrometheusRule", "bitsweep")["spec"]["groups"], groups)
        done = subprocess.run([sys.executable, FOLDER / "components" / "monitoring" / "generate.py", "--check"],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_jobs_are_called_as_in_the_configuration_of_prometheus(self):
        (configuration,) = manifests.load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text())
        names = [config["job_name"] for config in configuration["scrape_configs"]]
        self.assertEqual(names, [SERVER, WORKER])
        text = (ROOT / "docs" / "operations.md").read_text()
        rules = text.partition("\n## Rules of Prometheus\n")[2].partition("\n## ")[0]
        for name in names:
            self.assertIn(f"`{name}`", rules)
        for path in ("overlays/example", "overlays/keda"):
            self.assertEqual(manifests.jobs_of(BUILT[path]),
                             {f"ServiceMonitor/{SERVER}": {SERVER}, f"PodMonitor/{WORKER}": {WORKER}})
        unnamed = copy.deepcopy(BUILT["overlays/example"])  # what the operator calls them by itself
        for kind, name, endpoints in (("ServiceMonitor", SERVER, "endpoints"), ("PodMonitor", WORKER, "podMetricsEndpoints")):
            one(unnamed, kind, name)["spec"][endpoints][0].pop("relabelings")
        self.assertEqual(manifests.jobs_of(unnamed), {
            f"ServiceMonitor/{SERVER}": {"bitsweep-server-pod"}, f"PodMonitor/{WORKER}": {"bitsweep/bitsweep-worker"}})

    def test_who_may_talk_to_whom(self):
        for path, documents in BUILT.items():
            home = of_kind(documents, "Namespace")[0]["metadata"]["name"]

            def pod(kind, name):
                workload = one(documents, kind, name)
                ports = pod_of(workload)["containers"][0]["ports"]
                return Pod(home, labels_of(workload), ports={p["name"]: p["containerPort"] for p in ports})
            server, worker = pod("StatefulSet", SERVER), pod("Deployment", WORKER)
            client, friend = {"bitsweep-client": "true"}, {"bitsweep-client": "true"}
            prometheus = Pod("monitoring", {"app.kubernetes.io/name": "prometheus"})
            dns = Pod("kube-system", {"k8s-app": "kube-dns"})
            internet = Pod("elsewhere", {})
            cases = [
                (worker, server, 50051, True), (Pod(home, client), server, 50051, True),
                (Pod("lab", client, friend), server, 50051, True),
                (prometheus, server, 9464, True), (prometheus, worker, 9465, True),
                (worker, dns, 53, True), (server, dns, 53, True),
                (Pod("lab", client), server, 50051, False),  # the namespace must say so too
                (Pod("lab", {}, friend), server, 50051, False),
                (Pod(home, {}), server, 50051, False), (prometheus, server, 50051, False),
                (Pod("monitoring", {}), server, 9464, False), (worker, server, 9464, False),
                (Pod("lab", {"app.kubernetes.io/name": "prometheus"}), worker, 9465, False),
                (worker, worker, 9465, False), (server, worker, 9465, False),
                (worker, internet, 443, False), (server, internet, 443, False), (worker, dns, 443, False)]
            for source, target, port, expected in cases:
                with self.subTest(f"{path}: {source.namespace} {source.labels} -> {target.labels}:{port}"):
                    self.assertEqual(allowed(documents, source, target, port), expected)


# What is broken, and a word of the complaint.
BREAKS = [
    ("schema: .*terminationGracePeriodSecond'",
     lambda d: pod_of(one(d, "Deployment", WORKER)).update(terminationGracePeriodSecond=1)),
    ("schema: .*is not of type 'integer'",
     lambda d: one(d, "StatefulSet", SERVER)["spec"].update(replicas="1")),
    ("schema: .*autoscaling/v2beta2", lambda d: one(d, "HorizontalPodAutoscaler", WORKER).update(
        apiVersion="autoscaling/v2beta2")),
    ("schema: PodMonitor.*'porty'", lambda d: one(d, "PodMonitor", WORKER)["spec"]["podMetricsEndpoints"][0].update(porty="x")),
    ("namespaces: .*in no namespace", lambda d: one(d, "Service", SERVER)["metadata"].update(namespace="other")),
    ("selectors: StatefulSet.*its own", lambda d: labels_of(one(d, "StatefulSet", SERVER)).pop("app.kubernetes.io/component")),
    ("selectors: PodDisruptionBudget", lambda d: one(d, "PodDisruptionBudget", WORKER)["spec"]["selector"][
        "matchLabels"].update({"app.kubernetes.io/component": "nobody"})),
    ("selectors: ServiceMonitor", lambda d: one(d, "Service", "bitsweep-server-pod")["metadata"]["labels"].pop(
        "bitsweep-metrics")),
    ("ports: .*readinessProbe", lambda d: container_of(d, "Deployment", WORKER)["readinessProbe"]["httpGet"].update(port="web")),
    ("ports: Service.*grpcs", lambda d: one(d, "Service", SERVER)["spec"]["ports"][0].update(targetPort="grpcs")),
    ("references: .*secret", lambda d: pod_of(one(d, "StatefulSet", SERVER))["volumes"][0]["secret"].update(secretName="x")),
    ("references: .*volume tokens is not there",
     lambda d: pod_of(one(d, "StatefulSet", SERVER))["volumes"].pop(1)),
    ("references: .*no Deployment/gone",
     lambda d: one(d, "HorizontalPodAutoscaler", WORKER)["spec"]["scaleTargetRef"].update(name="gone")),
    ("references: .*also has replicas", lambda d: one(d, "Deployment", WORKER)["spec"].update(replicas=2)),
    ("references: .*no service account", lambda d: d.remove(one(d, "ServiceAccount", WORKER))),
    ("restricted: .*write to its image", lambda d: container_of(d, "Deployment", WORKER)["securityContext"].pop(
        "readOnlyRootFilesystem")),
    ("restricted: .*capabilities", lambda d: container_of(d, "Deployment", WORKER)["securityContext"]["capabilities"].update(
        add=["NET_RAW"])),
    ("restricted: .*10001", lambda d: pod_of(one(d, "Deployment", WORKER))["securityContext"].update(runAsUser=0)),
    ("restricted: .*seccomp", lambda d: pod_of(one(d, "Deployment", WORKER))["securityContext"].pop("seccompProfile")),
    ("restricted: .*of a kind", lambda d: pod_of(one(d, "Deployment", WORKER))["volumes"].append(
        {"name": "h", "hostPath": {"path": "/"}})),
    ("images: .*no fixed tag", lambda d: container_of(d, "Deployment", WORKER).update(image="r:5000/bitsweep/worker:latest")),
    ("draining: .*killed before", lambda d: pod_of(one(d, "Deployment", WORKER)).update(terminationGracePeriodSeconds=30)),
    ("paths: .*/etc/passwords", lambda d: container_of(d, "StatefulSet", SERVER)["args"].append("--tls-key=/etc/passwords")),
    ("alerts_find_their_jobs: .*SchedulerDown is about job bitsweep-server",
     lambda d: one(d, "ServiceMonitor", SERVER)["spec"]["endpoints"][0].pop("relabelings")),
    ("schema: PrometheusRule", lambda d: one(d, "PrometheusRule", "bitsweep")["spec"]["groups"][0]["rules"][0].pop("expr")),
    ("one_store: ", lambda d: one(d, "StatefulSet", SERVER)["spec"].update(replicas=2)),
]


class BrokenTest(unittest.TestCase):
    def test_a_broken_manifest_is_refused(self):
        for expected, break_it in BREAKS:
            with self.subTest(expected):
                documents = copy.deepcopy(BUILT["overlays/example"])
                break_it(documents)
                found = manifests.complaints(documents)
                self.assertTrue(any(re.match(expected, complaint) for complaint in found), found)

    def test_a_key_given_twice_is_refused(self):
        with self.assertRaisesRegex(Exception, "given twice"):
            manifests.load("spec: {a: 1, a: 2}")

    def test_without_a_policy_everything_may_talk(self):
        self.assertTrue(allowed([], Pod("a", {}), Pod("b", {}), 1))


class CommandsTest(Cluster):
    """The containers' commands and probes as they stand, but for ports and the service's name."""

    def run_container(self, program, container, addresses, environment=None):
        self.assertEqual(container["command"], [program])
        return Process(self.folder, container["name"], program, self.here(container["args"], addresses), environment)

    def here(self, words, addresses):
        """Words with folders of this machine instead of mounts, and the given addresses."""
        for path in ("/etc/bitsweep", "/var/lib/bitsweep", "/srv/datasets"):
            words = [word.replace(path, f"{self.folder}{path}") for word in words]
        for old, new in addresses.items():
            self.assertTrue(any(word.endswith(f"={old}") for word in words), f"{old} is in none of {words}")
            words = [f"{word.removesuffix(old)}{new}" if word.endswith(f"={old}") else word for word in words]
        return words

    def get(self, port, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as response:
                return response.status
        except urllib.error.HTTPError as error:
            return error.code

    def make_secrets(self):
        tls, tokens, made = (self.folder / name for name in ("etc/bitsweep/tls", "etc/bitsweep/tokens", "made"))
        subprocess.run([ROOT / "deploy" / "make-dev-certs.sh", made], check=True, capture_output=True, timeout=60)
        for folder, files in ((tls, {"tls.crt": "server.pem", "tls.key": "server-key.pem", "ca.crt": "ca.pem"}),
                              (tokens, {"admin": "admin.token", "worker": "worker.token"})):
            folder.mkdir(parents=True)
            for ours, theirs in files.items():
                (folder / ours).write_bytes((made / theirs).read_bytes())

    def run_build(self, path):
        documents = BUILT[path]
        server, worker = container_of(documents, "StatefulSet", SERVER), container_of(documents, "Deployment", WORKER)
        for folder in ("var/lib/bitsweep", "srv/datasets"):
            (self.folder / folder).mkdir(parents=True)
        self.server = self.run_container(SERVER, server, {"0.0.0.0:50051": "0.0.0.0:0", "0.0.0.0:9464": "0.0.0.0:0"})
        grpc, metrics = (self.server.ports()[name] for name in ("grpc", "metrics"))

        (address,) = option(worker, "server")
        host, _, port = address.partition(":")
        service = one(documents, "Service", host)["spec"]["ports"]
        self.assertEqual([each["port"] for each in service], [int(port)])
        slots = pod_of(one(documents, "Deployment", WORKER))["containers"][0]["resources"]["limits"]["cpu"]
        name = f"{WORKER}-5d4f7c9b8d-x2x7k"  # as a pod's
        values = {"metadata.name": name, "limits.cpu": slots}
        environment = {e["name"]: values[(e["valueFrom"].get("fieldRef") or {}).get("fieldPath")
                                         or e["valueFrom"]["resourceFieldRef"]["resource"]] for e in worker["env"]}
        self.workers[name] = self.run_container(
            WORKER, worker, {address: f"localhost:{grpc}", "0.0.0.0:9465": "0.0.0.0:0"}, environment)
        worker_metrics = self.workers[name].ports()["metrics"]

        for probe in ("startupProbe", "readinessProbe"):
            command = server[probe].get("exec", {}).get("command")
            words = (self.here(command, {"localhost:50051": f"localhost:{grpc}"}) if command else
                     ["bitsweep", f"--server=localhost:{grpc}", "server", "health"])  # kubelet asks by itself
            done = subprocess.run([BIN / words[0], *words[1:]], capture_output=True, text=True, timeout=30)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        ready, alive = worker["readinessProbe"]["httpGet"]["path"], worker["livenessProbe"]["httpGet"]["path"]
        wait_until(lambda: self.get(worker_metrics, ready) == 200, "the worker is ready", 60)
        self.assertEqual(self.get(worker_metrics, alive), 200)

        self.assertTrue(self.metric("bitsweep_jobs_ready", metrics))
        trials = " ".join(self.metric("bitsweep_trials", metrics))
        for state in re.search(r'state=~"([^"]*)"', keda_query())[1].split("|"):
            self.assertIn(f'state="{state}"', trials)

        self.assertEqual(self.server.terminate(), 0)
        wait_until(lambda: self.get(worker_metrics, ready) == 503, "the worker is not ready without its server", 60)
        self.assertEqual(self.get(worker_metrics, alive), 200)
        self.assertEqual(self.workers[name].terminate(), 0)

    def test_base(self):
        self.make_secrets()
        self.run_build("base")

    def test_dev(self):
        self.run_build("overlays/dev")

    def test_other_overlays_run_the_same_commands(self):
        for kind, name in (("StatefulSet", SERVER), ("Deployment", WORKER)):
            base = container_of(BUILT["base"], kind, name)
            for path in ("overlays/example", "overlays/keda"):
                other = container_of(BUILT[path], kind, name)
                self.assertEqual((other["command"], other["args"]), (base["command"], base["args"]))


if __name__ == "__main__":
    unittest.main()
