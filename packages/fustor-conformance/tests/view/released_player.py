"""Plays histories (JSON lines on stdin) on the real fustor-view-fs; runs in that release's own environment."""

import asyncio
import json
import logging
import sys
import time

from fustor_core.event import EventBase
from fustor_view_fs.driver import FSViewDriver

NOW = [0.0]


async def play(history):
    view = FSViewDriver("v", "v", {})
    return [await step(view, action) for action in history]


async def step(view, action):
    NOW[0] = action["now"]
    is_good = True
    if action["do"] == "event":
        try:
            is_good = await view.process_event(EventBase(**action["event"]))
        except TypeError:  # what the release's own host counts as an error
            is_good = False
    elif action["do"] == "expire":
        view.state.last_suspect_cleanup_time = -1e9
        await view.cleanup_expired_suspects()
    else:
        await getattr(view, action["do"])()
    return picture(view.state, is_good=bool(is_good))


def picture(state, *, is_good):
    tree, stack = {}, [state.directory_path_map["/"]]
    while stack:
        node = stack.pop()
        is_directory = node.path in state.directory_path_map
        tree[node.path] = [is_directory, node.size, node.modified_time]
        if is_directory:
            stack.extend(node.children.values())
    indexed = sorted([*state.file_path_map, *state.directory_path_map])
    return {
        "good": is_good,
        "tree": tree,
        "suspects": sorted(state.suspect_list),
        "blind": sorted(state.blind_spot_additions | state.blind_spot_deletions),
        "is_torn": indexed != sorted(tree),  # a file that got contents stays in one index and leaves the tree
    }


def main():
    logging.disable(logging.CRITICAL)
    time.time = time.monotonic = lambda: NOW[0]  # the release reads these clocks itself
    for line in sys.stdin:
        print(json.dumps(asyncio.run(play(json.loads(line)))))


if __name__ == "__main__":
    main()
