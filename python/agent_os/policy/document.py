"""The policy document, typed and closed: a key that is not here is an error.

Conditions, action patterns and reserved keys are left to the compiler, which is the one place that
knows them; these models hold the shape around them. Importing this module imports pydantic.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Effect = Literal["allow", "ask", "deny"]
Origin = Literal["user", "system", "trusted", "untrusted"]


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _id_only(value: Any) -> Any:
    return {"id": value} if isinstance(value, str) else value


#: A text, or a non-empty list of texts.
Texts = Annotated[list[str], BeforeValidator(_one_or_many, json_schema_input_type=str | list[str]), Field(min_length=1)]
#: A condition; its inside is the compiler's.
Condition = Annotated[dict[str, Any], Field(min_length=1)]


class Closed(BaseModel):
    """What all parts share: no unknown keys, no conversions (`"5"` is not 5), no changes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class AgentClause(Closed):
    """Whom a rule is for; both given: both must hold."""

    id: Texts | None = Field(None, description="agent ids, with `*` for any run of characters; any of the list")
    role: Texts | None = Field(None, description="roles; any of the list")


class ExampleAgent(Closed):
    """The agent of an example."""

    id: str = "example"
    roles: list[str] = []


class ExampleRun(Closed):
    """The run state of an example."""

    labels: list[str] = []
    depth: int = Field(0, ge=0)
    parent: str | None = None
    texts: list[Annotated[dict[Origin, str], Field(min_length=1, max_length=1)]] = Field(
        [], description="the run's texts in order, each with its origin: `{user: pay 100 to …}`"
    )


class ExampleRequest(Closed):
    """The request of an example."""

    action: str
    args: dict[str, Any] = {}
    agent: Annotated[ExampleAgent, BeforeValidator(_id_only, json_schema_input_type=str | ExampleAgent)] = (
        ExampleAgent()
    )
    run: ExampleRun = ExampleRun()
    time: datetime = Field(datetime.fromisoformat("2024-01-01T12:00:00+00:00"), description="default: a Monday, noon")


class Example(Closed):
    """A request and what must be decided; exactly one of the three."""

    allow: ExampleRequest | None = None
    ask: ExampleRequest | None = None
    deny: ExampleRequest | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Example:
        if len(self.model_fields_set) != 1:
            raise ValueError("an example holds exactly one of `allow`, `ask` and `deny`")
        return self

    @property
    def expected(self) -> Effect:
        """The effect that the example says."""
        return "allow" if self.allow else "ask" if self.ask else "deny"

    @property
    def request(self) -> ExampleRequest:
        """The request that the example shows."""
        request = self.allow or self.ask or self.deny
        assert request is not None
        return request


class Rule(Closed):
    """One rule."""

    id: str = Field(description="unique over the bundle; what logs and explanations say")
    effect: Literal["allow", "ask", "deny", "require"]
    action: Texts = Field(description="exact, or with `*` inside a segment and `**` for one or more segments")
    agent: AgentClause | None = Field(None, description="absent: any agent")
    when: Condition | None = Field(None, description="must hold for the rule to apply")
    unless: Condition | None = Field(None, description="must not hold for the rule to apply")
    message: str | None = Field(None, description="what the person who meets the rule is told")
    redact: Texts | None = Field(None, description="only on `require`: paths to hide, `args.…` or `result.…`")
    label: Texts | None = Field(None, description="only on `require`: labels that the run gets")
    record: Literal["full", "fields", "none"] | None = Field(None, description="only on `require`: what is recorded")
    examples: Annotated[list[Example], Field(min_length=1)] | None = Field(None, description="run at every load")


class Document(Closed):
    """One file of rules."""

    agent_os: Literal[1] = Field(description="the version of this language")
    name: str = Field("unnamed", min_length=1)
    default: Literal["deny", "allow"] = Field("deny", description="what happens if no rule applies")
    extends: Texts | None = Field(None, description="presets or relative files whose rules also hold")
    closed: bool = Field(False, description="no allow rule may be added by other files")
    sets: dict[str, Annotated[list[Any], Field(min_length=1)]] = {}
    rules: Annotated[list[Rule], Field(min_length=1)] | None = None
