"""Hypothesis strategies: arguments of every accepted type, and documents and requests that are about them."""

from __future__ import annotations

import enum
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any
from uuid import UUID

from hypothesis import strategies as st


class Colour(enum.Enum):
    RED = "red"
    ONE = 1


WORDS = ["EUR", "eur", "drop", "Drop", "red", "Straße", "ΑΣΑ", "a", "", "$words", "1"]
SAID = ["DE89370400440532013000", "Bob@Example.COM", "https://A.example/", "12 Main Street", "1000", "abc"]
PATHS = [
    "/srv/data",
    "x/a.txt",
    "a.tar.gz",
    "/srv/a.txt:x",
    "/srv/data/a",
    "/srv/database",
    "/srv/data/../x",
    "data/a",
    "../x",
    "/a%2f",
    "~/x",
    "",
]
URLS = [
    *(
        "https://example.com/",
        "HTTPS://a.Example.com:443/x",
        "https://example.com@evil.net",
        "http://0x7f.1/",
        "http://[::1]",
    ),
    *(
        "http://010.0.0.1",
        "https://bücher.example/",
        "example.com",
        "https://a\\@example.com",
        "redis://example.com",
        "",
    ),
]
COMMAND_WORDS = [
    "rm",
    "ls",
    "got",
    "tee",
    "cp",
    "a.txt",
    "-rf",
    "--forc=1",
    "--",
    "|",
    ";",
    "&&",
    "$x",
    "$(ls)",
    "> out.txt",
    "'",
]
ADDRESSES = ["10.0.0.1", "::ffff:10.0.0.1", "2001:db8::1", "64:ff9b::a00:1", "010.0.0.1", "::1", "10.1"]
MAILS = [
    "ada@example.com",
    "ada@a.example.com",
    "Ada <ada@example.com>",
    "ada@evil.net@example.com",
    "ada@bücher.example",
]
MOMENTS = ["2026-01-31T10:00:00Z", "2026-01-31T11:00:00+01:00", "2026-01-31T10:00:00", "2026-01-31"]
NAMES = ["payments.send", "files.read", "db"]

words = st.sampled_from(WORDS) | st.sampled_from([Colour.RED, UUID(int=5), PurePosixPath("EUR")])
numbers = st.sampled_from(
    [0, 1, 1.0, -0.0, 0.1, Decimal("0.10"), Decimal("1E+3"), 500, 500.5, 2**53 + 1, 10**30, 5e-324, Colour.ONE]
)
days = st.sampled_from([date(2026, 1, 31), date(2024, 2, 29), "2026-01-31", "2026-1-31"])
zones = st.sampled_from([None, timezone.utc, timezone(timedelta(hours=1)), timezone(timedelta(minutes=-90))])
moments = st.builds(datetime, st.just(2026), st.just(1), st.integers(1, 31), st.integers(0, 23), tzinfo=zones)
scalars: Any = words | numbers | days | moments | st.none() | st.booleans() | st.binary(max_size=3)
texts = st.text(max_size=6) | st.sampled_from(["\ue000", "\U00010000", '"\\/\b\n\x7f\u2028', "é", "e\u0301"])
keys = st.sampled_from(["a", "b", "$int", "$map", "$", "é", "\ue000", "\U00010000", ""])


def nested(leaves: Any) -> Any:
    """Lists, tuples, sets and maps of what can be frozen."""
    hashable = st.one_of(words, numbers, texts, st.none(), st.booleans())
    sets = st.sets(hashable, max_size=3) | st.frozensets(hashable, max_size=3)
    return st.recursive(
        leaves | sets,
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.tuples(inner)
            | st.dictionaries(keys, inner, max_size=3)
            | st.lists(inner, max_size=2).map(tuple)
        ),
        max_leaves=8,
    )


values = nested(
    scalars
    | texts
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3)
    | st.datetimes(timezones=zones)
    | st.dates()
    | st.uuids()
    | st.sampled_from([PurePosixPath("/a/../b"), PureWindowsPath("C:\\x")])
)


def one_quote(parts: list[str]) -> str:
    """A command with at most one quote: two would hold what stands between them."""
    return " ".join(part for place, part in enumerate(parts) if part != "'" or "'" not in parts[:place])


records = st.fixed_dictionaries({}, optional={"sku": words, "qty": numbers, "$int": words})
arguments = st.fixed_dictionaries(
    {},
    optional={
        "word": words | scalars,
        "other": words,
        "amount": numbers | scalars,
        "limit": numbers,
        "to": st.sampled_from(SAID) | numbers,
        "path": st.sampled_from(PATHS) | st.sampled_from([PurePosixPath("/srv/data/a")]) | scalars,
        "url": st.sampled_from(URLS) | scalars,
        "command": st.lists(st.sampled_from(COMMAND_WORDS), max_size=7).map(one_quote) | st.integers(),
        "ip": st.sampled_from(ADDRESSES) | scalars,
        "mail": st.sampled_from(MAILS) | scalars,
        "day": days | scalars,
        "at": st.sampled_from(MOMENTS) | moments,
        "tags": st.lists(words, max_size=3) | st.tuples(words) | st.sets(words, max_size=2) | scalars,
        "nums": st.lists(numbers, max_size=3),
        "items": st.lists(records | scalars, max_size=3),
        "meta": records,
    },
)

