"""What a keeper knows is what the chain says, through restarts, reorganisations and sick nodes."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from eth_abi.exceptions import InsufficientDataBytes
from hypothesis import given, settings
from hypothesis import strategies as st

from clearway.contracts import Told
from clearway.keeper.archive import MARKS_AT_ONCE, Archive, Mark, Seen
from clearway.keeper.book import Book
from clearway.keeper.following import LOOK_BACK, Follower
from clearway.opstack.chain import Block
from clearway.opstack.errors import JournalError, RpcNonsense

FIRST = 3


class FakeChain:
    """Blocks, each a branch's name and some events; it forgets none unless told to."""

    name, url = "L2", "http://node"

    def __init__(self) -> None:
        self.blocks: list[tuple[int, list[int]]] = [(0, [])]
        self.hidden: set[int] = set()  # blocks whose logs a sick node leaves out

    def block(self, number: int | str = "latest") -> Block:
        found = self.find_block(number)
        assert found is not None
        return found

    def timestamps(self, numbers: Iterable[int]) -> dict[int, int]:
        return {number: self.block(number).timestamp for number in numbers}

    def find_block(self, number: int | str) -> Block | None:
        at = len(self.blocks) - 1 if number == "latest" else int(number)
        if at >= len(self.blocks):
            return None
        # A block's hash is of all before it, too.
        history = str([branch for branch, _ in self.blocks[: at + 1]])
        return Block(at, hash(history).to_bytes(9, "big", signed=True), 10 * at, b"", 0)

    def logs_of(self, _: Any, __: Any, first: int, last: int) -> list[dict[str, Any]]:
        assert last < len(self.blocks), "a range beyond the head is an error"
        return [
            {
                "address": "0xaa",
                "blockNumber": hex(number),
                "logIndex": hex(index),
                "value": value,
                **({"blockTimestamp": hex(10 * number)} if number % 2 else {}),
            }
            for number in range(first, last + 1)
            if number not in self.hidden
            for index, value in enumerate(self.blocks[number][1])
        ]

    def truth(self) -> list[tuple[int, int, int]]:
        return [
            (number, 10 * number, value)
            for number, (_, values) in enumerate(self.blocks)
            for value in values
            if number >= FIRST
        ]


class FakeContract:
    """A contract that tells numbers."""

    address = "0xAA"

    def __init__(self, chain: FakeChain) -> None:
        self.chain = chain
        self.interface = self

    def topics(self, _: Sequence[str]) -> list[bytes]:
        return [b"topic"]

    def event_of(self, log: Any) -> Told:
        if log["logIndex"] == "unreadable":
            raise InsufficientDataBytes("as eth_abi does")
        place = int(log["blockNumber"], 16), int(log["logIndex"], 16)
        return Told("Event", {"values": (log["value"],)}, *place, b"\x01")


def follower(chain: FakeChain, folder: Path) -> Follower:
    contract: Any = FakeContract(chain)
    return Follower([contract], Archive(folder / "events.sqlite"), FIRST)


def told(events: Sequence[Seen]) -> list[tuple[int, int, int]]:
    return [(one.block, one.at, one.values["values"][0]) for one in events]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["grow", "grow", "reorganise", "restart", "look", "look"]),
        st.integers(1, 15),
    ),
    max_size=25,
)


@settings(max_examples=60)
@given(STEPS)
def test_what_is_known_is_what_the_chain_says(steps: list[tuple[str, int]]) -> None:
    chain, count = FakeChain(), 0
    chain.blocks += [(0, [])] * FIRST
    with TemporaryDirectory() as folder:
        one = follower(chain, Path(folder))
        known: list[Seen] = []
        for kind, size in [*steps, ("grow", 1), ("look", 1)]:
            if kind == "reorganise":
                del chain.blocks[max(len(chain.blocks) - size, 1) :]
            if kind in ("grow", "reorganise"):
                for _ in range(size + (kind == "reorganise")):
                    count += 1
                    chain.blocks.append((count, [count] * (count % 3)))
            if kind == "restart":
                one.archive.close()
                one = follower(chain, Path(folder))
                known = list(one.archive.events())
            if kind == "look":
                try:
                    news = one.catch_up()
                except RpcNonsense as error:
                    if "is behind" not in str(error):
                        raise
                    continue
                # As keepers do: all anew, or what is new.
                known = list(one.archive.events()) if news.has_changed else [*known, *news.events]
                assert told(known) == chain.truth()
                assert list(one.archive.events()) == known
        one.archive.close()


def grown(blocks: int) -> FakeChain:
    chain = FakeChain()
    chain.blocks += [(number, [number]) for number in range(1, blocks)]
    return chain


def test_logs_that_a_node_left_out_are_read_later(tmp_path: Path) -> None:
    chain = grown(20)
    one = follower(chain, tmp_path)
    chain.hidden = {15}
    one.catch_up()
    assert told(list(one.archive.events())) != chain.truth()
    chain.hidden = set()
    chain.blocks.append((20, []))
    news = one.catch_up()
    assert news.has_changed
    assert told(list(one.archive.events())) == chain.truth()


def test_a_node_that_is_behind_takes_nothing_back(tmp_path: Path) -> None:
    chain = grown(20)
    one = follower(chain, tmp_path)
    one.catch_up()
    ahead, chain.blocks = chain.blocks, chain.blocks[:12]
    with pytest.raises(RpcNonsense, match="is behind what it told before"):
        one.catch_up()
    chain.blocks = [*ahead, (20, [20])]
    news = one.catch_up()
    assert (told(news.events), news.has_changed) == ([(20, 200, 20)], False)


