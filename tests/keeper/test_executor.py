"""What the executor remembers between its steps."""

from types import SimpleNamespace
from typing import Any

from clearway.keeper.executor import READY_BITS, Executor

NUMBER = 1  # of the one redemption
NOW = 1_000


class Vault:
    """A vault in whose queue one redemption waits."""

    def __init__(self, ready_at: int) -> None:
        self.ready_at = ready_at
        self.asked = 0

    def call(self, _: str, number: int) -> list[int]:
        self.asked += 1
        return [0, 0, self.ready_at << number * READY_BITS]


def executor_of(vault: Vault) -> Executor:
    system: Any = SimpleNamespace(vault=vault)
    follower: Any = SimpleNamespace(archive=SimpleNamespace(events=list))
    reports: Any = SimpleNamespace(board=SimpleNamespace(committee=SimpleNamespace(tile_length=1)))
    hands: Any = None
    executor = Executor(system, follower, reports, hands, print)
    executor.now = NOW
    executor.book.requests = {NUMBER: 5}
    return executor


def test_when_a_redemption_is_due_is_asked_once_and_again_after_a_reorganisation() -> None:
    vault = Vault(NOW + 1)
    executor = executor_of(vault)
    assert [executor._is_redemption_due() for _ in range(3)] == [False] * 3
    assert vault.asked == 1
    vault.ready_at = NOW - 1  # it was asked for in an earlier block, after all
    executor._reread()
    executor.book.requests = {NUMBER: 5}
    assert executor._is_redemption_due()
