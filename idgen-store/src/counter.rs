//! A counter that other programs increase too: one number of another server, shared with them.
//!
//! Each program owns what lies above the value that it met, up to the value that it left. A lease
//! of `n` ids whose neighbours are `k` apart moves the counter by `n * k` and issues the members of
//! its progression in there, of which there are `n` wherever it begins; whoever moves the counter
//! by whatever amount never meets it.
//!
//! The form holds one number. So there is one sequence, named like the counter, whose progression
//! stands in the URL; a tail cannot be handed back, and the last id is 2^63-1 at most. A counter
//! that is missing is unknown until [`create`](SequenceStore::create) makes it 0, as the first
//! increase of another program would.
//!
//! A backend writes a [`Counter`], how its server moves the number; all else is here.

use async_trait::async_trait;
use idgen_core::IdRange;

use crate::url::StoreUrl;
use crate::{
    Alteration, Arrival, Created, Definition, Durability, Lease, Name, Order, SequenceInfo,
    SequenceStore, StoreError, StoreIdentity, moved,
};

/// How often a request is decided anew because others were faster.
const TRIES: u32 = 64;

/// How far neighbours in a counter's progression may be apart.
const WIDEST: u64 = 1 << 32;

/// What is known of a counter before its server is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Adopted {
    /// Its key, and the name of its sequence.
    pub(crate) key: Name,
    /// What is issued of the ground that was gained; its end is the counter's own.
    pub(crate) definition: Definition,
}

/// What became of a step.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stepped {
    /// The counter held the old value and holds the new one.
    Moved {
        /// What it held.
        old: u64,
        /// What it holds.
        new: u64,
    },
    /// Nothing was moved; the counter has this value.
    Shown(u64),
}

/// One step on a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// What the counter has to hold; `None` for any value.
    pub(crate) seen: Option<u64>,
    /// By how much it is moved, 1 or more.
    pub(crate) width: u64,
    /// What the counter must have reached before.
    pub(crate) above: u64,
}

/// A counter on its server.
#[async_trait]
pub(crate) trait Counter: Send + Sync {
    /// Its key and what it counts.
    fn adopted(&self) -> &Adopted;

    /// Which server this is, and whether it keeps what it answers.
    async fn server(&self) -> Result<StoreIdentity, StoreError>;

    /// Moves the counter as a whole or not at all, and never past the end of its definition: a step
    /// that would is shown the value.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unknown`] if the key is missing, [`StoreError::Damaged`] if it is no number.
    async fn step(&self, step: Step) -> Result<Stepped, StoreError>;

    /// The value of the counter, which stays as it is.
    ///
    /// # Errors
    ///
    /// As for [`step`](Self::step).
    async fn read(&self) -> Result<u64, StoreError>;

    /// Makes the counter `value` if it is missing, and tells whether it was.
    async fn begin(&self, value: u64) -> Result<bool, StoreError>;

    /// What stands in the key, a number or a tombstone.
    ///
    /// # Errors
    ///
    /// As for [`step`](Self::step).
    async fn text(&self) -> Result<String, StoreError> {
        self.read().await.map(|number| number.to_string())
    }

    /// Replaces `seen` by another text, if it still stands there; whether it did. By default
    /// refused: this server's counters have no place for a tombstone.
    async fn swap(&self, _seen: &str, _text: &str) -> Result<bool, StoreError> {
        Err(self.adopted().no_tombstone())
    }

    /// What an operator should know of this server's counters, beside what holds for all.
    fn own_notes(&self) -> Vec<String> {
        Vec::new()
    }
}

impl Adopted {
    /// Takes `increment` and `offset` of the URL to its `key`. With neither, they are those of an
    /// original that counts `by` so much from 0 on.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] names the option.
    pub(crate) fn take(url: &mut StoreUrl, key: &str, by: u64) -> Result<Self, StoreError> {
        let place = url.place();
        let increment = url.take_number("increment", 1..=WIDEST)?;
        let offset = url.take_number("offset", 0..=WIDEST)?;
        let (increment, offset) = match (increment, offset) {
            (None, None) => (by, 0),
            _ => (increment.unwrap_or(2), offset.unwrap_or(1)),
        };
        let refused = |why: String| StoreError::Refused(format!("{place}: option key: {why}"));
        let key = Name::new(key).map_err(|error| refused(error.to_string()))?;
        let end = i64::MAX.cast_unsigned();
        let definition = Definition::new(1, increment, offset, end, Order::Leased);
        Ok(Self { key, definition: definition.map_err(|error| refused(error.to_string()))? })
    }

    /// A number that a counter can hold: 0 to 2^63-1, in decimal.
    pub(crate) fn value(text: &str) -> Option<u64> {
        text.parse().ok().filter(|number| *number <= i64::MAX.cast_unsigned())
    }

