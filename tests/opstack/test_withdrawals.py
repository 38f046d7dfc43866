"""What is to be done with a withdrawal: the decisions, over views made up here."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearway.opstack.addresses import ZERO_ADDRESS
from clearway.opstack.games import Game, GameStatus, Standing
from clearway.opstack.messages import Withdrawal
from clearway.opstack.rollup import Delays
from clearway.opstack.withdrawals import (
    Action,
    Proof,
    Status,
    View,
    next_action,
    progress,
    ready_at,
    status,
    waits_for,
)

MATURITY, FINALITY, CLOCK = 1_000, 500, 600
DELAYS = Delays(proof_maturity=MATURITY, game_finality=FINALITY)

CREATED = 10_000
PROVEN = 10_100
RESOLVABLE = CREATED + CLOCK
RESOLVED = RESOLVABLE + 7

OPEN = Standing(GameStatus.IN_PROGRESS, 0, RESOLVABLE)
WON = Standing(GameStatus.DEFENDER_WINS, RESOLVED, RESOLVABLE)
LOST = Standing(GameStatus.CHALLENGER_WINS, RESOLVED, RESOLVABLE)

MATURE = PROVEN + MATURITY  # reached here, exceeded a second later
AIRED = RESOLVED + FINALITY

WITHDRAWAL = Withdrawal(1, ZERO_ADDRESS, ZERO_ADDRESS, 0, 0, b"")
US = "0x" + "aa" * 20
STRANGER = "0x" + "bb" * 20


def game(created_at: int = CREATED, name: int = 1) -> Game:
    return Game(f"0x{name:040x}", name, 0, created_at, bytes(32), position=100)


def proof(standing: Standing = OPEN, proven_at: int = PROVEN, **changes) -> Proof:
    made = Proof(US, proven_at, game(), standing, is_ours=True)
    return replace(made, **changes)


def view(*proofs: Proof, now: int = PROVEN + 1, **changes) -> View:
    made = View(
        now=now,
        withdrawal=WITHDRAWAL,
        l2_block=90,
        l2_timestamp=CREATED - 50,
        is_finalized=False,
        succeeded=None,
        message_failed=False,
        is_paused=False,
        proofs=proofs,
        candidate=None,
        false_games=0,
    )
    return replace(made, **changes)


FINALIZED = {"is_finalized": True, "l2_block": None}

TABLE = {
    # the view, then the state, the action and what it waits for
    "no game yet": (
        view(),
        (Status.WAITING_TO_PROVE, None, "a proposal of L2 block 90 or later"),
    ),
    "a game of this very second": (
        view(candidate=game(), now=CREATED),
        (Status.WAITING_TO_PROVE, None, "the next L1 block"),
    ),
    "a game of the second before": (
        view(candidate=game(), now=CREATED + 1),
        (Status.READY_TO_PROVE, Action.PROVE, "you, to prove against game"),
    ),
    "false games alone": (
        view(false_games=2),
        (Status.WAITING_TO_PROVE, None, "2 false passed over"),
    ),
    "proven, the game open": (
        view(proof(OPEN)),
        (Status.WAITING_TO_FINALIZE, None, "the game's challenge clock"),
    ),
    "a second before the game's clock ends": (
        view(proof(OPEN), now=RESOLVABLE - 1),
        (Status.WAITING_TO_FINALIZE, None, "the game's challenge clock"),
    ),
    "the game's clock ended": (
        view(proof(OPEN), now=RESOLVABLE),
        (Status.WAITING_TO_FINALIZE, Action.RESOLVE, "the game's challenge clock"),
    ),
    "a game that doesn't tell its clock": (
        view(proof(Standing(GameStatus.IN_PROGRESS, 0, 0)), now=10**9),
        (Status.WAITING_TO_FINALIZE, None, "the game's challenge clock"),
    ),
    "won, neither delay over": (
        view(proof(WON), now=RESOLVED),
        (Status.WAITING_TO_FINALIZE, None, "the game's finality delay"),
    ),
    "game finality reached, not exceeded": (
        view(proof(WON), now=AIRED),
        (Status.WAITING_TO_FINALIZE, None, "the game's finality delay"),
    ),
    "game finality over, maturity not": (
        view(proof(WON, RESOLVED), now=AIRED + 1),
        (Status.WAITING_TO_FINALIZE, None, "the proof's maturity"),
    ),
    "maturity reached, not exceeded": (
        view(proof(WON, AIRED), now=AIRED + MATURITY),
        (Status.WAITING_TO_FINALIZE, None, "the proof's maturity"),
    ),
    "maturity exceeded by a second": (
        view(proof(WON, AIRED), now=AIRED + MATURITY + 1),
        (Status.READY_TO_FINALIZE, Action.FINALIZE, "you, to finalize"),
    ),
    "finality exceeded by a second, maturity long over": (
        view(proof(WON), now=max(AIRED, MATURE) + 1),
        (Status.READY_TO_FINALIZE, Action.FINALIZE, "you, to finalize"),
    ),
    "maturity over, the game never resolved": (
        view(proof(Standing(GameStatus.IN_PROGRESS, 0, 0)), now=10**9),
        (Status.WAITING_TO_FINALIZE, None, "the game's challenge clock"),
    ),
    "proven in the second of the game": (
        view(proof(WON, CREATED), candidate=game(), now=10**9),
        (Status.READY_TO_PROVE, Action.PROVE, "you, to prove"),
    ),
    "lost": (
        view(proof(LOST), now=10**9),
        (Status.WAITING_TO_PROVE, None, "is lost to a challenger"),
    ),
    "lost, and a better game is there": (
        view(proof(LOST), candidate=game(CREATED + 5, 2), now=10**9),
        (Status.READY_TO_PROVE, Action.PROVE, f"game 0x{2:040x}"),
    ),
    **{
        f"won and {word}": (
            view(proof(replace(WON, rejection=word)), now=10**9),
            (Status.WAITING_TO_PROVE, None, f"is {word}"),
        )
        for word in ("blacklisted", "retired", "of a type no longer respected", "improper")
    },
    "blacklisted while open": (
        view(proof(replace(OPEN, rejection="blacklisted")), candidate=game(name=2)),
        (Status.READY_TO_PROVE, Action.PROVE, f"game 0x{2:040x}"),
    ),
    "a stranger's proof against a false game": (
        view(proof(OPEN, submitter=STRANGER, is_ours=False), now=10**9),
        (Status.WAITING_TO_PROVE, None, "a proposal"),
    ),
    "a stranger's proof against a true game": (
        view(proof(WON, submitter=STRANGER), now=10**9),
        (Status.READY_TO_FINALIZE, Action.FINALIZE, "you, to finalize"),
    ),
    "L2 forgot it": (
        view(l2_block=None),
        (Status.FAILED, None, "L2 doesn't know it any more"),
    ),
    "finalized": (
        view(**FINALIZED, succeeded=True),
        (Status.FINALIZED, None, "done"),
    ),
    "finalized, nobody knows how": (
        view(**FINALIZED, succeeded=None),
        (Status.FINALIZED, None, "done"),
    ),
    "finalized, its call failed": (
        view(**FINALIZED, succeeded=False),
        (Status.FAILED, None, "its call on L1 failed"),
    ),
    "finalized, its message failed": (
        view(**FINALIZED, succeeded=True, message_failed=True),
        (Status.FINALIZED, None, "replay it"),
    ),
}


@pytest.mark.parametrize(("seen", "expected"), TABLE.values(), ids=TABLE)
def test_decision(seen, expected):
    state, action, words = expected
    assert status(seen, DELAYS) is state
    assert next_action(seen, DELAYS) is action
    assert words in waits_for(seen, DELAYS)


def test_the_table_has_every_state_and_every_action():
    assert {state for _, (state, _, _) in TABLE.values()} == set(Status)
    assert {action for _, (_, action, _) in TABLE.values()} == {None, *Action}


@pytest.mark.parametrize("name", TABLE)
def test_a_pause_stops_all_action_and_changes_no_state(name):
    seen, (state, _, words) = TABLE[name]
    paused = replace(seen, is_paused=True)
    assert status(paused, DELAYS) is state
    assert next_action(paused, DELAYS) is None
    is_over = state in (Status.FINALIZED, Status.FAILED)
    assert (words if is_over else "paused by its guardian") in waits_for(paused, DELAYS)


class TestTwoProofs:
    """The portal keeps one proof of each submitter."""

    def test_the_one_that_is_ready_first_counts(self):
        # The older proof hangs on a game that was fought over until late.
        late = replace(WON, resolved_at=MATURE + 10_000)
        older = proof(late)
        younger = proof(WON, PROVEN + 50, submitter=STRANGER)
        seen = view(older, younger, now=PROVEN + 50 + MATURITY + 1)
        assert seen.best_proof(DELAYS) is younger
        assert status(seen, DELAYS) is Status.READY_TO_FINALIZE

    def test_a_game_won_goes_before_an_open_one(self):
        open_, won = proof(OPEN), proof(WON, PROVEN + 50, submitter=STRANGER)
        assert view(open_, won, now=RESOLVED).best_proof(DELAYS) is won

    def test_a_useless_one_is_passed_over(self):
        useless = [proof(LOST), proof(WON, is_ours=False), proof(WON, CREATED)]
        good = proof(WON, MATURE, submitter=STRANGER)
        assert view(*useless, good, now=10**9).best_proof(DELAYS) is good
        assert view(*useless, now=10**9).best_proof(DELAYS) is None

    def test_the_order_in_which_the_portal_lists_them_does_not_matter(self):
        one, two = proof(WON), proof(WON, PROVEN + 1, submitter=STRANGER)
        assert view(one, two).best_proof(DELAYS) == view(two, one).best_proof(DELAYS)


class TestReadyAt:
    def test_is_the_first_second_of_readiness(self):
        seen = view(proof(WON))
        at = ready_at(seen, DELAYS)
        assert status(replace(seen, now=at), DELAYS) is Status.READY_TO_FINALIZE
        assert status(replace(seen, now=at - 1), DELAYS) is Status.WAITING_TO_FINALIZE

    def test_of_an_open_game_counts_on_its_clock(self):
        late = PROVEN + 10 * MATURITY
        open_ = replace(OPEN, resolvable_at=late)
        assert ready_at(view(proof(open_)), DELAYS) == late + FINALITY + 1

    def test_of_a_game_overdue_counts_from_now(self):
        """Nobody resolved it, so its finality delay hasn't begun."""
        now = RESOLVABLE + 10**6
        assert ready_at(view(proof(OPEN), now=now), DELAYS) == now + FINALITY + 1

    def test_is_unknown_without_a_proof_or_a_clock(self):
        assert ready_at(view(), DELAYS) == 0
        assert ready_at(view(proof(Standing(GameStatus.IN_PROGRESS, 0, 0))), DELAYS) == 0

    def test_without_any_delay_it_is_a_second_after_the_resolution(self):
        """Base's AggregateVerifier has no delays but its own clock."""
        seen = view(proof(WON))
        none = Delays(0, 0)
        assert ready_at(seen, none) == RESOLVED + 1
        assert next_action(replace(seen, now=RESOLVED), none) is None
        assert next_action(replace(seen, now=RESOLVED + 1), none) is Action.FINALIZE


