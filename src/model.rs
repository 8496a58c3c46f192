//! Values and pure functions: no I/O, no clock, nothing that can fail but by its input.

pub mod caller;
pub mod digest;
pub mod document;
pub mod edit;
pub mod error;
pub mod history;
pub mod limits;
pub mod message;
pub mod object;
pub mod patch;
pub mod path;
pub mod record;
pub mod screening;
pub mod search;
pub mod snapshot;
pub mod tree;
pub mod unicode;
