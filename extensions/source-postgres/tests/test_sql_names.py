"""Every name in the SQL of this package says which schema it is of, so that no other one can come before it."""

import ast
import re
from pathlib import Path

import fustor_source_postgres

SOURCES = sorted(Path(fustor_source_postgres.__file__).parent.rglob("*.py"))
SQL = re.compile(r"\s*(select|with|insert|update|delete|copy|set|begin|lock|create|alter|grant)\b", re.IGNORECASE)
# what the grammar itself defines: no schema is searched for these
GRAMMAR = {
    *("select", "from", "in", "exists", "any", "all", "array", "coalesce", "nullif", "greatest", "least", "extract"),
    *("over", "filter", "lateral", "as", "on", "with", "where", "and", "or", "not", "then", "else", "set", "columns"),
    *("values", "conflict", "join", "table", "copy"),
    *("o", "p", "k", "t", "n", "v"),  # names of rows, with the names of their columns
}
GRAMMAR_TYPES = {"bigint", "int", "integer", "smallint", "boolean", "numeric", "real", "double"}


def sql_texts():
    """Each text that is a statement, or a part of one, with where it stands; never a docstring."""
    for source in SOURCES:
        tree = ast.parse(source.read_text())
        for node in ast.walk(tree):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            texts = [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            text = " ".join(texts)
            if SQL.match(text) and not text.rstrip().endswith("."):
                yield f"{source.name}:{node.lineno}", text


def faults(text):
    code = re.sub(r"'(?:[^']|'')*'", "''", text)
    called = re.findall(r"(?<![\w.\"{])([a-z_]\w*)\s*\(", code, re.IGNORECASE)
    tables = re.findall(r"\b(?:from|join)\s+(pg_\w+)(?!\.)\b", code, re.IGNORECASE)
    types = re.findall(r"::\s*([a-z_]\w*)(?![\w.])", code, re.IGNORECASE)
    return (
        [name for name in called if name.lower() not in GRAMMAR]
        + [name for name in tables if name != "pg_catalog"]
        + [name for name in types if name.lower() not in GRAMMAR_TYPES]
    )


def test_functions_tables_and_types_are_qualified():
    found = list(sql_texts())
    assert len(found) > 20
    assert not [(where, names) for where, text in found if (names := faults(text))]


def test_the_search_finds_what_it_looks_for():
    text = "select pg_relation_filenode(c.oid), x::text from pg_class c join pg_namespace n on f (1) = any (y)"
    assert faults(text) == ["pg_relation_filenode", "f", "pg_class", "pg_namespace", "text"]
    assert faults("select pg_catalog.f(coalesce(x, 'g(1)')::bigint) from pg_catalog.pg_class") == []
