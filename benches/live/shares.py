"""Control groups that give threads a part of a processor, so that the receiver is the limit and not the sender."""

import os

# The kernel takes no quota and no period below a millisecond, and looks at a quota at its ticks only, every 4 ms with 250 of them a second.
LEAST_QUOTA_US, LEAST_PERIOD_US, LONGEST_PERIOD_US = 1_000, 10_000, 1_000_000


class Shares:
    """So many groups, each with `percent` of a processor. For cgroup v1 and v2."""

    def __init__(self, count, percent):
        self.period = max(LEAST_PERIOD_US, int(LEAST_QUOTA_US * 100 / percent))
        if self.period > LONGEST_PERIOD_US:
            raise ValueError(f"a share of {percent} % is less than the kernel gives")
        self.quota = max(LEAST_QUOTA_US, int(self.period * percent / 100))
        self.parent, self.is_unified = place_of_groups()
        self.parent = f"{self.parent}/flowcanary-bench-{os.getpid()}"
        os.mkdir(self.parent)
        self.groups = [f"{self.parent}/{number}" for number in range(count)]
        for group in self.groups:
            os.mkdir(group)
            if self.is_unified:
                # Threads of one process in several groups: these are the threaded ones below the group of the process.
                write(f"{group}/cgroup.type", "threaded")
        if self.is_unified:
            write(f"{self.parent}/cgroup.subtree_control", "+cpu")

    def hold(self, processes, is_capturing):
        """Puts each thread that captures into a group, and all others into the first one."""
        if self.is_unified:
            for process in processes:
                write(f"{self.parent}/cgroup.procs", process)
        file = "cgroup.threads" if self.is_unified else "tasks"
        capturing = 0
        for process in processes:
            for thread in sorted(map(int, os.listdir(f"/proc/{process}/task"))):
                number = 0
                if is_capturing(name_of(process, thread)):
                    number, capturing = capturing % len(self.groups), capturing + 1
                write(f"{self.groups[number]}/{file}", thread)
        for group in self.groups:
            self._limit(group, self.quota)
        return capturing

    def release(self):
        """Lifts the limit."""
        for group in self.groups:
            self._limit(group, None)

    def leave(self):
        """Puts all processes back to where no limit is."""
        for group in self.groups if not self.is_unified else [self.parent]:
            for process in set(read(f"{group}/cgroup.procs").split()):
                try:
                    write(f"{os.path.dirname(self.parent)}/cgroup.procs", process)
                except ProcessLookupError:
                    pass

    def remove(self):
        """Once nothing is left in them."""
        for group in [*self.groups, self.parent]:
            os.rmdir(group)

    def _limit(self, group, quota):
        if self.is_unified:
            write(f"{group}/cpu.max", f"{quota or 'max'} {self.period}")
        else:
            write(f"{group}/cpu.cfs_period_us", self.period)
            write(f"{group}/cpu.cfs_quota_us", quota or -1)


def place_of_groups():
    """Where groups that limit the processor are made, and whether that is cgroup v2."""
    with open("/proc/self/mountinfo") as mounts:
        for line in mounts:
            before, after = line.split(" - ")
            place, (kind, _, options) = before.split()[4], after.split()[:3]
            if kind == "cgroup" and "cpu" in options.split(","):
                return place, False
            if kind == "cgroup2" and "cpu" in read(f"{place}/cgroup.subtree_control").split():
                return place, True
    raise SystemExit("the cpu controller is in no control group that is mounted; mount cgroup v1's, or have v2 give it "
                     "to groups (echo +cpu > /sys/fs/cgroup/cgroup.subtree_control)")


def name_of(process, thread):
    return read(f"/proc/{process}/task/{thread}/comm").strip()


def processor_seconds(processes):
    """What all threads of `processes` have used, to the nanosecond."""
    total = 0
    for process in processes:
        for thread in os.listdir(f"/proc/{process}/task"):
            total += int(read(f"/proc/{process}/task/{thread}/schedstat").split()[0])
    return total / 1e9


def family(process):
    """It, and those that it started."""
    children = read(f"/proc/{process}/task/{process}/children").split()
    return [process] + [member for child in children for member in family(int(child))]


def read(path):
    with open(path) as file:
        return file.read()


def write(path, value):
    with open(path, "w") as file:
        file.write(str(value))
