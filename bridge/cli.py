"""The command line: serve, demo, sandbox; the files `cli_…` beside it have the rest.

One of the two front desks that read settings, and the only one that opens the sandbox. What loads Flask, the database
or the sandbox is imported where it is needed, so that the light commands stay quick.
"""

from __future__ import annotations

import os
import signal
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import click

from bridge import __version__, running, serving, telling
from bridge.cli_agents import agents
from bridge.cli_agents_import import import_agents
from bridge.cli_api_keys import api_keys
from bridge.cli_calls import calls
from bridge.cli_calls_export import export
from bridge.cli_check import check
from bridge.cli_connections import ACTOR, admin, connections, load_or_exit, opened
from bridge.cli_coverage import coverage
from bridge.cli_database import database
from bridge.cli_journal import journal
from bridge.cli_keys import keys
from bridge.cli_newcomers import allow_agent, preview
from bridge.cli_numbers import numbers
from bridge.cli_places import departments, groups
from bridge.cli_sessions import sessions
from bridge.cli_signing import new_key, public_key, token
from bridge.core.errors import StoreUnavailable
from bridge.ops.diary import Diary
from bridge.ops.health import Board
from bridge.settings import EXAMPLES, SettingsError, config_folder, load
from bridge.telling import config_option

if TYPE_CHECKING:
    from flask import Flask
    from structlog.stdlib import BoundLogger

    from bridge.settings import Server, Settings

CONFIG_VARIABLE: Final = telling.CONFIG_VARIABLE
SANDBOX_VARIABLE: Final = "BRIDGE_SANDBOX_URL"
PLATFORM_VARIABLE: Final = "BRIDGE_SANDBOX_PLATFORM"
SANDBOX_THREADS: Final = 64
OPS_THREADS: Final = 4
_A_MONTH: Final = 30 * 86_400
_READ: Final[dict[Path, Settings]] = {}
"""What `serve` serves by: its workers are forked from it, and need not read and check the same file again."""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hotline-bridge")
def main() -> None:
    """Company sign-in for the hotline of Alibaba Cloud's Intelligent Contact Center."""


main.add_command(connections)
main.add_command(admin)
main.add_command(journal)
main.add_command(keys)
main.add_command(database)
main.add_command(sessions)
main.add_command(api_keys)
main.add_command(token)
main.add_command(agents)
main.add_command(groups)
main.add_command(departments)
main.add_command(numbers)
main.add_command(calls)
main.add_command(check)
agents.add_command(import_agents)
calls.add_command(export)
agents.add_command(coverage)
connections.add_command(preview)
connections.add_command(allow_agent)
keys.add_command(new_key)
keys.add_command(public_key)


# serve ---------------------------------------------------------------------------------------------------------------


@main.command()
@config_option
def serve(config: Path) -> None:
    """Run the production server."""
    settings = load_or_exit(config)
    for key, doubt in settings.doubts:
        click.echo(f"warning: {config}: {key}: {doubt}", err=True)
    server = settings.server
    address = running.listenable(server.host, server.port)
    if server.ops_address:
        running.listenable(*server.ops_address)
    os.environ[CONFIG_VARIABLE] = str(config.absolute())
    _READ[config.absolute()] = settings
    with tempfile.TemporaryDirectory(prefix="hotline-bridge-metrics-") as counts, ExitStack() as ending:
        if server.workers > 1 or server.ops_address:
            # Before the program is loaded: every process counts into files, any of them sums up.
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = counts
        _prepare_store(settings)
        board, desk = Board(), 0
        if server.ops_address:
            desk = ending.enter_context(serving.beside(partial(_serve_ops, *server.ops_address, board)))
        serving.serve_wsgi(
            "bridge.cli:bridge_of_worker",
            address,
            server.port,
            serving.Shape(server.workers, server.threads),
            drain=server.drain,
            board=board,
            renew=partial(_renewed, config.absolute(), server, desk),
            diary=_diary(public_url=settings.public_url, bind=server.bind),
        )


def _log() -> BoundLogger:
    import structlog  # noqa: PLC0415 — a tenth of a second, which the light commands do without

    log: BoundLogger = structlog.stdlib.get_logger("bridge")
    return log


def _diary(**facts: str) -> Diary:
    return Diary(_log(), {"release": __version__, **facts})


def _prepare_store(settings: Settings) -> None:
    from bridge.app import prepare_store  # noqa: PLC0415 — loads Flask and the database
    from bridge.ops.logs import configure_logs  # noqa: PLC0415 — likewise

    try:
        prepare_store(settings)
    except StoreUnavailable as refusal:
        raise running.CannotRun(f"store.database: {refusal}") from None
    configure_logs(settings.log.level, settings.log.format)


