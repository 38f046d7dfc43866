"""What is to be deployed, judged before anything is sent, without a node."""

import re
import tomllib
from pathlib import Path

import pytest

from clearway.deploying.settings import MARKETS, Settings, read_market
from clearway.deployments import FOLDER
from clearway.networks import known_networks
from clearway.opstack.errors import BadInput
from clearway.parameters import MarketParameters, PoolParameters, parse_ratio, show_ratio
from clearway.spec import parameter_words as bounds

LIVE = ("op-sepolia", "base-sepolia")
SAFE = "0xc0ffee254729296a45a3885639AC7E10F9d54979"
PUBLISHERS = [
    "0x5B38Da6a701c568545dCfcB03FcB875f56beddC4",
    "0xAb8483F64d9C6d1EcF9b849Ae677dD3315835cb2",
    "0x4B20993Bc481177ec7E8f571ceCaE8A9e22C02db",
]


def local() -> str:
    return (FOLDER / "local.toml").read_text()


def filled(name: str) -> str:
    """Return a live network's file with what its deployer has to give."""
    text = (FOLDER / f"{name}.toml").read_text()
    given = {
        'guardian = ""': f'guardian = "{SAFE}"',
        'proposers = [""]': f'proposers = ["{SAFE}"]',
        'publishers = ["", "", ""]': f"publishers = {PUBLISHERS}".replace("'", '"'),
        'boards = ["", "", ""]': f"boards = {['https://board.example'] * 3}".replace("'", '"'),
    }
    for blank, value in given.items():
        assert blank in text
        text = text.replace(blank, value)
    return text


def read(tmp_path: Path, text: str, *, is_local: bool = True) -> Settings:
    path = tmp_path / "network.toml"
    path.write_text(text)
    return Settings.read(path, is_local=is_local)