    /// The number that stands in the key.
    ///
    /// # Errors
    ///
    /// [`StoreError::Moved`] for a tombstone, [`StoreError::Damaged`] for anything else.
    pub(crate) fn number(&self, text: &str) -> Result<u64, StoreError> {
        if let Some((_bound, to)) = read_tombstone(text) {
            return Err(StoreError::Moved { name: self.key.clone(), to: to.to_owned() });
        }
        Self::value(text).ok_or_else(|| StoreError::Damaged(self.no_number()))
    }

    /// What is said of a key that holds no such number.
    pub(crate) fn no_number(&self) -> String {
        format!("key '{}' is no number from 0 to 2^63-1", self.key)
    }

    fn no_tombstone(&self) -> StoreError {
        StoreError::Refused(format!(
            "counter '{}' has no place for a tombstone on this server; end all programs that \
             increase it, then copy its position only (--copy-only)",
            self.key
        ))
    }

    /// Whether the counter could go on as the sequence that comes.
    fn check_arrival(&self, name: &Name, arrival: &Arrival) -> Result<(), StoreError> {
        if self.check_name(name).is_err() {
            return Err(self.refuse("joined by another", "name another store for it"));
        }
        moved::check_fits(name, &self.definition, arrival)
    }

    fn info(&self, bound: u64, moved_to: Option<String>) -> SequenceInfo {
        let (name, definition) = (self.key.clone(), self.definition);
        SequenceInfo { name, definition, bound, serial: bound, returned: 0, moved_to }
    }

    /// The counter is the only sequence.
    fn check_name(&self, name: &Name) -> Result<(), StoreError> {
        if *name == self.key {
            return Ok(());
        }
        Err(StoreError::Unknown { name: name.clone() })
    }

    /// The members above `above` of what the counter moved over.
    ///
    /// The serial is where the counter stands then; but where it had stood below `above` only just
    /// past that, so that a counter that was set back shows a serial which its caller has seen.
    fn granted(&self, old: u64, above: u64, to: u64, len: u64) -> Result<Lease, StoreError> {
        let from = old.max(above);
        let range = self.definition.range_after(from, len);
        let fits = |range: &IdRange| range.last() <= to;
        let range = range.filter(fits).ok_or_else(|| {
            StoreError::Damaged(format!(
                "counter '{}' was moved from {from} to {to} only; see who else writes it",
                self.key
            ))
        })?;
        let serial = if old < above { old + 1 } else { to };
        Ok(Lease { range, serial })
    }

    fn in_the_way(&self) -> StoreError {
        StoreError::Unavailable(format!(
            "others moved counter '{}' {TRIES} times before this request could; retry",
            self.key
        ))
    }

    fn refuse(&self, what: &str, instead: &str) -> StoreError {
        StoreError::Refused(format!(
            "counter '{}' is shared with other programs and cannot be {what}; {instead}",
            self.key
        ))
    }
}

/// Begins the text that stands in the key of a counter that was moved away: no number, so that no
/// increase is taken any more, whoever asks for it.
const TOMBSTONE: &str = "idgen: at ";
const MOVED_TO: &str = " moved to ";

fn tombstone(bound: u64, to: &str) -> String {
    format!("{TOMBSTONE}{bound}{MOVED_TO}{to}")
}

/// The bound of a tombstone, and where the sequence went.
fn read_tombstone(text: &str) -> Option<(u64, &str)> {
    let (bound, to) = text.strip_prefix(TOMBSTONE)?.split_once(MOVED_TO)?;
    Some((bound.parse().ok()?, to))
}

#[async_trait]
impl<C: Counter> SequenceStore for C {
    async fn identity(&self) -> Result<StoreIdentity, StoreError> {
        let identity = self.server().await?;
        Ok(StoreIdentity { ceiling: self.adopted().definition.end(), ..identity })
    }

    async fn notes(&self) -> Result<Vec<String>, StoreError> {
        let (key, end) = (&self.adopted().key, self.adopted().definition.end());
        let mut notes = vec![
            format!("counter '{key}' takes nothing back: each stop of a node costs what it leased"),
            format!("counter '{key}' ends at {end}"),
        ];
        notes.extend(self.own_notes());
        if let Durability::MayLose(why) = self.server().await?.durability {
            notes.push(format!("this server may forget what it answered: {why}"));
        }
        Ok(notes)
    }

    fn is_strict_over_nodes(&self) -> bool {
        true
    }

    async fn create(&self, name: &Name, definition: &Definition) -> Result<Created, StoreError> {
        let adopted = self.adopted();
        if adopted.check_name(name).is_err() {
            return Err(adopted.refuse("joined by another", "name another store for it"));
        }
        // A counter begins anywhere: its first id is no part of what stands in the URL.
        let fits = definition.goes_on_as(&adopted.definition);
        if fits && self.begin(definition.start_bound()).await? {
            return Ok(Created::New);
        }
        if fits
            && (*definition == adopted.definition || self.read().await? >= definition.start_bound())
        {
            return Ok(Created::Unchanged);
        }
        let (name, existing) = (adopted.key.clone(), adopted.definition);
        Err(StoreError::Conflict { name, existing })
    }

