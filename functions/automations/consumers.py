"""The queue `automations`: the events that automations may act on."""

from functions.automations.fields import EVENTS
from functions.automations.runs import run_automations
from shared.runtime import Consumer

consumer = Consumer("automations")
for kind in EVENTS:
    consumer.on(kind)(run_automations)

handler = consumer.handler
