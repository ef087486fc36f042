//! Sequences in a store that can only compare and swap: one small text for each sequence.
//!
//! A backend implements [`Documents`]: load a text with its version, replace it if its version is
//! still the one that was seen, list all. All else is here. A request is decided by the same
//! [`Ledger`] as the store in memory and written as a whole, on the condition that the document is
//! still the one it was decided on:
//!
//! ```text
//! seen = what this handle saw last, else load
//! loop: decide on seen -> the answer, a new document
//!       swap(seen -> new): done  -> keep new as seen, tell the answer
//!                          stale -> seen = what stands there; decide anew
//!                          else  -> forget seen, tell the error
//! ```
//!
//! - The common lease is one swap, hence one round trip: what was seen last is kept. A refusal, or
//!   an answer that writes nothing, is never given on what was kept: it may be old, and is loaded
//!   anew first.
//! - Callers of one handle take turns for each sequence, so that they do not race one another.
//!   Those of other processes do. Each race has a winner, and the losers were told what stands
//!   there now as soon as the winner was: they decide anew at once, and all start equal. One that
//!   paused would lose the next race too; only who has lost very often does, to break step. Who
//!   has not won when the answer timeout has passed is told so.
//! - An unknown outcome (a lost reply, a timeout, a caller that went away) forgets what was seen.
//!   Whether the swap took effect or takes effect later does not matter: a version is replaced
//!   once. What it granted is a gap.
//! - A document is bounded (see `text`): the last 64 leases may be handed back, 64 tails are kept,
//!   and all fits into 4 KiB. What is older falls out with the next change and is a gap; leases are
//!   never held up by it.
//! - Names are encoded (see `key`), so that no name can reach beside its own document.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex as Turn;

use crate::ledger::Ledger;
use crate::retry::{self, Failed};
use crate::swap::{Found, Swapped};
use crate::{Name, SequenceInfo, StoreError, StoreIdentity, key};

mod sequences;
mod text;

#[cfg(all(test, feature = "conformance"))]
mod tests;

/// How often others may be faster before a request lets them pass for a while.
const PATIENCE: u32 = 64;
/// That while, at the longest.
const PAUSE: Duration = Duration::from_millis(4);
/// How many sequences a handle remembers at most, when nobody waits for them.
const MOST_SLOTS: usize = 4_096;

/// A store that keeps a text for each key, and replaces it only on a condition.
///
/// Methods answer in the words of a store; the layer limits their time, and drops the future when
/// it is up. A version is never used twice for the same key.
pub(crate) trait Documents: Send + Sync {
    /// The server's name in messages.
    const SERVER: &'static str;
    /// What tells one state of a document from all others.
    type Version: Clone + Send + Sync;

    /// The store's URL without its secrets.
    fn place(&self) -> &str;

    /// How long a request may take, from its turn on.
    fn answer_timeout(&self) -> Duration;

    /// Which store this is.
    fn identity(&self) -> impl Future<Output = Result<StoreIdentity, StoreError>> + Send;

    /// The document of a key as it stands now: never one that was replaced before the call.
    fn load(
        &self,
        key: &str,
    ) -> impl Future<Output = Result<Found<Self::Version>, StoreError>> + Send;

    /// Replaces the document if its version is `seen`, or if there is none yet for `None`. Done
    /// means durable. Anything else that is not known to be stale is *unavailable*.
    fn swap(
        &self,
        key: &str,
        seen: Option<&Self::Version>,
        text: &str,
    ) -> impl Future<Output = Result<Swapped<Self::Version>, StoreError>> + Send;

    /// Every key and its text, each as it stood at some moment of the call.
    fn all(&self) -> impl Future<Output = Result<Vec<(String, String)>, StoreError>> + Send;

    /// What an operator should know of this store at start.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A [`SequenceStore`](crate::SequenceStore) over documents.
pub(crate) struct DocumentStore<D: Documents> {
    pub(crate) documents: D,
    slots: Mutex<HashMap<Name, Arc<Turn<Slot<D>>>>>,
}

/// What a handle knows of a sequence; whoever holds it has the turn.
struct Slot<D: Documents> {
    seen: Option<Seen<D>>,
    failed: Option<Failed>,
}

/// A document that was seen.
struct Seen<D: Documents> {
    /// `None` if there is no document.
    version: Option<D::Version>,
    ledger: Option<Ledger>,
    /// It was kept from an earlier request.
    kept: bool,
}

/// What a request comes to: the answer, and the ledger to write first if there is one.
type Decision<T> = Result<(T, Option<Ledger>), StoreError>;

impl<D: Documents> DocumentStore<D> {
    pub(crate) fn new(documents: D) -> Self {
        Self { documents, slots: Mutex::default() }
    }

    fn slot(&self, name: &Name) -> Arc<Turn<Slot<D>>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(name) {
            return Arc::clone(slot);
        }
        if slots.len() >= MOST_SLOTS {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        let slot = Arc::new(Turn::new(Slot { seen: None, failed: None }));
        slots.insert(name.clone(), Arc::clone(&slot));
        slot
    }