def test_a_deep_reorganisation_is_found_by_the_marks(tmp_path: Path) -> None:
    chain = grown(20)
    one = follower(chain, tmp_path)
    for number in range(20, 20 + 5 * LOOK_BACK):
        chain.blocks.append((number, [number]))
        one.catch_up()
    depth = 4 * LOOK_BACK
    chain.blocks[-depth:] = [(1_000 + number, [7]) for number in range(depth + 1)]
    assert one.catch_up().has_changed
    assert told(list(one.archive.events())) == chain.truth()


def test_however_long_it_has_run_a_look_reads_few_marks(tmp_path: Path) -> None:
    archive = Archive(tmp_path / "events.sqlite")
    marks = [Mark(number, bytes([number % 256])) for number in range(1_000)]
    archive.replace_from(0, (), marks, 0)
    read, run = [], archive._run

    def counting(*arguments: Any) -> list[Any]:
        read.extend(rows := run(*arguments))
        return rows

    archive._run = counting  # type: ignore[method-assign]
    assert next(archive.marks()) == marks[-1]
    assert list(archive.marks(990)) == marks[:989:-1]
    assert len(read) <= MARKS_AT_ONCE + 10
    assert list(archive.marks()) == marks[::-1]


def test_a_chain_that_changes_while_it_is_read_is_read_again(tmp_path: Path) -> None:
    chain = grown(20)
    one = follower(chain, tmp_path)
    honest = chain.logs_of

    def while_it_is_read(*arguments: Any) -> list[dict[str, Any]]:
        logs = honest(*arguments)
        chain.blocks[10:] = [(500 + number, []) for number in range(15)]
        return logs

    chain.logs_of = while_it_is_read  # type: ignore[method-assign]
    with pytest.raises(RpcNonsense, match="reorganised while it was read"):
        one.catch_up()
    assert list(one.archive.events()) == []
    chain.logs_of = honest  # type: ignore[method-assign]
    one.catch_up()
    assert told(list(one.archive.events())) == chain.truth()


SICK_LOGS: dict[str, Callable[[Any], Any]] = {
    "twice": lambda log: [log, log],
    "of a block that nobody asked for": lambda log: [{**log, "blockNumber": "0x1"}],
    "of a block that isn't mined": lambda log: [{**log, "blockNumber": None}],
    "without its place": lambda log: [{name: log[name] for name in log if name != "logIndex"}],
    "without its contract": lambda log: [{**log, "address": None}],
    "none at all": lambda _: [None],
    "with a time that is none": lambda log: [{**log, "blockTimestamp": "now"}],
    "that its event can't have": lambda log: [{**log, "logIndex": "unreadable"}],
}


@pytest.mark.parametrize("how", SICK_LOGS)
def test_a_log_that_cannot_be_is_an_answer_that_passes(how: str, tmp_path: Path) -> None:
    chain = grown(40)
    one = follower(chain, tmp_path)
    honest = chain.logs_of

    def sickly(*arguments: Any) -> list[Any]:
        *logs, last = honest(*arguments)
        return [*logs, *SICK_LOGS[how](last)]

    one.catch_up()
    chain.blocks.append((40, [40]))
    chain.logs_of = sickly  # type: ignore[method-assign]
    with pytest.raises(RpcNonsense, match="log"):
        one.catch_up()
    chain.logs_of = honest  # type: ignore[method-assign]
    assert told(one.catch_up().events) == [(40, 400, 40)]
    assert told(list(one.archive.events())) == chain.truth()


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "events.sqlite").write_bytes(b"nothing of the kind" * 50)
    with pytest.raises(JournalError, match="read again from the chain"):
        follower(grown(5), tmp_path)


def seen(name: str, **values: Any) -> Seen:
    return Seen(1, 0, 10, name, values, "0x")


def test_the_book_holds_what_waits_and_nothing_else() -> None:
    book = Book()
    order = {"id": 256, "market": 0, "fills_at": 5, "is_reduce_only": True}
    for event in (
        seen("OrderPlaced", account=256, slot=0, order=order),
        seen("OrderPlaced", account=256, slot=1, order={**order, "id": 257}),
        seen("OrderPlaced", account=256, slot=2, order={**order, "id": 258}),
        seen("OrderPlaced", account=256, slot=3, order={**order, "id": 259}),
        seen("OrderFilled", account=256, slot=1),
        seen("OrderFailed", account=256, slot=2),
        seen("OrderCleared", account=256, slot=3),
        seen("RedeemRequest", requestId=1, shares=10),
        seen("RedeemRequest", requestId=2, shares=20),
        seen("RedemptionPriced", request=1, shares=10, left=0),
        seen("RedemptionPriced", request=2, shares=5, left=15),
        seen("VaultDepositHeld", id=7, amount=3),
        seen("VaultDepositHeld", id=8, amount=4),
        seen("VaultDepositHeld", id=9, amount=4),
        seen("VaultDepositEntered", id=7),
        seen("VaultDepositReturned", id=9),
        seen("ProfitClaimed", account=256, amount=9),
        seen("ClaimPaid", account=256, amount=4),
        seen("Transfer", amount=1),
    ):
        book.tell(event)
    assert list(book.orders) == [256]
    assert (book.requests, book.deposits, book.claims) == ({2: 15}, {8: 4}, 5)
