//! Checks entries one by one, and what they say about each other.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::Report;
use super::json::Json;
use super::note::{self, Key};
use super::shape;
use super::tiles::Tiles;
use super::tree::{Hash, Tree};

/// A payload that an entry refers to.
pub(super) struct Reference {
    pub(super) file: String,
    pub(super) seq: u64,
    pub(super) sha256: String,
    pub(super) size: i64,
}

/// What an entry says was set aside where it stands now.
pub(super) struct SetAside {
    pub(super) file: String,
    pub(super) seq: u64,
    pub(super) sha256: String,
}

/// What must be remembered from one entry to the next.
pub(super) struct Check<'a> {
    dir: &'a Path,
    tree: Tree,
    tiles: Tiles,
    log: Option<String>,
    /// The number of the entry that comes next.
    due: u64,
    /// Whether entries before this place could not be read.
    incomplete: bool,
    /// Whether the number of the next entry is known only from itself.
    resuming: bool,
    /// The intents so far, and whether their outcome has been seen.
    intents: BTreeMap<u64, bool>,
    references: Vec<Reference>,
    set_aside: Vec<SetAside>,
    /// Whether the first entry says that a kernel writes this log.
    is_a_kernel_s: bool,
    /// The entries that tell of a redaction, each with the payloads that it removed.
    redactions: Vec<(u64, Vec<String>)>,
    /// Where runs of dropped entries begin: file, offset and number, and the number after the last one.
    dropped: Vec<(String, u64, u64, u64)>,
    /// The entries that tell of what was dropped: their number, up to where, and the root there.
    retained: Vec<(String, u64, u64, String)>,
    /// The root before each segment.
    boundaries: BTreeMap<u64, Hash>,
    salt_sha256: Option<String>,
    ratchet_sha256: Option<String>,
    time: i64,
    /// Whether the last entry says that the log was closed.
    is_closed: bool,
    /// The keys that signed the log, each with the number of entries before which it did not.
    keys: Vec<(u64, Key)>,
    /// The sizes at which the root is wanted, the largest first; and the roots that were.
    wanted: Vec<u64>,
    roots: BTreeMap<u64, Hash>,
}

impl<'a> Check<'a> {
    /// Wants the roots at these sizes.
    pub(super) fn new(dir: &'a Path, tiles: Tiles, sizes: impl IntoIterator<Item = u64>) -> Self {
        let mut wanted: Vec<u64> = sizes.into_iter().collect();
        wanted.sort_unstable_by(|one, other| other.cmp(one));
        wanted.dedup();
        Self {
            dir,
            tree: Tree::default(),
            tiles,
            log: None,
            due: 0,
            incomplete: false,
            resuming: false,
            intents: BTreeMap::new(),
            references: Vec::new(),
            set_aside: Vec::new(),
            is_a_kernel_s: false,
            redactions: Vec::new(),
            dropped: Vec::new(),
            retained: Vec::new(),
            boundaries: BTreeMap::new(),
            salt_sha256: None,
            ratchet_sha256: None,
            time: i64::MIN,
            is_closed: false,
            keys: Vec::new(),
            wanted,
            roots: BTreeMap::new(),
        }
    }

    /// The number of the entry that comes next.
    pub(super) fn due(&self) -> u64 {
        self.due
    }

    /// Whether every entry so far was read.
    pub(super) fn is_complete(&self) -> bool {
        !self.incomplete && !self.resuming
    }

    /// Something here could not be read; what comes next shows how many entries that were.
    pub(super) fn lost(&mut self) {
        self.resuming = true;
    }

    /// A segment of this log begins.
    pub(super) fn segment(&mut self, file: &str, log: [u8; 16], first: u64, report: &mut Report) {
        if first != self.due {
            if !self.resuming {
                let what = format!("begins with entry {first}, and entry {} is due", self.due);
                report.problem(file, Some(24), None, what);
            }
            (self.due, self.incomplete) = (first, true);
        }
        self.resuming = false;
        self.boundaries.insert(first, self.tree.root());
        let log: String = log.iter().map(|byte| format!("{byte:02x}")).collect();
        match &self.log {
            None => self.log = Some(log),
            Some(known) if *known == log => {}
            Some(known) => {
                report.problem(file, Some(8), None, format!("belongs to the log `{log}`, and not to `{known}`"));
            }
        }
    }

