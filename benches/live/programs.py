"""The programs that are compared: how each is started, asked for its counts and stopped."""

import os
import re
import shutil
import signal

from network import PROBE

COLLECTOR = 4739


class Program:
    """A program that watches an interface, and how many packets it says it saw."""

    def __init__(self, name, command, count, ask=None, stop=signal.SIGINT, settle=1.0, workers=1, leaves_unread=False):
        self.name, self.command, self.count, self.ask, self.stop = name, command, count, ask, stop
        self.settle, self.workers = settle, workers
        # Whether it throws away what is in its ring when it is stopped.
        self.leaves_unread = leaves_unread

    def is_capturing(self, thread):
        """Whether a thread of this name is one of several that capture. Where one does, it is not told from others."""
        return self.workers > 1 and thread.startswith("worker ")


def received(expression):
    """Counts what a program says it received. Where it says besides what of that was dropped, it is told from the rest."""
    def count(text):
        found = re.findall(expression, text)
        if not found:
            return 0
        numbers = found[-1] if isinstance(found[-1], tuple) else (found[-1],)
        return int(numbers[0]) - sum(map(int, numbers[1:]))
    return count


def unless(complaint, count):
    """Nothing, where a program says that it lost something on the way, and not how much."""
    return lambda text: 0 if complaint in text else count(text)


def ours():
    return os.environ.get("FLOWCANARY", "target/release/flowcanary")


def flowcanary(workers, cpus, ring_mib, meters_only=False):
    """As it comes, or doing no more than the others do."""
    command = [ours(), "live", "-i", PROBE, "--workers", str(workers), "--summary", "json", "--ring", f"{ring_mib}MiB"]
    command += ["--cpus", ",".join(map(str, cpus)), "--export", f"udp://127.0.0.1:{COLLECTOR}"]
    name = f"flowcanary, {workers} worker{'s' if workers > 1 else ''}"
    if meters_only:
        command += ["--detect", "off", "--application", "off"]
        name += ", metering only"
    return Program(name, command, received(r'"packets": \{\s*"received": (\d+)'), stop=signal.SIGTERM, workers=workers)


def softflowd(folder, ring_mib):
    control = f"{folder}/control"
    command = ["softflowd", "-i", PROBE, "-d", "-m", "2000000", "-v", "10", "-b", "-B", str(ring_mib << 20),
               "-p", f"{folder}/pid", "-c", control, "-n", f"127.0.0.1:{COLLECTOR}"]
    # What it has processed lacks what it has not read of the ring yet, which is not lost.
    return Program("softflowd", command, received(r"received by libpcap: (\d+)\s+Packets dropped by libpcap: (\d+)"),
                   ask=lambda _: ["softflowctl", "-c", control, "statistics"])


def nfpcapd(folder, ring_mib):
    """Its ring has 256 MiB (1.7.1), whatever -b says. What the kernel has put there it says to have received; what it has taken out and metered
    is less while it is behind. Where it is let go on after the last packet, it works that off."""
    command = ["nfpcapd", "-i", PROBE, "-b", str(ring_mib), "-w", f"{folder}/nfpcapd", "-S", "0"]
    return Program("nfpcapd", command, received(r"Total: Processed: (\d+)"), leaves_unread=True)


def pmacctd(folder, ring_mib):
    """It takes libpcap's ring of 2 MiB, and cannot be told otherwise. What is between its two processes is as large as the ring of others."""
    path = f"{folder}/pmacctd.conf"
    with open(path, "w") as file:
        file.write(f"daemonize: false\npcap_interface: {PROBE}\nplugins: nfprobe[p]\n"
                   "aggregate[p]: src_host, dst_host, src_port, dst_port, proto, tos\n"
                   f"nfprobe_receiver[p]: 127.0.0.1:{COLLECTOR}\nnfprobe_version[p]: 10\n"
                   f"nfprobe_maxflows[p]: 2000000\nplugin_buffer_size: 65536\nplugin_pipe_size: {ring_mib << 20}\n")
    return Program("pmacctd", ["pmacctd", "-f", path],
                   unless("Missing data detected", received(r"received_packets=(\d+) dropped_packets=(\d+)")),
                   ask=lambda pid: ["kill", "-s", "USR1", str(pid)], settle=3.0)


def programs(folder, cpus, ring_mib):
    """All that are installed. `ring_mib` is what the kernel is to keep for one that does not come to read."""
    known = [flowcanary(workers, cpus, ring_mib) for workers in (1, 2)] + [flowcanary(1, cpus, ring_mib, meters_only=True)]
    known += [softflowd(folder, ring_mib), nfpcapd(folder, ring_mib), pmacctd(folder, ring_mib)]
    return [program for program in known if shutil.which(program.command[0])]
