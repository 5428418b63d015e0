//! No text and no value make the search panic, and what only one origin said is not found among the others.
#![no_main]

use agent_os_core::policy::{Kleene, Origin, OriginSet, Provenance};
use agent_os_core::request::View;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|texts: (&str, &str)| {
    let (text, value) = texts;
    let mut provenance = Provenance::default();
    provenance.add(Origin::Untrusted, text);
    let view = View::Str(value);
    assert_ne!(provenance.seen(&view, OriginSet::EMPTY.with(Origin::User)), Kleene::True);
    if provenance.seen(&view, OriginSet::EMPTY.with(Origin::Untrusted)) == Kleene::True {
        provenance.add(Origin::User, "nothing of it");
        assert_ne!(provenance.seen(&view, OriginSet::EMPTY.with(Origin::Untrusted)), Kleene::False);
    }
});
