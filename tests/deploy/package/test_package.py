# SPDX-License-Identifier: Apache-2.0
"""The Debian packages, the units in them and `cmake --install`: built by CPack from BITSWEEP_BUILD, read by lintian, unpacked
and run from there. Needs neither root nor systemd as process 1.
"""
import gzip
import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import child  # noqa: E402

BUILD = pathlib.Path(os.environ["BITSWEEP_BUILD"])
VERSION = os.environ["BITSWEEP_VERSION"]
PACKAGES = {"bitsweep": "cli", "bitsweep-server": "server", "bitsweep-worker": "worker"}
SERVICES = ("server", "worker")
# Of `systemd-analyze security`, times ten; docs/systemd.md says what the units score.
MOST_EXPOSURE = 15
ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("BITSWEEP_")}


def output_of(*command, **options):
    """Standard output; the test fails with all output when the command does."""
    ran = subprocess.run([str(part) for part in command], capture_output=True, text=True, errors="replace",
                         **{"env": ENVIRONMENT, **options})
    if ran.returncode != 0:
        raise AssertionError(f"{command}: exit code {ran.returncode}\n{ran.stdout}{ran.stderr}")
    return ran.stdout


def options_of(program):
    """{name: default or ""} of its manual page's OPTIONS."""
    page = output_of(program, "--man-page", "8").replace("\\-", "-")
    entries = page.partition(".SH OPTIONS\n")[2].partition(".SH ")[0].split(".TP\n")[1:]
    found = {}
    for entry in entries:
        name = re.search(r"\\fB--([a-z-]+)\\fR", entry)[1]
        default = re.search(r"^Default: \\fB(.*)\\fR$", entry, re.M)
        found[name] = default[1] if default else ""
    return found


