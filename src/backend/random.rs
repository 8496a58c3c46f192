//! Bytes that nobody can guess, from the kernel.

use crate::model::error::{Doing, Fault};

/// As many as asked for.
pub fn bytes<const COUNT: usize>() -> Result<[u8; COUNT], Fault> {
    let mut bytes = [0; COUNT];
    getrandom::fill(&mut bytes)
        .map_err(|error| error.to_string())
        .doing("read random bytes")?;
    Ok(bytes)
}
