//! The listeners of a server, bound before the store is touched.

use std::io;

use idgen_server::Doors;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::args::{Listen, ServeArgs};
use crate::failure::Failure;

impl Listen {
    /// Whether the door stays shut.
    pub(crate) fn is_off(&self) -> bool {
        *self == Self::Off
    }
}

/// Listeners that hold their addresses and accept nothing yet.
pub(super) struct Bound {
    pub(super) doors: Doors,
}

impl Bound {
    pub(super) async fn new(args: &ServeArgs) -> Result<Self, Failure> {
        let usual_off = args.http.is_off() && args.tcp.is_off() && args.admin.is_off();
        if usual_off && !args.doors.artisanal() {
            return Err(Failure::usage("every door is off; leave at least one open"));
        }
        let doors = Doors {
            http: bind(&args.http, "--http").await?,
            admin: bind(&args.admin, "--admin").await?,
            genid: bind(&args.tcp, "--tcp").await?,
            artisanal_http: bind(&args.doors.artisanal_http, "--artisanal-http").await?,
            artisanal_tcp: bind(&args.doors.artisanal_tcp, "--artisanal-tcp").await?,
            pot_create: args.doors.pot_create.into(),
            admin_token: args.doors.admin_token()?,
        };
        Ok(Self { doors })
    }

    /// One line for each door, with the address it has.
    pub(super) fn lines(&self, args: &ServeArgs) -> Result<Vec<(String, Value)>, Failure> {
        let genid = format!("GenID, zone {}, dc {}, machine {}", args.zone, args.dc, args.machine);
        let integers =
            format!("artisanal integers of '{}'", args.doors.artisanal_sequence.escape_debug());
        let doors = [
            ("http", &self.doors.http, "idpool, idpot and native API".to_owned()),
            ("tcp", &self.doors.genid, genid),
            ("admin", &self.doors.admin, "administration".to_owned()),
            ("artisanal-http", &self.doors.artisanal_http, integers.clone()),
            ("artisanal-tcp", &self.doors.artisanal_tcp, integers),
        ];
        let mut lines = Vec::new();
        for (door, listener, what) in doors {
            let Some(listener) = listener else { continue };
            let addr = listener
                .local_addr()
                .map_err(|error| Failure::address(format!("no address for {door}: {error}")))?;
            let value = json!({ "event": "listening", "door": door, "addr": addr.to_string() });
            lines.push((format!("listening {door} {addr} ({what})"), value));
        }
        Ok(lines)
    }
}

async fn bind(listen: &Listen, flag: &str) -> Result<Option<TcpListener>, Failure> {
    let Listen::At(addr) = listen else { return Ok(None) };
    match TcpListener::bind(addr).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error) => Err(Failure::address(unbound(addr, flag, &error))),
    }
}

fn unbound(addr: &str, flag: &str, error: &io::Error) -> String {
    let next_step = match error.kind() {
        io::ErrorKind::AddrInUse => "stop the program that has it, or choose another",
        io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege; choose another",
        _ => "choose another",
    };
    format!("cannot listen on {addr}: {error}; {next_step} with {flag} ADDR (or {flag} off)")
}

/// Each connection is a file; systems often start a process with far fewer than they allow.
pub(super) fn raise_file_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    if let Err(error) = raised {
        tracing::warn!(?current, %error, "the limit of open files could not be raised");
    }
}
