"""What a story comes to, in a terminal's tables."""

from clearway import numbers
from clearway.opstack.text import amount
from clearway.story.facts import Story
from clearway.story.telling import Teller


def show_end(story: Story, tell: Teller) -> None:
    """Show everybody's money, the fees, the solvency identity, gas, and what stands where."""
    tell.chapter("Everybody's money")
    tell.table(
        ("", f"brought, {story.token}", "has after", "difference", "gas, ETH"),
        [
            (
                one.name,
                amount(one.token_before, story.decimals),
                amount(one.token_after, story.decimals),
                amount(one.difference, story.decimals),
                numbers.ether(one.eth_before - one.eth_after),
            )
            for one in story.people
        ],
    )
    tell.chapter("What became of the difference")
    for one in story.people:
        parts = ", ".join(
            f"{what} {numbers.money(wads, signed=True)}" for what, wads in one.parts.items() if wads
        )
        tell.say(f"{one.name}: {parts}")
    tell.chapter("What everybody paid together")
    tell.facts(*((what, numbers.money(wads)) for what, wads in story.fees.items()))
    tell.chapter("Is it all there? Tokens held against what they stand behind, to the last unit")
    rows = [(name, numbers.exact(wads)) for name, wads in story.buckets.items()]
    tell.table(("", "quote"), [*rows, ("sum", numbers.exact(sum(story.buckets.values())))])
    tell.say(f"tokens held: {numbers.exact(story.held)}")
    tell.chapter("Gas")
    tell.table(
        ("", "times", "least", "most"),
        [
            (f"{one.chain} {one.action}", str(one.times), f"{one.least:,}", f"{one.most:,}")
            for one in story.gas
        ],
    )
    tell.chapter("What stands where")
    tell.facts(*story.contracts.items(), *((one.name, one.address) for one in story.people))
