# SPDX-License-Identifier: Apache-2.0
"""A Slurm of one node: Debian's munged, slurmctld and slurmd, started by hand, without systemd and cgroups.

All of it lives in one folder and on free ports, beside any other Slurm of this machine. `stop` ends every process whose
environment names the folder: the daemons, the jobs and what these started. A guard does so when the test is killed.
"""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

NAME = "bitsweep-test"
MARK = "TEST_SLURM_FOLDER"
PROGRAMS = ["munged", "slurmctld", "slurmd", "sbatch", "scancel", "squeue", "scontrol", "sinfo"]

CONFIGURATION = """
ClusterName={name}
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={slurmctld_port}
SlurmdPort={slurmd_port}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
ReturnToService=2
SchedulerParameters=sched_interval=1,sched_min_interval=100000
MinJobAge=300
KillWait={kill_wait}
MailProg=/bin/true
NodeName={host} NodeAddr=127.0.0.1 CPUs=4 RealMemory=8192 State=UNKNOWN
PartitionName=test Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""

# Waits until its standard input is closed, which the death of its parent does.
GUARD = "import sys; sys.path.insert(0, sys.argv[1]); import slurm; sys.stdin.read(); slurm.kill_all(sys.argv[2])"


def why_not():
    """Why Slurm cannot run here, or nothing."""
    if os.geteuid() != 0:
        return "it takes root to start slurmd and munged by hand"
    missing = [program for program in PROGRAMS if not find(program)]
    return f"not installed: {', '.join(missing)} (deploy/install-deps.sh --dev)" if missing else None


def find(program):
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def processes_of(folder):
    """Ids of the processes whose environment names the folder, but for this one and the guard."""
    mark, found = f"{MARK}={folder}\0".encode(), []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if mark in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
            except OSError:  # it has ended, or is a kernel's thread
                pass
    return found


def kill_all(folder):
    """Until none is left: one that starts another while it is being killed is found the next time."""
    deadline = time.monotonic() + 20
    while (found := processes_of(folder)) and time.monotonic() < deadline:
        for process in found:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass
        threading.Event().wait(0.05)
    return found


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


class Slurm:
    def __init__(self, folder, wait_until, kill_wait=30):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(mode=0o755)
        os.chmod(self.folder.parent, 0o755)  # munged asks for folders that everybody may pass
        self.wait_until = wait_until
        self.daemons = {}
        self.mark = {MARK: str(self.folder)}  # for the environment of what is to end with it
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("BITSWEEP_", "SLURM", "SBATCH"))}
        self.environment |= {"SLURM_CONF": str(self.folder / "slurm.conf")} | self.mark
        self.guard = subprocess.Popen(
            [sys.executable, "-c", GUARD, str(pathlib.Path(__file__).parent), str(self.folder)], stdin=subprocess.PIPE,
            start_new_session=True)
        host = socket.gethostname().split(".")[0]
        slurmctld_port, slurmd_port = free_ports(2)
        for name in ("state", "spool"):
            (self.folder / name).mkdir(mode=0o755)
        (self.folder / "slurm.conf").write_text(CONFIGURATION.format(
            name=NAME, host=host, folder=self.folder, slurmctld_port=slurmctld_port, slurmd_port=slurmd_port, kill_wait=kill_wait))
        key = self.folder / "munge.key"
        key.touch(0o600)
        key.write_bytes(os.urandom(128))

    def start(self):
        munge = {f"--{name}-file={self.folder}/munge.{name}" for name in ("key", "pid", "log", "seed")}
        self._daemon("munged", "--foreground", f"--socket={self.folder}/munge.socket", *sorted(munge))
        self.wait_until(lambda: self._alive("munged") and (self.folder / "munge.socket").exists(), "munged listens", 30)
        self._daemon("slurmctld", "-D", "-i")
        self._daemon("slurmd", "-D")
        self.wait_until(lambda: self._alive("slurmctld", "slurmd") and "idle" in self.run(
            "sinfo", "--noheader", "--format=%T", check=False), "the node is idle", 60, 0.2)

    def stop(self):
        """Ends everything; what is left after that, which must be nothing."""
        left = kill_all(self.folder)
        for daemon in self.daemons.values():
            daemon.wait(30)
        self.guard.stdin.close()
        self.guard.wait(30)
        return left

    def run(self, program, *arguments, check=True, environment=None):
        done = subprocess.run([find(program), *map(str, arguments)], capture_output=True, text=True, timeout=60,
                              env=self.environment | (environment or {}), cwd=self.folder)
        if check and done.returncode != 0:
            raise AssertionError(f"{program} {' '.join(map(str, arguments))} ended with {done.returncode}: "
                                 f"{done.stdout}{done.stderr}\n{self.logs()}")
        return done.stdout.strip()

    def task(self, job):
        """The fields of a job or of a task of an array, as scontrol has them."""
        text = self.run("scontrol", "--oneliner", "show", "job", job)
        return dict(pair.split("=", 1) for pair in text.splitlines()[0].split() if "=" in pair)

    def wait_state(self, job, state, seconds=90):
        return self.wait_until(lambda: (lambda t: t if t["JobState"] == state else None)(self.task(job)),
                               f"{job} is {state}", seconds, 0.2)

    def logs(self):
        return "\n".join(f"--- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-25:])
                         for log in sorted(self.folder.glob("*.log")))

    def _daemon(self, name, *arguments):
        with open(self.folder / f"{name}.log", "ab") as log:
            self.daemons[name] = subprocess.Popen([find(name), *arguments], stdout=log, stderr=log, cwd=self.folder,
                                                  stdin=subprocess.DEVNULL, env=self.environment)

    def _alive(self, *names):
        for name in names:
            if (code := self.daemons[name].poll()) is not None:
                raise AssertionError(f"{name} ended with {code}\n{self.logs()}")
        return True
