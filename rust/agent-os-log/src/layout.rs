//! The names of a log's files, relative to its directory.

/// Folder of the segment files.
pub(crate) const SEGMENTS: &str = "segments";
/// Folder of the payload files.
pub(crate) const PAYLOADS: &str = "payloads";
/// Folder of the hash tiles.
pub(crate) const TILES: &str = "tile";
/// Folder of what was cut off behind a broken frame after a loss of power.
pub(crate) const DROPPED: &str = "dropped";
/// The salt of the log's digests.
pub(crate) const SALT: &str = "salt";
/// How large the log is, and its root, signed.
pub(crate) const CHECKPOINT: &str = "checkpoint";
/// A seal for each checkpoint, made with a key that is gone.
pub(crate) const RATCHET: &str = "ratchet";
/// Folder of the checkpoints that witnesses cosigned, a file for each witness.
pub(crate) const WITNESSED: &str = "witnessed";
/// What a writer locks.
pub(crate) const LOCK: &str = "lock";
/// Ends the name of a file that is not finished; a crash may leave one, and opening the log removes it.
pub(crate) const UNFINISHED: &str = ".new";

const SEGMENT: &str = ".seg";

/// The file of the segment that begins with this entry.
pub(crate) fn segment(first: u64) -> String {
    format!("{SEGMENTS}/{first:020}{SEGMENT}")
}

/// The first entry of the segment of this name (without its folder), if it is the name of a segment.
pub(crate) fn segment_first(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SEGMENT)?;
    if digits.len() != 20 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// The file of a payload.
pub(crate) fn payload(sha256: &str) -> String {
    format!("{PAYLOADS}/{sha256}")
}

/// The file of what was cut off where entry `at` would have stood.
pub(crate) fn dropped(at: u64) -> String {
    format!("{DROPPED}/{at:020}")
}

/// The file of what a witness cosigned, by the hash of its key's spelling.
pub(crate) fn witnessed(key_sha256: &str) -> String {
    format!("{WITNESSED}/{key_sha256}")
}

/// The name that a file has until it is finished.
pub(crate) fn unfinished(name: &str) -> String {
    format!("{name}{UNFINISHED}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_is_named_by_twenty_digits() {
        assert_eq!(segment(7), "segments/00000000000000000007.seg");
        assert_eq!(segment_first("00000000000000000007.seg"), Some(7));
        for other in ["7.seg", "+0000000000000000007.seg", "00000000000000000007.seg.new", "99999999999999999999.seg"] {
            assert_eq!(segment_first(other), None, "{other}");
        }
    }
}
