"""The machine, so that somebody else can tell how far the figures carry; nothing that names it."""

import os
import platform
from collections.abc import Mapping
from pathlib import Path

import psutil


def described(servers: Mapping[str, str]) -> str:
    """One sentence."""
    memory = psutil.virtual_memory().total / 2**30
    versions = ", ".join(f"{name} {version}" for name, version in servers.items())
    return (
        f"{os.cpu_count()} virtual CPUs ({_processor()}), {memory:.0f} GiB, {_system()}, "
        f"Python {platform.python_version()}, {versions}."
    )


def busy() -> float:
    """How many processes wanted a CPU during the last minute."""
    return os.getloadavg()[0]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()
