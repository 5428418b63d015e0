//! Drives the coroutines of processes, so that a stopped one takes no step and a killed one never takes one again.
//!
//! A driver stands where its coroutine would stand, in an `await` or in a task. What the coroutine waits for is shown to
//! the task as the driver itself, a future like any other (`_asyncio_future_blocking`): so the driver holds the task's
//! callback, and can wake it when a signal comes, without touching what is waited for and without a turn of the loop
//! more than it costs without us.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent_os_core::kernel::{Attached, Gate, Process as CoreProcess};
use agent_os_core::signal::{Delivery, Signal, SignalSet};
use pyo3::exceptions::{PyAttributeError, PyRuntimeError, PyStopIteration, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};

use crate::errors;
use crate::flight::running_loop;
use crate::kernel::CoreKernel;
use crate::process::Process;

/// Coroutines that may take no step. They are neither closed nor dropped, because both would run their code.
static MORGUE: AtomicUsize = AtomicUsize::new(0);

/// How many coroutines are kept for ever: those of killed processes, and of stopped ones that nobody awaits any more.
#[pyfunction]
pub(crate) fn morgue() -> usize {
    MORGUE.load(Ordering::Relaxed)
}

/// A coroutine that is being driven: the process's own, or that of a handler that interrupts it.
struct Frame {
    coroutine: Py<PyAny>,
    /// What it waits for.
    on: Option<Py<PyAny>>,
    /// What is thrown into it at its next step.
    thrown: Option<Py<PyAny>>,
    /// Of a handler: what is blocked again when it is done.
    restore: Option<SignalSet>,
}

#[derive(Default)]
struct Driven {
    // INVARIANT: innermost last; empty once it has ended.
    frames: Vec<Frame>,
    /// Who is to be told when the wait is over, each with its context.
    callbacks: Vec<(Py<PyAny>, Option<Py<PyAny>>)>,
    event_loop: Option<Py<PyAny>>,
    blocking: bool,
    /// How its code ended while it was stopped: nobody is told before SIGCONT.
    ended: Option<PyErr>,
    /// A step is being taken.
    stepping: bool,
    /// It waits for SIGCONT, whatever becomes of what its code waits for.
    held: bool,
    /// Whoever awaited it has given up while it was stopped.
    abandoned: bool,
}

struct Shared {
    kernel: Arc<CoreKernel>,
    process: Arc<CoreProcess>,
    handlers: Py<PyAny>,
    driven: Mutex<Driven>,
}

/// What the next step gives to the coroutine.
enum Input {
    Send(Py<PyAny>),
    Throw(Py<PyAny>),
}

impl Driven {
    /// What its task is woken by; nothing while only a signal wakes it.
    fn waits_for(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let on = self.frames.last().and_then(|frame| frame.on.as_ref());
        on.filter(|_| !self.held).map(|on| on.clone_ref(py))
    }
}

impl Shared {
    // Nothing of Python is called while this is held: it could come back here.
    fn driven(&self) -> MutexGuard<'_, Driven> {
        self.driven.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes whoever waits, if it still waits, so that it takes a step and finds out why.
    fn wake(&self, py: Python<'_>, driver: &Bound<'_, PyAny>) -> PyResult<()> {
        let (callbacks, on, event_loop) = {
            let mut driven = self.driven();
            let on = driven.waits_for(py);
            let event_loop = driven.event_loop.as_ref().map(|one| one.clone_ref(py));
            (std::mem::take(&mut driven.callbacks), on, event_loop)
        };
        let Some(event_loop) = event_loop else { return Ok(()) };
        for (callback, context) in callbacks {
            if let Some(on) = &on {
                let removed: usize =
                    on.bind(py).call_method1(intern!(py, "remove_done_callback"), (&callback,))?.extract()?;
                if removed == 0 {
                    // What it waits for is done, and has woken it already.
                    continue;
                }
            }
            call_soon(event_loop.bind(py), intern!(py, "call_soon"), callback.bind(py), driver, context.as_ref())?;
        }
        Ok(())
    }

