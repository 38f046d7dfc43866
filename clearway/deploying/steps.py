"""Steps of a deployment: each is one transaction, done once however often it is begun.

What a step did is in the journal. A deployment that was killed is simply run again: steps that were
done give their receipts, and the first that wasn't is sent.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rlp
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from clearway.devnet.folder import write_whole
from clearway.opstack.addresses import Address
from clearway.opstack.effects import Progress, purpose_of
from clearway.opstack.errors import BadInput, BridgeError
from clearway.opstack.sender import Creation, Sender, Transaction

KIND = "deploy"  # of purposes
ATTEMPTS = 3  # at steps whose addresses were predicted


@dataclass(frozen=True)
class Step:
    """A call, or without `to` the creation of a contract."""

    layer: str  # L1 or L2
    title: str
    data: bytes = field(repr=False)
    to: Address | None = None


class OutOfStep(BridgeError):
    """Another transaction of the account took a nonce that was meant for a step."""


def created_address(sender: str, nonce: int) -> Address:
    """Return the address of the contract that an account creates with a nonce."""
    return to_checksum_address(keccak(rlp.encode([bytes.fromhex(sender[2:]), nonce]))[-20:])


class Nonces:
    """The nonces that steps will have, counted on from the first of each layer."""

    def __init__(self, sender: Address, first: Mapping[str, int]) -> None:
        self.sender = sender
        self.first = dict(first)

    def address(self, layer: str, place: int) -> Address:
        """Return where the contract will be that is created `place` steps after the first."""
        return created_address(self.sender, self.first[layer] + place)


class Draft:
    """What must be remembered of a deployment on its way: the nonces that were planned."""

    def __init__(self, path: Path, identity: Mapping[str, str]) -> None:
        self.path = path
        self._facts: dict[str, Any] = {"identity": dict(identity), "nonces": {}}
        try:
            facts = json.loads(path.read_text())
        except (FileNotFoundError, ValueError):
            return
        if isinstance(facts, dict) and facts.get("identity") == identity:
            self._facts = facts

    def nonces(self, group: str) -> dict[str, int] | None:
        found = self._facts["nonces"].get(group)
        return dict(found) if found else None

    def remember(self, group: str, nonces: Mapping[str, int]) -> None:
        self._facts["nonces"][group] = dict(nonces)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self.path, json.dumps(self._facts, indent=2) + "\n")

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)


class Steps:
    """Takes steps on both chains by one account."""

    def __init__(self, senders: Mapping[str, Sender], draft: Draft, tell: Progress) -> None:
        self.senders = senders
        self.draft = draft
        self.tell = tell
        self.address = senders["L2"].address

    def take(self, step: Step) -> Mapping[str, Any]:
        """Do a step, unless it was done, and return its receipt."""
        return self._run(step, purpose_of(KIND, self.address, step.title, step.to, step.data))

    def take_in_order(
        self, group: str, plan: Callable[[Nonces], Sequence[Step]], layers: Sequence[str]
    ) -> tuple[Nonces, list[Mapping[str, Any]]]:
        """Take steps that name addresses predicted from nonces; return these and the receipts.

        A stranger among the account's transactions moves all addresses after it. Then the group
        begins anew, and what was made of it before is left behind, owned by nobody but the account.
        """
        first = self.draft.nonces(group)
        for attempt in range(ATTEMPTS):
            if first is None:
                first = {layer: self._next_nonce(layer) for layer in layers}
                self.draft.remember(group, first)
            try:
                nonces = Nonces(self.address, first)
                return nonces, self._take_by_plan(plan, nonces)
            except OutOfStep as error:
                first = None
                if attempt == ATTEMPTS - 1:
                    raise
                self.tell(f"{error.fact}; beginning the {group} anew")
        raise AssertionError("unreachable")

    def _take_by_plan(
        self, plan: Callable[[Nonces], Sequence[Step]], nonces: Nonces
    ) -> list[Mapping[str, Any]]:
        receipts = []
        places = dict.fromkeys(nonces.first, 0)
        for step in plan(nonces):
            nonce = nonces.first[step.layer] + places[step.layer]
            places[step.layer] += 1
            planned = sorted(nonces.first.items())
            purpose = purpose_of(KIND, self.address, step.title, step.to, step.data, planned)
            self._require_turn(step, purpose, nonce)
            receipt = self._run(step, purpose)
            is_elsewhere = step.to is None and to_checksum_address(
                receipt["contractAddress"]
            ) != created_address(self.address, nonce)
            if is_elsewhere:
                raise self._out_of_step(step)
            receipts.append(receipt)
        return receipts

    def _require_turn(self, step: Step, purpose: str, nonce: int) -> None:
        sender = self.senders[step.layer]
        signed = sender.journal.interrupted(purpose)
        if (signed.nonce if signed else self._next_nonce(step.layer)) != nonce:
            raise self._out_of_step(step)

    def _out_of_step(self, step: Step) -> OutOfStep:
        return OutOfStep(
            f"another transaction of {self.address} on {step.layer} came before {step.title}",
            "stop whatever else sends from this account, and run the same command again",
        )

    def _next_nonce(self, layer: str) -> int:
        sender = self.senders[layer]
        with sender.journal.acting():
            sender.recover()
            return sender.next_nonce()

    def _run(self, step: Step, purpose: str) -> Mapping[str, Any]:
        sender = self.senders[step.layer]
        is_new = sender.journal.interrupted(purpose) is None
        effect = (
            Transaction(purpose, step.to, step.data) if step.to else Creation(purpose, step.data)
        )
        try:
            receipt = sender.run(effect)
        except BridgeError as error:
            error.fact = f"{step.title} on {step.layer}: {error.fact}"
            error.advise(error.advice or "see why; the same command goes on from here")
            raise
        if is_new:
            self.tell(f"{step.layer}: {step.title}")
        return receipt

    def close(self) -> None:
        """Note that what was done so far was told, so that another deployment begins anew."""
        journal = self.senders["L2"].journal
        for signed in journal.mined_for(f"{KIND}:"):
            journal.report(signed.purpose)
        self.draft.discard()


def require_deployer(sender: Sender) -> None:
    """Refuse an account that is a contract: its nonce isn't counted in transactions."""
    if sender.chain.is_contract(sender.address):
        raise BadInput(
            f"{sender.address} is a contract on {sender.chain.name}", "deploy from a key's account"
        )
