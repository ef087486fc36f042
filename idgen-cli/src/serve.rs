//! `idgen serve`: its arguments as a [`Serving`].

use std::sync::Arc;

use idgen_runtime::Peers;
use idgen_server::AdminPeers;
use idgen_snowflake::Preset;
use idgen_store::{Definition, Name, Wish};

use crate::args::{Listen, ServeArgs};
use crate::artisanal::usual_series;
use crate::failure::Failure;
use crate::genid_node::GenidNode;
use crate::number::number;
use crate::output::Output;
use crate::place::open_with_workers;
use crate::serving::{self, Door, Gate, Serving};
use crate::wanted::Wanted;

/// What `--layout` says when native snowflakes are not wanted.
const OFF: &str = "off";

pub(crate) fn run(args: &ServeArgs, output: &Output) -> Result<(), Failure> {
    let serving = serving(args)?;
    args.worker.unrecorded.warn();
    serving::run(serving, output)
}

/// What the arguments come to, checked before anything is touched.
fn serving(args: &ServeArgs) -> Result<Serving, Failure> {
    let native = native(args)?;
    let genid = (!args.tcp.is_off()).then(|| genid_node(args));
    let pool = Name::new(&args.pool)?;
    let integers = Name::new(&args.doors.artisanal_sequence)?;
    let mut wanted = vec![Wanted::if_absent(pool.clone(), Definition::default())];
    if args.doors.artisanal() {
        wanted.push(Wanted::if_absent(integers.clone(), usual_series()?));
    }
    let needs_workers = native.is_some() || genid.is_some();
    let (place, registry) = (args.place.clone(), args.registry.clone());
    let unrecorded = args.worker.unrecorded;
    Ok(Serving {
        program: "idgen serve",
        gates: gates(args),
        pots: args.doors.pots.clone(),
        access: None,
        open: Box::new(move || open_with_workers(&place, &registry, unrecorded, needs_workers)),
        nodes: args.nodes.nodes,
        peers: peers(args)?,
        data_dir: Some(args.place.data_dir.clone()),
        wanted,
        pool,
        integers,
        native,
        genid,
        guards: args.guards.clone(),
        number: number(&args.doors.number)?,
    })
}

/// The other servers, if there are any.
fn peers(args: &ServeArgs) -> Result<Option<Arc<dyn Peers>>, Failure> {
    if args.peers.is_empty() {
        return Ok(None);
    }
    let urls = args.peers.iter().map(String::as_str);
    let peers = AdminPeers::new(urls).map_err(|e| Failure::usage(format!("--peer: {e}")))?;
    Ok(Some(Arc::new(peers)))
}

fn native(args: &ServeArgs) -> Result<Option<(&'static Preset, Wish)>, Failure> {
    if args.layout == OFF {
        return Ok(None);
    }
    let layout = Preset::named(&args.layout)?;
    Ok(Some((layout, args.worker.wish(layout)?)))
}

/// Which GenID node this is.
fn genid_node(args: &ServeArgs) -> GenidNode {
    GenidNode { zone: args.zone, dc: args.dc, machine: args.machine }
}

fn gates(args: &ServeArgs) -> Vec<Gate> {
    let doors = &args.doors;
    let genid = genid_node(args).words();
    let integers = format!("artisanal integers of '{}'", doors.artisanal_sequence.escape_debug());
    let gate = |door, listen: &Listen, flag, what: &str| Gate::at(door, listen, flag, what);
    let gates = [
        gate(Door::Http, &args.http, "--http ADDR (or --http off)", "idpool, idpot and native API"),
        gate(Door::Genid, &args.tcp, "--tcp ADDR (or --tcp off)", &genid),
        gate(Door::Native, &doors.native, "--native ADDR (or --native off)", "native protocol"),
        gate(Door::Admin, &args.admin, "--admin ADDR (or --admin off)", "administration"),
        gate(
            Door::ArtisanalHttp,
            &doors.artisanal_http,
            "--artisanal-http ADDR (or --artisanal-http off)",
            &integers,
        ),
        gate(
            Door::ArtisanalTcp,
            &doors.artisanal_tcp,
            "--artisanal-tcp ADDR (or --artisanal-tcp off)",
            &integers,
        ),
        gate(
            Door::SequenceHttp,
            &doors.number.sequence_http,
            "--sequence-http ADDR (or --sequence-http off)",
            "GET /sequence, the number of this server",
        ),
    ];
    gates.into_iter().flatten().collect()
}
