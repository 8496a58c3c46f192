//! Everything that is shown by running it: one binary, one module a subject.

mod bad_input;
mod chance;
mod doors;
mod editors;
mod full_disk;
mod many_writers;
mod peoples_git;
mod program;
mod scene;
mod tidy;
mod writing;
