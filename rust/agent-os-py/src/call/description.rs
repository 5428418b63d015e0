//! What the log says of a call's arguments, and for whom that is sealed.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};

use agent_os_core::canonical::{encode, parse_floats, write_str};
use agent_os_core::kernel::{
    InForce, Process as CoreProcess, RecordFault, Shown, Subjects, UNNAMED, redact, subjects_in,
};
use agent_os_core::policy::{Record, RedactionRoot};
use agent_os_core::request::Found;
use agent_os_core::value::Value;
use agent_os_log::Sealing;
use pyo3::prelude::*;

use super::Call;
use crate::bundle::Extra;
use crate::errors;
use crate::freeze::{Freezer, hex};

/// Values larger than this stand in the side store.
const INLINE_VALUE: usize = 1_024;
/// All arguments up to this size are recorded in their entry.
pub(crate) const INLINE_ARGUMENTS: usize = 16_384;

impl Call {
    /// Settles how what is recorded of this call from now on is written. Whoever was named once stays so: other rules may
    /// be asked when it is decided again.
    pub(super) fn seal_for(&self, subjects: Subjects<'_>) -> Result<Sealing, RecordFault> {
        let mut sealing = self.sealing.lock().unwrap_or_else(PoisonError::into_inner);
        let more = match subjects {
            Subjects::At([]) => return Ok(sealing.1.clone()),
            Subjects::At(paths) => subjects_in(&parse_floats(&self.canonical).unwrap_or(Value::Null), paths),
            Subjects::Unknown => BTreeSet::from([UNNAMED.to_owned()]),
        };
        if !more.is_subset(&sealing.0) {
            let names = &sealing.0 | &more;
            *sealing = (names.clone(), self.log.sealing(&names).map_err(|error| errors::fault(&error))?);
        }
        Ok(sealing.1.clone())
    }

    /// How what came of the call is written: as its intent.
    pub(crate) fn sealing(&self) -> Sealing {
        self.sealing.lock().unwrap_or_else(PoisonError::into_inner).1.clone()
    }

    /// Tells the run whose data it deals with now.
    pub(super) fn tell_subjects(&self) {
        let sealing = self.sealing.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(process), false) = (&self.flight.process, sealing.0.is_empty()) {
            process.add_subjects(&sealing.0);
        }
    }

    /// How what came of the call is written, where that may carry what the run that it started has dealt with. `None` if
    /// it cannot be sealed for all of them: then nothing is said of it.
    pub(super) fn sealing_after(&self, child: Option<&Arc<CoreProcess>>) -> Option<Sealing> {
        let mut sealing = self.sealing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(child) = child else { return Some(sealing.1.clone()) };
        let theirs = child.data();
        if !theirs.subjects.is_subset(&sealing.0) {
            let names = &sealing.0 | &theirs.subjects;
            let under = self.log.sealing(&names).ok()?;
            *sealing = (names, under);
        }
        Some(sealing.1.clone())
    }

    /// Writes what the log says of the arguments.
    pub(super) fn describe(
        &self,
        py: Python<'_>,
        in_force: &InForce<Extra>,
        shown: &Shown<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), RecordFault> {
        let sealing = self.seal_for(shown.subjects)?;
        out.extend_from_slice(b"{\"digest\":");
        write_str(&hex(&sealing.digest(&self.log, &self.canonical)), out);
        let mut blotted = None;
        if !shown.redact.is_empty() && shown.level > Record::None {
            let mut value = parse_floats(&self.canonical).unwrap_or(Value::Null);
            if redact(&mut value, RedactionRoot::Args, shown.redact) {
                blotted = Some(value);
            }
        }
        match shown.level {
            Record::None => {}
            Record::Fields => self.describe_fields(py, in_force, blotted.as_ref(), out)?,
            Record::Full => {
                out.extend_from_slice(b",\"full\":");
                match blotted {
                    Some(value) => self.write_value(&encode(&value), INLINE_ARGUMENTS, out)?,
                    None => self.write_value(&self.canonical, INLINE_ARGUMENTS, out)?,
                }
            }
        }
        out.push(b'}');
        Ok(())
    }

    fn describe_fields(
        &self,
        py: Python<'_>,
        in_force: &InForce<Extra>,
        shown: Option<&Value>,
        out: &mut Vec<u8>,
    ) -> Result<(), RecordFault> {
        let bundle = &in_force.bundle;
        let paths = in_force.extra.read_paths(bundle, self.target.action());
        if paths.is_empty() {
            return Ok(());
        }
        let frozen = self.frozen.bind(py);
        let start = out.len();
        for ix in paths.iter().copied() {
            let Some(path) = bundle.argument_path(ix) else { continue };
            let bytes;
            let found: &[u8] = match shown {
                Some(value) => match value.get_path(path) {
                    Some(part) => {
                        bytes = encode(part);
                        &bytes
                    }
                    None => continue,
                },
                None => match self.span(py, path) {
                    Some(span) => span,
                    None => match in_force.extra.keys.follow(frozen, path.index) {
                        Found::Item(item) => {
                            let mut freezer = Freezer::new();
                            // What was frozen before can be frozen again.
                            if freezer.value(&item, 0).is_err() {
                                continue;
                            }
                            bytes = freezer.out;
                            &bytes
                        }
                        _ => continue,
                    },
                },
            };
            out.extend_from_slice(if out.len() == start { b",\"fields\":{" } else { b"," });
            write_str(bundle.path(ix), out);
            out.push(b':');
            // A few long fields must not make an entry too large.
            let inline = if out.len() - start > INLINE_ARGUMENTS { 0 } else { INLINE_VALUE };
            self.write_value(found, inline, out)?;
        }
        if out.len() > start {
            out.push(b'}');
        }
        Ok(())
    }

    /// The canonical bytes of an argument that a path of one step names.
    fn span(&self, py: Python<'_>, path: &agent_os_core::request::ArgumentPath) -> Option<&[u8]> {
        let [step] = path.segments.as_slice() else { return None };
        let (_, span) = self.spans.iter().find(|(key, _)| key.bind(py).to_str().is_ok_and(|key| key == step.key()))?;
        self.canonical.get(span.clone())
    }

    pub(crate) fn write_value(&self, canonical: &[u8], inline: usize, out: &mut Vec<u8>) -> Result<(), RecordFault> {
        self.sealing().write(&self.log, canonical, inline, out).map_err(|error| errors::fault(&error))
    }
}
