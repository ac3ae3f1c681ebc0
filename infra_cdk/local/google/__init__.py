"""Google on a laptop: `emulate` and a proxy of ours.

The npm package `emulate` (Gmail, OAuth, Calendar, Drive) is the stateful core. The loopback proxy
in front of it adds what it lacks: push, expired history, limits, faults.

`emulate.py` says how to start the core, `__main__.py` starts the proxy, `mailbox.py` puts mail in.
"""
