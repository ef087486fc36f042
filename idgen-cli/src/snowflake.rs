//! `idgen snowflake`: time-ordered ids under a worker id that is claimed, used and released.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use idgen_core::IdRange;
use idgen_runtime::{Runtime, Settings, SnowflakeSettings};
use idgen_snowflake::Preset;
use idgen_store::Wish;

use crate::args::SnowflakeArgs;
use crate::failure::Failure;
use crate::output::Output;
use crate::place::{block_on, open_for_ids};
use crate::serving::holder;

/// How long the ids may take: the slowest layout's million fits in.
const DEADLINE: Duration = Duration::from_secs(60);

pub(crate) fn run(args: &SnowflakeArgs, output: &Output) -> Result<(), Failure> {
    let preset = Preset::named(&args.layout)?;
    let count = NonZeroU64::new(args.count)
        .ok_or_else(|| Failure::usage("a count is at least 1; ask for 1 or more ids"))?;
    let wish = args.worker.wish(preset)?;
    args.worker.unrecorded.warn();
    // Without a state directory: the worker id is released below, and a run that is killed leaves
    // its own id alone until the lease is over.
    let store = open_for_ids(&args.place, &args.registry, args.worker.unrecorded)?;
    let runtime = Runtime::start(store, Settings::default())?;
    let issued = block_on(async {
        let issued = issue(&runtime, preset, wish, count).await;
        runtime.stop().await;
        issued
    })?;
    output.ids(&issued?, args.format.into())
}

async fn issue(
    runtime: &Runtime,
    preset: &Preset,
    wish: Wish,
    count: NonZeroU64,
) -> Result<Vec<IdRange>, Failure> {
    let mut settings = SnowflakeSettings::new(preset.name, &preset.layout)?;
    settings.wish = wish;
    settings.holder = holder("idgen snowflake");
    let snowflakes = runtime.snowflakes(settings).await?;
    Ok(snowflakes.take_all(0, count, Instant::now() + DEADLINE).await?)
}