    /// False while the process is stopped, and once it was killed.
    fn may_step(&self) -> bool {
        !matches!(self.process.gate(), Gate::Stopped | Gate::Killed)
    }

    /// Keeps the coroutines for ever.
    fn bury(&self) {
        let frames = std::mem::take(&mut self.driven().frames);
        MORGUE.fetch_add(frames.len(), Ordering::Relaxed);
        // SECURITY: closing or dropping a coroutine runs its code.
        std::mem::forget(frames);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if !self.may_step() {
            self.bury();
        }
    }
}

fn call_soon(
    event_loop: &Bound<'_, PyAny>,
    how: &Bound<'_, pyo3::types::PyString>,
    callback: &Bound<'_, PyAny>,
    argument: &Bound<'_, PyAny>,
    context: Option<&Py<PyAny>>,
) -> PyResult<()> {
    let keywords = PyDict::new(event_loop.py());
    if let Some(context) = context {
        keywords.set_item(intern!(event_loop.py(), "context"), context)?;
    }
    event_loop.call_method(how, (callback, argument), Some(&keywords)).map(drop)
}

/// Tells the driver's loop, from whatever thread, that the process must be looked at again.
struct Bell {
    shared: std::sync::Weak<Shared>,
    driver: Py<PyAny>,
}

impl Attached for Bell {
    fn look_again(&self) {
        let Some(shared) = self.shared.upgrade() else { return };
        Python::attach(|py| {
            let Some(event_loop) = shared.driven().event_loop.as_ref().map(|one| one.clone_ref(py)) else { return };
            let Ok(driver) = self.driver.bind(py).call0() else { return };
            if driver.is_none() {
                return;
            }
            let Ok(wake) = driver.getattr(intern!(py, "_wake")) else { return };
            // A loop that is closed takes no step.
            let _ = event_loop.bind(py).call_method1(intern!(py, "call_soon_threadsafe"), (wake,));
        });
    }
}

/// Stands for a coroutine of a process wherever a coroutine or a future is wanted.
#[pyclass(frozen, weakref, module = "agent_os._core")]
pub(crate) struct Driver {
    shared: Arc<Shared>,
    bell: Mutex<Option<Arc<dyn Attached>>>,
    /// Of a task that the process made; to whoever awaits that, the end of the process is a cancellation.
    is_task: bool,
}

impl Driver {
    fn step(&self, this: &Bound<'_, Self>, input: Input) -> PyResult<Py<PyAny>> {
        self.enter()?;
        let stepped = self.take_step(this, input);
        self.shared.driven().stepping = false;
        stepped
    }

    /// As for any coroutine, code that is running can neither be run nor closed.
    fn enter(&self) -> PyResult<()> {
        if std::mem::replace(&mut self.shared.driven().stepping, true) {
            return Err(PyValueError::new_err("coroutine already executing"));
        }
        Ok(())
    }