    /// The next entry was dropped.
    pub(super) fn dropped(&mut self, file: &str, offset: u64, leaf: Hash, report: &mut Report) {
        self.resuming = false;
        let (dir, tiles, complete) = (self.dir, &mut self.tiles, !self.incomplete);
        self.tree.add_leaf(leaf, |level, hash| {
            if complete {
                tiles.add(dir, level, hash);
            }
        });
        self.count(report);
        let seq = self.due;
        self.due = self.due.saturating_add(1);
        report.dropped += 1;
        match self.dropped.last_mut() {
            Some((_, _, _, end)) if *end == seq => *end += 1,
            _ => self.dropped.push((file.to_owned(), offset, seq, seq + 1)),
        }
    }

    /// One more leaf is in the tree.
    fn count(&mut self, report: &mut Report) {
        report.entries += 1;
        while self.wanted.last().is_some_and(|size| *size <= report.entries) {
            if self.wanted.pop() == Some(report.entries) && !self.incomplete {
                self.roots.insert(report.entries, self.tree.root());
            }
        }
    }

    /// Whether an entry was dropped.
    fn is_dropped(&self, seq: u64) -> bool {
        self.dropped.iter().any(|(_, _, first, end)| (*first..*end).contains(&seq))
    }

    /// The next entry.
    pub(super) fn entry(&mut self, file: &str, offset: u64, bytes: &[u8], report: &mut Report) {
        let parsed = Json::read(bytes);
        if std::mem::take(&mut self.resuming) {
            let says = parsed.as_ref().ok().and_then(|entry| entry.get("seq")).and_then(Json::whole);
            let due = says.and_then(|seq| u64::try_from(seq).ok()).unwrap_or(self.due);
            self.incomplete |= due != self.due;
            self.due = due;
        }
        let (dir, tiles, complete) = (self.dir, &mut self.tiles, !self.incomplete);
        self.tree.add(bytes, |level, hash| {
            if complete {
                tiles.add(dir, level, hash);
            }
        });
        self.count(report);
        let seq = self.due;
        self.due = self.due.saturating_add(1);
        let mut wrong = |what: String| report.problem(file, Some(offset), Some(seq), what);
        let entry = match parsed {
            Ok(entry @ Json::Object(_)) => entry,
            Ok(_) => return wrong("is not an object".to_owned()),
            Err(what) => return wrong(format!("is not canonical JSON, {what}")),
        };
        let number = |key| entry.get(key).and_then(Json::whole);
        if number("seq") != i64::try_from(seq).ok() {
            wrong("has another number in `seq`".to_owned());
        }
        if entry.get("log").and_then(Json::text) != self.log.as_deref() {
            wrong("belongs to another log".to_owned());
        }
        let kind = entry.get("kind").and_then(Json::text).unwrap_or_default();
        if kind.is_empty() {
            wrong("has no `kind`".to_owned());
        }
        if (kind == "log.created") != (seq == 0) {
            wrong("the entry `log.created` must be the first one, and only that".to_owned());
        }
        match number("time") {
            None => wrong("has no `time`".to_owned()),
            Some(time) => {
                if time < std::mem::replace(&mut self.time, time) {
                    report.backward_steps.push(seq);
                }
            }
        }
        let mut wrong = |what: String| report.problem(file, Some(offset), Some(seq), what);
        match kind {
            "log.created" if seq == 0 => {
                if number("version") != Some(1) {
                    wrong("is of another version of the format".to_owned());
                }
                self.is_a_kernel_s = shape::is_by_a_kernel(&entry);
                self.salt_sha256 = entry.get("salt_sha256").and_then(Json::text).map(str::to_owned);
                self.ratchet_sha256 = entry.get("ratchet_sha256").and_then(Json::text).map(str::to_owned);
                match self.named_key(&entry) {
                    Some(key) => self.keys.push((seq, key)),
                    None => wrong("names no key of this log".to_owned()),
                }
            }
            "log.key_rotated" => match self.rotated_key(&entry, seq) {
                Ok(key) => self.keys.push((seq, key)),
                Err(what) => wrong(what.to_owned()),
            },
            "intent" => drop(self.intents.insert(seq, false)),
            "outcome" => match number("intent").and_then(|intent| u64::try_from(intent).ok()) {
                None => wrong("is an outcome without `intent`".to_owned()),
                // Whether it is the only one of an intent that is gone, nobody can tell.
                Some(intent) if self.is_dropped(intent) => {}
                Some(intent) => match self.intents.get_mut(&intent) {
                    // It may be one of those that could not be read, which is a problem already.
                    None if self.incomplete => {}
                    None => wrong(format!("is the outcome of entry {intent}, which is no earlier intent")),
                    Some(true) => wrong(format!("is one more outcome of intent {intent}")),
                    Some(done) => *done = true,
                },
            },
            "log.recovered" => {
                if let Some(sha256) = entry.get("dropped_sha256").and_then(Json::text) {
                    self.set_aside.push(SetAside { file: file.to_owned(), seq, sha256: sha256.to_owned() });
                }
            }
            "log.retained" => {
                let to = number("to").and_then(|to| u64::try_from(to).ok()).unwrap_or(0);
                let root = entry.get("root").and_then(Json::text).unwrap_or_default();
                self.retained.push((file.to_owned(), seq, to, root.to_owned()));
            }
            "log.redacted" => {
                let listed = match entry.get("payloads") {
                    Some(Json::List(names)) => names.iter().filter_map(Json::text).map(str::to_owned).collect(),
                    _ => Vec::new(),
                };
                self.redactions.push((seq, listed));
            }
            _ => {}
        }
        if let Some(what) = shape::fault(kind, &entry).filter(|_| self.is_a_kernel_s) {
            wrong(format!("is not as a kernel writes it: {what}"));
        }
        if self.is_closed && !matches!(kind, "log.opened" | "log.recovered") {
            wrong("follows the entry that closed the log, and does not say that it was opened again".to_owned());
        }
        self.is_closed = kind == "log.closed";
        if let Err(what) = self.collect_references(file, seq, &entry, false) {
            wrong(what.to_owned());
        }
    }

