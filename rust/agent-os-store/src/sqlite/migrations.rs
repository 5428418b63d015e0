//! The schema, as the steps that lead to it. A step is never changed once it was released: what a file needs is the
//! steps behind its version.

/// Step N brings a file from version N to N + 1.
pub(super) const STEPS: &[&str] = &[
    // What was charged to each counter, by slice of its window; `amount` is 16 bytes, largest first; nothing of a slice
    // counts from `expires` on (microseconds since 1970).
    "CREATE TABLE usage (
         counter TEXT NOT NULL,
         slice INTEGER NOT NULL,
         amount BLOB NOT NULL CHECK (length(amount) = 16),
         expires INTEGER NOT NULL,
         PRIMARY KEY (counter, slice)
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX usage_expires ON usage (expires);",
    // What waits for the operator. Times are microseconds since 1970; `seen` is when the process that asks last was
    // there, `verdict` and `signature` are the operator's, `ended` is how waiting ended.
    "CREATE TABLE store (id TEXT NOT NULL) STRICT;
     INSERT INTO store (id) VALUES (lower(hex(randomblob(16))));
     CREATE TABLE approvals (
         id TEXT NOT NULL PRIMARY KEY,
         kernel TEXT NOT NULL,
         request TEXT NOT NULL,
         bundle TEXT NOT NULL,
         shown TEXT NOT NULL,
         expires INTEGER NOT NULL,
         asked_at INTEGER NOT NULL,
         seen INTEGER NOT NULL,
         verdict TEXT,
         signature BLOB,
         ended TEXT
     ) STRICT, WITHOUT ROWID;",
    // The public key of who may answer; empty where the request was made before there was this column.
    "ALTER TABLE approvals ADD COLUMN operator TEXT NOT NULL DEFAULT '';",
];

/// The version that this program writes.
pub(super) const VERSION: i64 = STEPS.len() as i64;