@pytest.mark.parametrize("name", sorted(path.stem for path in MARKETS.glob("*.toml")))
class TestMarkets:
    def test_are_within_the_contracts_bounds(self, name):
        bounds.check_market(read_market(name).parameters.values())

    def test_say_the_reason_for_each_number(self, name):
        """Above each stands a comment, which at most two have in common."""
        text = (MARKETS / f"{name}.toml").read_text().partition("[parameters]\n")[2]
        reasons = re.split(r"(?:^#.*\n)+", text, flags=re.M)
        assert reasons[0] == ""
        numbers = [reason.strip().splitlines() for reason in reasons[1:]]
        assert sum(map(len, numbers)) == len(MarketParameters.model_fields)
        assert all(1 <= len(lines) <= 2 for lines in numbers)

    def test_cost_less_to_close_than_margin_covers(self, name):
        p = read_market(name).parameters
        premium = -(-p.premium_cap * 10**18 // p.skew_scale)
        assert premium + p.taker_fee + p.penalty_ratio <= p.maintenance_ratio

    def test_are_as_they_are_shown(self, name):
        parameters = read_market(name).parameters
        assert MarketParameters.model_validate(parameters.values_shown()) == parameters


@pytest.mark.parametrize("name", LIVE)
class TestLiveNetworks:
    def test_are_whole_once_the_keys_are_given(self, tmp_path, name):
        settings = read(tmp_path, filled(name), is_local=False)
        assert [market.name for market in settings.markets] == ["ETH", "BTC", "SOL"]
        assert settings.file.feed.in_order == sorted(PUBLISHERS, key=lambda one: int(one, 16))

    def test_are_refused_while_something_is_left_to_be_given(self, name):
        with pytest.raises(BadInput, match="guardian: it is left to be given"):
            Settings.read(FOLDER / f"{name}.toml")

    @pytest.mark.parametrize("blank", ["proposers", "publishers"])
    def test_each_blank_is_asked_for(self, tmp_path, name, blank):
        text = re.sub(rf'^{blank} = \["0x\w+"', f'{blank} = [""', filled(name), flags=re.M)
        with pytest.raises(BadInput, match=rf"{blank}\.0: it is left to be given"):
            read(tmp_path, text, is_local=False)

    def test_have_a_network_of_their_name(self, name):
        assert name in known_networks()

    def test_take_no_mock(self, tmp_path, name):
        text = re.sub('address = "0x[^"]*"', 'mock_price = "3000"', filled(name), count=1)
        with pytest.raises(BadInput, match="has a mock for an aggregator"):
            read(tmp_path, text, is_local=False)

    def test_take_no_account_of_the_local_network(self, tmp_path, name):
        text = filled(name).replace(f'guardian = "{SAFE}"', 'guardian = "0"')
        with pytest.raises(BadInput, match="guardian: the address '0' is not an address"):
            read(tmp_path, text, is_local=False)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('guardian = "0"', 'guardain = "0"', "network.toml: guardian: "),
        ('guardian = "0"', 'guardian = "0x123"', "guardian: the address '0x123' is not an address"),
        (
            'l1_fee_oracle = "0x420000000000000000000000000000000000000F"',
            f'l1_fee_oracle = "{SAFE.replace("AC7E", "aC7E")}"',
            "keepers.l1_fee_oracle: .* has a wrong checksum",
        ),
        ('delay = "2d"', 'delay = "1d"', "delay: Input should be greater than or equal to 172800"),
        ('delay = "2d"', 'delay = "2 days"', "delay: .*is not a length of time"),
        ("quorum = 2", "quorum = 1", "feed: quorum is no majority"),
        ("quorum = 2", "quorum = 4", "feed: quorum over publishers"),
        ('["5", "6", "7"]', '["5", "5", "7"]', "feed: publishers not sorted"),
        (
            'tile_length = "1s"',
            'tile_length = "11s"',
            "feed.tile_length: .*less than or equal to 10",
        ),
        ("http://127.0.0.1:7750", "ftp://127.0.0.1:7750", r"feed.boards\.0: "),
        ('kink = "80 %"', 'kink = "100 %"', "pool: kink out of range"),
        ('kink = "80 %"', "kink = 0.8", "pool.kink: write it in quotes"),
        ('kink = "80 %"', 'kink = "0.8"', "pool.kink: .*is not a percentage"),
        ('kink = "80 %"', 'kink = "80.005 %"', "pool: parameter off its grid"),
        ('cooldown = "1h"', 'cooldown = "5m"', "vault: limit out of range"),
        ('heartbeat = "25h"', 'heartbeat = "26h"', "the aggregator of ETH: heartbeat out of range"),
        ('gas_market = "ETH"', 'gas_market = "DOGE"', "keepers.gas_market names DOGE, which isn't"),
        ('["ETH", "BTC", "SOL"]', '["ETH", "BTC"]', "aggregators names SOL, which isn't"),
        ('["ETH", "BTC", "SOL"]', '["ETH", "ETH", "BTC", "SOL"]', "one market is named twice"),
        ('["ETH", "BTC", "SOL"]', '["DOGE"]', "there is no market file DOGE.toml: there are BTC,"),
        ("test_decimals = 6", "", "token: give either l1_token or test_decimals"),
        (
            "test_decimals = 6",
            f'test_decimals = 6\nl1_token = "{SAFE}"',
            "token: give either l1_to",
        ),
        ("test_decimals = 6", f'test_decimals = 6\nl2_token = "{SAFE}"', "l2_token without l1_tok"),
        ('mock_price = "3000"', "", "aggregators.ETH: give either address or mock_price"),
        ("[vault]", "[vault", "network.toml can't be read"),
    ],
)
def test_bad_input_is_told_with_its_place(tmp_path, before, after, message):
    assert before in local()
    with pytest.raises(BadInput, match=message):
        read(tmp_path, local().replace(before, after, 1))


def test_a_network_without_a_file_is_told_which_there_are(tmp_path):
    with pytest.raises(BadInput, match=r"moon\.toml doesn't say what to deploy on moon") as caught:
        Settings.read(FOLDER / "moon.toml")
    assert "base-sepolia, local, op-sepolia" in caught.value.advice


def test_files_have_every_parameter_and_no_other():
    pool = tomllib.loads(local())["pool"]
    assert set(pool) == set(PoolParameters.model_fields)


@pytest.mark.parametrize(
    ("text", "ratio"), [("5 %", 5 * 10**16), ("0.02%", 2 * 10**14), ("0 %", 0)]
)
def test_a_ratio_is_a_percentage(text, ratio):
    assert parse_ratio(text) == ratio
    assert parse_ratio(show_ratio(ratio)) == ratio
