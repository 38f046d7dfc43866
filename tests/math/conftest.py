from pathlib import Path

import boa
import pytest

MATH = Path(__file__).resolve().parents[2] / "contracts" / "math"


@pytest.fixture(scope="module")
def contract(request):
    """Return the functions of the contract that the file of tests is named after."""
    name = request.path.stem.removeprefix("test_")
    return boa.load(str(MATH / f"{name}.vy")).internal
