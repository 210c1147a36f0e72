"""Sends frames into an interface by many at a time, which costs a fraction of what sending one by one does."""

import array
import ctypes
import os
import socket
import struct
import time

SOL_PACKET, PACKET_QDISC_BYPASS = 263, 20
# Frames of one system call: few enough that they are no burst, 0.3 ms at 200,000 a second.
AT_ONCE = 64
# Sleeping takes longer than one asked for by about so much.
OVERSLEEP = 0.0001


class Sender:
    """An interface to send into, and what to send, over and over."""

    def __init__(self, interface, frames):
        """`frames` are lists of octet strings and buffers: the pieces of a frame. What a buffer holds when its frame is sent is sent."""
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.bind((interface, 0))
        self.socket.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
        self._lay_out(frames)
        self.next = 0
        self._sendmmsg = ctypes.CDLL(None, use_errno=True).sendmmsg
        self._sendmmsg.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int]

    def _lay_out(self, frames):
        """Makes the arrays of `struct mmsghdr` and `struct iovec` that sendmmsg(2) takes."""
        assert struct.calcsize("P") == 8, "laid out for machines of 64 bits"
        constants, pieces, counts = bytearray(), [], []
        for frame in frames:
            counts.append(len(frame))
            for piece in frame:
                if isinstance(piece, bytes):
                    pieces.append((len(constants), len(piece), True))
                    constants += piece
                else:
                    pieces.append((ctypes.addressof(piece), ctypes.sizeof(piece), False))
        self._constants = (ctypes.c_char * len(constants)).from_buffer(constants)
        base = ctypes.addressof(self._constants)
        self._vectors = array.array("Q")
        for place, length, is_constant in pieces:
            self._vectors.extend((base + place if is_constant else place, length))
        vectors, _ = self._vectors.buffer_info()
        self._messages = array.array("Q")
        for count in counts:
            self._messages.extend((0, 0, vectors, count, 0, 0, 0, 0))
            vectors += 16 * count
        self._address, self.count = self._messages.buffer_info()[0], len(counts)

    def send(self, count, rate=None, between=lambda: None):
        """Sends `count` frames, so many a second, or as fast as it goes. How many a second they were.

        `between` is called each time that the last frame was sent and the first comes next.
        """
        sent, start = 0, time.monotonic()
        while sent < count:
            if rate:
                self._wait_until(start + sent / rate)
            sent += self._some(min(count - sent, AT_ONCE))
            if self.next == self.count:
                self.next = 0
                between()
        return sent / (time.monotonic() - start)

    def _wait_until(self, due):
        while (left := due - time.monotonic()) > 0:
            if left > 2 * OVERSLEEP:
                time.sleep(left - OVERSLEEP)

    def _some(self, most):
        most = min(most, self.count - self.next)
        sent = self._sendmmsg(self.socket.fileno(), self._address + 64 * self.next, most, 0)
        if sent < 0:
            error = ctypes.get_errno()
            raise OSError(error, f"sendmmsg: {os.strerror(error)}")
        self.next += sent
        return sent
