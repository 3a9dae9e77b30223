# SPDX-License-Identifier: Apache-2.0
"""What must be true of built manifests. A check takes the documents and returns its complaints, none when all is well.

`allowed` says whether NetworkPolicies let a pod talk to another.
"""
import functools
import re

import jsonschema
import kubernetes_validate
import yaml
from kubernetes_validate import utils

# From the first that knows every field used here (ReadWriteOncePod is stable there) to the newest of the package.
VERSIONS = ["1.29", "1.37"]
# What an operator makes, by name, with the keys that must be in it: docs/more_machines.md lists the same.
SECRETS = {"bitsweep-tls": {"tls.crt", "tls.key", "ca.crt"}, "bitsweep-tokens": {"admin", "worker"}}
CLAIMS = {"bitsweep-datasets"}
ROOTLESS_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected",
                    "secret"}

utils.schema_contents = functools.lru_cache(utils.schema_contents)  # else each document reads megabytes anew


def _object(required, **properties):
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


_TEXT, _COUNT = {"type": "string"}, {"type": "integer", "minimum": 0}
_SELECTOR = _object(["matchLabels"], matchLabels={"type": "object", "additionalProperties": _TEXT})
_LABELS = {"type": "object", "additionalProperties": _TEXT}
_ENDPOINTS = {"type": "array", "minItems": 1, "items": _object(
    ["port"], port=_TEXT, path=_TEXT, interval=_TEXT, relabelings={"type": "array", "items": _object(
        ["targetLabel", "replacement"], targetLabel=_TEXT, replacement=_TEXT)})}
# Kinds that operators bring, as far as they are used here: every other field is a complaint.
CUSTOM = {
    "ServiceMonitor": ("monitoring.coreos.com/v1", _object(["selector", "endpoints"], selector=_SELECTOR,
                                                           endpoints=_ENDPOINTS)),
    "PodMonitor": ("monitoring.coreos.com/v1", _object(["selector", "podMetricsEndpoints"], selector=_SELECTOR,
                                                       podMetricsEndpoints=_ENDPOINTS)),
    "PrometheusRule": ("monitoring.coreos.com/v1", _object(["groups"], groups={"type": "array", "items": _object(
        ["name", "rules"], name=_TEXT, rules={"type": "array", "minItems": 1, "items": {"oneOf": [
            _object(["record", "expr"], record=_TEXT, expr=_TEXT, labels=_LABELS),
            _object(["alert", "expr"], alert=_TEXT, expr=_TEXT, labels=_LABELS, annotations=_LABELS,
                    **{"for": _TEXT})]}})})),
    "ScaledObject": ("keda.sh/v1alpha1", _object(
        ["scaleTargetRef", "triggers"],
        scaleTargetRef=_object(["name"], apiVersion=_TEXT, kind=_TEXT, name=_TEXT),
        minReplicaCount=_COUNT, maxReplicaCount=_COUNT, pollingInterval=_COUNT, cooldownPeriod=_COUNT,
        triggers={"type": "array", "minItems": 1, "items": _object(
            ["type", "metadata"], type={"const": "prometheus"}, metricType={"enum": ["AverageValue", "Value"]},
            metadata=_object(["serverAddress", "query", "threshold"], serverAddress=_TEXT, query=_TEXT, threshold=_TEXT,
                             activationThreshold=_TEXT, ignoreNullValues={"enum": ["true", "false"]}))},
        advanced=_object(["horizontalPodAutoscalerConfig"], horizontalPodAutoscalerConfig=_object(
            ["behavior"], behavior={"type": "object"})))),
}


