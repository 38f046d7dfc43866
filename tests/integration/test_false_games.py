"""Output roots that lie: passed over, challenged, and never paid on."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from eth_utils.crypto import keccak

from clearway.devnet.accounts import Role, role
from clearway.devnet.errors import DevnetError
from clearway.opstack import Status, Withdrawal, abi
from clearway.opstack.errors import GameRejected, UnknownTransaction
from tests.integration.world import ETHER, World

ROOT_BOND = 8 * 10**16  # wei, of the factory
ATTACK_ON_THE_ROOT, DEFENSE_OF_ITS_ANSWER = 2, 10  # positions


def test_two_users_at_once_are_paid_while_the_proposer_lies(new_world) -> None:
    world = new_world(without=("proposer",))
    users = (world.alice, world.bob)
    challenger = role(Role.CHALLENGER)
    l1_before = [world.l1.balance(user.address) for user in users]
    wealth_before = world.l1.balance(challenger.address)

    with ThreadPoolExecutor() as pool:
        started = list(pool.map(lambda user: world.start_eth(user, ETHER), users))
        world.command("lie")
        world.command("lie")
        world.advance("1s")
        for report in pool.map(world.drive, users):
            assert report.status is Status.WAITING_TO_PROVE
            assert report.view.false_games == 2
            assert "2 false passed over" in report.waits_for

        world.command("propose")
        world.advance("1s")
        proven = list(pool.map(world.drive, users))
        world.advance("15d")
        assert [report.status for report in pool.map(world.drive, users)] == [
            Status.FINALIZED,
            Status.FINALIZED,
        ]

    assert [world.finalizations(withdrawal) for withdrawal in started] == [[True], [True]]
    for user, before in zip(users, l1_before, strict=True):
        assert world.l1.balance(user.address) == before + ETHER - world.fees_of(world.l1, user)

    first_lie, second_lie, truth = world.all_games()
    assert {report.view.proofs[0].game.address for report in proven} == {truth.address}
    assert world.verdict(first_lie) == world.verdict(second_lie) == "lost to a challenger"
    assert world.verdict(truth) == "won"
    # The challenger has its own bonds back and the liar's besides.
    gain = world.l1.balance(challenger.address) - wealth_before
    assert gain == 2 * ROOT_BOND - world.fees_of(world.l1, challenger)


def test_a_withdrawal_that_never_was_is_never_paid(world: World) -> None:
    invented = Withdrawal(1 << 240, world.mallory.address, world.mallory.address, ETHER, 0, b"")
    game = world.prove_falsely(world.mallory, invented)  # the portal believes it for now
    held = world.l1.balance(world.portal)
    with pytest.raises(UnknownTransaction, match="neither a withdrawal nor"):
        world.tracker(world.mallory).track(invented.hash)

    world.advance("15d")
    assert world.verdict(game) == "lost to a challenger"
    submitter = world.mallory.address
    late = world.l1.block().timestamp + 100 * 86_400
    reason = "output proposal has not been validated"
    assert world.refusal_at(invented, submitter, late) == reason
    with pytest.raises(DevnetError, match="reverted"):
        world.send(
            world.l1,
            world.mallory,
            world.portal,
            abi.Portal.FINALIZE,
            invented.as_tuple(),
            submitter,
        )
    assert world.l1.balance(world.portal) == held
    assert world.finalizations(invented) == []


def test_an_open_false_game_pays_nobody_even_before_it_is_challenged(new_world) -> None:
    world = new_world(without=("challenger", "resolver"))
    invented = Withdrawal(1 << 240, world.mallory.address, world.mallory.address, ETHER, 0, b"")
    world.prove_falsely(world.mallory, invented)
    late = world.l1.block().timestamp + 100 * 86_400
    assert world.refusal_at(invented, world.mallory.address, late) == (
        "output proposal has not been validated"
    )


def test_a_strangers_proof_under_a_false_root_does_not_fool_the_client(world: World) -> None:
    withdrawal = world.start_eth(world.alice, ETHER)
    world.settle()
    false_game = world.prove_falsely(world.mallory, withdrawal)
    (strange,) = world.report(world.alice).view.proofs
    assert strange.submitter == world.mallory.address
    assert not strange.is_usable

    report = world.prove(world.alice)
    own = report.view.best_proof(world.rollup.delays)
    assert own is not None
    assert own.submitter == world.alice.address
    assert own.game.address != false_game.address

    before = world.l1.balance(world.alice.address) + world.fees_of(world.l1, world.alice)
    world.advance("15d")
    assert world.drive(world.alice).status is Status.FINALIZED
    after = world.l1.balance(world.alice.address) + world.fees_of(world.l1, world.alice)
    assert after == before + ETHER


@pytest.mark.parametrize("judged", ["while its game is open", "after its game is lost"])
def test_who_proved_under_a_false_root_proves_again_and_is_paid(world: World, judged: str) -> None:
    withdrawal = world.start_eth(world.alice, ETHER)
    world.settle()
    false_game = world.prove_falsely(world.alice, withdrawal)
    if judged == "after its game is lost":
        world.advance("8d")
        assert world.verdict(false_game) == "lost to a challenger"
        with pytest.raises(GameRejected, match="is lost to a challenger"):
            world.driver(world.alice).finalize(world.tracked(world.alice))
    report = world.prove(world.alice)
    (proof,) = report.view.proofs  # the new one, in the old one's place
    assert proof.game.address != false_game.address
    world.advance("15d")
    assert world.drive(world.alice).status is Status.FINALIZED
    assert world.finalizations(withdrawal) == [True]


# What a liar does in answer to the challenger's claim before: (parent, is an attack).
PERSISTENCE = {
    "attacks each answer": [(1, True), (3, True), (5, True)],
    "extends the answer": [(1, False), (3, True), (5, False)],
}


@pytest.mark.parametrize("moves", PERSISTENCE.values(), ids=PERSISTENCE)
def test_a_lie_defended_over_several_moves_is_answered_each_time(
    world: World, moves: list[tuple[int, bool]]
) -> None:
    challenger = role(Role.CHALLENGER).address
    world.command("lie")
    (game,) = world.all_games()
    world.settle()
    assert world.claim_count(game) == 2
    for number, (parent, is_attack) in enumerate(moves):
        claims = world.claim_count(game)
        world.move(world.mallory, game, parent, keccak(b"lie %d" % number), is_attack=is_attack)
        world.settle()
        assert world.claim_count(game) == claims + 2
        answered, _, claimant, *_ = world.claim(game, claims + 1)
        assert (answered, claimant) == (claims, challenger)
    world.advance("15d")
    assert world.verdict(game) == "lost to a challenger"


def test_a_good_root_attacked_by_a_liar_is_defended_and_wins(world: World) -> None:
    withdrawal = world.start_eth(world.alice, ETHER)
    world.settle()
    (game,) = world.all_games()
    before = world.l1.balance(role(Role.CHALLENGER).address)
    world.move(world.mallory, game, 0, keccak(b"another history"))
    world.settle()
    answered, _, claimant, _, root, *_ = world.claim(game, 2)
    assert (answered, claimant) == (1, role(Role.CHALLENGER).address)
    assert root != keccak(b"another history")

    assert world.carry_out(world.alice).status is Status.FINALIZED
    assert world.verdict(game) == "won"
    assert world.finalizations(withdrawal) == [True]
    # The liar's bond goes to who answered; the proposer has its own back.
    lost = world.l1.call(game.address, abi.Game.REQUIRED_BOND, ATTACK_ON_THE_ROOT)
    gain = world.l1.balance(role(Role.CHALLENGER).address) - before
    assert gain == lost - world.fees_of(world.l1, role(Role.CHALLENGER))


def test_a_true_answer_within_a_lie_is_built_upon(world: World) -> None:
    """A liar who claims the truth lower down, to be left alone there, is still answered."""
    world.command("lie")
    (game,) = world.all_games()
    world.settle()
    truth = world.rollup.output_at(game.position).root
    world.move(world.mallory, game, 1, truth)
    world.settle()
    assert world.claim_count(game) == 4
    # A defense: the fault must lie to the right of what is true.
    answered, _, claimant, _, _, position, _ = world.claim(game, 3)
    assert (answered, claimant) == (2, role(Role.CHALLENGER).address)
    assert position == DEFENSE_OF_ITS_ANSWER
    world.advance("15d")
    assert world.verdict(game) == "lost to a challenger"
