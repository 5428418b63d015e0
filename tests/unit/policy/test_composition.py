"""Bundles are unions: strictest default, no override, and a closed file stays closed."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from agent_os.errors import PolicyError
from agent_os.policy import Policy
from agent_os.policy.files import pack_names, preset_names

ALLOW = "  - {{id: {0}, effect: allow, action: {0}}}\n"


def write(folder: Path, name: str, head: str = "", rules: str = "") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"agent_os: 1\nname: {path.stem}\n{head}" + (f"rules:\n{rules}" if rules else ""))
    return path


def code_of(source: object) -> str:
    with pytest.raises(PolicyError) as error:
        Policy.load(source)  # type: ignore[arg-type]
    return error.value.code


def ids(policy: Policy) -> list[str]:
    return [rule["id"] for rule in policy.bundle.rules]


def test_a_file_extends_files_relative_to_itself(tmp_path: Path) -> None:
    write(tmp_path, "shared/base.yaml", "sets: {codes: [EUR]}\n", ALLOW.format("base"))
    write(tmp_path, "teams/team.yaml", "extends: ../shared/base.yaml\n", ALLOW.format("team"))
    top = write(tmp_path, "top.yaml", "extends: [./teams/team.yaml, strict]\n", ALLOW.format("top"))
    policy = Policy.load(top)
    assert {"base", "team", "top", "strict/run-agents"} <= set(ids(policy))
    assert policy.name == "top"
    assert policy.rule_location("base") == (str(tmp_path / "shared" / "base.yaml"), 5)
    assert policy.rule_location("strict/run-agents") == ("agent_os/policy/presets/strict.yaml", 8)
    assert policy.rule_location("nobody") is None
    assert len(policy.files) == 3


def test_a_file_that_is_reached_twice_counts_once(tmp_path: Path) -> None:
    write(tmp_path, "base.yaml", "sets: {codes: [EUR]}\n", ALLOW.format("base"))
    one = write(tmp_path, "one.yaml", "extends: ./base.yaml\n", ALLOW.format("one"))
    two = write(tmp_path, "two.yaml", "extends: [./one.yaml, ./base.yaml]\n", ALLOW.format("two"))
    link = tmp_path / "again.yaml"
    link.symlink_to(one)
    policy = Policy.load([one, two, link, tmp_path / "." / "base.yaml"])
    assert sorted(ids(policy)) == ["base", "one", "two"]


def test_the_order_of_files_changes_nothing(tmp_path: Path) -> None:
    files = [write(tmp_path, f"{name}.yaml", "", ALLOW.format(name)) for name in ("a", "b", "c")]
    assert len({Policy.load(list(order)).digest for order in itertools.permutations(files)}) == 1


@pytest.mark.parametrize(
    ("first", "second", "default"),
    [("allow", "allow", "allow"), ("allow", "deny", "deny"), ("deny", "allow", "deny"), ("allow", "", "deny")],
)
def test_the_strictest_default_wins_and_an_absent_one_is_deny(
    tmp_path: Path, first: str, second: str, default: str
) -> None:
    a = write(tmp_path, "a.yaml", f"default: {first}\n", ALLOW.format("a"))
    b = write(tmp_path, "b.yaml", f"default: {second}\n" if second else "", ALLOW.format("b"))
    c = write(tmp_path, "c.yaml", "default: allow\nextends: [./a.yaml, ./b.yaml]\n")
    assert Policy.load([a, b]).default == default
    assert Policy.load(c).default == default


def test_an_id_or_a_set_that_is_defined_twice_names_both_places(tmp_path: Path) -> None:
    write(tmp_path, "base.yaml", "sets: {codes: [EUR]}\n", ALLOW.format("pay"))
    top = write(tmp_path, "top.yaml", "extends: ./base.yaml\nsets: {codes: [EUR]}\n", ALLOW.format("pay"))
    with pytest.raises(PolicyError) as error:
        Policy.load(top)
    assert [(p.code, p.line) for p in error.value.problems] == [("redefined_set", 4), ("duplicate_id", 6)]
    assert f"{tmp_path / 'base.yaml'}:3" in error.value.problems[0].hint
    assert f"{tmp_path / 'base.yaml'}:5" in error.value.problems[1].hint


def test_sets_are_inherited_and_shared(tmp_path: Path) -> None:
    write(tmp_path, "sets.yaml", "sets: {codes: [EUR, SEK]}\n")
    rule = "  - {id: pay, effect: allow, action: pay, when: {args.code: {in: $codes}}}\n"
    top = write(tmp_path, "top.yaml", "extends: ./sets.yaml\n", rule)
    policy = Policy.load(top)
    assert policy.decide("pay", {"code": "SEK"}, agent="a").effect == "allow"
    assert policy.decide("pay", {"code": "USD"}, agent="a").effect == "deny"


def test_nobody_opens_what_a_file_has_closed(tmp_path: Path) -> None:
    base = write(tmp_path, "base.yaml", "closed: true\n", ALLOW.format("base"))
    child = write(tmp_path, "child.yaml", "extends: ./base.yaml\n", ALLOW.format("child"))
    grandchild = write(tmp_path, "grandchild.yaml", "extends: ./middle.yaml\n", ALLOW.format("grandchild"))
    write(tmp_path, "middle.yaml", "extends: ./base.yaml\n")
    beside = write(tmp_path, "beside.yaml", "", ALLOW.format("beside"))
    assert code_of(child) == "closed"
    assert code_of(grandchild) == "closed"
    assert code_of([base, beside]) == "closed"
    assert code_of([Policy.load(beside), Policy.load(base)]) == "closed"


def test_a_closed_file_may_extend_allows_and_be_narrowed(tmp_path: Path) -> None:
    write(tmp_path, "below.yaml", "", ALLOW.format("below"))
    write(tmp_path, "base.yaml", "closed: true\nextends: ./below.yaml\n", ALLOW.format("base"))
    rules = "  - {id: no, effect: deny, action: base}\n  - {id: maybe, effect: ask, action: below}\n"
    policy = Policy.load(write(tmp_path, "child.yaml", "extends: ./base.yaml\n", rules))
    assert policy.decide("base", agent="a").effect == "deny"
    assert policy.decide("below", agent="a").effect == "ask"


def test_files_that_extend_each_other_are_an_error(tmp_path: Path) -> None:
    a = write(tmp_path, "a.yaml", "extends: ./b.yaml\n", ALLOW.format("a"))
    write(tmp_path, "b.yaml", "extends: ./a.yaml\n", ALLOW.format("b"))
    assert code_of(a) == "extends_cycle"


def test_a_long_chain_of_files_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    for number in range(200):
        write(tmp_path, f"f{number}.yaml", f"extends: ./f{number + 1}.yaml\n")
    write(tmp_path, "f200.yaml", "", ALLOW.format("last"))
    assert code_of(tmp_path / "f0.yaml") == "too_deep"


@pytest.mark.parametrize("source", [[], (), None, 5, b"strict", "", object(), [None], ["strict", 5]])
def test_what_is_no_policy_is_refused(source: object) -> None:
    assert code_of(source) == "bad_source"


def test_an_unknown_preset_names_the_nearest_and_all() -> None:
    with pytest.raises(PolicyError) as error:
        Policy.load("stirct")
    assert error.value.code == "unknown_preset"
    assert error.value.hint.startswith("did you mean `strict`? the presets and packs are `observe`, ")
    assert all(f"`{name}`" in error.value.hint for name in (*preset_names(), *pack_names()))


def test_a_file_that_is_named_like_a_preset_is_named_with_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "desk", "", ALLOW.format("desk"))
    with pytest.raises(PolicyError, match=r"there is no preset `desk`") as error:
        Policy.load("desk")
    assert "`./desk`" in str(error.value.hint)
    assert Policy.load("./desk").name == "desk"


POSIX = pytest.mark.skipif(os.name != "posix", reason="pipes and devices with names")


@pytest.mark.parametrize(
    "name", ["folder", "absent", pytest.param("pipe", marks=POSIX), pytest.param("device", marks=POSIX)]
)
def test_what_cannot_be_read_is_told_with_its_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"{name}.yaml"
    if name == "folder":
        path.mkdir()
    elif name == "pipe":
        os.mkfifo(path)
    elif name == "device":
        path.symlink_to("/dev/zero")
    with pytest.raises(PolicyError, match="cannot be read") as error:
        Policy.load(path)
    assert (error.value.code, error.value.file) == ("not_found", str(path))


def test_what_was_judged_is_combined_again_and_not_what_a_file_holds_by_now(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", "", ALLOW.format("a"))
    policy = Policy.load(path)
    write(tmp_path, "a.yaml", "default: allow\n", ALLOW.format("changed"))
    path.unlink()
    both = Policy.load([policy, "strict"])
    assert "a" in ids(both)
    assert "changed" not in ids(both)


def test_two_texts_of_one_name_are_two_policies() -> None:
    one = Policy.from_text("agent_os: 1\nrules: [{id: a, effect: allow, action: x}]")
    two = Policy.from_text("agent_os: 1\nrules: [{id: b, effect: deny, action: x}]")
    assert Policy.load([one, two]).decide("x", agent="a").effect == "deny"


def test_a_text_extends_files_only_with_a_folder_to_start_from(tmp_path: Path) -> None:
    write(tmp_path, "base.yaml", "", ALLOW.format("base"))
    text = "agent_os: 1\nextends: ./base.yaml\n"
    with pytest.raises(PolicyError) as error:
        Policy.from_text(text)
    assert (error.value.code, error.value.line) == ("bad_source", 2)
    assert ids(Policy.from_text(text, base=tmp_path)) == ["base"]


def test_the_mistakes_of_all_files_and_stages_are_told_together(tmp_path: Path) -> None:
    rules = (
        "  - {id: a, effect: alow, action: x}\n"
        "  - {id: b, effect: allow, action: x y}\n"
        "  - {id: c, effect: allow, action: x, when: {args.a: {gtt: 5}, args.b: {eq: 010}}}\n"
        "  - {id: c, effect: allow, action: x, wehn: {}}\n"
    )
    write(tmp_path, "base.yaml", "extends: [nope]\n", "  - {id: z, effect: deny}\n")
    top = write(tmp_path, "top.yaml", "extends: ./base.yaml\n", rules)
    with pytest.raises(PolicyError) as error:
        Policy.load(top)
    found = {(Path(problem.file or "").name, problem.line, problem.code) for problem in error.value.problems}
    assert found == {
        ("base.yaml", 3, "unknown_preset"),
        ("base.yaml", 5, "missing_key"),
        ("top.yaml", 5, "bad_effect"),
        ("top.yaml", 6, "bad_action"),
        ("top.yaml", 7, "unknown_operator"),
        ("top.yaml", 7, "ambiguous_scalar"),
        ("top.yaml", 8, "duplicate_id"),
        ("top.yaml", 8, "unknown_key"),
    }
