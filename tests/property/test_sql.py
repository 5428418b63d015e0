"""What is told of a text of SQL agrees with two that share nothing with it: sqlglot's parser, and SQLite itself.

SQLite says, while it prepares a statement, which tables it will read and change. Every one of them was reported.
"""

from __future__ import annotations

import random
import sqlite3
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from agent_os import _core
from tests.property.test_differential import engine
from tests.property.test_vectors import STATE

TABLES = ["a", "b", "c", "d", "e"]
KINDS = [
    "select",
    "insert",
    "update",
    "delete",
    "create_table",
    "drop",
    "create_view",
    "explain",
    "transaction",
    "other",
]
SEEDS = range(1_500)


def bundle(dialect: str) -> Any:
    """One deny for each table and kind, so that the rules of a decision are what was reported."""
    rules = [
        {
            "id": f"{operator}.{name}",
            "effect": "deny",
            "action": ["**"],
            "when": {"args.sql": {operator: {"some": {"matches": rf"(main\.)?{name}"}}, "dialect": dialect}},
        }
        for operator, names in (("tables", TABLES), ("statements", KINDS))
        for name in names
    ]
    document = {"agent_os": 1, "name": "sql", "default": "allow", "sets": {}, "rules": rules}
    return _core.Bundle.compile(document)


BUNDLES = {dialect: bundle(dialect) for dialect in ("generic", "postgres", "mysql", "sqlite", "mssql")}


def reported(sql: str, dialect: str) -> tuple[set[str], set[str]] | None:
    """The kinds and tables; None if the text is not understood."""
    request = {**STATE, "agent": "x", "action": "q", "now_micros": 0}
    decided = engine(BUNDLES[dialect], request, {"sql": sql})
    if decided["unknowns"]:
        return None
    pairs = [rule.split(".") for rule in decided["rules"]]
    return {name for key, name in pairs if key == "statements"}, {name for key, name in pairs if key == "tables"}


class Writer:
    """Statements that SQLite prepares, of every form that hides a table."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def one(self, *choices: str) -> str:
        return self.random.choice(choices)

    def table(self) -> str:
        name = self.random.choice(TABLES)
        return self.one(name, name, name.upper(), f'"{name}"', f"main.{name}")

    def source(self, depth: int) -> str:
        if depth <= 0 or self.random.random() < 0.5:
            return self.table()
        return f"({self.query(depth - 1)})"

    def condition(self, depth: int) -> str:
        simple = ["x = 1", "y > 2", "x IS NULL", "x LIKE 'a%'", "x IN (1, 2)", "NOT x = 3"]
        if depth <= 0:
            return self.random.choice(simple)
        return self.one(
            *simple,
            f"x IN ({self.query(depth - 1)})",
            f"EXISTS ({self.query(depth - 1)})",
            f"y = ({self.query(depth - 1)})",
            f"({self.condition(depth - 1)} OR {self.condition(depth - 1)})",
            f"x IN {self.random.choice(TABLES)}" if self.sqlite_only else "x = 2",
        )

    sqlite_only = False

    def query(self, depth: int) -> str:
        column = self.one("x", "x AS x", "max(x) AS x", f"({self.query(depth - 1)}) AS x" if depth > 0 else "1 AS x")
        form = self.random.random()
        if form < 0.2 and depth > 0:
            name = self.one("p", "q", *TABLES)
            return f"WITH {name} AS ({self.inner(depth - 1)}) SELECT x FROM {name}, {self.table()} AS z WHERE z.x = 1"
        if form < 0.3 and depth > 0:
            return f"{self.query(0)} {self.one('UNION', 'UNION ALL', 'EXCEPT')} {self.query(0)}"
        text = f"SELECT {column} FROM {self.source(depth)} AS s"
        if self.random.random() < 0.4:
            join = f"{self.one('JOIN', 'LEFT JOIN')} {self.table()} AS j ON s.x = j.x"
            return f"SELECT s.x AS x FROM {self.source(depth)} AS s {join}"
        return f"{text} WHERE {self.condition(depth)}" if self.random.random() < 0.5 else text

    def inner(self, depth: int) -> str:
        return f"SELECT x, y FROM {self.table()} AS i WHERE {self.condition(depth)}".replace("y = (", "x = (")

    def statement(self) -> str:
        target = self.random.choice(TABLES)
        return self.one(
            self.query(2),
            self.query(3),
            f"INSERT INTO {target} (x) {self.query(1)}",
            f"UPDATE {target} SET x = 1 WHERE {self.condition(2)}",
            f"UPDATE {target} SET x = ({self.query(1)}) WHERE {self.condition(1)}",
            f"DELETE FROM {target} WHERE {self.condition(2)}",
            f"CREATE TABLE fresh AS {self.query(1)}",
            f"DROP TABLE {target}",
        )


def touched(sql: str) -> set[str] | None:
    """What SQLite says it will touch; None if it does not prepare the statement."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for table in TABLES:
        connection.execute(f"CREATE TABLE {table} (x, y)")
    names: set[str] = set()

    def authorize(action: int, first: str | None, second: str | None, *_: Any) -> int:
        reads_or_changes = {
            sqlite3.SQLITE_READ, sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE,
            sqlite3.SQLITE_DROP_TABLE,
        }  # fmt: skip
        if action in reads_or_changes and first:
            names.add(first.lower())
        return sqlite3.SQLITE_OK

    connection.set_authorizer(authorize)
    try:
        connection.execute("EXPLAIN " + sql)
    except sqlite3.Error:
        return None
    finally:
        connection.close()
    return names & set(TABLES)


