"""The tests of Singer's SDK for taps, over the messages of an executable; pytest runs this where the SDK is."""

import json
import os
import subprocess

from singer_sdk import Stream, Tap
from singer_sdk.testing import SuiteConfig, factory, get_tap_test_class

TAP = os.environ["TAP"].split()
READ = os.environ["READ"].split()


def said(command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


class OfExecutable(Stream):
    """A stream of its catalog, with its records."""

    def __init__(self, tap, entry):
        super().__init__(tap, name=entry["tap_stream_id"], schema=entry["schema"])
        self.primary_keys = entry["key_properties"]
        self.replication_key = entry["metadata"][0]["metadata"].get("replication-key")

    def get_records(self, context):
        del context
        for message in map(json.loads, said(READ).splitlines()):
            if message["type"] == "RECORD" and message["stream"] == self.name:
                yield message["record"]


class Executable(Tap):
    """What an executable says of itself, as an object of the SDK."""

    name = "executable"
    config_jsonschema = {"properties": {}}  # noqa: RUF012 - as the SDK has it

    @property
    def catalog_dict(self):
        return json.loads(said([*TAP, "--discover"]))

    def discover_streams(self):
        return [OfExecutable(self, entry) for entry in self.catalog_dict["streams"]]


class Runner(factory.TapTestRunner):
    """Has the messages of the executable judged, and not those that the SDK makes of its records."""

    def _execute_sync(self):
        return said(READ), ""


factory.TapTestRunner = Runner
TestExecutable = get_tap_test_class(tap_class=Executable, config={}, suite_config=SuiteConfig(max_records_limit=None))
