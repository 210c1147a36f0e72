"""A network of its own: a namespace with a veth pair, out of which nothing gets."""

import json
import os
import subprocess
import sys

INSIDE = "FLOWCANARY_BENCH_INSIDE"
PROBE, WIRE = "probe0", "wire0"


def enter():
    """Has the script go on in a network of its own, with a veth pair from WIRE to PROBE."""
    if INSIDE not in os.environ:
        if os.geteuid() != 0:
            sys.exit("it makes a network namespace, so it has to be root")
        os.environ[INSIDE] = "1"
        os.execvp("unshare", ["unshare", "--net", sys.executable, os.path.abspath(sys.argv[0]), *sys.argv[1:]])
    for which in ("all", "default"):
        with open(f"/proc/sys/net/ipv6/conf/{which}/disable_ipv6", "w") as file:
            file.write("1")
    for command in (
        ["ip", "link", "set", "lo", "up"],
        ["ip", "link", "add", PROBE, "type", "veth", "peer", "name", WIRE],
        ["ip", "link", "set", PROBE, "up"],
        ["ip", "link", "set", WIRE, "up"],
    ):
        subprocess.run(command, check=True)


def arrived():
    """How many packets the kernel has had from PROBE, and how many it had no room for before anybody saw them."""
    said = subprocess.run(["ip", "-json", "-stats", "link", "show", PROBE], capture_output=True, check=True).stdout
    received = json.loads(said)[0]["stats64"]["rx"]
    return received["packets"], received["dropped"]