class Started:
    """A program under way, restricted as its unit says where that takes no systemd; says what it printed when it does not
    do as told."""

    def __init__(self, unit, arguments, log):
        self.log = open(log, "w+")
        self.process = subprocess.Popen([str(a) for a in arguments], stdout=self.log, stderr=self.log, env=ENVIRONMENT,
                                        preexec_fn=child.under(unit.read_text()))

    def wait_for(self, file):
        deadline = time.monotonic() + 60
        while not (file.exists() and file.read_text()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.log.seek(0)
                raise AssertionError(f"{self.process.args} does not serve:\n{self.log.read()}")
            time.sleep(0.05)
        return dict(part.split("=") for part in file.read_text().split())

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def clean_up(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


class PackageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        cls.folder = pathlib.Path(folder.name)
        output_of("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", cls.folder / "packed")
        cls.packages = {}
        for file in (cls.folder / "packed").glob("*.deb"):
            cls.packages[file.name.partition("_")[0]] = file
        cls.root = cls.folder / "root"  # what all packages together put on a machine
        for file in cls.packages.values():
            output_of("dpkg-deb", "-x", file, cls.root)

    def unit(self, service):
        return self.root / f"usr/lib/systemd/system/bitsweep-{service}.service"

    def test_there_are_three_packages_of_this_version(self):
        self.assertEqual(set(self.packages), set(PACKAGES))
        for name, file in self.packages.items():
            self.assertEqual(output_of("dpkg-deb", "-f", file, "Version").strip(), f"{VERSION}-1")
            depends = output_of("dpkg-deb", "-f", file, "Depends")
            self.assertIn("libc6 (>=", depends)
            self.assertEqual("libtorch" in depends, name == "bitsweep-worker", f"{name} depends on {depends}")

    def test_lintian_has_nothing_to_say(self):
        said = output_of("lintian", "--allow-root", "--profile", "debian", "--fail-on", "error,warning", "--tag-display-limit", "0",
                         *self.packages.values())
        self.assertNotRegex(said, r"(?m)^[EW]:")

    def test_each_file_is_where_it_belongs(self):
        listed = []
        for name in sorted(self.packages):
            entries = [line.split(None, 5) for line in output_of("dpkg-deb", "-c", self.packages[name]).splitlines()]
            for mode, owner, _, _, _, path in entries:
                if not any(other[5] != path and other[5].startswith(path) for other in entries):  # no folder of others
                    listed.append(f"{name} {mode} {owner} {path}")
        golden = HERE / "files.golden"
        if os.environ.get("BITSWEEP_UPDATE_GOLDEN"):
            golden.write_text("\n".join(listed) + "\n")
        self.assertEqual(listed, golden.read_text().splitlines())

    def test_configuration_files_are_the_administrators(self):
        for service in SERVICES:
            control = self.folder / f"control-{service}"
            output_of("dpkg-deb", "-e", self.packages[f"bitsweep-{service}"], control)
            self.assertEqual((control / "conffiles").read_text(), f"/etc/bitsweep/{service}.toml\n")

    def test_configuration_files_name_every_option_with_its_default(self):
        for service in SERVICES:
            text = (self.root / f"etc/bitsweep/{service}.toml").read_text()
            options = options_of(self.root / f"usr/bin/bitsweep-{service}")
            for meta in ("help", "version", "config"):
                del options[meta]
            said = dict(re.findall(r"^#?([a-z-]+) = (.*)$", text, re.M))
            self.assertEqual(set(said), set(options), f"{service}.toml")
            for name, default in re.findall(r"^#([a-z-]+) = (.*)$", text, re.M):
                if not options[name] and default in ("true", "false"):
                    self.assertEqual(default, "false", f"{service}.toml: {name}")
                elif options[name]:
                    self.assertEqual(default, f'"{options[name]}"', f"{service}.toml: {name}")
            for line in re.findall(r"^#([a-z-]+ = .*)$", text, re.M):
                tomllib.loads(line)  # what is behind a # is a line that could stand there

    def test_changelog_and_copyright_are_there(self):
        for name in PACKAGES:
            changelog = self.folder / f"{name}.changelog"
            changelog.write_bytes(gzip.decompress((self.root / f"usr/share/doc/{name}/changelog.Debian.gz").read_bytes()))
            said = output_of("dpkg-parsechangelog", "-l", changelog, "-S", "Version", "-S", "Source")
            self.assertIn(f"{VERSION}-1", changelog.read_text().splitlines()[0], said)
            said = (self.root / f"usr/share/doc/{name}/copyright").read_text()
            for library in ("CLI11", "nlohmann-json", "libtomlplusplus", "libfmt", "libspdlog", "libcpp-httplib", "libhwy",
                            "libgrpc++", "libprotobuf", "libabsl", "prometheus-cpp", "libtorch"):  # compiled in
                self.assertRegex(said, rf"(?mi)^Comment: .*{re.escape(library)}")
            for licence in set(re.findall(r"^License: (.*)$", said, re.M)):
                for licence in licence.split(" and "):
                    self.assertRegex(said, rf"(?m)^License: {licence}\n ", "no text of this licence")

    def test_manual_pages_render_without_warnings(self):
        for page in ("man1/bitsweep.1.gz", "man8/bitsweep-server.8.gz", "man8/bitsweep-worker.8.gz"):
            file = self.root / "usr/share/man" / page
            ran = subprocess.run(["man", "--warnings=w", "--encoding=UTF-8", "--local-file", file], capture_output=True, text=True,
                                 env={**ENVIRONMENT, "LC_ALL": "C.UTF-8", "MANWIDTH": "80", "MANROFFSEQ": ""})
            self.assertEqual((ran.returncode, ran.stderr), (0, ""), page)
            for heading in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "CONFIGURATION", "ENVIRONMENT", "EXIT STATUS",
                            "FILES", "EXAMPLES", "SEE ALSO"):
                self.assertIn(f"\n{heading}\n", ran.stdout, page)
            self.assertIn(" - ", output_of("lexgrog", file))

    def test_the_manual_page_has_every_verb(self):
        page = gzip.decompress((self.root / "usr/share/man/man1/bitsweep.1.gz").read_bytes()).decode().replace("\\-", "-")
        verbs = re.findall(r"^\.SS \\fBbitsweep ([a-z -]+)\\fR", page, re.M)
        self.assertGreater(len(verbs), 20)
        for verb in verbs:
            output_of(self.root / "usr/bin/bitsweep", *verb.split(), "--help")
        for line in re.findall(r"^(bitsweep .*)$", page.partition(".SH EXAMPLES")[2], re.M):
            # Options of examples exist: with --help behind them nothing is done.
            output_of(self.root / "usr/bin/bitsweep", *shlex.split(line.replace("\\(aq", "'"))[1:], "--help")

    def test_completions_work(self):
        bash = self.root / "usr/share/bash-completion/completions/bitsweep"
        script = (f"source {bash}; COMP_WORDS=(bitsweep sweep sub); COMP_CWORD=2; _bitsweep; "
                  'echo "${COMPREPLY[@]}"')
        self.assertEqual(output_of("bash", "--norc", "-c", script), "submit\n")
        for shell, file in (("zsh", "zsh/vendor-completions/_bitsweep"), ("fish", "fish/vendor_completions.d/bitsweep.fish")):
            self.assertIn("bitsweep", (self.root / "usr/share" / file).read_text())
            if shutil.which(shell):
                output_of(shell, "-n", self.root / "usr/share" / file)

    def test_units_are_sound_and_closed(self):
        for service in SERVICES:
            unit = self.folder / f"bitsweep-{service}.service"
            unit.write_text(self.unit(service).read_text().replace("/usr/bin/", f"{self.root}/usr/bin/"))
            said = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
            self.assertEqual((said.returncode, said.stdout, said.stderr), (0, "", ""), service)
            if service == "worker":  # LibTorch's convolutions need it; kernels before 6.3 would not show that below
                self.assertNotIn("\nMemoryDenyWriteExecute=", unit.read_text())
            output_of("systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSURE}", "--no-pager", unit)

    def test_the_servers_user_can_be_made(self):
        root = self.folder / "users"
        (root / "etc").mkdir(parents=True)
        output_of("systemd-sysusers", f"--root={root}", self.root / "usr/lib/sysusers.d/bitsweep-server.conf")
        self.assertRegex((root / "etc/passwd").read_text(), r"(?m)^bitsweep:[^:]*:\d+:\d+:Bitsweep server:/var/lib/bitsweep:.*nologin$")

    def test_maintainer_scripts_do_what_they_should(self):
        stubs = self.folder / "stubs"
        stubs.mkdir()
        for name in ("systemd-sysusers", "deb-systemd-helper", "deb-systemd-invoke", "systemctl"):
            (stubs / name).write_text(f'#!/bin/sh\necho "{name} $*" >>"$CALLS"\n')
            (stubs / name).chmod(0o755)
        store = self.folder / "machine/var/lib/bitsweep"
        store.mkdir(parents=True)
        calls = self.folder / "calls"

        def run(service, script, *arguments):
            control = self.folder / f"scripts-{service}"
            output_of("dpkg-deb", "-e", self.packages[f"bitsweep-{service}"], control)
            calls.write_text("")
            output_of("sh", "-eu", control / script, *arguments, "",
                      env={"PATH": f"{stubs}:/usr/bin:/bin", "CALLS": str(calls), "DPKG_ROOT": str(self.folder / "machine")})
            return calls.read_text()

        self.assertIn("systemd-sysusers bitsweep-server.conf\n", run("server", "postinst", "configure"))
        self.assertNotIn("systemd-sysusers", run("worker", "postinst", "configure"))
        for service in SERVICES:
            self.assertIn(f"deb-systemd-helper enable bitsweep-{service}.service\n", run(service, "postinst", "configure"))
            run(service, "prerm", "remove")
            run(service, "postrm", "remove")
        self.assertTrue(store.exists(), "removing keeps the store")
        run("worker", "postrm", "purge")
        self.assertTrue(store.exists(), "the store is not the worker's")
        self.assertIn("deb-systemd-helper purge bitsweep-server.service\n", run("server", "postrm", "purge"))
        self.assertTrue(store.exists(), "purging keeps results too")

    def exec_start(self, root, unit):
        """What the unit starts, with the paths that lie below `root`."""
        line = re.search(r"^ExecStart=(.*)$", unit.read_text(), re.M)[1]
        return [str(root) + word if word.startswith("/") else word for word in shlex.split(line)]

    def test_the_units_commands_train_and_evaluate(self):
        ports = self.folder / "ports"
        server = Started(self.unit("server"), self.exec_start(self.root, self.unit("server"))
                         + ["--data-dir", self.folder / "store", "--listen", "127.0.0.1:0", "--metrics-listen",
                            "127.0.0.1:0", "--port-file", ports], self.folder / "server.log")
        self.addCleanup(server.clean_up)
        address = f"127.0.0.1:{server.wait_for(ports)['grpc']}"
        worker_ports = self.folder / "worker-ports"
        worker = Started(self.unit("worker"), self.exec_start(self.root, self.unit("worker"))
                         + ["--server", address, "--slots", "1", "--metrics-listen", "off", "--port-file", worker_ports,
                            "--data-root", self.root / "var/lib/bitsweep-datasets"], self.folder / "worker.log")
        self.addCleanup(worker.clean_up)
        worker.wait_for(worker_ports)
        client = [self.root / "usr/bin/bitsweep", "--server", address]
        data = 'dataset = { name = "synthetic-jets", synthetic = { rows = 500 } }\n'
        for model, engine in (("jsc-tiny", "fused"), ("jsc-rs1923", "fused"), ("jsc-rs1923", "libtorch")):
            sweep = self.folder / f"{model}-{engine}.toml"
            sweep.write_text(f'sweep_id = "{model}-{engine}"\n[sweep]\nmodel.builtin = "{model}"\nengine = "{engine}"\n{data}'
                             "base = { max_epochs = 1, batch_size = 256, learning_rate = 1e-2 }\n")
            output_of(*client, "sweep", "submit", sweep, "--watch", timeout=120)
            result = json.loads(output_of(*client, "--json", "trial", "show", f"sweeps/{model}-{engine}/trials/0"))["result"]
            self.assertEqual(result["engine"], engine)
        transform = self.folder / "evaluate.toml"
        transform.write_text('transform_id = "evaluate"\n[transform]\nmodel.builtin = "jsc-rs1923"\n'
                             f"{data}passes = [{{ evaluate = {{}} }}]\n")
        output_of(*client, "transform", "submit", transform, "--watch", timeout=120)
        results = json.loads(output_of(*client, "--json", "transform", "show", "evaluate"))["job"]["results"]
        self.assertIn("accuracy", results[0]["evaluation"]["original"])
        self.assertEqual(worker.stop(), 0)
        self.assertEqual(server.stop(), 0)

    def test_cmake_installs_into_a_folder(self):
        prefix = self.folder / "prefix"
        before = {path: path.stat().st_mtime_ns for path in (BUILD / "package").rglob("*")}
        output_of("cmake", "--install", BUILD, "--prefix", prefix, "--strip")
        for program in PACKAGES:
            self.assertIn(VERSION, output_of(prefix / "bin" / program, "--version"))
        for service in SERVICES:
            line = self.exec_start("", prefix / f"lib/systemd/system/bitsweep-{service}.service")
            self.assertEqual(line, [f"{prefix}/bin/bitsweep-{service}", "--config", f"{prefix}/etc/bitsweep/{service}.toml"])
            self.assertTrue((prefix / f"share/man/man8/bitsweep-{service}.8.gz").exists())
            self.assertTrue((prefix / f"share/doc/bitsweep-{service}/copyright").exists())
        mine = prefix / "etc/bitsweep/server.toml"
        mine.write_text("# mine\n")
        output_of("cmake", "--install", BUILD, "--prefix", prefix, "--component", "server")
        after = {path: path.stat().st_mtime_ns for path in (BUILD / "package").rglob("*")}
        self.assertEqual(after, before, "what is installed, often by root, is not put together in the build folder")
        self.assertEqual(mine.read_text(), "# mine\n", "an installation keeps the configuration that is there")


if __name__ == "__main__":
    unittest.main()
