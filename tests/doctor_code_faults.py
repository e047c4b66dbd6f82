"""One function for each fault of what a driver's code says: it breaks a healthy workspace in one place."""

import shutil

from doctor_breaking import add, code, driver, edit, fault, project


@fault("C01")
def an_abstract_method_is_missing(root, _):
    edit(code(root), "def get_snapshot_iterator", "def get_snapshots")


@fault("C01")
def an_iterator_is_async(root, _):
    edit(code(root), "    def get_message_iterator", "    async def get_message_iterator")


@fault("C02")
def the_constructor_takes_something_else(root, _):
    edit(code(root), "def __init__(self, id: str, config", "def __init__(self, name: str, config")
    edit(code(root), "super().__init__(id, config)\n        self.id = id", "super().__init__(name, config)")


@fault("C04")
def one_object_serves_all(root, _):
    edit(code(root), "    def __init__", "    def __new__(cls, id, config):\n        return None\n\n    def __init__")


@fault("C05")
def there_is_no_stop_event(root, _):
    text = code(root).read_text()
    code(root).write_text(text.replace("_stop_driver_event", "_stopped"))


@fault("M03")
def a_stream_is_a_generator_function(root, _):
    edit(
        code(root),
        "raise NotImplementedError(\"Return an iterator of events with message_source='realtime', armed on return\")",
        "yield from ()",
    )


@fault("L05")
def a_default_of_the_base_is_used(root, _):
    edit(code(root), "    async def close(self)", "    async def shut(self)")


@fault("L06")
def a_release_has_stubs(root, _):
    edit(project(root), 'version = "0.1.0"', 'version = "1.0.0"')


@fault("L09")
def an_event_says_no_source(root, _):
    add(code(root), "\n\ndef _event(rows):\n    return EventBase(event_type='insert', fields=['path'], rows=rows)\n")


@fault("L09")
def an_event_is_made_by_position(root, _):
    add(code(root), "\n\ndef _event(rows):\n    return EventBase('fs', '', rows)\n")


@fault("L07")
def something_is_printed(root, _):
    add(code(root), "\n\ndef _show(rows):\n    print(rows)\n")


@fault("P05")
def logging_is_set_up(root, _):
    add(code(root), "\n\nimport logging\n\nlogging.basicConfig(level='DEBUG')\n")


@fault("D40")
def a_module_is_no_python(root, _):
    (code(root).parent / "_broken.py").write_text("def f(:\n")


@fault("D41")
def an_import_is_not_declared(root, _):
    edit(code(root), "import threading\n", "import threading\n\nimport orjson\n")


@fault("D42")
def a_requirement_of_a_written_driver_is_not_imported(root, rendered):
    shutil.rmtree(driver(root))
    shutil.copytree(rendered("source", example=True), driver(root))
    add(code(root), "# It is written.\n")
    edit(project(root), '    "pydantic>=2.9",\n', '    "pydantic>=2.9",\n    "pathspec>=0.12",\n')


@fault("P04")
def an_import_is_not_portable(root, _):
    edit(code(root), "import SourceConfig\n", "import PasswdCredential, SourceConfig\n")


@fault("L08")
def the_kit_is_imported_at_run_time(root, _):
    edit(code(root), "import threading\n", "import threading\n\nfrom fustor_conformance import Kind\n")
