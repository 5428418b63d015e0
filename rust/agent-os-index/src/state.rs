//! The index as one thread sees it: the kept blocks, the tail, and the reader that goes on with the log.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use agent_os_core::audit::tree::{Hash, leaf_hash};
use agent_os_log::{Entries, Fetcher, Kept, Location, Reader};

use crate::block::{BLOCK, DROPPED, Places, Row, Rows, Tail};
use crate::error::IndexError;
use crate::field::Field;
use crate::live::Live;
use crate::search::{Question, search};
use crate::skim::{Facts, skim};
use crate::store::{Saved, Sealed, Store};

/// How many runs and open actions are remembered; others are looked up.
const REMEMBERED: usize = 1 << 16;
/// File systems tell times in steps, the coarsest of them in seconds.
const SETTLES: Duration = Duration::from_secs(2);
/// Run 0 is the operator's in every log.
const OPERATOR: &str = "operator";

/// Everything behind the lock.
pub(crate) struct State {
    directory: PathBuf,
    reader: Reader,
    entries: Entries,
    fetcher: Fetcher,
    store: Store,
    saved: Saved,
    tail: Tail,
    /// The entry that was read last.
    last: Option<(Location, Hash)>,
    /// What was read of the segment that the log goes on with, and how that was when it was last looked at.
    live: Live,
    seen: Option<Sealed>,
    /// Segments that have ended since the last block was kept.
    ended: Vec<Sealed>,
    // Caches: whatever is not here is looked up.
    open: HashMap<u64, (Option<String>, Option<String>)>,
    runs: HashMap<u64, (u64, String)>,
    block: Option<(u64, Rows)>,
}

