//! The Python binding of Agent OS: the module tree, the conversion of values and of errors. It decides nothing.

mod approvals;
mod bundle;
mod call;
mod decision;
mod diff;
mod driver;
mod errors;
mod flight;
mod freeze;
mod index;
mod kernel;
mod log;
mod process;
mod proof;
mod protected;
mod reader;
mod signal;
mod store;
mod tables;
mod thaw;
mod tool;
mod types;
mod words;

use pyo3::prelude::*;

/// The compiled part of Agent OS.
#[pymodule(gil_used = false)]
mod _core {
    #[pymodule_export]
    use crate::approvals::{ApprovalEntry, ApprovalQueue, Approvals, Waiting, new_operator, operator_key};
    #[pymodule_export]
    use crate::bundle::{Bundle, CompileFailed};
    #[pymodule_export]
    use crate::call::{Call, Held};
    #[pymodule_export]
    use crate::decision::{Decision, Shadow};
    #[pymodule_export]
    use crate::driver::{Driver, morgue};
    #[pymodule_export]
    use crate::freeze::{canonical, digest, freeze};
    #[pymodule_export]
    use crate::index::LogIndex;
    #[pymodule_export]
    use crate::kernel::Kernel;
    #[pymodule_export]
    use crate::log::{
        LogEntries, LogReader, entry_fault, entry_shapes, keep_cosignature, mark_forked, verify_log, witness_name,
    };
    #[pymodule_export]
    use crate::process::{Process, Watch};
    #[pymodule_export]
    use crate::proof::{is_consistent, is_included, redact_log, retain_log, rotate_log_key};
    #[pymodule_export]
    use crate::protected::Protected;
    #[pymodule_export]
    use crate::signal::{SignalControl, signal_transition, signals};
    #[pymodule_export]
    use crate::tables::{
        accepted_types, build_profile, check_action, compile_codes, is_name, is_reserved, limits, lint_codes,
        operators, reasons, shell_programs, url_parts,
    };
    #[pymodule_export]
    use crate::thaw::{run_text, thaw};
    #[pymodule_export]
    use crate::tool::Tool;
    #[pymodule_export]
    use crate::types::ToolTypes;
}
