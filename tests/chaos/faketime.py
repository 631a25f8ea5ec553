"""Processes whose clock is wrong, by means of libfaketime; what they measure stays true."""

from pathlib import Path

from tests import services

PLACES = ("/usr/lib", "/usr/local/lib", "/opt")


def library() -> Path | None:
    """Where it is, if it is here."""
    found = (
        path
        for place in PLACES
        for path in sorted(Path(place).glob("**/faketime/libfaketime.so.1"))
    )
    return next(found, None)


def install(say: services.Say) -> None:
    """Raises Missing."""
    services.install("libfaketime", say, otherwise="no libfaketime here")


def environment(clock: str) -> dict[str, str]:
    """For a process whose clock is off, as `+2h`, or too fast as well, as `+2h x3`."""
    found = library()
    assert found is not None, "use the fixture `wrong_clocks`"
    return {
        "LD_PRELOAD": str(found),
        "FAKETIME": clock,
        # A wrong clock says the wrong time of day; intervals are counted by the hardware.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        # Python's threads hand the interpreter on by waits that this "fix" makes endless.
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        "NO_FAKE_STAT": "1",
    }