impl State {
    pub(crate) fn open(directory: &Path, file: Option<&Path>) -> Result<Self, IndexError> {
        let reader = Reader::open(directory)?;
        let (store, saved) = Store::open(file, reader.id())?;
        let (entries, fetcher) = (reader.read_from(0)?, reader.fetcher());
        Ok(Self {
            directory: std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned()),
            entries,
            fetcher,
            store,
            tail: Tail::starting(saved.next),
            last: saved.last,
            live: saved.live,
            seen: None,
            saved,
            reader,
            ended: Vec::new(),
            open: HashMap::new(),
            runs: HashMap::new(),
            block: None,
        })
    }

    /// The number of the first entry that is not in the index.
    pub(crate) fn next(&self) -> u64 {
        self.tail.next()
    }

    /// Forgets everything, so that the next reading begins with the first entry.
    pub(crate) fn clear(&mut self) -> Result<(), IndexError> {
        self.store.clear(self.reader.id())?;
        self.entries = self.reader.read_from(0)?;
        self.fetcher = self.reader.fetcher();
        self.saved = Saved::default();
        self.tail = Tail::starting(0);
        self.last = None;
        self.live = Live::default();
        self.seen = None;
        self.ended.clear();
        self.open.clear();
        self.runs.clear();
        self.block = None;
        Ok(())
    }

    /// Reads at most `most` further entries; how many there were.
    pub(crate) fn read(&mut self, most: u64) -> Result<u64, IndexError> {
        for count in 0..most {
            if self.tail.is_full() {
                self.keep()?;
            }
            if self.entries.next_seq() != self.tail.next() {
                self.entries = self.reader.read_from(self.tail.next())?;
            }
            match self.entries.next_kept() {
                Ok(None) => return Ok(count),
                Ok(Some((seq, kept))) => {
                    let at = self.entries.location().ok_or(IndexError::Unusable("the log has no places"))?;
                    match kept {
                        Kept::Entry(entry) => self.take(seq, at, &entry)?,
                        Kept::Dropped(leaf) => self.pass_over(at, leaf)?,
                    }
                }
                Err(error) => {
                    // Whoever asks next is told the same.
                    self.entries = self.reader.read_from(self.tail.next())?;
                    return Err(error.into());
                }
            }
        }
        Ok(most)
    }

    /// Goes on with the log as it is now. `false` if it no longer holds what was read: the segments that have ended are
    /// not as they were, what was read of the one that goes on is not, or the entry that was read last is not where it
    /// was. A log that was put back, written anew or edited is another one.
    pub(crate) fn resume(&mut self) -> Result<bool, IndexError> {
        // Files that are open may be those of a log that has been moved away.
        self.fetcher = self.reader.fetcher();
        for sealed in self.saved.segments.iter().chain(&self.ended) {
            if seal(&self.directory, sealed.first) != Some(*sealed) {
                return Ok(false);
            }
        }
        let Some((at, hash)) = self.last else {
            self.entries = self.reader.read_from(0)?;
            return Ok(true);
        };
        if !self.live_holds(at.first) {
            return Ok(false);
        }
        // A segment that is gone is no failure to read, but another log.
        let Ok(mut entries) = self.reader.read_at(at, self.next().saturating_sub(1)) else { return Ok(false) };
        let holds = matches!(entries.next_kept(), Ok(Some((_, kept))) if kept.leaf() == hash);
        self.entries = entries;
        Ok(holds)
    }

    /// Whether what was read of the segment that goes on is still what is there.
    fn live_holds(&mut self, first: u64) -> bool {
        let now = seal(&self.directory, first);
        if now.is_none() || now == self.seen {
            return now.is_some();
        }
        let Ok(mut file) = fs::File::open(segment(&self.directory, first)) else { return false };
        if !self.live.is_in(&mut file) {
            return false;
        }
        // What was changed a moment ago may be changed once more without a later time.
        self.seen = now.filter(Sealed::has_settled);
        true
    }

    /// Where the log ends now.
    pub(crate) fn end(&self) -> Result<Location, IndexError> {
        Ok(self.reader.end()?)
    }

    /// Whether everything before this place has been read.
    pub(crate) fn is_at(&self, end: Location) -> bool {
        self.last.is_some_and(|(at, _)| Location { offset: self.live.end(), ..at } >= end)
    }

    /// The entry at a place.
    pub(crate) fn entry(&mut self, at: Location) -> Result<Option<Vec<u8>>, IndexError> {
        Ok(self.fetcher.entry(at)?.map(<[u8]>::to_vec))
    }

    /// Where an entry lies that is in the index.
    pub(crate) fn location(&mut self, seq: u64) -> Result<Location, IndexError> {
        let place = u16::try_from(seq % BLOCK).unwrap_or(u16::MAX);
        let block = seq / BLOCK;
        if block == self.tail.first / BLOCK {
            return self.tail.rows.row(place).map(|(at, _)| at).ok_or(IndexError::Unusable("an entry is missing"));
        }
        if self.block.as_ref().is_none_or(|(held, _)| *held != block) {
            self.block = Some((block, self.store.rows(block)?));
        }
        let row = self.block.as_ref().and_then(|(_, rows)| rows.row(place));
        row.map(|(at, _)| at).ok_or(IndexError::Unusable("an entry is missing"))
    }

    pub(crate) fn rows(&self, block: u64) -> Result<Rows, IndexError> {
        if block == self.tail.first / BLOCK { Ok(self.tail.rows.clone()) } else { self.store.rows(block) }
    }

    pub(crate) fn span(&self, block: u64) -> Result<(i64, i64), IndexError> {
        if block == self.tail.first / BLOCK {
            return Ok(self.tail.rows.span().unwrap_or((i64::MAX, i64::MIN)));
        }
        self.store.span(block)
    }

    pub(crate) fn places(&self, field: Field, value: &str, block: u64) -> Result<Option<Places>, IndexError> {
        if block == self.tail.first / BLOCK {
            return Ok(self.tail.places(field, value));
        }
        self.store.places(field, value, block)
    }

    pub(crate) fn next_block(
        &self,
        field: Field,
        value: &str,
        from: u64,
        backwards: bool,
    ) -> Result<Option<u64>, IndexError> {
        let tail = self.tail.first / BLOCK;
        let in_tail = self.tail.places(field, value).is_some();
        if backwards && from >= tail && in_tail {
            return Ok(Some(tail));
        }
        // Another process may have kept blocks that this one has not read yet.
        let kept = self.store.next_block(field, value, if backwards { from.min(tail) } else { from }, backwards)?;
        Ok(match kept.filter(|block| *block < tail) {
            Some(block) => Some(block),
            None if backwards => {
                if kept.is_some() && tail > 0 {
                    self.store.next_block(field, value, tail - 1, true)?
                } else {
                    None
                }
            }
            None => (in_tail && from <= tail).then_some(tail),
        })
    }

    pub(crate) fn counts(&self, field: Field, most: u64) -> Result<(Vec<(String, u64)>, u64), IndexError> {
        self.store.counts(field, &self.tail, most)
    }

    pub(crate) fn whole_span(&self) -> Result<Option<(i64, i64)>, IndexError> {
        let kept = self.store.whole_span()?;
        Ok(kept.into_iter().chain(self.tail.rows.span()).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))))
    }

    fn take(&mut self, seq: u64, at: Location, entry: &[u8]) -> Result<(), IndexError> {
        let facts = skim(entry).ok_or(IndexError::NotAnEntry(seq))?;
        let about = self.about(seq, &facts)?;
        let (by, agent, action) = match &about {
            About::Itself => (seq, facts.agent.as_deref(), facts.action.as_deref()),
            About::Operator => (seq, Some(OPERATOR), facts.action.as_deref()),
            About::Run(by, agent) if facts.kind == "outcome" => (*by, Some(agent.as_str()), None),
            About::Run(by, agent) => (*by, Some(agent.as_str()), facts.action.as_deref()),
            About::Intent(by, agent, action) => (*by, agent.as_deref(), action.as_deref()),
        };
        let far = IndexError::Unusable("an entry is too far from what it is about");
        let back = u32::try_from(seq.saturating_sub(by)).ok().filter(|back| *back != DROPPED).ok_or(far)?;
        let offset = self.arrive(at)?;
        // From here on nothing fails: an entry is in the tail whole, or not at all.
        self.tail.note(Field::Kind, &facts.kind);
        let texts = [
            (Field::Agent, agent),
            (Field::Action, action),
            (Field::Effect, facts.effect.as_deref()),
            (Field::Status, facts.status.as_deref()),
        ];
        for (field, value) in texts {
            if let Some(value) = value {
                self.tail.note(field, value);
            }
        }
        for (field, number) in [(Field::Pid, facts.pid), (Field::Parent, facts.parent)] {
            if let Some(number) = number {
                self.tail.note(field, &number.to_string());
            }
        }
        facts.rules.iter().for_each(|rule| self.tail.note(Field::Rule, rule));
        facts.labels.iter().for_each(|label| self.tail.note(Field::Label, label));
        match facts.kind.as_ref() {
            "intent" => {
                if self.open.len() >= REMEMBERED {
                    self.open.clear();
                }
                self.open.insert(seq, (agent.map(str::to_owned), action.map(str::to_owned)));
            }
            "process.started" => {
                if self.runs.len() >= REMEMBERED {
                    self.runs.clear();
                }
                if let (Some(pid), Some(agent)) = (facts.pid, &facts.agent) {
                    self.runs.insert(pid, (seq, agent.clone().into_owned()));
                }
            }
            _ => {}
        }
        self.tail.rows.push(at.first, Row { offset, back, time: facts.time });
        self.last = Some((at, leaf_hash(entry)));
        self.live.take(at, entry);
        Ok(())
    }

    /// Notes that an entry was dropped, so that the others keep their places. Its time is that of the one before it.
    fn pass_over(&mut self, at: Location, leaf: Hash) -> Result<(), IndexError> {
        let offset = self.arrive(at)?;
        let time = self.tail.rows.len().checked_sub(1).and_then(|last| u16::try_from(last).ok());
        let time = time.and_then(|last| self.tail.rows.row(last)).map(|(_, row)| row.time);
        let time = time.or(self.whole_span()?.map(|(_, greatest)| greatest)).unwrap_or(0);
        self.tail.rows.push(at.first, Row { offset, back: DROPPED, time });
        self.live.pass_over(at, &leaf);
        self.last = Some((at, leaf));
        Ok(())
    }

    /// Where in its segment a place is; the segment before it has ended if that is another one.
    fn arrive(&mut self, at: Location) -> Result<u32, IndexError> {
        let offset = u32::try_from(at.offset).map_err(|_| IndexError::Unusable("a segment is too large"))?;
        if let Some((before, _)) = self.last.filter(|(before, _)| before.first != at.first) {
            let sealed = seal(&self.directory, before.first);
            self.ended.push(sealed.ok_or(IndexError::Unusable("a segment is gone"))?);
        }
        Ok(offset)
    }

    /// What an entry is about, from itself or from an earlier one.
    fn about(&mut self, seq: u64, facts: &Facts<'_>) -> Result<About, IndexError> {
        if facts.kind == "outcome" {
            if let Some(intent) = facts.intent.filter(|intent| *intent < seq) {
                if let Some((agent, action)) = self.intent(intent)? {
                    return Ok(About::Intent(intent, agent, action));
                }
            }
            return self.run_of(facts.pid);
        }
        if facts.agent.as_deref().is_some_and(|agent| !agent.is_empty()) {
            return Ok(About::Itself);
        }
        self.run_of(facts.pid)
    }

    fn run_of(&mut self, pid: Option<u64>) -> Result<About, IndexError> {
        let Some(pid) = pid else { return Ok(About::Itself) };
        if let Some((seq, agent)) = self.runs.get(&pid) {
            return Ok(About::Run(*seq, agent.clone()));
        }
        let question = Question {
            terms: vec![(Field::Pid, pid.to_string()), (Field::Kind, "process.started".to_owned())],
            newest_first: true,
            ..Question::default()
        };
        if let Some(found) = search(self, &question, 1)?.found.first() {
            let entry = self.entry(found.at)?.unwrap_or_default();
            if let Some(Facts { agent: Some(agent), .. }) = skim(&entry) {
                let agent = agent.into_owned();
                self.runs.insert(pid, (found.seq, agent.clone()));
                return Ok(About::Run(found.seq, agent));
            }
        }
        Ok(if pid == 0 { About::Operator } else { About::Itself })
    }

    /// The agent and the action of an intent; `None` if that entry is none.
    #[allow(clippy::type_complexity)]
    fn intent(&mut self, seq: u64) -> Result<Option<(Option<String>, Option<String>)>, IndexError> {
        if let Some(known) = self.open.remove(&seq) {
            return Ok(Some(known));
        }
        let at = self.location(seq)?;
        let entry = self.entry(at)?.unwrap_or_default();
        Ok(match skim(&entry) {
            Some(Facts { kind, agent, action, .. }) if kind == "intent" => {
                Some((agent.map(Into::into), action.map(Into::into)))
            }
            _ => None,
        })
    }

    fn keep(&mut self) -> Result<(), IndexError> {
        let mut segments = self.saved.segments.clone();
        segments.extend(&self.ended);
        let saved = Saved { next: self.tail.next(), last: self.last, live: self.live, segments };
        self.store.keep(self.reader.id(), &self.tail, &saved, &self.ended)?;
        self.ended.clear();
        self.tail = Tail::starting(saved.next);
        self.saved = saved;
        Ok(())
    }
}

enum About {
    Itself,
    Operator,
    Run(u64, String),
    Intent(u64, Option<String>, Option<String>),
}

fn segment(directory: &Path, first: u64) -> PathBuf {
    directory.join(format!("segments/{first:020}.seg"))
}

impl Sealed {
    /// Whether so much time has passed since the last change that a further one would have another time.
    fn has_settled(&self) -> bool {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u128::try_from(self.modified).is_ok_and(|modified| modified + SETTLES.as_nanos() < now.as_nanos())
    }
}

/// A segment's size and time as they are now.
fn seal(directory: &Path, first: u64) -> Option<Sealed> {
    let found = fs::metadata(segment(directory, first)).ok()?;
    let modified = found.modified().ok()?.duration_since(UNIX_EPOCH).ok()?.as_nanos();
    Some(Sealed { first, size: i64::try_from(found.len()).ok()?, modified: i64::try_from(modified).ok()? })
}
