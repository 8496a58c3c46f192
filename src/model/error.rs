//! What can go wrong: a [`Rejection`] the caller can mend, or a [`Fault`] of the machine.
//!
//! A rejection carries all that is needed to try again and a hint that says how. A fault is logged once, where it is
//! turned into an answer, and is opaque outside. No other floor invents error codes: every wire reads them here.

use std::fmt;

use crate::model::object::BlobId;
use crate::model::screening::Flag;

/// Every way to fail, at every door.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller asked for what cannot be; nothing was changed.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The machine failed; the log has the story.
    #[error(transparent)]
    Failed(#[from] Fault),
}

/// One place in a request that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Issue {
    /// Where: the path of keys from the body's root.
    pub path: Vec<String>,
    /// What is wrong there, in one sentence without a period.
    pub message: String,
}

/// A request that is refused, with the reason; nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// The request is not of the expected shape.
    #[error("{message}")]
    Validation {
        /// What is wrong, in one sentence.
        message: String,
        /// Each place that is wrong, where they are known.
        issues: Vec<Issue>,
    },
    /// A path that no memory can hold.
    #[error("Invalid path \"{path}\": {reason}")]
    InvalidPath {
        /// The path as it was given.
        path: String,
        /// Which rule it breaks.
        reason: &'static str,
    },
    /// The first component of a path names no mount.
    #[error("Unknown mount in path \"{path}\"")]
    UnknownMount {
        /// The path as it was given.
        path: String,
    },
    /// An agent used a path as it lies in the repository (`users/...`) instead of a virtual one.
    #[error("Physical paths such as \"{path}\" are not accepted")]
    PhysicalPath {
        /// The path as it was given.
        path: String,
    },
    /// No credential, or one that is not known.
    #[error("Missing or invalid API key")]
    Unauthorized,
    /// No admin credential, or one that is not known.
    #[error("Missing or invalid admin secret")]
    UnauthorizedAdmin,
    /// The caller's role or binding does not allow this.
    #[error("{reason}")]
    Forbidden {
        /// What is not allowed, in one sentence.
        reason: String,
    },
    /// An agent tried to write guidance that people own.
    #[error("\"{path}\" is read-only for agents")]
    ReadOnlyMount {
        /// The virtual path.
        path: String,
    },
    /// A user is needed and none was named.
    #[error("A user id is required")]
    UserIdRequired,
    /// A team is needed and none was named.
    #[error("A team id is required")]
    TeamIdRequired,
    /// An id whose encoded form does not fit into one path component.
    #[error("The id is too long: {size} bytes when encoded, at most {limit}")]
    IdTooLong {
        /// Bytes of the encoded id.
        size: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// No such file, or one that this caller may not know of.
    #[error("File not found: {path}")]
    FileNotFound {
        /// The path as the caller knows it.
        path: String,
    },
    /// No such revision, or one that shows nothing to this caller.
    #[error("Revision not found: {revision}")]
    RevisionNotFound {
        /// The revision as it was given.
        revision: String,
    },
    /// No such tool.
    #[error("Unknown tool: {tool}")]
    UnknownTool {
        /// The name as it was given.
        tool: String,
    },
    /// A file stands where the caller wants to make one.
    #[error("File exists: {path}")]
    FileExists {
        /// The path as the caller knows it.
        path: String,
        /// The text that stands there.
        blob: BlobId,
    },
    /// A name that differs only by case or Unicode form from one in the same folder.
    #[error("\"{path}\" differs from \"{other}\" only by case or Unicode form")]
    NameCollision {
        /// The path as the caller knows it.
        path: String,
        /// The path that stands already.
        other: String,
    },
    /// `If-Match` or `If-None-Match` does not hold.
    #[error("The file has changed: {path}")]
    PreconditionFailed {
        /// The path as the caller knows it.
        path: String,
        /// The text that stands there now; none when the file is gone.
        current: Option<BlobId>,
    },
    /// `after_heading` names no heading of the file.
    #[error("Heading not found: {heading}")]
    PatchHeadingNotFound {
        /// The heading as it was given.
        heading: String,
    },
    /// `match` stands nowhere in the file.
    #[error("Exact match not found")]
    PatchMatchNotFound,
    /// `match` stands more than once in the file.
    #[error("Ambiguous match ({occurrences} occurrences)")]
    PatchAmbiguousMatch {
        /// How often it stands there.
        occurrences: usize,
    },
    /// Something is larger than its bound.
    #[error("Too large: {bound} is at most {limit}, this is {size}")]
    TooLarge {
        /// The bound's name and unit, as in `limits`.
        bound: &'static str,
        /// The bound.
        limit: usize,
        /// The size that was met; 0 where reading stopped at the bound.
        size: usize,
    },
    /// The change adds what the settings do not let in.
    #[error("The change adds {} ({}) {place}", .flag.kind.noun(), .flag.what)]
    ContentRefused {
        /// What it is, and its line in the text as it would be.
        flag: Flag,
        /// Where it stands, as the end of a sentence.
        place: String,
    },
    /// The body is not of a type this route reads.
    #[error("Unsupported content type")]
    UnsupportedContentType,
    /// The `Host` or `Origin` header names neither this daemon nor an allowed page.
    #[error("Host or Origin not allowed: {value}")]
    OriginNotAllowed {
        /// The header's value.
        value: String,
    },
    /// The queue of writes is full, or a person's save stands before this write.
    #[error("Busy: {reason}")]
    Busy {
        /// What it waits for.
        reason: &'static str,
    },
    /// No room on the disk.
    #[error("The disk is full")]
    DiskFull,
    /// The store takes no writes until a person mends it.
    #[error("The store is read-only: {reason}")]
    StoreReadOnly {
        /// Why.
        reason: String,
    },
    /// The flush under a write failed: it may or may not have become durable.
    #[error("The outcome of this write is unknown")]
    OutcomeUnknown,
    /// The daemon is stopping.
    #[error("The daemon is shutting down")]
    ShuttingDown,
}