class TestProgress:
    def test_goes_from_proof_to_readiness(self):
        seen = view(proof(WON))
        at = ready_at(seen, DELAYS)
        assert progress(replace(seen, now=PROVEN), DELAYS) == 0
        assert progress(replace(seen, now=at), DELAYS) == 1
        assert progress(replace(seen, now=PROVEN - 5), DELAYS) == 0
        assert progress(replace(seen, now=at + 10**6), DELAYS) == 1

    def test_is_nothing_without_a_proof_or_an_end(self):
        assert progress(view(), DELAYS) == 0
        assert progress(view(proof(Standing(GameStatus.IN_PROGRESS, 0, 0))), DELAYS) == 0


TIMES = st.integers(1, 5_000)
REJECTIONS = st.sampled_from(["", "", "", "blacklisted", "retired", "improper"])


@st.composite
def standings(draw) -> Standing:
    outcome = draw(st.sampled_from(GameStatus))
    resolved_at = draw(TIMES) if outcome is not GameStatus.IN_PROGRESS else 0
    return Standing(outcome, resolved_at, draw(st.just(0) | TIMES), draw(REJECTIONS))


@st.composite
def proofs(draw) -> Proof:
    made_at = draw(TIMES)
    return Proof(
        submitter=draw(st.sampled_from([US, STRANGER])),
        proven_at=draw(TIMES),
        game=game(made_at, draw(st.integers(1, 3))),
        standing=draw(standings()),
        is_ours=draw(st.booleans()),
    )


