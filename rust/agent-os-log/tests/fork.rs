//! A fork must not write its parent's log. In a file of its own: the mark holds for the whole process.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use agent_os_log::{Durability, Log, Options, mark_forked, verify};
use support::{assert_whole, intent, note, outcome, quiet, scratch};

#[test]
fn logs_that_were_opened_before_a_fork_refuse_and_leave_the_directory_to_others() {
    let folder = scratch();
    let disk = Log::open(folder.path(), quiet()).unwrap();
    let memory = Log::memory(Options::new(Durability::Memory, true.into())).unwrap();
    note(&disk, "before").unwrap();
    let reservation = intent(&disk).unwrap();
    mark_forked();
    for log in [&disk, &memory] {
        for error in [
            note(log, "in the fork").unwrap_err(),
            intent(log).unwrap_err(),
            log.put_payload(b"x").unwrap_err(),
            log.state().unwrap_err(),
            log.flush().unwrap_err(),
            log.close().unwrap_err(),
        ] {
            assert_eq!(error.code(), "log_forked");
        }
    }
    assert_eq!(outcome(&disk, reservation, 0).unwrap_err().code(), "log_forked");
    let size = disk.size();
    drop(disk);
    // Dropping it wrote nothing, and its lock is gone: a log that is opened after the fork works.
    let again = Log::open(folder.path(), quiet()).unwrap();
    assert_eq!(again.size(), size + 1);
    note(&again, "of its own").unwrap();
    again.close().unwrap();
    assert_whole(&verify(folder.path()));
}
