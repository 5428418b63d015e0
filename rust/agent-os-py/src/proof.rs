//! Proofs about a log and their checks, from Python.

use std::path::PathBuf;

use agent_os_core::audit::tree::{Hash, leaf_hash, verify_consistency, verify_inclusion};
use agent_os_core::value::Value;
use agent_os_log::{Consistency, Durability, Inclusion, Keys, Log, LogError, Options, Reader, Retained};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors;
use crate::freeze::hex;

/// Whether these bytes are entry `index` of the log of `size` entries with this root.
#[pyfunction]
pub(crate) fn is_included(entry: &[u8], index: u64, size: u64, proof: Vec<Hash>, root: Hash) -> bool {
    verify_inclusion(&leaf_hash(entry), index, size, &proof, &root).is_ok()
}

/// Whether the log of `size` entries with this root begins with that of `old_size` entries with the other root.
#[pyfunction]
pub(crate) fn is_consistent(old_size: u64, old_root: Hash, size: u64, root: Hash, proof: Vec<Hash>) -> bool {
    verify_consistency(old_size, size, &old_root, &root, &proof).is_ok()
}

/// Puts a new key in the place of the log's, and gives the new one in the spelling of signed notes.
#[pyfunction]
pub(crate) fn rotate_log_key(py: Python<'_>, directory: PathBuf, keys: PathBuf, version: &str) -> PyResult<String> {
    let meta = Value::from([("name", Value::from("agentos log keys")), ("version", Value::from(version))]);
    let options = Options { keys: Keys::in_folder(&keys), ..Options::new(Durability::Written, meta) };
    let rotated = py.detach(|| {
        let log = Log::open(&directory, options)?;
        let key = log.rotate_key()?;
        log.close()?;
        Ok(key.vkey(log.id()))
    });
    rotated.map_err(|error| errors::log(py, &error))
}

/// Destroys the key of a person in a log that nobody writes, or removes the payloads of an entry of it. Gives the entry
/// that tells of it, if there was anything to be destroyed.
#[pyfunction]
pub(crate) fn redact_log(
    py: Python<'_>,
    directory: PathBuf,
    keys: PathBuf,
    version: &str,
    subject: Option<&str>,
    seq: Option<u64>,
) -> PyResult<Option<u64>> {
    let meta = Value::from([("name", Value::from("agentos log redact")), ("version", Value::from(version))]);
    let options = Options { keys: Keys::in_folder(&keys), ..Options::new(Durability::Written, meta) };
    let redacted = py.detach(|| {
        let log = Log::open(&directory, options)?;
        let told = redact(&log, subject, seq)?;
        log.close()?;
        Ok(told)
    });
    redacted.map_err(|error| errors::log(py, &error))
}

/// Redacts a subject or an entry, whichever is given.
pub(crate) fn redact(log: &Log, subject: Option<&str>, seq: Option<u64>) -> Result<Option<u64>, LogError> {
    match (subject, seq) {
        (Some(subject), _) => log.redact_subject(subject),
        (None, Some(seq)) => log.redact_payloads(seq),
        (None, None) => Ok(None),
    }
}

/// Drops what entries before `before` say in a log that nobody writes; see `Kernel.log_retain`.
#[pyfunction]
pub(crate) fn retain_log<'py>(
    py: Python<'py>,
    directory: PathBuf,
    keys: PathBuf,
    version: &str,
    before: u64,
    only_say: bool,
) -> PyResult<Option<Bound<'py, PyDict>>> {
    let meta = Value::from([("name", Value::from("agentos log retain")), ("version", Value::from(version))]);
    let options = Options { keys: Keys::in_folder(&keys), ..Options::new(Durability::Written, meta) };
    let done = py.detach(|| {
        if only_say {
            return Reader::open(&directory)?.would_retain(before);
        }
        let log = Log::open(&directory, options)?;
        let retained = log.retain(before)?;
        log.close()?;
        Ok(retained)
    });
    done.map_err(|error| errors::log(py, &error))?.map(|retained| self::retained(py, &retained)).transpose()
}

/// What was dropped, as a dict.
pub(crate) fn retained<'py>(py: Python<'py>, retained: &Retained) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("entry", retained.seq)?;
    out.set_item("to", retained.to)?;
    out.set_item("dropped", retained.dropped)?;
    out.set_item("bytes", retained.bytes)?;
    Ok(out)
}

/// The keys of a log: a folder, and one that was given in a file.
pub(crate) fn keys(folder: Option<PathBuf>, file: Option<PathBuf>) -> Result<Keys, LogError> {
    let keys = folder.map_or_else(Keys::default, |folder| Keys::in_folder(&folder));
    match file {
        Some(file) => Ok(keys.with(Keys::read(&file)?)),
        None => Ok(keys),
    }
}

pub(crate) fn inclusion<'py>(py: Python<'py>, found: &Inclusion) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("index", found.index)?;
    out.set_item("size", found.size)?;
    out.set_item("leaf", hex(&found.leaf))?;
    out.set_item("root", hex(&found.root))?;
    out.set_item("proof", found.proof.iter().map(|hash| hex(hash)).collect::<Vec<_>>())?;
    out.set_item("text", found.to_text())?;
    Ok(out)
}

pub(crate) fn consistency<'py>(py: Python<'py>, found: &Consistency) -> PyResult<Bound<'py, PyDict>> {
    let out = PyDict::new(py);
    out.set_item("old_size", found.old_size)?;
    out.set_item("old_root", hex(&found.old_root))?;
    out.set_item("size", found.size)?;
    out.set_item("root", hex(&found.root))?;
    out.set_item("proof", found.proof.iter().map(|hash| hex(hash)).collect::<Vec<_>>())?;
    Ok(out)
}
