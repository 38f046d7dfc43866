import os
import platform
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from clearway.devnet import processes
from clearway.devnet.errors import DevnetError
from clearway.devnet.processes import command_line, is_running, require_free_port


def test_a_free_port_is_accepted(free_port):
    require_free_port(free_port, "--l2-port")


def test_a_drawn_port_is_free_and_allowed(free_port):
    among = range(free_port, free_port + 3)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", free_port + 1))
        listener.listen()
        drawn = {processes.free_port(among, apart_from=[free_port]) for _ in range(20)}
    assert drawn == {free_port + 2}


def test_a_listener_is_named_with_the_option_that_avoids_it():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(
            DevnetError, match=rf"Port {port} is taken.*with --l2-port\."
        ) as refused:
            require_free_port(port, "--l2-port")
        assert f"process {os.getpid()} (" in str(refused.value)


def test_a_port_is_free_again_after_its_connections_closed():
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as every server does
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            server_side, _ = listener.accept()
            server_side.close()  # this side closes first, so the port lingers in TIME_WAIT
    require_free_port(port, "--l1-port")


def test_a_process_runs_until_it_has_ended():
    code = "print(flush=True); input()"
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    child.stdout.readline()  # before it runs, its command line may be empty
    assert is_running(child.pid)
    assert command_line(child.pid)[1:] == ["-c", code]
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # ended, and not yet buried
    assert not is_running(child.pid)
    child.wait()
    child.stdin.close()
    child.stdout.close()
    assert not is_running(child.pid)
    assert command_line(child.pid) == []


def test_a_process_runs_while_any_of_its_threads_does():
    exit_thread = {"x86_64": 60, "aarch64": 93}[platform.machine()]  # the system call "exit"
    code = (
        "import ctypes, sys, threading; threading.Thread(target=sys.stdin.read).start(); "
        f"ctypes.CDLL(None).syscall({exit_thread}, 0)"
    )
    child = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE)
    stat = Path(f"/proc/{child.pid}/stat")
    while ") Z " not in stat.read_text():
        pass
    assert is_running(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not is_running(child.pid)
    child.wait()
    child.stdin.close()
