"""Queues, the event bus, the rules that put events on queues, and where sockets are opened."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_events as events
from constructs import Construct

from infra_cdk.constructs.queue import declared_queue
from infra_cdk.registry import declared
from infra_cdk.stacks.sockets import socket_api
from infra_cdk.stages import Stage


class MessagingStack(cdk.Stack):
    """The bus, and per declared queue its dead letters and its rule."""

    def __init__(self, scope: Construct, stage: Stage) -> None:
        super().__init__(scope, stage.called("messaging"), termination_protection=stage.protected)
        self.bus = events.EventBus(self, "Bus", event_bus_name=stage.prefix)
        for one in declared():
            if one.function.queue:
                declared_queue(self, stage, self.bus, one)
        socket_api(self, stage)