def _renewed(config: Path, first: Server, desk: int) -> serving.Shape | None:
    """Read the configuration anew; None, and the faults in the log, when it is faulty.

    Args:
        first: what the server was started with.
        desk: the process of `_serve_ops`, which reads it too; 0: none.
    """
    try:
        read = load(config, os.environ)
    except SettingsError as refusal:
        lines = str(refusal).splitlines()
        _log().error("reload_refused", reason="the configuration is faulty, the former goes on", faults=lines)
        return None
    new = read.server
    if (new.bind, new.ops_bind, new.drain) != (first.bind, first.ops_bind, first.drain):
        _log().warning("reload_incomplete", reason="server.bind, ops_bind and drain change at a restart only")
    former, _READ[config] = _READ[config], read
    return serving.Shape(new.workers, new.threads, partial(_settle, config, former, desk))


def _settle(config: Path, former: Settings, desk: int, *, are_ready: bool) -> None:
    """Keep what was read anew where workers started with it, and have the desk for probes read it; else the former."""
    if not are_ready:
        _READ[config] = former
    elif desk:
        with suppress(ProcessLookupError):
            os.kill(desk, signal.SIGHUP)


def _serve_ops(host: str, port: int, board: Board) -> None:
    """Run the desk for probes and scrapers, which knows from `board` how the server is."""
    shape = serving.Shape(threads=OPS_THREADS)
    serving.serve_wsgi(
        "bridge.cli:ops_of_worker",
        running.listenable(host, port),
        port,
        shape,
        told=board,
        diary=Diary(_log().bind(process="ops"), {"bind": f"{host}:{port}"}),
    )


def ops_of_worker() -> Flask:
    """Make the application for probes and scrapers in its one worker."""
    from bridge.app import ops_from_environment  # noqa: PLC0415 — loads Flask and the database

    serving.hear_signals()
    serving.end_with_parent()
    return ops_from_environment()


def bridge_of_worker() -> Flask:
    """Make the bridge in a worker; the configuration's path comes through the environment, and what it says with us."""
    from bridge.app import from_environment  # noqa: PLC0415 — loads Flask and the database

    serving.hear_signals()
    serving.end_with_parent()
    return from_environment(_READ.get(Path(os.environ[CONFIG_VARIABLE])))


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
def examples(folder: Path) -> None:
    """Write the example configurations into FOLDER: bridge, nginx, systemd, container, Kubernetes, alerts."""
    folder.mkdir(parents=True, exist_ok=True)
    for source in (config_folder() / name for name in EXAMPLES):
        try:
            with (folder / source.name).open("xb") as target:
                target.write(source.read_bytes())
        except FileExistsError:
            click.echo(f"kept     {folder / source.name}")
        else:
            click.echo(f"written  {folder / source.name}")


# sandbox and demo ----------------------------------------------------------------------------------------------------


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), default=5100, show_default=True)
@click.option(
    "--platform",
    default="",
    envvar=PLATFORM_VARIABLE,
    metavar="FILE",
    help=f"JSON with bridge_url, connection and api_key, for the CRM at /crm; or name it in {PLATFORM_VARIABLE}.",
)
def sandbox(port: int, platform: str) -> None:
    """Run the sandbox: identity providers, Fuyun, the SDK and a CRM, all invented, on loopback."""
    from bridge.sandbox.platforms import read_platform  # noqa: PLC0415 — no part of a production process

    address = running.listenable(running.LOCALHOST, port)
    try:
        read_platform(platform)
    except ValueError as fault:
        raise running.CannotRun(str(fault)) from None
    os.environ[SANDBOX_VARIABLE] = f"http://localhost:{port}"
    os.environ[PLATFORM_VARIABLE] = platform  # a path: the key in it reaches neither a command line nor a variable
    click.echo(f"The sandbox is at http://localhost:{port} — Ctrl-C ends it.")
    serving.serve_wsgi("bridge.cli:sandbox_of_worker", address, port, serving.Shape(threads=SANDBOX_THREADS))


def sandbox_of_worker() -> Flask:
    """Make the sandbox in its one worker; its address comes through the environment."""
    from bridge.sandbox.app import create_sandbox  # noqa: PLC0415 — loads Flask and makes keys
    from bridge.sandbox.platforms import read_platform  # noqa: PLC0415 — no part of a production process

    serving.hear_signals()
    platform = read_platform(os.environ.get(PLATFORM_VARIABLE, ""))
    return create_sandbox(os.environ[SANDBOX_VARIABLE], platform=platform)


