//! The daemon: a store, a listener, and a file that tells where they are.
//!
//! It is wired here and decides nothing. All that can fail fails in [`Daemon::start`], before anybody is told that it
//! serves; then [`Daemon::run`] answers until a signal, and the end goes in the order of the beginning reversed: no
//! more connections, the requests under way, the address file, the store with all that was acknowledged.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::api::memory::Memory;
use crate::backend::clock;
use crate::config::{self, Config};
use crate::model::error::{Doing, Error, Fault, Rejection};
use crate::model::limits::SEGMENT_BYTES;
use crate::model::path::Layout;
use crate::server::guard::{Guard, LocalToken};
use crate::server::http;
use crate::store::{Options, Pacing, Store};

/// Where a daemon says how to reach it, below the memory's folder.
const ADDRESS_FILE: &str = ".git/memoryd/daemon.json";
/// Requests that read git at the same time; the others wait for a thread.
const BLOCKING_THREADS_MAX: usize = 16;

/// A daemon that has all it needs to serve.
pub struct Daemon {
    runtime: Runtime,
    listener: TcpListener,
    memory: Memory,
    guard: Guard,
    signals: [Signal; 2],
    address_file: PathBuf,
}

/// What the address file holds.
#[derive(Serialize)]
struct Address<'a> {
    address: SocketAddr,
    token: &'a str,
    pid: u32,
}

/// Opens the memory in a folder as its settings say. Refuses a folder that another process has open.
pub fn open(folder: &Path) -> Result<Memory, Error> {
    open_with(folder, &Config::read(folder)?)
}

impl Daemon {
    /// Opens a memory and takes its address: the one given, else the one in its settings. Port 0 takes a free one.
    /// Refuses a folder that another process has open, an address that is taken, and one that other computers reach
    /// while no credential is configured.
    pub fn start(folder: &Path, listen: Option<SocketAddr>) -> Result<Self, Error> {
        let config = Config::read(folder)?;
        let (secrets, token) = (config::secrets()?, LocalToken::random()?);
        let listen = listen.unwrap_or(config.server.listen);
        // What must not be listened on is refused before the folder is touched.
        let guard = Guard::new(listen, &config.server.allowed_hosts, &secrets, &token)?;
        let runtime = runtime()?;
        let signals = signals(&runtime)?;
        let memory = open_with(folder, &config)?;
        let address_file = folder.join(ADDRESS_FILE);
        // Whoever searches first shall not wait for the index.
        let ready = memory.search().map(drop);
        match ready.and_then(|()| take(listen, &address_file, &token)) {
            Ok(listener) => Ok(Self {
                runtime,
                listener,
                memory,
                guard,
                signals,
                address_file,
            }),
            Err(error) => {
                memory.close()?;
                Err(error)
            }
        }
    }

    /// Where it listens.
    pub fn address(&self) -> Result<SocketAddr, Fault> {
        address_of(&self.listener)
    }

    /// Whether everybody on this computer may come in, because no credential is configured.
    pub fn is_open_door(&self) -> bool {
        self.guard.is_open_door()
    }

    /// What it serves.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Serves until the process is asked to end, then closes the memory. It blocks.
    pub fn run(self) -> Result<(), Error> {
        let Self {
            runtime,
            listener,
            memory,
            guard,
            signals,
            address_file,
        } = self;
        let served = runtime.block_on(serve(listener, memory.clone(), guard, signals));
        // Commands that come from now on open the folder themselves, as soon as we let go of it.
        let forgotten =
            std::fs::remove_file(&address_file).doing("remove the daemon's address file");
        memory.close()?;
        Ok(served.and(forgotten)?)
    }
}

/// Begins to listen, and tells commands where.
fn take(listen: SocketAddr, file: &Path, token: &LocalToken) -> Result<TcpListener, Error> {
    let listener = TcpListener::bind(listen).map_err(|error| refused(listen, error))?;
    announce(file, address_of(&listener)?, token).doing("write the daemon's address file")?;
    Ok(listener)
}

fn refused(listen: SocketAddr, error: std::io::Error) -> Error {
    use std::io::ErrorKind::{AddrInUse, AddrNotAvailable, PermissionDenied};
    let why = match error.kind() {
        AddrInUse => "another program listens there",
        AddrNotAvailable => "this computer has no such address",
        PermissionDenied => "this user may not",
        _ => return Fault::new(format!("listen on {listen}"), error).into(),
    };
    let message = format!("Cannot listen on {listen}: {why}; --listen takes another address");
    Rejection::validation(message).into()
}

fn address_of(listener: &TcpListener) -> Result<SocketAddr, Fault> {
    listener
        .local_addr()
        .doing("tell which port is listened on")
}

fn open_with(folder: &Path, config: &Config) -> Result<Memory, Error> {
    let options = Options {
        durability: config.store.durability,
        layout: Layout {
            user_fanout: config.user_fanout(),
        },
        branch: config.store.branch.clone(),
        clock: clock::system(),
        pacing: Pacing::FOR_PEOPLE,
        segment_bytes: SEGMENT_BYTES,
        witness: None,
    };
    Ok(Memory::new(
        Store::open(folder, options)?,
        config.settings(),
    ))
}

async fn serve(
    listener: TcpListener,
    memory: Memory,
    guard: Guard,
    [mut terminate, mut interrupt]: [Signal; 2],
) -> Result<(), Fault> {
    listener
        .set_nonblocking(true)
        .doing("prepare the listener")?;
    let listener = tokio::net::TcpListener::from_std(listener).doing("prepare the listener")?;
    let told_to_end = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    http::serve(listener, memory, guard, told_to_end).await;
    Ok(())
}

fn runtime() -> Result<Runtime, Fault> {
    let mut runtime = Builder::new_multi_thread();
    runtime
        .enable_all()
        .thread_name("doors")
        .max_blocking_threads(BLOCKING_THREADS_MAX);
    runtime.build().doing("start the threads of the doors")
}

/// From here on these signals end the daemon in order, also while it is still starting.
fn signals(runtime: &Runtime) -> Result<[Signal; 2], Fault> {
    let _inside = runtime.enter();
    let catch = |kind| signal(kind).doing("catch signals");
    Ok([
        catch(SignalKind::terminate())?,
        catch(SignalKind::interrupt())?,
    ])
}

/// Writes the address file, which only this user can read. It appears whole or not at all.
fn announce(path: &Path, address: SocketAddr, token: &LocalToken) -> std::io::Result<()> {
    let announced = Address {
        address: reachable(address),
        token: token.as_str(),
        pid: std::process::id(),
    };
    let text = serde_json::to_vec(&announced)?;
    let new = path.with_extension("json.new");
    // One that a killed daemon left might be readable by others, and its mode would stay.
    drop(std::fs::remove_file(&new));
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(&text)?;
    std::fs::rename(new, path)
}

/// The address by which a command on this computer gets through.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_reaches_a_daemon_that_listens_everywhere() {
        let table = [
            ("0.0.0.0:7171", "127.0.0.1:7171"),
            ("[::]:7171", "[::1]:7171"),
            ("10.0.0.5:7171", "10.0.0.5:7171"),
        ];
        for (listens, reached) in table {
            assert_eq!(reachable(listens.parse().unwrap()).to_string(), reached);
        }
    }

    #[test]
    fn the_address_file_is_its_users_own() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("daemon.json");
        let token = LocalToken::random().unwrap();
        for port in [1, 2] {
            announce(
                &path,
                SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port),
                &token,
            )
            .unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(
                text.contains(&format!("127.0.0.1:{port}")) && text.contains(token.as_str()),
                "{text}"
            );
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
