//! The naive process: signal(7), sigaction(2) and POSIX.1-2017 §2.4 retold with lists of numbers, and what differs here.
//!
//! What differs: a signal that ends a process by default is thrown into its code; a process may wait for its first
//! step; and there are the signals above 63.

use std::collections::BTreeMap;

const KILL: u8 = 9;
const CHLD: u8 = 17;
const CONT: u8 = 18;
const STOP: u8 = 19;
const TSTP: u8 = 20;
/// A process cannot keep these from ending it.
const CONDEMNING: [u8; 2] = [64, 65];
const STOPPING: [u8; 5] = [STOP, TSTP, 66, 67, 68];

/// One process.
#[derive(Clone, Debug, Default)]
pub struct Naive {
    started: bool,
    stopped: bool,
    ended: Option<String>,
    reaped: bool,
    /// In the order of sending.
    pending: Vec<u8>,
    blocked: Vec<u8>,
    ignored: Vec<u8>,
    /// What is blocked while each handler runs.
    handlers: BTreeMap<u8, Vec<u8>>,
    thrown: Option<u8>,
}

impl Naive {
    /// The first step is due.
    pub fn start(&mut self) -> &'static str {
        if self.ended.is_none() && !self.stopped {
            self.started = true;
        }
        self.state()
    }

    /// `kill(2)`: what became of the signal.
    pub fn send(&mut self, signal: u8) -> &'static str {
        if self.ended.is_some() {
            return "discarded";
        }
        if signal == CONT {
            self.pending.retain(|&other| other != STOP && other != TSTP);
        }
        if signal == STOP || signal == TSTP {
            self.pending.retain(|&other| other != CONT);
        }
        let was_stopped = self.stopped;
        if signal == CONT && was_stopped {
            self.stopped = false;
            self.started = true;
        }
        if signal == KILL || (CONDEMNING.contains(&signal) && !was_stopped) {
            return self.die(signal);
        }
        let kept = self.blocked.contains(&signal) || !self.is_ignored(signal);
        if kept && !self.pending.contains(&signal) {
            self.pending.push(signal);
        }
        if signal == CONT && was_stopped {
            self.pending.sort_unstable();
            if let Some(&condemning) = self.pending.iter().find(|other| CONDEMNING.contains(other)) {
                return self.die(condemning);
            }
            return if self.lowest().is_some() { "resumed_and_ready" } else { "resumed" };
        }
        if !kept {
            return "discarded";
        }
        if self.stopped || self.blocked.contains(&signal) {
            return "pending";
        }
        if self.handlers.contains_key(&signal) {
            return if self.started { "ready" } else { "pending" };
        }
        if STOPPING.contains(&signal) {
            self.pending.retain(|&other| other != signal);
            self.stopped = true;
            return "stopped";
        }
        if self.started { "ready" } else { self.die(signal) }
    }

    /// What is delivered before the next step: a word, the signal, and the mask before a handler.
    pub fn deliver(&mut self) -> Option<(&'static str, u8, Vec<u8>)> {
        loop {
            let signal = self.lowest()?;
            self.pending.retain(|&other| other != signal);
            if let Some(mask) = self.handlers.get(&signal).cloned() {
                let before = self.blocked.clone();
                self.block(&mask);
                self.block(&[signal]);
                return Some(("handle", signal, before));
            }
            if self.is_ignored(signal) {
                continue;
            }
            if STOPPING.contains(&signal) {
                self.stopped = true;
                return Some(("stop", signal, Vec::new()));
            }
            if self.thrown.is_none() {
                self.thrown = Some(signal);
            }
            return Some(("throw", signal, Vec::new()));
        }
    }

    /// `sigprocmask(2)`; the mask before.
    pub fn mask(&mut self, how: &str, signals: &[u8]) -> Vec<u8> {
        let before = self.blocked.clone();
        match how {
            "block" => self.block(signals),
            "unblock" => self.blocked.retain(|signal| !signals.contains(signal)),
            _ => {
                self.blocked.clear();
                self.block(signals);
            }
        }
        before
    }

    /// `sigaction(2)`; what was arranged before, or nothing where that is an error.
    pub fn arrange(&mut self, signal: u8, disposition: &str, mask: &[u8]) -> Option<&'static str> {
        if signal == KILL || signal == STOP {
            return None;
        }
        let before = self.arranged(signal);
        self.handlers.remove(&signal);
        self.ignored.retain(|&other| other != signal);
        match disposition {
            "handle" => drop(self.handlers.insert(signal, mask.to_vec())),
            "ignore" => self.ignored.push(signal),
            _ => {}
        }
        if self.is_ignored(signal) {
            self.pending.retain(|&other| other != signal);
        }
        Some(before)
    }

    /// The code has ended: `returned` or `raised`.
    pub fn end(&mut self, how: &str) -> Option<String> {
        if self.ended.is_some() {
            return None;
        }
        self.pending.sort_unstable();
        let condemned = self.pending.iter().find(|signal| CONDEMNING.contains(signal)).copied();
        match condemned.or(self.thrown) {
            Some(signal) => drop(self.die(signal)),
            None => self.finish(how.to_owned()),
        }
        self.ended.clone()
    }

    /// `waitpid(2)`, once.
    pub fn reap(&mut self) -> Option<String> {
        if self.reaped {
            return None;
        }
        self.reaped = self.ended.is_some();
        self.ended.clone()
    }

    /// Where it is.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match (&self.ended, self.reaped, self.stopped, self.started) {
            (Some(_), true, _, _) => "reaped",
            (Some(_), false, _, _) => "terminated",
            (None, _, true, _) => "stopped",
            (None, _, false, true) => "running",
            (None, _, false, false) => "created",
        }
    }

    /// What is pending, in ascending number.
    #[must_use]
    pub fn pending(&self) -> Vec<u8> {
        sorted(&self.pending)
    }

    /// What is blocked, in ascending number.
    #[must_use]
    pub fn blocked(&self) -> Vec<u8> {
        sorted(&self.blocked)
    }

    /// What is arranged for a signal.
    #[must_use]
    pub fn arranged(&self, signal: u8) -> &'static str {
        if self.handlers.contains_key(&signal) {
            "handle"
        } else if self.ignored.contains(&signal) {
            "ignore"
        } else {
            "default"
        }
    }

    /// The first signal that was thrown.
    #[must_use]
    pub fn thrown(&self) -> Option<u8> {
        self.thrown
    }

    /// `returned`, `raised` or `killed NUMBER`.
    #[must_use]
    pub fn ended(&self) -> Option<&str> {
        self.ended.as_deref()
    }

    /// What has no effect when it is delivered.
    fn is_ignored(&self, signal: u8) -> bool {
        let cannot_be = [KILL, STOP].contains(&signal) || CONDEMNING.contains(&signal);
        let does_nothing = signal == CHLD || signal == CONT;
        match self.arranged(signal) {
            "handle" => false,
            "ignore" => !cannot_be,
            _ => does_nothing,
        }
    }

    fn block(&mut self, signals: &[u8]) {
        for &signal in signals {
            let cannot_be = [KILL, STOP].contains(&signal) || CONDEMNING.contains(&signal);
            if !cannot_be && !self.blocked.contains(&signal) {
                self.blocked.push(signal);
            }
        }
    }

    fn lowest(&self) -> Option<u8> {
        let runs = self.state() == "running";
        self.pending.iter().copied().filter(|signal| runs && !self.blocked.contains(signal)).min()
    }

    fn die(&mut self, signal: u8) -> &'static str {
        self.finish(format!("killed {signal}"));
        "terminated"
    }

    fn finish(&mut self, how: String) {
        self.ended = Some(how);
        self.pending.clear();
    }
}

fn sorted(signals: &[u8]) -> Vec<u8> {
    let mut signals = signals.to_vec();
    signals.sort_unstable();
    signals
}
