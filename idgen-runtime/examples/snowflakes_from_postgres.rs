//! Snowflakes in a service, the worker id from its PostgreSQL.
//!
//! `DATABASE_URL=postgres://USER:PASSWORD@HOST/DATABASE cargo run -p idgen-runtime --features
//! postgres --example snowflakes_from_postgres`, on as many hosts at once as you like: no two get
//! the same id, whatever their clocks do.

use std::error::Error;
use std::time::{Duration, Instant};

use idgen_runtime::snowflake::preset;
use idgen_runtime::{Runtime, Settings, SnowflakeSettings, store};

/// Mints `count` ids of the id space `events`.
pub(crate) fn mint(url: &str, count: usize) -> Result<Vec<u64>, Box<dyn Error>> {
    let runtime = Runtime::start(store::open(url)?, Settings::default())?;
    let layout = preset("standard").ok_or("no such layout")?;
    let events = runtime.snowflakes_blocking(SnowflakeSettings::new("events", layout)?)?;
    let deadline = Instant::now() + Duration::from_secs(5);
    let minted = (0..count).map(|_| events.next_id_blocking(deadline)).collect::<Result<_, _>>()?;
    runtime.stop_blocking(); // Gives the worker id back.
    Ok(minted)
}

#[allow(clippy::print_stdout, reason = "that is what it is for")]
fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("DATABASE_URL").map_err(|_unset| "set DATABASE_URL=postgres://...")?;
    for id in mint(&url, 10)? {
        println!("{id}");
    }
    Ok(())
}
