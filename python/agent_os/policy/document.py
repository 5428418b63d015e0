"""The policy document, typed and closed: a key that is not here is an error.

Conditions, action patterns and what this version does not do yet are left to the compiler, which is the
one place that knows them; these models hold the shape around them. Importing this module imports pydantic.
"""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Annotated, Any, Literal, cast, get_args

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import PydanticCustomError

Effect = Literal["allow", "ask", "deny"]
Mode = Literal["enforce", "shadow"]
Origin = Literal["user", "system", "trusted", "untrusted"]


def _one_or_many(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def exactly_an_integer(value: Any) -> Any:
    """An integer, and anything else as text, which no version is."""
    # To Python, 1 == 1.0 == True.
    return value if type(value) is int else str(value)


def _id_only(value: Any) -> Any:
    return {"id": value} if isinstance(value, str) else value


def _number(value: Any) -> Any:
    if type(value) not in (int, float, Decimal) or not 0 <= value <= 10**20:
        raise PydanticCustomError("number", "a number from 0 to 10^20 is expected")
    return value


def absent() -> Any:
    """The default of a key that was not written."""
    # The key with nothing after it is null, and no type here takes null.
    return None


# The JSON Schemas are given where versions of pydantic make different ones.
_TEXT_OR_TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
_TEXT_BY_ORIGIN = {
    "type": "object",
    "propertyNames": {"enum": list(get_args(Origin))},
    "additionalProperties": {"type": "string"},
    "minProperties": 1,
    "maxProperties": 1,
}

#: A text, or a non-empty list of texts.
Texts = Annotated[list[str], BeforeValidator(_one_or_many), Field(min_length=1), WithJsonSchema(_TEXT_OR_TEXTS)]
#: A text of a run under its origin.
OriginText = Annotated[dict[Origin, str], Field(min_length=1, max_length=1), WithJsonSchema(_TEXT_BY_ORIGIN)]
#: A condition; its inside is the compiler's.
Condition = Annotated[dict[str, Any], Field(min_length=1)]
#: A key that the language has and the compiler refuses for now.
Reserved = Annotated[SkipJsonSchema[Any], Field(default_factory=absent)]
#: The JSON Schema of an action's arguments; its inside is the compiler's.
Schema = Annotated[Any, WithJsonSchema({"type": ["object", "boolean"]})]
#: A number from 0, exact.
Number = Annotated[Any, BeforeValidator(_number), WithJsonSchema({"type": "number", "minimum": 0})]


class Closed(BaseModel):
    """What all parts share: no unknown keys, no conversions (`"5"` is not 5), no changes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class AgentClause(Closed):
    """Whom a rule is for; both given: both must hold."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    id: Texts = Field(default_factory=absent, description="agent ids, with `*` for any run of characters; any of")
    role: Texts = Field(default_factory=absent, description="roles; any of the list")


class ExampleAgent(Closed):
    """The agent of an example."""

    id: str = "example"
    roles: list[str] = []


class ExampleRun(Closed):
    """The run state of an example."""

    labels: list[str] = []
    calls: int = Field(default=0, ge=0, description="actions that the run has had allowed")
    depth: int = Field(default=0, ge=0)
    parent: str = Field(default_factory=absent, description="the id of the agent that started this run")
    texts: list[OriginText] = Field(
        default=[], description="the run's texts in order, each under its origin: `[{user: pay 100 to …}]`"
    )


class ExampleRequest(Closed):
    """The request of an example."""

    action: str
    args: dict[str, Any] = {}
    agent: Annotated[ExampleAgent, BeforeValidator(_id_only)] = ExampleAgent()
    run: ExampleRun = ExampleRun()
    usage: dict[str, Number] = Field(default={}, description="what is used of rules' limits, by their ids")
    time: AwareDatetime = Field(datetime(2024, 1, 1, 12, tzinfo=timezone.utc), description="default: a Monday, noon")


class Example(Closed):
    """A request and what must be decided; exactly one of the three."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    allow: ExampleRequest = Field(default_factory=absent)
    ask: ExampleRequest = Field(default_factory=absent)
    deny: ExampleRequest = Field(default_factory=absent)

    @model_validator(mode="after")
    def _exactly_one(self) -> Example:
        if len(self.model_fields_set) != 1:
            raise ValueError("an example holds exactly one of `allow`, `ask` and `deny`")
        return self

    @property
    def expected(self) -> Effect:
        """The effect that the example says."""
        (effect,) = self.model_fields_set
        return cast("Effect", effect)

    @property
    def request(self) -> ExampleRequest:
        """The request that the example shows."""
        return cast("ExampleRequest", getattr(self, self.expected))


class Limit(Closed):
    """What is counted, up to how much, for how long and for whom; exactly one of `calls` and `sum`."""

    calls: int = Field(default_factory=absent, description="how many actions")
    sum: str = Field(default_factory=absent, description="the argument that is summed up: `args.amount`")
    max: Annotated[Any, WithJsonSchema({"type": "number", "exclusiveMinimum": 0})] = Field(
        default_factory=absent, description="with `sum`: the most that it may come to"
    )
    per: str = Field(description="how long an action counts: `90s`, `15m`, `24h`, `30d`, or `run`")
    by: Literal["process", "agent", "role", "action", "global"] = Field(
        default_factory=absent, description="whose actions are counted together; default `agent`, of a run `process`"
    )


class Rule(Closed):
    """One rule."""

    id: str = Field(description="unique over the bundle; what logs and explanations say")
    effect: Literal["allow", "ask", "deny", "require"]
    action: Texts = Field(description="exact, or with `*` inside a segment and `**` for one or more segments")
    agent: AgentClause = Field(default_factory=absent, description="absent: any agent")
    when: Condition = Field(default_factory=absent, description="must hold for the rule to apply")
    unless: Condition = Field(default_factory=absent, description="must not hold for the rule to apply")
    message: str = Field(default_factory=absent, description="what the person who meets the rule is told")
    redact: Texts = Field(default_factory=absent, description="on `require`: paths to hide, `args.…` or `result.…`")
    label: Texts = Field(default_factory=absent, description="on `require`: labels that the run gets")
    record: Literal["full", "fields", "none"] = Field(
        default_factory=absent, description="on `require`: what is recorded of the arguments"
    )
    subject: Texts = Field(
        default_factory=absent,
        description="on `require`: paths (`args.…`) that say whose data is recorded; it is sealed",
    )
    examples: Annotated[list[Example], Field(min_length=1)] = Field(
        default_factory=list, description="requests with what must be decided; run at every load"
    )
    mode: Mode = Field(default_factory=absent, description="`shadow`: decides nothing, and what it would is recorded")
    limit: Limit = Field(
        default_factory=absent,
        description="on `allow`: it holds within the limit; on `require`: whatever allows the action must keep to it",
    )
    over: Limit = Field(
        default_factory=absent, description="on `deny` and `ask`: the rule applies when the action passes the limit"
    )
    signal: Reserved


class Document(Closed):
    """One file of rules."""

    agent_os: Annotated[Literal[1], BeforeValidator(exactly_an_integer)] = Field(
        description="the version of this language"
    )
    name: str = Field("unnamed", min_length=1)
    default: Literal["deny", "allow"] = Field("deny", description="what happens if no rule applies")
    extends: Texts = Field(default_factory=list, description="presets or relative files whose rules also hold")
    closed: bool = Field(default=False, description="no other file may add an allow rule")
    sets: dict[str, Annotated[list[Any], Field(min_length=1)]] = {}
    tools: dict[str, Schema] = Field(
        default={}, description="JSON Schemas of actions' arguments, by action: rules that do not fit them are errors"
    )
    rules: Annotated[list[Rule], Field(min_length=1)] = Field(default_factory=list)
    mode: Mode = Field("enforce", description="`shadow`: the default and every rule of this file are in shadow")
