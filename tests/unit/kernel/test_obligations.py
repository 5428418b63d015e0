"""`require` rules: what is redacted, labelled and recorded, and that an obligation that cannot be met is a deny."""

from __future__ import annotations

import enum
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent_os import ApprovalRequest, FlightRecorder, KernelSpace, PolicyDenied, RecorderError
from agent_os.processes.context import current
from tests.unit.kernel.desk import RUN, desk, inside, of_kind, policy

CARD = "4111-1111-1111-1111"
HIDE = "{id: hide, effect: require, action: '**', redact: [args.card, result.card]}"
ALLOW = "{id: allow, effect: allow, action: t.pay}"
FULL = "{id: full, effect: require, action: '**', record: full}"


def everything(kernel: KernelSpace) -> str:
    """The whole log as a text, payloads included."""
    recorder = kernel.flight_recorder
    return json.dumps([recorder.resolve(entry) for entry in recorder.entries()], default=str)


def paying(kernel: KernelSpace) -> Callable[..., Any]:
    @kernel.tool("t.pay")
    def pay(card: str, amount: int = 5) -> dict[str, Any]:
        assert card == CARD, "the tool itself gets what was given"
        return {"card": card, "paid": amount}

    return pay


@pytest.mark.parametrize("record", ["none", "fields", "full"])
def test_what_is_redacted_reaches_the_tool_but_neither_the_agent_nor_the_log(record: str) -> None:
    with desk(ALLOW, HIDE, record=record) as kernel:
        pay = paying(kernel)
        assert inside(kernel, lambda: pay(CARD)) == {"card": "[redacted]", "paid": 5}
        assert CARD not in everything(kernel)


def test_the_rest_of_redacted_arguments_is_recorded() -> None:
    with desk(ALLOW, HIDE, record="full") as kernel:
        pay = paying(kernel)
        inside(kernel, lambda: pay(CARD))
        assert of_kind(kernel, "intent")[-1]["args"]["full"] == {"card": "[redacted]", "amount": 5}
        assert of_kind(kernel, "outcome")[0]["full"] == {"card": "[redacted]", "paid": 5}


def test_what_is_redacted_is_not_shown_to_the_approver() -> None:
    shown: list[ApprovalRequest] = []

    def approver(request: ApprovalRequest) -> bool:
        shown.append(request)
        return True

    with desk("{id: ask, effect: ask, action: t.pay}", HIDE, record="full", approver=approver) as kernel:
        pay = paying(kernel)
        assert inside(kernel, lambda: pay(CARD))["paid"] == 5
        assert shown[0].args == {"card": "[redacted]", "amount": 5}
        assert CARD not in repr(shown)
        assert CARD not in everything(kernel)


