//! The log's index: looking entries up from Python. Waiting for the disk never holds up Python's other threads.

use std::path::PathBuf;

use agent_os_index::{Field, Found, Index, IndexError, Question};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::errors;

/// Finds entries of a log's directory without reading all of it.
#[pyclass(frozen, module = "agent_os._core")]
pub(crate) struct LogIndex(Index);

/// The number of an entry, its bytes, and those of the entry that says what it is about.
type Row<'py> = (u64, Option<Bound<'py, PyBytes>>, Option<Bound<'py, PyBytes>>);

#[pymethods]
impl LogIndex {
    #[new]
    #[pyo3(signature = (directory, file=None))]
    fn new(py: Python<'_>, directory: PathBuf, file: Option<PathBuf>) -> PyResult<Self> {
        py.detach(|| Index::open(&directory, file.as_deref())).map(Self).map_err(|error| errors::index(py, &error))
    }

    /// Starts a thread that reads what is new until the index is dropped.
    fn follow(&self) -> PyResult<()> {
        Ok(self.0.follow()?)
    }

    /// Reads the log up to its present end; how many entries are in the index then.
    fn catch_up(&self, py: Python<'_>) -> PyResult<u64> {
        py.detach(|| self.0.catch_up()).map_err(|error| errors::index(py, &error))
    }

    /// Some entries that have all of these, and where to ask on. An entry that is not where it must be has no bytes.
    #[pyo3(signature = (terms, *, start=0, before=None, since=None, until=None, newest_first=false, most=100))]
    #[allow(clippy::too_many_arguments)]
    fn find<'py>(
        &self,
        py: Python<'py>,
        terms: Vec<(String, String)>,
        start: u64,
        before: Option<u64>,
        since: Option<i64>,
        until: Option<i64>,
        newest_first: bool,
        most: usize,
    ) -> PyResult<(Vec<Row<'py>>, Option<u64>)> {
        let terms = terms.into_iter().map(|(name, value)| Ok((field(&name)?, value))).collect::<PyResult<_>>()?;
        let question = Question { terms, start, before, since, until, newest_first };
        let read = || -> Result<_, IndexError> {
            let page = self.0.find(&question, most)?;
            let rows = page.found.iter().map(|found| self.read(found)).collect::<Result<Vec<_>, IndexError>>()?;
            Ok((rows, page.rest))
        };
        let (rows, rest) = py.detach(read).map_err(|error| errors::index(py, &error))?;
        let bytes = |bytes: Option<Vec<u8>>| bytes.map(|bytes| PyBytes::new(py, &bytes));
        Ok((rows.into_iter().map(|(seq, entry, about)| (seq, bytes(entry), bytes(about))).collect(), rest))
    }

    /// The values of a field with how many entries have each, most first, and how many values there are.
    fn counts(&self, py: Python<'_>, name: &str, most: u64) -> PyResult<(Vec<(String, u64)>, u64)> {
        let field = field(name)?;
        py.detach(|| self.0.counts(field, most)).map_err(|error| errors::index(py, &error))
    }

    /// The least and the greatest time of the entries.
    fn span(&self, py: Python<'_>) -> PyResult<Option<(i64, i64)>> {
        py.detach(|| self.0.span()).map_err(|error| errors::index(py, &error))
    }

    /// Forgets everything.
    fn clear(&self, py: Python<'_>) -> PyResult<()> {
        py.detach(|| self.0.clear()).map_err(|error| errors::index(py, &error))
    }
}

impl LogIndex {
    /// An entry with the one that says what it is about; nothing of either if one of them is not where it must be.
    #[allow(clippy::type_complexity)]
    fn read(&self, found: &Found) -> Result<(u64, Option<Vec<u8>>, Option<Vec<u8>>), IndexError> {
        let Some(at) = found.about else { return Ok((found.seq, self.0.entry(found.at)?, None)) };
        let about = self.0.entry(at)?;
        let entry = if about.is_some() { self.0.entry(found.at)? } else { None };
        Ok((found.seq, entry, about))
    }
}

fn field(name: &str) -> PyResult<Field> {
    Field::named(name).ok_or_else(|| PyValueError::new_err(format!("`{name}` is not what entries are looked up by")))
}
