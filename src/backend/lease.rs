//! Asks the kernel whether anybody else has a file open, and makes them wait while we read it.
//!
//! A lease (fcntl(2), `F_SETLEASE`) is granted only while nobody is in the way, and while it is held the kernel keeps
//! newcomers waiting in `open` or `truncate` until it is given back, at most `/proc/sys/fs/lease-break-time` seconds
//! (45). So bytes that are read under a read lease are whole: no editor is between two of its writes. A writable shared
//! mapping counts as an open file even after its descriptor is closed. Newcomers are kept waiting in every process, the
//! holder's too: who opens for writing what it has leased waits for itself.
//!
//! A lease says nothing about names: a rename over the file's path neither waits nor shows.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// The kernel's answer.
#[derive(Debug)]
pub enum Lease<'a> {
    /// Nobody is in the way, and nobody can come before this is dropped.
    Held(Guard<'a>),
    /// Somebody has the file open: for writing, or, when a write lease was asked for, at all.
    InUse,
    /// The kernel cannot tell: the file is another user's and we lack `CAP_LEASE`, it is not an ordinary file, or its
    /// file system has no leases (NFS, some FUSE).
    Unsupported,
}

/// Gives the lease back when it is dropped.
#[derive(Debug)]
pub struct Guard<'a>(&'a File);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        // Fails only where the kernel took the lease away already, because somebody waited for too long.
        let _ = set_lease(self.0, libc::F_UNLCK);
    }
}

/// Makes the process survive the wish of others to open a leased file: the kernel tells the holder by `SIGIO`, whose
/// default is to kill. To be called once at start, before any lease is taken.
#[expect(unsafe_code, reason = "the standard library cannot ignore a signal")]
pub fn ignore_break_signal() {
    // SAFETY: ignoring installs no code that could run in a signal's context, and SIGIO may be ignored.
    unsafe { libc::signal(libc::SIGIO, libc::SIG_IGN) };
}

/// Holds off everybody who wants to write to the file. It must have been opened for reading alone: a descriptor that
/// may write stands in its own way.
pub fn read_lease(file: &File) -> Lease<'_> {
    lease(file, libc::F_RDLCK)
}

/// Holds off everybody who wants to open the file at all. Granted for an inode without a name it says more: nobody has
/// it open, so nobody can ever write to it again.
pub fn write_lease(file: &File) -> Lease<'_> {
    lease(file, libc::F_WRLCK)
}

fn lease(file: &File, kind: libc::c_int) -> Lease<'_> {
    match set_lease(file, kind) {
        Ok(()) => Lease::Held(Guard(file)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Lease::InUse,
        Err(_) => Lease::Unsupported,
    }
}

#[expect(unsafe_code, reason = "no safe wrapper has F_SETLEASE")]
fn set_lease(file: &File, kind: libc::c_int) -> io::Result<()> {
    // SAFETY: the descriptor is open as long as `file` is borrowed, and this command takes an integer, no pointer.
    match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETLEASE, kind) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::fs::OpenOptions;
    use std::io::Write;
    use std::path::{Path, PathBuf};
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// Runs a test on the ordinary temporary directory and on tmpfs, and says where leases could not be tried.
    fn on_each_file_system(test: impl Fn(&Path)) {
        ignore_break_signal();
        for parent in [std::env::temp_dir(), PathBuf::from("/dev/shm")] {
            let Ok(folder) = tempfile::tempdir_in(&parent) else {
                skipped(&parent);
                continue;
            };
            let path = folder.path().join("note.md");
            fs::write(&path, "text").unwrap();
            if matches!(read_lease(&File::open(&path).unwrap()), Lease::Unsupported) {
                skipped(&parent);
            } else {
                test(&path);
            }
        }
    }

    /// Written past the test runner's capture, since a test that did not run must not look like one that passed.
    fn skipped(parent: &Path) {
        let _ = writeln!(io::stderr(), "SKIPPED: no leases in {}", parent.display());
    }

    #[test]
    fn a_read_lease_is_refused_while_somebody_writes() {
        on_each_file_system(|path| {
            let file = File::open(path).unwrap();
            let reader = File::open(path).unwrap();
            assert!(
                matches!(read_lease(&file), Lease::Held(_)),
                "readers are not in the way"
            );
            drop(reader);
            let writer = OpenOptions::new().append(true).open(path).unwrap();
            assert!(matches!(read_lease(&file), Lease::InUse));
            drop(writer);
            assert!(
                matches!(read_lease(&file), Lease::Held(_)),
                "the writer has gone"
            );
        });
    }

    #[test]
    fn a_write_lease_is_refused_while_anybody_has_the_file_open() {
        on_each_file_system(|path| {
            let file = File::open(path).unwrap();
            let reader = File::open(path).unwrap();
            fs::remove_file(path).unwrap();
            assert!(matches!(write_lease(&file), Lease::InUse));
            drop(reader);
            assert!(
                matches!(write_lease(&file), Lease::Held(_)),
                "without a name and without a reader"
            );
        });
    }

    #[test]
    fn a_writer_waits_until_the_lease_is_given_back() {
        on_each_file_system(|path| {
            let file = File::open(path).unwrap();
            let lease = read_lease(&file);
            assert!(matches!(lease, Lease::Held(_)));
            let (opened, opening) = mpsc::channel();
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    fs::write(path, "").unwrap();
                    opened.send(()).unwrap();
                });
                assert!(
                    opening.recv_timeout(Duration::from_millis(200)).is_err(),
                    "it did not wait"
                );
                assert_eq!(
                    fs::read_to_string(path).unwrap(),
                    "text",
                    "it truncated under the lease"
                );
                drop(lease);
                opening.recv_timeout(Duration::from_secs(5)).unwrap();
            });
            assert_eq!(fs::read_to_string(path).unwrap(), "");
        });
    }

    #[test]
    fn what_is_no_ordinary_file_has_no_lease() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(
            read_lease(&File::open(folder.path()).unwrap()),
            Lease::Unsupported
        ));
    }
}
