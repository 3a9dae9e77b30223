# SPDX-License-Identifier: Apache-2.0
"""What the tests' processes are told before they start: to end with the test, however it ends (ctest kills it when it takes
too long), and what of a unit's restrictions a process can put on itself.

For `preexec_fn`. Start processes in the main thread: the kernel sends the signal when the thread that forked ends.
"""
import ctypes
import os
import signal

PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS, PR_SET_MDWE = 1, 38, 65
# Loaded here: a process that has forked and is yet to start its program should load nothing.
LIBC = ctypes.CDLL(None, use_errno=True)
TEST = os.getpid()


def prctl(option, value):
    if LIBC.prctl(option, ctypes.c_ulong(value), *[ctypes.c_ulong(0)] * 3) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def end_with_test():
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != TEST:  # it has ended already
        os._exit(1)


def may_deny_write_execute():
    """Whether this kernel (6.3 or later) can refuse memory that is written and then executed."""
    return LIBC.prctl(PR_SET_MDWE + 1, *[ctypes.c_ulong(0)] * 4) >= 0


def under(unit):
    """`end_with_test` and, of the text of a unit, its mask, NoNewPrivileges and MemoryDenyWriteExecute."""
    settings = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line and not line.startswith("#"))

    def prepare():
        end_with_test()
        os.umask(int(settings.get("UMask", "0022"), 8))
        if settings.get("NoNewPrivileges") == "yes":
            prctl(PR_SET_NO_NEW_PRIVS, 1)
        if settings.get("MemoryDenyWriteExecute") == "yes" and MAY_DENY_WRITE_EXECUTE:
            prctl(PR_SET_MDWE, 1)
    return prepare


MAY_DENY_WRITE_EXECUTE = may_deny_write_execute()
