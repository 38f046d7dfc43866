"""Processes and ports of this computer. What only Linux tells is left out elsewhere."""

import contextlib
import errno
import os
import secrets
import socket
import subprocess
from collections.abc import Container
from pathlib import Path

from clearway.devnet.errors import DevnetError

LOOPBACK = "127.0.0.1"
LISTENING = "0A"  # TCP state in /proc/net/tcp
# Below what systems draw for outgoing connections (from 32768 on Linux, 49152 elsewhere): a port
# from there could be gone again before its program listens on it.
UNASSIGNED = range(20_000, 32_768)


def free_port(among: range = UNASSIGNED, apart_from: Container[int] = ()) -> int:
    """Draw a port of this computer that nobody listens on."""
    while True:
        port = secrets.choice(among)
        with contextlib.suppress(OSError):
            if port not in apart_from:
                _try(port)
                return port


def _try(port: int) -> None:
    """Raise OSError if nobody could listen on a port; connections that are closing don't count."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((LOOPBACK, port))


def require_free_port(port: int, option: str) -> None:
    """Raise DevnetError if a port of this computer is taken; `option` is how to choose another."""
    try:
        _try(port)
    except OSError as error:
        if error.errno == errno.EACCES:
            raise DevnetError(
                f"Port {port} needs an administrator; choose another with {option}."
            ) from None
        if error.errno != errno.EADDRINUSE:
            raise
        raise DevnetError(
            f"Port {port} is taken{_by_whom(port)}: stop that program, or choose another port "
            f"with {option}."
        ) from None


def is_running(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and waits for its parent does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def command_line(pid: int) -> list[str]:
    """Return a process's command, word by word; empty if there is no such process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return []
    shown = subprocess.run(
        ["ps", "-p", str(pid), "-o", "args="], capture_output=True, text=True, check=False
    )
    return shown.stdout.split()


def _is_zombie(pid: int) -> bool:
    """Tell whether all of a process has ended: its first thread may end before the others."""
    try:
        # "pid (name) state …"; the name may hold anything, brackets too.
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    state, threads = fields[0], fields[17]
    return state == "Z" and threads == "1"


def _by_whom(port: int) -> str:
    """Return " by process … (…)" if that can be learned."""
    pid = _listener(port)
    name = Path(command_line(pid)[0]).name if pid and command_line(pid) else ""
    return f" by process {pid} ({name})" if name else ""


def _listener(port: int) -> int | None:
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
        except FileNotFoundError:
            continue
        inodes |= {
            row[9]
            for row in rows
            if row[3] == LISTENING and int(row[1].rpartition(":")[2], 16) == port
        }
    sockets = {f"socket:[{inode}]" for inode in inodes}
    for descriptor in Path("/proc").glob("[0-9]*/fd/*") if sockets else ():
        try:
            if os.readlink(descriptor) in sockets:
                return int(descriptor.parts[2])
        except OSError:
            continue  # gone meanwhile, or another user's
    return None
