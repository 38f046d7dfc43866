"""Portals of 2025 and 2026 are served by the very code that serves the local one.

They stand on the real bridge contracts of an L1; the portal, its registry and its games are mocks
that answer and refuse as the live ones do.
"""

import pytest

from clearway.devnet.artifacts import storage_places as places
from clearway.devnet.profiles import REAL
from clearway.opstack import sender as sender_module
from clearway.opstack.abi import Game, Portal
from clearway.opstack.addresses import L2_MESSENGER, ZERO_ADDRESS
from clearway.opstack.chain import Chain
from clearway.opstack.errors import (
    AlreadyDone,
    GameRejected,
    Paused,
    RpcError,
    StateUnavailable,
    TooEarly,
    UnsupportedRollup,
    WouldFail,
    WrongChain,
)
from clearway.opstack.games import GameStatus
from clearway.opstack.messages import tohex
from clearway.opstack.rollup import Rollup
from clearway.opstack.sender import Sender, Transaction
from clearway.opstack.withdrawals import Status
from tests.opstack.conftest import (
    ALICE,
    AMOUNT,
    BLACKLIST,
    BOB,
    COUNTER,
    NULLIFY,
    OTHER_CHAIN_ID,
    RETIRE,
    SET_PAUSED,
    SET_RESPECTED_GAME_TYPE,
    VERIFY,
)

KONA, SUPER_KONA, AGGREGATE = 8, 9, 621
CLOCK = REAL.max_clock
WEEK = REAL.proof_maturity
AIRGAP = REAL.game_finality
DAY = 86_400


@pytest.fixture
def kona(world):
    return world(KONA)


def check(withdrawal_hash: bytes, submitter: str) -> str:
    """Return the calldata that asks the portal whether a withdrawal may be finalized."""
    return tohex(Portal.CHECK.encode(withdrawal_hash, submitter))


def finish(world) -> None:
    """Drive to the end from a proof, whatever it waits for."""
    for wait in (CLOCK, AIRGAP, WEEK, 5 * DAY):
        if world.drive().status is Status.FINALIZED:
            break
        world.pass_time(wait + 1)
    assert world.drive_or_none() is None
    assert world.received() == AMOUNT


class TestOrdinary:
    """Type 8, as OP Sepolia has it: the registry judges, and errors are custom."""

    def test_the_portal_is_recognised(self, kona):
        assert kona.rollup.version == "5.6.1"
        assert kona.rollup.games.registry == kona.registry
        assert kona.rollup.delays.proof_maturity == WEEK
        assert kona.rollup.delays.game_finality == AIRGAP
        assert kona.rollup.games.respected_type() == KONA

    def test_a_withdrawal_goes_all_the_way(self, kona):
        kona.start()
        report = kona.drive()
        assert report.status is Status.WAITING_TO_PROVE
        assert report.waits_for.startswith("a proposal of L2 block")
        game = kona.propose()
        report = kona.drive()
        assert report.status is Status.WAITING_TO_FINALIZE
        assert report.view.proofs[0].game.address == game
        assert report.waits_for == "the game's challenge clock"
        kona.pass_time(CLOCK)
        report = kona.drive()  # resolves it, for nobody did
        assert report.view.proofs[0].standing.status is GameStatus.DEFENDER_WINS
        assert report.waits_for == "the game's finality delay"
        kona.pass_time(AIRGAP)
        kona.pass_time(report.ready_at - kona.now)
        assert kona.received() == 0
        assert kona.drive().status is Status.FINALIZED
        assert kona.received() == AMOUNT

    def test_it_is_ready_in_the_second_that_was_told_and_not_before(self, kona):
        kona.start()
        kona.propose()
        kona.drive()
        kona.pass_time(CLOCK)
        ready_at = kona.drive().ready_at
        submitter = kona.driver().report(kona.journal.tracked()[0]).view.proofs[0].submitter
        for seconds, refused in ((ready_at - 1 - kona.now, True), (1, False)):
            kona.pass_time(seconds)
            key = kona.journal.tracked()[0].withdrawal.hash
            answer = kona.l1.batch(
                [("eth_call", ({"to": kona.portal, "data": check(key, submitter)}, "latest"))]
            )[0]
            assert isinstance(answer, RpcError) is refused

    def test_nothing_is_done_twice(self, kona):
        kona.start()
        kona.propose()
        finish(kona)
        (tracked,) = kona.journal.tracked()
        with pytest.raises(AlreadyDone):
            kona.driver().finalize(tracked)
        assert kona.received() == AMOUNT

    def test_a_game_of_this_very_second_waits_for_the_next_block(self, kona):
        """The portal wants the proof to be later, and refuses it otherwise."""
        kona.start()
        kona.propose(passing=0)
        report = kona.driver().report(kona.journal.tracked()[0])
        assert report.status is Status.WAITING_TO_PROVE
        assert report.waits_for == "the next L1 block"
        kona.pass_time(1)
        assert kona.drive().status is Status.WAITING_TO_FINALIZE

    def test_a_game_before_the_withdrawal_is_no_use(self, kona):
        kona.propose()
        kona.start()
        assert kona.drive().status is Status.WAITING_TO_PROVE

    def test_a_game_about_the_very_block_of_the_withdrawal_will_do(self, kona):
        kona.start()
        report = kona.drive()
        game = kona.propose(report.view.l2_block)
        assert kona.drive().view.proofs[0].game.address == game

    def test_the_oldest_true_game_is_taken(self, kona):
        kona.start()
        kona.propose(root=b"\x66" * 32)
        oldest = kona.propose()
        kona.pass_time(10)
        kona.propose()
        report = kona.drive()
        assert report.view.proofs[0].game.address == oldest

    def test_a_false_game_is_passed_over_and_told(self, kona):
        kona.start()
        kona.propose(root=b"\x66" * 32)
        report = kona.drive()
        assert report.status is Status.WAITING_TO_PROVE
        assert "1 false passed over" in report.waits_for

    def test_a_type_that_is_not_respected_is_passed_over(self, kona):
        kona.start()
        kona.game_type = 1
        kona.propose()
        assert kona.drive().status is Status.WAITING_TO_PROVE


