//! What differs between operating systems.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

pub(super) use system::{is_private, lock, owners_file, owners_folder, read_at, sync_folder, write_all_at};

/// Reserves space behind a file's end without changing its length.
#[cfg(target_os = "linux")]
pub(super) fn allocate(file: &File, from: u64, len: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    use rustix::io::Errno;
    loop {
        match fallocate(file, FallocateFlags::KEEP_SIZE, from, len) {
            Err(Errno::INTR) => {}
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Err(io::ErrorKind::Unsupported.into()),
            answer => return answer.map_err(io::Error::from),
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn allocate(_file: &File, _from: u64, _len: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(unix)]
mod system {
    use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};

    use rustix::fs::FlockOperation;

    use super::{DirBuilder, File, OpenOptions, Path, io};

    /// A file to be made for its owner only, or opened, for reading and writing.
    pub(in super::super) fn owners_file() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).mode(0o600);
        options
    }

    /// A folder to be made for its owner only.
    pub(in super::super) fn owners_folder() -> DirBuilder {
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        builder
    }

    pub(in super::super) fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
        file.read_at(into, offset)
    }

    pub(in super::super) fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    pub(in super::super) fn sync_folder(folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    /// A file that is this user's alone, in a folder to which nobody else can write.
    pub(in super::super) fn is_private(file: &Path, folder: &Path) -> io::Result<bool> {
        use std::os::unix::fs::MetadataExt;
        let (file, folder) = (std::fs::metadata(file)?, std::fs::metadata(folder)?);
        let user = rustix::process::geteuid().as_raw();
        // Root's folders are as good as one's own.
        let in_own_folder = folder.mode() & 0o022 == 0 && (folder.uid() == user || folder.uid() == 0);
        Ok(file.mode() & 0o077 == 0 && file.uid() == user && in_own_folder)
    }

    /// Takes the lock for as long as the file is open; `None` if somebody else has it.
    pub(in super::super) fn lock(path: &Path) -> io::Result<Option<File>> {
        let file = owners_file().truncate(false).open(path)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(file)),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(windows)]
mod system {
    use std::os::windows::fs::{FileExt, OpenOptionsExt};

    use super::{DirBuilder, File, OpenOptions, Path, io};

    /// `ERROR_SHARING_VIOLATION`: somebody has the file open and does not share it.
    const SHARING_VIOLATION: i32 = 32;

    /// A file to be made or opened, for reading and writing. Its access list is the folder's.
    pub(in super::super) fn owners_file() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true);
        options
    }

    /// A folder to be made. Its access list is its parent's: in a user's profile, the user's own.
    pub(in super::super) fn owners_folder() -> DirBuilder {
        DirBuilder::new()
    }

    pub(in super::super) fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
        file.seek_read(into, offset)
    }

    pub(in super::super) fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            let written = file.seek_write(bytes, offset)?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = bytes.get(written..).unwrap_or_default();
            offset += written as u64;
        }
        Ok(())
    }

    /// Folders cannot be synced there; the file system journals its names.
    pub(in super::super) fn sync_folder(_folder: &Path) -> io::Result<()> {
        Ok(())
    }

    /// Access lists are the folder's there: a user's profile is the user's own.
    pub(in super::super) fn is_private(file: &Path, _folder: &Path) -> io::Result<bool> {
        std::fs::metadata(file).map(|_| true)
    }

    /// Opens the file without sharing it; `None` if somebody else has done so.
    pub(in super::super) fn lock(path: &Path) -> io::Result<Option<File>> {
        match owners_file().truncate(false).share_mode(0).open(path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.raw_os_error() == Some(SHARING_VIOLATION) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
