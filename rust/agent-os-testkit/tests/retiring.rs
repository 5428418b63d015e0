//! Promise: a bundle that is no longer in force is taken apart by whoever reloads, never by whoever decides.
#![allow(clippy::unwrap_used)]

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};
use std::thread::{self, ThreadId};

use agent_os_core::audit::event::Draft;
use agent_os_core::canonical::parse_json;
use agent_os_core::kernel::{Decision, Kernel, Protected, RecordFault, Recorder};
use agent_os_core::policy::{Bundle, Effect, Record};
use agent_os_core::value::Value;
use agent_os_store::MemoryStore;

/// Keeps nothing.
struct Forgets;

impl Recorder for Forgets {
    type Receipt = ();

    fn intent(&self, _: &Draft) -> Result<(), RecordFault> {
        Ok(())
    }

    fn intent_seq(&self, (): &()) -> u64 {
        0
    }

    fn outcome(&self, (): (), _: &Draft) -> Result<u64, RecordFault> {
        Ok(0)
    }

    fn event(&self, _: &Draft) -> Result<u64, RecordFault> {
        Ok(0)
    }

    fn settle(&self, _: u64) -> Result<(), RecordFault> {
        Ok(())
    }
}

/// Says which thread dropped it.
struct Tells(Sender<ThreadId>);

impl Drop for Tells {
    fn drop(&mut self) {
        let _ = self.0.send(thread::current().id());
    }
}

fn bundle(name: &str) -> Arc<Bundle> {
    let text = format!(
        r#"{{"agent_os": 1, "name": "{name}", "rules": [{{"id": "a", "effect": "allow", "action": ["work.do"]}}]}}"#
    );
    Arc::new(Bundle::compile(&parse_json(text.as_bytes()).unwrap()).unwrap())
}

fn unprotected() -> Arc<Protected> {
    Arc::new(Protected::new(&[], "/", None).unwrap())
}

type Ours = Kernel<Forgets, Tells>;

/// A kernel, the first bundle that is in force, and who drops what is beside each bundle.
fn kernel() -> (Arc<Ours>, Weak<Bundle>, Receiver<ThreadId>, Sender<ThreadId>) {
    let (told, hears) = channel();
    let first = bundle("first");
    let weak = Arc::downgrade(&first);
    let store = Arc::new(MemoryStore::new());
    let kernel = Kernel::new(
        1,
        first,
        Arc::new(Tells(told.clone())),
        unprotected(),
        Forgets,
        store,
        Record::None,
        &Draft::new(),
    )
    .unwrap();
    kernel.register("desk-7", Vec::new()).unwrap();
    (Arc::new(kernel), weak, hears, told)
}

fn reload(kernel: &Ours, name: &str, told: &Sender<ThreadId>) {
    let unread = kernel.reload(bundle(name), Arc::new(Tells(told.clone())), unprotected(), &Draft::new()).unwrap();
    drop(unread);
    kernel.release();
}

#[test]
fn a_bundle_that_nobody_reads_goes_with_the_reload() {
    let (kernel, first, hears, told) = kernel();
    reload(&kernel, "second", &told);
    assert_eq!(hears.try_recv(), Ok(thread::current().id()));
    assert!(first.upgrade().is_none());
}

#[test]
fn one_that_a_decider_reads_across_the_swap_goes_with_a_later_reload() {
    let (kernel, first, hears, told) = kernel();
    let (swapped, goes_on) = channel::<()>();
    let (reads, started) = channel();
    let decider = thread::spawn({
        let kernel = Arc::clone(&kernel);
        move || {
            let in_force = kernel.in_force();
            reads.send(()).unwrap();
            goes_on.recv().unwrap();
            let place = kernel.agent_place("desk-7").unwrap();
            let verdict = kernel.check(&in_force, place, "work.do", &&Value::Null, 0);
            assert_eq!((verdict.effect, in_force.bundle.name()), (Effect::Allow, "first"));
        }
    });
    started.recv().unwrap();
    reload(&kernel, "second", &told);
    swapped.send(()).unwrap();
    decider.join().unwrap();
    // SECURITY: the decider gave its share back, and it was not the last one.
    assert!(hears.try_recv().is_err() && first.strong_count() > 0);
    reload(&kernel, "third", &told);
    // The first bundle's and the second's.
    assert_eq!([hears.try_recv(), hears.try_recv()], [Ok(thread::current().id()); 2]);
    assert!(first.upgrade().is_none());
}

#[test]
fn one_that_a_decision_is_about_outlives_that_decision_until_a_reload() {
    let (kernel, first, _hears, told) = kernel();
    let decision = {
        let in_force = kernel.in_force();
        Decision::refusal(agent_os_core::reason::Reason::NoProcess, &in_force.bundle)
    };
    reload(&kernel, "second", &told);
    drop(decision);
    assert_eq!(first.strong_count(), 1);
    kernel.release();
    assert_eq!(first.strong_count(), 0);
}

#[test]
fn swapping_to_and_fro_keeps_no_bundle() {
    let (kernel, _, _hears, told) = kernel();
    let pair = [bundle("even"), bundle("odd")];
    let weak = pair.each_ref().map(Arc::downgrade);
    for turn in 0..10 {
        kernel
            .reload(Arc::clone(&pair[turn % 2]), Arc::new(Tells(told.clone())), unprotected(), &Draft::new())
            .unwrap();
        kernel.release();
    }
    drop(pair);
    reload(&kernel, "last", &told);
    assert_eq!(weak.map(|bundle| bundle.strong_count()), [0, 0]);
}
