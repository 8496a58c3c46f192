//! Bytes that are read from front to back; where they end too early, that is said.

use crate::backend::git_index::Unreadable;

pub(super) const CUT_OFF: Unreadable = Unreadable::Damaged("it ends too early");

/// What is left to read.
pub(super) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], Unreadable> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(CUT_OFF)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<&'a [u8; N], Unreadable> {
        let (bytes, rest) = self.0.split_first_chunk().ok_or(CUT_OFF)?;
        self.0 = rest;
        Ok(bytes)
    }

    pub(super) fn word(&mut self) -> Result<u32, Unreadable> {
        self.array().copied().map(u32::from_be_bytes)
    }

    /// The bytes before the next NUL; the NUL is read too.
    pub(super) fn until_nul(&mut self) -> Result<&'a [u8], Unreadable> {
        let length = self.0.iter().position(|&byte| byte == 0).ok_or(CUT_OFF)?;
        let bytes = self.take(length)?;
        self.take(1)?;
        Ok(bytes)
    }

    /// A number as packs write offsets: seven bits a byte, the highest first; each further byte also adds one, so that
    /// no number can be written in two ways.
    pub(super) fn offset(&mut self) -> Result<usize, Unreadable> {
        let mut value = 0_usize;
        loop {
            let [byte] = *self.array()?;
            value |= usize::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
            let next = value
                .checked_add(1)
                .and_then(|value| value.checked_mul(128));
            value = next.ok_or(Unreadable::Damaged("a number is too long"))?;
        }
    }
}
