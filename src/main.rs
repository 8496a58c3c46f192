//! The memoryd program.

fn main() {}
