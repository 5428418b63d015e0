//! Promise: two that send signals while a third drives the process leave what one order of theirs leaves, in every order
//! that the machine can choose.
#![allow(clippy::unwrap_used, missing_docs)]

use std::collections::BTreeSet;

use agent_os_core::signal::{Control, Delivery, Posted, Signal, State};
use loom::sync::{Arc, Mutex};
use loom::thread;

const SCRIPTS: [[Signal; 2]; 6] = [
    [Signal::Stop, Signal::Cont],
    [Signal::Term, Signal::Kill],
    [Signal::Tstp, Signal::Kill],
    [Signal::Cont, Signal::Policy],
    [Signal::Budget, Signal::Cont],
    [Signal::Stop, Signal::Term],
];

/// What is left of a process after signals one after the other.
fn left(order: &[Signal]) -> String {
    let mut control = Control::new();
    control.start();
    for &signal in order {
        control.post(signal);
    }
    format!("{control:?}")
}

/// Every way in which one after the other can come about.
fn merged(left: &[Signal], right: &[Signal]) -> Vec<Vec<Signal>> {
    let with_first = |first: Signal, rest: Vec<Vec<Signal>>| {
        rest.into_iter().map(move |rest| [vec![first], rest].concat()).collect::<Vec<_>>()
    };
    match (left, right) {
        ([], rest) | (rest, []) => vec![rest.to_vec()],
        ([first, left_rest @ ..], [other, right_rest @ ..]) => {
            [with_first(*first, merged(left_rest, right)), with_first(*other, merged(left, right_rest))].concat()
        }
    }
}

#[test]
fn two_senders_leave_what_one_order_of_theirs_leaves_and_every_order_is_tried() {
    for first in SCRIPTS {
        for second in SCRIPTS {
            let expected: BTreeSet<String> = merged(&first, &second).iter().map(|order| left(order)).collect();
            let seen = std::sync::Arc::new(std::sync::Mutex::new(BTreeSet::new()));
            loom::model({
                let seen = std::sync::Arc::clone(&seen);
                move || {
                    let control = Arc::new(Mutex::new(Control::new()));
                    control.lock().unwrap().start();
                    let sender = thread::spawn({
                        let control = Arc::clone(&control);
                        move || first.map(|signal| control.lock().unwrap().post(signal))
                    });
                    for signal in second {
                        control.lock().unwrap().post(signal);
                    }
                    sender.join().unwrap();
                    seen.lock().unwrap().insert(format!("{:?}", *control.lock().unwrap()));
                }
            });
            assert_eq!(*seen.lock().unwrap(), expected, "{first:?} and {second:?}");
        }
    }
}

#[test]
fn no_step_begins_after_a_stop_or_a_kill_has_been_sent() {
    for last in [Signal::Stop, Signal::Kill] {
        loom::model(move || {
            // The control, and whether the last signal was sent: what a step must not find.
            let process = Arc::new(Mutex::new((Control::new(), false)));
            let sends = |signals: [Signal; 2]| {
                let process = Arc::clone(&process);
                move || {
                    for signal in signals {
                        let mut process = process.lock().unwrap();
                        let posted = process.0.post(signal);
                        assert_ne!((signal, posted), (Signal::Kill, Posted::Pending));
                        process.1 |= signal == last;
                    }
                }
            };
            let first = thread::spawn(sends([Signal::Usr1, last]));
            let second = thread::spawn(sends([Signal::Tstp, Signal::Term]));
            for _ in 0..2 {
                let mut process = process.lock().unwrap();
                process.0.start();
                while let Some(delivery) = process.0.next() {
                    assert!(!process.1 || delivery != Delivery::Stop);
                }
                let steps = process.0.state() == State::Running;
                assert!(!(steps && process.1), "a step after {last:?}");
            }
            first.join().unwrap();
            second.join().unwrap();
        });
    }
}
