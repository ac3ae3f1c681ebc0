"""The CDK app: one stage of the product, from its declarations.

python -m infra_cdk.app                  # writes the templates of `dev` into cdk.out
haste cdk deploy --all -c stage=prod     # with the CDK's command line, by cdk.json
"""

from __future__ import annotations

import os

from infra_cdk.local import node
from infra_cdk.local.groups import install_missing


def main() -> None:
    """Synthesise, with the packaged Node, whatever Node the system has or has not."""
    install_missing("cdk")  # a plain `uv run` leaves the group out
    os.environ.setdefault("JSII_NODE", str(node.program()))
    from infra_cdk.deployment import synthesise  # importing the CDK starts Node

    synthesise()


if __name__ == "__main__":
    main()
