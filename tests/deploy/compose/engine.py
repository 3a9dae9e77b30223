# SPDX-License-Identifier: Apache-2.0
"""A container engine for tests: the one that answers, or a dockerd of their own, with what it built the last time.

Layers, images and the base lie below BITSWEEP_DOCKER_ROOT (default ~/.cache/bitsweep/docker), like ccache's folder outside
of any checkout, so that a fresh clone finds them.
"""
import ctypes
import fcntl
import os
import pathlib
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time

BASE = "debian:bookworm-slim"
CCACHE = "bitsweep-test/ccache"


class Unavailable(Exception):
    """No engine here, and why."""


def run(command, *, check=True, seconds=600, environment=None, **options):
    """Runs a command to its end; a failure shows all that it wrote."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=seconds,
                          env=environment, stdin=subprocess.DEVNULL, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}\n"
                             f"{done.stdout[-4000:]}\n{done.stderr[-12000:]}")
    return done


def default_mtu():
    """That of the device of the default route: a larger one in containers loses packets on the way."""
    try:
        for line in pathlib.Path("/proc/net/route").read_text().splitlines()[1:]:
            device, destination, *_ = line.split()
            if destination == "00000000":
                return int(pathlib.Path(f"/sys/class/net/{device}/mtu").read_text())
    except OSError:
        pass
    return 1500


def end_with_parent():
    """The daemon is asked to stop when the test dies, however it dies."""
    ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class Engine:
    """`docker` and `docker-compose` with an engine behind them. Close it: it stops what it started."""

    def __init__(self):
        self.environment = {k: v for k, v in os.environ.items()
                            if not k.startswith(("BITSWEEP_", "COMPOSE_", "PROMETHEUS_", "GRAFANA_"))}
        self.environment |= {"DOCKER_BUILDKIT": "1", "COMPOSE_DOCKER_CLI_BUILD": "1", "BUILDKIT_PROGRESS": "plain"}
        self.daemon = None
        self.lock = None
        self.run_folder = pathlib.Path(tempfile.mkdtemp(prefix="bitsweep-docker-", dir="/run" if os.access("/run", os.W_OK)
                                                        else None))
        try:
            self.docker = self._client()
            # docker-compose 1.29 builds with the `docker` of the PATH.
            (self.run_folder / "bin").mkdir()
            (self.run_folder / "bin" / "docker").symlink_to(self.docker)
            self.environment["PATH"] = f"{self.run_folder / 'bin'}:{self.environment['PATH']}"
            if self("version", check=False, seconds=60).returncode != 0:
                self._start()
        except BaseException:
            self.close()
            raise

    def __call__(self, *arguments, **options):
        return run([self.docker, *arguments], environment=self.environment, **options)

    def inspect(self, name, template):
        return self("inspect", "--format", template, name).stdout.strip()

    def has_image(self, name):
        return self("image", "inspect", name, check=False).returncode == 0

    def close(self):
        if self.daemon and self.daemon.poll() is None:
            self.daemon.send_signal(signal.SIGTERM)
            try:
                self.daemon.wait(90)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait(30)
        if self.lock:
            self.lock.close()
        shutil.rmtree(self.run_folder, ignore_errors=True)

    # ---- The daemon -----------------------------------------------------------------------------------------------

    def _client(self):
        """A client that builds with BuildKit: Debian's 20.10 has it inside, newer ones need their plugin."""
        found = [path for folder in ["/usr/bin", *self.environment["PATH"].split(":")]
                 if os.access(path := pathlib.Path(folder) / "docker", os.X_OK)]
        for path in found:
            version = run([path, "--version"], check=False).stdout.split()
            major = int(version[2].split(".")[0]) if len(version) > 2 and version[2][0].isdigit() else 0
            if 19 <= major < 23 or run([path, "buildx", "version"], check=False).returncode == 0:
                return path
        raise Unavailable(f"no docker that builds with BuildKit (found {len(found)}): deploy/install-deps.sh --dev")

    def _start(self):
        dockerd = shutil.which("dockerd", path=self.environment["PATH"] + ":/usr/sbin")
        if not dockerd:
            raise Unavailable("no daemon answers and there is no dockerd: deploy/install-deps.sh --dev")
        if os.geteuid() != 0:
            raise Unavailable("no daemon answers, and only root can start one")
        root = pathlib.Path(os.environ.get("BITSWEEP_DOCKER_ROOT") or
                            pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") /
                            "bitsweep" / "docker")
        root.mkdir(parents=True, exist_ok=True)
        self.lock = open(root / "test.lock", "w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)  # one daemon a folder; another test that has it comes to its end
        log_path = root / "dockerd.log"
        with open(log_path, "w") as log:
            self.daemon = subprocess.Popen(
                [dockerd, "--host", f"unix://{self.run_folder}/docker.sock", "--data-root", root,
                 "--exec-root", self.run_folder / "exec", "--pidfile", self.run_folder / "docker.pid",
                 "--mtu", str(default_mtu()), "--log-level", "warn"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, preexec_fn=end_with_parent)
        self.environment["DOCKER_HOST"] = f"unix://{self.run_folder}/docker.sock"
        deadline = time.monotonic() + 60
        while self("version", check=False).returncode != 0:
            if self.daemon.poll() is not None or time.monotonic() > deadline:
                raise Unavailable("dockerd does not run here: " + log_path.read_text()[-1500:])
            time.sleep(0.2)
        # What a test that was killed has left would start again with the daemon.
        left = self("ps", "-aq").stdout.split()
        if left:
            self("rm", "-f", "-v", *left)
        self("network", "prune", "-f")
        self("volume", "prune", "-f")

    # ---- Images ---------------------------------------------------------------------------------------------------

    def make_base(self):
        """debian:bookworm-slim: there, pulled, or made from Debian's packages as the real one is."""
        if self.has_image(BASE) or self("pull", "-q", BASE, check=False, seconds=180).returncode == 0:
            return
        sources = sorted(set(run(["apt-get", "indextargets", "--format", "deb $(REPO_URI) $(RELEASE) $(COMPONENT)",
                                  "Created-By: Packages", "Origin: Debian"]).stdout.splitlines())) or sorted(set(run(
                                      ["apt-get", "indextargets", "--format", "deb $(REPO_URI) $(RELEASE) $(COMPONENT)",
                                       "Created-By: Packages"]).stdout.splitlines()))
        sources = [line for line in sources if " bookworm" in line]
        mirror = next((line.split()[1] for line in sources if line.split()[2] == "bookworm"), None)
        if not mirror or not shutil.which("debootstrap", path=os.environ["PATH"] + ":/usr/sbin"):
            raise Unavailable(f"{BASE} cannot be pulled, and debootstrap or this machine's Debian mirror is missing")
        with tempfile.TemporaryDirectory(prefix="bitsweep-base-", dir=pathlib.Path(self.inspect_root())) as folder:
            root = pathlib.Path(folder) / "root"
            run(["debootstrap", "--variant=minbase", "bookworm", root, mirror])
            self._slim(root, sources)
            archive = pathlib.Path(folder) / "base.tar"
            with tarfile.open(archive, "w") as tar:
                tar.add(root, ".")
            self("import", "--change", 'CMD ["bash"]', archive, BASE)

    def inspect_root(self):
        return self("info", "--format", "{{.DockerRootDir}}").stdout.strip() if self.daemon else tempfile.gettempdir()

    @staticmethod
    def _slim(root, sources):
        """Leaves out what the slim image leaves out, and takes over how this machine reaches its mirror."""
        excluded = ["doc", "groff", "info", "lintian", "linda", "locale", "man"]
        (root / "etc/dpkg/dpkg.cfg.d/docker").write_text(
            "".join(f"path-exclude /usr/share/{name}/*\n" for name in excluded) +
            "path-include /usr/share/doc/*/copyright\n")
        for name in excluded[1:]:
            shutil.rmtree(root / "usr/share" / name, ignore_errors=True)
        for path in sorted((root / "usr/share/doc").rglob("*"), reverse=True):
            if path.is_dir() and not path.is_symlink():
                if not any(path.iterdir()):
                    path.rmdir()
            elif path.name != "copyright":
                path.unlink()
        for name in ["var/cache/apt", "var/lib/apt/lists", "var/log"]:
            shutil.rmtree(root / name)
            (root / name).mkdir()
        (root / "etc/apt/sources.list").write_text("\n".join(sources) + "\n")
        settings = run(["apt-config", "dump", "--format", '%f "%v";%n']).stdout.splitlines()
        (root / "etc/apt/apt.conf.d/00this-machine").write_text("".join(
            f"{line}\n" for line in settings
            if line.startswith(("Acquire::http", "Acquire::https", "Acquire::Check-", "Acquire::Retries"))
            and not line.endswith(' "";')))

    def import_ccache(self):
        """ccache's folder as an image, for `--build-arg CCACHE_IMAGE`; None where there is none."""
        if not shutil.which("ccache"):
            return None
        folder = pathlib.Path(run(["ccache", "-k", "cache_dir"]).stdout.strip())
        if not folder.is_dir():
            return None
        # ccache touches what it uses: the entries of a day are those of the last builds.
        pack = subprocess.Popen("find . -path ./tmp -prune -o -type f -mmin -1440 -print0 | "
                                "tar --null --no-recursion --ignore-failed-read -T - -c", shell=True, cwd=folder,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        done = subprocess.run([self.docker, "import", "-", CCACHE], stdin=pack.stdout, env=self.environment,
                              capture_output=True, text=True, timeout=300)
        pack.stdout.close()
        pack.wait(30)
        return CCACHE if done.returncode == 0 else None

    def remove_project(self, project):
        """What a test of this project that was killed has left."""
        label = f"label=com.docker.compose.project={project}"
        for kind, remove in (("ps", ["rm", "-f", "-v"]), ("network ls", ["network", "rm"]), ("volume ls", ["volume", "rm"])):
            left = self(*kind.split(), "-q", *(["-a"] if kind == "ps" else []), "--filter", label).stdout.split()
            if left:
                self(*remove, *left, check=False)

    def tidy(self):
        """Of an engine of our own: drops images without a name, and of what only builds use the oldest beyond 6 GB. Of another's: the
        largest of what is only for the next test."""
        if not self.daemon:
            self("image", "rm", CCACHE, check=False)
        else:
            self("image", "prune", "-f", check=False)
            self("builder", "prune", "-a", "-f", "--keep-storage", "6gb", check=False)
