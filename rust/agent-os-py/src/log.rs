//! The flight recorder's log: the kernel's way to it, and reading and verifying from Python.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use agent_os_core::audit::event::Draft;
use agent_os_core::kernel::{RecordFault, Recorder};
use agent_os_log::{Entries, Keys, Log, Pins, Reader, Reservation, Unsealer, Witness};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::errors;
use crate::freeze::hex;
use crate::proof;

/// The kernel's recorder.
pub(crate) struct LogRecorder(pub(crate) Arc<Log>);

impl Recorder for LogRecorder {
    type Receipt = Reservation;

    fn intent(&self, draft: &Draft) -> Result<Reservation, RecordFault> {
        self.0
            .append_intent_ahead(&mut |stamp, out| draft.finish(stamp.log, stamp.seq, stamp.micros, out))
            .map_err(|error| errors::fault(&error))
    }

    fn intent_seq(&self, receipt: &Reservation) -> u64 {
        receipt.seq()
    }

    fn outcome(&self, receipt: Reservation, draft: &Draft) -> Result<u64, RecordFault> {
        self.0
            .append_outcome_ahead(receipt, &mut |stamp, out| draft.finish(stamp.log, stamp.seq, stamp.micros, out))
            .map_err(|error| errors::fault(&error))
    }

    fn event(&self, draft: &Draft) -> Result<u64, RecordFault> {
        self.0
            .append_ahead(&mut |stamp, out| draft.finish(stamp.log, stamp.seq, stamp.micros, out))
            .map_err(|error| errors::fault(&error))
    }

    fn settle(&self, size: u64) -> Result<(), RecordFault> {
        if self.0.is_settled(size) {
            return Ok(());
        }
        // A sync takes longer than many decisions, and other threads go on deciding meanwhile.
        Python::attach(|py| py.detach(|| self.0.settle(size))).map_err(|error| errors::fault(&error))
    }
}

/// Entries of a log in order, as bytes. At the end iteration stops; asked again later it goes on with what is new.
#[pyclass(frozen, module = "agent_os._core")]
pub(crate) struct LogEntries(Mutex<Entries>);

impl LogEntries {
    pub(crate) fn new(entries: Entries) -> Self {
        Self(Mutex::new(entries))
    }
}

#[pymethods]
impl LogEntries {
    fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<(u64, Bound<'py, PyBytes>)>> {
        let next = py.detach(|| self.0.lock().unwrap_or_else(PoisonError::into_inner).next());
        match next {
            None => Ok(None),
            Some(Ok((seq, bytes))) => Ok(Some((seq, PyBytes::new(py, &bytes)))),
            Some(Err(error)) => Err(errors::log(py, &error)),
        }
    }
}

/// Reads a log's directory, also while it is written.
#[pyclass(frozen, module = "agent_os._core")]
pub(crate) struct LogReader(Reader);

#[pymethods]
impl LogReader {
    #[new]
    fn new(py: Python<'_>, directory: PathBuf) -> PyResult<Self> {
        Reader::open(&directory).map(Self).map_err(|error| errors::log(py, &error))
    }

    /// The log's id in hex.
    #[getter]
    fn log_id(&self) -> &str {
        self.0.id()
    }

    /// Number of entries that are there now.
    #[getter]
    fn size(&self, py: Python<'_>) -> PyResult<u64> {
        py.detach(|| self.0.size()).map_err(|error| errors::log(py, &error))
    }

    /// The entries from a place on; asked again after the end, they go on with what is new.
    #[pyo3(signature = (start=0))]
    fn entries(&self, py: Python<'_>, start: u64) -> PyResult<LogEntries> {
        self.0.read_from(start).map(LogEntries::new).map_err(|error| errors::log(py, &error))
    }

    /// The entries from a place up to the present end.
    #[pyo3(signature = (start=0))]
    fn present(&self, py: Python<'_>, start: u64) -> PyResult<LogEntries> {
        self.0.read_present(start).map(LogEntries::new).map_err(|error| errors::log(py, &error))
    }

    /// The signed checkpoint that the log has now.
    fn checkpoint(&self, py: Python<'_>) -> PyResult<String> {
        py.detach(|| self.0.checkpoint()).map_err(|error| errors::log(py, &error))
    }

    /// Proves that an entry is among the first `size`, or among those of the checkpoint.
    #[pyo3(signature = (index, size=None))]
    fn prove<'py>(&self, py: Python<'py>, index: u64, size: Option<u64>) -> PyResult<Bound<'py, PyDict>> {
        let found = py.detach(|| self.0.prove_inclusion(index, size)).map_err(|error| errors::log(py, &error))?;
        proof::inclusion(py, &found)
    }

    /// Proves that the first `size` entries, or those of the checkpoint, begin with the first `old_size`.
    #[pyo3(signature = (old_size, size=None))]
    fn prove_consistency<'py>(
        &self,
        py: Python<'py>,
        old_size: u64,
        size: Option<u64>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let found = py.detach(|| self.0.prove_consistency(old_size, size)).map_err(|error| errors::log(py, &error))?;
        proof::consistency(py, &found)
    }

    /// What is sent to a witness that has cosigned the first `old_size` entries: the newest checkpoint, and the body of
    /// the request.
    fn submission(&self, py: Python<'_>, old_size: u64) -> PyResult<(String, String)> {
        let made = py.detach(|| self.0.submission(old_size)).map_err(|error| errors::log(py, &error))?;
        Ok((made.checkpoint, made.body))
    }

    /// How many entries the kept checkpoint names that this witness cosigned last; 0 without one.
    fn cosigned_size(&self, py: Python<'_>, witness: &str) -> PyResult<u64> {
        let witness = parse_witness(witness)?;
        py.detach(|| self.0.cosigned_size(&witness)).map_err(|error| errors::log(py, &error))
    }

    /// Writes checkpoint, tiles and bundles of entries into a new folder; gives the number of entries.
    fn export_tiles(&self, py: Python<'_>, folder: PathBuf) -> PyResult<u64> {
        py.detach(|| self.0.export_tiles(&folder)).map_err(|error| errors::log(py, &error))
    }

    /// The canonical bytes of a sealed value, with the keys in this folder.
    fn unseal<'py>(
        &self,
        py: Python<'py>,
        folder: PathBuf,
        keys: Vec<String>,
        text: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let unsealer = Unsealer::new(&Keys::in_folder(&folder), self.0.id());
        unsealer.unseal(&keys, text).map(|bytes| PyBytes::new(py, &bytes)).map_err(|error| errors::log(py, &error))
    }

    /// A payload of the side store, by its SHA-256 in hex.
    fn payload<'py>(&self, py: Python<'py>, sha256: &str) -> PyResult<Bound<'py, PyBytes>> {
        self.0.payload(sha256).map(|bytes| PyBytes::new(py, &bytes)).map_err(|error| errors::log(py, &error))
    }
}

