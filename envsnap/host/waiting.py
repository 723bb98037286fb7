"""What a process waits for, in words: where the kernel holds it, and its connections (Linux).

https://man7.org/linux/man-pages/man5/proc_pid_wchan.5.html, https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html
"""

import contextlib
import ipaddress
import os
import re
import socket
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_PLACES = (
    ("futex", "a lock or another of its threads"),
    ("pipe_read|anon_pipe_read", "what another process writes into a pipe"),
    ("pipe_write|anon_pipe_write", "another process to read from a pipe"),
    ("unix_", "another process of this machine, at a local socket"),
    ("hrtimer|do_nanosleep|clock_nanosleep", "the end of a sleep"),
    ("locks_|fcntl_|flock|posix_lock", "a lock on a file"),
    ("folio_|io_schedule|wait_on_page|rpc_|nfs|request_wait_answer|fuse_", "a disk or a network file system"),
    ("do_signal_stop|ptrace_stop", "a signal to go on: it was stopped"),
)
_CHILDREN = ("do_wait", "do_sigtimedwait")
_CONNECTING, _ESTABLISHED, _LISTENING = "02", "01", "0A"
_LONGEST_COMMAND = 60
_MOST_PEERS = 3


@dataclass(frozen=True, slots=True)
class Connection:
    """A TCP connection of a process: both ends as ``address:port``, and the kernel's number for its state."""

    local: str
    remote: str
    state: str


def describe_waits(pids: Iterable[int]) -> Iterator[str]:
    """Say of each process what it waits for; those that wait for their own children alone are passed over."""
    for pid in sorted(pids):
        place = _read(pid, "wchan").decode("ascii", errors="replace")
        if command := _command(pid):
            wait = _wait(place, tuple(_connections(pid)))
            if wait:
                yield f"{command} (process {_inner_number(pid)}) {wait}"


def _wait(place: str, connections: tuple[Connection, ...]) -> str:
    """Return what a process waits for; "" for its children.

    Args:
        place: the function of the kernel that holds it; "0" or "" where that is not told.
        connections: those that it has.
    """
    if connecting := [one.remote for one in connections if one.state == _CONNECTING]:
        return f"waits for an answer of {_some(connecting)}, where it tries to connect"
    if place.startswith(_CHILDREN):
        return ""
    for pattern, words in _PLACES:
        if re.match(pattern, place):
            return f"waits for {words}"
    listening = [one.local for one in connections if one.state == _LISTENING]
    peers = [one.remote for one in connections if one.state == _ESTABLISHED]
    told = (f"{words} {_some(ends)}" for words, ends in (("a connection to", listening), ("data from", peers)) if ends)
    return f"waits for {' or '.join(told) or 'one of its pipes, sockets or timers'}"


def _some(ends: list[str]) -> str:
    named = list(dict.fromkeys(ends))
    more = len(named) - _MOST_PEERS
    return ", ".join(named[:_MOST_PEERS]) + (f" and {more} more" if more > 0 else "")


def _connections(pid: int) -> Iterator[Connection]:
    own = set(_sockets(pid))
    for table in ("tcp", "tcp6") if own else ():
        for line in _read(pid, f"net/{table}").decode("ascii", errors="replace").splitlines()[1:]:
            words = line.split()
            if len(words) > 9 and words[9] in own:  # noqa: PLR2004  the tenth column is the inode
                yield Connection(_address(words[1]), _address(words[2]), words[3])


def _sockets(pid: int) -> Iterator[str]:
    try:
        files = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:  # it is gone, or another user's
        return
    for file in files:
        with contextlib.suppress(OSError):  # it was closed meanwhile
            target = str(file.readlink())
            if target.startswith("socket:["):
                yield target.removeprefix("socket:[").removesuffix("]")


def _address(text: str) -> str:
    """Return ``0100007F:1F90`` as ``127.0.0.1:8080``: words of 32 bits in the machine's own order."""
    host, _, port = text.partition(":")
    words = [int(host[at : at + 8], 16) for at in range(0, len(host), 8)]
    packed = b"".join(word.to_bytes(4, sys.byteorder) for word in words)
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    address = ipaddress.ip_address(socket.inet_ntop(family, packed))
    mapped = getattr(address, "ipv4_mapped", None)
    return f"{mapped or address}:{int(port, 16)}"


def _command(pid: int) -> str:
    words = _read(pid, "cmdline").decode("utf-8", errors="replace").split("\0")
    text = " ".join([os.path.basename(words[0]), *words[1:]]).strip()  # noqa: PTH119 - it need be no path
    return text if len(text) <= _LONGEST_COMMAND else f"{text[:_LONGEST_COMMAND]}…"


def _inner_number(pid: int) -> int:
    """Return the process's number as it knows it itself: in a container it is another one."""
    found = re.search(rb"^NSpid:.*?(\d+)$", _read(pid, "status"), re.MULTILINE)
    return int(found[1]) if found else pid


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
