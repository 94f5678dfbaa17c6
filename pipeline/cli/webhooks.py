"""The commands of ``webhooks``, and ``events``."""

from typing import Annotated

import typer
from rich.table import Table

from pipeline import bootstrap
from pipeline.cli.arguments import AsJson
from pipeline.cli.console import err, out, plain, print_json
from pipeline.cli.lookup import connect
from pipeline.core.errors import Interrupted, InvalidArgument
from pipeline.core.outgoing import DETAIL_TYPES, EventType, StageDetail
from pipeline.results.outgoing.registration import DeliveryView, NewWebhookView, Registration

app = typer.Typer(help="Have events posted to addresses of yours.", no_args_is_help=True)

WebhookId = Annotated[str, typer.Argument(metavar="WEBHOOK", help="Its id")]


@app.command()
def add(
    url: Annotated[str, typer.Argument(help="The address to post to")],
    *,
    event: Annotated[
        list[str] | None,
        typer.Option(help=f"Only this event, of {', '.join(DETAIL_TYPES)}; may be repeated"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Register a webhook; its secret is shown this once."""
    made = _webhooks().add(url, [_type(name) for name in event or []])
    _show_secret(made, as_json=as_json)


@app.command()
def rotate(webhook: WebhookId, *, as_json: AsJson = False) -> None:
    """Make a new secret; for a day, the one before signs, too."""
    _show_secret(_webhooks().rotate(webhook), as_json=as_json)


@app.command()
def enable(webhook: WebhookId) -> None:
    """Enable a webhook whose receiver answered that it is gone."""
    _webhooks().enable(webhook)


@app.command("ls")
def list_webhooks(*, as_json: AsJson = False) -> None:
    """List the webhooks."""
    found = _webhooks().all()
    if as_json:
        print_json({"webhooks": [one.model_dump(mode="json") for one in found]})
        return
    table = Table("webhook", "address", "events", box=None, pad_edge=False)
    for one in found:
        wanted = ", ".join(one.events) or "all"
        table.add_row(one.webhook_id, plain(one.url), "disabled" if one.disabled_at else wanted)
    out.print(table)


@app.command("rm")
def remove(webhook: WebhookId) -> None:
    """Remove a webhook."""
    _webhooks().remove(webhook)


@app.command("test")
def send_example(webhook: WebhookId, *, as_json: AsJson = False) -> None:
    """Send an example to a webhook."""
    _show([_webhooks().test(webhook)], as_json=as_json)


@app.command()
def deliveries(
    webhook: WebhookId,
    *,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most")] = 20,
    as_json: AsJson = False,
) -> None:
    """List the deliveries to a webhook, newest first."""
    found, _ = _webhooks().deliveries(webhook, limit=limit)
    _show(found, as_json=as_json)


@app.command()
def redeliver(
    webhook: WebhookId,
    delivery: Annotated[str, typer.Argument(help="Its id, from the list of deliveries")],
    *,
    as_json: AsJson = False,
) -> None:
    """Deliver an event again."""
    _show([_webhooks().redeliver(webhook, delivery)], as_json=as_json)


def events(
    *,
    after: Annotated[
        int | None, typer.Option(min=0, help="Begin after this event, by its number; else now")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show events as they come, until Ctrl-C."""
    _, catalog = connect()
    last = after
    try:
        for one in catalog.events.follow(after):
            last = one.position
            if as_json:
                print_json({"position": one.position, **one.event.payload})
                continue
            detail = one.event.detail
            what = detail.stage if isinstance(detail, StageDetail) else detail.name
            when = one.event.time.astimezone()
            out.print(f"{when:%H:%M:%S} {one.event.type} {detail.video_id} {plain(what)}")
    except KeyboardInterrupt as error:
        again = "" if last is None else f" `videodrop events --after {last}` continues."
        raise Interrupted("interrupted", f"Stopped.{again}") from error


def _webhooks() -> Registration:
    settings, _ = connect()
    return bootstrap.webhooks(settings)


def _type(name: str) -> EventType:
    for known in DETAIL_TYPES:
        if name == known:
            return known
    raise InvalidArgument("bad_option", f"--event {name} is not one of {', '.join(DETAIL_TYPES)}.")


def _show_secret(made: NewWebhookView, *, as_json: bool) -> None:
    if as_json:
        print_json(made)
    else:
        out.print(made.webhook_id)
        err.print(f"Its secret, which is not shown again: {plain(made.secret)}")


def _show(found: list[DeliveryView], *, as_json: bool) -> None:
    if as_json:
        print_json({"deliveries": [one.model_dump(mode="json") for one in found]})
        return
    table = Table("delivery", "event", "state", "tries", "last", box=None, pad_edge=False)
    for one in found:
        last = one.tries[-1] if one.tries else None
        said = "" if last is None else plain(last.error or f"status {last.status}")
        table.add_row(one.delivery_id, one.type, one.state, str(len(one.tries)), said)
    out.print(table)
