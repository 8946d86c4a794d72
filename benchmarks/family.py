"""Read from the kernel what a process and those that it began take: memory, processor time (Linux)."""

import os
from collections.abc import Iterator
from pathlib import Path

KIB_A_MIB = 1024
_PROC = Path("/proc")


def memory_mib(pid: int, line: str) -> float:
    """Add up a line of the kernel's accounts: VmRSS now, VmHWM at most."""
    return sum(_kib(each, line) for each in _family(pid)) / KIB_A_MIB


def processor_s() -> float:
    """Return the processor time of this process's living children so far."""
    ticks = sum(sum(map(int, _stat(each)[11:13])) for each in _family(os.getpid()) if each != os.getpid())
    return ticks / os.sysconf("SC_CLK_TCK")


def _kib(pid: int, line: str) -> int:
    status = (_PROC / str(pid) / "status").read_text()
    return next((int(each.split()[1]) for each in status.splitlines() if each.startswith(f"{line}:")), 0)


def _stat(pid: int) -> list[str]:
    """Return what stands behind the name in /proc/PID/stat: state, parent, ... (the 12th, 13th: times)."""
    return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()


def _family(pid: int) -> Iterator[int]:
    yield pid
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                parent = int(_stat(int(folder.name))[1])
            except OSError:
                continue  # it has just ended
            if parent == pid:
                yield int(folder.name)
