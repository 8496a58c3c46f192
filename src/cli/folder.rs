//! Which folder a command is about: the one that was named, else the nearest one above that holds a memory.

use std::path::{Path, PathBuf};

use super::failure::Failure;

/// What makes a folder a memory: the daemon's own directory, which exists from the first start on. A plain checkout
/// does not have it, so no command ever makes commits in somebody's source tree because it was run there.
const MARK: &str = ".git/memoryd";

/// Finds the memory that a command is about. `named` is what `-C` or `MEMORYD_DIR` says.
pub(super) fn find(named: Option<&Path>) -> Result<PathBuf, Failure> {
    match named {
        Some(folder) => holds_memory(folder)
            .then(|| folder.to_owned())
            .ok_or_else(|| no_memory_at(folder)),
        None => {
            let here = std::env::current_dir().map_err(|error| {
                Failure::no_memory(format!("could not tell which folder this is: {error}"))
            })?;
            let found = here.ancestors().find(|folder| holds_memory(folder));
            found.map(Path::to_owned).ok_or_else(|| {
                Failure::no_memory(format!(
                    "neither {} nor a folder above it is a memory",
                    here.display()
                ))
            })
        }
    }
}

fn holds_memory(folder: &Path) -> bool {
    folder.join(MARK).is_dir()
}

fn no_memory_at(folder: &Path) -> Failure {
    let shown = folder.display();
    if folder.join(".git").exists() {
        let failure = Failure::no_memory(format!(
            "{shown} is a git repository, but not served as a memory yet"
        ));
        return failure.hint(format!("memoryd serve {shown}"));
    }
    Failure::no_memory(format!("{shown} is no memory"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_folder_must_be_a_memory_itself() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(find(Some(folder.path())).unwrap_err().code, "NO_MEMORY");
        std::fs::create_dir_all(folder.path().join(MARK)).unwrap();
        std::fs::create_dir(folder.path().join("shared")).unwrap();
        assert_eq!(find(Some(folder.path())).unwrap(), folder.path());
        assert_eq!(
            find(Some(&folder.path().join("shared"))).unwrap_err().code,
            "NO_MEMORY"
        );
    }
}
