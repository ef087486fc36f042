//! What was granted and what was issued, and whether the two agree.
//!
//! The books are kept beside the runtime, from what the registry really recorded and from what
//! callers really got: a lie that is planted between the two does not reach them.

use std::collections::BTreeMap;
use std::fmt;

use idgen_core::{Floor, IdRange, LeaseToken};
use idgen_runtime::snowflake::Layout;

use crate::trace::Trace;

/// One start of one process, counted over the run.
pub(crate) type Incarnation = usize;

/// A promise that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Breach {
    /// The same id twice.
    Duplicate,
    /// An id at or above every horizon that the registry recorded for its issuer.
    AboveHorizon,
    /// An id below the floor of its issuer's lease.
    BelowFloor,
    /// An id that is not above one which the same generator had answered before.
    Order,
}

/// A broken promise, and by what.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Which promise.
    pub breach: Breach,
    /// One sentence.
    pub says: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.breach, self.says)
    }
}

/// A lease as the registry recorded it.
#[derive(Clone, Copy, Debug)]
struct Granted {
    worker: u64,
    token: LeaseToken,
    floor: Floor,
    horizon_unix_ms: u64,
}

/// The newest claim of one bucket: its first number, and the first behind it.
#[derive(Clone, Copy, Debug)]
struct Claimed {
    worker: u64,
    first: Floor,
    after: Floor,
}

struct Issued {
    range: IdRange,
    by: Incarnation,
}

/// The books of one run.
pub(crate) struct Books {
    trace: Trace,
    layout: Layout,
    leases: BTreeMap<Incarnation, Vec<Granted>>,
    newest: BTreeMap<(Incarnation, u64), Claimed>,
    snowflakes: Vec<Issued>,
    serials: Vec<Issued>,
    findings: Vec<Finding>,
    /// Over everything issued, in order: two runs of a seed agree in it.
    fingerprint: u64,
}

/// A breach of which more than so many are found is not told each time.
const MOST_FINDINGS: usize = 20;

impl Books {
    pub(crate) fn new(layout: Layout, trace: Trace) -> Self {
        Self {
            trace,
            layout,
            leases: BTreeMap::new(),
            newest: BTreeMap::new(),
            snowflakes: Vec::new(),
            serials: Vec::new(),
            findings: Vec::new(),
            fingerprint: 0xcbf2_9ce4_8422_2325,
        }
    }

    /// A claim that the registry recorded.
    pub(crate) fn granted(
        &mut self,
        to: Incarnation,
        token: LeaseToken,
        worker: u64,
        floor: Floor,
        horizon_unix_ms: u64,
    ) {
        self.note(horizon_unix_ms);
        self.trace.note("lease", || {
            let Floor { unix_ms, sequence } = floor;
            format!("process {to}: worker {worker} from {unix_ms}/{sequence} to {horizon_unix_ms}")
        });
        let granted = Granted { worker, token, floor, horizon_unix_ms };
        self.leases.entry(to).or_default().push(granted);
    }

    /// A renewal that the registry recorded.
    pub(crate) fn renewed(&mut self, to: Incarnation, token: LeaseToken, horizon_unix_ms: u64) {
        self.note(horizon_unix_ms);
        self.trace.note("renewal", || format!("process {to}: renewed to {horizon_unix_ms}"));
        let leases = self.leases.entry(to).or_default();
        for lease in leases.iter_mut().filter(|lease| lease.token == token) {
            lease.horizon_unix_ms = lease.horizon_unix_ms.max(horizon_unix_ms);
        }
    }

    /// Ids that a caller got from a generator.
    pub(crate) fn snowflakes(&mut self, range: IdRange, by: Incarnation, answered: Option<u64>) {
        self.note(range.start());
        self.trace.tell(|| self.snowflakes_in_words(&range, by));
        self.check_order(&range, by, answered);
        self.check_lease(&range, by);
        self.snowflakes.push(Issued { range, by });
    }

