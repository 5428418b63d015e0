//! What the operator says to a run becomes text of it, of origin `user`.

use agent_os_core::audit::event::{Draft, kind};
use agent_os_core::canonical::{parse_floats, write_str};
use agent_os_core::kernel::{Process as CoreProcess, RecordFault, Recorder};
use agent_os_core::policy::{Origin, Record};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::call::{Call, INLINE_ARGUMENTS};
use crate::freeze::{Freezer, hex};

impl Call {
    /// Adds the operator's words to what the run has seen.
    pub(crate) fn tell(
        &self,
        child: &CoreProcess,
        args: &Bound<'_, PyTuple>,
        kwargs: &Bound<'_, PyDict>,
    ) -> Result<(), RecordFault> {
        for value in args.iter().chain(kwargs.values()) {
            let mut freezer = Freezer::new();
            if freezer.value(&value, 0).is_err() {
                continue;
            }
            let Ok(value) = parse_floats(&freezer.out) else { continue };
            let text = value.run_text();
            if !text.is_empty() {
                child.add_text(Origin::User, &text);
                self.record_text(child, &text)?;
            }
        }
        Ok(())
    }

    /// Records text that came in with the operator's words.
    fn record_text(&self, child: &CoreProcess, text: &str) -> Result<(), RecordFault> {
        let mut spelt = Vec::new();
        write_str(text, &mut spelt);
        let mut draft = Draft::new();
        draft.text("digest", &hex(&self.sealing().digest(&self.log, &spelt)));
        if self.kernel.default_level() == Record::Full {
            let mut written = Vec::new();
            self.write_value(&spelt, INLINE_ARGUMENTS, &mut written)?;
            draft.field("full", |out| out.extend_from_slice(&written));
        }
        draft.text("kind", kind::TEXT).text("origin", Origin::User.code()).number("pid", child.pid());
        self.kernel.recorder().event(&draft).map(|_| ())
    }
}