class TestLost:
    """L1 goes back behind a finalization that was seen, and its withdrawal closed."""

    @pytest.fixture
    def lost(self, kona, monkeypatch):
        """A world whose L1 has forgotten the finalization of a closed withdrawal."""
        monkeypatch.setattr(sender_module, "BUMP_AFTER", 0)
        kona.start()
        kona.propose()
        kona.drive()
        kona.pass_time(CLOCK + 1)
        kona.drive()
        kona.pass_time(WEEK + 1)
        snapshot = kona.chains.l1.rpc("evm_snapshot")
        kona.drive()
        assert kona.drive_or_none() is None
        kona.chains.l1.rpc("evm_revert", snapshot)
        assert kona.received() == 0
        assert kona.journal.tracked()[0].closed
        return kona

    def test_it_is_paid_all_the_same(self, lost):
        lost.drive_or_none()
        assert lost.received() == AMOUNT

    @pytest.fixture
    def dear(self, lost):
        """The same world, whose L1 asks for higher fees than were offered."""
        rpc, fee = lost.chains.l1.rpc, lost.l1.block().base_fee
        rpc("anvil_setNextBlockBaseFeePerGas", hex(10**12))
        rpc("evm_mine")
        yield lost
        rpc("anvil_setNextBlockBaseFeePerGas", hex(fee))  # which no snapshot gives back

    def test_it_is_paid_even_if_its_transaction_is_too_cheap_now(self, dear):
        dear.drive()
        assert dear.received() == AMOUNT

    def test_it_is_open_until_it_is_paid_again(self, lost, monkeypatch):
        def refuse(chain, raw):
            raise RpcError("L1", "eth_sendRawTransaction", 0, "not now", b"")

        with monkeypatch.context() as refusing:
            refusing.setattr(Chain, "broadcast", refuse)
            lost.driver().catch_up()
        assert lost.journal.tracked()[0].closed is None
        lost.drive_or_none()
        assert lost.received() == AMOUNT
        assert lost.drive_or_none() is None


