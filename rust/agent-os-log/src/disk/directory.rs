//! A directory of the operating system.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::platform;
use super::{Access, Disk, File};

static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// A directory of the operating system. What it makes is for its owner only: a log holds what agents were told.
#[derive(Debug)]
pub struct Directory {
    // INVARIANT: absolute, as far as there is a working directory: a program that changes it later still has its log.
    root: PathBuf,
    shown: PathBuf,
}

impl Directory {
    /// The directory at this path; it need not exist yet.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: std::path::absolute(root).unwrap_or_else(|_| root.to_owned()), shown: root.to_owned() }
    }

    fn at(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.root.clone() } else { self.root.join(name) }
    }
}

impl Disk for Directory {
    fn path(&self, name: &str) -> String {
        let shown = if name.is_empty() { self.shown.clone() } else { self.shown.join(name) };
        shown.display().to_string()
    }

    fn create_folder(&self, folder: &str) -> io::Result<()> {
        platform::owners_folder().recursive(true).create(self.at(folder))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<String>> {
        fs::read_dir(self.at(folder))?.map(|item| Ok(item?.file_name().to_string_lossy().into_owned())).collect()
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>> {
        let file = fs::OpenOptions::new().read(true).write(access == Access::Write).open(self.at(name))?;
        Ok(Arc::new(OnDisk(file)))
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn File>> {
        let file = platform::owners_file().truncate(true).open(self.at(name))?;
        Ok(Arc::new(OnDisk(file)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.at(from), self.at(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.at(name))
    }

    fn remove_folder(&self, folder: &str) -> io::Result<()> {
        fs::remove_dir(self.at(folder))
    }

    fn sync_folder(&self, folder: &str) -> io::Result<()> {
        platform::sync_folder(&self.at(folder))
    }

    fn is_private(&self, name: &str) -> io::Result<bool> {
        let path = self.at(name);
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        platform::is_private(&path, folder)
    }

    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn Send>>> {
        Ok(platform::lock(&self.at(name))?.map(|file| Box::new(file) as Box<dyn Send>))
    }
}

struct OnDisk(fs::File);

impl File for OnDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        loop {
            match platform::read_at(&self.0, into, offset) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                answer => return answer,
            }
        }
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        platform::write_all_at(&self.0, bytes, offset)
    }

    fn reserve(&self, from: u64, to: u64) -> io::Result<()> {
        if from >= to {
            return Ok(());
        }
        match platform::allocate(&self.0, from, to - from) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => self.fill_with_zeros(from, to),
            answer => answer,
        }
    }

    fn cut(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

impl OnDisk {
    /// Takes space on file systems that cannot reserve it. Zeros are the end of a log to every reader.
    fn fill_with_zeros(&self, from: u64, to: u64) -> io::Result<()> {
        let end = self.0.metadata()?.len();
        let mut at = end.max(from);
        while at < to {
            let count = usize::try_from(to - at).unwrap_or(usize::MAX).min(ZEROS.len());
            if let Err(error) = platform::write_all_at(&self.0, ZEROS.get(..count).unwrap_or(&ZEROS), at) {
                // What could not be taken whole is given back; the first error is the one to report.
                let _ = self.0.set_len(end);
                return Err(error);
            }
            at += count as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn zeros_are_written_where_space_cannot_be_reserved_and_what_is_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = OnDisk(tempfile::tempfile_in(folder.path()).unwrap());
        file.write_at(0, b"head").unwrap();
        file.fill_with_zeros(4, 200_000).unwrap();
        assert_eq!(file.len().unwrap(), 200_000);
        let content = crate::disk::read_from(&file, 0).unwrap();
        assert!(content.starts_with(b"head") && content.iter().skip(4).all(|byte| *byte == 0));
    }

    #[cfg(unix)]
    #[test]
    fn a_log_is_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let disk = Directory::new(&folder.path().join("log"));
        disk.create_folder("segments").unwrap();
        disk.create("segments/x").unwrap();
        let mode = |name: &str| fs::metadata(disk.at(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(""), mode("segments"), mode("segments/x")), (0o700, 0o700, 0o600));
    }
}
