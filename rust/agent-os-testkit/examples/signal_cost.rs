//! Signals per second through the table and through one process's share of it, and the size of that share.
//!
//! `cargo run --release -p agent-os-testkit --example signal_cost [million signals]`. One thread, nothing is logged and
//! no handler runs: it is the cost in the core alone.

use std::error::Error;
use std::hint::black_box;
use std::sync::Mutex;
use std::time::Instant;

use agent_os_core::signal::{Control, Delivery, Disposition, Posted, Signal, SignalSet, State, transition};

fn main() -> Result<(), Box<dyn Error>> {
    if cfg!(debug_assertions) {
        return Err("a debug build measures nothing; add `--release`".into());
    }
    let count = 1_000_000 * std::env::args().nth(1).map_or(Ok(20), |text| text.parse::<u64>())?;
    println!("one process: {} bytes, behind a lock {}", size_of::<Control>(), size_of::<Mutex<Control>>());
    told("look-ups in the table", count, looked_up);
    told("stops and resumptions", count, stopped_and_resumed);
    told("signals sent and delivered to a handler", count, handled);
    told("signals sent under a lock, five to a delivery", count, shared);
    Ok(())
}

fn told(what: &str, count: u64, measured: fn(u64) -> u64) {
    let start = Instant::now();
    let done = measured(count);
    let seconds = start.elapsed().as_secs_f64();
    println!("{what}: {:.1} million/s ({:.1} ns each)", done as f64 / seconds / 1e6, seconds * 1e9 / done as f64);
}

/// Every entry in turn.
fn looked_up(count: u64) -> u64 {
    let mut done = 0;
    while done < count {
        for &state in State::ALL {
            for &signal in Signal::ALL {
                for &disposition in Disposition::ALL {
                    for blocked in [false, true] {
                        black_box(transition(black_box(state), black_box(signal), disposition, blocked));
                        done += 1;
                    }
                }
            }
        }
    }
    done
}

fn stopped_and_resumed(count: u64) -> u64 {
    let mut control = Control::new();
    control.start();
    for _ in 0..count / 2 {
        assert_eq!(control.post(black_box(Signal::Stop)), Posted::Stopped);
        assert_eq!(control.post(black_box(Signal::Cont)), Posted::Resumed { ready: false });
    }
    count / 2 * 2
}

fn handled(count: u64) -> u64 {
    let mut control = listening();
    for _ in 0..count {
        assert_eq!(control.post(black_box(Signal::Usr1)), Posted::Ready);
        deliver(&mut control);
    }
    count
}

fn shared(count: u64) -> u64 {
    let control = Mutex::new(listening());
    let lock = || control.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for _ in 0..count / 4 {
        for signal in [Signal::Usr1, Signal::Chld, Signal::Usr1, Signal::Tstp] {
            black_box(lock().post(black_box(signal)));
        }
        let mut control = lock();
        black_box(control.post(Signal::Cont));
        deliver(&mut control);
    }
    count / 4 * 5
}

/// A process with a handler for SIGUSR1.
fn listening() -> Control {
    let mut control = Control::new();
    control.start();
    let arranged = control.set_disposition(Signal::Usr1, Disposition::Handle, SignalSet::EMPTY);
    assert_eq!(arranged, Ok(Disposition::Default));
    control
}

fn deliver(control: &mut Control) {
    while let Some(delivery) = control.next() {
        if let Delivery::Handle { restore, .. } = delivery {
            control.handled(restore);
        }
    }
}