class TestGuardian:
    """What the guardian does to a withdrawal that is proven."""

    @pytest.fixture
    def proven(self, kona):
        kona.start()
        kona.game = kona.propose()
        assert kona.drive().status is Status.WAITING_TO_FINALIZE
        return kona

    def test_a_blacklisted_game_is_left_for_another(self, proven):
        proven.tell(proven.registry, BLACKLIST, proven.game)
        report = proven.drive()
        assert report.status is Status.WAITING_TO_PROVE
        assert "blacklisted" in report.waits_for
        proven.pass_time(10)
        better = proven.propose()
        proven.drive()
        report = proven.driver().report(proven.journal.tracked()[0])
        assert report.status is Status.WAITING_TO_FINALIZE
        assert [proof.game.address for proof in report.view.proofs] == [better]
        finish(proven)

    def test_a_game_blacklisted_after_it_won_is_left_too(self, proven):
        proven.pass_time(CLOCK)
        proven.drive()
        proven.pass_time(WEEK)
        proven.tell(proven.registry, BLACKLIST, proven.game)
        assert proven.drive().status is Status.WAITING_TO_PROVE
        assert proven.received() == 0
        proven.propose()
        finish(proven)

    def test_retired_games_are_left_for_newer_ones(self, proven):
        proven.tell(proven.registry, RETIRE)
        report = proven.drive()
        assert report.status is Status.WAITING_TO_PROVE
        assert "retired" in report.waits_for
        proven.propose()
        finish(proven)

    def test_a_lost_game_is_left_for_another(self, proven):
        proven.tell(proven.game, COUNTER)
        proven.pass_time(CLOCK)
        report = proven.drive()
        assert report.status is Status.WAITING_TO_PROVE
        assert "lost to a challenger" in report.waits_for
        proven.propose()
        finish(proven)

    def test_another_type_harms_no_game_that_was_respected(self, proven):
        """In 3.x it would: this is what newer registries changed."""
        proven.tell(proven.registry, SET_RESPECTED_GAME_TYPE, 0)
        assert proven.drive().status is Status.WAITING_TO_FINALIZE
        finish(proven)

    def test_a_pause_only_delays(self, proven):
        """It makes every game improper for the while, which is no fault of the game."""
        proven.tell(proven.registry, SET_PAUSED, True)
        proven.pass_time(CLOCK + WEEK)
        report = proven.drive()
        assert report.status is Status.WAITING_TO_FINALIZE
        assert report.waits_for == "the portal is paused by its guardian"
        assert report.view.proofs[0].standing.rejection == ""
        (tracked,) = proven.journal.tracked()
        with pytest.raises(Paused):
            proven.driver().finalize(tracked)
        proven.tell(proven.registry, SET_PAUSED, False)
        finish(proven)

    def test_nothing_is_proven_while_it_is_paused(self, kona):
        kona.start()
        kona.propose()
        kona.tell(kona.registry, SET_PAUSED, True)
        assert kona.drive().status is Status.READY_TO_PROVE
        kona.tell(kona.registry, SET_PAUSED, False)
        assert kona.drive().status is Status.WAITING_TO_FINALIZE


class TestWaitOrProveAgain:
    """`InvalidRootClaim` is what the portal says to both: only the registry tells them apart."""

    def refusal(self, world) -> str:
        (tracked,) = world.journal.tracked()
        answer = world.l1.batch(
            [
                (
                    "eth_call",
                    (
                        {
                            "to": world.portal,
                            "data": check(tracked.withdrawal.hash, ALICE.address),
                        },
                        "latest",
                    ),
                )
            ]
        )[0]
        return answer.reason

    @pytest.fixture
    def mature(self, kona):
        kona.start()
        kona.game = kona.propose()
        kona.drive()
        assert self.refusal(kona) == "OptimismPortal_ProofNotOldEnough"
        kona.pass_time(WEEK)
        assert self.refusal(kona) == "OptimismPortal_InvalidRootClaim"
        return kona

    def test_a_game_that_nobody_resolved_is_resolved_and_waited_for(self, mature):
        (tracked,) = mature.journal.tracked()
        mature.driver().finalize(tracked)  # it resolves first
        assert self.refusal(mature) == "OptimismPortal_InvalidRootClaim"
        with pytest.raises(TooEarly, match="the game's finality delay"):
            mature.driver().finalize(tracked)
        with pytest.raises(AlreadyDone, match="start its clock anew"):
            mature.driver().prove(tracked)
        finish(mature)

    def test_a_game_that_fell_is_proven_again(self, mature):
        mature.tell(mature.registry, BLACKLIST, mature.game)
        assert self.refusal(mature) == "OptimismPortal_InvalidRootClaim"
        (tracked,) = mature.journal.tracked()
        with pytest.raises(GameRejected, match="blacklisted"):
            mature.driver().finalize(tracked)
        mature.propose()
        mature.driver().prove(tracked)
        assert self.refusal(mature) == "OptimismPortal_ProofNotOldEnough"
        finish(mature)