    fn take_step(&self, this: &Bound<'_, Self>, input: Input) -> PyResult<Py<PyAny>> {
        let py = this.py();
        let shared = &self.shared;
        let mut input = Some(input);
        let (told, is_first) = {
            let mut driven = shared.driven();
            (driven.blocking, driven.held) = (false, false);
            (std::mem::take(&mut driven.callbacks), driven.event_loop.is_none())
        };
        drop(told);
        if is_first {
            self.begin(this)?;
        }
        loop {
            match shared.process.gate() {
                // What a process leaves behind when it ends runs on, and nothing of it passes.
                Gate::Open | Gate::Ended => {}
                // Signals are the process's, not each of its tasks'.
                Gate::Signalled if self.is_task => {}
                Gate::Signalled => {
                    match shared.process.next_delivery() {
                        None | Some(Delivery::Stop) => {}
                        Some(Delivery::Throw(_)) => {
                            self.leave_handlers();
                            self.keep(input.take());
                            if self.cancel_wait(py)? {
                                // What it waits for ends as cancelled, and with that the wait.
                                return Ok(self.wait(this));
                            }
                        }
                        Some(Delivery::Handle { signal, restore }) => {
                            match self.handle(this, signal, restore) {
                                // The interrupted code gets its input when the handler is done.
                                Some(frame) => {
                                    self.keep(input.take());
                                    shared.driven().frames.push(frame);
                                }
                                // A handler may have sent the next signal: others get their turn first.
                                None if shared.process.gate() == Gate::Signalled => {
                                    self.keep(input.take());
                                    return Ok(py.None());
                                }
                                None => {}
                            }
                        }
                    }
                    continue;
                }
                Gate::Stopped => {
                    self.keep(input.take());
                    shared.driven().held = true;
                    return Ok(self.wait(this));
                }
                Gate::Killed => return Err(self.killed(py)),
            }
            let (coroutine, on, kept, is_handler) = {
                let mut driven = shared.driven();
                let Some(frame) = driven.frames.last_mut() else {
                    if let Some(ended) = driven.ended.take() {
                        return Err(ended);
                    }
                    return Err(PyRuntimeError::new_err("cannot reuse already awaited coroutine"));
                };
                (frame.coroutine.clone_ref(py), frame.on.take(), frame.thrown.take(), frame.restore.is_some())
            };
            if let Some(error) = kept {
                input = Some(Input::Throw(error));
            }
            if let (Some(on), None | Some(Input::Send(_))) = (&on, &input) {
                if !is_done(on.bind(py)) {
                    // It was woken for a signal, and goes on waiting.
                    self.waits_for(on.clone_ref(py));
                    return Ok(self.wait(this));
                }
            }
            let stepped = match input.take() {
                None => coroutine.bind(py).call_method1(intern!(py, "send"), (py.None(),)),
                Some(Input::Send(value)) => coroutine.bind(py).call_method1(intern!(py, "send"), (value,)),
                Some(Input::Throw(error)) => coroutine.bind(py).call_method1(intern!(py, "throw"), (error,)),
            };
            match stepped {
                // A bare yield: the next turn of the loop takes the next step.
                Ok(yielded) if yielded.is_none() => return Ok(yielded.unbind()),
                Ok(yielded) => {
                    let blocking = intern!(py, "_asyncio_future_blocking");
                    if !yielded.getattr(blocking).and_then(|blocking| blocking.is_truthy()).unwrap_or(false) {
                        // The task says what is wrong with it.
                        return Ok(yielded.unbind());
                    }
                    yielded.setattr(blocking, false)?;
                    self.waits_for(yielded.unbind());
                    if shared.process.gate() == Gate::Open {
                        return Ok(self.wait(this));
                    }
                }
                Err(error) if is_handler => {
                    self.handler_ended(py, error);
                    if shared.process.gate() == Gate::Signalled {
                        // A handler may have sent the next signal: others get their turn first.
                        return Ok(py.None());
                    }
                }
                Err(error) => {
                    // Dropped without the lock: the coroutine's end may run code.
                    let frames = std::mem::take(&mut shared.driven().frames);
                    drop(frames);
                    if shared.process.gate() == Gate::Killed {
                        return Err(self.killed(py));
                    }
                    let ended = match shared.process.signals().thrown().filter(|_| !self.is_task) {
                        // Whatever the code made of it, this is what has ended it.
                        Some(signal) => errors::killed(py, &shared.process, signal),
                        None => error,
                    };
                    if shared.process.gate() != Gate::Stopped {
                        return Err(ended);
                    }
                    shared.driven().ended = Some(ended);
                }
            }
        }
    }

    /// The first step: from now on signals reach the loop that it is taken in.
    fn begin(&self, this: &Bound<'_, Self>) -> PyResult<()> {
        let py = this.py();
        let event_loop = running_loop(py)?;
        self.shared.driven().event_loop = Some(event_loop.unbind());
        static WEAK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let driver = WEAK.import(py, "weakref", "ref")?.call1((this,))?.unbind();
        let bell: Arc<dyn Attached> = Arc::new(Bell { shared: Arc::downgrade(&self.shared), driver });
        self.shared.process.attach(&bell);
        *self.bell.lock().unwrap_or_else(PoisonError::into_inner) = Some(bell);
        Ok(())
    }

