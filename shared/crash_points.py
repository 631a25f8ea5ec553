"""Named places where a test may end the process, so that every crash window is tried on purpose."""

import os

_HOOKS = os.environ.get("AIP_TEST_HOOKS") == "1"
_NAME, _, _NTH = os.environ.get("AIP_CRASH_AT", "").partition(":")
_remaining = int(_NTH or 1)


def crash_point(name: str) -> None:
    """Do nothing, unless a test asked (AIP_TEST_HOOKS=1, AIP_CRASH_AT=name[:nth]) to die here."""
    global _remaining  # noqa: PLW0603 - a process dies once; there is nothing to inject
    if not _HOOKS or name != _NAME:
        return
    _remaining -= 1
    if _remaining == 0:
        os._exit(137)
