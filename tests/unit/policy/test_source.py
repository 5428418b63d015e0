"""Reading one file: values with places, and nothing that means something else than it shows."""

from __future__ import annotations

import pytest
import yaml

from agent_os.errors import PolicyError
from agent_os.policy.files import read_limits
from agent_os.policy.places import Source, Spot
from agent_os.policy.problems import Report
from agent_os.policy.source import compose
from agent_os.policy.text import decode


def read(text: str) -> Source:
    report = Report()
    source = compose(text, "p.yaml", read_limits(), report)
    report.check()
    assert source is not None
    return source


def codes(text: str) -> list[tuple[str, int | None, int | None]]:
    with pytest.raises(PolicyError) as error:
        read(text)
    return [(problem.code, problem.line, problem.column) for problem in error.value.problems]


def test_every_value_and_key_has_its_place() -> None:
    source = read('a:\n  - x: 1\n    "b/c~d": [2,\n      3]\n')
    assert source.value == {"a": [{"x": 1, "b/c~d": [2, 3]}]}
    assert source.place("/a/0/x") == Spot(2, 8)
    assert source.place("/a/0/x", key=True) == Spot(2, 5)
    assert source.place("/a/0/b~1c~0d/1") == Spot(4, 7)
    assert source.place("/a/0/b~1c~0d", key=True) == Spot(3, 5)


def test_the_place_of_what_is_not_there_is_that_of_its_holder() -> None:
    source = read("a:\n  b: x\n")
    assert source.place("/a/b/0") == Spot(2, 6)
    assert source.place("/a/c", key=True) == Spot(2, 3)
    assert source.place("/nowhere/at/all") == Spot(1, 1)


def test_columns_count_characters_and_not_bytes() -> None:
    assert codes("{å: 1, ä: 010}") == [("ambiguous_scalar", 1, 11)]


def test_all_mistakes_of_a_file_are_told_at_once() -> None:
    text = "a: &x [010, 1:30]\nb: *x\na: 3\nc: !!str 5\n1: True\n"
    assert codes(text) == [
        ("anchor", 1, 4),
        ("ambiguous_scalar", 1, 8),
        ("ambiguous_scalar", 1, 13),
        ("duplicate_key", 3, 1),
        ("tag", 4, 4),
        ("ambiguous_scalar", 5, 1),
        ("ambiguous_scalar", 5, 4),
    ]


def test_an_alias_without_an_anchor_is_told_with_how_to_quote_it() -> None:
    with pytest.raises(PolicyError, match=r"the alias `\*get`") as error:
        read("action: *get\n")
    assert "quote" in str(error.value.hint)


def test_a_key_that_stands_twice_keeps_the_places_of_the_first() -> None:
    assert codes("a: {b: 1}\na: {b: 010}\n") == [("duplicate_key", 2, 1), ("ambiguous_scalar", 2, 8)]


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system", "!x", "!", "!!binary"])
def test_tags_are_refused_and_nothing_is_constructed(tag: str) -> None:
    assert codes(f"a: {tag} [x]\n")[0][0] == "tag"


@pytest.mark.parametrize("nest", ["[" * 100_000, "{a: " * 100_000, "- " * 100_000])
def test_deep_nesting_ends_in_an_error_and_not_in_the_stack(nest: str) -> None:
    assert codes(nest)[0][0] == "too_deep"


def test_many_values_end_in_an_error() -> None:
    assert codes("[" + "1," * (read_limits()["policy_nodes"] + 1) + "]")[0][0] == "too_large"


def test_a_key_with_a_question_mark_may_stand_in_braces() -> None:
    assert read("{args.path?: {under: /srv}}").value == {"args.path?": {"under": "/srv"}}


def test_json_is_read_as_it_is() -> None:
    assert read('{"a": [1, "010", null, true]}').value == {"a": [1, "010", None, True]}


def test_a_file_over_its_size_is_not_read_at_all() -> None:
    report = Report()
    assert decode(b"#" * (read_limits()["policy_file_bytes"] + 1), "p.yaml", read_limits(), report) is None
    with pytest.raises(PolicyError) as error:
        report.check()
    assert (error.value.code, error.value.file) == ("too_large", "p.yaml")


@pytest.mark.parametrize("character", ["\u200b", "\u200d", "\u202e", "\u2066", "\ufeff", "\x00", "\x1b", "\x7f"])
def test_characters_that_do_not_show_are_refused(character: str) -> None:
    report = Report()
    assert decode(f"a: 1\nb: x{character}\n".encode(), "p.yaml", read_limits(), report) is None
    with pytest.raises(PolicyError) as error:
        report.check()
    assert (error.value.line, error.value.column) == (2, 5)


def test_a_yaml_reader_without_its_c_library_says_how_to_write_such_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent_os.policy.source.LOADER", yaml.SafeLoader)
    with pytest.raises(PolicyError, match="not valid YAML") as error:
        read("{args.path?: {under: /srv}}")
    assert '{"args.x?": …}' in str(error.value.hint)


def test_a_file_of_exactly_its_size_is_read() -> None:
    report = Report()
    text = decode(b"a: 1 #".ljust(read_limits()["policy_file_bytes"], b"x"), "p.yaml", read_limits(), report)
    report.check()
    assert text is not None
    assert read(text).value == {"a": 1}
