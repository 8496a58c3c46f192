//! **A folder of Markdown that every agent reads, every person can edit, and nothing forgets how it got that way.**
//!
//! memoryd serves a git repository of Markdown as memory for AI agents. A person edits shared guidance in a text editor;
//! a reviewer reads, diffs and reverts memory with plain git; an application fetches a prompt block and lets its agents
//! call memory tools. One process serves one folder.
//!
//! # What it promises
//!
//! Each promise is kept by the tests named beside it, in `tests/it`.
//!
//! 1. **An acknowledged write is never lost**: after a kill or a power cut at any point its bytes are reachable from the
//!    branch or from a ref of the daemon's, whatever git commands people ran. (`kills`, `crashes`, `peoples_git`; what no
//!    daemon can keep stands in the README.)
//! 2. **What a hand typed is in history before anything replaces it**, even when a save races the daemon on the same
//!    file. (`editors`)
//! 3. **No state that nobody meant is committed**: no empty, half-written, conflict-marked or mid-checkout text. One save
//!    is one commit; the daemon's own writes and git's own file changes make none. (`editors`, `peoples_git`)
//! 4. **After any crash**, once started again, `git fsck --strict` is clean, `git status` works, and nobody removed a lock
//!    by hand. (`kills`, `crashes`)
//! 5. **History is the truth**: commits plus the journal that leads to them. Work tree, git index, search index and RAM
//!    are copies; each can be deleted and is rebuilt with the same answers. (`same_history`, `crashes`, `search`)
//! 6. **A reply never mixes two revisions** and says which one it saw. After the acknowledgement every read and
//!    search on this daemon finds the write. (`writing`, `doors`, `search`)
//! 7. **Nobody reads or writes outside their scope**, by any path, link, race or encoding. (`doors`, `hostile`, `search`,
//!    `model::path`)
//! 8. **People's git keeps working**: clean `git status`, plain `git log`, `diff`, `commit`, `pull`, `push`, `checkout` in
//!    the folder at any time; `git gc` may be refused, never harmful. (`peoples_git`)
//! 9. **Everything has a bound**, and all bounds stand in one file. ([`model::limits`])
//! 10. **A prompt block is a pure function of the memory it shows**: same memory, same bytes. ([`api::prompt`])
//!
//! # The house
//!
//! Folders are floors, and a floor knows only those below it; `tests/it/tidy.rs` keeps it so, and sees to it that every
//! outside package is named in one room only.
//!
//! ```text
//!      agents         people's scripts         shells
//!  4   server/        HTTP: parse, call, reply |  cli/
//!  3   api/           plain questions, plain answers: memory, tools, search, prompt, history
//!  2   store/         the only place that changes anything
//!  1   backend/       one outside thing a room: disk, git, pack, journal, watch, search index
//!  0   model/         values and pure functions: no I/O, no clock
//!      main -> cli -> daemon + config       the files that see every floor: they wire, they decide nothing
//! ```
//!
//! To read it, begin with [`model::edit`] (a wish and its judgement), then `store/committer.rs` (the one place that
//! changes anything), then `store/shower.rs` (how branch, files and index are brought along) and `store/adopter.rs` (how a
//! save becomes a commit). [`backend::journal`] and [`backend::packs`] argue what a crash at each point leaves.
//!
//! # How a write goes
//!
//! A door parses it into an [`model::edit::Edit`] and hands it to the store's queue. The committer judges it against the
//! head, hashes the text, the folders above it and the commit, appends the batch to the journal, flushes once, publishes
//! the new [`model::snapshot::Snapshot`] to readers, and answers. Later, at a pace that leaves people's git its chance, the
//! publisher packs the commits, and the folder's thread brings branch, files and git index along.
//!
//! # How a save goes
//!
//! A watcher's event is only a hint. When a file has been quiet for 300 ms it is read under a lease and compared with the
//! head and with the git index; if it is neither's, it is committed in the person's name, three-way against whatever
//! agents wrote meanwhile. A scan finds what the watcher missed.
//!
//! # How a search goes
//!
//! [`api::search`] takes the newest snapshot, reads from the index what that has of it, and reads for itself what changed
//! since. A thread brings the index along behind the memory; no write knows of it.
//!
//! # What is not here
//!
//! Nothing on the request path waits for git, for people or for the disk, except for the one flush. Nothing runs a hook,
//! a filter or any program of the repository's. No model is needed.

pub mod api;
pub mod backend;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod model;
pub mod server;
pub mod store;