impl Rejection {
    /// A request of the wrong shape, where one sentence says it all.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::Validation {
            message: message.into(),
            issues: Vec::new(),
        }
    }

    /// The code that clients match on; the same on every wire that has codes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Validation { .. } => "VALIDATION_ERROR",
            Self::InvalidPath { .. } => "INVALID_PATH",
            Self::UnknownMount { .. } => "UNKNOWN_MOUNT",
            Self::PhysicalPath { .. } => "PHYSICAL_PATH_FORBIDDEN",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::UnauthorizedAdmin => "UNAUTHORIZED_ADMIN",
            Self::Forbidden { .. } => "FORBIDDEN",
            Self::ReadOnlyMount { .. } => "READ_ONLY_MOUNT",
            Self::UserIdRequired => "USER_ID_REQUIRED",
            Self::TeamIdRequired => "TEAM_ID_REQUIRED",
            Self::IdTooLong { .. } => "ID_TOO_LONG",
            Self::FileNotFound { .. } => "FILE_NOT_FOUND",
            Self::RevisionNotFound { .. } => "REVISION_NOT_FOUND",
            Self::UnknownTool { .. } => "UNKNOWN_TOOL",
            Self::FileExists { .. } => "FILE_EXISTS",
            Self::NameCollision { .. } => "NAME_COLLISION",
            Self::PreconditionFailed { .. } => "PRECONDITION_FAILED",
            Self::PatchHeadingNotFound { .. } => "PATCH_HEADING_NOT_FOUND",
            Self::PatchMatchNotFound => "PATCH_MATCH_NOT_FOUND",
            Self::PatchAmbiguousMatch { .. } => "PATCH_AMBIGUOUS_MATCH",
            Self::TooLarge { .. } => "TOO_LARGE",
            Self::ContentRefused { .. } => "CONTENT_REFUSED",
            Self::UnsupportedContentType => "UNSUPPORTED_CONTENT_TYPE",
            Self::OriginNotAllowed { .. } => "ORIGIN_NOT_ALLOWED",
            Self::Busy { .. } => "BUSY",
            Self::DiskFull => "DISK_FULL",
            Self::StoreReadOnly { .. } => "STORE_READ_ONLY",
            Self::OutcomeUnknown => "OUTCOME_UNKNOWN",
            Self::ShuttingDown => "SHUTTING_DOWN",
        }
    }

    /// What to do next, for a person or a model; none where the message says it already.
    pub fn hint(&self) -> Option<&'static str> {
        Some(match self {
            Self::InvalidPath { .. } => {
                "Use a relative path such as user/profile.md: components of plain characters, none starting with a \
                 dot, ending in .md, .txt, .json, .yaml, .csv or .xml"
            }
            Self::UnknownMount { .. } => "Paths begin with shared/, user/ or team/",
            Self::PhysicalPath { .. } => {
                "Leave the id out: user/profile.md is the caller's own file"
            }
            Self::Unauthorized => "Send Authorization: Bearer <token> or x-api-key: <token>",
            Self::UnauthorizedAdmin => "Send an admin token, or x-memex-admin-secret",
            Self::ReadOnlyMount { .. } => {
                "Write under user/ instead; people edit shared/ in their editor"
            }
            Self::UserIdRequired => {
                "Name the user: context.userId in a tool call, ?userId= or X-Memory-User elsewhere"
            }
            Self::TeamIdRequired => {
                "Name the team: context.teamId in a tool call, ?teamId= or X-Memory-Team elsewhere"
            }
            Self::FileNotFound { .. } => {
                "List the files with memory_list; create this one with memory_write"
            }
            Self::RevisionNotFound { .. } => "List the revisions with GET /v1/revisions?path=",
            Self::UnknownTool { .. } => "GET /v1/tools lists the tools",
            Self::FileExists { .. } => {
                "Choose another name, or read and change the file that is there"
            }
            Self::NameCollision { .. } => "Use the path that is there already",
            Self::PreconditionFailed { .. } => {
                "Read the file again and repeat the change on its current text"
            }
            Self::PatchHeadingNotFound { .. } => {
                "Read the file and use a heading line exactly as it stands there"
            }
            Self::PatchMatchNotFound => {
                "Read the file and copy the text to replace exactly as it stands there"
            }
            Self::PatchAmbiguousMatch { .. } => {
                "Give more of the surrounding text, so that it stands there only once"
            }
            Self::TooLarge { .. } => "Split the text into several files, or send less at once",
            Self::ContentRefused { .. } => {
                "Leave it out, and write where it can be found instead; what is refused stands under [guard] in \
                 memoryd.toml"
            }
            Self::UnsupportedContentType => "Send Content-Type: application/json",
            Self::OriginNotAllowed { .. } => "Call the daemon by the address it listens on",
            Self::Busy { .. } => "Try again after the seconds in Retry-After",
            Self::DiskFull => {
                "Free some room; writes are taken again by themselves, and none acknowledged was lost"
            }
            Self::StoreReadOnly { .. } => "memoryd status tells what to do",
            Self::OutcomeUnknown => {
                "Send the same request again with the same Idempotency-Key or toolCallId"
            }
            Self::ShuttingDown => "Try again when it is back",
            Self::Validation { .. } | Self::Forbidden { .. } | Self::IdTooLong { .. } => {
                return None;
            }
        })
    }
}

