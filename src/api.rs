//! What can be asked of a memory: plain questions, plain answers, whichever door they come through.

pub mod check;
pub mod command;
pub mod create;
pub mod fields;
pub mod finding;
pub mod history;
pub mod links;
pub mod memory;
pub mod prompt;
pub mod report;
pub mod search;
pub mod tools;