class TestPreflight:
    def test_what_would_be_lost_is_not_finalized(self, kona):
        """A portal without ETH would take the withdrawal for done."""
        kona.start()
        kona.propose()
        kona.drive()
        kona.pass_time(CLOCK)
        kona.drive()
        kona.pass_time(WEEK)
        kona.chains.l1.rpc("anvil_setBalance", kona.portal, "0x0")
        report = kona.drive()
        assert isinstance(report.problem, WouldFail)
        assert report.status is Status.READY_TO_FINALIZE
        assert not kona.l1.call(kona.portal, Portal.FINALIZED, report.tracked.withdrawal.hash)
        kona.chains.l1.rpc("anvil_setBalance", kona.portal, hex(AMOUNT))
        finish(kona)


class TestStrangers:
    """Anyone may prove a withdrawal for its owner."""

    def prove_as_bob(self, world) -> None:
        (tracked,) = world.journal.tracked()
        sender = Sender(world.l1, BOB, world.journal)
        game = next(world.rollup.games.newest_first(world.game_type))
        proof = world.driver().proof_for(tracked.withdrawal, game)
        call = Portal.PROVE.encode(
            tracked.withdrawal.as_tuple(), game.index, proof.output.as_tuple(), proof.nodes
        )
        sender.run(Transaction("bob's proof", world.portal, call))
        world.pass_time(1)

    def test_a_good_proof_of_a_stranger_is_used(self, kona):
        kona.start()
        kona.propose()
        self.prove_as_bob(kona)
        report = kona.drive()
        assert [proof.submitter for proof in report.view.proofs] == [BOB.address]
        finish_to = kona.l1.balance(BOB.address)
        for wait in (CLOCK, WEEK):
            kona.pass_time(wait)
            report = kona.drive()
        assert report.status is Status.FINALIZED
        assert kona.l1.balance(BOB.address) - finish_to == AMOUNT

    def test_a_stranger_proving_again_and_again_changes_nothing_of_ours(self, kona):
        kona.start()
        kona.propose()
        ready_at = kona.drive().ready_at
        for _ in range(3):
            kona.pass_time(DAY)
            self.prove_as_bob(kona)
            kona.journal.report("bob's proof")
        report = kona.driver().report(kona.journal.tracked()[0])
        assert len(report.view.proofs) == 2
        assert report.view.best_proof(kona.rollup.delays).submitter == ALICE.address
        assert report.ready_at == max(ready_at, kona.now + AIRGAP + 1)


class TestForgetfulNode:
    """An L2 node keeps the state of its last blocks alone."""

    def forget_before(self, monkeypatch, block: int) -> None:
        prove_slot = Rollup.prove_slot

        def forgetful(rollup, l2_block, slot):
            if l2_block < block:
                raise StateUnavailable("the L2 node has no state", "use an archive node")
            return prove_slot(rollup, l2_block, slot)

        monkeypatch.setattr(Rollup, "prove_slot", forgetful)

    def test_our_own_proof_is_remembered(self, kona, monkeypatch):
        kona.start()
        kona.propose()
        kona.drive()
        self.forget_before(monkeypatch, 10**9)
        finish(kona)

    def test_a_newer_game_serves_when_older_ones_are_forgotten(self, kona, monkeypatch):
        kona.start()
        kona.propose()
        kona.pass_time(100)
        newer = kona.propose()
        self.forget_before(monkeypatch, kona.l2.block().number - 1)
        assert kona.drive().view.proofs[0].game.address == newer

    def test_when_all_are_forgotten_it_is_told(self, kona, monkeypatch):
        kona.start()
        kona.propose()
        self.forget_before(monkeypatch, 10**9)
        with pytest.raises(StateUnavailable):
            kona.drive()

    def test_a_strangers_proof_against_a_forgotten_game_is_no_hindrance(self, kona, monkeypatch):
        kona.start()
        kona.propose()
        TestStrangers().prove_as_bob(kona)
        kona.journal._run("DELETE FROM proofs")
        kona.pass_time(100)
        newer = kona.propose()
        self.forget_before(monkeypatch, kona.l2.block().number - 1)
        proofs = {proof.submitter: proof for proof in kona.drive().view.proofs}
        assert proofs[ALICE.address].game.address == newer


