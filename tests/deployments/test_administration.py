"""From a proposal to a difference that the deployment's check tells, by the commands themselves."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from clearway.contracts import Contract
from clearway.deployments import Deployment, System
from clearway.devnet.accounts import people
from clearway.networks import find_network
from clearway.opstack.addresses import ZERO_ADDRESS
from clearway.opstack.messages import unhex
from tests.scripts.conftest import load

STRANGER = people()[3].address
OTHERS = [people()[number].address for number in (1, 2, 3)]


@pytest.fixture(scope="module")
def run(world, tmp_path_factory) -> Callable[..., Result]:
    """Run a command on the network, on which everything is deployed."""
    folder = world.devnet.folder.path
    where = ("--dir", str(folder), "--journal", str(tmp_path_factory.mktemp("journal")))

    def invoke(script: str, *words: str) -> Result:
        runner = CliRunner(mix_stderr=False, env={"COLUMNS": "200"})
        return runner.invoke(load(script), [*words, *where])

    done = invoke("deploy")
    assert done.exit_code == 0, done.stderr
    return invoke


@pytest.fixture
def system(world, run) -> System:
    return System(Deployment.of(find_network(folder=world.devnet.folder.path)), world.connect())


def propose(run, *words: str) -> str:
    """Return the id of a proposal."""
    done = run("admin", "propose", *words)
    assert done.exit_code == 0, done.stderr
    return re.search(r"operation +0x(\w{64})", done.stdout)[1]


def test_a_proposal_says_what_would_change_and_what_to_sign(run, system):
    done = run("admin", "propose", "market", "eth", "max_skew=800", "taker-fee=0.05 %")
    assert re.search(r"taker_fee +0\.06 % +0\.05 %", done.stdout)
    assert re.search(r"max_skew +1000 +800", done.stdout)
    assert "maker_fee" not in done.stdout
    data = re.search(rf"to {system.timelock.address}\n +(0x\w+)", done.stdout)[1]
    schedule = system.timelock.interface.method("schedule", 6)
    target, *_, delay = schedule.arguments_of(bytes.fromhex(data[2:]))
    assert (target, delay) == (system.configuration.address, 2 * 86_400)


def test_proposing_sends_nothing(run, system):
    before = system.timelock.chain.next_nonce(people()[0].address)
    propose(run, "pool", "kink=70 %")
    assert system.timelock.chain.next_nonce(people()[0].address) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("propose market ETH max_skw=800", "no parameter 'max_skw': did you mean max_skew?"),
        ("propose market ETC max_skew=800", "no market is named 'ETC': did you mean ETH?"),
        ("propose market ETH", "no parameter is given: write name=value"),
        ("propose market ETH max_skew", "'max_skew' is no assignment: write name=value"),
        ("propose market ETH max_skew=1 max_skew=2", "max_skew is given twice"),
        ("propose market ETH max_skew=3001", "max skew over premium cap: nothing was sent"),
        ("propose market ETH max_skew=1000", "the proposal changes nothing"),
        ("propose market ETH taker_fee=0.05", "is not a percentage"),
        ("propose pool kink=100%", "kink out of range"),
        ("propose vault cooldown=5m", "limit out of range"),
        ("propose aggregator ETH heartbeat=2d", "heartbeat out of range"),
        ("propose aggregator ETH", "the proposal changes nothing"),
        (f"propose aggregator ETH address={STRANGER}", "PriceFeed would refuse"),
        (f"propose publishers {STRANGER} {STRANGER}", "would refuse: publishers not sorted"),
        (f"propose publishers {STRANGER} --quorum 0", "the quorum '0' can't be used"),
        ("propose publishers 0x12", "the publisher '0x12' is not an address"),
        ("propose guardian Vault 0x12", "the guardian '0x12' is not an address"),
        ("propose retirement SOL --notice 100d", "Configuration would refuse: notice too long"),
        ("queue abcd1234", "no proposal begins with 'abcd1234': make one with"),
        ("execute abcd1234", "no announced operation begins with 'abcd1234'"),
        ("cancel abcd1234", "no announced operation begins with 'abcd1234'"),
        ("guardian lower-caps ETH", "no cap is given: give --open-interest, --skew or both"),
        ("guardian lower-caps ETH --skew 1001", "is above what is set: give less than 1000"),
        ("guardian lower-caps ETH --skew 1000", "would refuse: cap not lowered: nothing was sent"),
        ("guardian lower-caps ETX --skew 1", "did you mean ETH?"),
        (f"guardian drop-publisher {STRANGER}", f"{STRANGER} is no publisher: there are 0x"),
        ("guardian lower-deposit-cap 10000001", "is above what is set: give less than 10000000"),
        ("guardian pause-increases ETH --account 3", f"{STRANGER} is not the guardian"),
    ],
)
def test_bad_input_is_told_in_a_sentence(run, words, message):
    done = run("admin", *words.split())
    assert done.exit_code == 1, done.stdout
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_a_stranger_queues_nothing(run, system):
    reference = propose(run, "pool", "kink=71 %")
    done = run("admin", "queue", reference[:8], "--account", "3")
    assert f"{STRANGER} is no proposer of the timelock" in done.stderr
    assert not system.timelock.call("is_operation", bytes.fromhex(reference))


def test_a_dry_run_sends_nothing(run, system):
    reference = propose(run, "pool", "kink=72 %")
    done = run("admin", "queue", reference[:8], "--dry-run")
    assert "nothing was sent" in done.stderr
    assert not system.timelock.call("is_operation", bytes.fromhex(reference))
    done = run("admin", "guardian", "pause-increases", "--dry-run")
    assert "it would succeed" in done.stderr
    assert system.configuration.call("parameters_of", 0).max_skew > 0


def test_what_is_cancelled_is_never_done(run, world, system):
    reference = propose(run, "vault", "cooldown=3d")[:8]
    assert run("admin", "queue", reference).exit_code == 0
    assert "Vault.set_limits: cooldown 3 d" in run("admin", "list").stdout
    assert run("admin", "cancel", reference).exit_code == 0
    assert reference not in run("admin", "list").stdout
    world.advance("3d")
    assert "no announced operation" in run("admin", "execute", reference).stderr


DRIFT = [
    (("market", "ETH", "taker_fee=0.05 %"), "ETH taker fee: 0.05 % on chain, 0.06 % in the file"),
    (("pool", "kink=75 %"), "pool kink: 75 % on chain, 80 % in the file"),
    (("vault", "cooldown=2d"), "Vault cooldown: 2 d on chain, 1 h in the file"),
    (("aggregator", "BTC", "heartbeat=2h"), "BTC heartbeat: 2 h on chain, 1 d 1 h in the file"),
    (("guardian", "PriceFeed", STRANGER), f"PriceFeed guardian: {STRANGER} on chain, "),
    (("publishers", *OTHERS, "--quorum", "3"), "PriceFeed quorum: 3 on chain, 2 in the file"),
]


def test_what_waited_is_done_and_the_check_tells_each_difference_until_it_is_accepted(run, world):
    references = []
    for words, _ in DRIFT:
        references.append(propose(run, *words)[:8])
        assert run("admin", "queue", references[-1]).exit_code == 0
    early = run("admin", "execute", references[0])
    assert "it waits until" in early.stderr
    assert run("deploy", "--check").exit_code == 0
    world.advance("2d1h")
    for reference in references:
        done = run("admin", "execute", reference, "--account", "3")
        assert done.exit_code == 0, done.stderr
    assert "it was executed before" in run("admin", "execute", references[0]).stderr
    assert "propose the opposite" in run("admin", "cancel", references[0]).stderr
    checked = run("deploy", "--check")
    lines = checked.stdout.splitlines()
    assert checked.exit_code == 1
    for _, difference in DRIFT:
        assert [line for line in lines if line.startswith(difference)], difference
    assert len(lines) == len(DRIFT) + 1  # the publishers themselves
    assert run("deploy", "--check", "--accept").exit_code == 0
    assert run("deploy", "--check").exit_code == 0


def test_the_guardian_tightens_at_once_and_the_check_tells_it(run, system):
    run("deploy", "--check", "--accept")
    for words in (
        ("lower-caps", "SOL", "--open-interest", "100", "--skew", "50"),
        ("lower-deposit-cap", "5000"),
        ("pause-increases", "BTC"),
    ):
        done = run("admin", "guardian", *words)
        assert done.exit_code == 0, done.stderr
    lines = run("deploy", "--check").stdout.splitlines()
    assert set(lines) == {
        "Vault deposit cap: 5000 on chain, 10000000 in the file",
        "BTC max open interest: 0 on chain, 150 in the file",
        "BTC max skew: 0 on chain, 30 in the file",
        "SOL max open interest: 100 on chain, 50000 in the file",
        "SOL max skew: 50 on chain, 10000 in the file",
    }


@pytest.fixture
def impersonated(world, system):
    """Let the timelock act without waiting; put back what the test changed through it."""
    node, timelock = world.private("l2"), system.timelock
    node("anvil_impersonateAccount", timelock.address)
    node("anvil_setBalance", timelock.address, hex(10**18))
    lens = system.lens.address
    code = node("eth_getCode", lens, "latest")

    def act(contract: Contract, function: str, *arguments: Any) -> None:
        data = "0x" + contract.encode(function, *arguments).hex()
        call = {"from": timelock.address, "to": contract.address, "data": data}
        sent = unhex(node("eth_sendTransaction", call))
        assert world.l2.wait_for_receipt(sent, timeout=30)["status"] == "0x1"

    yield act
    act(system.vault, "transfer_ownership", ZERO_ADDRESS)
    act(timelock, "grantRole", timelock.call("PROPOSER_ROLE"), people()[0].address)
    act(system.feed, "set_par_market", 32)
    node("anvil_setCode", lens, code)
    node("anvil_stopImpersonatingAccount", timelock.address)


def test_the_check_tells_ownership_that_moves_roles_and_other_code(
    world, run, system, impersonated
):
    deployer = people()[0].address
    impersonated(system.vault, "transfer_ownership", STRANGER)
    proposer = system.timelock.call("PROPOSER_ROLE")
    impersonated(system.timelock, "revokeRole", proposer, deployer)
    impersonated(system.feed, "set_par_market", 1)
    world.private("l2")("anvil_setCode", system.lens.address, "0x00")
    lines = run("deploy", "--check").stdout.splitlines()
    assert f"Vault pending owner: {STRANGER} on chain, {ZERO_ADDRESS} in the file" in lines
    assert "PriceFeed par market: 1 on chain, none in the file" in lines
    assert (
        f"Timelock roles of {deployer}: canceller on chain, proposer, canceller in the file"
        in lines
    )
    assert "Lens code: other code on chain than in the file" in lines


class TestDeployCommand:
    def test_a_second_run_has_nothing_to_do(self, run):
        assert "has a deployment already" in run("deploy").stderr

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            ("--check --anew", "--check, --dry-run and --anew are given together"),
            ("--accept", "--accept is given without --check"),
            ("--account 12", "the local network has no account 12"),
            ("--network op-sepoli", "did you mean op-sepolia?"),
        ],
    )
    def test_bad_input_is_told_in_a_sentence(self, run, words, message):
        done = run("deploy", *words.split(), *(["--dry-run"] if "account" in words else []))
        assert done.exit_code == 1
        assert message in done.stderr

    def test_a_dry_run_shows_everything_and_sends_nothing(self, run, system):
        before = system.timelock.chain.next_nonce(people()[0].address)
        shown = run("deploy", "--dry-run").stdout
        for word in ("PerpetualMarket", "L1Gateway", "max_skew", "kink", "a mock", "publishers"):
            assert word in shown
        assert system.timelock.chain.next_nonce(people()[0].address) == before
