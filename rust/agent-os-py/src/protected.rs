//! The files of the control plane, as the operator's code names them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use agent_os_core::kernel::{Protected as CoreProtected, ProtectedFault};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::reader::DictArguments;

/// Paths that no governed action may name, each as it is spelt and as it resolves now; a directory with all in it.
#[pyclass(frozen, module = "agent_os._core")]
pub(crate) struct Protected(pub(crate) Arc<CoreProtected>);

#[pymethods]
impl Protected {
    /// `cwd` is what relative paths start from, by default the working directory; `home` is what `~` stands for.
    #[new]
    #[pyo3(signature = (paths, *, home=None, cwd=None))]
    fn new(py: Python<'_>, paths: Vec<PathBuf>, home: Option<&str>, cwd: Option<PathBuf>) -> PyResult<Self> {
        let cwd = match cwd {
            Some(cwd) => cwd,
            None => std::env::current_dir().map_err(|error| {
                PyOSError::new_err(format!("the working directory cannot be told: {error}; change to one that exists"))
            })?,
        };
        let spelt: Vec<String> = py.detach(|| paths.iter().flat_map(|path| spellings(&cwd, path)).collect());
        CoreProtected::new(&spelt, &text(&cwd), home)
            .map(|core| Self(Arc::new(core)))
            .map_err(|fault: ProtectedFault| PyValueError::new_err(fault.to_string()))
    }

    /// The argument that names something protected, as its path; for a map's key, the path of the map.
    fn find(&self, args: &Bound<'_, PyDict>) -> Option<String> {
        self.0.find_in(&DictArguments { dict: Some(args), keys: &crate::reader::Keys::default() })
    }

    fn __repr__(&self) -> String {
        format!("<Protected {:?}>", self.0)
    }
}

/// A path from the root, and where it leads now. Of what is not there yet, the part that is there is resolved.
fn spellings(cwd: &Path, path: &Path) -> [String; 2] {
    let absolute = cwd.join(path);
    let resolved = absolute.ancestors().find_map(|there| {
        let rest = absolute.strip_prefix(there).ok()?;
        Some(there.canonicalize().ok()?.join(rest))
    });
    [text(&absolute), text(&resolved.unwrap_or_else(|| absolute.clone()))]
}

fn text(path: &Path) -> String {
    let text = path.to_string_lossy();
    // How Windows spells what it has resolved.
    text.strip_prefix(r"\\?\").unwrap_or(&text).to_owned()
}
