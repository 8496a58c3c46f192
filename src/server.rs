//! The doors that speak HTTP: each request is checked, read, passed to the floor below, and its answer worded.
//!
//! This floor decides nothing about memory. It knows headers, statuses and encodings, and it is the only one that waits
//! without blocking: what reads git is handed to threads that may block.

pub mod errors;
pub mod guard;
pub mod http;
