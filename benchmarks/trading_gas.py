"""What deposits, orders and fills cost, in gas, beside the least that they could.

Steady state: every slot and position was used before, the market is open on both sides, the keeper
is known, and time passes between any two actions, so that funding and borrowing accrue each time.
"""

from collections.abc import Sequence
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak

from benchmarks.market_gas import (
    CHAIN_ID,
    NOBODY,
    READ,
    WAD,
    WORD,
    WRITE,
    Bench,
    Cost,
    log_cost,
    transaction_cost,
)
from clearway.opstack.abi import Function
from clearway.opstack.addresses import Address
from clearway.opstack.messages import tohex

MOST = 50  # orders of a batch
SIZE = 10 * WAD
UNIT = 10**6  # of the token
MARGIN, CASH = 200_000 * UNIT, 100_000_000 * UNIT
KEEPER_FEE = WAD // 10
COOLDOWN = 900  # seconds
THIN_MARGIN = 1_200 * UNIT  # of who is to be liquidated: some 17-fold leverage
PRICE = 2_000 * WAD
GAS = 12_000_000

MARKET = (
    300_000 * WAD,  # skew scale
    4_000 * WAD,  # premium cap
    2 * 10**14,  # maker fee
    6 * 10**14,  # taker fee
    9 * WAD,  # max velocity
    WAD // 10,  # funding cap
    5 * 10**16,  # initial ratio
    5 * 10**9,  # initial slope
    25 * 10**15,  # maintenance ratio
    25 * 10**8,  # maintenance slope
    WAD // 2,  # profit ratio
    50_000 * WAD,  # max open interest
    4_000 * WAD,  # max skew
    100 * WAD,  # min notional
    WAD // 5,  # risk weight
    WAD // 100,  # penalty
    20_000 * WAD,  # insurance limit
)
POOL = (
    8 * 10**17,  # kink
    10**15,  # rate at the kink
    2 * 10**15,  # rate at full use
    9 * 10**17,  # most use
    WAD // 5,  # insurance share
    WAD // 5,  # buffer
    WAD // 10,  # least reward
    WAD // 2,  # most reward
    600,  # reward ramp
    50 * WAD,  # most cost
)

MINT = Function("mint(address,uint256)")
APPROVE = Function("approve(address,uint256)")
SET_POOL = Function(f"set_pool(({','.join(['uint256'] * len(POOL))}))")
SET_MARKET = Function(f"set_market(uint256,({','.join(['uint256'] * len(MARKET))}))")
LIQUIDATE = Function("liquidate(uint256,address)")
LIQUIDATE_ALL = Function("liquidate(uint256[])")
ACCOUNT_WORD = Function("account_word(uint256)")
ENTER = Function("deposit(uint256,address)")
REQUEST = Function("requestRedeem(uint256,address,address)")
PROCESS = Function("process(uint256)")
CLAIM = Function("redeem(uint256,address,address)")
DEPOSIT = Function("deposit(uint256,uint256)")
WITHDRAW = Function("withdraw(uint256,uint256,address)")
PLACE = Function("place(uint256,uint256,uint256,int256,uint256,bool,uint256)")
EXECUTE = Function("execute(uint256,uint256[])")
EXECUTE_ONE = Function("execute_one(uint256)")
BRING_ONE = Function(
    "submit_and_execute_one(uint256,uint256[],address[],(bytes32,bytes32)[],uint256)"
)

# Words that no program could leave out
ORDER_LOG = log_cost(topics=3, data=6 * WORD)
MARKET_WORDS, POOL_WORDS, ACCOUNT_WORDS, POSITION_WORDS, ORDER_WORDS = 3, 1, 1, 1, 1
PARAMETER_WORDS = 3  # two of the market's, one of the pool's


def account_of(trader: LocalAccount) -> int:
    """Return the name of a trader's first account."""
    return int(trader.address, 16) << 96