    async fn lease(&self, name: &Name, len: u64, above: u64) -> Result<Lease, StoreError> {
        let adopted = self.adopted();
        adopted.check_name(name)?;
        if len == 0 {
            return Err(StoreError::Refused(format!(
                "a lease of sequence '{name}' holds at least 1 id, not 0; ask for 1 or more"
            )));
        }
        // Too much for the counter is more than is left, which shows the value.
        let width = len.saturating_mul(adopted.definition.increment()).min(1 << 63);
        let mut stepped = self.step(Step { seen: None, width, above }).await?;
        for _ in 0..TRIES {
            let seen = match stepped {
                Stepped::Moved { old, new } => return adopted.granted(old, above, new, len),
                Stepped::Shown(seen) => seen,
            };
            let (from, end) = (seen.max(above), adopted.definition.end());
            if adopted.definition.next_after(from).is_none() {
                return Err(StoreError::Exhausted { name: name.clone(), end });
            }
            let to = from.saturating_add(width).min(end);
            stepped = self.step(Step { seen: Some(seen), width: to - seen, above: 0 }).await?;
        }
        Err(adopted.in_the_way())
    }

    /// Takes nothing back: another program may have moved the counter since.
    async fn hand_back(&self, name: &Name, tail: &Lease) -> Result<(), StoreError> {
        self.adopted().check_name(name)?;
        Err(StoreError::NotCurrent { name: name.clone(), serial: tail.serial })
    }

    async fn advance_to(&self, name: &Name, above: u64) -> Result<(), StoreError> {
        let adopted = self.adopted();
        adopted.check_name(name)?;
        let end = adopted.definition.end();
        if above > end {
            return Err(StoreError::Refused(format!(
                "sequence '{name}' ends at {end}; {above} lies past it, choose {end} or less"
            )));
        }
        let mut bound = self.read().await?;
        for _ in 0..TRIES {
            if above < bound {
                return Err(StoreError::WouldLower { name: name.clone(), bound, asked: above });
            }
            if above == bound {
                return Ok(());
            }
            let step = Step { seen: Some(bound), width: above - bound, above: 0 };
            bound = match self.step(step).await? {
                Stepped::Moved { .. } => return Ok(()),
                Stepped::Shown(seen) => seen,
            };
        }
        Err(adopted.in_the_way())
    }

    async fn alter(&self, name: &Name, _: &Alteration) -> Result<Definition, StoreError> {
        self.adopted().check_name(name)?;
        Err(self.adopted().refuse("altered", "write ?increment= and offset= in the URL"))
    }

    async fn list(&self) -> Result<Vec<SequenceInfo>, StoreError> {
        match self.describe(&self.adopted().key).await {
            Ok(info) => Ok(vec![info]),
            Err(StoreError::Unknown { .. }) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    async fn describe(&self, name: &Name) -> Result<SequenceInfo, StoreError> {
        let adopted = self.adopted();
        adopted.check_name(name)?;
        let text = self.text().await?;
        match read_tombstone(&text) {
            Some((bound, to)) => Ok(adopted.info(bound, Some(to.to_owned()))),
            None => adopted.number(&text).map(|bound| adopted.info(bound, None)),
        }
    }

    async fn delete(&self, name: &Name) -> Result<(), StoreError> {
        self.adopted().check_name(name)?;
        Err(self.adopted().refuse("deleted", "stop the others and DEL it by hand"))
    }

    async fn move_away(&self, name: &Name, to: &str) -> Result<SequenceInfo, StoreError> {
        let adopted = self.adopted();
        adopted.check_name(name)?;
        moved::check_place(name, to)?;
        for _ in 0..TRIES {
            let text = self.text().await?;
            let bound = match read_tombstone(&text) {
                Some((bound, place)) if place == to => {
                    return Ok(adopted.info(bound, Some(to.to_owned())));
                }
                _ => adopted.number(&text)?,
            };
            if self.swap(&text, &tombstone(bound, to)).await? {
                return Ok(adopted.info(bound, Some(to.to_owned())));
            }
        }
        Err(adopted.in_the_way())
    }

    async fn check_arrival(&self, name: &Name, arrival: &Arrival) -> Result<(), StoreError> {
        self.adopted().check_arrival(name, arrival)?;
        moved::check_arrival(self, name, arrival).await
    }

    async fn move_in(&self, name: &Name, arrival: &Arrival) -> Result<SequenceInfo, StoreError> {
        self.check_arrival(name, arrival).await?;
        let text = match self.text().await {
            Err(StoreError::Unknown { .. }) => String::new(),
            text => text?,
        };
        // One that has come to name another place meanwhile is refused below.
        let tombstone = read_tombstone(&text).filter(|(_, to)| *to == arrival.from);
        if let Some((bound, _from)) = tombstone {
            // Others may have lifted it at the same moment; it is raised below then.
            self.swap(&text, &bound.max(arrival.bound).to_string()).await?;
        }
        moved::move_in(self, name, arrival).await
    }
}
