//! Making what a log holds unreadable for good, while every hash and proof stays what it was.
//!
//! Of a person, the key is destroyed under which the values were sealed; of an entry, the payloads that it refers to are
//! removed. Both are told in an entry first, under a checkpoint: a payload that is missing and of which no signed entry
//! tells is damage.

use std::collections::BTreeSet;

use agent_os_core::value::Value;

use crate::error::LogError;
use crate::inner::Claim;
use crate::keys::Keys;
use crate::log::{Log, append_own};
use crate::seal::{SUBJECTS_MAX, Sealing};
use crate::subjects::Subjects;

/// The kind of the entry that tells of it.
const REDACTED: &str = "log.redacted";

impl Log {
    /// How to write what is about these persons; the empty name stands for whoever was not named. A key is made for each
    /// who has none.
    ///
    /// # Errors
    /// When there are too many, a name is too long, or a key cannot be kept.
    pub fn sealing(&self, names: &BTreeSet<String>) -> Result<Sealing, LogError> {
        if names.len() > SUBJECTS_MAX {
            return Err(LogError::SubjectsTooMany { count: names.len() });
        }
        let keys = names.iter().map(|name| self.subjects.of(name)).collect::<Result<Vec<_>, _>>()?;
        Ok(Sealing::under(self.id(), &keys))
    }

    /// The canonical bytes of a sealed value: the ids of its keys, and its text out of base64 or out of its payload.
    ///
    /// # Errors
    /// When one of its keys is not here, or it was not sealed under them.
    pub fn unseal(&self, keys: &[String], text: &[u8]) -> Result<Vec<u8>, LogError> {
        self.subjects.unseal(keys, text)
    }

    /// Destroys the key of a person (the empty name: of whoever was not named), after an entry has told of it. Gives the entry's number; nothing if the log has no
    /// key of theirs: then nothing in it is sealed for them.
    ///
    /// # Errors
    /// Like [`Log::append`]; when the key cannot be destroyed. Calling again goes on.
    pub fn redact_subject(&self, name: &str) -> Result<Option<u64>, LogError> {
        self.inner.check_owner()?;
        let Some(doomed) = self.subjects.doom(name)? else { return Ok(None) };
        let keys = Value::List(vec![doomed.id().as_str().into()]);
        let seq = append_own(&self.inner, Claim::Plain, vec![("keys", keys), ("kind", REDACTED.into())])?;
        self.inner.sync(true)?;
        doomed.destroy()?;
        Ok(Some(seq))
    }

    /// Removes the payloads that an entry refers to, after another entry has told of it. Gives that entry's number;
    /// nothing if the entry refers to none.
    ///
    /// # Errors
    /// Like [`Log::append`]; when there is no such entry, or a payload cannot be removed. Calling again goes on.
    pub fn redact_payloads(&self, seq: u64) -> Result<Option<u64>, LogError> {
        self.inner.check_owner()?;
        let Some((_, entry)) = self.read_from(seq)?.next().transpose()? else {
            return Err(LogError::OutOfRange { what: format!("there is no entry {seq}") });
        };
        let mut names: Vec<String> = references(&entry).into_iter().collect();
        names.retain(|name| self.payload(name).is_ok());
        if names.is_empty() {
            return Ok(None);
        }
        let listed = Value::List(names.iter().map(|name| name.as_str().into()).collect());
        let number = Value::from(i64::try_from(seq).unwrap_or(i64::MAX));
        let fields = vec![("entry", number), ("kind", REDACTED.into()), ("payloads", listed)];
        let told = append_own(&self.inner, Claim::Plain, fields)?;
        // SECURITY: only an entry that the checkpoint names excuses a payload that is missing.
        self.inner.sync(true)?;
        self.inner.payloads.remove(&names)?;
        Ok(Some(told))
    }
}

/// Reads what was sealed in a log, with the keys in a key folder.
pub struct Unsealer(Subjects);

impl std::fmt::Debug for Unsealer {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Unsealer").finish_non_exhaustive()
    }
}

impl Unsealer {
    /// For the log of this id.
    #[must_use]
    pub fn new(keys: &Keys, log: &str) -> Self {
        Self(Subjects::new(log, keys.disk()))
    }

    /// As [`Log::unseal`].
    ///
    /// # Errors
    /// Like [`Log::unseal`].
    pub fn unseal(&self, keys: &[String], text: &[u8]) -> Result<Vec<u8>, LogError> {
        self.0.unseal(keys, text)
    }
}

/// The payloads that an entry refers to.
///
/// In canonical JSON the quotes of a string's content are escaped, so these bytes are a reference wherever they stand,
/// but right inside of a `$map`: that is an agent's own text of this form.
pub(crate) fn references(entry: &[u8]) -> BTreeSet<String> {
    const REFERENCE: &[u8] = b"{\"$payload\":{\"sha256\":\"";
    const ESCAPE: &[u8] = b"{\"$map\":";
    let places = entry.windows(REFERENCE.len()).enumerate().filter(|(_, part)| *part == REFERENCE).map(|(at, _)| at);
    let own = places.filter(|at| !entry.get(..*at).is_some_and(|before| before.ends_with(ESCAPE)));
    let named = own.filter_map(|at| entry.get(at + REFERENCE.len()..)?.get(..64));
    named.filter_map(|name| std::str::from_utf8(name).ok()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_found_and_what_only_looks_like_one_is_not() {
        let name = |digit: &str| digit.repeat(64);
        let reference = |digit: &str| format!(r#"{{"$payload":{{"sha256":"{}","size":9}}}}"#, name(digit));
        let sealed = format!(r#"{{"$sealed":{{"key":"00","text":{}}}}}"#, reference("b"));
        let entry = format!(
            r#"{{"a":{},"b":[{}],"c":{{"$map":{}}},"d":"{{\"$payload\":{{\"sha256\":\"{}\",\"size\":9}}}}"}}"#,
            reference("a"),
            sealed,
            reference("c"),
            name("d"),
        );
        assert_eq!(references(entry.as_bytes()), BTreeSet::from([name("a"), name("b")]));
    }
}