class Trading:
    """A market on a bench, and those who trade in it."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        keys = [Account.from_key(keccak(text=f"trader {number}")) for number in range(MOST + 2)]
        ordered = sorted(keys[:MOST], key=lambda key: int(key.address, 16))
        self.traders, self.keeper, self.short = ordered, keys[MOST], keys[MOST + 1]
        self.token = bench.create("mocks/TestToken.vy", ("uint8",), 6)
        costs = bench.create(
            "l2/KeeperCosts.vy", ("address", "uint256", "address"), bench.feed, 0, NOBODY
        )
        owner = bench.owner.address
        self.orders, configuration, self.vault = bench.next_addresses(1, 2, 3)
        self.market = bench.create(
            "l2/PerpetualMarket.vy",
            ("address",) * 7,
            self.token,
            bench.feed,
            costs,
            self.orders,
            configuration,
            self.vault,
            NOBODY,
        )
        bench.create("l2/OrderBook.vy", ("address", "address"), self.market, bench.feed)
        bench.create("l2/Configuration.vy", ("address", "address"), self.market, owner)
        bench.create(
            "l2/Vault.vy",
            ("address", "address", "address", "uint256", "uint256", "uint256"),
            self.market,
            bench.feed,
            owner,
            COOLDOWN,
            WAD,
            10**10 * WAD,
        )
        self.keepers = bench.create("l2/LiquidationKeeper.vy", ("address",), self.market)
        bench.run(configuration, SET_POOL, POOL)
        for number in range(3):
            bench.run(configuration, SET_MARKET, number, MARKET)
        bench.run(self.token, MINT, owner, 2 * CASH)
        bench.run(self.token, APPROVE, self.vault, 2 * CASH)
        bench.run(self.vault, ENTER, CASH, owner)

    def measure(self) -> None:
        """Count everything, each kind when its words are in use."""
        self._fund()
        self.bench.submit(self.bench.report([0, 1, 2, 3], price=PRICE))
        one = self.traders[0]
        self._trade([self.short], -SIZE * 20)
        self.bench.costs["place, fresh slot"] = self._place_cost(one, 17_100 + WRITE)
        self._execute([one])
        self._trade(self.traders, SIZE)  # every slot and every position is used once
        self._trade(self.traders[1:], -SIZE)
        self._trade([one], -2 * SIZE)
        self.bench.costs["place, used slot"] = self._place_cost(one, WRITE)
        self._count("execute, new", [one])
        for name, size in (("increase", SIZE), ("reduce", -SIZE), ("close", -SIZE)):
            self._place([one], size)
            self._count(f"execute, {name}", [one])
        self._place([one], SIZE)
        self._count("execute, new, with its report", [one], brings_report=True)
        self._place([one], SIZE)
        self._count("execute, increase, by its owner", [one], keeper=one)
        for number in (1, 2):
            for size in (SIZE, -SIZE, SIZE):
                self._trade([one], size, number)
        self._place([one], SIZE)
        self._count("execute, increase, account in 3 markets", [one], others=2)
        self._deposit_and_withdraw(one)
        self._enter_and_leave()
        for number, size in ((0, -3 * SIZE), (1, -SIZE), (2, -SIZE)):
            self._trade([one], size, number)
        for many in (10, MOST):
            batch = self.traders[:many]
            for name, size in (("new", SIZE), ("increase", SIZE), ("close", -2 * SIZE)):
                self._place(batch, size)
                self._count(f"execute, {name}, batch of {many}, each", batch)
        self._liquidate()
        self._liquidate_together()

    def _fund(self) -> None:
        for who in (*self.traders, self.short, self.keeper):
            self.bench.rpc("anvil_setBalance", who.address, hex(1_000 * WAD))
            self.bench.run(self.token, MINT, who.address, 2 * MARGIN)
        everyone = [*self.traders, self.short, self.keeper]
        self._together([(who, self.token, APPROVE, (self.market, 2 * MARGIN)) for who in everyone])
        self._together([(who, self.market, DEPOSIT, (account_of(who), MARGIN)) for who in everyone])

    def _deposit_and_withdraw(self, one: LocalAccount) -> None:
        account = account_of(one)
        calls = {
            "deposit margin": (DEPOSIT, (account, UNIT), 2 + 3, 1),
            "withdraw, 3 markets open": (WITHDRAW, (account, UNIT, one.address), 2 + 3, 3 * 6),
        }
        for name, (function, arguments, writes, reads) in calls.items():
            self.bench.submit(self.bench.report([0, 1, 2, 3], price=PRICE))
            (gas,) = self._together([(one, self.market, function, arguments)])
            floor = transaction_cost(function.encode(*arguments)) + writes * WRITE + reads * READ
            self.bench.costs[name] = Cost(gas, floor + 2 * log_cost(topics=3, data=WORD))

    def _enter_and_leave(self) -> None:
        """Have a provider of the vault bring more and take some out, while 3 markets are open."""
        owner = self.bench.owner.address
        reads = 3 * (MARKET_WORDS + 1) + 2  # each market's words and first parameters; the pool's
        for name, function, arguments, writes in (
            ("vault: deposit", ENTER, (1_000 * UNIT, owner), 2 + 1 + 2 + 1),
            ("vault: request", REQUEST, (100 * WAD, owner, owner), 2 + 3),
            ("vault: process", PROCESS, (1,), 6),
            ("vault: claim", CLAIM, (50 * WAD, owner, owner), 2 + 3),
        ):
            for counted in (False, True):  # once for the first time, and once in use
                if function is PROCESS:
                    self.bench.pass_time(COOLDOWN)
                self.bench.submit(self.bench.report([0, 1, 2, 3], price=PRICE))
                gas = self.bench.run(self.vault, function, *arguments)
                if function is REQUEST and not counted:
                    self.bench.pass_time(COOLDOWN)
                    self.bench.submit(self.bench.report([0, 1, 2, 3], price=PRICE))
                    self.bench.run(self.vault, PROCESS, 1)
                if function is PROCESS and not counted:
                    self.bench.run(self.vault, REQUEST, 100 * WAD, owner, owner)
                if counted:
                    floor = transaction_cost(function.encode(*arguments)) + writes * WRITE
                    floor += log_cost(topics=3, data=2 * WORD)
                    if function in (ENTER, PROCESS):
                        floor += reads * READ
                    self.bench.costs[name] = Cost(gas, floor)

    def _liquidate(self) -> None:
        """Close a part of an account that a fall of the price takes below maintenance."""
        thin = Account.from_key(keccak(text="a trader with a thin margin"))
        self.bench.rpc("anvil_setBalance", thin.address, hex(1_000 * WAD))
        for left in (960, 955):  # per mille; once for the first time, and once in use
            self.bench.run(self.token, MINT, thin.address, THIN_MARGIN)
            self._together([(thin, self.token, APPROVE, (self.market, THIN_MARGIN))])
            self._together([(thin, self.market, DEPOSIT, (account_of(thin), THIN_MARGIN))])
            self._trade([thin], SIZE)
            self.bench.submit(self.bench.report([0, 1, 2, 3], price=PRICE * left // 1_000))
            arguments = (account_of(thin), self.keeper.address)
            (gas,) = self._together([(self.keeper, self.market, LIQUIDATE, arguments)])
            writes = MARKET_WORDS + POOL_WORDS + 2 * ACCOUNT_WORDS + POSITION_WORDS
            floor = transaction_cost(LIQUIDATE.encode(*arguments)) + writes * WRITE
            floor += (PARAMETER_WORDS + 1) * READ + 2 * log_cost(topics=3, data=4 * WORD)
            self.bench.costs["liquidate, 1 market"] = Cost(gas, floor)

    def _liquidate_together(self) -> None:
        """Close a part of each of many accounts that one fall of the price takes."""
        withdrawals = []
        for who in self.traders:
            word = int(self.bench.rpc("eth_call", self._ask_word(who), "latest"), 16)
            margin = word % 2**96 // 10**12  # it is above zero
            amount = margin - THIN_MARGIN
            withdrawals.append((who, self.market, WITHDRAW, (account_of(who), amount, who.address)))
        self._together(withdrawals)
        self._trade(self.traders, SIZE)
        self.bench.submit(self.bench.report([0, 1, 2, 3], price=PRICE * 960 // 1_000))
        accounts = ([account_of(who) for who in self.traders],)
        (gas,) = self._together([(self.keeper, self.keepers, LIQUIDATE_ALL, accounts)])
        each = (ACCOUNT_WORDS + POSITION_WORDS) * WRITE
        each += log_cost(topics=3, data=5 * WORD) + log_cost(topics=3, data=3 * WORD)
        shared = (MARKET_WORDS + POOL_WORDS + ACCOUNT_WORDS) * WRITE
        floor = transaction_cost(LIQUIDATE_ALL.encode(*accounts)) + shared + MOST * each
        floor += (PARAMETER_WORDS + 1) * READ
        assert gas > floor, "some were not liquidated"
        name = f"liquidate, 1 market, batch of {MOST}, each"
        self.bench.costs[name] = Cost(gas // MOST, floor // MOST)

    def _ask_word(self, trader: LocalAccount) -> dict[str, str]:
        return {"to": self.market, "data": tohex(ACCOUNT_WORD.encode(account_of(trader)))}

    # Orders

    def _trade(self, traders: Sequence[LocalAccount], size: int, market: int = 0) -> None:
        self._place(traders, size, market)
        self._execute(traders, market)

    def _order(self, size: int, trader: LocalAccount, market: int = 0) -> tuple[Any, ...]:
        limit = PRICE * (102 if size > 0 else 98) // 100
        return account_of(trader), 0, market, size, limit, False, KEEPER_FEE

    def _place(self, traders: Sequence[LocalAccount], size: int, market: int = 0) -> list[int]:
        calls = [(who, self.orders, PLACE, self._order(size, who, market)) for who in traders]
        gas = self._together(calls)
        self.bench.pass_time(1)
        return gas

    def _place_cost(self, trader: LocalAccount, slot: int) -> Cost:
        """Place one order; `slot` is what writing its word takes."""
        (gas,) = self._place([trader], SIZE)
        calldata = PLACE.encode(*self._order(SIZE, trader))
        floor = transaction_cost(calldata) + slot + WRITE + 3 * READ
        return Cost(gas, floor + log_cost(topics=3, data=9 * WORD))

    def _execute(
        self,
        traders: Sequence[LocalAccount],
        market: int = 0,
        brings_report: bool = False,
        keeper: LocalAccount | None = None,
    ) -> tuple[int, bytes]:
        """Execute the traders' orders; return the gas and the calldata."""
        ids = [account_of(trader) for trader in traders]
        report = self.bench.report([0, 1, 2, 3], price=PRICE)
        function: Function = EXECUTE_ONE
        arguments: tuple[Any, ...] = (ids[0],)
        if brings_report:
            function, arguments = BRING_ONE, (*self.bench.arguments(report), ids[0])
        else:
            self.bench.submit(report)
            if len(ids) > 1:
                function, arguments = EXECUTE, (market, ids)
        (gas,) = self._together([(keeper or self.keeper, self.orders, function, arguments)])
        return gas, function.encode(*arguments)

    def _count(
        self,
        name: str,
        traders: Sequence[LocalAccount],
        *,
        others: int = 0,
        brings_report: bool = False,
        keeper: LocalAccount | None = None,
    ) -> None:
        """Execute placed orders and count the gas of each; `others` are further markets held."""
        gas, calldata = self._execute(traders, brings_report=brings_report, keeper=keeper)
        each = (
            (ACCOUNT_WORDS + POSITION_WORDS + ORDER_WORDS) * WRITE
            + ORDER_LOG
            + others * (MARKET_WORDS + 2 + POSITION_WORDS) * READ
        )
        shared = (MARKET_WORDS + POOL_WORDS) * WRITE + (PARAMETER_WORDS + 1) * READ
        if keeper is None:
            shared += ACCOUNT_WORDS * WRITE
        floor = transaction_cost(calldata) + shared + len(traders) * each
        if brings_report:
            floor += 3 * 3_100 + READ + WRITE
        self.bench.costs[name] = Cost(gas // len(traders), floor // len(traders))

    def _together(
        self, calls: Sequence[tuple[LocalAccount, Address, Function, tuple[Any, ...]]]
    ) -> list[int]:
        """Send one call of each of some accounts, all in one block; return their gas."""
        rpc = self.bench.rpc
        rpc("evm_setAutomine", False)
        hashes = []
        for signer, to, function, arguments in calls:
            nonce = rpc("eth_getTransactionCount", signer.address, "latest")
            fields: dict[str, Any] = {
                "type": 2,
                "chainId": CHAIN_ID,
                "nonce": int(nonce, 16),
                "maxFeePerGas": 10**11,
                "maxPriorityFeePerGas": 10**6,
                "to": to,
                "data": function.encode(*arguments),
                "gas": 500_000 if len(calls) > 1 else GAS,
            }
            raw = signer.sign_transaction(fields).raw_transaction
            hashes.append(rpc("eth_sendRawTransaction", tohex(raw)))
        self.bench.pass_time(1)
        rpc("evm_setNextBlockTimestamp", hex(self.bench.now))
        rpc("evm_mine")
        rpc("evm_setAutomine", True)
        receipts = [rpc("eth_getTransactionReceipt", one) for one in hashes]
        for (_, _, function, _), receipt in zip(calls, receipts, strict=True):
            if receipt is None or int(receipt["status"], 16) != 1:
                raise RuntimeError(f"{function.name} failed on the bench")
        return [int(receipt["gasUsed"], 16) for receipt in receipts]
