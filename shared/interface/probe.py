"""`python -m shared.interface.probe`: whether the process in this container can take work.

For a container's health check: exits with 0 or 1, and imports next to nothing.
"""

import os
import sys
from http.client import HTTPConnection, HTTPException

#: The check itself is given up on after a little more.
WITHIN_S = 4


def is_ready(port: int) -> bool:
    """Asks `/health/ready` on this machine."""
    connection = HTTPConnection("127.0.0.1", port, timeout=WITHIN_S)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not is_ready(int(os.environ["PORT"])))
