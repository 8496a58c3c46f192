//! Git's object ids: what they name, how they are printed, how they are computed.
//!
//! The hash is SHA-1 over `<kind> <length>\0<bytes>` (gitformat-pack, "Object name"). Blobs hold text that anybody may
//! have written, so they go through collision detection; trees and commits are built by this program out of parts
//! it has checked, and take the faster plain hash.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha1::{Digest, Sha1};

use crate::model::error::Rejection;

/// The 20 bytes that name an object in git. Which kind it names is told by [`BlobId`], [`TreeId`] and [`Revision`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub [u8; 20]);

impl ObjectId {
    /// The id of all zero bits, which git uses for "no object".
    pub const ZERO: Self = Self([0; 20]);

    /// Takes the raw 20 bytes; gives nothing when there are more or fewer.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that was to be an object id and is not 40 lower- or upper-case hex digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAnObjectId;

impl fmt::Display for NotAnObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object id is 40 hex digits")
    }
}

impl std::error::Error for NotAnObjectId {}

impl FromStr for ObjectId {
    type Err = NotAnObjectId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.as_bytes();
        if digits.len() != 40 {
            return Err(NotAnObjectId);
        }
        let mut id = [0; 20];
        for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = hex_digit(pair[0])? << 4 | hex_digit(pair[1])?;
        }
        Ok(Self(id))
    }
}

fn hex_digit(digit: u8) -> Result<u8, NotAnObjectId> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
        .ok_or(NotAnObjectId)
}

/// Makes one kind of id distinct from the others, so that a tree can never be passed where a blob is meant.
macro_rules! object_id_kind {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub ObjectId);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NotAnObjectId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

object_id_kind! {
    /// The id of one text. Two files with the same bytes have the same blob id; it serves as their ETag.
    BlobId
}
object_id_kind! {
    /// The id of one folder's listing.
    TreeId
}
object_id_kind! {
    /// The id of one commit: the whole memory at one moment, and all that led to it.
    Revision
}

/// Names a text, and refuses one that was crafted to share its name with another (a SHA-1 collision attack).
pub fn hash_blob(bytes: &[u8]) -> Result<BlobId, Rejection> {
    let mut hasher = sha1_checked::Sha1::new();
    sha1_checked::Digest::update(&mut hasher, header("blob", bytes.len()));
    sha1_checked::Digest::update(&mut hasher, bytes);
    let result = hasher.try_finalize();
    if result.has_collision() {
        return Err(Rejection::validation(
            "The text carries a SHA-1 collision attack",
        ));
    }
    Ok(BlobId(ObjectId((*result.hash()).into())))
}

/// Names a folder's listing, given in git's tree format.
pub fn hash_tree(raw: &[u8]) -> TreeId {
    TreeId(hash("tree", raw))
}

/// Names a commit, given in git's commit format.
pub fn hash_commit(raw: &[u8]) -> Revision {
    Revision(hash("commit", raw))
}

/// SHA-1 of bytes that are no git object: the checksums that close packs, pack indexes and the git index.
pub fn checksum(bytes: &[u8]) -> ObjectId {
    ObjectId(Sha1::digest(bytes).into())
}

fn hash(kind: &str, bytes: &[u8]) -> ObjectId {
    let mut hasher = Sha1::new();
    hasher.update(header(kind, bytes.len()));
    hasher.update(bytes);
    ObjectId(hasher.finalize().into())
}

fn header(kind: &str, length: usize) -> String {
    format!("{kind} {length}\0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_gits() {
        // `printf 'hello\n' | git hash-object --stdin`, and the empty tree every git knows.
        assert_eq!(
            hash_blob(b"hello\n").unwrap().to_string(),
            "ce013625030ba8dba906f756967f9e9ca394464a"
        );
        assert_eq!(
            hash_tree(b"").to_string(),
            "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
        );
    }

    #[test]
    fn only_forty_hex_digits_are_an_id() {
        let id = "ce013625030ba8dba906f756967f9e9ca394464a";
        assert_eq!(id.parse::<ObjectId>().unwrap().to_string(), id);
        for bad in [
            "",
            "ce01",
            "+e013625030ba8dba906f756967f9e9ca394464a",
            &format!("{id}0"),
        ] {
            assert_eq!(bad.parse::<ObjectId>(), Err(NotAnObjectId), "{bad}");
        }
    }
}
