"""What a policy decides, written a second time and shared with nothing.

Tests compare the engine with it, and the demo judges a fully recorded log with it: no index, no caching, no Rust. It
reads normalised documents that were accepted at load; it does not check them.

Conditions have three values, as numbers: 0 false, 0.5 unknown, 1 true. So Kleene's `and` is `min`, `or` is `max` and
`not` is `1 - x`. A mapping of several paths, and several operators of one path, are conjunctions.

* A leaf is unknown when its argument is missing (but false if the path ends in `?`), mistyped, unreadable or of a kind
  that the operator does not take. `present` is never unknown. `each` of nothing is unknown.
* A rule applies when its action, its agent and `when and not unless` hold. Unknown counts as false for an allow, and as
  true for a deny, an ask and a require.
* `limit` on an allow and `over` on a deny or an ask are one more condition: what is used and what the request adds
  stay within the limit, or do not. A `limit` on a require that is not kept to turns an allow and an ask into a deny.
* deny > ask > allow > default; an ask that was approved counts as an allow. What applicable require rules oblige to is
  attached to an allow and to an ask.
* A rule in shadow decides nothing. What all rules and the default of all files would have decided stands beside it.

`decide` takes Python objects; `untag` makes them of the canonical JSON form (with `$decimal` and the other tags). Load
that JSON with `parse_float=decimal.Decimal`: a number is the exact decimal that is spelled.
"""

from __future__ import annotations

import base64
import operator
import re
import unicodedata
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from pathlib import PurePath
from typing import Any
from uuid import UUID


class Sorted(list):
    """A set, as its canonical form lists it: in the order of the items' canonical bytes."""


