"""What is sent: frames that load a probe in different ways."""

import itertools
import random
import struct

PACKETS = 400_000
# What the kernel puts before a frame in a ring, and the room up to the next one.
FRAME_HEADERS = 100
ETHERNET = bytes([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0])


def udp(flow, length, back=False):
    """A datagram of conversation number `flow`, in a frame of `length` octets without its check sequence."""
    client, server = struct.pack("!I", 0x0A000000 + flow), struct.pack("!I", 0xC0000201 + flow % 16)
    ports = (1024 + flow % 60000, 4000)
    if back:
        client, server, ports = server, client, ports[::-1]
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, length - 14, flow & 0xFFFF, 0, 64, 17, 0, client, server)
    return ETHERNET + header + struct.pack("!HHHH", *ports, length - 34, 0) + bytes(length - 42)


def syn(chance):
    """A SYN from an address that nobody has."""
    source = struct.pack("!I", chance.getrandbits(32) & 0x7FFFFFFF | 0x01000000)
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, 1, 0, 50, 6, 0, source, bytes([192, 0, 2, 10]))
    tcp = struct.pack("!HHIIBBHHH", chance.randrange(1024, 65536), 80, chance.getrandbits(32), 0, 0x50, 2, 8192, 0, 0)
    return ETHERNET + header + tcp + bytes(6)


def mixed(number):
    """One in twelve is long, four are of middle length: the simple mix of the Internet. Both directions of 2,000 flows."""
    length = (60, 60, 590, 60, 590, 60, 1514, 60, 590, 60, 590, 60)[number % 12]
    return udp(number // 2 % 2000, length, number % 2 == 1)


class Workload:
    """What is sent, and what a program gets to take it with.

    `share` is the part of a processor for each worker, in per cent: so much that the sender, which reaches half a million packets a second, is still faster
    than two workers. `ring_mib` holds what comes while a program is held, 4 ms of work at a time, and is not much more, since what a ring
    holds at the end is not lost either.
    """

    def __init__(self, make, share, ring_mib):
        self.make, self.share, self.ring_mib = make, share, ring_mib

    def frames(self):
        """The same ones each time."""
        return [[frame] for frame in self.make(random.Random(1))]

    def ring_holds(self):
        """How many of the frames fit into a ring, more or less."""
        some = [len(frame) for frame in itertools.islice(self.make(random.Random(1)), 1_200)]
        return (self.ring_mib << 20) // (sum(some) // len(some) + FRAME_HEADERS)


WORKLOADS = {
    "64 octets, 100 flows":
        Workload(lambda chance: (udp(number % 100, 60) for number in range(PACKETS)), 2, 8),
    "64 octets, 200,000 flows":
        Workload(lambda chance: (udp(number % 200_000, 60) for number in range(PACKETS)), 5, 8),
    "mixed, 2,000 flows":
        Workload(lambda chance: (mixed(number) for number in range(PACKETS // 4)), 2, 24),
    "SYN flood, 400,000 sources":
        Workload(lambda chance: (syn(chance) for _ in range(PACKETS)), 10, 8),
}
