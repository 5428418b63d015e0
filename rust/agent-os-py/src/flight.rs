//! Where a governed call stands, reachable from the process that made it: if that is killed, the call ends too.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use agent_os_core::kernel::{Attached, Audited, Decision as CoreDecision, Gate, Outcome, Process as CoreProcess};
use agent_os_core::signal::{Signal, Status};
use agent_os_log::Reservation;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::kernel::CoreKernel;

/// Where a call stands.
pub(crate) enum State {
    /// Somebody must confirm it.
    Asking { decision: CoreDecision, deadline: Option<i64> },
    /// Recorded; the right to dispatch.
    Ready(Audited<CoreDecision, Reservation>),
    /// Dispatched.
    Running { audited: Audited<CoreDecision, Reservation>, started: Instant },
    /// Over, or in somebody's hands.
    Done,
}

/// What is done of a call, and for whom.
pub(crate) struct Flight {
    kernel: Arc<CoreKernel>,
    /// Who called.
    pub(crate) process: Option<Arc<CoreProcess>>,
    /// The process that runs, for a run that may begin or must be confirmed.
    pub(crate) child: OnceLock<Arc<CoreProcess>>,
    state: Mutex<State>,
    /// What an async tool does, and the loop that it is done in.
    coroutine: Mutex<Option<(Py<PyAny>, Py<PyAny>)>>,
}

impl Flight {
    pub(crate) fn new(kernel: &Arc<CoreKernel>, process: Option<Arc<CoreProcess>>) -> Self {
        Self {
            kernel: Arc::clone(kernel),
            process,
            child: OnceLock::new(),
            state: Mutex::new(State::Done),
            coroutine: Mutex::new(None),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn put(&self, state: State) {
        *self.state() = state;
    }

    /// Takes the state if it is the wanted one; any other stays as it is.
    pub(crate) fn take_if(&self, wanted: impl Fn(&State) -> bool) -> State {
        let mut state = self.state();
        if wanted(&state) { std::mem::replace(&mut *state, State::Done) } else { State::Done }
    }

    pub(crate) fn take_running(&self) -> Option<(Audited<CoreDecision, Reservation>, Instant)> {
        match self.take_if(|state| matches!(state, State::Running { .. })) {
            State::Running { audited, started } => Some((audited, started)),
            _ => None,
        }
    }

    /// It was dispatched; `result` is what the tool's function gave.
    pub(crate) fn begun(
        self: &Arc<Self>,
        py: Python<'_>,
        audited: Audited<CoreDecision, Reservation>,
        started: Instant,
        result: Option<&Bound<'_, PyAny>>,
    ) {
        self.put(State::Running { audited, started });
        if let Some(coroutine) = result.filter(|result| is_coroutine(result)) {
            if let Ok(event_loop) = running_loop(py) {
                let kept = Some((coroutine.clone().unbind(), event_loop.unbind()));
                *self.coroutine.lock().unwrap_or_else(PoisonError::into_inner) = kept;
            }
        }
        // It may have been killed in between.
        self.look_again();
    }

    /// From now on a signal that ends the process, or the run, ends the call.
    pub(crate) fn attach(self: &Arc<Self>) {
        let attached: Arc<dyn Attached> = Arc::clone(self) as Arc<dyn Attached>;
        if let Some(child) = self.child.get() {
            child.attach(&attached);
        }
        if let Some(process) = self.process.as_ref().filter(|process| !process.is_operator()) {
            process.attach(&attached);
        }
        self.look_again();
    }

    /// Takes what was decided and did not begin.
    pub(crate) fn take_ready(&self) -> Option<Audited<CoreDecision, Reservation>> {
        match self.take_if(|state| matches!(state, State::Ready(_))) {
            State::Ready(audited) => Some(audited),
            _ => None,
        }
    }

    /// A run that never began is over.
    fn forget(&self) {
        if let Some(child) = self.child.get().filter(|child| !child.is_ended()) {
            self.kernel.end(child, Status::Raised);
            self.kernel.reap(child);
        }
    }
}

impl Attached for Flight {
    fn look_again(&self) {
        let is_killed = |process: &Arc<CoreProcess>| process.gate() == Gate::Killed;
        let caller_is_killed = self.process.as_ref().is_some_and(is_killed);
        if !caller_is_killed && !self.child.get().is_some_and(is_killed) {
            return;
        }
        let ready = self.take_ready().map(|audited| {
            self.kernel.withdraw(&audited, self.process.as_deref());
            (audited, Instant::now())
        });
        if let Some((audited, started)) = ready.or_else(|| self.take_running()) {
            if let Some(child) = self.child.get().filter(|child| caller_is_killed && child.is_foreground()) {
                // It runs inside of code that takes no step any more.
                let _ = self.kernel.raise(child, Signal::Kill, "the process that waits for it was killed");
                self.kernel.reap(child);
            }
            let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
            let outcome =
                Outcome { status: "killed", digest: None, full: None, error: None, labels: &[], origin: None, micros };
            // If this cannot be recorded the kernel lets no effect pass from now on, and nobody waits for a result.
            let _ = self.kernel.finish(audited, self.process.as_deref(), &outcome);
        }
        let left = self.coroutine.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((coroutine, event_loop)) = left {
            Python::attach(|py| {
                static FINISH: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
                let Ok(finish) = FINISH.import(py, "agent_os.processes.leaving", "finish") else { return };
                // A loop that is closed takes no step.
                let _ = event_loop.bind(py).call_method1(intern!(py, "call_soon_threadsafe"), (finish, coroutine));
            });
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        match self.state.get_mut().unwrap_or_else(PoisonError::into_inner) {
            State::Asking { .. } | State::Ready(_) | State::Done => self.forget(),
            State::Running { .. } => {}
        }
    }
}

/// By its type: to ask the result of a tool for its attributes may run code.
fn is_coroutine(result: &Bound<'_, PyAny>) -> bool {
    static COROUTINE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let class = COROUTINE.import(result.py(), "types", "CoroutineType");
    class.is_ok_and(|class| result.get_type().is(class))
}

/// The loop that runs in this thread.
pub(crate) fn running_loop(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static RUNNING_LOOP: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    RUNNING_LOOP.import(py, "asyncio", "get_running_loop")?.call0()
}
