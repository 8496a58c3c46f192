//! A daemon whose system calls are counted, and that is killed at the one that a test names.
//!
//! `strace` counts each thread and each kind of call for itself. Here all threads share one count, so that every number
//! up to the last is a point that is reached. Calls about memory, other threads, signals and time are not counted: whoever
//! is killed at one of them leaves what he leaves at the next that is.

use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::program::{address, first_line};

/// Calls that leave nothing and tell nobody anything.
const UNCOUNTED: [libc::c_long; 20] = [
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_clone3,
    libc::SYS_epoll_pwait,
    libc::SYS_exit,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_madvise,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_munmap,
    libc::SYS_prctl,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_set_robust_list,
    libc::SYS_sigaltstack,
];
/// The same that only this kind of processor has.
#[cfg(target_arch = "x86_64")]
const UNCOUNTED_HERE: [libc::c_long; 3] =
    [libc::SYS_arch_prctl, libc::SYS_epoll_wait, libc::SYS_poll];
#[cfg(not(target_arch = "x86_64"))]
const UNCOUNTED_HERE: [libc::c_long; 0] = [];

/// The stop of a thread that enters or leaves a call, as `PTRACE_O_TRACESYSGOOD` tells it.
const SYSCALL_STOP: libc::c_int = libc::SIGTRAP | 0x80;
/// What a thread that enters a call is told apart by.
const ENTRY: u8 = 1;

/// The call at which to kill, and how many there were.
struct Count {
    made: AtomicU64,
    last: AtomicU64,
}

/// A daemon that is traced. It ends with this value.
pub(super) struct Victim {
    count: Arc<Count>,
    leader: libc::pid_t,
    said: Option<SocketAddr>,
    tracer: Option<JoinHandle<()>>,
}

impl Victim {
    /// Starts a daemon, and waits until it serves; or until it is killed at this call.
    pub(super) fn start(mut command: Command, last: u64) -> Self {
        let count = Arc::new(Count {
            made: AtomicU64::new(0),
            last: AtomicU64::new(last),
        });
        let (sender, receiver) = mpsc::channel();
        let counted = Arc::clone(&count);
        // Only the thread that started it may trace it.
        let tracer = thread::spawn(move || {
            command.stdout(Stdio::piped()).stderr(Stdio::null());
            let child = spawn_traced(command);
            let leader = child.id().cast_signed();
            sender.send(child).expect("the starter waits");
            follow(leader, &counted);
        });
        let mut child = receiver.recv().expect("memoryd runs");
        let said = address(&first_line(&mut child));
        Self {
            count,
            leader: child.id().cast_signed(),
            said,
            tracer: Some(tracer),
        }
    }

    /// Where it serves; nowhere when it was killed before.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.said
    }

    /// From now on it is killed at this call.
    pub(super) fn kill_at(&self, call: u64) {
        self.count.made.store(0, Ordering::SeqCst);
        self.count.last.store(call, Ordering::SeqCst);
    }

    pub(super) fn is_dead(&self) -> bool {
        self.tracer.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Waits until it is dead, or has made no call for a while; says whether it is dead.
    pub(super) fn dies_before_rest(&self, rest: Duration) -> bool {
        let mut seen = (self.count.made.load(Ordering::SeqCst), Instant::now());
        while !self.is_dead() && seen.1.elapsed() < rest {
            thread::sleep(Duration::from_millis(2));
            let made = self.count.made.load(Ordering::SeqCst);
            if made != seen.0 {
                seen = (made, Instant::now());
            }
        }
        self.is_dead()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        if !self.is_dead() {
            kill(self.leader);
        }
        if let Some(tracer) = self.tracer.take() {
            let ended = tracer.join();
            assert!(ended.is_ok() || thread::panicking(), "the tracer failed");
        }
    }
}

/// Follows all threads of a process until it is gone.
fn follow(leader: libc::pid_t, count: &Count) {
    while let Some((thread, status)) = wait() {
        if !libc::WIFSTOPPED(status) {
            if thread == leader {
                return;
            }
            continue;
        }
        let signal = match libc::WSTOPSIG(status) {
            SYSCALL_STOP => {
                if is_counted(thread) {
                    let call = count.made.fetch_add(1, Ordering::SeqCst) + 1;
                    if call == count.last.load(Ordering::SeqCst) {
                        kill(leader);
                    }
                }
                0
            }
            // The first is the program's begin or a thread that made another, the second a thread's own begin.
            libc::SIGTRAP | libc::SIGSTOP => 0,
            signal => signal,
        };
        resume(thread, signal);
    }
}

#[expect(
    unsafe_code,
    reason = "nothing but the system call itself can ask for it"
)]
fn spawn_traced(mut command: Command) -> Child {
    // SAFETY: between fork and exec it makes one system call and touches no memory.
    unsafe {
        command.pre_exec(|| match libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        });
    }
    let child = command
        .spawn()
        .unwrap_or_else(|error| panic!("a process that may be traced: {error}"));
    let (thread, status) = wait().expect("it stops at its begin");
    assert!(libc::WIFSTOPPED(status), "it ended at its begin: {status}");
    let options = libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACECLONE | libc::PTRACE_O_EXITKILL;
    // SAFETY: the process is stopped, and this thread's to trace; no memory is touched.
    let set = unsafe { libc::ptrace(libc::PTRACE_SETOPTIONS, thread, 0, options) };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
    resume(thread, 0);
    child
}

/// The next thing that happened to what this very thread traces; nothing when that is gone.
#[expect(
    unsafe_code,
    reason = "std waits for one process and not for its threads"
)]
fn wait() -> Option<(libc::pid_t, libc::c_int)> {
    let mut status = 0;
    // SAFETY: it writes to `status` only. Other threads' children are left alone: `__WNOTHREAD`.
    let thread = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::__WNOTHREAD) };
    (thread > 0).then_some((thread, status))
}

/// Whether a thread that has stopped at a call is about to make it, and it is one that counts.
#[expect(
    unsafe_code,
    reason = "nothing but the system call itself can ask for it"
)]
fn is_counted(thread: libc::pid_t) -> bool {
    // SAFETY: numbers only, for which zero is a value.
    let mut info: libc::ptrace_syscall_info = unsafe { std::mem::zeroed() };
    let size = size_of_val(&info);
    // SAFETY: the kernel writes no more than `size` bytes of `info`.
    let read = unsafe { libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, thread, size, &raw mut info) };
    if read <= 0 || info.op != ENTRY {
        return false;
    }
    // SAFETY: at an entry this is the part that is filled in.
    let call = unsafe { info.u.entry.nr };
    let is = |other: &libc::c_long| u64::try_from(*other) == Ok(call);
    !UNCOUNTED.iter().chain(&UNCOUNTED_HERE).any(is)
}

/// Lets a thread go on to its next call. One that is dying by now does not mind.
#[expect(
    unsafe_code,
    reason = "nothing but the system call itself can ask for it"
)]
fn resume(thread: libc::pid_t, signal: libc::c_int) {
    // SAFETY: no memory of this process is touched.
    unsafe {
        libc::ptrace(libc::PTRACE_SYSCALL, thread, 0, signal);
    }
}

/// Kills a process that is not waited for yet, so that its number is nobody else's.
#[expect(unsafe_code, reason = "numbers are what a tracer has")]
fn kill(leader: libc::pid_t) {
    // SAFETY: no memory is touched.
    unsafe {
        libc::kill(leader, libc::SIGKILL);
    }
}
