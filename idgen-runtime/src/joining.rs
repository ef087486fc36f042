//! What a node looks at before it issues in an id space: the layout record, its peers, its clock.
//!
//! None of it is needed for ids to be distinct, save the record: a worker id has one holder and a
//! floor, whatever the configuration. But two nodes that were meant to differ and do not, or a
//! clock that is wrong, are mistakes that show best at the start, with the other node's name.
//!
//! A worker id that this node must have and another one holds is one of three things: a predecessor
//! that is about to release it, one that was killed and whose lease runs out, or a node that was
//! given the same id. The last one renews its lease, the others do not: so whoever is seen to renew
//! while this node waits, for as long as a hand-over may take, is named and the start refused.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use idgen_core::{Ended, LeaseToken, WorkerLease};
use idgen_store::{Claimed, RegistryError, Wish, WorkerInfo};

use crate::error::{Cause, IssueError, StartError};
use crate::guard::CLEARING_SLACK_MS;
use crate::keeper::Keeper;
use crate::layout_record::{Differences, in_words};
use crate::published::{Published, fields_of};

/// Between two looks at a worker id that is to be handed over: a quarter of what that may take, the
/// rest is for a release and a claim.
const HAND_OVER_LOOK: Duration = Duration::from_millis(25);

/// Looks whether the holder of the worker id wished for is alive.
pub(crate) struct Watch {
    since: Instant,
    looked: Option<Instant>,
    seen: Option<(LeaseToken, u64)>,
    told: Option<Cause>,
}

impl Watch {
    pub(crate) fn new(now: Instant) -> Self {
        Self { since: now, looked: None, seen: None, told: None }
    }

    /// Whether a refusal has another cause than the one that was told last.
    pub(crate) fn is_news(&mut self, refused: &IssueError) -> bool {
        self.told.replace(refused.cause()) != Some(refused.cause())
    }

    /// Whether the lease has been renewed since it was first seen.
    fn renewed(&mut self, holder: &WorkerInfo) -> bool {
        let (token, horizon_ms) = *self.seen.get_or_insert((holder.token, holder.horizon_unix_ms));
        if token != holder.token {
            // Somebody else was given it meanwhile: another one to be watched.
            self.seen = Some((holder.token, holder.horizon_unix_ms));
            return false;
        }
        holder.horizon_unix_ms > horizon_ms
    }
}

impl Keeper {
    /// An id space keeps the layout it was begun with, or takes up one that makes no number twice.
    pub(crate) async fn agree_on_layout(&self) -> Result<(), StartError> {
        let space = &self.snowflakes.settings.space;
        let configured = in_words(&self.snowflakes.settings.layout);
        loop {
            let recorded = self.within(self.registry.layout(space)).await?;
            let version = recorded.as_ref().map_or(0, |record| record.version);
            if let Some(record) = &recorded {
                if record.text == configured {
                    return Ok(());
                }
                let changes = Differences::between(&record.text, &configured);
                let refused = changes.refused();
                if !refused.is_empty() {
                    return Err(self.other_layout(&record.text, refused));
                }
                if let Some(epoch) = &changes.earlier_epoch {
                    self.stand_alone(&record.text, epoch).await?;
                }
            }
            let put = async {
                match self.registry.put_layout(space, version, &configured).await {
                    Ok(record) => Ok(Some(record)),
                    // Another node was faster: then its layout counts.
                    Err(RegistryError::LayoutConflict { version: now, .. }) if now > version => {
                        Ok(None)
                    }
                    Err(error) => Err(error),
                }
            };
            if let Some(record) = self.within(put).await? {
                tracing::info!(%space, version = record.version, layout = %configured,
                    "the layout of the id space is on record");
                return Ok(());
            }
        }
    }

    fn other_layout(&self, recorded: &str, reasons: String) -> StartError {
        let settings = &self.snowflakes.settings;
        StartError::Layout {
            space: settings.space.to_string(),
            recorded: recorded.to_owned(),
            configured: in_words(&settings.layout),
            reasons,
        }
    }

    /// An earlier epoch is taken up only while nobody holds a worker id.
    async fn stand_alone(&self, recorded: &str, epoch: &str) -> Result<(), StartError> {
        let peers = self.within(self.registry.peers(&self.snowflakes.settings.space)).await?;
        let Some(peer) = peers.first() else { return Ok(()) };
        let reasons = format!(
            "{epoch}, which is taken up only while no node holds a worker id, and {} holds {}; \
             stop all nodes of the id space first",
            named(peer),
            peer.worker
        );
        Err(self.other_layout(recorded, reasons))
    }

    /// Whether the record is still one that this node may issue beside. Asked once a claim is
    /// granted: whoever takes up an earlier epoch writes it down and then looks who holds an id,
    /// so that one of the two sees the other.
    async fn layout_stands(&self) -> Result<(), IssueError> {
        let settings = &self.snowflakes.settings;
        let recorded = self.within(self.registry.layout(&settings.space)).await?;
        let Some(recorded) = recorded else { return Ok(()) };
        let changes = Differences::between(&recorded.text, &in_words(&settings.layout));
        if !changes.meet() {
            return Ok(());
        }
        let (space, meeting) = (&settings.space, changes.meeting());
        let message = format!(
            "the layout of id space '{space}' on record is not this node's any more: {meeting}; \
             start this node with layout {}, or in another id space",
            recorded.text
        );
        Err(IssueError::new(Cause::Clash, message))
    }

