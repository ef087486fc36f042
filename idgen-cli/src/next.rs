//! `idgen next`: leases exactly the ids it prints.

use idgen_core::IdRange;
use idgen_store::{Definition, Name, SequenceStore, StoreError};

use crate::args::NextArgs;
use crate::failure::Failure;
use crate::output::Output;
use crate::place::{block_on, open};
use crate::wanted::create_if_absent;

/// The sequence that is served when none is named.
pub(crate) const DEFAULT_SEQUENCE: &str = "default";

pub(crate) fn run(args: &NextArgs, output: &Output) -> Result<(), Failure> {
    let name = Name::new(args.sequence.as_deref().unwrap_or(DEFAULT_SEQUENCE))?;
    let store = open(&args.place)?.sequences;
    let (ranges, ended) = block_on(async {
        if args.sequence.is_none() {
            create_if_absent(store.as_ref(), &name, &Definition::default()).await?;
        }
        Ok::<_, Failure>(lease(store.as_ref(), &name, args.count).await)
    })??;
    // What was leased is printed even if the rest is refused, or it would be lost.
    if !ranges.is_empty() {
        output.ids(&ranges, args.format.into())?;
    }
    match ended {
        None => Ok(()),
        Some(error) => Err(short(&ranges, args.count, error)),
    }
}

/// Rising ranges of `count` ids in all, or fewer and the reason.
async fn lease(
    store: &dyn SequenceStore,
    name: &Name,
    count: u64,
) -> (Vec<IdRange>, Option<StoreError>) {
    let (mut ranges, mut left, mut above) = (Vec::new(), count, 0);
    while left > 0 {
        match store.lease(name, left, above).await {
            Ok(lease) => {
                left = left.saturating_sub(lease.range.len());
                above = lease.range.last();
                ranges.push(lease.range);
            }
            Err(error) => return (ranges, Some(error)),
        }
    }
    (ranges, None)
}

fn short(ranges: &[IdRange], count: u64, error: StoreError) -> Failure {
    let leased: u64 = ranges.iter().map(IdRange::len).sum();
    let hint = match &error {
        StoreError::Unknown { .. } => " with 'idgen sequence create'",
        _ => "",
    };
    let failure = Failure::from(error);
    let failure = if leased == 0 {
        failure
    } else {
        failure.while_doing(&format!("only {leased} of {count} ids are printed"))
    };
    failure.with_hint(hint)
}
