import pytest
from eth_abi import encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from clearway.opstack.errors import BadInput
from clearway.shell.calls import calldata, encode_call, parse_hash

ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@pytest.mark.parametrize(
    ("signature", "arguments", "values"),
    [
        ("stop()", [], []),
        ("ping(uint256)", ["5"], [5]),
        ("ping(uint256)", ["0x10"], [16]),
        ("f(int8)", ["-3"], [-3]),
        ("f(address,bool,string)", [ADDRESS, "false", "a b"], [ADDRESS, False, "a b"]),
        ("f(bytes,bytes4)", ["0x", "0x12345678"], [b"", b"\x12\x34\x56\x78"]),
        ("f(uint256[])", ["[1, 2, 3]"], [[1, 2, 3]]),
        ("f((address,bool)[2])", [f'[["{ADDRESS}", true], ["{ADDRESS}", false]]'], None),
        ("f( uint256 , bool )", ["1", "TRUE"], [1, True]),
    ],
)
def test_a_call_is_encoded_as_its_types_want_it(signature, arguments, values):
    plain = signature.replace(" ", "")
    if values is None:
        values = [[(ADDRESS, True), (ADDRESS, False)]]
    kinds = {"f((address,bool)[2])": ["(address,bool)[2]"]}.get(
        plain, [kind for kind in plain.partition("(")[2][:-1].split(",") if kind]
    )
    assert encode_call(signature, arguments) == keccak(text=plain)[:4] + encode(kinds, values)


def test_short_names_of_types_are_their_full_names():
    assert encode_call("f(uint,int[])", ["1", "[]"]) == encode_call(
        "f(uint256,int256[])", ["1", "[]"]
    )


@given(number=st.integers(0, 2**256 - 1))
def test_a_number_keeps_every_digit(number):
    expected = keccak(text="f(uint256[])")[:4] + encode(["uint256[]"], [[number]])
    assert encode_call("f(uint256[])", [f"[{number}]"]) == expected


@pytest.mark.parametrize(
    ("signature", "arguments", "sentence"),
    [
        ("ping", [], "not a function's signature"),
        ("ping(uint257)", ["1"], "a type that doesn't exist"),
        ("ping(thing)", ["1"], "a type that doesn't exist"),
        ("ping(uint256", ["1"], "not a function's signature"),
        ("ping(uint256)", [], "takes 1 arguments and 0 are given"),
        ("ping(uint256)", ["five"], "not of type uint256"),
        ("ping(uint256)", ["1.5"], "not of type uint256"),
        ("ping(uint8)", ["256"], "doesn't fit"),
        ("ping(uint256)", ["-1"], "doesn't fit"),
        ("ping(bool)", ["yes"], "not of type bool"),
        ("ping(address)", ["0x12"], "is not an address"),
        ("ping(bytes4)", ["0x1234567890"], "doesn't fit"),
        ("ping(uint256[])", ["1"], "give a JSON list"),
        ("ping(uint256[2])", ["[1]"], "doesn't fit"),
        ("ping((bool,bool))", ["[true]"], "not of type (bool,bool)"),
    ],
)
def test_a_bad_call_says_what_is_wrong(signature, arguments, sentence):
    with pytest.raises(BadInput) as caught:
        encode_call(signature, arguments)
    assert sentence in str(caught.value)
    assert caught.value.advice


def test_nothing_is_a_call_too():
    assert calldata(None, None, []) == b""


def test_arguments_want_a_function():
    with pytest.raises(BadInput, match="--arg is given without --call"):
        calldata(None, None, ["1"])


def test_a_hash_may_come_without_its_prefix():
    assert parse_hash("AB" * 32, "it") == parse_hash("0x" + "ab" * 32, "it") == b"\xab" * 32
