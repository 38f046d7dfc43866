from hypothesis import given
from hypothesis import strategies as st

from clearway.spec import bits


@given(word=st.integers(0, 2**32 - 1) | st.sampled_from([0, 1, 2**31, 2**32 - 1]))
def test_count_equals_the_spec(contract, word):
    assert contract._count(word) == bits.count(word)
