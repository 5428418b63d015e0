"""Files of tests: requests with what a policy must decide about them. Importing this module imports pydantic."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from agent_os.policy.document import (
    Closed,
    Effect,
    ExampleRequest,
    Texts,
    absent,
    exactly_an_integer,
)

_EFFECTS: tuple[Effect, ...] = ("allow", "ask", "deny")


class Case(Closed):
    """A request and what must be decided; exactly one of the three effects."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1})

    name: str = Field(default_factory=absent, description="what the test is about")
    allow: ExampleRequest = Field(default_factory=absent)
    ask: ExampleRequest = Field(default_factory=absent)
    deny: ExampleRequest = Field(default_factory=absent)
    by: Texts = Field(default_factory=absent, description="ids of rules that must be among those that decide")

    @model_validator(mode="after")
    def _exactly_one(self) -> Case:
        if len(self.model_fields_set & {*_EFFECTS}) != 1:
            raise ValueError("a test holds exactly one of `allow`, `ask` and `deny`")
        return self

    @property
    def expected(self) -> Effect:
        """The effect that the test says."""
        return next(effect for effect in _EFFECTS if effect in self.model_fields_set)

    @property
    def request(self) -> ExampleRequest:
        """The request that the test shows."""
        request: ExampleRequest = getattr(self, self.expected)
        return request


class CaseFile(Closed):
    """One file of tests."""

    agent_os_tests: Annotated[Literal[1], BeforeValidator(exactly_an_integer)] = Field(
        description="the version of this format"
    )
    tests: Annotated[list[Case], Field(min_length=1)]
