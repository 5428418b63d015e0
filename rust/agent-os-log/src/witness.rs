//! What a log tells its witnesses and hears from them (C2SP tlog-witness, tlog-cosignature), without the network between.
//!
//! A witness signs a checkpoint only if it is consistent with all that it signed before. What it says is believed only
//! under the key that was given for it, and is kept beside the checkpoint in a file for each witness.

use std::fmt;
use std::io;
use std::path::Path;

use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::checkpoint::Checkpoint;
use crate::disk::{self, Directory, Disk};
use crate::encoding::{base64, from_base64, hex};
use crate::error::LogError;
use crate::layout;
use crate::reader::Reader;

/// The signature type of cosignatures with Ed25519.
const COSIGNATURE: u8 = 4;
/// What every cosigned text begins with, so that it is a signature for nothing else.
const HEADER: &str = "cosignature/v1";
/// No proof of a tree that there can be is longer (tlog-witness).
const PROOF_MAX: usize = 63;

/// A witness: its name and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    vkey: String,
    name: String,
    id: [u8; 4],
    key: VerifyingKey,
}

/// What is sent to a witness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    /// The checkpoint, without the proof before it.
    pub checkpoint: String,
    /// The body of the request `add-checkpoint`.
    pub body: String,
}

/// What a witness said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cosigned {
    /// How many entries it has seen.
    pub size: u64,
    /// When it said so, in seconds since 1970-01-01 UTC, by its own clock.
    pub time: u64,
}

impl Witness {
    /// Reads `name+id+key`, as signed notes spell a key for cosignatures (type 4); `None` for anything else, and for a key
    /// under which signatures mean nothing.
    #[must_use]
    pub fn parse(vkey: &str) -> Option<Self> {
        let parts: Vec<&str> = vkey.splitn(3, '+').collect();
        let [name, id, key] = *parts.as_slice() else { return None };
        let typed: [u8; 33] = from_base64(key)?.try_into().ok()?;
        let (kind, public) = typed.split_first()?;
        let key = VerifyingKey::from_bytes(public.try_into().ok()?).ok().filter(|key| !key.is_weak())?;
        let digest = Sha256::new().chain_update(name).chain_update("\n").chain_update(typed).finalize();
        let own: [u8; 4] = *digest.first_chunk()?;
        let is_name = !name.is_empty() && !name.contains(char::is_whitespace);
        let good = is_name && *kind == COSIGNATURE && hex(&own) == id;
        good.then(|| Self { vkey: vkey.to_owned(), name: name.to_owned(), id: own, key })
    }

    /// Its name, by which its signatures are told from others.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where a log keeps what this witness cosigned.
    fn file(&self) -> String {
        layout::witnessed(&hex(&Sha256::digest(&self.vkey)))
    }

    /// When it cosigned this text, if this line of a note says that, rightly; nothing for what is another's.
    fn read(&self, line: &str, body: &str) -> Result<Option<u64>, LogError> {
        let Some((name, signed)) = line.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' ')) else {
            return Err(refused("what the witness answered is no line of a signed note"));
        };
        let decoded = from_base64(signed).filter(|bytes| bytes.starts_with(&self.id));
        let Some(bytes) = decoded.filter(|_| name == self.name) else { return Ok(None) };
        let wrong = || refused(format!("the cosignature under the name `{}` is not by its key", self.name));
        let (time, signature) = bytes.get(4..).and_then(<[u8]>::split_first_chunk::<8>).ok_or_else(wrong)?;
        let time = u64::from_be_bytes(*time);
        let text = format!("{HEADER}\ntime {time}\n{body}");
        let signature = Signature::from_slice(signature).map_err(|_| wrong())?;
        let holds = self.key.verify_strict(text.as_bytes(), &signature).is_ok() && i64::try_from(time).is_ok();
        if holds { Ok(Some(time)) } else { Err(wrong()) }
    }
}

impl fmt::Display for Witness {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.vkey)
    }
}

