//! Holding tools and bundles against one another: why a tool is not taken, or a bundle does not come into force.

use std::sync::{Arc, PoisonError};

use super::protected::Protected;
use super::record::{RecordFault, Recorder};
use super::road::{InForce, Kernel};
use crate::audit::event::Draft;
use crate::policy::{ArgumentTypes, Bundle, Known, Problem};

/// A tool and a bundle do not go together, or nothing can be noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotFit {
    /// Rules that do not fit the types of a tool's arguments; pointers are into the bundle's document. Never empty.
    Rules(Vec<Problem>),
    /// The recorder did not take the entry.
    Record(RecordFault),
}

impl<R: Recorder, X> Kernel<R, X> {
    /// Makes the types of a tool's arguments known, after the log took note of the tool.
    ///
    /// # Errors
    /// A rule in force does not fit them, or the recorder did not take the entry; the tool is not known then.
    pub fn add_tool(&self, action: &str, types: ArgumentTypes, registered: &Draft) -> Result<(), NotFit> {
        let mut tools = self.tools.lock().unwrap_or_else(PoisonError::into_inner);
        let before = tools.insert(action, Arc::new(types));
        let problems = self.in_force().bundle.check_tool(&tools, action);
        let added = if problems.is_empty() {
            self.recorder().event(registered).map(|_| ()).map_err(NotFit::Record)
        } else {
            Err(NotFit::Rules(problems))
        };
        if added.is_err() {
            tools.put_back(action, before);
        }
        added
    }

    /// Every place of a bundle's rules that does not fit the tools that are known.
    #[must_use]
    pub fn misfits(&self, bundle: &Bundle) -> Vec<Problem> {
        bundle.check_tools(&self.tools.lock().unwrap_or_else(PoisonError::into_inner), Known::SoFar)
    }

    /// Puts another bundle in force, after the log took note of it. Gives what the caller kept beside bundles that nobody
    /// reads any more. When that is dropped, [`Kernel::release`] takes apart the bundles.
    ///
    /// # Errors
    /// A rule of it does not fit a tool, or the recorder did not take the entry; the old bundle stays in force.
    pub fn reload(
        &self,
        bundle: Arc<Bundle>,
        extra: Arc<X>,
        protected: Arc<Protected>,
        loaded: &Draft,
    ) -> Result<Vec<Arc<X>>, NotFit> {
        let tools = self.tools.lock().unwrap_or_else(PoisonError::into_inner);
        let problems = bundle.check_tools(&tools, Known::SoFar);
        if !problems.is_empty() {
            return Err(NotFit::Rules(problems));
        }
        let roster = self.roster.lock().unwrap_or_else(PoisonError::into_inner);
        let next = InForce::new(bundle, extra, protected, &roster);
        self.recorder().event(loaded).map_err(NotFit::Record)?;
        Ok(self.replace(next))
    }
}
