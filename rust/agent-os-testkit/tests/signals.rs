//! Promise: signals do to a process what signal(7) says and DESIGN adds, in any order.
#![allow(clippy::unwrap_used, missing_docs)]

use agent_os_core::signal::{Control, Delivery, Disposition, Mask, Signal, SignalSet, State, Status};
use agent_os_testkit::reference::signal::Naive;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// What is done to a process.
#[derive(Clone, Debug)]
enum Step {
    Start,
    Post(Signal),
    Next,
    /// The handler that was called last returns, or a mask comes from elsewhere.
    Handled(Vec<Signal>),
    Mask(Mask, Vec<Signal>),
    Arrange(Signal, Disposition, Vec<Signal>),
    End(Status),
    Reap,
}

fn signal() -> impl Strategy<Value = Signal> {
    select(Signal::ALL)
}

fn signals() -> impl Strategy<Value = Vec<Signal>> {
    subsequence(Signal::ALL, 0..=Signal::ALL.len())
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => Just(Step::Start),
        20 => signal().prop_map(Step::Post),
        12 => select(vec![Signal::Cont, Signal::Stop, Signal::Tstp, Signal::Chld]).prop_map(Step::Post),
        16 => Just(Step::Next),
        4 => signals().prop_map(Step::Handled),
        8 => (select(Mask::ALL), signals()).prop_map(|(how, signals)| Step::Mask(how, signals)),
        16 => (signal(), select(Disposition::ALL), signals())
            .prop_map(|(signal, disposition, mask)| Step::Arrange(signal, disposition, mask)),
        1 => select(vec![Status::Returned, Status::Raised]).prop_map(Step::End),
        1 => Just(Step::Reap),
    ]
}

fn numbers(signals: impl IntoIterator<Item = Signal>) -> Vec<u8> {
    signals.into_iter().map(Signal::number).collect()
}

fn said(status: Status) -> String {
    match status {
        Status::Returned | Status::Raised => status.code().to_owned(),
        Status::Killed(signal) => format!("killed {}", signal.number()),
    }
}

/// Does the step to both and compares what they say of it.
fn take(
    step: &Step,
    control: &mut Control,
    naive: &mut Naive,
    calls: &mut Vec<SignalSet>,
) -> Result<(), TestCaseError> {
    match step {
        Step::Start => prop_assert_eq!(control.start().code(), naive.start()),
        Step::Post(signal) => prop_assert_eq!(control.post(*signal).code(), naive.send(signal.number())),
        Step::Next => {
            let delivered = control.next();
            let as_naive = delivered.map(|delivery| match delivery {
                Delivery::Handle { signal, restore } => ("handle", Some(signal.number()), numbers(restore.iter())),
                Delivery::Throw(signal) => ("throw", Some(signal.number()), Vec::new()),
                Delivery::Stop => ("stop", None, Vec::new()),
            });
            if let Some(Delivery::Handle { restore, .. }) = delivered {
                calls.push(restore);
            }
            let expected = naive.deliver().map(|(word, signal, mut mask)| {
                mask.sort_unstable();
                (word, (word != "stop").then_some(signal), mask)
            });
            prop_assert_eq!(as_naive, expected);
        }
        Step::Handled(other) => {
            let restore = calls.pop().unwrap_or_else(|| other.iter().copied().collect());
            control.handled(restore);
            naive.mask("set", &numbers(restore.iter()));
        }
        Step::Mask(how, signals) => {
            let before = control.set_mask(*how, signals.iter().copied().collect());
            let mut expected = naive.mask(how.code(), &numbers(signals.iter().copied()));
            expected.sort_unstable();
            prop_assert_eq!(numbers(before.iter()), expected);
        }
        Step::Arrange(signal, disposition, mask) => {
            let before = control.set_disposition(*signal, *disposition, mask.iter().copied().collect());
            let expected = naive.arrange(signal.number(), disposition.code(), &numbers(mask.iter().copied()));
            prop_assert_eq!(before.ok().map(Disposition::code), expected);
        }
        Step::End(status) => prop_assert_eq!(control.end(*status).map(said), naive.end(status.code())),
        Step::Reap => prop_assert_eq!(control.reap().map(said), naive.reap()),
    }
    prop_assert_eq!(control.state().code(), naive.state());
    prop_assert_eq!(numbers(control.pending().iter()), naive.pending());
    prop_assert_eq!(numbers(control.blocked().iter()), naive.blocked());
    prop_assert_eq!(control.thrown().map(Signal::number), naive.thrown());
    prop_assert_eq!(control.status().map(said), naive.ended().map(str::to_owned));
    for &signal in Signal::ALL {
        prop_assert_eq!(control.disposition(signal).code(), naive.arranged(signal.number()));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_process_does_what_the_naive_one_does(started in any::<bool>(), steps in vec(step(), 1..60)) {
        let (mut control, mut naive, mut calls) = (Control::new(), Naive::default(), Vec::new());
        if started {
            take(&Step::Start, &mut control, &mut naive, &mut calls)?;
        }
        for step in &steps {
            take(step, &mut control, &mut naive, &mut calls)?;
        }
    }

    #[test]
    fn nothing_but_cont_moves_a_stopped_process_and_nothing_at_all_one_that_was_killed(
        before in vec(step(), 0..20),
        last in prop_oneof![Just(Signal::Stop), Just(Signal::Kill)],
        after in vec(step(), 0..20),
    ) {
        let mut control = Control::new();
        control.start();
        for step in before {
            take_alone(&step, &mut control);
        }
        control.post(last);
        for step in after {
            if control.state() == State::Stopped && matches!(step, Step::Post(Signal::Cont)) {
                continue;
            }
            let delivered = take_alone(&step, &mut control);
            prop_assert_eq!(delivered, None);
            prop_assert!(!matches!(control.state(), State::Created | State::Running));
        }
    }
}

fn take_alone(step: &Step, control: &mut Control) -> Option<Delivery> {
    match step {
        Step::Start => drop(control.start()),
        Step::Post(signal) => drop(control.post(*signal)),
        Step::Next => return control.next(),
        Step::Handled(mask) => control.handled(mask.iter().copied().collect()),
        Step::Mask(how, signals) => drop(control.set_mask(*how, signals.iter().copied().collect())),
        Step::Arrange(signal, disposition, mask) => {
            let _ = control.set_disposition(*signal, *disposition, mask.iter().copied().collect());
        }
        Step::End(status) => drop(control.end(*status)),
        Step::Reap => drop(control.reap()),
    }
    None
}
