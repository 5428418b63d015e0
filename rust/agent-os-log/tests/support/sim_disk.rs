//! A disk in memory that fails where it is told to, fills up, and loses power.
//!
//! It knows what is on stable storage: the content of a file at its last sync and, in order, the writes since then; and
//! likewise the names in a folder. What the process sees (`live`) survives the process; what is stable survives power.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use agent_os_log::disk::{Access, Disk, File};

/// What happens at an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails, and nothing is done.
    Io,
    /// It fails for want of space, and nothing is done.
    Full,
    /// A write does this many bytes, and then the process is gone. Other operations are not done at all.
    Torn(usize),
}

#[derive(Default)]
struct Content {
    live: Vec<u8>,
    allocated: u64,
    stable: Vec<u8>,
    pending: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Cut(u64),
}

#[derive(Clone)]
enum NameChange {
    Insert(String, Shared),
    Remove(String),
    Rename(String, String),
}

impl NameChange {
    fn folder(&self) -> &str {
        let (Self::Insert(name, _) | Self::Remove(name) | Self::Rename(_, name)) = self;
        name.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    fn apply(&self, names: &mut BTreeMap<String, Shared>) -> io::Result<()> {
        match self {
            Self::Insert(name, content) => drop(names.insert(name.clone(), Arc::clone(content))),
            Self::Remove(name) => drop(names.remove(name).ok_or_else(missing)?),
            Self::Rename(from, to) => {
                let content = names.remove(from).ok_or_else(missing)?;
                names.insert(to.clone(), content);
            }
        }
        Ok(())
    }
}

type Shared = Arc<Mutex<Content>>;

#[derive(Default)]
struct State {
    names: BTreeMap<String, Shared>,
    stable_names: BTreeMap<String, Shared>,
    /// What was done to the names of a folder since that folder was last synced.
    pending_names: Vec<NameChange>,
    folders: BTreeSet<String>,
    capacity: Option<u64>,
    fault: Option<(u64, Fault)>,
    fail_syncs: bool,
    slow_syncs: Duration,
    gone: bool,
    operations: u64,
    syncs: u64,
    locked: bool,
}

#[derive(Clone, Default)]
pub struct SimDisk {
    state: Arc<(Mutex<State>, Condvar)>,
}

impl SimDisk {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn with_capacity(bytes: u64) -> Self {
        let disk = Self::default();
        disk.lock_state().capacity = Some(bytes);
        disk
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        self.state.0.lock().unwrap()
    }

    /// How many operations have been asked for.
    pub fn operations(&self) -> u64 {
        self.lock_state().operations
    }

    /// Lets operation number `at` fail.
    pub fn fail_at(&self, at: u64, fault: Fault) {
        self.lock_state().fault = Some((at, fault));
    }

    /// Lets every sync of a file fail from now on.
    pub fn fail_syncs(&self) {
        self.lock_state().fail_syncs = true;
    }

    /// Lets every sync of a file take this long from now on.
    pub fn slow_syncs(&self, time: Duration) {
        self.lock_state().slow_syncs = time;
    }

    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.lock_state().capacity = bytes;
    }

    pub fn syncs(&self) -> u64 {
        self.lock_state().syncs
    }

    /// Waits until this many file syncs have been done.
    pub fn wait_for_syncs(&self, count: u64) {
        let (state, changed) = &*self.state;
        let state = state.lock().unwrap();
        let waited = changed.wait_timeout_while(state, Duration::from_secs(20), |state| state.syncs < count).unwrap();
        assert!(!waited.1.timed_out(), "the log was not synced");
    }

    /// The disk as another process finds it after the one that wrote is gone.
    pub fn after_crash(&self) -> Self {
        let state = self.lock_state();
        let names = state.names.iter().map(|(name, content)| (name.clone(), content.lock().unwrap().live.clone()));
        Self::holding(names.collect(), state.folders.clone())
    }

    /// The disk after the power was lost. `pick(n)` chooses among n possibilities; with `in_order`, what was written
    /// later is never there without what was written before it.
    pub fn after_power_loss(&self, in_order: bool, pick: &mut dyn FnMut(usize) -> usize) -> Self {
        let state = self.lock_state();
        let mut names = state.stable_names.clone();
        for change in &state.pending_names[..pick(state.pending_names.len() + 1)] {
            change.apply(&mut names).unwrap();
        }
        let mut files = BTreeMap::new();
        for (name, content) in &names {
            let content = content.lock().unwrap();
            let mut bytes = content.stable.clone();
            let until = if in_order { pick(content.pending.len() + 1) } else { content.pending.len() };
            for (place, change) in content.pending.iter().enumerate() {
                match change {
                    _ if place > until || (!in_order && pick(4) == 0) => {}
                    Change::Cut(len) => bytes.resize(usize::try_from(*len).unwrap(), 0),
                    Change::Write(offset, data) => {
                        // The write at the edge is torn.
                        let torn = place == until || (!in_order && pick(3) == 0);
                        let count = if torn { pick(data.len() + 1) } else { data.len() };
                        put(&mut bytes, *offset, &data[..count]);
                    }
                }
            }
            files.insert(name.clone(), bytes);
        }
        Self::holding(files, state.folders.clone())
    }