class TestSuperRoots:
    """Type 9, as OP chains have it from their upgrade 20 on: games speak of a timestamp."""

    @pytest.fixture
    def super_kona(self, world):
        return world(SUPER_KONA)

    def test_a_withdrawal_goes_all_the_way(self, super_kona):
        super_kona.start()
        head = super_kona.l2.block()
        super_kona.pass_time(2)
        super_kona.propose(head.number)
        report = super_kona.drive()
        game = report.view.proofs[0].game
        assert (game.is_super, game.position) == (True, head.timestamp)
        assert game.claim == super_kona.rollup.output_at(head.number).root
        finish(super_kona)

    def test_the_block_is_the_last_at_or_before_the_timestamp(self, super_kona):
        super_kona.start()
        head = super_kona.l2.block()
        super_kona.pass_time(10)  # no block in these ten seconds
        super_kona.propose(head.number, timestamp=head.timestamp + 5)
        report = super_kona.drive()
        assert report.status is Status.WAITING_TO_FINALIZE
        assert super_kona.rollup.block_of(report.view.proofs[0].game) == head.number
        finish(super_kona)

    def test_of_blocks_that_share_a_timestamp_the_last_counts(self, super_kona):
        super_kona.start()
        rpc = super_kona.chains.l2.rpc
        head = super_kona.l2.block()
        for _ in range(2):
            rpc("evm_setNextBlockTimestamp", head.timestamp + 3)
            rpc("evm_mine")
        last = super_kona.l2.block().number
        super_kona.pass_time(2)
        super_kona.propose(last)
        report = super_kona.drive()
        assert super_kona.rollup.block_of(report.view.proofs[0].game) == last

    def test_a_timestamp_that_the_l2_has_not_passed_yet_is_waited_for(self, super_kona):
        """A further block of that very second may come."""
        super_kona.start()
        head = super_kona.l2.block()
        super_kona.propose(head.number, timestamp=head.timestamp + 1_000)
        report = super_kona.drive()
        assert report.status is Status.WAITING_TO_PROVE
        assert "false" not in report.waits_for  # who knows
        super_kona.pass_time(1_000)
        assert "1 false passed over" in super_kona.drive().waits_for  # further blocks did come

    def test_the_second_of_the_newest_block_is_not_over_yet(self, super_kona):
        super_kona.start()
        head = super_kona.l2.block()
        super_kona.propose(head.number, passing=0)
        (game,) = super_kona.rollup.games.newest_first(SUPER_KONA)
        assert game.position == super_kona.l2.block().timestamp
        assert super_kona.rollup.block_of(game) is None
        super_kona.pass_time(1)
        assert super_kona.rollup.block_of(game) == head.number

    def test_a_timestamp_before_the_withdrawal_is_no_use(self, super_kona):
        before = super_kona.l2.block().number
        super_kona.start()
        super_kona.propose(before)
        assert super_kona.drive().status is Status.WAITING_TO_PROVE

    def test_a_super_root_without_our_chain_is_no_hindrance(self, super_kona):
        """Anyone with a bond may make one; asked for our claim it reverts."""
        super_kona.start()
        head = super_kona.l2.block().number
        super_kona.pass_time(2)
        super_kona.propose(head, chain_id=OTHER_CHAIN_ID + 1)
        report = super_kona.drive()
        assert report.status is Status.WAITING_TO_PROVE
        assert "1 false passed over" in report.waits_for
        super_kona.propose(head)
        assert super_kona.drive().status is Status.WAITING_TO_FINALIZE

    def test_another_chains_root_is_not_taken_for_ours(self, super_kona):
        super_kona.start()
        head = super_kona.l2.block().number
        super_kona.pass_time(2)
        super_kona.propose(head, root=b"\x99" * 32)
        assert super_kona.drive().status is Status.WAITING_TO_PROVE


