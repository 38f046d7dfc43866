import pytest

from clearway.devnet.errors import DevnetError
from clearway.devnet.profiles import REAL, SHORT, profile_named


@pytest.mark.parametrize("profile", [REAL, SHORT])
def test_profiles_are_found_by_name(profile):
    assert profile_named(profile.name) is profile


def test_an_unknown_profile_is_refused_with_the_known_names():
    with pytest.raises(DevnetError, match=r"'fast'; use one of: real, short"):
        profile_named("fast")


@pytest.mark.parametrize("profile", [REAL, SHORT])
def test_a_late_answer_never_outlasts_the_clock(profile):
    # The games' constructor refuses anything else.
    assert profile.clock_extension <= profile.max_clock
