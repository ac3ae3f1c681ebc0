"""Starts the proxy of Google: `python -m infra_cdk.local.google --help`."""

import argparse
import asyncio
from pathlib import Path

import httpx
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from infra_cdk.local.google import gmail, oauth, store
from infra_cdk.local.google.faults import Faults
from infra_cdk.local.google.proxy import make_app
from infra_cdk.local.google.push import Notifier, load_signer
from infra_cdk.local.google.quota import Quota
from infra_cdk.local.google.settings import Subscription
from infra_cdk.local.google.upstream import Proxy


class Protocol(HttpToolsProtocol):
    """Lets the app break a connection off, which ASGI has no word for."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["haste.transport"] = self.transport  # pyright: ignore[reportGeneralTypeIssues]


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra_cdk.local.google", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--upstream", required=True, help="where emulate listens")
    parser.add_argument("--data", type=Path, required=True, help="folder of store and key")
    parser.add_argument("--push-endpoint", help="URL of the webhook; without it nothing is pushed")
    parser.add_argument("--push-audience", default="")
    parser.add_argument("--push-email", default="")
    parser.add_argument("--push-subscription", default="")
    return parser.parse_args(argv)


async def open_proxy(options: argparse.Namespace) -> Proxy:
    db = store.open_store(options.data / "google.db", [])
    signer = load_signer(options.data / "push-key.pem")
    # Node closes idle connections after 5 s; ours must be gone before, or a request meets a reset.
    limits = httpx.Limits(max_connections=100, max_keepalive_connections=50, keepalive_expiry=2)
    client = httpx.AsyncClient(
        base_url=options.upstream, limits=limits, timeout=60, trust_env=False
    )
    proxy = Proxy(
        db=db,
        client=client,
        signer=signer,
        faults=Faults(),
        quota=Quota(),
        mailboxes=frozenset(store.mailboxes(db)),
        refused=store.refused_ids(db),
    )
    oauth.keep_fixed_tokens(proxy)
    if options.push_endpoint:
        proxy.notifier = _notifier(options, proxy)
        for mailbox in store.live_watches(db):  # what changed while we were away was not announced
            proxy.notifier.changed(mailbox)
    return proxy


def _notifier(options: argparse.Namespace, proxy: Proxy) -> Notifier:
    return Notifier(
        subscription=Subscription(
            endpoint=options.push_endpoint,
            audience=options.push_audience,
            service_account=options.push_email,
            name=options.push_subscription,
        ),
        signer=proxy.signer,
        faults=proxy.faults,
        current_history=lambda mailbox: gmail.current_history(proxy, mailbox),
        is_watched=lambda mailbox: mailbox in store.live_watches(proxy.db),
        client=httpx.AsyncClient(trust_env=False),
    )


async def close_proxy(proxy: Proxy) -> None:
    if proxy.notifier:
        await proxy.notifier.close()
        await proxy.notifier.client.aclose()
    await proxy.client.aclose()
    proxy.db.close()


def main() -> None:
    options = parse()
    app = make_app(lambda: open_proxy(options), close_proxy)
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=options.port,
        http=Protocol,
        log_level="warning",
        access_log=False,
        lifespan="on",
        timeout_keep_alive=60,
        timeout_graceful_shutdown=2,
    )
    asyncio.run(uvicorn.Server(config).serve())


if __name__ == "__main__":
    main()
