"""Stands between fork and exec: becomes another user, ties itself to its parent, becomes a server.

It is run as a script, in an interpreter of its own: code of ours between fork and exec could
deadlock in a process with threads, and the other user may not be able to read our interpreter.
"""

import ctypes
import os
import sys
from typing import NoReturn

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> NoReturn:
    """Become `command`, which then ends when the thread that started us does."""
    parent, death_signal, uid, gid = map(int, arguments[:4])
    command = arguments[4:]
    if uid != os.geteuid():
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    # Only now: changing the user clears it.
    if ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal) != 0:
        sys.exit("FATAL: prctl failed, so this process could outlive its parent")
    if os.getppid() != parent:
        sys.exit("FATAL: the parent is gone already")
    try:
        os.execv(command[0], command)  # noqa: S606 - the command is ours
    except OSError as refused:
        sys.exit(f"FATAL: {command[0]}: {refused.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
