//! The arguments of `idgen layout`.

use clap::{Args as ClapArgs, Subcommand};

/// `idgen layout`.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  idgen layout list
  idgen layout show sonyflake
  idgen layout plan --nodes 30 --rate 50000 --years 40 --js-safe")]
pub(crate) struct LayoutArgs {
    #[command(subcommand)]
    pub(crate) command: LayoutCommand,
}

/// What to do with layouts.
#[derive(Debug, Subcommand)]
pub(crate) enum LayoutCommand {
    /// List the known layouts with their ceilings and last dates.
    List,
    /// Show the fields of one layout.
    Show {
        /// Its name, see 'idgen layout list'.
        name: String,
    },
    /// Propose a layout for what it shall do.
    Plan(PlanArgs),
}

/// `idgen layout plan`.
#[derive(Debug, ClapArgs)]
pub(crate) struct PlanArgs {
    /// How many generators run at once.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) nodes: u64,
    /// How many ids each mints a second.
    #[arg(long, value_name = "IDS_PER_SECOND", allow_negative_numbers = true)]
    pub(crate) rate: u64,
    /// How many years it shall last.
    #[arg(long, value_name = "YEARS", allow_negative_numbers = true)]
    pub(crate) years: u64,
    /// Keep ids below 2^53, exact in JavaScript's numbers.
    #[arg(long)]
    pub(crate) js_safe: bool,
}