@st.composite
def views(draw) -> View:
    is_finalized = draw(st.booleans())
    return View(
        now=draw(TIMES),
        withdrawal=WITHDRAWAL,
        l2_block=draw(st.none() | st.integers(0, 100)),
        l2_timestamp=0,
        is_finalized=is_finalized,
        succeeded=draw(st.sampled_from([None, True, False])) if is_finalized else None,
        message_failed=draw(st.booleans()),
        is_paused=draw(st.booleans()),
        proofs=tuple(draw(st.lists(proofs(), max_size=3))),
        candidate=draw(st.none() | st.builds(game, TIMES)),
        false_games=draw(st.integers(0, 2)),
    )


DELAY_PAIRS = st.builds(Delays, st.integers(0, 2_000), st.integers(0, 2_000))


@given(seen=views(), delays=DELAY_PAIRS)
def test_ready_means_won_and_both_delays_exceeded(seen, delays):
    """What `checkWithdrawal` and `isGameClaimValid` ask for, said again in their own words."""

    def may_be_finalized(p: Proof) -> bool:
        standing = p.standing
        return (
            p.is_ours
            and p.proven_at > p.game.created_at
            and seen.now - p.proven_at > delays.proof_maturity
            and standing.status is GameStatus.DEFENDER_WINS
            and seen.now - standing.resolved_at > delays.game_finality
            and not standing.rejection
        )

    is_ready = status(seen, delays) is Status.READY_TO_FINALIZE
    assert is_ready == (not seen.is_finalized and any(map(may_be_finalized, seen.proofs)))
    if is_ready:
        assert may_be_finalized(seen.best_proof(delays))


