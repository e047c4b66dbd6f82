"""Reads a source with PyAirbyte where that is: `pyairbyte_read.py EXECUTABLE`, in the directory of config.json."""

import json
import sys
from pathlib import Path

reached = []


def refuse_the_network(event, args):
    """Nothing is looked up, and nothing connected to."""
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect", "socket.sendto"):
        reached.append(f"{event} {args[0] if event.startswith('socket.get') else args[-1]}")
        raise OSError("There is no network")


sys.addaudithook(refuse_the_network)

import airbyte  # noqa: E402 - what an import does is watched too

config = json.loads(Path("config.json").read_text())
source = airbyte.get_source("source-fustor", config=config, local_executable=sys.argv[1])
source.check()
source.select_all_streams()
cache = airbyte.new_local_cache("shop", Path("cache"))
result = source.read(cache=cache)
table = result[config["id"]].to_pandas()
items = {}
for row in table.to_dict("records"):
    record = json.loads(row["row"])["record"] if isinstance(row["row"], str) else row["row"]["record"]
    if row["event_type"] != "delete":
        items[str(record["id"])] = record["item"]
print(json.dumps({"read": result.processed_records, "rows": len(table), "items": items, "network": reached}))