    /// Decides a request and writes what was decided, anew while others are faster.
    async fn change<T: Send>(
        &self,
        name: &Name,
        decide: impl Fn(Option<&Ledger>) -> Decision<T> + Send + Sync,
    ) -> Result<T, StoreError> {
        retry::inside_tokio(D::SERVER)?;
        let (arrived, slot) = (Instant::now(), self.slot(name));
        let mut slot = slot.lock().await;
        Failed::share(slot.failed.as_ref(), arrived)?;
        let mut request = Request { store: self, key: key::encode(name.as_str()), made: 0 };
        // Taken out, so that it is forgotten if this future is dropped half way.
        let mut seen = slot.seen.take();
        let limit = self.documents.answer_timeout();
        let worked = tokio::time::timeout(limit, request.work(&mut seen, decide)).await;
        let outcome = worked.unwrap_or_else(|_late| Err(request.late()));
        slot.seen = seen;
        // That others were faster is no outage: who comes next may be luckier.
        if let Err(error) = &outcome
            && request.made == 0
        {
            slot.failed = Failed::of(error).or(slot.failed.take());
        }
        outcome
    }

    /// The document's ledger as it stands now.
    async fn look(&self, name: &Name) -> Result<SequenceInfo, StoreError> {
        let key = key::encode(name.as_str());
        let found = self.limited(self.documents.load(&key)).await?;
        let ledger = found.map(|(_, text)| self.read(&key, &text)).transpose()?;
        let ledger = ledger.filter(|ledger| ledger.mark.is_listed());
        ledger
            .map(|ledger| ledger.info(name))
            .ok_or_else(|| StoreError::Unknown { name: name.clone() })
    }

    async fn list_all(&self) -> Result<Vec<SequenceInfo>, StoreError> {
        let mut infos = Vec::new();
        for (key, text) in self.limited(self.documents.all()).await? {
            let name = key::decode(&key).ok_or_else(|| self.damaged(&key, "is no key of ours"))?;
            let ledger = self.read(&key, &text)?;
            if ledger.mark.is_listed() {
                infos.push(ledger.info(&name));
            }
        }
        infos.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(infos)
    }

    /// Runs a question of one round trip, for as long as an answer may take.
    async fn limited<T>(
        &self,
        asked: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        retry::inside_tokio(D::SERVER)?;
        let answered = tokio::time::timeout(self.documents.answer_timeout(), asked).await;
        answered.unwrap_or_else(|_late| Err(self.late()))
    }

    fn late(&self) -> StoreError {
        StoreError::Unavailable(format!(
            "{} did not answer within {} ms; see whether the server or the network is overloaded, \
             and retry",
            self.documents.place(),
            self.documents.answer_timeout().as_millis()
        ))
    }

    fn read(&self, key: &str, text: &str) -> Result<Ledger, StoreError> {
        text::read(text).ok_or_else(|| self.damaged(key, "is not as this version writes it"))
    }

    fn damaged(&self, key: &str, what: &str) -> StoreError {
        StoreError::Damaged(format!(
            "{}: document {} {what}; restore it from a backup, or use the version that wrote it",
            self.documents.place(),
            key.escape_debug()
        ))
    }
}

/// A request that has its turn.
struct Request<'a, D: Documents> {
    store: &'a DocumentStore<D>,
    key: String,
    /// How often others were faster.
    made: u32,
}

impl<D: Documents> Request<'_, D> {
    /// Leaves in `slot` what is known to stand there in the end.
    async fn work<T: Send>(
        &mut self,
        slot: &mut Option<Seen<D>>,
        decide: impl Fn(Option<&Ledger>) -> Decision<T> + Send + Sync,
    ) -> Result<T, StoreError> {
        let mut seen = match slot.take() {
            Some(seen) => seen,
            None => self.load().await?,
        };
        loop {
            let (told, ledger) = match decide(seen.ledger.as_ref()) {
                Ok((told, Some(ledger))) => (told, ledger),
                _ if seen.kept => {
                    seen = self.load().await?;
                    continue;
                }
                other => {
                    *slot = Some(seen.keep());
                    return other.map(|(told, _)| told);
                }
            };
            let (ledger, text) = text::write(ledger);
            let documents = &self.store.documents;
            match documents.swap(&self.key, seen.version.as_ref(), &text).await? {
                Swapped::Done(version) => {
                    let (version, ledger) = (Some(version), Some(ledger));
                    *slot = Some(Seen { version, ledger, kept: true });
                    return Ok(told);
                }
                Swapped::Stale(found) => seen = self.found(found)?,
            }
            self.made += 1;
            if self.made.is_multiple_of(PATIENCE) {
                tokio::time::sleep(retry::pause_within(PAUSE)).await;
            }
        }
    }

    async fn load(&self) -> Result<Seen<D>, StoreError> {
        self.found(self.store.documents.load(&self.key).await?)
    }

    fn found(&self, found: Found<D::Version>) -> Result<Seen<D>, StoreError> {
        let Some((version, text)) = found else {
            return Ok(Seen { version: None, ledger: None, kept: false });
        };
        let ledger = Some(self.store.read(&self.key, &text)?);
        Ok(Seen { version: Some(version), ledger, kept: false })
    }

    fn late(&self) -> StoreError {
        if self.made < 2 {
            return self.store.late();
        }
        StoreError::Unavailable(format!(
            "{}: within {} ms others changed the sequence {} times before this request could; \
             lease more ids at once, or retry",
            self.store.documents.place(),
            self.store.documents.answer_timeout().as_millis(),
            self.made
        ))
    }
}

impl<D: Documents> Seen<D> {
    fn keep(self) -> Self {
        Self { kept: true, ..self }
    }
}