/// Verifies a log's directory and reports; never raises for what is wrong with the log.
#[pyfunction]
#[pyo3(signature = (directory, keys=Vec::new(), checkpoints=Vec::new(), ratchet_key=None, witnesses=Vec::new(), quorum=None))]
pub(crate) fn verify_log<'py>(
    py: Python<'py>,
    directory: PathBuf,
    keys: Vec<String>,
    checkpoints: Vec<(String, Vec<u8>)>,
    ratchet_key: Option<String>,
    witnesses: Vec<String>,
    quorum: Option<usize>,
) -> PyResult<Bound<'py, PyDict>> {
    let pins = Pins { keys, checkpoints, ratchet_key, witnesses, quorum };
    let report = py.detach(|| agent_os_log::verify_against(&directory, &pins));
    let out = PyDict::new(py);
    out.set_item("ok", report.ok())?;
    out.set_item("level", &report.level)?;
    out.set_item("pinned", report.pinned)?;
    out.set_item("witnessed", report.witnessed)?;
    let cosigned: Vec<_> = report.cosignatures.iter().map(|each| (&each.name, each.size, each.time)).collect();
    out.set_item("cosignatures", cosigned)?;
    out.set_item("log_id", &report.log_id)?;
    out.set_item("entries", report.entries)?;
    out.set_item("root", hex(&report.root))?;
    out.set_item("payloads", report.payloads)?;
    out.set_item("dropped", report.dropped)?;
    out.set_item("redactions", &report.redactions)?;
    out.set_item("closed", report.closed)?;
    out.set_item("key", &report.key)?;
    out.set_item("rotations", &report.rotations)?;
    out.set_item("checkpoint", report.checkpoint)?;
    out.set_item("after_checkpoint", report.after_checkpoint)?;
    out.set_item("held", report.held)?;
    out.set_item("seals", report.seals)?;
    out.set_item("gaps", &report.gaps)?;
    out.set_item("sealed", report.sealed)?;
    out.set_item("unfinished", &report.unfinished)?;
    out.set_item("backward_steps", &report.backward_steps)?;
    out.set_item("strays", &report.strays)?;
    let problem = |problem: &agent_os_log::Problem| {
        let row = PyDict::new(py);
        row.set_item("file", &problem.file)?;
        row.set_item("offset", problem.offset)?;
        row.set_item("seq", problem.seq)?;
        row.set_item("what", &problem.what)?;
        Ok(row)
    };
    let problems = report.problems.iter().map(problem).collect::<PyResult<Vec<_>>>()?;
    out.set_item("problems", problems)?;
    Ok(out)
}

/// Checks what a witness answered to a checkpoint, and keeps it in the log's directory; the size and the time of it.
#[pyfunction]
pub(crate) fn keep_cosignature(
    py: Python<'_>,
    directory: PathBuf,
    witness: &str,
    checkpoint: &str,
    answer: &[u8],
) -> PyResult<(u64, u64)> {
    let witness = parse_witness(witness)?;
    let kept = py.detach(|| agent_os_log::keep_cosignature(&directory, &witness, checkpoint, answer));
    kept.map(|cosigned| (cosigned.size, cosigned.time)).map_err(|error| errors::log(py, &error))
}

/// What is wrong with these bytes as an entry of a kernel's log; nothing if its readers can rely on it.
#[pyfunction]
pub(crate) fn entry_fault(entry: &[u8]) -> Option<String> {
    agent_os_log::entry_fault(entry)
}

/// What the entries of each kind have: fields, with `?` where one may be missing, and what stands there.
#[pyfunction]
#[allow(clippy::type_complexity)]
pub(crate) fn entry_shapes() -> Vec<(&'static str, Vec<(&'static str, &'static str)>)> {
    agent_os_log::entry_shapes()
}

/// The name in the key of a witness; `ValueError` if it is none.
#[pyfunction]
pub(crate) fn witness_name(witness: &str) -> PyResult<String> {
    parse_witness(witness).map(|witness| witness.name().to_owned())
}

fn parse_witness(vkey: &str) -> PyResult<Witness> {
    let wrong = || PyValueError::new_err(format!("`{vkey}` is not the key of a witness, `name+id+key` of type 4"));
    Witness::parse(vkey).ok_or_else(wrong)
}

/// To be called in a forked child: the logs of the parent refuse every further entry there.
#[pyfunction]
pub(crate) fn mark_forked() {
    agent_os_log::mark_forked();
}
