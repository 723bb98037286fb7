"""urllib3 connections that look a host's address up once.

A pool of sixteen connections asks the resolver sixteen times within a millisecond. Small resolvers drop some of that,
and the C library then waits five seconds (``timeout`` in https://man7.org/linux/man-pages/man5/resolv.conf.5.html).
"""

import contextlib
import socket
import threading
from collections.abc import Callable

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

PoolClasses = dict[str, type[urllib3.HTTPConnectionPool]]


class _Addresses:
    """The address of each host that was reached; the first connection finds it, the others wait for it."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._finding = threading.Lock()

    def connect(self, connection: HTTPConnection, open_socket: Callable[[], socket.socket]) -> socket.socket:
        """Connect to the known address; one that does not answer is forgotten.

        The name stays the connection's host: it is what the server is asked for, and what its certificate must hold.
        """
        host = connection.host
        with contextlib.nullcontext() if host in self._known else self._finding:
            try:
                connection._dns_host = self._known.get(host, host)  # noqa: SLF001 - urllib3 has no other way
                connected = open_socket()
            except urllib3.exceptions.HTTPError:
                self._known.pop(host, None)
                raise
            finally:
                connection._dns_host = host  # noqa: SLF001
            self._known.setdefault(host, connected.getpeername()[0])
            return connected


def pool_classes() -> PoolClasses:
    """Return the classes for a pool manager; all that use them share what was looked up."""
    addresses = _Addresses()

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return addresses.connect(self, super()._new_conn)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return addresses.connect(self, super()._new_conn)

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}
