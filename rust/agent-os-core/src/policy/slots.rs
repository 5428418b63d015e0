//! What was read in one decision: each path at most once, whatever the number of rules that ask for it.

use std::cell::{Cell, OnceCell};

use super::effect::PathIx;
use crate::request::Found;

/// Places without allocation. Few actions have conditions on more arguments than this.
const INLINE: usize = 8;

/// Places that are looked at in a larger table before the next table.
const PROBES: usize = 8;

/// What each path led to. It grows in tables of fixed size, so that references into it stay good.
pub(super) struct Slots<I> {
    inline: [Slot<I>; INLINE],
    more: OnceCell<Box<Table<I>>>,
}

struct Table<I> {
    // INVARIANT: the length is a power of two.
    slots: Box<[Slot<I>]>,
    more: OnceCell<Box<Table<I>>>,
}

struct Slot<I> {
    path: Cell<Option<PathIx>>,
    found: OnceCell<Found<I>>,
}

impl<I> Slot<I> {
    const fn empty() -> Self {
        Self { path: Cell::new(None), found: OnceCell::new() }
    }

    /// True if the slot belongs to this path, or did to none and now does.
    fn claim(&self, path: PathIx) -> bool {
        match self.path.get() {
            Some(owner) => owner == path,
            None => {
                self.path.set(Some(path));
                true
            }
        }
    }
}

impl<I> Slots<I> {
    pub(super) fn new() -> Self {
        Self { inline: [const { Slot::empty() }; INLINE], more: OnceCell::new() }
    }

    /// What the path led to, reading it if this is the first time.
    pub(super) fn get(&self, path: PathIx, read: impl FnOnce() -> Found<I>) -> &Found<I> {
        if let Some(slot) = self.inline.iter().find(|slot| slot.claim(path)) {
            return slot.found.get_or_init(read);
        }
        let mut size = 8 * INLINE;
        let mut table = self.more.get_or_init(|| Box::new(Table::new(size)));
        loop {
            // Consecutive places spread over the table as they are; other patterns end up in the next, larger one.
            let start = path.get() & (table.slots.len() - 1);
            let (before, after) = table.slots.split_at_checked(start).unwrap_or((&[], &table.slots));
            if let Some(slot) = after.iter().chain(before).take(PROBES).find(|slot| slot.claim(path)) {
                return slot.found.get_or_init(read);
            }
            size *= 4;
            table = table.more.get_or_init(|| Box::new(Table::new(size)));
        }
    }
}

impl<I> Table<I> {
    fn new(size: usize) -> Self {
        Self { slots: (0..size).map(|_| Slot::empty()).collect(), more: OnceCell::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::{Found, PathIx, Slots};

    #[test]
    fn every_path_is_read_once() {
        let slots: Slots<u32> = Slots::new();
        let mut reads = 0;
        for _ in 0..2 {
            for place in (0..5_000).chain((0..100).map(|step| step * 65_536)) {
                let path = PathIx::argument(place);
                let found = slots.get(path, || {
                    reads += 1;
                    Found::Item(place)
                });
                assert_eq!(*found, Found::Item(place));
            }
        }
        assert_eq!(reads, 5_099);
    }
}
