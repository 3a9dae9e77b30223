# SPDX-License-Identifier: Apache-2.0
"""Debian's Prometheus on a free port, with a folder of its own."""
import json
import pathlib
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request

import dashboards

sys.path.insert(0, str(dashboards.ROOT / "tests" / "e2e"))
from child import end_with_test
from cluster import wait_until


def fetch(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode()


class Prometheus:
    def __init__(self, folder, jobs, alerts=(), scrape_seconds=1):
        """`jobs`: job -> addresses; `alerts`: names of some that fire. Started when this returns."""
        self.folder = pathlib.Path(folder)
        self.log = self.folder / "prometheus.log"
        config = self.folder / "prometheus.yml"  # JSON is YAML
        rules = self.folder / "rules.yml"
        rules.write_text(json.dumps({"groups": [{"name": "alerts", "rules": [
            {"alert": name, "expr": "vector(1)", "labels": {"severity": "info"}} for name in alerts]}]}))
        every = f"{scrape_seconds}s"
        config.write_text(json.dumps({
            "global": {"scrape_interval": every, "scrape_timeout": every, "evaluation_interval": every},
            "rule_files": [str(rules)],
            "scrape_configs": [{"job_name": job, "static_configs": [{"targets": addresses}]}
                               for job, addresses in jobs.items()]}))
        for _ in range(3):  # another process may take the port between the two lines
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.address = f"127.0.0.1:{free.getsockname()[1]}"
            with open(self.log, "ab") as log:
                self.popen = subprocess.Popen(
                    ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.folder / 'tsdb'}",
                     f"--web.listen-address={self.address}", "--log.level=warn"], stdout=log, stderr=log,
                    stdin=subprocess.DEVNULL, preexec_fn=end_with_test)
            if wait_until(self._ready, "Prometheus is ready or has ended", 30) == "ready":
                return
        raise AssertionError(f"Prometheus does not start:\n{self.log.read_text()}")

    def _ready(self):
        if self.popen.poll() is not None:
            return "ended"
        try:
            fetch(f"http://{self.address}/-/ready")
            return "ready"
        except (urllib.error.URLError, ConnectionError):
            return None

    def stop(self):
        self.popen.kill()
        self.popen.wait(30)

    def get(self, path, **parameters):
        url = f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters, doseq=True)}"
        try:
            return json.loads(fetch(url))["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from error

    def instant(self, expression, **parameters):
        """[(labels, [values])], of scalars too."""
        data = self.get("query", query=expression, **parameters)
        if data["resultType"] == "scalar":
            return [({}, [float(data["result"][1])])]
        return [(series["metric"], [float(series["value"][1])]) for series in data["result"]]

    def range(self, expression, start, end, step):
        data = self.get("query_range", query=expression, start=start, end=end, step=step)
        return [(series["metric"], [float(value) for _, value in series["values"]]) for series in data["result"]]

    def value(self, expression):
        """Of a query with at most one series: its value, or None."""
        found = self.instant(expression)
        return found[0][1][0] if found else None