    /// The disk after the power was lost, when every sector that was not synced holds any of the contents that it was
    /// given since, a file has any of the lengths that it had, and of the names in a folder any first changes are kept.
    pub fn after_power_loss_by_sector(&self, pick: &mut dyn FnMut(usize) -> usize) -> Self {
        const SECTOR: usize = 512;
        let state = self.lock_state();
        let mut names = state.stable_names.clone();
        for folder in state.folders.iter().cloned().chain([String::new()]).collect::<BTreeSet<_>>() {
            let changes: Vec<_> = state.pending_names.iter().filter(|change| change.folder() == folder).collect();
            for change in &changes[..pick(changes.len() + 1)] {
                change.apply(&mut names).unwrap();
            }
        }
        let mut files = BTreeMap::new();
        for (name, content) in &names {
            let content = content.lock().unwrap();
            let mut versions = vec![content.stable.clone()];
            for change in &content.pending {
                let mut next = versions.last().unwrap().clone();
                match change {
                    Change::Cut(len) => next.resize(usize::try_from(*len).unwrap(), 0),
                    Change::Write(offset, data) => put(&mut next, *offset, data),
                }
                versions.push(next);
            }
            let mut bytes = vec![0; versions[pick(versions.len())].len()];
            for (place, sector) in bytes.chunks_mut(SECTOR).enumerate() {
                let old = &versions[pick(versions.len())];
                let from = old.get(place * SECTOR..).unwrap_or_default();
                let count = from.len().min(sector.len());
                sector[..count].copy_from_slice(&from[..count]);
            }
            files.insert(name.clone(), bytes);
        }
        Self::holding(files, state.folders.clone())
    }

    /// Writes everything to a directory.
    pub fn export(&self, dir: &Path) {
        let state = self.lock_state();
        std::fs::create_dir_all(dir).unwrap();
        for folder in &state.folders {
            std::fs::create_dir_all(dir.join(folder)).unwrap();
        }
        for (name, content) in &state.names {
            std::fs::write(dir.join(name), &content.lock().unwrap().live).unwrap();
        }
    }

    fn holding(files: BTreeMap<String, Vec<u8>>, folders: BTreeSet<String>) -> Self {
        let disk = Self::default();
        let mut state = disk.lock_state();
        state.folders = folders;
        for (name, bytes) in files {
            let content = Content { allocated: 0, live: bytes.clone(), stable: bytes, pending: Vec::new() };
            state.names.insert(name, Arc::new(Mutex::new(content)));
        }
        state.stable_names = state.names.clone();
        drop(state);
        disk
    }

    /// Counts an operation, and fails it if it is its turn.
    fn operation(&self) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.lock_state();
        let number = state.operations;
        state.operations += 1;
        if state.gone {
            return Err(io::ErrorKind::NotConnected.into());
        }
        match state.fault {
            Some((at, Fault::Io)) if at == number => Err(io::Error::from_raw_os_error(5)),
            Some((at, Fault::Full)) if at == number => Err(io::ErrorKind::StorageFull.into()),
            Some((at, Fault::Torn(_))) if at == number => {
                state.gone = true;
                Err(io::ErrorKind::NotConnected.into())
            }
            _ => Ok(state),
        }
    }

    fn change_names(&self, change: NameChange) -> io::Result<()> {
        let mut state = self.operation()?;
        change.apply(&mut state.names)?;
        state.pending_names.push(change);
        Ok(())
    }
}

fn missing() -> io::Error {
    io::ErrorKind::NotFound.into()
}

fn put(bytes: &mut Vec<u8>, offset: u64, data: &[u8]) {
    let (from, to) = (usize::try_from(offset).unwrap(), usize::try_from(offset).unwrap() + data.len());
    if data.is_empty() {
        return;
    }
    if bytes.len() < to {
        bytes.resize(to, 0);
    }
    bytes[from..to].copy_from_slice(data);
}

impl Disk for SimDisk {
    fn path(&self, name: &str) -> String {
        format!("sim:{name}")
    }

