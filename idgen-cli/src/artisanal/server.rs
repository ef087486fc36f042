//! `idgen intd-server`: the artisanal doors alone, on the original's flags.

use idgen_store::Name;

use crate::args::tools::{IntdServerArgs, Protocol};
use crate::failure::Failure;
use crate::next::DEFAULT_SEQUENCE;
use crate::output::Output;
use crate::place::open_url;
use crate::serving::{self, Door, Gate, Place, Serving, address};

pub(crate) fn run(args: &IntdServerArgs, output: &Output) -> Result<(), Failure> {
    serving(args).and_then(|serving| serving::run(serving, output)).map_err(Failure::of_tool)
}

fn serving(args: &IntdServerArgs) -> Result<Serving, Failure> {
    let wanted = args.engine.wanted()?;
    let url = args.engine.url().map_err(|failure| args.engine.explain(failure))?;
    let door = match args.protocol {
        Protocol::Http => Door::ArtisanalHttp,
        Protocol::Tcp => Door::ArtisanalTcp,
    };
    let place = Place::At(address(&args.host, args.port), "-host or -port");
    let what = format!("artisanal integers of '{}'", wanted.name);
    Ok(Serving {
        program: "idgen intd-server",
        gates: vec![Gate { door, place, what }],
        pots: Default::default(),
        access: None,
        open: Box::new(move || open_url(&url)),
        nodes: args.nodes.nodes,
        peers: None,
        data_dir: args.journal.data_dir.clone(),
        pool: Name::new(DEFAULT_SEQUENCE)?,
        integers: wanted.name.clone(),
        wanted: vec![wanted],
        native: None,
        genid: None,
        guards: Default::default(),
        number: None,
    })
}
