//! What makes the flight recorder's evidence checkable: the Merkle tree over its entries.

pub mod event;
pub mod tiles;
pub mod tree;
