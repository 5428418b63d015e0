//! The queue of what waits for the operator: the kernel's side, and that of the command line.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use agent_os_store::{Answer, Asked, Database, Entry, Operator, Refused, Standing, StoreError, Ticket, Token};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::bundle::now;
use crate::errors;

/// How often a kernel says that the process that asks still waits, in microseconds.
const HEARTBEAT: i64 = 2_000_000;

fn open(py: Python<'_>, path: PathBuf) -> PyResult<Arc<Database>> {
    py.detach(|| Database::open(&path)).map(Arc::new).map_err(|error| errors::store(py, &error))
}

/// Does something with the store without holding up Python.
fn apart<T: Send>(py: Python<'_>, act: impl FnOnce() -> Result<T, StoreError> + Send) -> PyResult<T> {
    py.detach(act).map_err(|error| errors::store(py, &error))
}

/// The queue, as one kernel uses it.
#[pyclass(frozen, module = "agent_os._core")]
pub(crate) struct ApprovalQueue {
    database: Arc<Database>,
    // SECURITY: the key and the store's id are those of the start; what the file says later changes neither.
    operator: Operator,
    store: String,
    kernel: String,
}

#[pymethods]
impl ApprovalQueue {
    /// Opens the queue in a store. `operator` is the operator's public key, `kernel` the id of the kernel's log.
    #[new]
    fn new(py: Python<'_>, path: PathBuf, operator: &str, kernel: String) -> PyResult<Self> {
        let operator = Operator::parse(operator).ok_or_else(|| {
            PyValueError::new_err("`operator` is not an operator's public key; `agentos approvals init` prints one")
        })?;
        let database = open(py, path)?;
        let store = apart(py, || database.id())?;
        Ok(Self { database, operator, store, kernel })
    }

    /// Puts a request into the queue; `shown` is what the operator is to see, as canonical JSON.
    fn ask(
        &self,
        py: Python<'_>,
        request: String,
        bundle: String,
        shown: String,
        expires_micros: i64,
    ) -> PyResult<Waiting> {
        let asked = Asked {
            kernel: self.kernel.clone(),
            operator: self.operator.spelt(),
            request,
            bundle,
            shown,
            expires: expires_micros,
        };
        let now = now();
        let ticket = apart(py, || self.database.ask(&self.store, asked, now))?;
        Ok(Waiting {
            database: Arc::clone(&self.database),
            operator: self.operator.clone(),
            ticket,
            expires: expires_micros,
            seen: Mutex::new(now),
            used: AtomicBool::new(false),
        })
    }
}

/// A request that waits for the operator.
#[pyclass(frozen, module = "agent_os._core")]
pub(crate) struct Waiting {
    database: Arc<Database>,
    operator: Operator,
    ticket: Ticket,
    expires: i64,
    seen: Mutex<i64>,
    used: AtomicBool,
}

impl Waiting {
    /// True once, and only for the bundle that was asked about.
    pub(crate) fn is_good_for(&self, bundle: &str) -> bool {
        self.ticket.asked().bundle == bundle && !self.used.swap(true, Ordering::AcqRel)
    }

    /// The digest of what was asked.
    pub(crate) fn request(&self) -> &str {
        &self.ticket.asked().request
    }
}

#[pymethods]
impl Waiting {
    /// The request's id in the queue.
    #[getter]
    fn id(&self) -> &str {
        self.ticket.id()
    }

