"""A self-made certificate, as small servers have it."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path


class Certificate:
    """A key and its self-signed certificate, in files of a directory."""

    def __init__(self, directory: Path, name: str) -> None:
        self.path = directory / f"{name}.pem"
        self.key = directory / f"{name}.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}", "-days", "2",
             "-keyout", str(self.key), "-out", str(self.path)],
            check=True, capture_output=True, timeout=60,
        )  # fmt: skip

    def server_context(self) -> ssl.SSLContext:
        """For a server that shows it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path, self.key)
        return context

    def client_context(self) -> ssl.SSLContext:
        """For a client that trusts it, whatever name it calls the server by."""
        context = ssl.create_default_context(cafile=str(self.path))
        context.check_hostname = False
        return context
