//! `idgen idpot-server`: the idpot door alone, on the original's configuration file and tables.

mod access_log;
mod config;
mod gcfg;
mod starter;

use std::path::Path;

use idgen_server::PotCreate;
use idgen_store::Name;

use crate::args::Listen;
use crate::args::tools::IdpotServerArgs;
use crate::failure::Failure;
use crate::next::DEFAULT_SEQUENCE;
use crate::output::Output;
use crate::place::{open_url, with_options};
use crate::serving::{self, Door, Gate, Place, Serving, any_host};
use access_log::Written;
use config::Config;

/// Where the original listens.
const LISTEN: &str = "0.0.0.0:8080";
const WHAT: &str = "idpot";

pub(crate) fn run(args: &IdpotServerArgs, output: &Output) -> Result<(), Failure> {
    serve(args, output).map_err(Failure::of_tool)
}

fn serve(args: &IdpotServerArgs, output: &Output) -> Result<(), Failure> {
    let config = match args.config.as_os_str().is_empty() {
        true => Config::default(),
        false => Config::read(&args.config)?,
    };
    let gates = gates(args, &config)?;
    let url = with_options(&config.database()?, "schema=idpot");
    let link = config.log_link_name.as_deref().map(Path::new);
    if link.is_some() && config.log_file.is_none() {
        tracing::warn!("LogLinkName links to nothing: there is no LogFile; write one or neither");
    }
    let log = Written::start(config.log_file.as_deref(), link)?;
    let serving = Serving {
        program: "idgen idpot-server",
        gates,
        pots: args.pots.clone(),
        access: Some(log.log()),
        open: Box::new(move || open_url(&url)),
        nodes: args.nodes.nodes,
        peers: None,
        data_dir: args.journal.data_dir.clone(),
        wanted: Vec::new(),
        pool: Name::new(DEFAULT_SEQUENCE)?,
        integers: Name::new(DEFAULT_SEQUENCE)?,
        native: None,
        genid: None,
        guards: Default::default(),
        number: None,
    };
    let served = serving::run(serving, output);
    log.stop();
    served
}

fn gates(args: &IdpotServerArgs, config: &Config) -> Result<Vec<Gate>, Failure> {
    let admin = Gate::at(Door::Admin, &args.admin, "--admin ADDR (or off)", "administration");
    if PotCreate::from(args.pots.pot_create) == PotCreate::Admin && admin.is_none() {
        return Err(Failure::usage(
            "--pot-create admin needs the address of administration; add --admin HOST:PORT",
        ));
    }
    let first = match starter::socket()? {
        Some(socket) => {
            Gate { door: Door::Idpot, place: Place::Given(socket), what: WHAT.to_owned() }
        }
        None => pots(args, config)?,
    };
    Ok(std::iter::once(first).chain(admin).collect())
}

/// The door at an address: the flag's, the file's or the usual one.
fn pots(args: &IdpotServerArgs, config: &Config) -> Result<Gate, Failure> {
    let given = Some(args.listen.as_str()).filter(|listen| !listen.is_empty());
    let listen = any_host(given.or(config.listen.as_deref()).unwrap_or(LISTEN));
    let gate = listen.parse::<Listen>().ok().and_then(|listen| {
        Gate::at(Door::Idpot, &listen, "-listen ADDR or Listen of [Server]", WHAT)
    });
    gate.ok_or_else(|| {
        Failure::usage(format!(
            "'{}' is no address to listen on; write HOST:PORT, for example {LISTEN}",
            listen.escape_debug()
        ))
    })
}
