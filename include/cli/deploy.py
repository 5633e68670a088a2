"""`ratchet deploy`, `image`: the model server in containers, on a Docker engine."""

import time
from typing import Annotated

import typer

from include.cli.console import DEFAULT_USE_CASE, ModelName, print_error, report_errors, takes_horizon
from ml.errors import RatchetError

Network = Annotated[str | None, typer.Option(help="The Docker network of image builds; Docker's default if omitted.")]
_POLL_SECONDS = 1.0


@takes_horizon
@report_errors
def deploy(
    use_case: ModelName = DEFAULT_USE_CASE,
    port: Annotated[int, typer.Option(help="The server's port on 127.0.0.1.")] = 8000,
    build_network: Network = None,
    join_network: Annotated[
        str | None, typer.Option(help="A network with a running front server: deploy only the challenger, on it.")
    ] = None,
    once: Annotated[bool, typer.Option(help="Apply the routing once, and exit.")] = False,
    remove: Annotated[bool, typer.Option(help="Remove the containers, and exit.")] = False,
) -> None:
    """Make containers follow the routing until stopped; the containers keep running afterwards."""
    from include import usecases
    from include.platform.docker import engine
    from include.platform.docker.deployer import Deployer
    from include.settings import load_settings

    name = usecases.get(use_case).name
    deployer = Deployer(engine.connect(), name, load_settings(), port, build_network, join_network)
    if remove or once:
        for sentence in deployer.remove() if remove else deployer.reconcile():
            typer.echo(sentence)
        return
    last_error = ""
    while True:
        try:
            for sentence in deployer.reconcile():
                typer.echo(sentence)
            last_error = ""
        except Exception as error:  # noqa: BLE001 - a deployer that stopped would never follow a rollback
            sentence = str(error) if isinstance(error, RatchetError) else f"{error!r}: tried again until it succeeds"
            if sentence != last_error:
                print_error(RatchetError(sentence))
            last_error = sentence
        time.sleep(_POLL_SECONDS)


@takes_horizon
@report_errors
def image(
    use_case: ModelName = DEFAULT_USE_CASE,
    package: Annotated[str, typer.Option(help="The digest of a package; the champion's if omitted.")] = "",
    build_network: Network = None,
) -> None:
    """Build an image that serves one package, and print its name and the digest of its files."""
    from include import usecases
    from include.platform.docker import engine, file_digest, images
    from include.settings import load_settings
    from include.stores import routing_store

    settings = load_settings()
    digest = package or routing_store.current(usecases.get(use_case).name, settings).champion
    client = engine.connect()
    name = images.package(client, digest, settings, build_network)
    typer.echo(f"{name} serves the package {digest}; the digest of its files is {file_digest.digest(client, name)}")
