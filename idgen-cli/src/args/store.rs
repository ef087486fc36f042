//! The arguments of `idgen store`.

use clap::{Args as ClapArgs, Subcommand};

/// `idgen store`.
#[derive(Debug, ClapArgs)]
pub(crate) struct StoreArgs {
    #[command(subcommand)]
    pub(crate) command: StoreCommand,
}

/// What to do with a store.
#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Open a store, say what it is and what it promises.
    #[command(after_help = "Example:\n  idgen store check sqlite:idgen-data/idgen.db")]
    Check {
        /// The store, written as for --store.
        url: String,
    },
    /// Move sequences from one store to another: never lower, safe to repeat.
    Migrate(MigrateArgs),
}

/// `idgen store migrate`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  idgen store migrate sqlite:idgen-data/idgen.db postgres://me:secret@db/ids
  idgen store migrate 'redis://cache?key=integers' sqlite:ids.db integers
  idgen store migrate redis://cache postgres://me:secret@db/ids orders --copy-only

Each sequence gets a tombstone in FROM, which refuses leases and says where it went, and goes on in
TO above all that FROM had granted. Then start the servers on TO; one that still runs on FROM issues
what it has leased and refuses after that. If this ends half way, by whatever, the same again
finishes it. The other way round brings a sequence back.

With --copy-only FROM stays as it is: whatever leases from it MEETS THE IDS OF TO. Use it only if
nothing will ever lease from FROM again.")]
pub(crate) struct MigrateArgs {
    /// The store that has the sequences, written as for --store.
    pub(crate) from: String,
    /// The store that they go on in, written as for --store.
    pub(crate) to: String,
    /// The sequences [default: all].
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Leave no tombstone in FROM.
    #[arg(long)]
    pub(crate) copy_only: bool,
}
