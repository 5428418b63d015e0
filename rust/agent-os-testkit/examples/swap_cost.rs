//! What a swap of bundles does to who decides meanwhile: `swap_cost [swaps]`. One row of JSON for each phase.
//!
//! One thread decides in a loop and times each single decision; another one, in turns, does nothing, takes bundles of
//! 10,000 rules apart without putting them in force, and puts such bundles in force, which takes the ones before apart.
//! They were made before. The machine's own pauses are in all three phases alike. A decision during which the thread was
//! sent away by the system's scheduler, as Linux tells, is left out of `undisturbed`; `during` looks only at decisions
//! that overlap with the other thread's act, and `swap` is the time of putting in force alone. Times are in microseconds.

use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use agent_os_core::audit::event::Draft;
use agent_os_core::kernel::{Kernel, Protected, RecordFault, Recorder};
use agent_os_core::policy::{Bundle, Record};
use agent_os_core::value::Value;
use agent_os_store::MemoryStore;

const RULES: i64 = 10_000;
/// Bundles that are made at a time.
const BATCH: usize = 8;
/// Slower decisions are looked at: was the thread sent away?
const SLOW_NANOS: u64 = 2_000;
const PAUSE: Duration = Duration::from_millis(2);

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

#[derive(Clone, Copy, PartialEq)]
enum Act {
    Nothing,
    TakeApart,
    Swap,
}

/// What the decider found in one phase, in nanoseconds.
#[derive(Default)]
struct Found {
    all: Vec<u32>,
    undisturbed_worst: u64,
    during: Vec<u32>,
    during_undisturbed_worst: u64,
    swap_micros: Vec<f64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    if cfg!(debug_assertions) {
        return Err("a debug build measures nothing; add `--release`".into());
    }
    let swaps: usize = std::env::args().nth(1).map_or(Ok(200), |text| text.parse())?;
    let compiled = compiled()?;
    let first = Arc::new(Bundle::load(&compiled)?);
    let store = Arc::new(MemoryStore::new());
    let protected = Arc::new(Protected::new(&[], "/", None).map_err(|fault| format!("{fault:?}"))?);
    let kernel =
        Kernel::new(1, first, Arc::new(()), Arc::clone(&protected), Forgets, store, Record::None, &Draft::new())
            .map_err(|fault| fault.message)?;
    kernel.register("desk-7", Vec::new()).map_err(|fault| fault.message)?;
    let acts = [Act::Nothing, Act::TakeApart, Act::Swap];
    let mut found = [Found::default(), Found::default(), Found::default()];
    for _ in 0..swaps.div_ceil(BATCH) {
        for (act, found) in acts.iter().zip(&mut found) {
            phase(&kernel, &protected, *act, &compiled, found)?;
        }
    }
    for (name, found) in ["nothing beside", "beside taking apart", "beside swaps"].iter().zip(&mut found) {
        println!("{}", row(name, found));
    }
    Ok(())
}

fn phase(
    kernel: &Kernel<Forgets, ()>,
    protected: &Arc<Protected>,
    act: Act,
    compiled: &[u8],
    found: &mut Found,
) -> Result<(), Box<dyn Error>> {
    let bundles: Vec<Bundle> = match act {
        Act::Nothing => Vec::new(),
        Act::TakeApart | Act::Swap => (0..BATCH).map(|_| Bundle::load(compiled)).collect::<Result<_, _>>()?,
    };
    // Odd while the other thread acts.
    let (turns, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let decider = scope.spawn(|| decide(kernel, &turns, &is_over, found));
        let mut took = Vec::new();
        thread::sleep(PAUSE);
        let mut bundles = bundles.into_iter();
        for _ in 0..BATCH {
            let bundle = bundles.next().map(Arc::new);
            turns.fetch_add(1, Ordering::SeqCst);
            match (act, bundle) {
                (Act::Swap, Some(bundle)) => {
                    let start = Instant::now();
                    black_box(
                        kernel
                            .reload(bundle, Arc::new(()), Arc::clone(protected), &Draft::new())
                            .map_err(|fault| format!("{fault:?}"))
                            .ok(),
                    );
                    took.push(start.elapsed().as_secs_f64() * 1e6);
                    kernel.release();
                }
                (_, bundle) => drop(bundle),
            }
            turns.fetch_add(1, Ordering::SeqCst);
            thread::sleep(PAUSE);
        }
        is_over.store(true, Ordering::SeqCst);
        let found = decider.join().map_err(|_| "the decider panicked")?;
        found.swap_micros.append(&mut took);
        Ok(())
    })
}