@given(seen=views(), delays=DELAY_PAIRS)
def test_the_action_fits_the_state(seen, delays):
    expected = {
        Status.READY_TO_PROVE: {Action.PROVE},
        Status.READY_TO_FINALIZE: {Action.FINALIZE},
        Status.WAITING_TO_FINALIZE: {None, Action.RESOLVE},
    }
    state, action = status(seen, delays), next_action(seen, delays)
    allowed = {None} if seen.is_paused else expected.get(state, {None})
    assert action in allowed


@given(seen=views(), delays=DELAY_PAIRS)
def test_what_is_finalized_stays_so_whatever_else_is_seen(seen, delays):
    state = status(replace(seen, is_finalized=True), delays)
    assert state is (Status.FAILED if seen.succeeded is False else Status.FINALIZED)


@given(seen=views(), delays=DELAY_PAIRS)
def test_a_good_proof_is_never_made_again(seen, delays):
    """A second proof of the same submitter would start its clock anew."""
    if any(p.is_usable for p in seen.proofs):
        assert next_action(seen, delays) is not Action.PROVE


@given(seen=views(), delays=DELAY_PAIRS)
def test_nothing_is_proven_against_a_game_of_this_second(seen, delays):
    if next_action(seen, delays) is Action.PROVE:
        assert seen.now > seen.candidate.created_at


@given(seen=views(), delays=DELAY_PAIRS, later=st.integers(0, 10_000))
def test_time_alone_never_takes_readiness_away(seen, delays, later):
    if status(seen, delays) is Status.READY_TO_FINALIZE:
        then = replace(seen, now=seen.now + later)
        assert status(then, delays) is Status.READY_TO_FINALIZE


@given(seen=views(), delays=DELAY_PAIRS)
def test_what_waits_is_ready_later_and_what_is_ready_was_so_since(seen, delays):
    state, at = status(seen, delays), ready_at(seen, delays)
    if state is Status.WAITING_TO_FINALIZE:
        assert at == 0 or at > seen.now
    if state is Status.READY_TO_FINALIZE:
        assert 0 < at <= seen.now


@given(seen=views(), delays=DELAY_PAIRS)
def test_everything_can_be_told(seen, delays):
    assert waits_for(seen, delays)
    assert 0 <= progress(seen, delays) <= 1