class _Loader(yaml.SafeLoader):
    """Refuses a key that is given twice, which YAML's usual reading hides."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if len(keys) != len(set(keys)):
            raise yaml.YAMLError(f"a key is given twice: {node.start_mark}")
        return super().construct_mapping(node, deep)


def load(text):
    return [document for document in yaml.load_all(text, _Loader) if document]


def name_of(document):
    return f"{document['kind']}/{document['metadata']['name']}"


def of_kind(documents, *kinds):
    return [document for document in documents if document["kind"] in kinds]


def one(documents, kind, name):
    found = [d for d in of_kind(documents, kind) if d["metadata"]["name"] == name]
    if len(found) != 1:
        raise KeyError(f"{len(found)} of {kind}/{name}")
    return found[0]


def workloads(documents):
    return of_kind(documents, "StatefulSet", "Deployment")


def pod_of(workload):
    return workload["spec"]["template"]["spec"]


def labels_of(workload):
    return workload["spec"]["template"]["metadata"]["labels"]


def selects(selector, labels):
    """An empty selector selects everything, no selector nothing."""
    if selector is None:
        return False
    for expression in selector.get("matchExpressions", []):
        value = labels.get(expression["key"])
        met = {"In": value in expression.get("values", []), "NotIn": value not in expression.get("values", []),
               "Exists": value is not None, "DoesNotExist": value is None}[expression["operator"]]
        if not met:
            return False
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


# Checks ----------------------------------------------------------------------------------------------


def schema(documents):
    for document in documents:
        if document["kind"] in CUSTOM:
            version, spec = CUSTOM[document["kind"]]
            if document["apiVersion"] != version:
                yield f"{name_of(document)}: is of {version}, not {document['apiVersion']}"
            for error in jsonschema.Draft202012Validator(spec).iter_errors(document["spec"]):
                yield f"{name_of(document)}: {error.json_path}: {error.message}"
            behavior = (document["spec"].get("advanced") or {}).get("horizontalPodAutoscalerConfig", {}).get("behavior")
            if behavior is None:
                continue
            document = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": document["metadata"],
                        "spec": {"maxReplicas": 1, "behavior": behavior,
                                 "scaleTargetRef": document["spec"]["scaleTargetRef"]}}
        for version in VERSIONS:
            try:
                used = kubernetes_validate.validate(document, version, strict=True)
                if used != version:
                    yield f"{name_of(document)}: there are no schemas of {version}"
            except kubernetes_validate.ValidationError as error:
                yield f"{name_of(document)}: {version}: {'.'.join(map(str, error.path))}: {error.message}"
            except kubernetes_validate.SchemaNotFoundError as error:
                yield f"{name_of(document)}: {error.message}"


def namespaces(documents):
    names = {d["metadata"]["name"] for d in of_kind(documents, "Namespace")}
    for document in documents:
        if document["kind"] != "Namespace" and document["metadata"].get("namespace") not in names:
            yield f"{name_of(document)}: is in no namespace of these manifests"
    for document in of_kind(documents, "Namespace"):
        if document["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"{name_of(document)}: does not enforce restricted pods"


def selectors(documents):
    """Whoever selects pods finds some, and a workload finds its own."""
    pods = [labels_of(workload) for workload in workloads(documents)]
    for document in documents:
        spec = document.get("spec", {})
        if document["kind"] in ("StatefulSet", "Deployment"):
            if not selects(spec["selector"], labels_of(document)):
                yield f"{name_of(document)}: does not select its own pods"
            if sum(selects(spec["selector"], labels) for labels in pods) != 1:
                yield f"{name_of(document)}: selects pods of another"
        elif document["kind"] in ("PodDisruptionBudget", "PodMonitor"):
            if sum(selects(spec["selector"], labels) for labels in pods) != 1:
                yield f"{name_of(document)}: must select the pods of one workload"
        elif document["kind"] == "Service":
            if sum(selects({"matchLabels": spec["selector"]}, labels) for labels in pods) != 1:
                yield f"{name_of(document)}: must select the pods of one workload"
        elif document["kind"] == "ServiceMonitor":
            services = [s for s in of_kind(documents, "Service") if selects(spec["selector"], s["metadata"]["labels"])]
            if len(services) != 1:
                yield f"{name_of(document)}: must select one service"


def ports(documents):
    """Names of ports exist where they are used."""
    def named(workload):
        return {p["name"]: p["containerPort"] for c in pod_of(workload)["containers"] for p in c.get("ports", [])}

    def owner(selector):
        return next((w for w in workloads(documents) if selects(selector, labels_of(w))), None)

    for workload in workloads(documents):
        for container in pod_of(workload)["containers"]:
            for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
                for how in ("httpGet", "tcpSocket", "grpc"):
                    port = (container.get(probe, {}).get(how) or {}).get("port")
                    if port is not None and port not in {**named(workload), **{n: n for n in named(workload).values()}}:
                        yield f"{name_of(workload)}: {probe} asks port {port}, which {container['name']} does not have"
    for service in of_kind(documents, "Service"):
        workload = owner({"matchLabels": service["spec"]["selector"]})
        for port in service["spec"]["ports"]:
            if workload and port["targetPort"] not in named(workload):
                yield f"{name_of(service)}: {name_of(workload)} has no port {port['targetPort']}"
    for policy in of_kind(documents, "NetworkPolicy"):
        workload = owner(policy["spec"]["podSelector"]) if policy["spec"]["podSelector"] else None
        for rule in policy["spec"].get("ingress", []):
            for port in rule["ports"]:
                if workload and port["port"] not in named(workload):
                    yield f"{name_of(policy)}: {name_of(workload)} has no port {port['port']}"
    for monitor in of_kind(documents, "PodMonitor"):
        workload = owner(monitor["spec"]["selector"])
        for endpoint in monitor["spec"]["podMetricsEndpoints"]:
            if workload and endpoint["port"] not in named(workload):
                yield f"{name_of(monitor)}: {name_of(workload)} has no port {endpoint['port']}"
    for monitor in of_kind(documents, "ServiceMonitor"):
        for service in of_kind(documents, "Service"):
            if selects(monitor["spec"]["selector"], service["metadata"]["labels"]):
                for endpoint in monitor["spec"]["endpoints"]:
                    if endpoint["port"] not in {port["name"] for port in service["spec"]["ports"]}:
                        yield f"{name_of(monitor)}: {name_of(service)} has no port {endpoint['port']}"


def references(documents):
    """What is mentioned is here, or among what an operator makes."""
    names = {kind: {d["metadata"]["name"] for d in of_kind(documents, kind)} for kind in
             ("Service", "ServiceAccount", "ConfigMap", "Deployment", "StatefulSet")}
    for workload in workloads(documents):
        me, pod = name_of(workload), pod_of(workload)
        if pod.get("serviceAccountName") not in names["ServiceAccount"]:
            yield f"{me}: there is no service account {pod.get('serviceAccountName')}"
        if workload["kind"] == "StatefulSet" and workload["spec"]["serviceName"] not in names["Service"]:
            yield f"{me}: there is no service {workload['spec']['serviceName']}"
        volumes = {v["name"] for v in pod.get("volumes", [])} | {
            c["metadata"]["name"] for c in workload["spec"].get("volumeClaimTemplates", [])}
        mounted = {m["name"] for c in pod["containers"] for m in c.get("volumeMounts", [])}
        for name in mounted ^ volumes:
            yield f"{me}: volume {name} is " + ("not there" if name in mounted else "mounted nowhere")
        for volume in pod.get("volumes", []):
            if "secret" in volume:
                keys = SECRETS.get(volume["secret"]["secretName"])
                wanted = {item["key"] for item in volume["secret"].get("items", [])}
                if keys is None or not wanted <= keys:
                    yield f"{me}: secret {volume['secret']['secretName']} is not documented, or not with {sorted(wanted)}"
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            if claim and claim not in CLAIMS:
                yield f"{me}: claim {claim} is not documented"
            if "configMap" in volume and volume["configMap"]["name"] not in names["ConfigMap"]:
                yield f"{me}: there is no config map {volume['configMap']['name']}"
        for container in pod["containers"]:
            for source in [e.get("valueFrom", {}) for e in container.get("env", [])] + container.get("envFrom", []):
                if {"secretKeyRef", "configMapKeyRef", "secretRef", "configMapRef"} & source.keys():
                    yield f"{me}: takes its environment from a secret or config map; files can be rotated"
    for scaler in of_kind(documents, "HorizontalPodAutoscaler", "ScaledObject"):
        target = scaler["spec"]["scaleTargetRef"]
        if target["name"] not in names.get(target["kind"], ()):
            yield f"{name_of(scaler)}: there is no {target['kind']}/{target['name']}"
        elif "replicas" in one(documents, target["kind"], target["name"])["spec"]:
            yield f"{name_of(scaler)}: {target['name']} also has replicas"
    targets = [d["spec"]["scaleTargetRef"]["name"] for d in of_kind(documents, "HorizontalPodAutoscaler", "ScaledObject")]
    if len(targets) != len(set(targets)):
        yield "two scale one workload"


def restricted(documents):
    """Pod Security Standards, level restricted, and a root file system that is read only."""
    for workload in workloads(documents):
        me, pod = name_of(workload), pod_of(workload)
        for field in ("hostNetwork", "hostPID", "hostIPC"):
            if pod.get(field):
                yield f"{me}: {field}"
        if pod.get("automountServiceAccountToken") is not False or pod.get("enableServiceLinks") is not False:
            yield f"{me}: gets a token of the API, or links to services in its environment"
        for volume in pod.get("volumes", []):
            if not volume.keys() - {"name"} <= ROOTLESS_VOLUMES:
                yield f"{me}: volume {volume['name']} is of a kind that restricted pods may not have"
        of_pod = pod.get("securityContext", {})
        for container in pod["containers"] + pod.get("initContainers", []):
            context = of_pod | container.get("securityContext", {})
            who = f"{me}: {container['name']}"
            if context.get("runAsNonRoot") is not True or context.get("runAsUser") != 10001:
                yield f"{who} does not run as user 10001"
            if context.get("seccompProfile", {}).get("type") != "RuntimeDefault":
                yield f"{who} has no seccomp profile"
            if context.get("allowPrivilegeEscalation") is not False or context.get("privileged"):
                yield f"{who} may gain privileges"
            if context.get("capabilities") != {"drop": ["ALL"]}:
                yield f"{who} keeps capabilities"
            if context.get("readOnlyRootFilesystem") is not True:
                yield f"{who} may write to its image"
            if any("hostPort" in port for port in container.get("ports", [])):
                yield f"{who} takes a port of its node"
            if not {"cpu", "memory"} <= container["resources"]["requests"].keys() or "memory" not in container[
                    "resources"]["limits"]:
                yield f"{who} does not say what it needs"


def images(documents):
    for workload in workloads(documents):
        for container in pod_of(workload)["containers"]:
            _, _, tag = container["image"].rpartition("/")[2].partition(":")
            if tag in ("", "latest"):
                yield f"{name_of(workload)}: image {container['image']} has no fixed tag"


def seconds(text):
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h)", text).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[unit]


def option(container, name):
    """The values of --name=VALUE."""
    return [a.partition("=")[2] for a in container["args"] if a.partition("=")[0] == f"--{name}"]


def draining(documents):
    """Kubernetes waits longer than the program does."""
    for workload in workloads(documents):
        for container in pod_of(workload)["containers"]:
            if seconds(*option(container, "grace")) + 15 > pod_of(workload)["terminationGracePeriodSeconds"]:
                yield f"{name_of(workload)}: is killed before its --grace has passed"


def paths(documents):
    """Programs read and write below what is mounted; the root is read only."""
    for workload in workloads(documents):
        for container in pod_of(workload)["containers"]:
            mounts = [m["mountPath"] for m in container["volumeMounts"]]
            words = container["args"] + [w for p in ("startupProbe", "readinessProbe") for w in
                                         (container.get(p, {}).get("exec") or {}).get("command", [])]
            for path in (word.rpartition("=")[2] for word in words):
                if path.startswith("/") and not any(f"{path}/".startswith(f"{mount}/") for mount in mounts):
                    yield f"{name_of(workload)}: {path} is below nothing that is mounted"


def one_store(documents):
    for workload in of_kind(documents, "StatefulSet"):
        if workload["spec"]["replicas"] != 1:
            yield f"{name_of(workload)}: a store has one server"


def jobs_of(documents):
    """The label `job` of what each monitor scrapes, by name: the operator's own, or the one that a relabeling sets."""
    found = {}
    for monitor in of_kind(documents, "ServiceMonitor", "PodMonitor"):
        spec, metadata = monitor["spec"], monitor["metadata"]
        names = [f"{metadata.get('namespace')}/{metadata['name']}"]
        if monitor["kind"] == "ServiceMonitor":
            names = [s["metadata"]["name"] for s in of_kind(documents, "Service")
                     if selects(spec["selector"], s["metadata"]["labels"])]
        for endpoint in spec.get("endpoints", spec.get("podMetricsEndpoints")):
            set_to = [r["replacement"] for r in endpoint.get("relabelings", []) if r["targetLabel"] == "job"]
            found.setdefault(name_of(monitor), set()).update(set_to[-1:] or names)
    return found


