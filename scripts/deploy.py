"""`ape run deploy`: everything on a pair of networks, and whether it is still so."""

import click

from clearway.deploying import record
from clearway.deploying.building import CONTRACTS, OWNED, layer_of
from clearway.deploying.compiled import Codes, creation_gas
from clearway.deploying.deployer import Deployer
from clearway.deploying.settings import Settings
from clearway.deployments import Deployment, deploy_command, file_of
from clearway.opstack.errors import BadInput
from clearway.opstack.text import amount, duration
from clearway.parameters import MarketParameters, PoolParameters, VaultLimits, show_ratio
from clearway.shell.commands import FAILED, BridgeGroup, Session, connected, example, tell
from clearway.shell.tables import show_facts, show_table


@click.group(
    cls=BridgeGroup,
    invoke_without_command=True,
    subcommand_metavar="",
    short_help="Put everything on a pair of networks",
    epilog=example(
        "ape run deploy",
        "ape run deploy --network op-sepolia --account deployer --dry-run",
        "ape run deploy --check",
    ),
)
@click.option("--check", is_flag=True, help="Deploy nothing; tell what differs from the file.")
@click.option("--accept", is_flag=True, help="With --check: write what was found into the file.")
@click.option("--dry-run", is_flag=True, help="Send nothing; show what would be deployed and set.")
@click.option("--anew", is_flag=True, help="Deploy once more beside what there is.")
@connected(account=True)
def cli(session: Session, check: bool, accept: bool, dry_run: bool, anew: bool) -> None:
    """Deploy Clearway on an L1 and its L2, as deployments/NETWORK.toml and markets/ say.

    Killed, it goes on where it was when it is run again. At its end the timelock owns everything,
    and deployments/NETWORK.json says what is where; a local network needs no options. --check
    compares that file with the chains: a line for each difference, and exit status 1 for any.
    """
    if sum((check, dry_run, anew)) > 1:
        raise BadInput("--check, --dry-run and --anew are given together", "give one of them")
    if accept and not check:
        raise BadInput("--accept is given without --check", "give both")
    if check:
        _check(session, accept=accept)
    elif dry_run:
        _show_plan(session)
    else:
        _deploy(session, anew=anew)


def _deploy(session: Session, *, anew: bool) -> None:
    network = session.network
    if not anew and _is_deployed(session):
        faults = record.drift(record.read(network), session.rollup)
        again = f"`{deploy_command(network)} --check` says in what" if faults else "nothing to do"
        tell(
            f"{network.name} has a deployment already" + (", and differs from it" if faults else "")
        )
        tell(f"{again}; --anew deploys once more")
        return
    Settings.of(network)  # refused before a passphrase is asked for
    l1, l2 = session.sender(session.rollup.l1), session.sender(session.rollup.l2)
    path = Deployer(network, session.rollup, l1, l2, tell).deploy(anew=anew)
    deployment = Deployment.of(network)
    show_table(
        ("contract", "on", "address"),
        [(name, layer_of(name), address) for name, address in deployment.addresses.items()],
    )
    show_facts(
        [
            ("token", f"{deployment.token.l1_token} on L1, {deployment.token.l2_token} on L2"),
            ("markets", ", ".join(listed.name for listed in deployment.markets)),
            ("owner", "the timelock, of everything; the deployer holds nothing"),
            ("file", str(path)),
        ]
    )


def _is_deployed(session: Session) -> bool:
    """Tell whether this very network has a deployment; another's file is written over."""
    if not file_of(session.network).exists():
        return False
    try:
        Deployment.of(session.network)
    except BadInput:
        return False
    return True


def _check(session: Session, *, accept: bool) -> None:
    network = session.network
    Deployment.of(network)
    written = record.read(network)
    faults = record.drift(written, session.rollup)
    for fault in faults:
        click.echo(fault)
    if not faults:
        tell(f"{network.name} is as {file_of(network)} says")
    elif accept:
        tell(f"written into {record.write(network, record.accepted(written, session.rollup))}")
    else:
        click.get_current_context().exit(FAILED)


def _show_plan(session: Session) -> None:
    network = session.network
    settings = Settings.of(network)
    file = settings.file
    codes = Codes.of(CONTRACTS, tell)
    gas = {name: creation_gas(codes.plain(name)) for name in CONTRACTS}
    show_table(
        ("contract", "on", "gas about", "owner"),
        [
            (name, layer_of(name), f"{gas[name]:,}", "timelock" if name in OWNED else "nobody")
            for name in CONTRACTS
        ],
    )
    click.echo(f"in all about {sum(gas.values()):,} gas\n")
    token = file.token
    made = f"a test token with {token.test_decimals} decimals"
    show_facts(
        [
            ("network", f"{network.name}, portal {network.portal}"),
            ("account", session.account),
            ("token", made if token.test_decimals else f"{token.l1_token} on L1"),
            ("its pair", token.l2_token or "made by the chain's factory"),
            ("guardian", file.guardian),
            ("proposers", "\n".join(file.proposers)),
            ("delay", duration(file.delay)),
            ("publishers", "\n".join(file.feed.in_order)),
            ("quorum", str(file.feed.quorum)),
            ("tile", duration(file.feed.tile_length)),
            *((name, VaultLimits.show(name, value)) for name, value in file.vault.values().items()),
            *(
                (name, PoolParameters.show(name, value))
                for name, value in file.pool.values().items()
            ),
        ]
    )
    click.echo()
    show_table(
        ("parameter", *(market.name for market in settings.markets)),
        [
            (name, *(market.parameters.values_shown()[name] for market in settings.markets))
            for name in MarketParameters.model_fields
        ],
    )
    click.echo()
    show_table(
        ("market", "aggregator", "heartbeat", "deviation", "believed"),
        [
            (
                market.name,
                one.address or "a mock",
                duration(one.heartbeat),
                show_ratio(one.deviation),
                f"{amount(market.price.lowest)} to {amount(market.price.highest)}",
            )
            for market in settings.markets
            if (one := file.aggregators.get(market.name))
        ],
    )