    /// Ids that a caller got from a sequence.
    pub(crate) fn serials(&mut self, range: IdRange, by: Incarnation, answered: Option<u64>) {
        self.note(range.start());
        self.trace.tell(|| format!("process {by}: {}..={}", range.start(), range.last()));
        self.check_order(&range, by, answered);
        self.serials.push(Issued { range, by });
    }

    fn snowflakes_in_words(&self, range: &IdRange, by: Incarnation) -> String {
        let Ok(parts) = self.layout.decode(range.start()) else {
            return format!("process {by}: {} is no id of the layout", range.start());
        };
        let (worker, at, first) = (parts.worker(), parts.unix_ms(), parts.sequence());
        let bucket = parts.bucket().map_or_else(String::new, |bucket| format!(" bucket {bucket}"));
        format!("process {by}: {} of worker {worker}{bucket} at {at}/{first}", range.len())
    }

    /// The newest claims of a process, one of each bucket.
    fn newest(&self, of: Incarnation) -> impl Iterator<Item = &Claimed> + Clone {
        self.newest.range((of, 0)..=(of, u64::MAX)).map(|(_, claimed)| claimed)
    }

    /// A receipt that knows of all but the last claim: the one that reaches furthest.
    pub(crate) fn before_last_claim(&self, of: Incarnation, worker: u64) -> Option<Floor> {
        let claims = self.newest(of).filter(|claimed| claimed.worker == worker);
        let last = claims.clone().max_by_key(|claimed| claimed.after)?;
        let others = claims.filter(|claimed| !std::ptr::eq(*claimed, last));
        Some(others.map(|other| other.after).fold(last.first, Floor::max))
    }

    /// Worker id and token of a process's newest lease, and what it has issued up to now.
    pub(crate) fn receipt_of_the_moment(
        &self,
        of: Incarnation,
    ) -> Option<(u64, LeaseToken, Floor)> {
        let lease = self.leases.get(&of)?.last()?;
        let claims = self.newest(of).filter(|claimed| claimed.worker == lease.worker);
        let floor = claims.map(|claimed| claimed.after).fold(lease.floor, Floor::max);
        Some((lease.worker, lease.token, floor))
    }

    fn note(&mut self, number: u64) {
        self.fingerprint = (self.fingerprint ^ number).wrapping_mul(0x0000_0100_0000_01b3);
    }

    fn find(&mut self, breach: Breach, says: String) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(Finding { breach, says });
        }
    }

    fn check_order(&mut self, range: &IdRange, by: Incarnation, answered: Option<u64>) {
        if let Some(answered) = answered.filter(|&answered| range.start() <= answered) {
            let id = range.start();
            self.find(Breach::Order, format!("process {by} got {id} after {answered}"));
        }
    }

    /// Whether the issuer held a lease, as recorded, of the tick that the ids are of.
    fn check_lease(&mut self, range: &IdRange, by: Incarnation) {
        let id = range.start();
        let Ok(parts) = self.layout.decode(id) else {
            return self.find(Breach::AboveHorizon, format!("{id} is no id of the layout"));
        };
        let (worker, unix_ms, sequence) = (parts.worker(), parts.unix_ms(), parts.sequence());
        let end_ms = unix_ms + self.layout.tick_ms();
        let floor = Floor { unix_ms, sequence };
        let after = Floor { unix_ms, sequence: sequence + range.len() };
        let newest = Claimed { worker, first: floor, after };
        self.newest.insert((by, parts.bucket().unwrap_or_default()), newest);
        let held = self.leases.get(&by).map_or(&[][..], Vec::as_slice);
        let mut held = held.iter().filter(|lease| lease.worker == worker).peekable();
        let of_worker = held.peek().is_some();
        let below = held.clone().any(|lease| end_ms <= lease.horizon_unix_ms);
        if held.any(|lease| lease.floor <= floor && end_ms <= lease.horizon_unix_ms) {
            return;
        }
        let breach = if of_worker && below { Breach::BelowFloor } else { Breach::AboveHorizon };
        let says = format!("process {by} issued {id}: worker {worker} at {unix_ms}/{sequence}");
        self.find(breach, says);
    }

    /// How many ids were issued.
    pub(crate) fn ids(&self) -> u64 {
        self.snowflakes.iter().chain(&self.serials).map(|issued| issued.range.len()).sum()
    }

    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// Looks for ids that were issued twice, and tells all that was found.
    pub(crate) fn close(&mut self, increment: u64) -> Vec<Finding> {
        let place = self.layout.sequence_place();
        let mut twice = twice(&mut self.snowflakes, place);
        twice.extend(self::twice(&mut self.serials, increment));
        twice.truncate(MOST_FINDINGS);
        twice.append(&mut self.findings);
        twice
    }
}

