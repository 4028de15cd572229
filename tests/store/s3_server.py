"""An S3 store on this machine (moto's), which can be made to refuse, to hang, or to vanish."""

import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]
DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"
HANG_S = 30


class _Quiet(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        """No line a request."""


@dataclass
class Store:
    """A running store. `requests` are counted from the last `trouble` on."""

    address: str = ""
    requests: int = 0
    kind: str = ""
    after: int = 0
    only: tuple[str, ...] = ()
    where: str = ""
    _server: BaseWSGIServer | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, port: int = 0) -> None:
        """Serve on a free port, or on a given one."""
        moto = DomainDispatcherApplication(create_backend_app)

        def application(environ: dict[str, Any], answer: Any) -> Iterable[bytes]:
            found = self._troubled(environ)
            return (moto if found is None else found)(environ, answer)

        self._server = make_server(
            "127.0.0.1", port, application, threaded=True, request_handler=_Quiet
        )
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Serve no more."""
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def trouble(
        self, kind: str, after: int = 0, only: tuple[str, ...] = (), where: str = ""
    ) -> None:
        """From the request of number `after` on: `refuse`, `vanish`, `hang`, or none of it ("").

        Or what a store answers: `404`, `503` and the like.

        Args:
            kind: What it does to requests.
            after: How many it still answers.
            only: HTTP methods that it does it to; empty: to all.
            where: Part of the address and query that it does it to; empty: to all.
        """
        with self._lock:
            self.requests, self.kind, self.after, self.only = 0, kind, after, only
            self.where = where

    def _troubled(self, environ: dict[str, Any]) -> Application | None:
        with self._lock:
            if self.only and environ["REQUEST_METHOD"] not in self.only:
                return None
            asked = f"{environ['PATH_INFO']}?{environ.get('QUERY_STRING', '')}"
            if self.where not in unquote(asked):
                return None
            self.requests += 1
            kind = self.kind if self.requests > self.after else ""
        if kind.isdigit():
            return Response(b"", status=int(kind))
        if kind == "refuse":
            return Response(DENIED, status=403, content_type="application/xml")
        if kind == "hang":
            threading.Event().wait(HANG_S)
        if kind:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            return Response(status=503)
        return None


@contextmanager
def s3_store() -> Iterable[Store]:  # type: ignore[misc]
    """A store for as long as one needs it."""
    store = Store()
    store.start()
    try:
        yield store
    finally:
        store.stop()
