//! A socket handed over by Server::Starter, which keeps it open from one server to the next.
//!
//! `SERVER_STARTER_PORT` lists what was bound: `[HOST:]PORT=FD`, with a semicolon between entries.
//! The first entry is taken, as the original does. To own a descriptor that is known by its number
//! only takes unsafe code, which is left to a library; that one reads the number from variables of
//! its own, so this program begins anew with those set.

use std::env;
use std::io;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::Command;

use listenfd::ListenFd;

use crate::failure::Failure;

const LIST: &str = "SERVER_STARTER_PORT";
/// How many sockets, and the number of the first: what the library reads.
const COUNT: &str = "LISTEN_FDS";
const FIRST: &str = "LISTEN_FDS_FIRST_FD";
/// Where the library is told whose sockets they are; not set means whoever reads it.
const OWNER: &str = "LISTEN_PID";

/// The first socket of the list, if there is a list.
///
/// # Errors
///
/// The list cannot be read, or names what is no socket for TCP.
pub(super) fn socket() -> Result<Option<TcpListener>, Failure> {
    let list = match env::var(LIST) {
        Ok(list) if !list.is_empty() => list,
        Ok(_) | Err(env::VarError::NotPresent) => return Ok(None),
        Err(error) => return Err(unusable(&error.to_string())),
    };
    let descriptor = first(&list).ok_or_else(|| {
        unusable(&format!("'{}' does not begin with PORT=FD", list.escape_debug()))
    })?;
    let number = descriptor.to_string();
    if env::var(COUNT).as_deref() != Ok("1") || env::var(FIRST).as_deref() != Ok(&number) {
        return Err(unusable(&begin_anew(&number).to_string()));
    }
    let taken = ListenFd::from_env().take_tcp_listener(0);
    match taken.map_err(|error| unusable(&error.to_string()))? {
        Some(socket) => {
            tracing::info!(entry = list.split(';').next(), "listening on a socket handed over");
            Ok(Some(socket))
        }
        None => Err(unusable(&format!("descriptor {number} was not found"))),
    }
}

/// The descriptor of the first entry.
fn first(list: &str) -> Option<u32> {
    let (place, descriptor) = list.split(';').next()?.rsplit_once('=')?;
    if place.is_empty() { None } else { descriptor.parse().ok() }
}

/// Runs the same program in place of this one; returns only if that fails.
fn begin_anew(descriptor: &str) -> io::Error {
    let mut args = env::args_os();
    let program = match env::current_exe() {
        Ok(program) => program,
        Err(error) => return error,
    };
    let mut command = Command::new(program);
    if let Some(name) = args.next() {
        command.arg0(name);
    }
    command.args(args).env(COUNT, "1").env(FIRST, descriptor).env_remove(OWNER).exec()
}

fn unusable(why: &str) -> Failure {
    Failure::address(format!(
        "{LIST}: {why}; start this under start_server with a TCP port, or unset the variable"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_entry_counts() {
        for (list, descriptor) in [
            ("8080=3", Some(3)),
            ("127.0.0.1:8080=4;[::1]:80=5", Some(4)),
            ("/tmp/a=b.sock=7", Some(7)),
            ("8080", None),
            ("=3", None),
            ("8080=x;80=3", None),
            ("8080=-1", None),
        ] {
            assert_eq!(first(list), descriptor, "{list}");
        }
    }
}