    fn waits_for(&self, on: Py<PyAny>) {
        if let Some(frame) = self.shared.driven().frames.last_mut() {
            frame.on = Some(on);
        }
    }

    fn wait(&self, this: &Bound<'_, Self>) -> Py<PyAny> {
        self.shared.driven().blocking = true;
        this.clone().into_any().unbind()
    }

    fn killed(&self, py: Python<'_>) -> PyErr {
        self.shared.bury();
        if self.is_task || self.shared.driven().abandoned {
            return cancellation(py);
        }
        let signal = match self.shared.process.signals().status() {
            Some(agent_os_core::signal::Status::Killed(signal)) => signal,
            _ => Signal::Kill,
        };
        errors::killed(py, &self.shared.process, signal)
    }

    /// Asks its code for a clean end, as cancelling a task does: what it waits for is cancelled, or else the error is thrown
    /// into it. True if it goes on waiting until that has ended.
    fn cancel_wait(&self, py: Python<'_>) -> PyResult<bool> {
        let on = self.shared.driven().waits_for(py);
        if let Some(on) = on.filter(|on| !is_done(on.bind(py))) {
            if on.bind(py).call_method0(intern!(py, "cancel"))?.is_truthy()? {
                return Ok(true);
            }
        }
        if let Some(frame) = self.shared.driven().frames.last_mut() {
            frame.thrown = Some(cancellation(py).into_value(py).into_any());
        }
        Ok(false)
    }

    /// Whoever awaits a stopped process has given up. It must not wait for SIGCONT, and no step may be taken, so this is
    /// the process's end.
    fn abandon(&self) {
        self.shared.driven().abandoned = true;
        // A fault of the recorder does not keep it alive.
        let _ = self.shared.kernel.raise(&self.shared.process, Signal::Kill, "cancelled while it was stopped");
    }

    /// True if code of the process asks, or of one below it: a time-out of its own, for instance.
    fn is_asked_from_inside(&self, py: Python<'_>) -> bool {
        static CURRENT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let current = CURRENT.import(py, "agent_os.processes.context", "current").and_then(|current| current.call0());
        let Ok(current) = current else { return false };
        current.cast::<Process>().is_ok_and(|asker| asker.get().core.is_below(&self.shared.process))
    }

    /// Calls a handler. What it returns to be awaited becomes the innermost frame.
    fn handle(&self, this: &Bound<'_, Self>, signal: Signal, restore: SignalSet) -> Option<Frame> {
        let py = this.py();
        let process = Process { core: Arc::clone(&self.shared.process), kernel: Arc::clone(&self.shared.kernel) };
        let called = self.shared.handlers.bind(py).call1((process, signal.number()));
        let coroutine = match called {
            Ok(result) if result.is_none() => None,
            Ok(coroutine) => Some(coroutine),
            Err(error) => {
                error.write_unraisable(py, Some(this.as_any()));
                None
            }
        };
        match coroutine {
            Some(coroutine) => {
                Some(Frame { coroutine: coroutine.unbind(), on: None, thrown: None, restore: Some(restore) })
            }
            None => {
                self.shared.process.handled(restore);
                None
            }
        }
    }

    fn handler_ended(&self, py: Python<'_>, error: PyErr) {
        let frame = self.shared.driven().frames.pop();
        if let Some(restore) = frame.as_ref().and_then(|frame| frame.restore) {
            self.shared.process.handled(restore);
        }
        if !error.is_instance_of::<PyStopIteration>(py) {
            error.write_unraisable(py, None);
        }
    }

    /// Keeps what was thrown for the next step of the code that it was thrown into.
    fn keep(&self, input: Option<Input>) {
        let Some(Input::Throw(error)) = input else { return };
        if let Some(frame) = self.shared.driven().frames.last_mut() {
            frame.thrown = Some(error);
        }
    }

