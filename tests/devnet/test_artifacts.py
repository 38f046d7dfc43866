import pytest

from clearway.devnet import artifacts
from clearway.devnet.artifacts import init_code, runtime, storage_places
from clearway.devnet.errors import DevnetError

VAULT = {"RECIPIENT": 0xBEEF, "MIN_WITHDRAWAL_AMOUNT": 10**18, "WITHDRAWAL_NETWORK": 0}


def test_creation_code_ends_with_the_runtime_code():
    assert runtime("Proxy") in init_code("Proxy")


def test_inherited_immutables_are_put_into_the_code():
    code = runtime("L1FeeVault", VAULT)
    bare = runtime("L1FeeVault", dict.fromkeys(VAULT, 0))
    changed = {i // 32 for i, (a, b) in enumerate(zip(code, bare, strict=True)) if a != b}
    assert len(code) == len(bare)
    assert changed
    assert (0xBEEF).to_bytes(32, "big") in code
    assert (10**18).to_bytes(32, "big") in code


@pytest.mark.parametrize("given", [{}, {"RECIPIENT": 1}, VAULT | {"OTHER": 1}])
def test_immutables_must_be_given_exactly(given):
    with pytest.raises(KeyError, match="MIN_WITHDRAWAL_AMOUNT"):
        runtime("L1FeeVault", given)


def test_storage_is_found_by_name():
    places = storage_places("L2CrossDomainMessenger")
    assert places["_initialized"] == (0, 20)
    assert places["otherMessenger"] == (207, 0)


def test_a_missing_package_says_what_to_run(monkeypatch, tmp_path):
    monkeypatch.setattr(artifacts, "NODE_MODULES", tmp_path)
    with pytest.raises(DevnetError, match=r"Proxy of .*contracts-bedrock is missing: run `npm ci`"):
        init_code("Proxy")