def alerts_find_their_jobs(documents):
    """A job that a rule names is one that is scraped here."""
    scraped = set().union(*jobs_of(documents).values())
    for document in of_kind(documents, "PrometheusRule"):
        for rule in (rule for group in document["spec"]["groups"] for rule in group["rules"]):
            for job in set(re.findall(r'\bjob="([^"]*)"', rule.get("expr", ""))) - scraped:
                yield f"{name_of(document)}: {rule.get('alert') or rule['record']} is about job {job}, which nothing is"


CHECKS = [schema, namespaces, selectors, ports, references, restricted, images, draining, paths, one_store,
          alerts_find_their_jobs]


def complaints(documents):
    return [f"{check.__name__}: {complaint}" for check in CHECKS for complaint in check(documents)]


# Network ---------------------------------------------------------------------------------------------


class Pod:
    def __init__(self, namespace, labels, namespace_labels=None, ports=None):
        self.namespace, self.labels, self.ports = namespace, labels, ports or {}
        self.namespace_labels = {"kubernetes.io/metadata.name": namespace} | (namespace_labels or {})


def _peer(rule_peers, policy_namespace, other):
    for peer in rule_peers:
        if "ipBlock" in peer:
            continue
        if "namespaceSelector" in peer:
            if not selects(peer["namespaceSelector"], other.namespace_labels):
                continue
        elif other.namespace != policy_namespace:
            continue
        if selects(peer.get("podSelector", {}), other.labels):
            return True
    return False


def allowed(documents, source, target, port, protocol="TCP"):
    """Whether the policies let `source` open a connection to `port` of `target`: as Kubernetes adds them up."""
    for direction, subject, other, peers in (("Egress", source, target, "to"), ("Ingress", target, source, "from")):
        policies = [p for p in of_kind(documents, "NetworkPolicy") if p["metadata"]["namespace"] == subject.namespace
                    and direction in p["spec"]["policyTypes"] and selects(p["spec"]["podSelector"], subject.labels)]
        rules = [(p["metadata"]["namespace"], rule) for p in policies for rule in p["spec"].get(direction.lower(), [])]
        if policies and not any(
                _peer(rule.get(peers, []), namespace, other) and any(
                    target.ports.get(p["port"], p["port"]) == port and p["protocol"] == protocol for p in rule["ports"])
                for namespace, rule in rules):
            return False
    return True