@main.command()
@click.option("--port", type=click.IntRange(1, 65435), default=5000, show_default=True, help="The sandbox takes +100.")
@click.option(
    "--all",
    "every_kind",
    is_flag=True,
    help="All four kinds of identity providers, behind the e-mail question, and a CRM that opens the phone by itself.",
)
def demo(port: int, *, every_kind: bool) -> None:
    """Run bridge and sandbox on this machine with throw-away data; Ctrl-C ends both."""
    public_url, sandbox_url = f"http://{running.LOCALHOST}:{port}", f"http://localhost:{port + 100}"
    for one in (port, port + 100):
        running.listenable(running.LOCALHOST, one)
    for number in (signal.SIGINT, signal.SIGTERM):
        # Also SIGINT: a shell that starts us in the background lets it be ignored, and Python leaves it so.
        signal.signal(number, _interrupt)
    try:
        with tempfile.TemporaryDirectory(prefix="hotline-bridge-") as folder:
            config = _write_demo_config(Path(folder), sandbox_url, public_url, every_kind=every_kind)
            commands = {"sandbox": ["sandbox", "--port", str(port + 100)], "bridge": ["serve", "--config", str(config)]}
            if every_kind:
                commands["sandbox"] += ["--platform", str(_add_platform(config, sandbox_url, public_url))]
            with running.children(commands, Path(folder)) as both:
                running.wait_until_answering(both, {port + 100: "/", port: "/healthz"})
                click.echo(_welcome(public_url, sandbox_url, folder, every_kind=every_kind))
                running.wait_until_one_ends(both)
    except KeyboardInterrupt:
        click.echo("\nGoodbye; the demo's data is removed.")


def _interrupt(_signal: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _write_demo_config(folder: Path, sandbox_url: str, public_url: str, *, every_kind: bool) -> Path:
    from bridge.sandbox.demo import demo_config  # noqa: PLC0415 — the sandbox is no part of a production process
    from bridge.sandbox.registrations import COMPANIES  # noqa: PLC0415 — likewise

    path = folder / "bridge.toml"
    chosen = tuple(COMPANIES) if every_kind else ("contoso",)
    # Behind the e-mail question contoso shares its contact center with the CRM's connection; globex has its own.
    newcomers = ("globex" if every_kind else "contoso",)
    text = demo_config(sandbox_url, public_url, str(folder), connections=chosen, newcomers=newcomers, console=True)
    path.write_text(text, "utf-8")
    return path


def _add_platform(config: Path, sandbox_url: str, public_url: str) -> Path:
    """Add the CRM's connection to the demo's configuration, and return the file that tells the sandbox of it."""
    from bridge.access.api_keys import Wanted  # noqa: PLC0415 — loads the database
    from bridge.sandbox.demo import demo_platform  # noqa: PLC0415 — no part of a production process
    from bridge.sandbox.platforms import write_platform  # noqa: PLC0415 — likewise

    text, platform = demo_platform(sandbox_url, public_url, str(config.parent))
    with config.open("a", encoding="utf-8") as file:
        file.write(text)
    # Before the bridge starts, whose database this makes: the sandbox begins with a key that is good.
    with opened(config, provisions=True) as services:
        entry = services.register.entry(platform.connection)
        wanted = Wanted({entry.name: entry.first_version}, ("token",), _A_MONTH, ACTOR, label=entry.name)
        _, key = services.api_keys.make(wanted)
    path = config.with_name("crm.json")
    write_platform(path, replace(platform, api_key=key))
    return path


def _welcome(public_url: str, sandbox_url: str, folder: str, *, every_kind: bool) -> str:
    newcomers = "globex.example" if every_kind else "contoso.example"
    platform = f"  A CRM with the phone:  {sandbox_url}/crm\n" if every_kind else ""
    return (
        f"\n  The bridge is ready:   {public_url}\n"
        f"  The console:           {public_url}/admin\n"
        f"  The sandbox around it: {sandbox_url}\n"
        f"{platform}"
        f"  Their logs and data:   {folder}\n\n"
        "  Open the first address and sign in as one of the sandbox's people, such as lin@contoso.example;\n"
        f"  Lin administers the console too; Nora (nora@{newcomers}) has no agent, and gets one by signing in.\n"
        "  The sandbox's address lists everybody, and what can be made to go wrong.\n"
        "  Ctrl-C ends both and removes their data.\n"
    )
