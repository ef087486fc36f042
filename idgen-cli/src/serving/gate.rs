//! The listeners of a server, bound before the store is touched.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use idgen_server::{AccessLog, Doors};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::net::{TcpListener, lookup_host};

use crate::args::Listen;
use crate::args::doors::PotArgs;
use crate::failure::Failure;

/// Which door it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// idpool, idpot and the native API.
    Http,
    /// Administration.
    Admin,
    /// The GenID protocol.
    Genid,
    /// idgen's own binary protocol.
    Native,
    /// Artisanal integers over HTTP.
    ArtisanalHttp,
    /// Artisanal integers over TCP.
    ArtisanalTcp,
    /// idpool and nothing else.
    Idpool,
    /// idpot and nothing else.
    Idpot,
    /// The number of this process, over HTTP.
    SequenceHttp,
}

impl Door {
    /// Its word in the lines of standard output.
    const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Admin => "admin",
            Self::Genid => "tcp",
            Self::Native => "native",
            Self::ArtisanalHttp => "artisanal-http",
            Self::ArtisanalTcp => "artisanal-tcp",
            Self::Idpool => "idpool",
            Self::Idpot => "idpot",
            Self::SequenceHttp => "sequence-http",
        }
    }
}

/// Where a door listens.
#[derive(Debug)]
pub(crate) enum Place {
    /// At this `HOST:PORT`, chosen by this flag or key.
    At(String, &'static str),
    /// On a socket that another process has bound.
    Given(std::net::TcpListener),
}

/// A door and where it listens.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) door: Door,
    pub(crate) place: Place,
    /// What it answers, for the operator.
    pub(crate) what: String,
}

impl Gate {
    /// A door at an address; none if it is off.
    pub(crate) fn at(
        door: Door,
        listen: &Listen,
        flag: &'static str,
        what: impl Into<String>,
    ) -> Option<Self> {
        match listen {
            Listen::Off => None,
            Listen::At(addr) => {
                Some(Self { door, place: Place::At(addr.clone(), flag), what: what.into() })
            }
        }
    }
}

/// `HOST:PORT`, with brackets where the host is an IPv6 address.
pub(crate) fn address(host: &str, port: u16) -> String {
    match host.contains(':') && !host.starts_with('[') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

/// An address as Go programs take it: without a host it is every network of this one.
pub(crate) fn any_host(addr: &str) -> String {
    match addr.strip_prefix(':') {
        Some(port) => format!("0.0.0.0:{port}"),
        None => addr.to_owned(),
    }
}

/// Listeners that hold their addresses and accept nothing yet, and a line about each.
pub(super) struct Bound {
    pub(super) doors: Doors,
    pub(super) lines: Vec<(String, Value)>,
}

impl Bound {
    pub(super) async fn new(
        gates: Vec<Gate>,
        pots: &PotArgs,
        access: Option<Arc<dyn AccessLog>>,
    ) -> Result<Self, Failure> {
        if gates.is_empty() {
            return Err(Failure::usage("every door is off; leave at least one open"));
        }
        let mut doors = Doors {
            pot_create: pots.pot_create.into(),
            admin_token: pots.admin_token()?,
            access,
            ..Doors::default()
        };
        let mut lines = Vec::new();
        for Gate { door, place, what } in gates {
            let listener = listener(place).await?;
            lines.push(line(door, &listener, &what)?);
            let slot = match door {
                Door::Http => &mut doors.http,
                Door::Admin => &mut doors.admin,
                Door::Genid => &mut doors.genid,
                Door::Native => &mut doors.native,
                Door::ArtisanalHttp => &mut doors.artisanal_http,
                Door::ArtisanalTcp => &mut doors.artisanal_tcp,
                Door::Idpool => &mut doors.idpool,
                Door::Idpot => &mut doors.idpot,
                Door::SequenceHttp => &mut doors.sequence_http,
            };
            *slot = Some(listener);
        }
        Ok(Self { doors, lines })
    }
}

/// The address that a door has.
fn line(door: Door, listener: &TcpListener, what: &str) -> Result<(String, Value), Failure> {
    let door = door.name();
    let addr = listener
        .local_addr()
        .map_err(|error| Failure::address(format!("no address for {door}: {error}")))?;
    let value = json!({ "event": "listening", "door": door, "addr": addr.to_string() });
    Ok((format!("listening {door} {addr} ({what})"), value))
}

async fn listener(place: Place) -> Result<TcpListener, Failure> {
    match place {
        Place::At(addr, flag) => {
            bind(&addr).await.map_err(|error| Failure::address(unbound(&addr, flag, &error)))
        }
        Place::Given(socket) => {
            let taken = socket.set_nonblocking(true).and_then(|()| TcpListener::from_std(socket));
            taken.map_err(|error| {
                Failure::address(format!(
                    "the socket that was handed over cannot be listened on: {error}; hand over one \
                     that listens, or none"
                ))
            })
        }
    }
}

/// The first address of the name that can be had, IPv4 first: clients of a name expect that.
async fn bind(addr: &str) -> io::Result<TcpListener> {
    let mut addrs: Vec<SocketAddr> = lookup_host(addr).await?.collect();
    addrs.sort_by_key(SocketAddr::is_ipv6);
    TcpListener::bind(&addrs[..]).await
}

fn unbound(addr: &str, flag: &str, error: &io::Error) -> String {
    let next_step = match error.kind() {
        io::ErrorKind::AddrInUse => "stop the program that has it, or choose another",
        io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege; choose another",
        _ => "choose another",
    };
    format!("cannot listen on {addr}: {error}; {next_step} with {flag}")
}

/// Each connection is a file; systems often start a process with far fewer than they allow.
pub(super) fn raise_file_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    if let Err(error) = raised {
        tracing::warn!(?current, %error, "the limit of open files could not be raised");
    }
}
