"""How long things take on the local chains: as they do live, or short enough to watch."""

from dataclasses import dataclass

from clearway.devnet.errors import DevnetError


@dataclass(frozen=True)
class Profile:
    """Delays of a local bridge, all in seconds.

    All but the last three are constructor arguments of the real contracts, which enforce them.
    """

    name: str
    proof_maturity: int
    """Least age of a withdrawal's proof when it is finalized."""
    game_finality: int
    """Least time between a game's resolution and a finalization that relies on it."""
    max_clock: int
    """How long a claim stands unanswered before it can be resolved."""
    clock_extension: int
    """What a late answer adds to the other side's clock."""
    weth_delay: int
    """How long a bond stays locked after its claim is resolved."""
    l1_block_time: int
    l2_block_time: int
    sequencing_window: int
    """The longest a sequencer may leave a deposit out of L2: 3,600 L1 blocks live."""


REAL = Profile(
    name="real",
    proof_maturity=604_800,
    game_finality=302_400,
    max_clock=302_400,
    clock_extension=10_800,
    weth_delay=604_800,
    l1_block_time=12,
    l2_block_time=2,
    sequencing_window=43_200,
)

SHORT = Profile(
    name="short",
    proof_maturity=12,
    game_finality=4,
    max_clock=8,
    clock_extension=2,
    weth_delay=5,
    l1_block_time=1,
    l2_block_time=1,
    sequencing_window=20,
)

PROFILES = {profile.name: profile for profile in (REAL, SHORT)}


def profile_named(name: str) -> Profile:
    """Return the profile with this name; DevnetError lists the names if there is none."""
    if name not in PROFILES:
        raise DevnetError(f"There is no profile '{name}'; use one of: {', '.join(PROFILES)}.")
    return PROFILES[name]
