"""When the clock makes blocks, by a host's clock of our own."""

from types import SimpleNamespace

import pytest

from clearway.devnet import clock as module
from clearway.devnet.clock import SOON, Clock
from clearway.devnet.profiles import REAL

TICK = 0.25  # seconds


class Host:
    """The host's clock, and how many blocks each chain was told to make."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.blocks = {"l1": 0, "l2": 0}
        chains = {layer: lambda method, layer=layer: self._count(layer) for layer in self.blocks}
        sequencer = SimpleNamespace(down=False)
        self.local = SimpleNamespace(profile=REAL, sequencer=sequencer, **chains)

    def monotonic(self) -> float:
        return self.now

    def _count(self, layer: str) -> None:
        self.blocks[layer] += 1


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Host:
    host = Host()
    monkeypatch.setattr(module, "time", host)
    return host


@pytest.fixture
def clock(host: Host) -> Clock:
    return Clock(host.local)


def pass_time(host: Host, clock: Clock, seconds: float) -> int:
    """Let time pass in small steps; return how many blocks L1 has made since."""
    before = host.blocks["l1"]
    for _ in range(round(seconds / TICK)):
        host.now += TICK
        clock.tick()
    return host.blocks["l1"] - before


def test_each_chain_has_blocks_on_its_beat(host, clock):
    pass_time(host, clock, 24)
    assert host.blocks == {"l1": 2, "l2": 12}


def test_l1_in_a_hurry_makes_one_block_and_goes_back_to_its_beat(host, clock):
    clock.hurry()
    assert pass_time(host, clock, SOON - TICK) == 0
    assert pass_time(host, clock, TICK) == 1
    assert pass_time(host, clock, REAL.l1_block_time - TICK) == 0
    assert pass_time(host, clock, TICK) == 1


def test_what_happens_during_a_hurry_has_a_later_block_too(host, clock):
    clock.hurry()
    pass_time(host, clock, SOON - TICK)
    clock.hurry()
    assert pass_time(host, clock, SOON - TICK) == 0
    assert pass_time(host, clock, TICK) == 1


def test_a_beat_does_not_serve_those_in_a_hurry_since_a_moment(host, clock):
    pass_time(host, clock, REAL.l1_block_time - TICK)
    clock.hurry()
    assert pass_time(host, clock, SOON) == 2


@pytest.mark.parametrize(("head", "then"), [(400, 501), (600, 601)], ids=["behind", "ahead"])
def test_after_a_start_no_chain_is_behind_the_host(host, clock, monkeypatch, head, then):
    """A network may have been stopped for long, and anvil takes no block from before its start."""
    jumps = []
    monkeypatch.setattr(host, "time", lambda: 500.5, raising=False)
    monkeypatch.setattr(Clock, "now", lambda _: head)
    monkeypatch.setattr(Clock, "_jump_to", lambda _, timestamp: jumps.append(timestamp))
    clock.synchronize()
    assert jumps == [then]