fn decide<'f>(
    kernel: &Kernel<Forgets, ()>,
    turns: &AtomicU64,
    is_over: &AtomicBool,
    found: &'f mut Found,
) -> &'f mut Found {
    let action = format!("service{}.send", RULES / 2);
    let args = Value::from([("amount", 120.into()), ("currency", "SEK".into())]);
    let Some(place) = kernel.agent_place("desk-7") else { return found };
    let mut sent_away = times_sent_away();
    while !is_over.load(Ordering::Relaxed) {
        for _ in 0..64 {
            let before = turns.load(Ordering::Acquire);
            let start = Instant::now();
            let in_force = kernel.in_force();
            let verdict = kernel.check(&in_force, place, black_box(&action), &black_box(&args), 0);
            drop(black_box((verdict, in_force)));
            let nanos = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
            let overlaps = before % 2 == 1 || turns.load(Ordering::Acquire) != before;
            let mut undisturbed = true;
            if nanos > SLOW_NANOS {
                let now = times_sent_away();
                undisturbed = now == sent_away;
                sent_away = now;
            }
            let short = u32::try_from(nanos).unwrap_or(u32::MAX);
            found.all.push(short);
            if undisturbed {
                found.undisturbed_worst = found.undisturbed_worst.max(nanos);
            }
            if overlaps {
                found.during.push(short);
                if undisturbed {
                    found.during_undisturbed_worst = found.during_undisturbed_worst.max(nanos);
                }
            }
        }
    }
    found
}

/// How often the scheduler took the processor away from this thread; always 0 where it does not say.
fn times_sent_away() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:"));
    line.and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

fn row(name: &str, found: &mut Found) -> String {
    found.all.sort_unstable();
    found.during.sort_unstable();
    found.swap_micros.sort_by(f64::total_cmp);
    let at = |figures: &[u32], part: f64| {
        let place = (figures.len() as f64 * part) as usize;
        figures.get(place.min(figures.len().saturating_sub(1))).map_or(0.0, |nanos| f64::from(*nanos) / 1e3)
    };
    let micros = |nanos: u64| nanos as f64 / 1e3;
    let swap = found.swap_micros.get(found.swap_micros.len() / 2).copied().unwrap_or(0.0);
    format!(
        "{{\"row\": \"{name}\", \"decisions\": {}, \"p50\": {:.3}, \"p99.99\": {:.3}, \"worst\": {:.1}, \
         \"undisturbed worst\": {:.1}, \"during\": {}, \"during p99.99\": {:.3}, \"during worst\": {:.1}, \
         \"during undisturbed worst\": {:.1}, \"swap p50\": {swap:.1}}}",
        found.all.len(),
        at(&found.all, 0.5),
        at(&found.all, 0.9999),
        at(&found.all, 1.0),
        micros(found.undisturbed_worst),
        found.during.len(),
        at(&found.during, 0.9999),
        at(&found.during, 1.0),
        micros(found.during_undisturbed_worst),
    )
}

/// A compiled bundle of rules on as many actions.
fn compiled() -> Result<Vec<u8>, Box<dyn Error>> {
    let rule = |number: i64| {
        let amount = Value::from([("gt", 0.into()), ("le", 500.into())]);
        let currency = Value::from([("in", Value::List(vec!["EUR".into(), "SEK".into()]))]);
        Value::from([
            ("id", format!("rule-{number}").as_str().into()),
            ("effect", "allow".into()),
            ("action", Value::List(vec![format!("service{number}.send").as_str().into()])),
            ("when", Value::from([("args.amount", amount), ("args.currency", currency)])),
        ])
    };
    let document = Value::from([
        ("agent_os", 1.into()),
        ("name", "cost".into()),
        ("rules", Value::List((0..RULES).map(rule).collect())),
    ]);
    Ok(Bundle::compile(&document).map_err(|problems| format!("{problems:?}"))?.dump())
}
