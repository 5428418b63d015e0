//! The door to the disk: everything that a log does with files goes through [`Disk`] and [`File`].
//!
//! One real implementation writes to a directory. Tests put a simulated one in its place, which tears writes, fills up
//! and fails. Names are relative to the log's directory and use `/`.

mod directory;
mod platform;

pub use directory::Directory;

use std::io;
use std::sync::Arc;

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading only.
    Read,
    /// Reading and writing.
    Write,
}

/// A directory that can hold a log.
pub trait Disk: Send + Sync {
    /// The name of a file as a person would look for it, for messages.
    fn path(&self, name: &str) -> String;

    /// Makes a folder if it is missing (`""` is the log's directory itself).
    ///
    /// # Errors
    /// What the operating system says.
    fn create_folder(&self, folder: &str) -> io::Result<()>;

    /// The names in a folder, without it, in no order.
    ///
    /// # Errors
    /// What the operating system says, also that there is no such folder.
    fn list(&self, folder: &str) -> io::Result<Vec<String>>;

    /// Opens a file that exists.
    ///
    /// # Errors
    /// What the operating system says, also that there is no such file.
    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn File>>;

    /// Makes an empty file, in place of one that has this name, readable by its owner only.
    ///
    /// # Errors
    /// What the operating system says.
    fn create(&self, name: &str) -> io::Result<Arc<dyn File>>;

    /// Renames a file at once, in place of one that has the new name.
    ///
    /// # Errors
    /// What the operating system says.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// What the operating system says.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Removes a folder that holds nothing.
    ///
    /// # Errors
    /// What the operating system says, also that something is in it.
    fn remove_folder(&self, folder: &str) -> io::Result<()>;

    /// Puts the names in a folder on stable storage.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_folder(&self, folder: &str) -> io::Result<()>;

    /// Whether nobody but this user can read or change a file, or put another in its place.
    ///
    /// # Errors
    /// What the operating system says, also that there is no such file.
    fn is_private(&self, name: &str) -> io::Result<bool>;

    /// Takes the writer's lock until the answer is dropped; nothing if another writer has it.
    ///
    /// # Errors
    /// What the operating system says.
    fn lock(&self, name: &str) -> io::Result<Option<Box<dyn Send>>>;
}

/// An open file.
pub trait File: Send + Sync {
    /// Its length in bytes.
    ///
    /// # Errors
    /// What the operating system says.
    fn len(&self) -> io::Result<u64>;

    /// Whether it has no bytes.
    ///
    /// # Errors
    /// What the operating system says.
    fn is_empty(&self) -> io::Result<bool> {
        Ok(self.len()? == 0)
    }

    /// Reads some bytes; 0 at the end.
    ///
    /// # Errors
    /// What the operating system says.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// Writes all bytes, or fails having written some of them.
    ///
    /// # Errors
    /// What the operating system says.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Takes the space for the bytes from `from` to `to`, so that writing them cannot fail for want of it. What is there
    /// stays; where the file becomes longer it holds zeros.
    ///
    /// # Errors
    /// What the operating system says; then nothing is promised.
    fn reserve(&self, from: u64, to: u64) -> io::Result<()>;

    /// Cuts the file to this length and gives back the space beyond it.
    ///
    /// # Errors
    /// What the operating system says.
    fn cut(&self, len: u64) -> io::Result<()>;

    /// Puts the file's bytes on stable storage.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync(&self) -> io::Result<()>;
}

/// The whole content of a file.
///
/// # Errors
/// What the operating system says.
pub(crate) fn read_all(disk: &dyn Disk, name: &str) -> io::Result<Vec<u8>> {
    let file = disk.open(name, Access::Read)?;
    read_from(&*file, 0)
}

/// The content of a file from an offset on.
///
/// # Errors
/// What the operating system says.
pub(crate) fn read_from(file: &dyn File, offset: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    let mut chunk = vec![0; 16 << 10];
    loop {
        let count = file.read_at(offset + content.len() as u64, &mut chunk)?;
        match chunk.get(..count) {
            None | Some([]) => return Ok(content),
            Some(read) => content.extend_from_slice(read),
        }
    }
}

/// Writes a whole file under another name, puts it on stable storage if asked to, and only then gives it its name.
///
/// # Errors
/// What the operating system says; the unfinished file may be left behind.
pub(crate) fn replace(disk: &dyn Disk, name: &str, content: &[u8], durable: bool) -> io::Result<Arc<dyn File>> {
    let unfinished = crate::layout::unfinished(name);
    let file = disk.create(&unfinished)?;
    file.write_at(0, content)?;
    if durable {
        file.sync()?;
    }
    disk.rename(&unfinished, name)?;
    Ok(file)
}
