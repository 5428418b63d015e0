//! What was in force and may still be read.
//!
//! Taking a bundle of ten thousand rules apart takes longer than thousands of decisions. So its last share is always held
//! here, and let go by whoever reloads: a decision that outlives its bundle's time in force, or an object that Python
//! forgets, only ever gives a share back.

use std::sync::Arc;

use super::road::InForce;
use crate::policy::Bundle;

/// Shares of what was in force.
#[derive(Debug)]
pub(super) struct Retired<X> {
    in_force: Vec<Arc<InForce<X>>>,
    // INVARIANT: no bundle twice, or two shares would keep each other.
    bundles: Vec<Arc<Bundle>>,
}

impl<X> Default for Retired<X> {
    fn default() -> Self {
        Self { in_force: Vec::new(), bundles: Vec::new() }
    }
}

impl<X> Retired<X> {
    pub(super) fn add(&mut self, before: Arc<InForce<X>>) {
        if !self.bundles.iter().any(|bundle| Arc::ptr_eq(bundle, &before.bundle)) {
            self.bundles.push(Arc::clone(&before.bundle));
        }
        self.in_force.push(before);
    }

    /// Takes out what nobody reads any more. Nobody can come to read it again: it is not in force.
    pub(super) fn take_unread(&mut self) -> Vec<Arc<InForce<X>>> {
        take_single(&mut self.in_force)
    }

    /// Takes out the bundles of which only this share is left.
    pub(super) fn take_unshared(&mut self) -> Vec<Arc<Bundle>> {
        take_single(&mut self.bundles)
    }
}

/// Takes out what has one share.
fn take_single<T>(shares: &mut Vec<Arc<T>>) -> Vec<Arc<T>> {
    let (single, shared) = std::mem::take(shares).into_iter().partition(|share| Arc::strong_count(share) == 1);
    *shares = shared;
    single
}
