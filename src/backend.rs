//! One room per outside thing: the disk, git, the journal, the watcher. Each hides one package or one format.

pub mod clock;
pub mod disk;
pub mod git;
pub mod git_index;
pub mod journal;
pub mod lease;
pub mod maintenance;
pub mod pack;
pub mod packs;
pub mod person;
pub mod process;
pub mod random;
pub mod refs;
pub mod search_index;
pub mod tokens;
pub mod touched;
pub mod watch;
