"""The packs for SQL let an analyst's ordinary queries pass, and stop what a query may do besides reading."""

from __future__ import annotations

from functools import cache

import pytest
import yaml

from agent_os.policy import Policy
from agent_os.policy.files import PACKS as FOLDER

PACKS = ("sql-readonly", "sql-guarded", "data-analyst")

#: What people who make reports write, for PostgreSQL, MySQL, SQLite and SQL Server.
ANALYTICS = (
    "SELECT 1",
    "SELECT count(*) FROM orders",
    "SELECT DISTINCT country FROM customers ORDER BY country",
    "SELECT city, count(*) AS n FROM customers GROUP BY city HAVING count(*) > 10 ORDER BY n DESC LIMIT 20",
    "SELECT c.name, sum(o.total) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.name",
    "SELECT name FROM customers WHERE lower(email) LIKE '%@example.com'",
    "SELECT avg(total), min(total), max(total), stddev(total) FROM orders WHERE created_at >= '2026-01-01'",
    "WITH m AS (SELECT date_trunc('month', at) m, sum(total) s FROM orders GROUP BY 1) SELECT lag(s) OVER () FROM m",
    "SELECT extract(year FROM created_at) AS y, count(*) FROM orders GROUP BY y",
    "SELECT id, row_number() OVER (PARTITION BY customer_id ORDER BY created_at DESC) AS place FROM orders",
    "SELECT rank() OVER (ORDER BY total DESC), ntile(4) OVER (ORDER BY total) FROM orders",
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total) FROM orders",
    "SELECT coalesce(nullif(trim(name), ''), 'unknown') FROM customers",
    "SELECT CASE WHEN total > 100 THEN 'large' ELSE 'small' END AS size, count(*) FROM orders GROUP BY 1",
    "SELECT cast(total AS integer), round(total, 2), ceil(total), floor(total) FROM orders",
    "SELECT string_agg(name, ', ' ORDER BY name) FROM customers",
    "SELECT to_char(created_at, 'YYYY-MM'), sum(total) FROM orders GROUP BY 1",
    "SELECT now() - created_at AS age FROM orders WHERE created_at > now() - interval '7 days'",
    "SELECT d, count(o.id) FROM generate_series(1, 12) AS d LEFT JOIN orders o ON o.month = d GROUP BY d",
    "SELECT regexp_replace(phone, '[^0-9]', '') FROM customers",
    "SELECT split_part(email, '@', 2) AS domain, count(*) FROM customers GROUP BY domain",
    "SELECT json_extract(details, '$.colour') FROM products",
    "SELECT jsonb_array_length(items), jsonb_typeof(items) FROM orders",
    "SELECT position('x' IN name), substring(name FROM 1 FOR 3), overlay(name PLACING 'y' FROM 1) FROM products",
    "SELECT count(*) FILTER (WHERE paid) * 100.0 / count(*) FROM orders",
    "SELECT * FROM orders WHERE customer_id IN (SELECT id FROM customers WHERE country = 'NO')",
    "SELECT a.id FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.a_id = a.id)",
    "SELECT name FROM customers UNION ALL SELECT name FROM suppliers",
    "SELECT region, product, sum(total) FROM sales GROUP BY GROUPING SETS ((region), (product), ())",
    "SELECT CURRENT_DATE, CURRENT_TIMESTAMP",
    "VALUES (1, 'a'), (2, 'b')",
    "SELECT date_format(created_at, '%Y-%m'), sum(total) FROM orders GROUP BY 1",
    "SELECT date_add(created_at, INTERVAL 1 DAY), datediff(shipped_at, created_at) FROM orders",
    "SELECT group_concat(name) FROM customers",
    "SELECT if(total > 100, 'large', 'small'), ifnull(discount, 0) FROM orders",
    "SELECT unix_timestamp(created_at), from_unixtime(0), dayofweek(created_at) FROM orders",
    "SELECT strftime('%Y-%m', created_at), julianday('now') - julianday(created_at) FROM orders",
    "SELECT year(created_at), month(created_at), datepart(week, created_at) FROM orders",
    "SELECT dateadd(day, -7, getdate()), datename(month, getdate()), eomonth(getdate())",
    "SELECT iif(total > 100, 1, 0), isnull(discount, 0), len(name), charindex('x', name) FROM orders",
    "SELECT corr(price, sold), regr_slope(price, sold), var_pop(price) FROM products",
    "SELECT md5(email), left(name, 1), upper(right(name, 2)), length(name), concat(a, '-', b) FROM customers",
    "SELECT width_bucket(total, 0, 1000, 10) AS bucket, count(*) FROM orders GROUP BY bucket",
    "EXPLAIN SELECT * FROM orders WHERE id = 7",
    "SELECT pg_size_pretty(pg_total_relation_size('orders')), version(), current_database()",
    "SELECT first_value(total) OVER w, cume_dist() OVER w FROM orders WINDOW w AS (PARTITION BY region ORDER BY day)",
)

