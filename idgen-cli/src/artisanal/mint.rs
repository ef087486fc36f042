//! `idgen int`: one integer, or one after the other.
//!
//! Each integer is a lease of one, so that the counter stands at the last one printed and other
//! programs go on right behind it. Leases follow one another on one connection.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use idgen_runtime::Backoff;
use idgen_store::{SequenceStore, StoreError};

use crate::args::tools::IntArgs;
use crate::failure::Failure;
use crate::place::{block_on, open_url};
use crate::wanted::Wanted;

/// How long `-continuous` goes on trying while nothing can be had.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pauses between its tries, in milliseconds.
const PAUSES_MS: (u64, u64) = (50, 1000);

pub(crate) fn run(args: &IntArgs) -> Result<(), Failure> {
    // Scripts know the original by its exit code 1.
    mint(args).map_err(|failure| args.engine.explain(failure).of_tool())
}

fn mint(args: &IntArgs) -> Result<(), Failure> {
    let wanted = args.engine.wanted()?;
    let store = open_url(&args.engine.url()?)?.sequences;
    let minting = Minting { store: store.as_ref(), wanted: &wanted, last: 0 };
    block_on(minting.run(args.continuous))?
}

struct Minting<'a> {
    store: &'a dyn SequenceStore,
    wanted: &'a Wanted,
    /// The last integer that was printed.
    last: u64,
}

impl Minting<'_> {
    async fn run(mut self, continuous: bool) -> Result<(), Failure> {
        if self.wanted.alters || self.wanted.last.is_some() {
            self.wanted.prepare(self.store).await?;
        }
        loop {
            self.last = match continuous {
                true => self.next_through_outages().await?,
                false => self.next().await?,
            };
            print(self.last)?;
            if !continuous {
                return Ok(());
            }
        }
    }

    async fn next(&self) -> Result<u64, StoreError> {
        let name = &self.wanted.name;
        let lease = match self.store.lease(name, 1, self.last).await {
            Err(StoreError::Unknown { .. }) => {
                self.wanted.prepare(self.store).await?;
                self.store.lease(name, 1, self.last).await
            }
            leased => leased,
        };
        lease.map(|lease| lease.range.start())
    }

    async fn next_through_outages(&self) -> Result<u64, StoreError> {
        let mut backoff = Backoff::new(PAUSES_MS.0, PAUSES_MS.1);
        let begun = Instant::now();
        loop {
            let error = match self.next().await {
                Err(error @ StoreError::Unavailable(_)) => error,
                done => return done,
            };
            let left = PATIENCE.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Err(error);
            }
            tracing::warn!("{error}; trying again for {} s", left.as_secs());
            tokio::time::sleep(backoff.pause()).await;
        }
    }
}

fn print(integer: u64) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    writeln!(out, "{integer}").and_then(|()| out.flush()).map_err(|error| {
        Failure::refused(format!("cannot write {integer} to standard output: {error}"))
    })
}