    /// What is thrown into the process ends its handlers too.
    fn leave_handlers(&self) {
        loop {
            let frame = {
                let mut driven = self.shared.driven();
                if driven.frames.len() < 2 {
                    return;
                }
                driven.frames.pop()
            };
            if let Some(restore) = frame.as_ref().and_then(|frame| frame.restore) {
                self.shared.process.handled(restore);
            }
            // Dropped without the lock: this closes the handler, which may run code.
            drop(frame);
        }
    }
}

#[pymethods]
impl Driver {
    /// `handlers` is called with the process and a signal's number, and returns `None` or what is to be awaited.
    #[new]
    #[pyo3(signature = (process, coroutine, handlers, is_task=false))]
    fn new(process: &Process, coroutine: Bound<'_, PyAny>, handlers: Py<PyAny>, is_task: bool) -> Self {
        let kernel = Arc::clone(&process.kernel);
        let frame = Frame { coroutine: coroutine.unbind(), on: None, thrown: None, restore: None };
        let driven = Mutex::new(Driven { frames: vec![frame], ..Driven::default() });
        let shared = Arc::new(Shared { kernel, process: Arc::clone(&process.core), handlers, driven });
        Self { shared, bell: Mutex::new(None), is_task }
    }

    fn __await__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __iter__(this: Bound<'_, Self>) -> Bound<'_, Self> {
        this
    }

    fn __next__(this: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
        this.get().step(this, Input::Send(this.py().None()))
    }

    fn send(this: &Bound<'_, Self>, value: Py<PyAny>) -> PyResult<Py<PyAny>> {
        this.get().step(this, Input::Send(value))
    }

    #[pyo3(signature = (kind, value=None, traceback=None))]
    fn throw(
        this: &Bound<'_, Self>,
        kind: &Bound<'_, PyAny>,
        value: Option<&Bound<'_, PyAny>>,
        traceback: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        // One argument is how everybody calls it; the three are what old code may use.
        let error = match value.filter(|value| !value.is_none()) {
            Some(value) if value.is_instance_of::<pyo3::exceptions::PyBaseException>() => value.clone(),
            Some(value) => kind.call1((value,))?,
            None if kind.is_instance_of::<pyo3::types::PyType>() => kind.call0()?,
            None => kind.clone(),
        };
        if let Some(traceback) = traceback.filter(|traceback| !traceback.is_none()) {
            error.setattr(intern!(this.py(), "__traceback__"), traceback)?;
        }
        this.get().step(this, Input::Throw(error.unbind()))
    }

    /// Closes the coroutine, unless it may take no step: then it is kept.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if !self.shared.may_step() {
            self.shared.bury();
            return Ok(());
        }
        self.enter()?;
        let frames = std::mem::take(&mut self.shared.driven().frames);
        let closed = frames
            .into_iter()
            .rev()
            .try_for_each(|frame| frame.coroutine.bind(py).call_method0(intern!(py, "close")).map(drop));
        self.shared.driven().stepping = false;
        closed
    }

    /// Part of being a future: set while a task is to wait for it.
    #[getter(_asyncio_future_blocking)]
    fn blocking(&self) -> bool {
        self.shared.driven().blocking
    }

    #[setter(_asyncio_future_blocking)]
    fn set_blocking(&self, blocking: bool) {
        self.shared.driven().blocking = blocking;
    }

    fn get_loop(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let driven = self.shared.driven();
        let event_loop = driven.event_loop.as_ref().map(|one| one.clone_ref(py));
        event_loop.ok_or_else(|| PyRuntimeError::new_err("it was not awaited yet"))
    }

    #[pyo3(signature = (callback, *, context=None))]
    fn add_done_callback(&self, py: Python<'_>, callback: Py<PyAny>, context: Option<Py<PyAny>>) -> PyResult<()> {
        let on = {
            let mut driven = self.shared.driven();
            driven.callbacks.push((callback.clone_ref(py), context.as_ref().map(|context| context.clone_ref(py))));
            driven.waits_for(py)
        };
        let Some(on) = on else { return Ok(()) };
        let keywords = PyDict::new(py);
        if let Some(context) = context {
            keywords.set_item(intern!(py, "context"), context)?;
        }
        on.bind(py).call_method(intern!(py, "add_done_callback"), (callback,), Some(&keywords)).map(drop)
    }

    fn remove_done_callback(&self, py: Python<'_>, callback: &Bound<'_, PyAny>) -> PyResult<usize> {
        let (on, before) = {
            let mut driven = self.shared.driven();
            let before = driven.callbacks.len();
            driven.callbacks.retain(|(one, _)| !one.is(callback));
            let removed = before - driven.callbacks.len();
            (driven.waits_for(py), removed)
        };
        match on {
            Some(on) => on.bind(py).call_method1(intern!(py, "remove_done_callback"), (callback,))?.extract(),
            None => Ok(before),
        }
    }

    /// Cancels what is waited for, as cancelling a task does. A stopped process that waits for nothing but SIGCONT ends.
    #[pyo3(signature = (msg=None))]
    fn cancel(this: &Bound<'_, Self>, msg: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        let py = this.py();
        let driver = this.get();
        if driver.shared.process.gate() == Gate::Stopped && !driver.is_asked_from_inside(py) {
            // Whoever awaits it must not wait for SIGCONT.
            driver.abandon();
            return Ok(true);
        }
        let on = driver.shared.driven().waits_for(py);
        let Some(on) = on.filter(|_| driver.shared.process.gate() != Gate::Stopped) else {
            // It is for the code's next step, which waits for SIGCONT.
            driver.keep(Some(Input::Throw(cancellation(py).into_value(py).into_any())));
            if driver.shared.process.gate() != Gate::Stopped {
                driver.shared.wake(py, this.as_any())?;
            }
            return Ok(true);
        };
        let keywords = PyDict::new(py);
        if let Some(msg) = msg {
            keywords.set_item(intern!(py, "msg"), msg)?;
        }
        on.bind(py).call_method(intern!(py, "cancel"), PyTuple::empty(py), Some(&keywords))?.is_truthy()
    }

    /// Part of being a future: whoever was woken asks for it, and takes the next step.
    fn result(&self) {}

    /// True if a step would get anywhere.
    fn done(&self, py: Python<'_>) -> bool {
        match self.shared.process.gate() {
            Gate::Open | Gate::Ended => {}
            Gate::Signalled | Gate::Stopped | Gate::Killed => return true,
        }
        let on = self.shared.driven().waits_for(py);
        on.is_none_or(|on| is_done(on.bind(py)))
    }

    fn _wake(this: &Bound<'_, Self>) -> PyResult<()> {
        this.get().shared.wake(this.py(), this.as_any())
    }

    /// What is known of the coroutine itself (`cr_frame`, `cr_await`, `cr_code`, …), for debuggers and `asyncio`.
    fn __getattr__(&self, py: Python<'_>, name: &Bound<'_, pyo3::types::PyString>) -> PyResult<Py<PyAny>> {
        let text = name.to_str()?;
        if !matches!(
            text,
            "cr_frame"
                | "cr_await"
                | "cr_code"
                | "cr_running"
                | "cr_origin"
                | "cr_suspended"
                | "__name__"
                | "__qualname__"
        ) {
            return Err(PyAttributeError::new_err(format!("`Driver` has no attribute `{text}`")));
        }
        let coroutine = self.shared.driven().frames.first().map(|frame| frame.coroutine.clone_ref(py));
        match coroutine {
            Some(coroutine) => coroutine.getattr(py, name),
            None => Ok(py.None()),
        }
    }
}

fn is_done(on: &Bound<'_, PyAny>) -> bool {
    on.call_method0(intern!(on.py(), "done")).and_then(|done| done.is_truthy()).unwrap_or(true)
}

fn cancelled_class(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static CANCELLED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    CANCELLED.import(py, "asyncio", "CancelledError")
}

fn cancellation(py: Python<'_>) -> PyErr {
    match cancelled_class(py).and_then(|class| class.call0()) {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}