UNKNOWN, MISSING, MISTYPED = 0.5, object(), object()
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
NEGATED = {"ne": "eq", "not_in": "in", "not_seen_in": "seen_in"}
ORDERS = {"lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge}
TIMES = {"before": operator.lt, "after": operator.gt}
SQL_TESTS = ("statements", "tables", "functions", "has_where")
TEXT_TESTS = {"starts_with": str.startswith, "ends_with": str.endswith, "contains": operator.contains}
RECORDS = ["full", "fields", "none"]
PAST = {"allow": "allowed", "ask": "asked", "deny": "denied"}
ACTION = re.compile(r"[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64})*")
INDEX = re.compile("0|[1-9][0-9]*")
BARE = re.compile("(?!(?:0|[1-9][0-9]*)$)[A-Za-z0-9_-]+")  # what a quoted step may be written as without its quotes
SEGMENT = re.compile(r'([A-Za-z0-9_-]+)|"((?:[^"\\]|\\.)*)"')
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
DATETIME = re.compile(DATE.pattern + r"T([0-9]{2}:){2}[0-9]{2}(\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])?")
NUMBER = re.compile(r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?")
URL = re.compile(r"(https?)://([^/?#]*@)?([^/?#@]*?)(:[0-9]+)?([/?#].*)?", re.ASCII | re.IGNORECASE | re.DOTALL)
MAIL = re.compile(r"([^@]+)@([^@]*\.[^@]*)", re.DOTALL)
IBAN = re.compile("[A-Za-z]{2}[0-9]{2}[A-Za-z0-9]{11,30}")
SPACES = "\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
SPLIT = re.compile(  # `,` stays between two digits, `:` before a slash or a digit
    "[" + SPACES + "'\"`\u2018\u2019\u201c\u201d\u00ab\u00bb()\\[\\]{}<>;|=!]|(?<![0-9]),|,(?![0-9])|:(?![/0-9])"
)
EDGES = ".,?*_#$\u20ac\u00a3\u00a5"
LOOK_ALIKES = "\u2024\u2025\u2026\u2044\u2215\u2216\u29f8\u29f9\ufe52\ufe68\uff0e\uff0f\uff3c"
MALFORMED_PATH = re.compile("\\A(?:~|\\Z)|[\x00-\x1f\x7f\\\\" + LOOK_ALIKES + "]|%[0-9A-Za-z]|(?:\\A|/)\\.\\.[^/]")
KINDS: dict[type, str] = {type(None): "null", bool: "bool", bytes: "bytes", datetime: "datetime", date: "date"}
KINDS |= {list: "list", Sorted: "list", tuple: "list", dict: "map"}
TEXT_LIMIT = 4 * 1024 * 1024
SIMPLE_TAGS: dict[str, Any] = {"$int": int, "$decimal": Decimal, "$bytes": base64.b64decode, "$uuid": str, "$path": str}


def decide(document: dict, request: dict) -> dict:
    """The decision on `request` under `document`: effect, rules, reason, unknowns and obligations.

    `shadow` is what would have been decided if nothing were in shadow, where that is anything else.
    """
    default = document.get("default", "deny")
    enforced = [rule for rule in document["rules"] if rule.get("mode") != "shadow"]
    decided = decide_by(enforced, default, document, request)
    would = decide_by(document["rules"], document.get("shadow_default", default), document, request)
    shadow = {"shadow": would} if would != decided else {}
    observed = {"reason": "only_observed"} if decided["reason"] == "allowed_by_default" and not enforced else {}
    return {**decided, **observed, **shadow}


def decide_by(rules: list[dict], default: str, document: dict, request: dict) -> dict:
    """What these rules and this default decide."""
    applicable: dict[str, list[dict]] = {"deny": [], "ask": [], "allow": [], "require": []}
    spent: dict[str, list[dict]] = {"allow": [], "require": []}
    unknown: dict[str, set[str]] = {}
    valid = ACTION.fullmatch(request["action"]) and len(request["action"]) <= 256
    for rule in sorted(rules, key=lambda rule: rule["id"]) if valid else ():
        truth, paths = rule_holds(document, rule, request)
        if limit := rule.get("limit", rule.get("over")):
            held = (truth, paths)
            over, beyond = beyond_limit(rule["id"], limit, {"document": document, "request": request})
            if "over" in rule:
                truth, paths = combined(min, [held, (over, beyond)])
            elif rule["effect"] == "allow":
                truth, paths = combined(min, [held, (1 - over, beyond)])
                spent["allow"] += [rule] if min(held[0], over) == 1 else []
            elif (past := combined(min, [held, (over, beyond)]))[0]:
                spent["require"].append({**rule, "spent_unknown": past[1] if past[0] == UNKNOWN else None})
        if truth == 1 or (truth == UNKNOWN and rule["effect"] != "allow"):
            satisfied = rule["effect"] == "ask" and rule["id"] in request.get("approved", ())
            applicable["allow" if satisfied else rule["effect"]].append(rule)
            if truth == UNKNOWN:
                unknown[rule["id"]] = paths
    fallback = default if valid else "deny"
    effect = next((effect for effect in ("deny", "ask", "allow") if applicable[effect]), fallback)
    deciding, required = applicable[effect], applicable["require"] if effect != "deny" else []
    known = [rule for rule in deciding if rule["id"] not in unknown]
    by_limit = effect == "deny" and bool(known) and all("over" in rule for rule in known)
    if valid and spent["require"] and effect != "deny":
        effect, deciding, required, by_limit = "deny", spent["require"], [], True
        unknown = {rule["id"]: rule["spent_unknown"] for rule in deciding if rule["spent_unknown"] is not None}
    elif valid and spent["allow"] and effect == "deny" and not deciding:
        deciding, by_limit = spent["allow"], True
    by_unknown = effect != "allow" and deciding and all(rule["id"] in unknown for rule in deciding)
    by = f"{PAST[effect]}_by_{'rule' if deciding else 'default'}"
    by = "limit_exceeded" if by_limit else by
    reason = "request_invalid" if not valid else "condition_unknown" if by_unknown else by
    records = [rule["record"] for rule in required if "record" in rule]
    return {
        "effect": effect,
        "rules": [rule["id"] for rule in deciding],
        "reason": reason,
        "unknowns": sorted((r["id"], path) for r in deciding + required for path in unknown.get(r["id"], ())),
        "obligations": {
            "redact": sorted({path for rule in required for path in rule.get("redact", ())}),
            "labels": sorted({label for rule in required for label in rule.get("label", ())}),
            **({"record": min(records, key=RECORDS.index)} if records else {}),
        },
    }


def beyond_limit(rule: str, limit: dict, scope: dict) -> tuple[float, set[str]]:
    """Whether what is used and what the request adds are more than the limit, and the path that leaves it unknown."""
    used = dict(scope["request"].get("usage", ())).get(rule, 0)
    most = limit.get("max", limit.get("calls"))
    if "sum" not in limit:
        return exact_sum(used, 1) > Fraction(most), set()
    steps = parse_path(limit["sum"])
    value = find(steps, scope)
    kind, amount = read(value) if value is not MISSING and value is not MISTYPED else ("", value)
    if kind != "number" or amount < 0:
        return UNKNOWN, {path_text(steps)}
    if Fraction(amount) * 10**18 % 1 or Fraction(amount) > 10**20:
        return UNKNOWN, {path_text(steps)}
    return exact_sum(used, amount) > Fraction(most), set()


def exact_sum(left: Any, right: Any) -> Fraction:
    return Fraction(Decimal(left)) + Fraction(Decimal(right))


def rule_holds(document: dict, rule: dict, request: dict) -> tuple[float, set[str]]:
    """Whether the rule's action, agent and conditions hold, and the paths that leave it unknown."""
    agent, scope = rule.get("agent", {}), {"document": document, "request": request}
    parts: list = [(any(re.fullmatch(action_glob(glob), request["action"]) for glob in rule["action"]), set())]
    if "id" in agent:
        globs = [re.escape(glob).replace(r"\*", ".*") for glob in agent["id"]]
        parts.append((any(re.fullmatch(glob, request["agent"]) for glob in globs), set()))
    if "role" in agent:
        parts.append((any(role in request.get("roles", ()) for role in agent["role"]), set()))
    if "when" in rule:
        parts.append(condition(rule["when"], scope))
    if "unless" in rule:
        parts.append(condition({"not": rule["unless"]}, scope))
    return combined(min, parts)


def action_glob(pattern: str) -> str:
    """`*` is any run of characters of one segment, which is never empty; `**` is one segment or more."""
    whole = {"*": "[^.]+", "**": r"[^.]+(?:\.[^.]+)*"}
    segments = pattern.split(".")
    return r"\.".join(whole.get(segment) or re.escape(segment).replace(r"\*", "[^.]*") for segment in segments)


def combined(how: Any, parts: list[tuple[float, set[str]]]) -> tuple[float, set[str]]:
    truth = how(part for part, _ in parts)
    return truth, {path for part, paths in parts if truth == part == UNKNOWN for path in paths}


def condition(tree: dict, scope: dict) -> tuple[float, set[str]]:
    """The truth of a mapping of conditions, and the paths of the leaves that leave it unknown."""
    parts: list = []
    for key, body in tree.items():
        if key in ("all", "any"):
            parts.append(combined(min if key == "all" else max, [condition(child, scope) for child in body]))
        elif key == "not":
            truth, paths = condition(body, scope)
            parts.append((1 - truth, paths))
        else:
            optional, steps = key.endswith("?"), parse_path(key.removesuffix("?"))
            value = find(steps, scope)
            truth = 0 if optional and value is MISSING else operators(value, body, scope)
            parts.append((truth, {path_text(steps)}))
    return combined(min, parts)


def parse_path(text: str) -> list[tuple[str, bool]]:
    """The steps of a path, each with whether it was quoted."""
    return [(bare or re.sub(r"\\(.)", r"\1", quoted), not bare) for bare, quoted in SEGMENT.findall(text)]


def path_text(steps: list[tuple[str, bool]]) -> str:
    """A path as reports write it: quoted only where it must be, to be read as the same steps again."""
    spelt = {text: '"' + re.sub(r'(["\\])', r"\\\1", text) + '"' for text, quoted in steps if quoted}
    return ".".join(text if BARE.fullmatch(text) or not quoted else spelt[text] for text, quoted in steps)


def find(steps: list[tuple[str, bool]], scope: dict) -> Any:
    """What a path leads to, or MISSING, or MISTYPED when a step goes into something that has no parts."""
    request, root = scope["request"], steps[0][0]
    if root == "run":
        run = {"labels": sorted(request.get("labels", ())), "depth": request.get("depth", 0)}
        run["calls"] = request.get("calls", 0)
        value = {**run, "parent": request.get("parent")}[steps[1][0]]
        return MISSING if value is None else value
    if root == "time":
        hours = request["now_micros"] // 3_600_000_000
        return {"hour": hours % 24, "weekday": (hours // 24 + 3) % 7 + 1}[steps[1][0]]
    value = request["args"] if root == "args" else scope["item"]
    for text, quoted in steps[1:]:
        kind, value = read(value)
        if kind == "map":
            value = value.get(text, MISSING)
        elif kind == "list" and not isinstance(value, Sorted) and INDEX.fullmatch(text) and not quoted:
            value = value[int(text)] if int(text) < len(value) else MISSING
        else:
            return MISTYPED
        if value is MISSING:
            break
    return value


def read(value: Any) -> tuple[str, Any]:
    """A value's kind as operators see it, and the value in one shape per kind. Without a kind it cannot be read."""
    if isinstance(value, Enum):
        return read(value.value)
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        return "number" if exact.is_finite() else "", exact
    if isinstance(value, (str, UUID, PurePath)):
        return "" if re.search("[\ud800-\udfff]", str(value)) else "string", str(value)
    if isinstance(value, (set, frozenset)):
        raise TypeError("give sets in the tagged form, which orders them")
    return KINDS.get(type(value), ""), value


def operators(value: Any, tests: dict, scope: dict) -> float:
    """The conjunction of all operators that one value is held to."""
    found, fold = value is not MISSING and value is not MISTYPED, bool(tests.get("ignore_case"))
    truths: list = [tests["present"] == found] if "present" in tests else []
    scope = {**scope, "dialect": tests.get("dialect", "generic")}
    for name in tests.keys() - {"present", "ignore_case", "dialect"}:
        truth = test(NEGATED.get(name, name), value, tests[name], fold, scope) if found else UNKNOWN
        truths.append(1 - truth if name in NEGATED else truth)
    return min(truths)


def test(name: str, value: Any, operand: Any, fold: bool, scope: dict) -> float:
    """The truth of one operator."""
    if given := isinstance(operand, dict) and operand.keys() == {"arg"}:
        operand = find(parse_path(operand["arg"]), scope)
        if operand is MISSING or operand is MISTYPED:
            return UNKNOWN
    kind, value = read(value)
    if name == "eq":
        return equal(value, operand, fold, parse=True)
    if name == "in":
        choices = scope["document"]["sets"][operand[1:]] if isinstance(operand, str) else operand
        return max(equal(value, choice, fold, parse=True) for choice in choices)
    if name in ORDERS:
        other, operand = read(operand)
        return ORDERS[name](value, operand) if kind == other == "number" else UNKNOWN
    if name in TIMES:
        return in_time(name, value, operand)
    if name == "contains" and kind == "list":
        return max((equal(item, operand, fold, parse=True) for item in value), default=0)
    if name in ("length", "size", "keys", "each", "some"):
        return inner(name, kind, value, operand, scope)
    if kind == "number" and name == "seen_in":
        number = plain_number(format(value, "f"))
        return seen(number, [number], operand, scope)
    if kind != "string":
        return UNKNOWN
    if name in ("programs", "command", "writes", "redirects", "has_substitution"):
        from tests.property import reference_shell as shell

        return shell.test(name, value, operand, lambda words, tests: operators(words, tests, scope))
    if name in SQL_TESTS:
        return sql(name, value, operand, scope)
    if name in TEXT_TESTS:
        parts = [read(part) for part in (operand if isinstance(operand, list) and not given else [operand])]
        usable = [folding(part, fold) if kind == "string" and part else None for kind, part in parts]
        return max(UNKNOWN if part is None else TEXT_TESTS[name](folding(value, fold), part) for part in usable)
    if name == "matches":
        pattern = {"anchored": True, **(operand if isinstance(operand, dict) else {"pattern": operand})}
        regex = rf"\A(?:{pattern['pattern']})\Z" if pattern["anchored"] else pattern["pattern"]
        return re.search(regex, value, re.IGNORECASE if fold else 0) is not None
    if name == "under":
        return max(under(value, base) for base in (operand if isinstance(operand, list) else [operand]))
    if name == "seen_in":
        text = re.sub(rf"\A[{SPACES}]+|[{SPACES}]+\Z", "", unicodedata.normalize("NFC", value))
        iban = valid_iban(re.sub(f"[{SPACES}]", "", text))
        wanted = [iban] if iban else [normal_token(token) for token in tokens(text)]
        return seen(text, wanted, operand, scope) if len(value.encode()) <= 4096 else UNKNOWN
    return web_test(name, value, operand, fold)


def sql(name: str, value: str, operand: Any, scope: dict) -> float:
    """Nothing is read here: the request says what its texts were made of."""
    told = scope["request"].get("sql", {}).get(value, {}).get(scope["dialect"], {}).get(name)
    if told is None:
        return UNKNOWN
    return told == operand if name == "has_where" else operators(told, operand, scope)


def web_test(name: str, value: str, operand: Any, fold: bool) -> float:
    from tests.property import reference_web as web  # needs `ada`, which the demo has not

    if name in ("name", "extension"):
        return web.named(name, path_segments(value), operand, lambda text: folding(text, fold))
    if name == "glob":
        return web.glob(value, operand, fold=fold)
    if name in ("network", "domain"):
        return web.network(value, operand) if name == "network" else web.domain(value, operand)
    if name in ("scheme", "host", "port", "private_address"):
        return web.url(name, value, operand)
    raise ValueError(f"unknown operator `{name}`")


def inner(name: str, kind: str, value: Any, body: dict, scope: dict) -> float:
    """The operators that look into a value with operators again."""
    if kind == "map" and name == "keys":
        return operators(sorted(value), body, scope)
    if name == "size" and kind == "list" and b"\0" in value:  # words of a command that cannot be told
        return UNKNOWN
    if name in ("length", "size"):
        counted = ("string",) if name == "length" else ("list", "map")
        return operators(len(value), body, scope) if kind in counted else UNKNOWN
    if kind != "list" or name == "keys":
        return UNKNOWN
    if any(key in ("item", "all", "any", "not") or key.startswith(("item.", "item?")) for key in body):
        truths = [condition(body, {**scope, "item": item})[0] for item in value]
    else:
        truths = [operators(item, body, scope) for item in value]
    return min(truths, default=UNKNOWN) if name == "each" else max(truths, default=0)


def equal(left: Any, right: Any, fold: bool, parse: bool = False) -> float:
    """Equality within one kind; across kinds it is unknown. `parse`: a string is read as the date it is held to."""
    (kind, left), (other, right) = read(left), read(right)
    if parse and kind == "string" and other in ("date", "datetime"):
        kind, left = parse_time(other, left)
    if not kind or kind != other or isinstance(left, Sorted) != isinstance(right, Sorted):
        return UNKNOWN
    if kind == "datetime":
        return moment(left) == moment(right) if (left.tzinfo is None) == (right.tzinfo is None) else UNKNOWN
    if kind == "list" and len(left) == len(right):
        return min((equal(a, b, fold) for a, b in zip(left, right, strict=True)), default=1)
    if kind == "map" and left.keys() == right.keys():
        return min((equal(left[key], right[key], fold) for key in left), default=1)
    return folding(left, fold) == folding(right, fold) if kind == "string" else left == right


def folding(text: str, fold: bool) -> str:
    """Without case, character by character, so that a part of a text folds to a part of the folded text."""
    return "".join(character.lower() for character in text.lower().upper()) if fold else text


def in_time(name: str, value: Any, operand: Any) -> float:
    (kind, value), (other, operand) = read(value), read(operand)
    if other == "string":
        other, operand = parse_time("date" if DATE.fullmatch(operand) else "datetime", operand)
    if kind == "string" and other in ("date", "datetime"):
        kind, value = parse_time(other, value)
    if kind == other == "date":
        return TIMES[name](value, operand)
    aware = kind == other == "datetime" and value.tzinfo and operand.tzinfo
    return TIMES[name](moment(value), moment(operand)) if aware else UNKNOWN


def parse_time(kind: str, text: str) -> tuple[str, Any]:
    """The date or datetime that a string spells strictly; without a kind if it spells none."""
    try:
        if kind == "date":
            return (kind, date.fromisoformat(text)) if DATE.fullmatch(text) else ("", text)
        if match := DATETIME.fullmatch(text):
            fraction, offset = (match[2] or ".").ljust(7, "0"), (match[3] or "").replace("Z", "+00:00")
            return kind, datetime.fromisoformat(text[:19] + fraction + offset)
    except ValueError:
        pass
    return "", text


def moment(value: datetime) -> timedelta:
    """The time since the epoch: in UTC if there is an offset, else on the wall clock."""
    return value.replace(tzinfo=timezone.utc) - EPOCH - (value.utcoffset() or timedelta())


def under(text: str, base: str) -> float:
    """Whether a path lies within another, as normalised text."""
    path, root = path_segments(text), path_segments(base)
    comparable = path is not None and root is not None and text.startswith("/") == base.startswith("/")
    return path[: len(root)] == root if comparable else UNKNOWN


def path_segments(path: str) -> list[str] | None:
    """A path's segments without `.` and `..`; nothing for a malformed path."""
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == ".." and segments:
            segments.pop()
        elif segment == "..":
            return None
        elif segment not in ("", "."):
            segments.append(segment)
    return None if MALFORMED_PATH.search(path) or len(path.encode()) > 4096 else segments


def seen(text: str, wanted: list[str], origins: list[str], scope: dict) -> float:
    """Whether the tokens that are wanted stand next to each other in one text of these origins."""
    if not 4 <= len(text) <= 4096 or not wanted:
        return UNKNOWN
    room = TEXT_LIMIT
    for origin, chunk in scope["request"].get("texts", ()):
        kept = chunk.encode()[:room].decode(errors="ignore")
        if kept != chunk:  # the bound is hit: what follows is lost, and so is the token that it cuts
            kept, room = re.sub(rf"[^{SPACES}]*\Z", "", kept), -1
        raw = tokens(unicodedata.normalize("NFC", kept)) if origin in origins else []
        normal = [normal_token(token) for token in raw]
        here = any(normal[start : start + len(wanted)] == wanted for start in range(len(normal)))
        if here or (len(wanted) == 1 and wanted[0] in ibans(raw)):
            return 1
        if room < 0:
            return UNKNOWN
        room -= len(chunk.encode())
    return 0


def tokens(text: str) -> list[str]:
    return list(filter(None, (token.lstrip(EDGES).rstrip(EDGES + ":") for token in SPLIT.split(text))))


def normal_token(token: str) -> str:
    if NUMBER.fullmatch(token):
        return plain_number(token.replace(",", ""))
    if url := URL.fullmatch(token):
        scheme, user, host, port, rest = (part or "" for part in url.groups())
        port = "" if port == {"http": ":80", "https": ":443"}[scheme.lower()] else port
        return scheme.lower() + "://" + user + host.lower() + port + ("" if rest == "/" else rest)
    return mail[1] + "@" + mail[2].lower() if (mail := MAIL.fullmatch(token)) else token


def plain_number(text: str) -> str:
    whole, _, fraction = text.lstrip("+-").partition(".")
    number = ((whole.lstrip("0") or "0") + "." + fraction.rstrip("0")).rstrip(".")
    return "-" + number if text.startswith("-") and number != "0" else number


def valid_iban(text: str) -> str | None:
    moved = "".join(str(int(character, 36)) for character in text[4:] + text[:4]) if IBAN.fullmatch(text) else "0"
    return text.upper() if int(moved) % 97 == 1 else None


def ibans(raw: list[str]) -> set[str | None]:
    """The account numbers of a text: of one token, or of tokens of four with a last one of one to four."""
    runs = [raw[start:end] for start in range(len(raw)) for end in range(start + 1, start + 10)]
    return {valid_iban("".join(r)) for r in runs if len(r) == 1 or ({*map(len, r[:-1])} == {4} and len(r[-1]) <= 4)}


def untag(value: Any) -> Any:
    """Python objects for the canonical JSON form. An enum is its value, a path and a UUID their text."""
    if isinstance(value, list):
        return [untag(item) for item in value]
    if not isinstance(value, dict):
        return value
    tag, body = next(iter(value.items()), ("", None)) if len(value) < 2 else ("", None)
    if tag in SIMPLE_TAGS:
        return SIMPLE_TAGS[tag](body)
    if tag in ("$date", "$datetime"):
        return parse_time(tag[1:], body)[1]
    if tag in ("$enum", "$set"):
        return untag(body["value"]) if tag == "$enum" else Sorted(untag(body))
    return {key: untag(item) for key, item in (body if tag == "$map" else value).items()}
