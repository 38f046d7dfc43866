"""Withdrawals as people name them and as they are shown."""

import re
from collections.abc import Iterator, Sequence

from clearway.opstack import Report, Rollup, Status, Tracker, Withdrawal, abi, text
from clearway.opstack.chain import Call
from clearway.opstack.errors import BadInput, UnknownTransaction
from clearway.opstack.games import TYPE_NAMES, Game, GameStatus
from clearway.opstack.journal import Tracked
from clearway.opstack.messages import tohex
from clearway.opstack.rollup import Delays
from clearway.opstack.withdrawals import Proof
from clearway.shell.calls import parse_hash
from clearway.shell.tables import shortened

SHORTEST_PREFIX = 4  # hex digits
SHOWN_DIGITS = 8
COLUMNS = ("withdrawal", "what", "started", "status", "ready at")
WIDTHS = {"started": 10, "status": 26, "ready at": 10}  # a time is a day above an hour


def find(tracker: Tracker, reference: str) -> list[Tracked]:
    """Return the withdrawals that `reference` means.

    It is a withdrawal's hash, the hash of the L2 transaction that started it, or the first digits
    of either if the journal knows it.
    """
    digits = reference.strip().lower().removeprefix("0x").split("…")[0].removesuffix("...")
    is_prefix = re.fullmatch("[0-9a-f]+", digits) and len(digits) < 64 and len(digits) != 40
    if not is_prefix:
        return tracker.track(parse_hash(reference, "the withdrawal"))
    if len(digits) < SHORTEST_PREFIX:
        raise BadInput(f"{reference!r} is too short", f"give at least {SHORTEST_PREFIX} hex digits")
    found = [
        tracked
        for tracked in tracker.journal.tracked()
        if tracked.withdrawal.hash.hex().startswith(digits)
        or tracked.l2_transaction.hex().startswith(digits)
    ]
    if not found:
        raise UnknownTransaction(
            f"the journal has no withdrawal that begins with 0x{digits}",
            "give its whole hash, or that of the L2 transaction that started it",
        )
    if len(found) > 1:
        raise BadInput(f"0x{digits} begins {len(found)} withdrawals", "give more digits")
    return found


class Names:
    """Says what withdrawals are; asks each token for its name once."""

    def __init__(self, rollup: Rollup) -> None:
        self.rollup = rollup
        self._tokens: dict[str, tuple[str, int]] = {}

    def what(self, withdrawal: Withdrawal) -> str:
        token = text.l1_token_of(withdrawal)
        if token and token not in self._tokens:
            views = (abi.Token.SYMBOL, abi.Token.DECIMALS)
            symbol, decimals = self.rollup.l1.calls([Call(token, view) for view in views])
            if decimals is not None:
                self._tokens[token] = (symbol or "?", decimals)
        return text.description(withdrawal, self._tokens)


def short(withdrawal: Withdrawal) -> str:
    return f"0x{withdrawal.hash.hex()[:SHOWN_DIGITS]}"


def started_at(rollup: Rollup, tracked: Tracked) -> str:
    receipt = rollup.l2.receipt(tracked.l2_transaction)
    if receipt is None:
        return "?"
    return text.moment(rollup.l2.block(int(receipt["blockNumber"], 16)).timestamp)


def rows(rollup: Rollup, reports: Sequence[Report]) -> Iterator[tuple[str, ...]]:
    """Yield the lines of the table with `COLUMNS`."""
    names = Names(rollup)
    for report in reports:
        withdrawal = report.tracked.withdrawal
        yield (
            short(withdrawal),
            names.what(withdrawal),
            _without_zone(started_at(rollup, report.tracked)),
            f"{report.status.value}\n{_in_short(report)}",
            _without_zone(text.moment(report.ready_at)) if report.ready_at else "",
        )


def _in_short(report: Report) -> str:
    """Return what a withdrawal waits for, without the game that `show` tells."""
    return shortened(report.waits_for.partition(" against game ")[0])


def _without_zone(moment: str) -> str:
    return moment.removesuffix(" UTC")


def is_over(report: Report) -> bool:
    return report.status in (Status.FINALIZED, Status.FAILED)


def when_ready(report: Report) -> str:
    """Say when it can be finalized, in the chain's time; empty if that isn't known, or past."""
    left = report.ready_at - report.view.now
    if not report.ready_at or is_over(report) or left <= 0:
        return ""
    return f"{text.moment(report.ready_at)}, in {text.duration(left)}"


def facts(rollup: Rollup, report: Report) -> Iterator[tuple[str, str]]:
    """Yield all that is known of one withdrawal."""
    withdrawal, view = report.tracked.withdrawal, report.view
    yield "withdrawal", tohex(withdrawal.hash)
    yield "what", Names(rollup).what(withdrawal)
    sender, receiver = text.parties(withdrawal)
    yield "sender on L2", sender
    yield "receiver on L1", receiver
    yield "calls on L1", f"{withdrawal.target}\nwith at least {withdrawal.gas_limit} gas"
    yield "L2 transaction", tohex(report.tracked.l2_transaction)
    yield "started", started_at(rollup, report.tracked)
    if view.l2_block is not None:
        yield "L2 block", str(view.l2_block)
    yield from state_facts(report)
    for proof in view.proofs:
        yield from _proof_facts(proof, rollup.delays)
    if view.candidate:
        yield "", ""
        yield from _game_facts("game to prove", view.candidate)
    if view.false_games:
        yield "false games", f"{view.false_games} passed over: their claims aren't our L2 node's"


def state_facts(report: Report) -> Iterator[tuple[str, str]]:
    """Yield where a withdrawal stands."""
    yield "status", report.status.value
    yield ("ended" if is_over(report) else "waits for"), report.waits_for
    if when := when_ready(report):
        yield "ready at", when
    yield "L1 clock", text.moment(report.view.now)


def _proof_facts(proof: Proof, delays: Delays) -> Iterator[tuple[str, str]]:
    standing = proof.standing
    usable = "" if proof.is_usable else " (can't be used any more)"
    mature_at = proof.proven_at + delays.proof_maturity
    yield "", ""
    yield "proven at", text.moment(proof.proven_at) + usable
    yield "proven by", proof.submitter
    yield "mature at", text.moment(mature_at)
    yield from _game_facts("game", proof.game)
    yield "game is", standing.verdict
    if standing.status is not GameStatus.IN_PROGRESS:
        yield "game resolved", text.moment(standing.resolved_at)
        yield "game final", text.moment(standing.resolved_at + delays.game_finality)
    elif standing.resolvable_at:
        yield "resolvable at", text.moment(standing.resolvable_at)


def _game_facts(title: str, game: Game) -> Iterator[tuple[str, str]]:
    kind = TYPE_NAMES.get(game.game_type, "unknown")
    at = f"L2 time {text.moment(game.position)}" if game.is_super else f"L2 block {game.position}"
    yield title, f"{game.address}\ntype {game.game_type}, {kind}, of {at}"
    yield "game created", text.moment(game.created_at)
    yield "its claim", tohex(game.claim)