counts = st.one_of(*(st.fixed_dictionaries({name: st.integers(0, 3)}) for name in ("eq", "ne", "lt", "le", "gt", "ge")))


def one(**operands: Any) -> Any:
    """A mapping of exactly one operator."""
    return st.one_of(*(st.fixed_dictionaries({name.rstrip("_"): operand}) for name, operand in operands.items()))


def argument(*paths: str) -> Any:
    return st.fixed_dictionaries({"arg": st.sampled_from([f"args.{path}" for path in paths])})


literal_words = st.sampled_from(WORDS)
literal_numbers = st.sampled_from([0, 1, Decimal("0.10"), 500, Decimal("1000.0"), 10**30])
literal_days = st.sampled_from([date(2026, 1, 31), date(2024, 2, 29)])
literal_moments = moments.filter(lambda moment: moment.tzinfo is not None)
parts = st.sampled_from(["E", "e", "dr", "red", "Σ", "SS", "a"])
origins = st.lists(st.sampled_from(["user", "system", "trusted", "untrusted"]), min_size=1, max_size=2, unique=True)
word_tests = one(
    eq=literal_words | argument("word", "other", "tags"),
    ne=literal_words | argument("other", "absent"),
    in_=st.lists(literal_words, min_size=1, max_size=3) | st.just("$words"),
    not_in=st.lists(literal_words, min_size=1, max_size=3),
    starts_with=parts | st.lists(parts, min_size=1, max_size=2) | argument("other"),
    ends_with=parts,
    contains=parts | argument("other"),
    matches=st.sampled_from(["[a-z]+", "EUR|drop", {"pattern": "r|R", "anchored": False}]),
    length=counts,
)
folded_tests = one(eq=literal_words, contains=parts, starts_with=parts).map(
    lambda tests: {**tests, "ignore_case": True}
)
number_tests = one(
    **{name: literal_numbers | argument("limit", "word") for name in ("eq", "ne", "lt", "le", "gt", "ge")},
    in_=st.lists(literal_numbers, min_size=1, max_size=3) | st.just("$numbers"),
)
command_words = st.lists(st.sampled_from(["rm", "ls", "got", "a.txt", "-rf", "--force", "-f"]), min_size=1, max_size=2)
word_lists = one(
    contains=st.sampled_from(["rm", "out.txt"]),
    size=counts,
    each=one(in_=command_words),
    some=one(in_=command_words),
)
command_forms = command_words | st.fixed_dictionaries(
    {"program": command_words},
    optional={
        "args": command_words,
        "flags": command_words | st.lists(command_words, min_size=1, max_size=2),
        "no_flags": command_words,
        "targets": word_lists,
        "writes": word_lists,
    },
)
tests_by_path: dict[str, Any] = {
    "args.word": word_tests | folded_tests,
    "args.amount": number_tests,
    "args.to": one(seen_in=origins, not_seen_in=origins),
    "args.path": one(
        under=st.sampled_from(["/srv/data", "/", "data"]) | st.just(["/srv/data", "data"]),
        name=st.sampled_from(["a", "data", ["x", "A"]]),
        extension=st.sampled_from(["txt", ["gz", "tar.gz"]]),
        glob=st.sampled_from(["/srv/**", "*", ["data/?", "{a,b}*"]]),
    ),
    "args.url": one(
        host=st.sampled_from(["example.com", ".example.com", ["bücher.example", "127.0.0.1", "::1"]]),
        scheme=st.sampled_from(["https", ["http", "redis"]]),
        port=st.sampled_from([443, [80, 8080]]),
        private_address=st.booleans(),
    ),
    "args.command": one(
        programs=word_lists,
        writes=word_lists,
        has_substitution=st.booleans(),
        command=command_forms | st.fixed_dictionaries({"except": st.lists(command_forms, min_size=1, max_size=2)}),
    ),
    "args.ip": one(network=st.sampled_from(["10.0.0.0/8", "::1", ["2001:db8::/32", "0.0.0.0/0"]])),
    "args.mail": one(domain=st.sampled_from(["example.com", ".example.com", ["bücher.example", "evil.net"]])),
    "args.day": one(eq=literal_days, before=literal_days | argument("day"), after=literal_days),
    "args.at": one(eq=literal_moments, before=literal_moments | argument("at", "day"), after=literal_moments),
    "args.tags": one(
        size=counts, contains=literal_words.filter(bool) | argument("other"), each=word_tests, some=word_tests
    ),
    "args.nums": one(each=number_tests, some=number_tests, eq=argument("nums", "tags")),
    "args.items": one(each=one(**{"item.sku": word_tests, "item.qty?": number_tests}), some=one(size=counts)),
    "args.meta": one(keys=one(contains=literal_words.filter(bool)), size=counts, eq=argument("meta")),
    "args.items.0.qty": number_tests,
    'args.meta."$int"': word_tests,
    "args.tags.0": word_tests,
    "run.labels": one(contains=st.sampled_from(["secret", "pii"]), size=counts),
    "run.calls": counts,
    "run.depth": counts,
    "run.parent": one(eq=st.sampled_from(["desk-7", "clerk"])),
    "time.hour": counts,
}
presence = st.fixed_dictionaries({"present": st.booleans()})


