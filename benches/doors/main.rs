//! What the daemon costs beside a program that does nothing else: a prompt block against nginx sending the same bytes as a
//! file, and a start on 100,000 files.
//!
//! `cargo bench --bench doors` (add `-- prompt` or `-- start` for one of the two). The prompt block needs `nginx` and
//! `taskset`; each server runs on one core and the clients on another, and what is compared is the processor time that
//! the server spends on a request, as the system counts it, in interleaved rounds. It asserts nothing: it prints ratios.

#![expect(
    clippy::print_stdout,
    reason = "what a benchmark prints is what it is for"
)]

mod client;
mod nginx;
mod process;
mod prompt;
mod start;

/// What goes wrong here is told, not handled.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    // `cargo test --benches` runs this, too, to see that it builds.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let wanted: Vec<_> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| *wanted == name);
    if wants("prompt") {
        prompt::race()?;
    }
    if wants("start") {
        start::measure()?;
    }
    Ok(())
}