    /// `waiting`, `approved`, `denied`, `expired`, or `forged`: a verdict that the operator did not sign.
    pub(crate) fn poll(&self, py: Python<'_>) -> PyResult<&'static str> {
        let now = now();
        let answer = apart(py, || self.database.answer(&self.ticket, &self.operator))?;
        match answer {
            _ if now > self.expires => return Ok("expired"),
            Answer::Approved => return Ok("approved"),
            Answer::Denied => return Ok("denied"),
            Answer::Forged => return Ok("forged"),
            Answer::Waiting => {}
        }
        let due = {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let due = now.saturating_sub(*seen) >= HEARTBEAT;
            if due {
                *seen = now;
            }
            due
        };
        if due {
            // While another process holds the file, the word of life is late; the answer is what matters.
            let _ = py.detach(|| self.database.seen(&self.ticket, now));
        }
        Ok("waiting")
    }

    /// Says how waiting ended, so that the queue no longer shows it as waiting.
    fn end(&self, py: Python<'_>, how: &str) -> PyResult<()> {
        let standing = match how {
            "approved" => Standing::Approved,
            "denied" | "forged" => Standing::Denied,
            "expired" => Standing::Expired,
            _ => Standing::Gone,
        };
        apart(py, || self.database.ended(&self.ticket, standing))
    }
}

/// The queue, as the operator's command line uses it.
#[pyclass(frozen, module = "agent_os._core")]
pub(crate) struct Approvals {
    database: Arc<Database>,
    store: String,
}

/// One request as it stood in the queue when it was read; a verdict is signed over exactly this.
#[pyclass(frozen, module = "agent_os._core")]
pub(crate) struct ApprovalEntry {
    entry: Entry,
    code: String,
}

#[pymethods]
impl ApprovalEntry {
    /// Everything about it; `shown` is canonical JSON.
    fn row<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let Entry { id, asked, asked_at, standing } = &self.entry;
        let row = PyDict::new(py);
        row.set_item("code", &self.code)?;
        row.set_item("id", id)?;
        row.set_item("standing", standing.code())?;
        row.set_item("asked_at", asked_at)?;
        row.set_item("expires", asked.expires)?;
        row.set_item("kernel", &asked.kernel)?;
        row.set_item("operator", &asked.operator)?;
        row.set_item("request", &asked.request)?;
        row.set_item("bundle", &asked.bundle)?;
        row.set_item("shown", &asked.shown)?;
        Ok(row)
    }
}

#[pymethods]
impl Approvals {
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let database = open(py, path)?;
        let store = apart(py, || database.id())?;
        Ok(Self { database, store })
    }

    /// Every request, oldest first.
    fn entries(&self, py: Python<'_>) -> PyResult<Vec<ApprovalEntry>> {
        let entries = apart(py, || self.database.approvals(now()))?;
        let named = |entry: Entry| ApprovalEntry { code: entry.code(&self.store), entry };
        Ok(entries.into_iter().map(named).collect())
    }

    /// The operator's word on what an entry shows. Gives `None`, or why it was not taken: `unknown`, `other_operator`,
    /// or how the request stands.
    fn speak(
        &self,
        py: Python<'_>,
        token: &str,
        entry: &ApprovalEntry,
        approve: bool,
    ) -> PyResult<Option<&'static str>> {
        let token = token_of(token)?;
        let spoken = apart(py, || self.database.speak(&token, &entry.entry, approve, now()))?;
        Ok(match spoken {
            Ok(()) => None,
            Err(Refused::Unknown) => Some("unknown"),
            Err(Refused::OtherOperator) => Some("other_operator"),
            Err(Refused::Not(standing)) => Some(standing.code()),
        })
    }
}

/// A new operator's token, and the public key that goes with it.
#[pyfunction]
pub(crate) fn new_operator() -> PyResult<(String, String)> {
    let token = Token::make().map_err(|error| PyOSError::new_err(error.to_string()))?;
    Ok((token.spelt(), token.public().spelt()))
}

/// The public key of a token.
#[pyfunction]
pub(crate) fn operator_key(token: &str) -> PyResult<String> {
    Ok(token_of(token)?.public().spelt())
}

fn token_of(text: &str) -> PyResult<Token> {
    // The text itself is a secret, or a part of one: it is not repeated.
    Token::parse(text).ok_or_else(|| PyValueError::new_err("this is not an operator's token"))
}