def leaf(path: str) -> Any:
    """A mapping of one path to operators; a path of arguments is now and then one that may be absent."""
    written = st.sampled_from([path, f"{path}?"]) if path.startswith("args.") else st.just(path)
    tested = written.flatmap(lambda key: st.fixed_dictionaries({key: tests_by_path[path]}))
    return tested | st.fixed_dictionaries({path: presence}) if path.startswith("args.") else tested


leaves = st.sampled_from(sorted(tests_by_path)).flatmap(leaf)
conditions = st.recursive(
    leaves,
    lambda inner: (
        st.fixed_dictionaries({"all": st.lists(inner, min_size=1, max_size=2)})
        | st.fixed_dictionaries({"any": st.lists(inner, min_size=1, max_size=2)})
        | st.fixed_dictionaries({"not": inner})
    ),
    max_leaves=4,
)


limits = st.fixed_dictionaries(
    {"calls": st.integers(1, 4), "per": st.sampled_from(["1s", "24h", "run"])}
) | st.fixed_dictionaries(
    {
        "sum": st.sampled_from(["args.amount", "args.limit", "args.items.0.qty", "args.word"]),
        "max": st.sampled_from([1, Decimal("0.30"), 500, 10**20]),
        "per": st.sampled_from(["90m", "366d"]),
        "by": st.sampled_from(["process", "agent", "role", "action", "global"]),
    }
)


@st.composite
def documents(draw: Any) -> dict[str, Any]:
    """A normalised document of one to four rules."""
    rules = []
    for number in range(draw(st.integers(1, 4))):
        effect = draw(st.sampled_from(["allow", "allow", "ask", "deny", "require"]))
        rule: dict[str, Any] = {"id": f"rule-{number}", "effect": effect}
        rule["action"] = draw(
            st.lists(st.sampled_from(["**", "payments.*", "files.**", "db"]), min_size=1, unique=True)
        )
        if draw(st.booleans()):
            rule["agent"] = draw(st.sampled_from([{"id": ["desk-*"]}, {"role": ["reader"]}]))
        for key in ("when", "unless"):
            if draw(st.booleans()):
                rule[key] = draw(conditions)
        if effect == "require":
            rule.update(draw(st.sampled_from([{"redact": ["args.to"]}, {"label": ["pii"], "record": "full"}])))
        rule.update(draw(st.sampled_from([{}, {}, {"mode": "shadow"}, {"mode": "enforce"}])))
        if draw(st.integers(0, 3)) == 0:
            rule["limit" if effect in ("allow", "require") else "over"] = draw(limits)
        rules.append(rule)
    sets = {"words": ["EUR", "drop"], "numbers": [1, Decimal("0.10")]}
    return {
        "agent_os": 1,
        "name": "generated",
        "default": draw(st.sampled_from(["deny", "allow"])),
        **draw(st.sampled_from([{}, {"shadow_default": "deny"}, {"shadow_default": "allow"}])),
        "sets": sets,
        "rules": rules,
    }


requests = st.fixed_dictionaries(
    {
        "action": st.sampled_from(NAMES),
        "agent": st.sampled_from(["desk-7", "clerk"]),
        "roles": st.sampled_from([[], ["reader"]]),
        "args": arguments,
        "labels": st.sampled_from([[], ["secret"], ["pii", "secret"]]),
        "depth": st.integers(0, 3),
        "calls": st.integers(0, 3),
        "usage": st.lists(
            st.tuples(
                st.sampled_from([f"rule-{number}" for number in range(4)]),
                st.sampled_from(["0", "1", "3", "0.2", "499.5", "99999999999999999999"]),
            ),
            max_size=3,
            unique_by=lambda pair: pair[0],
        ),
        "parent": st.sampled_from([None, "desk-7"]),
        "now_micros": st.integers(-(10**15), 4 * 10**15),
        "texts": st.lists(st.tuples(st.sampled_from(["user", "untrusted"]), st.sampled_from(SAID)), max_size=2),
        "approved": st.sampled_from([[], ["rule-0"], ["rule-1", "rule-9"]]),
    }
)