class TestAggregateVerifier:
    """Type 621, Base's: no delays but the game's own, which it tells itself."""

    @pytest.fixture
    def base(self, world):
        return world(AGGREGATE, maturity=0, finality=0)

    def test_a_withdrawal_goes_all_the_way(self, base):
        base.start()
        game = base.propose()
        report = base.drive()
        assert report.status is Status.WAITING_TO_FINALIZE
        expected = base.l1.call(game, Game.EXPECTED_RESOLUTION)
        assert expected == base.l1.call(game, Game.CREATED_AT) + 5 * DAY
        assert report.ready_at == expected + 1
        base.pass_time(expected - base.now - 1)
        assert base.drive().view.proofs[0].standing.status is GameStatus.IN_PROGRESS
        base.pass_time(1)
        report = base.drive()  # resolves it
        assert report.view.proofs[0].standing.status is GameStatus.DEFENDER_WINS
        assert base.drive().status is Status.FINALIZED
        assert base.received() == AMOUNT

    def test_a_second_proof_hastens_it(self, base):
        base.start()
        game = base.propose()
        slow = base.drive().ready_at
        base.tell(game, VERIFY)
        fast = base.drive().ready_at
        assert slow - fast > 3 * DAY
        base.pass_time(fast - base.now)
        base.drive()
        base.drive_or_none()
        assert base.received() == AMOUNT

    def test_a_game_without_proofs_never_ends_and_is_told_so(self, base):
        base.start()
        game = base.propose()
        base.drive()
        base.tell(game, NULLIFY)
        base.pass_time(100 * DAY)
        report = base.drive()
        assert report.status is Status.WAITING_TO_FINALIZE
        assert report.ready_at == 0
        (tracked,) = base.journal.tracked()
        with pytest.raises(TooEarly, match="the game's challenge clock"):
            base.driver().finalize(tracked)

    def test_a_parent_that_is_not_resolved_is_waited_for(self, base):
        parent = base.propose()
        base.start()
        base.propose(parent=parent)
        base.drive()
        base.pass_time(6 * DAY)
        report = base.drive()
        assert report.status is Status.WAITING_TO_FINALIZE
        assert report.problem is None
        base.resolve(parent)
        base.drive()
        base.drive_or_none()
        assert base.received() == AMOUNT

    def test_a_parent_that_fell_takes_its_child_along(self, base):
        parent = base.propose()
        base.start()
        base.propose(parent=parent)
        base.drive()
        base.tell(base.registry, BLACKLIST, parent)
        base.pass_time(6 * DAY)
        report = base.drive()
        assert report.status is Status.WAITING_TO_PROVE
        assert "lost to a challenger" in report.waits_for


class TestRefused:
    """What the client can't drive it refuses at once, and says why."""

    def test_a_portal_for_interop_proofs(self, kona):
        portal = kona.deploy(
            "InteropPortal5",
            "address,address",
            kona.chains.addresses.system_config,
            kona.registry,
        )
        with pytest.raises(UnsupportedRollup, match="interop super roots") as caught:
            Rollup.connect(kona.l1, kona.l2, portal)
        assert "five arguments" in caught.value.advice

    def test_a_portal_of_2_x(self, kona):
        """It has a version and a system config but no games, as the L1 bridge has."""
        with pytest.raises(UnsupportedRollup, match="no OptimismPortal2") as caught:
            Rollup.connect(kona.l1, kona.l2, kona.chains.addresses.l1_bridge)
        assert "OptimismPortalProxy" in caught.value.advice

    @pytest.mark.parametrize("nobody", [ZERO_ADDRESS, BOB.address])
    def test_an_address_without_code(self, kona, nobody):
        with pytest.raises(UnsupportedRollup) as caught:
            Rollup.connect(kona.l1, kona.l2, nobody)
        assert caught.value.advice

    def test_an_l2_rpc_that_serves_l1(self, kona):
        l1_again = Chain.connect(kona.chains.l1.spec.url, "L2")
        with pytest.raises(WrongChain, match="isn't the rollup of portal") as caught:
            Rollup.connect(kona.l1, l1_again, kona.portal)
        assert "nobody" in caught.value.advice

    def test_an_l2_of_another_rollup(self, kona):
        """Its messenger answers to another one on L1."""
        slot, _ = places("L2CrossDomainMessenger")["otherMessenger"]
        rpc = kona.chains.l2.rpc
        rpc("anvil_setStorageAt", L2_MESSENGER, hex(slot), f"0x{int(BOB.address, 16):064x}")
        with pytest.raises(WrongChain) as caught:
            Rollup.connect(kona.l1, kona.l2, kona.portal)
        assert BOB.address in caught.value.advice
