"""The process that is measured: it imports a handler, and gives it its first event.

    python -S -P first.py <entry> <event> <answer>

`entry` is the handler's import path, `event` and `answer` are files of JSON. The process has a
function's own folders and environment, so it can import nothing of ours; and what it needs for
itself, it imports between what is measured. Moments are seconds of the machine's monotonic clock,
which the process that started this one reads too.
"""

import sys
import time


def main() -> None:
    started = time.monotonic()
    entry, event_file, answer_file = sys.argv[1:]
    module, _, name = entry.rpartition(".")
    handler = getattr(__import__(module, fromlist=[name]), name)
    imported, import_cpu = time.monotonic(), time.process_time()

    import json
    from pathlib import Path

    from awslambdaric.lambda_context import LambdaContext

    event = json.loads(Path(event_file).read_text())
    context = LambdaContext("request", None, None, int(time.time() * 1000) + 60_000)
    answer, error = None, None
    began, before = time.monotonic(), time.process_time()
    try:
        answer = handler(event, context)
    except Exception as raised:
        error = str(raised)
    answered, request_cpu = time.monotonic(), time.process_time() - before
    measured = {
        "started": started,
        "imported": imported,
        "request": answered - began,
        "import_cpu": import_cpu,
        "request_cpu": request_cpu,
        "peak_kb": _peak_kb(Path("/proc/self/status").read_text()),
        "answer": answer,
        "error": error,
    }
    Path(answer_file).write_text(json.dumps(measured))


def _peak_kb(status: str) -> int:
    """The most memory that was resident. `getrusage` would count what the starting process had."""
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1])


if __name__ == "__main__":
    main()
