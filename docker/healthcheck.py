"""Exits 0 when the web process of this container answers and its database does.

Asks as a reverse proxy would: with a host name that is allowed, and as if the call had come by HTTPS.
"""

from __future__ import annotations

import http.client
import os
import sys


def main() -> int:
    """Ask /healthz once; 0 is healthy."""
    host = os.environ.get("OUBLI_HOSTS", "localhost").split(",")[0].strip().lstrip(".").replace("*", "localhost")
    port = int(os.environ.get("OUBLI_HEALTH_PORT", "8000"))
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        connection.request("GET", "/healthz", headers={"Host": host, "X-Forwarded-Proto": "https"})
        return 0 if connection.getresponse().status == http.HTTPStatus.OK else 1
    except OSError:
        return 1
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
