//! One folder's versions within one pack: which earlier version each is told from.
//!
//! The versions are numbered as they are stored, from 0, which is stored whole. Version n is a delta against the number
//! that is left when the lowest set bit of n is cleared: 13 (1101) against 12 (1100) against 8 (1000) against 0. Reading
//! it takes as many steps as n has set bits, and its delta spans as many versions as that lowest bit is worth: over a
//! pack of N versions at most log2 N steps to read and half of log2 N edits to store, on average. Subversion calls it
//! skip-deltas and describes it in its `notes/skip-deltas`. Always taking the version before would make chains as long as
//! the pack; taking the first one every so often makes deltas that grow with the pack.
//!
//! The versions that the next one may be told from are those on the way from 0 to the tip. A [`Chain`] keeps each of
//! them with the delta to the next; letting one go composes its delta into the one below, so no old text is kept.

use crate::backend::pack::delta::Delta;
use crate::model::object::TreeId;
use crate::model::tree::TreeVersion;

/// The most steps from any version to a whole one; git's own default (`pack.depth`) is 50.
const STEPS_MAX: u32 = 16;

/// Where a folder stands in the pack, and the way there.
#[derive(Debug)]
pub(super) struct Chain {
    tip: TreeId,
    number: u32,
    links: Vec<Link>,
}

/// A version on the way to the tip.
#[derive(Debug)]
struct Link {
    /// Where the pack has it.
    offset: usize,
    /// From it to the next link; from the last one, to the tip.
    ahead: Delta,
}

impl Chain {
    /// A chain whose first version stands whole at this offset.
    pub(super) fn begin(tip: TreeId, offset: usize, raw_bytes: usize) -> Self {
        let first = Link {
            offset,
            ahead: Delta::identity(raw_bytes),
        };
        Self {
            tip,
            number: 0,
            links: vec![first],
        }
    }

    /// The version that the chain has come to, stored in the pack under whatever folder.
    pub(super) fn tip(&self) -> TreeId {
        self.tip
    }

    /// Goes on to a version made from the tip, which may or may not be stored then.
    pub(super) fn follow(&mut self, version: &TreeVersion) {
        if let Some(last) = self.links.last_mut() {
            let step = Delta::of(&version.splices, last.ahead.newer_bytes());
            last.ahead = last.ahead.then(&step);
            self.tip = version.id;
        }
    }

    /// Counts the tip as the next version and gives the offset and the delta it is told from. Gives nothing where it
    /// would be too many steps from a whole version; the chain is at its end then.
    pub(super) fn next_base(&mut self) -> Option<(usize, &Delta)> {
        self.number += 1;
        let steps = self.number.count_ones();
        while self.links.len() > steps as usize {
            let top = self.links.pop()?;
            let below = self.links.last_mut()?;
            below.ahead = below.ahead.then(&top.ahead);
        }
        let base = self.links.last().filter(|_| steps <= STEPS_MAX)?;
        Some((base.offset, &base.ahead))
    }

    /// Takes note that the tip, told from [`next_base`](Self::next_base), was stored at this offset.
    pub(super) fn stored_at(&mut self, offset: usize, raw_bytes: usize) {
        self.links.push(Link {
            offset,
            ahead: Delta::identity(raw_bytes),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::object::ObjectId;

    #[test]
    fn a_version_is_told_from_its_number_without_the_lowest_bit() {
        let mut chain = Chain::begin(TreeId(ObjectId::ZERO), 0, 10);
        // The first number with 17 set bits would be 17 steps from the start.
        let end = (1 << 17) - 1;
        for number in 1..end {
            let (offset, _) = chain.next_base().unwrap();
            assert_eq!(offset, number & (number - 1));
            chain.stored_at(number, 10);
        }
        assert!(chain.next_base().is_none());
    }
}
