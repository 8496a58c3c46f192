//! Every bound there is, in one place: what is refused above it, and why it stands where it does.
//!
//! Bytes unless the name says otherwise. [`Limits`] are the bounds a person may set in `memoryd.toml`; the constants
//! are what formats, kernels or the design itself demand.

use std::time::Duration;

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

/// How far the line that closes front matter is looked for: a text that merely begins with a rule keeps its headings.
pub const FRONT_MATTER_BYTES_MAX: usize = 16 << 10;
/// Characters of a commit's subject; longer ones are cut: `git log --oneline` on a terminal of 80 columns shows this much.
pub const SUBJECT_CHARS_MAX: usize = 72;
/// Entries of one page of a list, also where the request does not say.
pub const PAGE_LENGTH_MAX: usize = 200;
/// Entries before a page: further back a path narrows the list faster than paging does.
pub const PAGE_OFFSET_MAX: usize = 100_000;
/// A request's head, and as much of its body as is read at once.
pub const REQUEST_HEAD_BYTES_MAX: usize = 64 << 10;
/// Header lines of one request.
pub const REQUEST_HEADERS_MAX: usize = 64;
/// Passages that a search gives when nobody says otherwise, and at most.
pub const SEARCH_RESULTS: usize = 10;
/// See [`SEARCH_RESULTS`].
pub const SEARCH_RESULTS_MAX: usize = 100;
/// Characters of all snippets of a search when nobody says otherwise.
pub const SEARCH_CHARS: usize = 8_000;
/// Characters of a context when nobody says otherwise.
pub const CONTEXT_CHARS: usize = 24_000;
/// Characters of what is found, at most.
pub const SEARCH_CHARS_MAX: usize = 200_000;
/// Files that a model may read for an answer; taken and of no use without one.
pub const SEARCH_READS_MAX: usize = 50;
/// Links between what answers and what is read with it.
pub const LINK_DEPTH_MAX: usize = 2;
/// Bytes of a question: a longer one is a document.
pub const QUESTION_BYTES_MAX: usize = 4_000;
/// With less room than this on its disk a search index is kept in RAM: the room is for writes.
pub const INDEX_ROOM_BYTES_MIN: u64 = 256 << 20;
/// Commits that one answer lists.
pub const LOG_COMMITS_MAX: usize = 10_000;
/// How often branch, files and git index may move right after each other.
pub const SHOW_BURST: u32 = 16;
/// They may move once more after each of these: at this pace nearly every `git commit` wins its race.
pub const SHOW_INTERVAL: Duration = Duration::from_secs(1);
/// Seconds that a hold lasts. None stands longer, whoever forgot it.
pub const HOLD_SECONDS_MAX: u64 = 600;
/// Bytes that remembered prompt blocks take, all forms counted: about a thousand of the size of the sample's.
pub const PROMPT_BLOCKS_BYTES_MAX: usize = 64 << 20;
/// The same for their first segments, of which there is one for each kind of agent and budget.
pub const PROMPT_OPENINGS_BYTES_MAX: usize = 8 << 20;
/// Token counts that are remembered: about a hundred bytes each.
pub const TOKEN_COUNTS_MAX: usize = 1 << 16;
/// An index file is printed whole in every prompt block of its scope. At about four bytes a token, this is a quarter of
/// a block of ordinary size; what is longer crowds out the files it points to.
pub const INDEX_FILE_BYTES_MAX: usize = 8_000;
/// An answer may hold a long diff, but not the computer's memory.
pub const ANSWER_BYTES_MAX: u64 = 256 << 20;
/// Packs that lie side by side before they are rolled up: reading slows with their number, rolling up costs with each.
pub const PACKS_MAX: usize = 50;
/// Displaced files that are kept, empty, to be written again.
pub const SPARES_MAX: usize = 16_384;
/// Folder listings that the publisher keeps for the next delta; the rest is read from git again.
pub const LISTINGS_MAX: usize = 16_384;
/// Retired journal segments that are kept to be written again. More pile up where much is released at once; making a new file
/// costs the disk as much as filling it, keeping one costs its room.
pub const RETIRED_SEGMENTS_MAX: usize = 4;
/// Paths of file events that wait to be looked at; beyond it, looking at everything is cheaper.
pub const WATCH_PENDING_PATHS_MAX: usize = 16_384;

/// Findings that one receipt, one commit or one check of a file tells.
pub const FLAGS_MAX: usize = 20;

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