    /// Refuses to start beside a peer whose ids are laid out otherwise.
    pub(crate) async fn meet_peers(&self) -> Result<(), IssueError> {
        let settings = &self.snowflakes.settings;
        let own = in_words(&settings.layout);
        for peer in self.within(self.registry.peers(&settings.space)).await? {
            let Some(published) = Published::read(&peer.published) else { continue };
            let changes = Differences::between(&published.layout, &own);
            if changes.meet() {
                let (space, meeting) = (&settings.space, changes.meeting());
                let (peer, worker) = (named(&peer), peer.worker);
                let message = format!(
                    "worker id {worker} of id space '{space}' is held by {peer}, whose layout is \
                     {}, and this node's is {own}: {meeting}; give both nodes one layout, or \
                     another id space to one of them",
                    published.layout
                );
                return Err(IssueError::new(Cause::Clash, message));
            }
        }
        Ok(())
    }

    /// Refuses to start with a clock that is further than the limit from those of half the peers.
    async fn compare_clocks(&self, token: LeaseToken) -> Result<(), IssueError> {
        let space = &self.snowflakes.settings.space;
        let listed = self.within(self.registry.peers(space)).await?;
        let (own, peers): (Vec<_>, Vec<_>) =
            listed.into_iter().partition(|info| info.token == token);
        let Some(own) = own.first() else { return Ok(()) };
        let apart_ms = |peer: &WorkerInfo| own.clock_ahead_ms.abs_diff(peer.clock_ahead_ms);
        let off: Vec<&WorkerInfo> =
            peers.iter().filter(|peer| apart_ms(peer) > self.clock_limit_ms).collect();
        let Some(worst) = off.iter().copied().max_by_key(|peer| apart_ms(peer)) else {
            return Ok(());
        };
        let (ms, limit_ms) = (apart_ms(worst), self.clock_limit_ms);
        let direction =
            if own.clock_ahead_ms > worst.clock_ahead_ms { "ahead of" } else { "behind" };
        let (peer, worker) = (named(worst), worst.worker);
        let message = format!(
            "the clock of this node is {ms} ms {direction} that of {peer}, which holds worker id \
             {worker} of id space '{space}' (against the registry's clock: {} ms here, {} ms \
             there), and the limit is {limit_ms} ms; set the wrong one of the two clocks right",
            own.clock_ahead_ms, worst.clock_ahead_ms
        );
        if off.len() * 2 < peers.len() {
            // Most peers agree with this node.
            tracing::warn!(%space, "{message}");
            return Ok(());
        }
        Err(IssueError::new(Cause::Clash, message))
    }

    /// The worker ids that this node may have.
    pub(crate) fn wished_ids(&self) -> RangeInclusive<u64> {
        let settings = &self.snowflakes.settings;
        match settings.wish {
            Wish::Exactly(worker) => worker..=worker,
            _ => settings.ids.clone(),
        }
    }

    /// Refuses the start if the holder of the one worker id this node may have is alive.
    pub(crate) async fn watch_holder(&self, watch: &mut Watch) -> Result<(), IssueError> {
        let ids = self.wished_ids();
        let worker = *ids.start();
        if worker != *ids.end() {
            return Ok(());
        }
        // A holder renews after three tenths of its lease: in that time it shows itself.
        let hand_over = Duration::from_millis(self.lease_ms * 3 / 10);
        let often = hand_over / 10;
        let now = self.background().now();
        if watch.looked.is_some_and(|looked| now - looked < often) {
            return Ok(());
        }
        watch.looked = Some(now);
        let settings = &self.snowflakes.settings;
        let peers = self.within(self.registry.peers(&settings.space)).await?;
        let Some(holder) = peers.iter().find(|peer| peer.worker == worker) else { return Ok(()) };
        if !watch.renewed(holder) || now - watch.since < hand_over {
            return Ok(());
        }
        let (space, holder) = (&settings.space, named(holder));
        let fields = fields_of(&settings.layout, worker);
        let message = format!(
            "worker id {worker} ({fields}) of id space '{space}' is held by {holder}, which is \
             alive: it renewed its lease while this node waited; give one of the two nodes other \
             node fields, or stop that one"
        );
        Err(IssueError::new(Cause::Clash, message))
    }

    /// Waits till the one worker id that this node may have has been given back by who holds it.
    /// Looks at one record, without a write, so that many looks a second cost a registry little.
    /// For ever, where there is nothing to look for.
    pub(crate) async fn handed_over(&self, is_held: bool) {
        let ids = self.wished_ids();
        let (worker, space) = (*ids.start(), &self.snowflakes.settings.space);
        if is_held && worker == *ids.end() {
            loop {
                self.background().nap(HAND_OVER_LOOK).await;
                match self.within(self.registry.is_released(space, worker)).await {
                    Ok(true) => return,
                    Ok(false) => {}
                    // The next try will tell.
                    Err(_) => break,
                }
            }
        }
        std::future::pending().await
    }