@pytest.mark.parametrize("approver", [None, lambda request: False, lambda request: 1 // 0])
def test_what_is_redacted_is_not_in_the_log_of_an_ask_that_was_not_confirmed(approver: Any) -> None:
    with desk("{id: ask, effect: ask, action: t.pay}", HIDE, record="full", approver=approver) as kernel:
        pay = paying(kernel)
        with pytest.raises(PolicyDenied) as denied:
            inside(kernel, lambda: pay(CARD))
        assert CARD not in str(denied.value)
        assert CARD not in everything(kernel)


def test_what_is_redacted_is_not_in_the_log_of_a_denied_call() -> None:
    """Whoever writes `require … redact` means the log, also when the answer was no."""
    no_cards = "{id: no-cards, effect: deny, action: t.pay, when: {args.card: {present: true}}}"
    for record in ("fields", "full"):
        with desk(no_cards, HIDE, record=record) as kernel:
            pay = paying(kernel)
            with pytest.raises(PolicyDenied):
                inside(kernel, lambda pay=pay: pay(CARD))
            assert CARD not in everything(kernel)


def test_redaction_reaches_into_lists_and_deep_maps() -> None:
    hide = "{id: hide, effect: require, action: '**', redact: [args.orders.card, 'args.notes.0', result.orders.card]}"
    with desk(ALLOW, hide, record="full") as kernel:

        @kernel.tool("t.pay")
        def pay(orders: list[dict[str, str]], notes: list[str]) -> dict[str, Any]:
            return {"orders": orders}

        given = [{"card": CARD, "item": "pen"}, {"card": CARD}, {"item": "ink"}]
        result = inside(kernel, lambda: pay(given, [CARD, "second"]))
        assert result == {"orders": [{"card": "[redacted]", "item": "pen"}, {"card": "[redacted]"}, {"item": "ink"}]}
        assert CARD not in everything(kernel)
        assert "second" in everything(kernel)


def test_a_result_that_cannot_be_redacted_is_withheld() -> None:
    class Opaque:
        card = CARD

    with desk(ALLOW, HIDE) as kernel:
        pay = kernel.tool("t.pay")(Opaque)
        with pytest.raises(RecorderError) as withheld:
            inside(kernel, pay)
        assert withheld.value.code == "obligation_failed"


def test_a_set_that_cannot_be_given_back_without_its_enumeration_is_withheld() -> None:
    class Kind(enum.Enum):
        PEN = "pen"

    with desk(ALLOW, HIDE) as kernel:

        @kernel.tool("t.pay")
        def pay() -> dict[str, Any]:
            return {"card": CARD, "kinds": {Kind.PEN, "pen"}}

        with pytest.raises(RecorderError) as withheld:
            inside(kernel, pay)
        assert withheld.value.code == "obligation_failed"
        assert of_kind(kernel, "outcome")[0]["status"] == "withheld"


def test_an_error_whose_message_may_hold_what_is_redacted_is_recorded_without_it() -> None:
    with desk(ALLOW, HIDE, record="full") as kernel:

        @kernel.tool("t.pay")
        def pay(card: str) -> None:
            raise ValueError(f"card {card} has expired")

        with pytest.raises(ValueError, match="expired"):
            inside(kernel, lambda: pay(CARD))
        outcomes = of_kind(kernel, "outcome")
        assert outcomes[0]["error"] == {"message": "", "type": "ValueError"}


def test_redacting_what_is_not_there_changes_nothing() -> None:
    with desk(ALLOW, HIDE, record="full") as kernel:
        pay = kernel.tool("t.pay")(lambda amount: {"paid": amount})
        assert inside(kernel, lambda: pay(5)) == {"paid": 5}
        pay_text = kernel.tool("t.other")(lambda: "a text")
        with pytest.raises(PolicyDenied):
            inside(kernel, pay_text)


def test_a_label_is_on_the_run_before_the_tool_runs_and_stays() -> None:
    labels: list[tuple[str, ...]] = []

    def note() -> None:
        process = current()
        assert process is not None
        labels.append(process.labels)

    secret = "{id: mark, effect: require, action: t.pay, label: [secret, bank]}"
    stay = "{id: stay, effect: deny, action: t.send, when: {run.labels: {contains: secret}}}"
    with desk(ALLOW, secret, stay, "{id: send, effect: allow, action: t.send}") as kernel:
        pay = kernel.tool("t.pay")(note)
        send = kernel.tool("t.send")(note)

        def agent() -> None:
            send()
            pay()
            with pytest.raises(PolicyDenied):
                send()

        inside(kernel, agent)
        assert labels == [(), ("bank", "secret")]


def test_a_condition_that_is_unknown_obliges_all_the_same() -> None:
    hide = "{id: hide, effect: require, action: t.pay, when: {args.kind: {eq: card}}, redact: [args.card]}"
    with desk(ALLOW, hide, record="full") as kernel:
        pay = kernel.tool("t.pay")(lambda card, kind=None: "paid")
        inside(kernel, lambda: pay(CARD))
        inside(kernel, lambda: pay(CARD, ["card"]))
        assert CARD not in everything(kernel)
        inside(kernel, lambda: pay(CARD, "cash"))
        assert CARD in everything(kernel)


def test_record_full_of_one_action_keeps_its_arguments_and_result_only() -> None:
    full = "{id: full, effect: require, action: t.pay, record: full}"
    with desk(ALLOW, full, "{id: other, effect: allow, action: t.other}") as kernel:
        pay = kernel.tool("t.pay")(lambda note: note.upper())
        other = kernel.tool("t.other")(lambda note: note.upper())
        inside(kernel, lambda: [pay("kept"), other("dropped")])
        log = everything(kernel)
        assert ("kept" in log, "KEPT" in log) == (True, True)
        assert ("dropped" in log, "DROPPED" in log) == (False, False)


def test_rules_say_how_much_is_recorded_of_an_action_and_the_strongest_of_them_counts() -> None:
    none = "{id: none, effect: require, action: '**', record: none}"
    fields = "{id: fields, effect: require, action: t.pay, record: fields}"
    for rules, kept in (((none,), ["digest"]), ((none, FULL), ["digest", "full"]), ((fields, none), ["digest"])):
        with desk(ALLOW, *rules, record="full") as kernel:
            pay = kernel.tool("t.pay")(lambda note: "paid")
            inside(kernel, lambda pay=pay: pay("a note"))
            assert sorted(of_kind(kernel, "intent")[-1]["args"]) == kept


def test_large_values_stand_in_the_side_store_and_verify(tmp_path: Path) -> None:
    rules = policy(RUN, ALLOW)
    with KernelSpace(rules, recorder=tmp_path / "log", record="full") as kernel:
        pay = kernel.tool("t.pay")(lambda text: text[::-1])
        text = "a long text " * 5_000
        assert inside(kernel, lambda: pay(text)) == text[::-1]
    recorder = FlightRecorder(tmp_path / "log")
    intent = next(entry for entry in recorder.entries() if entry.get("action") == "t.pay" and entry["kind"] == "intent")
    assert list(intent["args"]["full"]) == ["$payload"]
    assert recorder.resolve(intent["args"]["full"]) == {"text": text}
    report = recorder.verify()
    assert report.ok
    assert report.payloads == 2
