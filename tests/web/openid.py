"""A small OpenID Connect provider over a real socket: discovery, authorize, token (PKCE), keys, userinfo."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "oubli", "a secret of the test"


class Provider(ThreadingHTTPServer):
    """Whoever comes is signed in as ``claims``; ``info`` is what userinfo says, if anything else."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.claims: dict[str, Any] = {}
        self.info: dict[str, Any] | None = None
        self.codes: dict[str, dict[str, str]] = {}
        self.refused: list[str] = []

    @property
    def issuer(self) -> str:
        """The provider's address."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answers(BaseHTTPRequestHandler):
    """One request each."""

    server: Provider

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:  # noqa: N802 - the standard library's name
        """Discovery, authorize, keys, userinfo."""
        url = urlsplit(self.path)
        match url.path:
            case "/.well-known/openid-configuration":
                here = self.server.issuer
                self._json(
                    {
                        "issuer": here,
                        "authorization_endpoint": f"{here}/authorize",
                        "token_endpoint": f"{here}/token",
                        "userinfo_endpoint": f"{here}/userinfo",
                        "jwks_uri": f"{here}/keys",
                        "token_endpoint_auth_methods_supported": ["client_secret_post"],
                    }
                )
            case "/keys":
                public = jwt.algorithms.RSAAlgorithm.to_jwk(self.server.key.public_key(), as_dict=True)
                self._json({"keys": [{**public, "kid": "one", "use": "sig", "alg": "RS256"}]})
            case "/authorize":
                self._authorize({name: values[0] for name, values in parse_qs(url.query).items()})
            case "/userinfo":
                self._json(self.server.claims if self.server.info is None else self.server.info)
            case _:
                self.send_error(404)

    def _authorize(self, asked: dict[str, str]) -> None:
        code = secrets.token_urlsafe(12)
        self.server.codes[code] = asked
        query = urlencode({"code": code, "state": asked["state"]})
        self.send_response(302)
        self.send_header("Location", f"{asked['redirect_uri']}?{query}")
        self.end_headers()

    def do_POST(self) -> None:  # noqa: N802 - the standard library's name
        """The token, for a code that was issued, once, to who knows the secret and the verifier."""
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        given = {name: values[0] for name, values in parse_qs(body).items()}
        asked = self.server.codes.pop(given.get("code", ""), None)
        hashed = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
        if asked is None or given.get("client_secret") != SECRET or asked.get("code_challenge") != challenge:
            self.server.refused.append(str(given))
            self._json({"error": "invalid_grant"}, status=400)
            return
        now = int(time.time())
        said = {"iss": self.server.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, **self.server.claims}
        token = jwt.encode(said, self.server.key, algorithm="RS256", headers={"kid": "one"})
        self._json({"access_token": secrets.token_urlsafe(12), "token_type": "Bearer", "id_token": token})

    def _json(self, content: Any, *, status: int = 200) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def provider() -> Iterator[Provider]:
    """The provider, listening while the block runs."""
    with Provider() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