    /// Whether a lease that was just granted may be made a generator of.
    pub(crate) async fn may_hold(&self, claimed: &Claimed) -> Result<(), IssueError> {
        self.layout_stands().await?;
        if self.last_worker.is_some() {
            return Ok(());
        }
        self.check_wait(claimed.lease.worker(), claimed.wait_ms)?;
        self.compare_clocks(claimed.lease.token()).await
    }

    /// Whether trying again at the start is of no use.
    pub(crate) fn is_hopeless(&self, refused: &IssueError) -> bool {
        let wait_ms = refused.retry_after_ms();
        match refused.cause() {
            Cause::BadRequest | Cause::Frozen | Cause::Exhausted => true,
            // Who waits for another to let go is told for how long.
            Cause::Clash => wait_ms.is_none(),
            Cause::ClockHold => wait_ms.is_some_and(|wait_ms| wait_ms > self.longest_clearing_ms()),
            _ => false,
        }
    }

    /// How long it may take until all has ended that a registry forgot.
    fn longest_clearing_ms(&self) -> u64 {
        self.longest_wait_ms().saturating_add(CLEARING_SLACK_MS)
    }

    /// How far ahead of this clock ids may begin.
    pub(crate) fn longest_wait_ms(&self) -> u64 {
        self.lease_ms.saturating_add(self.clock_limit_ms)
    }

    /// Refuses to start where ids would begin further ahead than a lease and the clock's limit.
    fn check_wait(&self, worker: u64, wait_ms: u64) -> Result<(), IssueError> {
        let limit_ms = self.longest_wait_ms();
        if wait_ms <= limit_ms {
            return Ok(());
        }
        let space = &self.snowflakes.settings.space;
        let message = format!(
            "worker id {worker} of id space '{space}' was used up to {wait_ms} ms ahead of this \
             clock, and this node waits for {limit_ms} ms at most; set the clock right, take \
             another worker id, or wait and start again"
        );
        Err(IssueError::new(Cause::ClockHold, message).retry(wait_ms))
    }

    /// Gives a lease back that no generator was made of.
    pub(crate) async fn give_back(&self, lease: WorkerLease) {
        let ended = Ended::receipt(lease.worker(), lease.token(), lease.floor());
        let space = &self.snowflakes.settings.space;
        if let Err(refused) = self.within(self.registry.release(space, ended)).await {
            tracing::warn!(%space, %refused, "not given back; the id is free after its lease");
        }
    }
}

/// Whether a claim was refused because somebody else holds the worker id: then it is told for how
/// long. Other clashes do not pass when an id is given back.
pub(crate) fn is_held(refused: &IssueError) -> bool {
    refused.cause() == Cause::Clash && refused.retry_after_ms().is_some()
}

/// From when on a lease may be used, above `from_ms`: a registry that was put back cuts what this
/// node has `issued` (a worker id and a soft horizon) to the horizon it remembers.
pub(crate) fn above_issued(
    lease: &WorkerLease,
    issued: Option<(u64, u64)>,
    from_ms: u64,
) -> Result<u64, IssueError> {
    let issued_ms = issued.filter(|it| it.0 == lease.worker()).map_or(0, |it| it.1);
    let Some(short_ms) = issued_ms.checked_sub(lease.horizon_unix_ms()) else {
        return Ok(from_ms.max(issued_ms));
    };
    let message = format!(
        "this node may have issued up to {issued_ms} ms since 1970 under worker id {}, more than \
         its registry now grants; wait, or take another worker id",
        lease.worker()
    );
    Err(IssueError::new(Cause::ClockHold, message).retry(short_ms.saturating_add(1)))
}

/// A peer as messages show it.
fn named(peer: &WorkerInfo) -> String {
    match Published::read(&peer.published) {
        Some(published) => format!("'{}' on host {}", peer.holder, published.host),
        None => format!("'{}'", peer.holder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use idgen_core::Floor;

    #[test]
    fn what_was_issued_under_a_worker_id_is_not_issued_again() {
        let token = LeaseToken { serial: 10, nonce: 7 };
        let lease = WorkerLease::granted(3, token, Floor::at(5000), 15_000).unwrap();
        let from = |issued, from_ms| above_issued(&lease, issued, from_ms);
        assert_eq!(from(None, 6000).unwrap(), 6000);
        assert_eq!(from(Some((2, 9000)), 6000).unwrap(), 6000, "another worker id");
        assert_eq!(from(Some((3, 9000)), 6000).unwrap(), 9000);
        let refused = from(Some((3, 15_000)), 6000).unwrap_err();
        assert_eq!((refused.cause(), refused.retry_after_ms()), (Cause::ClockHold, Some(1)));
    }
}
