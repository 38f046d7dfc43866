"""What somebody paid, from events written by hand."""

from clearway.history import Event
from clearway.story.facts import Person, Story
from clearway.story.page import write_page
from clearway.story.reading import fees_of, parts_of

ONE, OTHER = 1 << 96, 2 << 96


def event(name, **values):
    return Event(name, 1_800_000_000, values)


def placed(account, slot, keeper_fee):
    return event("OrderPlaced", account=account, slot=slot, order={"keeper_fee": keeper_fee})


def filled(account, slot, result, fee, premium):
    return event("OrderFilled", account=account, slot=slot, result=result, fee=fee, premium=premium)


EVENTS = [
    placed(ONE, 0, 7),
    placed(OTHER, 0, 11),
    filled(ONE, 0, result=-100, fee=5, premium=-3),
    placed(ONE, 1, 13),
    event("OrderFailed", account=ONE, slot=1, fee=17, earned=2),
    event("PositionLiquidated", account=ONE, result=-50, fee=1, premium=4),
    event("AccountLiquidated", account=ONE, penalty=19),
    event("BatchExecuted", market=0, keeper="0x1", price=1),
]


def test_each_payment_is_counted_once_under_its_name():
    assert parts_of(EVENTS, ONE) == {
        "trading": -150,
        "fees": -5 - 17 - 1,
        "premium": 3 - 4,
        "keepers": -7 - 2,
        "penalty": -19,
    }


def test_an_order_that_still_stands_has_paid_nobody():
    assert parts_of(EVENTS, OTHER) == {}


def test_fees_of_all_are_what_each_paid_and_no_result_of_a_trade():
    assert fees_of(EVENTS) == {"fees": 23, "premium": 1, "keepers": 9, "penalty": 19}


def test_a_page_shows_amounts_exactly_and_escapes_what_it_is_told(tmp_path):
    story = Story("<crash>", "TEST", 6, {}, {}, prices={"ETH": [(1, 10**18)]}, equity={})
    story.people = [
        Person(
            "Al & Co",
            "a trader",
            "0x1",
            1_000_000_000,
            999_999_999,
            10**18,
            10**18,
            {"fees": -2 * 10**12},
        )
    ]
    story.exits = []
    story.fees = {"fees": 3 * 10**12}
    write_page(story, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "1,000" in page
    assert "999.999999" in page
    assert "-0.000001" in page
    assert "-0.000002" in page
    assert ">0.000003<" in page
    assert "<crash>" not in page
    assert "Al &amp; Co" in page
