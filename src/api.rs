//! What can be asked of a memory: plain questions, plain answers, whichever door they come through.

pub mod check;
pub mod command;
pub mod create;
pub mod fields;
pub mod history;
pub mod memory;
pub mod prompt;
pub mod report;
pub mod tools;
