//! Everything that is shown by running it: one binary, one module a subject.

mod scene;
mod writing;
