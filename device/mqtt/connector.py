"""Opens a TCP connection, with TLS where it is asked for, in a thread that another one may tell to give up at once.

The library's own ways to connect return when they are through or their time is over, whatever is asked meanwhile.
"""

import errno
import os
import selectors
import socket
import ssl
from contextlib import suppress
from threading import Event
from time import monotonic
from typing import Any

# The other end is given so long at each of its addresses, and for TLS.
PATIENCE_S = 10.0


class Connector:
    """Connections to one host and port, one after the other. `open` and `wait` belong to one thread."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None) -> None:
        self._host, self._port, self._context = host, port, context
        self._ended = Event()
        self._woken, self._waker = socket.socketpair()
        self._woken.setblocking(False)
        self._waker.setblocking(False)
        # Not select(): that knows the first 1,024 descriptors of a process alone.
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._woken, selectors.EVENT_READ)

    def wake(self) -> None:
        """Any thread may: the one that waits looks up."""
        with suppress(OSError):  # it is awake already, or gone
            self._waker.send(b"!")

    def end(self) -> None:
        """Any thread may: nothing is opened or waited for any more, but a look-up of the name that is under way."""
        self._ended.set()
        self.wake()

    @property
    def is_ended(self) -> bool:
        return self._ended.is_set()

    def pause(self, seconds: float) -> None:
        """So long, or until the end."""
        self._ended.wait(seconds)

    def wait(self, reading: list[Any], writing: list[Any], seconds: float) -> tuple[list[Any], list[Any]]:
        """Those that can be read and those that can be written; none when it was woken, or the time is over."""
        wanted = dict.fromkeys(reading, selectors.EVENT_READ)
        for connection in writing:
            wanted[connection] = wanted.get(connection, 0) | selectors.EVENT_WRITE
        try:
            for connection, events in wanted.items():
                self._selector.register(connection, events)
            ready = {key.fileobj: events for key, events in self._selector.select(seconds)}
        finally:
            for connection in wanted:
                with suppress(KeyError):  # it was not registered any more
                    self._selector.unregister(connection)
        if self._woken in ready:
            self._woken.recv(4096)
        readable = [connection for connection in reading if ready.get(connection, 0) & selectors.EVENT_READ]
        return readable, [connection for connection in writing if ready.get(connection, 0) & selectors.EVENT_WRITE]

    def open(self) -> socket.socket:
        """A connected socket that doesn't block; OSError, by its last address, when the host answers at none."""
        failure = OSError()
        found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        for family, kind, protocol, _, place in found:
            opened = socket.socket(family, kind, protocol)
            try:
                opened.setblocking(False)
                self._connect(opened, place)
                return self._secure(opened)
            except OSError as error:
                opened.close()
                failure = error
        raise failure

    def close(self) -> None:
        """Of the thread that waited: nobody can wake it any more."""
        self._selector.close()
        self._woken.close()
        self._waker.close()

    def _connect(self, opened: socket.socket, place: Any) -> None:
        code = opened.connect_ex(place)
        if code == errno.EINPROGRESS:
            self._await([], [opened], monotonic() + PATIENCE_S)
            code = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, os.strerror(code))

    def _secure(self, opened: socket.socket) -> socket.socket:
        if self._context is None:
            return opened
        secured = self._context.wrap_socket(opened, do_handshake_on_connect=False, server_hostname=self._host)
        deadline = monotonic() + PATIENCE_S
        try:
            while True:
                try:
                    secured.do_handshake()
                    return secured
                except ssl.SSLWantReadError:
                    self._await([secured], [], deadline)
                except ssl.SSLWantWriteError:
                    self._await([], [secured], deadline)
        except OSError:
            secured.close()
            raise

    def _await(self, reading: list[socket.socket], writing: list[socket.socket], deadline: float) -> None:
        """Until one of them is ready; TimeoutError at the deadline, ConnectionAbortedError after the end."""
        while not self.is_ended:
            if any(self.wait(reading, writing, max(0.0, deadline - monotonic()))):
                return
            if monotonic() >= deadline:
                raise TimeoutError
        raise ConnectionAbortedError