def test_every_table_that_sqlite_touches_was_reported() -> None:
    known = 0
    for dialect in ("sqlite", "generic"):
        for seed in SEEDS:
            writer = Writer(seed)
            writer.sqlite_only = dialect == "sqlite"
            sql = writer.statement()
            found, names = reported(sql, dialect), touched(sql)
            if found is None or names is None:
                continue
            known += 1
            assert names <= found[1], f"seed {seed}, {dialect}: {sql}"
    assert known > len(SEEDS), "most of the statements are prepared and understood"


# sqlglot's classes, and the kinds that they are.
CLASSES = {
    exp.Insert: "insert", exp.Update: "update", exp.Delete: "delete", exp.Drop: "drop", exp.Create: "create_table",
    exp.Select: "select", exp.SetOperation: "select",
}  # fmt: skip


def told_by_sqlglot(sql: str, dialect: str) -> tuple[set[str], set[str]]:
    (tree,) = sqlglot.parse(sql, read=dialect)
    assert tree is not None
    kind = next(kind for cls, kind in CLASSES.items() if isinstance(tree, cls))
    scopes = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    return {kind}, {
        table.name.lower() for table in tree.find_all(exp.Table) if table.db or table.name.lower() not in scopes
    } & set(TABLES)


@pytest.mark.parametrize(("dialect", "name"), [("postgres", "postgres"), ("sqlite", "sqlite"), ("mssql", "tsql")])
def test_kinds_and_tables_agree_with_sqlglot(dialect: str, name: str) -> None:
    """sqlglot's tables are without scopes here: of a name that a query gives to a part, it says nothing. So ours may
    have more tables (a part may share a table's name), never fewer."""
    agreed = 0
    for seed in SEEDS:
        sql = Writer(seed).statement()
        found = reported(sql, dialect)
        if found is None:
            continue
        kinds, tables = told_by_sqlglot(sql, name)
        assert found[0] == kinds, f"seed {seed}: {sql}"
        assert tables <= found[1], f"seed {seed}: {sql}"
        shared = {part.alias.lower() for part in sqlglot.parse_one(sql, read=name).find_all(exp.CTE)} & set(TABLES)
        assert found[1] - tables <= shared, f"seed {seed}: {sql}"
        agreed += 1
    assert agreed > len(SEEDS) * 0.9
