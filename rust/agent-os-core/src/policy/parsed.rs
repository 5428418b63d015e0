//! What texts were parsed into in one decision: each text once, whatever the number of conditions that ask.

use std::cell::RefCell;
use std::rc::Rc;

use smallvec::SmallVec;

/// Texts whose parses are kept. A request that has more pays for parsing again, and gets the same answer.
const KEPT: usize = 16;

type Entry<T> = (Box<str>, Rc<T>);

/// Parses of one grammar. Looked up by the whole text, never by its address: an address may be used again.
#[derive(Debug)]
pub(super) struct Parsed<T> {
    entries: RefCell<SmallVec<[Entry<T>; 1]>>,
}

impl<T> Parsed<T> {
    pub(super) fn new() -> Self {
        Self { entries: RefCell::new(SmallVec::new()) }
    }

    /// What the text means. Callers bound the text's size before they ask.
    pub(super) fn get(&self, text: &str, parse: impl FnOnce(&str) -> T) -> Rc<T> {
        if let Some((_, known)) = self.entries.borrow().iter().find(|(key, _)| &**key == text) {
            return Rc::clone(known);
        }
        let made = Rc::new(parse(text));
        let mut entries = self.entries.borrow_mut();
        if entries.len() < KEPT {
            entries.push((text.into(), Rc::clone(&made)));
        }
        made
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, Parsed};

    #[test]
    fn each_text_is_parsed_once_and_never_taken_for_another() {
        let parsed = Parsed::new();
        let mut parses = 0;
        for text in ["a", "b", "a", "a"] {
            let length = *parsed.get(text, |text| {
                parses += 1;
                text.to_owned()
            }) == text;
            assert!(length);
        }
        assert_eq!(parses, 2);
        for number in 0..2 * KEPT {
            assert_eq!(*parsed.get(&number.to_string(), str::to_owned), number.to_string());
        }
    }
}
