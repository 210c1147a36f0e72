"""Conversations of recorded captures, sent over and over by ever other hosts: what a probe sees in weeks, in minutes."""

import ctypes
import struct

ETHERNET_IPV4 = b"\x08\x00"
SOURCE, DESTINATION, REST = 26, 30, 34
# As many hosts take the place of each one that was recorded before the first comes again.
GUISES = 251


class Conversations:
    """The frames of captures, interleaved, with addresses that change from lap to lap: for Sender."""

    def __init__(self, captures):
        self.lap, self.cells = 0, {}
        files = [list(self._frames(number, path)) for number, path in enumerate(captures)]
        # Each capture is spread over the lap, as if all had been recorded at the same time.
        spread = [((place + 0.5) / len(file), number) for number, file in enumerate(files) for place in range(len(file))]
        order = [iter(file) for file in files]
        self.frames = [next(order[number]) for _, number in sorted(spread)]

    def next_lap(self):
        """Has all hosts be others."""
        self.lap += 1
        guise = (self.lap % GUISES) << 16
        for (_, address), cell in self.cells.items():
            cell.raw = struct.pack("!I", int.from_bytes(address, "big") ^ guise)

    def _frames(self, number, path):
        for frame in packets(path):
            if frame[12:14] != ETHERNET_IPV4 or len(frame) < REST:
                yield [frame]
                continue
            ends = [self._cell(number, frame[at:at + 4]) for at in (SOURCE, DESTINATION)]
            yield [frame[:SOURCE], *ends, frame[REST:]]

    def _cell(self, number, address):
        """What all frames of a capture to and from an address are sent with."""
        if (number, address) not in self.cells:
            cell = ctypes.create_string_buffer(4)
            cell.raw = address
            self.cells[number, address] = cell
        return self.cells[number, address]


def packets(path):
    """What is in a pcap file of this machine's byte order."""
    with open(path, "rb") as file:
        octets = file.read()
    magic, = struct.unpack_from("=I", octets)
    if magic not in (0xA1B2C3D4, 0xA1B23C4D):
        raise ValueError(f"{path} is no pcap file of this machine's")
    at = 24
    while at < len(octets):
        length, = struct.unpack_from("=I", octets, at + 8)
        yield octets[at + 16:at + 16 + length]
        at += 16 + length
