"""The catcher's process: `python -m infra_cdk.local.catcher --help`."""

from __future__ import annotations

import argparse
import logging
from functools import partial
from pathlib import Path

from infra_cdk.local.asgi import asgi_app, serve
from infra_cdk.local.catcher.mails import Mails
from infra_cdk.local.catcher.site import answer
from infra_cdk.local.catcher.smtp import listening


def main() -> None:
    arguments = argparse.ArgumentParser(
        prog="python -m infra_cdk.local.catcher", description=__doc__
    )
    arguments.add_argument("--port", type=int, required=True, help="of the page")
    arguments.add_argument("--smtp-port", type=int, required=True)
    arguments.add_argument("--data", type=Path, required=True, help="folder of the mails")
    given = arguments.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    mails = Mails(given.data)
    page = partial(answer, mails, f"smtp://127.0.0.1:{given.smtp_port}")
    serve(asgi_app(page, listening(mails, given.smtp_port)), given.port)


if __name__ == "__main__":
    main()