/// A failure of the machine: what was being done, and what the machine said.
#[derive(Debug)]
pub struct Fault {
    doing: String,
    cause: Box<dyn std::error::Error + Send + Sync>,
}

impl Fault {
    /// `doing` completes the sentence "could not ...".
    pub fn new(
        doing: impl Into<String>,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self {
            doing: doing.into(),
            cause: cause.into(),
        }
    }

    /// Whether the machine has no room left for data, files or a user's quota.
    pub fn is_disk_full(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        matches!(self.kind(), Some(StorageFull | QuotaExceeded))
    }

    /// Whether the machine does not let us do this there.
    pub fn is_not_permitted(&self) -> bool {
        use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        matches!(self.kind(), Some(PermissionDenied | ReadOnlyFilesystem))
    }

    fn kind(&self) -> Option<std::io::ErrorKind> {
        let error = self.cause.downcast_ref::<std::io::Error>();
        error.map(std::io::Error::kind)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {}: {}", self.doing, self.cause)
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.cause)
    }
}

/// Says what was being done when a call into the machine fails.
pub trait Doing<T> {
    /// Turns the error into a [`Fault`]; `doing` completes the sentence "could not ...".
    fn doing(self, doing: &str) -> Result<T, Fault>;
}

impl<T, E: Into<Box<dyn std::error::Error + Send + Sync>>> Doing<T> for Result<T, E> {
    fn doing(self, doing: &str) -> Result<T, Fault> {
        self.map_err(|cause| Fault::new(doing, cause))
    }
}
