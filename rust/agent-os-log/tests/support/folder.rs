//! A folder for keys on the disk of a log.

use std::io;
use std::sync::Arc;

use agent_os_log::disk::{Access, Disk, File};

use super::sim_disk::SimDisk;

/// A folder of a disk, so that a crash finds keys and log at the same moment.
pub struct Folder(pub SimDisk);

const FOLDER: &str = "keys";

fn within(name: &str) -> String {
    if name.is_empty() { FOLDER.to_owned() } else { format!("{FOLDER}/{name}") }
}

impl Disk for Folder {
    fn path(&self, name: &str) -> String {
        within(name)
    }

    fn create_folder(&self, folder: &str) -> io::Result<()> {
        self.0.create_folder(&within(folder))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        self.0.list(&within(folder))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        self.0.open(&within(name), access)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        self.0.create(&within(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(&within(from), &within(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.remove(&within(name))
    }

    fn remove_folder(&self, folder: &str) -> io::Result<()> {
        self.0.remove_folder(&within(folder))
    }

    fn is_private(&self, name: &str) -> io::Result<bool> {
        self.0.is_private(&within(name))
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        self.0.sync_folder(&within(folder))
    }

    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn Send>>> {
        self.0.lock(&within(name))
    }
}