#: Names that do more than read their arguments, in the spelling of the engine that has them.
REACHING_OUT = (
    "pg_sleep(5)", "pg_sleep_for('5 minutes')", "pg_sleep_until('tomorrow')", "query_to_xml('x', true, true, '')",
    "query_to_xml_and_xmlschema('x', true, true, '')", "query_to_xmlschema('x', true, true, '')",
    "database_to_xml(true, true, '')", "database_to_xml_and_xmlschema(true, true, '')",
    "cursor_to_xml('c', 1, true, true, '')", "cursor_to_xmlschema('c', true, true, '')",
    "table_to_xml('x', true, true, '')", "schema_to_xml('x', true, true, '')", "dblink('host=evil', 'x')",
    "dblink_exec('x')", "dblink_connect('x')", "lo_import('/etc/passwd')", "lo_export(1, '/tmp/x')", "lo_unlink(1)",
    "lo_from_bytea(0, 'x')", "pg_read_file('x')", "pg_read_binary_file('x')", "pg_ls_dir('/')", "pg_ls_waldir()",
    "pg_stat_file('x')", "pg_reload_conf()", "pg_rotate_logfile()", "pg_terminate_backend(1)", "pg_cancel_backend(1)",
    "set_config('a', 'b', false)", "nextval('s')", "setval('s', 1)", "pg_advisory_lock(1)",
    "pg_advisory_xact_lock_shared(1)", "pg_try_advisory_lock(1)", "pg_notify('a', 'b')", "pg_promote()",
    "pg_switch_wal()", "pg_create_restore_point('x')", "pg_logical_emit_message(true, 'a', 'b')",
    "load_extension('x')", "readfile('x')", "writefile('x', 'y')", "edit('x')", "fts3_tokenizer('x')",
    "load_file('x')", "sys_exec('x')", "sys_eval('x')", "sleep(5)", "benchmark(1000000, 1)", "get_lock('x', 1)",
    "release_all_locks()", "PG_CATALOG.Pg_Sleep(5)", '"pg_sleep"(5)',
)  # fmt: skip


@cache
def loaded(pack: str) -> Policy:
    return Policy.load(pack)


def effect(pack: str, text: str, argument: str = "sql", action: str = "sql.query") -> str:
    return loaded(pack).decide(action, {argument: text}, agent="a").effect


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("query", ANALYTICS)
def test_an_ordinary_query_passes(pack: str, query: str) -> None:
    assert effect(pack, query) == "allow"


@pytest.mark.parametrize("call", REACHING_OUT)
def test_a_function_that_reaches_out_is_denied_wherever_it_is_called(call: str) -> None:
    for query in (
        f"SELECT {call}",
        f"SELECT name FROM customers WHERE id = {call}",
        f"SELECT * FROM (SELECT {call}) x",
    ):
        assert effect("sql-readonly", query) == "deny", query
        assert effect("sql-readonly", query, "query", "mcp.postgres.query") == "deny", query


@pytest.mark.parametrize("table", ["openrowset('a', 'b', 'c')", "opendatasource('a', 'b')", "pg_ls_dir('/')"])
def test_a_table_that_is_such_a_function_is_denied(table: str) -> None:
    assert effect("sql-readonly", f"SELECT * FROM {table}") == "deny"


@pytest.mark.parametrize("statement", ["EXEC xp_cmdshell 'dir'", "EXECUTE master..xp_cmdshell 'dir'", "CALL f()"])
def test_a_procedure_is_no_query(statement: str) -> None:
    assert effect("sql-readonly", statement) == "deny"


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize(
    "call",
    ["close_month(1)", "public.lower('x')", "billing.sum(1)", "pgp_sym_decrypt('x', 'y')", "current_setting('a')"],
)
def test_a_function_that_nobody_knows_is_asked_about(pack: str, call: str) -> None:
    assert effect(pack, f"SELECT {call} FROM customers") == "ask"
    assert effect(pack, f"SELECT count(*), {call} FROM customers", "query") == "ask"


def test_no_function_is_known_as_reading_and_as_reaching_out() -> None:
    sets = yaml.safe_load((FOLDER / "sql-readonly.yaml").read_text(encoding="utf-8"))["sets"]
    assert not set(sets["reading"]) & set(sets["reaching-out"])
    assert all(name == name.lower() for names in sets.values() for name in names)