    /// Finds `{"$payload": {"sha256", "size"}}`; what is inside a `$map` only looks like one.
    fn collect_references(
        &mut self,
        file: &str,
        seq: u64,
        value: &Json<'_>,
        escaped: bool,
    ) -> Result<(), &'static str> {
        match value {
            Json::List(items) => items.iter().try_for_each(|item| self.collect_references(file, seq, item, false)),
            Json::Object(entries) => match entries.as_slice() {
                [(key, inside)] if key == "$payload" && !escaped => {
                    let (sha256, size) = (inside.get("sha256"), inside.get("size"));
                    let (Some(sha256), Some(size)) = (sha256.and_then(Json::text), size.and_then(Json::whole)) else {
                        return Err("refers to a payload without its `sha256` or `size`");
                    };
                    let (file, sha256) = (file.to_owned(), sha256.to_owned());
                    self.references.push(Reference { file, seq, sha256, size });
                    Ok(())
                }
                [(key, inside)] if key == "$map" && !escaped => self.collect_references(file, seq, inside, true),
                many => many.iter().try_for_each(|(_, inside)| self.collect_references(file, seq, inside, false)),
            },
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::Text(_) => Ok(()),
        }
    }

    /// The key that an entry names, if it is one of this log.
    fn named_key(&self, entry: &Json<'_>) -> Option<Key> {
        let key = Key::parse(entry.get("key").and_then(Json::text)?)?;
        (Some(key.name.as_str()) == self.log.as_deref().map(note::name_of).as_deref()).then_some(key)
    }

    /// The key that takes the place of the one before, if that one says so.
    fn rotated_key(&self, entry: &Json<'_>, seq: u64) -> Result<Key, &'static str> {
        let key = self.named_key(entry).ok_or("names no key of this log")?;
        let text = |field| entry.get(field).and_then(Json::text).unwrap_or_default();
        let Some((_, old)) = self.keys.last() else { return Err("follows no key that could be read") };
        if text("previous") != old.vkey {
            return Err("does not name the key before it");
        }
        let statement = format!("agent-os-log key rotation\n{}\n{}\n{seq}\n", old.vkey, key.vkey);
        let signature = note::decode(text("signature")).unwrap_or_default();
        if old.has_signed(&statement, &signature) {
            Ok(key)
        } else {
            Err("is not signed by the key before it: the log was re-keyed without it")
        }
    }

    /// After the last entry: puts what was found into the report, and gives the references to payloads.
    pub(super) fn finish(&mut self, report: &mut Report) -> Vec<Reference> {
        report.root = self.tree.root();
        report.log_id = self.log.clone().unwrap_or_default();
        report.key = self.keys.last().map(|(_, key)| key.vkey.clone()).unwrap_or_default();
        report.rotations = self.keys.iter().skip(1).map(|(seq, _)| *seq).collect();
        report.closed = self.is_closed;
        report.redactions = self.redactions.iter().map(|(seq, _)| *seq).collect();
        report.unfinished = self.intents.iter().filter(|(_, done)| !**done).map(|(seq, _)| *seq).collect();
        std::mem::take(&mut self.references)
    }

    /// The payloads that one of the first `size` entries says were removed.
    ///
    /// SECURITY: an entry that no checkpoint names is anybody's who can write the directory.
    pub(super) fn removed_payloads(&self, size: u64) -> BTreeSet<&str> {
        let told = self.redactions.iter().filter(|(seq, _)| *seq < size);
        told.flat_map(|(_, names)| names.iter().map(String::as_str)).collect()
    }

    /// Holds what was dropped against what the first `size` entries say of it.
    ///
    /// SECURITY: an entry that no checkpoint names is anybody's who can write the directory.
    pub(super) fn check_dropped(&self, size: u64, report: &mut Report) {
        let told = self.retained.iter().filter(|(_, seq, _, _)| *seq < size);
        let before = told.clone().map(|(_, _, to, _)| *to).max().unwrap_or(0);
        for (file, offset, first, end) in &self.dropped {
            if *end > before {
                let offset = (*first >= before).then_some(*offset);
                let what = "is gone, and no signed entry says that it was dropped";
                report.problem(file, offset, Some((*first).max(before)), what);
            }
        }
        for (file, seq, to, root) in told {
            let known = self.boundaries.get(to).filter(|_| self.is_complete());
            if known.is_some_and(|known| note::decode(root).as_deref() != Some(&known[..])) {
                report.problem(file, None, Some(*seq), format!("names another root over the first {to} entries"));
            }
        }
    }

    /// What was set aside when the log was recovered.
    pub(super) fn set_aside(&self) -> &[SetAside] {
        &self.set_aside
    }

    /// After everything that matters more: puts what is wrong with the tiles into the report.
    pub(super) fn finish_tiles(&mut self, report: &mut Report) {
        std::mem::take(&mut self.tiles).finish(self.is_complete(), report);
    }

    /// The root over this many entries, if there are that many.
    pub(super) fn root_at(&self, size: u64) -> Option<Hash> {
        self.roots.get(&size).copied()
    }

    /// The key that signs the first `size` entries.
    pub(super) fn key_at(&self, size: u64) -> Option<&Key> {
        self.keys.iter().rev().find(|(from, _)| *from < size).map(|(_, key)| key)
    }

    /// Whether whoever signs the first `size` entries is this key, or follows it by rotations.
    pub(super) fn vouches(&self, vkey: &str, size: u64) -> bool {
        self.keys.iter().take_while(|(from, _)| *from < size).any(|(_, key)| key.vkey == vkey)
    }

    /// Whether this is one of the keys that the log names.
    pub(super) fn has_key(&self, vkey: &str) -> bool {
        self.keys.iter().any(|(_, key)| key.vkey == vkey)
    }

    /// The hash of the ratchet's first key, as the first entry says it.
    pub(super) fn ratchet_sha256(&self) -> Option<&str> {
        self.ratchet_sha256.as_deref()
    }

    /// The hash of the salt, as the first entry says it.
    pub(super) fn salt_sha256(&self) -> Option<&str> {
        self.salt_sha256.as_deref()
    }
}