impl Reader {
    /// The newest checkpoint with the proof that it goes on from the first `old_size` entries, for a witness that has
    /// cosigned those.
    ///
    /// # Errors
    /// When the log has fewer entries than that: it was cut off, or an older copy was put in its place. When it cannot be
    /// read, or is damaged.
    pub fn submission(&self, old_size: u64) -> Result<Submission, LogError> {
        let checkpoint = self.read_checkpoint()?;
        let (size, text) = (checkpoint.size, checkpoint.to_text());
        if old_size > size {
            return Err(refused(format!(
                "the witness has seen {old_size} entries of this log, and its checkpoint names {size}: the log was cut \
                 off, or an older copy was put in its place"
            )));
        }
        let proof = if old_size == 0 { Vec::new() } else { self.prove_consistency(old_size, Some(size))?.proof };
        if proof.len() > PROOF_MAX {
            return Err(refused("the proof is longer than a witness takes"));
        }
        let hashes: String = proof.iter().map(|hash| format!("{}\n", base64(hash))).collect();
        Ok(Submission { body: format!("old {old_size}\n{hashes}\n{text}"), checkpoint: text })
    }

    /// How many entries the checkpoint names that this witness cosigned last and that was kept; 0 if there is none.
    ///
    /// # Errors
    /// When it cannot be read, or is no checkpoint.
    pub fn cosigned_size(&self, witness: &Witness) -> Result<u64, LogError> {
        Ok(kept(&*self.disk, witness)?.map_or(0, |checkpoint| checkpoint.size))
    }
}

/// Checks what a witness answered to a submission, and keeps the cosigned checkpoint in the log's directory, in place of
/// the one before.
///
/// # Errors
/// When the answer has no cosignature of this witness, or a wrong one; when the kept one names more entries; when the
/// directory cannot be written.
pub fn keep_cosignature(dir: &Path, witness: &Witness, checkpoint: &str, answer: &[u8]) -> Result<Cosigned, LogError> {
    let disk = Directory::new(dir);
    let Some(own) = Checkpoint::parse(checkpoint.as_bytes()) else { return Err(refused("that is no checkpoint")) };
    let answer = std::str::from_utf8(answer).ok().and_then(|text| text.strip_suffix('\n'));
    let Some(answer) = answer else { return Err(refused("what the witness answered is no line of a signed note")) };
    let mut found = None;
    for line in answer.split('\n') {
        if let Some(time) = witness.read(line, &own.body())? {
            found = found.or(Some((time, line)));
        }
    }
    let Some((time, line)) = found else {
        return Err(refused(format!("the witness answered without a cosignature by `{witness}`")));
    };
    let size = own.size;
    if let Some(before) = kept(&disk, witness)?.filter(|before| before.size > size) {
        return Err(refused(format!(
            "this witness cosigned {} entries before, and now {size}: the log was cut off, or an older copy was put in its \
             place",
            before.size
        )));
    }
    let (name, text) = (witness.file(), format!("{checkpoint}{line}\n"));
    let written =
        disk.create_folder(layout::WITNESSED).and_then(|()| disk::replace(&disk, &name, text.as_bytes(), true));
    written
        .and_then(|_| disk.sync_folder(layout::WITNESSED))
        .map_err(|error| LogError::io("write", disk.path(&name), &error))?;
    Ok(Cosigned { size, time })
}

fn kept(disk: &dyn Disk, witness: &Witness) -> Result<Option<Checkpoint>, LogError> {
    let name = witness.file();
    match disk::read_all(disk, &name) {
        Ok(bytes) => Checkpoint::parse(&bytes).map(Some).ok_or_else(|| LogError::Damaged {
            path: disk.path(&name),
            offset: 0,
            what: "it is not a checkpoint".to_owned(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(LogError::io("read", disk.path(&name), &error)),
    }
}

fn refused(what: impl Into<String>) -> LogError {
    LogError::NotCosigned { what: what.into() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// The example of tlog-cosignature; the specification does not give the key, so it only has to be read.
    const LINE: &str = "\u{2014} witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==";

    fn witness(kind: u8) -> String {
        let key = ed25519_dalek::SigningKey::from_bytes(&[9; 32]).verifying_key();
        let typed = [&[kind], &key.as_bytes()[..]].concat();
        let id = Sha256::new().chain_update("w.example").chain_update("\n").chain_update(&typed).finalize();
        format!("w.example+{}+{}", hex(id.first_chunk::<4>().unwrap()), base64(&typed))
    }

    #[test]
    fn only_a_key_for_cosignatures_is_a_witness() {
        assert_eq!(Witness::parse(&witness(4)).unwrap().name(), "w.example");
        for bad in [witness(1), witness(4).replace("w.", "v."), witness(4).replace("w.e", "w. e"), String::new()] {
            assert_eq!(Witness::parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn what_others_signed_is_passed_over() {
        let witness = Witness::parse(&witness(4)).unwrap();
        assert_eq!(witness.read(LINE, "text\n").unwrap(), None);
        assert!(witness.read("no line", "text\n").is_err());
    }
}
