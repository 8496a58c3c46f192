//! Every bound there is, in one place: what is refused above it, and why it stands where it does.
//!
//! Bytes unless the name says otherwise. [`Limits`] are the bounds a person may set in `memoryd.toml`; the constants
//! are what formats, kernels or the design itself demand.

use serde::Deserialize;

/// One path component, with room for the suffix of a temporary name within the 255 bytes file systems give.
pub const COMPONENT_BYTES_MAX: usize = 200;
/// A whole path in the repository.
pub const PATH_BYTES_MAX: usize = 1_000;
/// Folders above a file, the file counted.
pub const PATH_DEPTH_MAX: usize = 16;
/// A user's or team's id in its encoded form.
pub const ID_BYTES_MAX: usize = COMPONENT_BYTES_MAX;
/// The reason a writer gives, and any other value that becomes one line of a commit message.
pub const MESSAGE_VALUE_BYTES_MAX: usize = 2_000;
/// Lines in one `append_lines`.
pub const PATCH_LINES_MAX: usize = 10_000;
/// Writes that wait for the committer; one more is answered 503.
pub const QUEUE_LENGTH_MAX: usize = 1_024;
/// Writes that one flush makes durable.
pub const BATCH_COMMITS_MAX: usize = 256;
/// Bytes of text that one flush makes durable, one write more or less.
pub const BATCH_BYTES_MAX: usize = 4 << 20;
/// Commits that are durable in the journal and not yet in a pack; above it writers wait.
pub const UNPUBLISHED_COMMITS_MAX: usize = 16_384;
/// The same in bytes of text.
pub const UNPUBLISHED_BYTES_MAX: usize = 128 << 20;
/// Commits that one pack takes; a longer backlog becomes several packs.
pub const PACK_COMMITS_MAX: usize = 4_096;
/// Receipts that are kept for a repeated request.
pub const RECEIPTS_MAX: usize = 10_000;
/// Commits that a start reads for the keys of requests that may be repeated.
pub const RECEIPTS_FROM_HISTORY_MAX: usize = 1_000;
/// A journal segment, unless one batch alone is larger.
pub const SEGMENT_BYTES: usize = 8 << 20;
/// A file that a person may keep in the memory; agents have the smaller [`Limits::file_bytes_max`].
pub const PERSON_FILE_BYTES_MAX: usize = 1 << 20;

/// The bounds that `memoryd.toml` may set under `[limits]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// A file that an agent writes.
    pub file_bytes_max: usize,
    /// The body of one request.
    pub body_bytes_max: usize,
    /// Connections that are served at once; more wait in the kernel's queue.
    pub connections_max: usize,
    /// How long a client may take to send one request, in seconds.
    pub request_seconds_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            file_bytes_max: 48 << 10,
            body_bytes_max: 1 << 20,
            connections_max: 1_024,
            request_seconds_max: 30,
        }
    }
}