/// The overlaps of ranges whose step is `step`: two of them share an id only if they share a
/// residue and a stretch.
fn twice(issued: &mut [Issued], step: u64) -> Vec<Finding> {
    let key = |issued: &Issued| {
        assert!(issued.range.step() == step || issued.range.len() == 1, "a range of another step");
        (issued.range.start() % step, issued.range.start())
    };
    issued.sort_unstable_by_key(key);
    let mut found = Vec::new();
    let mut reach: Option<(u64, u64, Incarnation)> = None;
    for one in issued.iter() {
        let (residue, start) = key(one);
        match reach {
            Some((of, last, by)) if of == residue && start <= last => {
                let says = format!("{start} by process {by} and by process {}", one.by);
                found.push(Finding { breach: Breach::Duplicate, says });
                reach = Some((of, last.max(one.range.last()), one.by));
            }
            _ => reach = Some((residue, one.range.last(), one.by)),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use idgen_runtime::snowflake::preset;

    fn books() -> Books {
        let trace = Trace::new(&crate::engine::Engine::new(0), false);
        let mut books = Books::new(*preset("standard").unwrap(), trace);
        books.granted(0, TOKEN, 3, Floor { unix_ms: T, sequence: 7 }, T + 10);
        books
    }

    const TOKEN: LeaseToken = LeaseToken { serial: 1, nonce: 1 };
    const T: u64 = super::super::clocks::BEGIN_UNIX_MS;

    fn ids(at_ms: u64, sequence: u64, len: u64) -> IdRange {
        let layout = preset("standard").unwrap();
        let start = layout.compose(T + at_ms, &[("worker", 3)], sequence).unwrap();
        IdRange::new(start, 1, len).unwrap()
    }

    fn breaches(mut books: Books) -> Vec<Breach> {
        books.close(1).iter().map(|finding| finding.breach).collect()
    }

    #[test]
    fn what_lies_in_the_lease_is_fine() {
        let mut books = books();
        books.snowflakes(ids(0, 7, 2), 0, None);
        books.snowflakes(ids(9, 0, 4096), 0, Some(ids(0, 7, 2).last()));
        assert_eq!(books.ids(), 4098);
        assert_eq!(breaches(books), []);
    }

    #[test]
    fn ids_outside_of_the_lease_are_found() {
        let mut books = books();
        books.snowflakes(ids(0, 6, 1), 0, None);
        books.snowflakes(ids(10, 0, 1), 0, None);
        books.snowflakes(ids(5, 0, 1), 1, None);
        let found = [Breach::BelowFloor, Breach::AboveHorizon, Breach::AboveHorizon];
        assert_eq!(breaches(books), found);
    }

    #[test]
    fn a_renewal_moves_the_horizon_of_its_lease() {
        let mut books = books();
        books.renewed(0, TOKEN, T + 11);
        books.snowflakes(ids(10, 0, 1), 0, None);
        assert_eq!(breaches(books), []);
    }

    #[test]
    fn ids_that_fall_are_found() {
        let mut books = books();
        books.snowflakes(ids(3, 0, 1), 0, Some(ids(3, 0, 1).start()));
        assert_eq!(breaches(books), [Breach::Order]);
    }

    #[test]
    fn overlaps_are_found_whatever_lies_between() {
        let range = |start, len| IdRange::new(start, 3, len).unwrap();
        let mut books = books();
        for (by, range) in
            [range(1, 100), range(2, 5), range(4, 2), range(298, 1)].iter().enumerate()
        {
            books.serials(*range, by, None);
        }
        assert_eq!(books.close(3).len(), 2);
    }
}
