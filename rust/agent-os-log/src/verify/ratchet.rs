//! Checks the seals: that they are what they should be, and with the first key that they were made in their time.

use std::fs;
use std::path::Path;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use super::Report;
use super::entries::Check;
use super::note::decode;
use super::tree::Hash;

const FILE: &str = "ratchet";
const KEY: &str = "agentos-log-ratchet-";
const DOMAIN: &str = "agent-os-log ratchet";
/// How often a file that is being written is looked at again.
const LOOKS: u32 = 1_000;

/// One line.
struct Seal {
    size: u64,
    root: Hash,
    /// The line up to the seal itself, as it is sealed.
    spelt_root: String,
    gap: bool,
    mac: Vec<u8>,
}

/// The file, if there is one.
#[derive(Default)]
pub(super) struct Seals {
    found: bool,
    seals: Vec<Seal>,
}

impl Seals {
    /// Reads the file. The checkpoint was read before it, so it is sealed by now.
    pub(super) fn read(dir: &Path, report: &mut Report) -> Self {
        let path = dir.join(FILE);
        let Ok(mut bytes) = fs::read(&path) else { return Self::default() };
        for _ in 0..LOOKS {
            // A writer may be in the middle of the last line.
            let again = if bytes.last().is_none_or(|byte| *byte == b'\n') { None } else { fs::read(&path).ok() };
            match again.filter(|again| *again != bytes) {
                Some(again) => bytes = again,
                None => break,
            }
        }
        let mut seals = Vec::new();
        let mut at = 0;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            match Seal::parse(line, seals.len()) {
                Some(seal) => seals.push(seal),
                None => {
                    let what = format!("line {} is no seal with the number {}", seals.len() + 1, seals.len());
                    report.problem(FILE, Some(at), None, what);
                    break;
                }
            }
            at += line.len() as u64;
        }
        Self { found: true, seals }
    }

    /// The sizes of which the roots are needed.
    pub(super) fn sizes(&self) -> impl Iterator<Item = u64> + '_ {
        self.seals.iter().map(|seal| seal.size)
    }

    /// Compares the seals with the entries, and with the first key if it is given.
    pub(super) fn check(&self, named: Option<u64>, key: Option<&str>, check: &Check<'_>, report: &mut Report) {
        let Some(commitment) = check.ratchet_sha256() else {
            if self.found && report.entries > 0 {
                report.problem(FILE, None, None, "is there, and entry 0 names no ratchet");
            }
            if key.is_some() {
                report.problem(FILE, None, None, "the log has none, so it was not sealed with the key that was given");
            }
            return;
        };
        if !self.found {
            return report.problem(FILE, None, None, "cannot be read: the seals are missing");
        }
        let mut before = 1;
        for (number, seal) in self.seals.iter().enumerate() {
            let size = seal.size;
            let what = match check.root_at(size) {
                _ if size < before => format!("seal {number} is over fewer entries than the one before it"),
                Some(root) if root == seal.root => {
                    before = size;
                    continue;
                }
                Some(_) => format!("seal {number} is not over the first {size} entries: they were changed, or it was"),
                None if !check.is_complete() => break,
                None => {
                    format!(
                        "seal {number} is over {size} entries, and {} are there: entries are missing",
                        report.entries
                    )
                }
            };
            return report.problem(FILE, None, None, what);
        }
        report.seals = self.seals.len() as u64;
        let gaps = (0_u64..).zip(&self.seals).filter(|(_, seal)| seal.gap);
        report.gaps = gaps.map(|(number, _)| number.saturating_sub(1)).collect();
        if self.seals.last().map(|seal| seal.size) < named {
            report.problem(FILE, None, None, "the entries that the checkpoint names are not all sealed");
        }
        if let Some(key) = key {
            self.check_key(key, commitment, report);
        }
    }

    fn check_key(&self, key: &str, commitment: &str, report: &mut Report) {
        let Some(mut key) = parse_key(key) else {
            return report.problem(FILE, None, None, "the first key that was given is none");
        };
        if hex(&Sha256::digest(key)) != commitment {
            return report.problem(FILE, None, None, "the first key that was given is not the one that entry 0 names");
        }
        for (number, seal) in self.seals.iter().enumerate() {
            let (log, kind) = (&report.log_id, if seal.gap { "gap" } else { "seal" });
            let text = format!("{DOMAIN}\n{log}\n{number}\n{}\n{}\n{kind}\n", seal.size, seal.spelt_root);
            let made = Hmac::<Sha256>::new_from_slice(&key).map(|mac| mac.chain_update(text));
            if !made.is_ok_and(|mac| mac.verify_slice(&seal.mac).is_ok()) {
                let what = format!(
                    "seal {number} was not made with its key: the first {} entries were written anew after they were sealed",
                    seal.size
                );
                return report.problem(FILE, None, None, what);
            }
            key = Sha256::new().chain_update(DOMAIN).chain_update([b'\n']).chain_update(key).finalize().into();
        }
        report.sealed = self.seals.last().map(|seal| seal.size);
    }
}

impl Seal {
    fn parse(line: &[u8], number: usize) -> Option<Self> {
        let text = std::str::from_utf8(line).ok()?.strip_suffix('\n')?;
        let (sealed, checksum) = text.rsplit_once(' ')?;
        let parts: Vec<&str> = sealed.split(' ').collect();
        let [index, size, root, kind, mac] = *parts.as_slice() else { return None };
        let spelt: u64 = size.parse().ok()?;
        let good = index == number.to_string()
            && size == spelt.to_string()
            && (kind == "seal" || (kind == "gap" && number > 0))
            && hex(Sha256::digest(sealed).get(..4)?) == checksum;
        let (root, mac) = (decode(root).filter(|_| good)?.try_into().ok()?, decode(mac)?);
        (mac.len() == 32).then(|| Self {
            size: spelt,
            root,
            spelt_root: parts.get(2).copied().unwrap_or_default().to_owned(),
            gap: kind == "gap",
            mac,
        })
    }
}

fn parse_key(text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_suffix('\n').unwrap_or(text).strip_prefix(KEY)?;
    let good = digits.len() == 64 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut key = [0; 32];
    for (place, byte) in key.iter_mut().enumerate() {
        *byte = u8::from_str_radix(digits.get(2 * place..2 * place + 2).filter(|_| good)?, 16).ok()?;
    }
    Some(key)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
