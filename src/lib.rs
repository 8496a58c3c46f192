//! memoryd
pub mod backend;
pub mod model;
pub mod store;
