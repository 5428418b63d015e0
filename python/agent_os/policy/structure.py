"""From a file's values to a typed document; what does not fit is told in the words of the policy language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from agent_os.policy.case_file import Case, CaseFile
from agent_os.policy.document import (
    AgentClause,
    Document,
    Example,
    ExampleAgent,
    ExampleRequest,
    ExampleRun,
    Limit,
    Rule,
)
from agent_os.policy.places import Source, last_step, pointer_of
from agent_os.policy.problems import Report, nearest, suggestion
from agent_os.policy.wording import HABITS, WANTED, literal_hint, missing_hint, subject, type_hint, what_is

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_Model = TypeVar("_Model", bound=BaseModel)
_Place = tuple[type[BaseModel], str]

_INSIDE: Final[dict[tuple[type[BaseModel], str], _Place]] = {
    (Document, "rules"): (Rule, "a rule"),
    (Rule, "agent"): (AgentClause, "the agent of a rule"),
    (Rule, "limit"): (Limit, "a limit"),
    (Rule, "over"): (Limit, "a limit"),
    (Rule, "examples"): (Example, "an example"),
    (CaseFile, "tests"): (Case, "a test"),
    (Case, "allow"): (ExampleRequest, "a test's request"),
    (Case, "ask"): (ExampleRequest, "a test's request"),
    (Case, "deny"): (ExampleRequest, "a test's request"),
    (Example, "allow"): (ExampleRequest, "an example's request"),
    (Example, "ask"): (ExampleRequest, "an example's request"),
    (Example, "deny"): (ExampleRequest, "an example's request"),
    (ExampleRequest, "agent"): (ExampleAgent, "an example's agent"),
    (ExampleRequest, "run"): (ExampleRun, "an example's run"),
}


def typed(source: Source, report: Report, model: type[_Model], what: str = "a policy") -> _Model | None:
    """The file as a model; ``None`` after reporting everything that does not fit."""
    try:
        return model.model_validate(source.value)
    except ValidationError as error:
        for detail in error.errors(include_url=False, include_context=True):
            _tell(detail, source, report, (model, what))
        return None


def _tell(detail: Mapping[str, Any], source: Source, report: Report, root: _Place) -> None:
    steps: Sequence[str | int] = detail["loc"]
    at_key = bool(steps) and steps[-1] == "[key]"
    pointer = pointer_of(steps[:-1] if at_key else steps)
    kind, found = detail["type"], detail["input"]
    name = last_step(pointer)
    if kind == "extra_forbidden":
        model, what = _model_at(root, steps[:-1])
        hint = HABITS.get(name, "") if nearest(name, model.model_fields) is None else ""
        message = f"`{name}` is not a key of {what}"
        report.add(source, pointer, "unknown_key", message, hint or _known(name, model, what), key=True)
    elif kind == "missing":
        model, what = _model_at(root, steps[:-1])
        message = f"`{name}` is missing from {what}"
        report.add(source, pointer, "missing_key", message, missing_hint(name))
    elif kind == "literal_error" and name in ("agent_os", "agent_os_tests"):
        message = f"version `{found}` of the language is not understood"
        report.add(source, pointer, "bad_version", message, f"write `{name}: 1`")
    elif kind == "literal_error":
        code = "unknown_key" if at_key else "bad_effect"
        message = f"`{found}` is not one of {detail['ctx']['expected']}".replace("'", "`")
        hint = literal_hint(found, str(detail["ctx"]["expected"]))
        report.add(source, pointer, code, message, hint, key=at_key)
    elif kind in ("too_short", "string_too_short"):
        message = f"{subject(steps)} is empty"
        report.add(source, pointer, "empty", message, "write at least one member, or remove the key")
    elif kind == "value_error":
        message = str(detail["ctx"]["error"])
        hint = f"write {{deny: {{action: …, args: {{…}}}}}}, or one per {message.split()[1]}"
        report.add(source, pointer, "bad_example", message, hint)
    else:
        message = f"{subject(steps)} must be {WANTED.get(kind, 'something else')}, not {what_is(kind, found)}"
        report.add(source, pointer, "wrong_type", message, type_hint(kind, found))


def _model_at(root: _Place, steps: Sequence[str | int]) -> _Place:
    place = root
    for step in steps:
        if isinstance(step, str):
            place = _INSIDE.get((place[0], step), place)
    return place


def _known(name: str, model: type[BaseModel], what: str) -> str:
    known = [key for key in model.model_fields if key not in ("limit", "over", "signal")]
    return suggestion(name, known, f"the keys of {what} are")