    fn create_folder(&self, folder: &str) -> io::Result<()> {
        let mut state = self.operation()?;
        let above = folder.match_indices('/').map(|(at, _)| folder[..at].to_owned());
        state.folders.extend(above.chain([folder.to_owned()]));
        Ok(())
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        let state = self.operation()?;
        if !state.folders.contains(folder) {
            return Err(missing());
        }
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let folders = state.folders.iter().filter(|other| !other.is_empty());
        let inside = state.names.keys().chain(folders).filter_map(|name| name.strip_prefix(&prefix));
        Ok(inside.filter(|name| !name.contains('/')).map(str::to_owned).collect())
    }

    fn open(&self, name: &str, _access: Access) -> io::Result<Arc<dyn File>> {
        let content = self.operation()?.names.get(name).cloned().ok_or_else(missing)?;
        Ok(Arc::new(SimFile { disk: self.clone(), content }))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let content = Shared::default();
        self.change_names(NameChange::Insert(name.to_owned(), Arc::clone(&content)))?;
        Ok(Arc::new(SimFile { disk: self.clone(), content }))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.change_names(NameChange::Rename(from.to_owned(), to.to_owned()))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.change_names(NameChange::Remove(name.to_owned()))
    }

    fn remove_folder(&self, folder: &str) -> io::Result<()> {
        let mut state = self.operation()?;
        let prefix = format!("{folder}/");
        if state.names.keys().chain(&state.folders).any(|name| name.starts_with(&prefix)) {
            return Err(io::ErrorKind::DirectoryNotEmpty.into());
        }
        state.folders.remove(folder);
        Ok(())
    }

    fn is_private(&self, name: &str) -> io::Result<bool> {
        let state = self.operation()?;
        if state.names.contains_key(name) { Ok(true) } else { Err(missing()) }
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        let mut state = self.operation()?;
        let pending = std::mem::take(&mut state.pending_names);
        let (now, later): (Vec<_>, Vec<_>) = pending.into_iter().partition(|change| change.folder() == folder);
        state.pending_names = later;
        now.iter().try_for_each(|change| change.apply(&mut state.stable_names))
    }

    fn lock(&self, _name: &str) -> io::Result<Option<Box<dyn Send>>> {
        let mut state = self.operation()?;
        if std::mem::replace(&mut state.locked, true) {
            return Ok(None);
        }
        Ok(Some(Box::new(Unlock(self.clone()))))
    }
}

struct Unlock(SimDisk);

impl Drop for Unlock {
    fn drop(&mut self) {
        self.0.lock_state().locked = false;
    }
}

struct SimFile {
    disk: SimDisk,
    content: Shared,
}

impl SimFile {
    /// Takes space up to this place, if there is that much.
    fn take(&self, state: &State, to: u64) -> io::Result<()> {
        let used = |content: &Content| content.allocated.max(content.live.len() as u64);
        let total: u64 = state.names.values().map(|content| used(&content.lock().unwrap())).sum();
        let mut content = self.content.lock().unwrap();
        let more = to.saturating_sub(used(&content));
        if more > 0 && state.capacity.is_some_and(|capacity| total + more > capacity) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        content.allocated = content.allocated.max(to);
        Ok(())
    }
}

impl File for SimFile {
    fn len(&self) -> io::Result<u64> {
        let _state = self.disk.operation()?;
        Ok(self.content.lock().unwrap().live.len() as u64)
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let _state = self.disk.operation()?;
        let content = self.content.lock().unwrap();
        let rest = content.live.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let fault = {
            let state = self.disk.lock_state();
            state.fault.filter(|(at, _)| *at == state.operations && !state.gone)
        };
        if let Some((_, Fault::Torn(count))) = fault {
            let part = &bytes[..count.min(bytes.len())];
            let mut content = self.content.lock().unwrap();
            put(&mut content.live, offset, part);
            content.pending.push(Change::Write(offset, part.to_vec()));
        }
        let state = self.disk.operation()?;
        self.take(&state, offset + bytes.len() as u64)?;
        let mut content = self.content.lock().unwrap();
        put(&mut content.live, offset, bytes);
        content.pending.push(Change::Write(offset, bytes.to_vec()));
        Ok(())
    }

    fn reserve(&self, _from: u64, to: u64) -> io::Result<()> {
        let state = self.disk.operation()?;
        self.take(&state, to)
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        let _state = self.disk.operation()?;
        let mut content = self.content.lock().unwrap();
        content.allocated = len;
        content.live.resize(usize::try_from(len).unwrap(), 0);
        content.pending.push(Change::Cut(len));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let time = self.disk.lock_state().slow_syncs;
        std::thread::sleep(time);
        let mut state = self.disk.operation()?;
        state.syncs += 1;
        self.disk.state.1.notify_all();
        if state.fail_syncs {
            return Err(io::Error::from_raw_os_error(5));
        }
        let mut content = self.content.lock().unwrap();
        content.stable = content.live.clone();
        content.pending.clear();
        Ok(())
    }
}
