"""Carry whole messages over Unix sockets, between the owner, its forkserver and the step processes.

A frame is one byte of kind, eight bytes of length, and the body. The forkserver and the step
processes use the blocking functions; the owner serves many sockets on one thread and uses `Channel`.
This module is loaded in every forkserver, so it imports little.
"""

from __future__ import annotations

import os
import socket
from collections import deque

MESSAGE = 0  # between owner and forkserver, a marshalled tuple
ENTRY = 1  # owner to step process: the entry's dotted name
PAYLOAD = 2
EVENT = 3  # step process to owner
ANSWER = 4

_HEADER = 9
_READ_SIZE = 256 * 1024  # a little over the default socket buffer of Linux
_MAX_FDS = 4
_CLOEXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)  # absent on macOS


def send_frame(sock: socket.socket, kind: int, body: bytes) -> None:
    """Send one frame, and wait until the socket has taken all of it."""
    header = bytes((kind,)) + len(body).to_bytes(8, "little")
    if len(body) <= _READ_SIZE:
        sock.sendall(header + body)
    else:  # do not copy hundreds of megabytes to put nine bytes before them
        sock.sendall(header)
        sock.sendall(body)


def receive_frame(sock: socket.socket) -> tuple[int, bytes, list[int]]:
    """Wait for one frame; return its kind, body and the descriptors that came with it.

    Raises:
        EOFError: the other side is gone.
    """
    header, fds, _, _ = socket.recv_fds(sock, _HEADER, _MAX_FDS, _CLOEXEC)
    header += _receive_exactly(sock, _HEADER - len(header)) if header else b""
    if len(header) < _HEADER:
        raise EOFError
    return header[0], _receive_exactly(sock, int.from_bytes(header[1:], "little")), fds


def _receive_exactly(sock: socket.socket, size: int) -> bytes:
    pieces: list[bytes] = []
    while size:
        piece = sock.recv(min(size, 1 << 30), socket.MSG_WAITALL)  # usually all of it, without a copy
        if not piece:
            raise EOFError
        pieces.append(piece)
        size -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class Channel:
    """The owner's end of a socket: queues frames, sends and receives what is possible, never blocks.

    Attributes:
        is_at_end: the other side is gone; nothing more will be received or sent.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.is_at_end = False
        self._socket = sock
        self._outbox: deque[tuple[memoryview, tuple[int, ...]]] = deque()
        self._pieces: list[bytes] = []
        self._size = 0
        self._body_kind: int | None = None  # the kind of the frame whose body is being received
        self._needed = _HEADER

    def fileno(self) -> int:
        """Return the descriptor, so that a selector takes the channel itself."""
        return self._socket.fileno()

    @property
    def has_unsent(self) -> bool:
        """Whether frames wait until the socket takes more."""
        return bool(self._outbox)

    def queue(self, kind: int, body: bytes, *, fds: tuple[int, ...] = ()) -> None:
        """Line a frame up. The descriptors travel with it, and are closed here once they are sent."""
        self._outbox.append((memoryview(bytes((kind,)) + len(body).to_bytes(8, "little")), fds))
        if body:
            self._outbox.append((memoryview(body), ()))

    def flush(self) -> None:
        """Send as much as the socket takes now."""
        while self._outbox and not self.is_at_end:
            data, fds = self._outbox[0]
            try:
                sent = socket.send_fds(self._socket, [data], fds) if fds else self._socket.send(data)
            except BlockingIOError:
                return
            except OSError:  # the other side is gone: what it still said is read, then comes the end
                self._drop_unsent()
                return
            _close_all(fds)
            if sent < len(data):
                self._outbox[0] = (data[sent:], ())
            else:
                self._outbox.popleft()

    def receive(self) -> list[tuple[int, bytes]]:
        """Read once, and return the frames that this completed."""
        return self._take(self._read())

    def receive_rest(self) -> list[tuple[int, bytes]]:
        """Read until nothing is left, and return the frames that this completed."""
        frames: list[tuple[int, bytes]] = []
        while data := self._read():
            frames += self._take(data)
        return frames

    def close(self) -> None:
        """Close the socket and the descriptors that were never sent."""
        self._drop_unsent()
        self._socket.close()

    def _read(self) -> bytes:
        try:
            data = self._socket.recv(_READ_SIZE)
        except BlockingIOError:
            return b""
        except OSError:  # reset by a killed peer
            data = b""
        self.is_at_end = not data
        return data

    def _take(self, data: bytes) -> list[tuple[int, bytes]]:
        """Add received bytes; a long body is gathered in pieces and joined once."""
        if data:
            self._pieces.append(data)
        self._size += len(data)
        frames: list[tuple[int, bytes]] = []
        while self._size >= self._needed:
            buffer = b"".join(self._pieces)
            part, rest = buffer[: self._needed], buffer[self._needed :]
            self._pieces, self._size = ([rest], len(rest)) if rest else ([], 0)
            if self._body_kind is None:
                self._body_kind, self._needed = part[0], int.from_bytes(part[1:], "little")
            else:
                frames.append((self._body_kind, part))
                self._body_kind, self._needed = None, _HEADER
        return frames

    def _drop_unsent(self) -> None:
        for _, fds in self._outbox:
            _close_all(fds)
        self._outbox.clear()


def _close_all(fds: tuple[int, ...]) -> None:
    for fd in fds:
        os.close(fd)
