//! What a registry does beside the laws: anchors, reboots, proofs and wishes together, and all
//! worker ids of a layout, at the promised length with `IDGEN_FULL=1`.
#![cfg(all(feature = "conformance", feature = "file", feature = "sqlite"))]

use std::sync::{Arc, Barrier};
use std::thread;

use idgen_core::{Ended, Floor};
use idgen_store::conformance::block_on;
use idgen_store::file::FileRegistry;
use idgen_store::memory::MemoryStore;
use idgen_store::sqlite::{SqliteOptions, SqliteStore};
use idgen_store::{
    Claim, Claimed, HostClock, Name, RegistryError, SoftProof, SteppedClock, Unrecorded, Wish,
    WorkerRegistry,
};

mod desk;
mod scratch;

use desk::Desk;
use scratch::Scratch;

const START: u64 = 1_750_000_000_000;
const LEASE_MS: u64 = 10_000;
const HOUR_MS: u64 = 3_600_000;

struct Host {
    clock: SteppedClock,
    registry: Arc<dyn WorkerRegistry>,
}

impl Host {
    fn claim(&self, nonce: u128, wish: Wish, proof: Option<SoftProof>) -> Claimed {
        self.try_claim(nonce, wish, proof).unwrap()
    }

    fn try_claim(
        &self,
        nonce: u128,
        wish: Wish,
        proof: Option<SoftProof>,
    ) -> Result<Claimed, RegistryError> {
        let claim = Claim {
            ids: 0..=7,
            wish,
            nonce,
            holder: "test".to_owned(),
            published: String::new(),
            lease_ms: LEASE_MS,
            now_unix_ms: self.clock.unix_ms(),
            proof,
        };
        block_on(self.registry.claim(&Name::new("parcels").unwrap(), &claim))
    }

    fn release(&self, claimed: &Claimed, floor: Floor) {
        let ended = Ended::receipt(claimed.lease.worker(), claimed.lease.token(), floor);
        block_on(self.registry.release(&Name::new("parcels").unwrap(), ended)).unwrap();
    }

    fn proof(&self, claimed: &Claimed, soft_horizon_unix_ms: u64) -> Option<SoftProof> {
        Some(SoftProof {
            worker: Some(claimed.lease.worker()),
            token: Some(claimed.lease.token()),
            nonce: claimed.lease.token().nonce,
            boot_id: self.clock.boot_id(),
            soft_horizon_unix_ms,
        })
    }
}

/// Runs `check` on every backend of one host.
fn on_each(check: impl Fn(&Host)) {
    let clock = SteppedClock::at(START);
    let memory = MemoryStore::with_clock(Arc::new(clock.clone()));
    check(&Host { clock, registry: Arc::new(memory) });
    let (scratch, clock) = (Scratch::new(), SteppedClock::at(START));
    let options = SqliteOptions::default().clock(Arc::new(clock.clone()));
    let kept = SqliteStore::open(scratch.file(), options).unwrap();
    check(&Host { clock, registry: Arc::new(kept) });
    let (scratch, clock) = (Scratch::new(), SteppedClock::at(START));
    let files = FileRegistry::with_clock(scratch.directory(), Arc::new(clock.clone())).unwrap();
    check(&Host { clock, registry: Arc::new(files) });
}

#[test]
fn a_clock_set_right_counts_after_the_last_lease() {
    on_each(|host| {
        host.clock.set_unix_ms(START - HOUR_MS);
        let slow = host.claim(1, Wish::Any, None);
        host.clock.set_unix_ms(START);
        let cut = host.claim(2, Wish::Any, None);
        assert!(cut.cut, "the registry's clock does not jump while a lease is held");
        assert!(cut.lease.horizon_unix_ms() < START);
        for claimed in [&slow, &cut] {
            host.release(claimed, claimed.lease.floor());
        }
        let right = host.claim(3, Wish::Any, None);
        assert!(!right.cut, "without a lease it goes by the wall clock again");
        assert_eq!(right.lease.horizon_unix_ms(), START + LEASE_MS);
    });
}

#[test]
fn the_only_server_restarts_after_a_kill_with_its_clock_set_right() {
    on_each(|host| {
        host.clock.set_unix_ms(START - HOUR_MS);
        let killed = host.claim(1, Wish::Any, None);
        host.clock.set_unix_ms(START);
        let soft = killed.lease.floor().unix_ms + 100;
        let next = host.claim(2, Wish::Any, host.proof(&killed, soft));
        assert!(!next.cut, "the proven dead hold no clock back");
        assert_eq!(next.lease.worker(), killed.lease.worker());
        assert_eq!(next.lease.floor(), Floor::at(soft));
        assert_eq!(next.lease.horizon_unix_ms(), START + LEASE_MS);
    });
}

#[test]
fn a_reboot_frees_every_id_at_its_horizon() {
    on_each(|host| {
        let lost = host.claim(1, Wish::Exactly(4), None);
        let proof = host.proof(&lost, START + 50);
        host.clock.reboot("boot-2");
        host.clock.set_unix_ms(START + 500);
        let next = host.claim(2, Wish::Exactly(4), proof);
        assert_eq!(next.lease.floor(), Floor::at(lost.lease.horizon_unix_ms()));
        assert_eq!(next.wait_ms, LEASE_MS - 500, "the wait is told");
    });
}

#[test]
fn a_first_claim_begins_at_the_lower_clock() {
    on_each(|host| {
        host.clock.pass(HOUR_MS);
        host.claim(1, Wish::Any, None);
        host.clock.set_unix_ms(START);
        let behind = host.claim(2, Wish::Any, None);
        assert_eq!(behind.lease.floor(), Floor::at(START), "a clock set back");
        assert_eq!(behind.lease.horizon_unix_ms(), START + LEASE_MS);
        host.clock.set_unix_ms(START + 2 * HOUR_MS);
        let ahead = host.claim(3, Wish::Any, None);
        assert_eq!(ahead.lease.floor(), Floor::at(START + HOUR_MS), "a clock set forward");
    });
}

#[test]
fn a_floor_out_of_reach_is_told_with_its_wait() {
    on_each(|host| {
        host.clock.set_unix_ms(START + HOUR_MS);
        let wild = host.claim(1, Wish::Exactly(0), None);
        host.release(&wild, Floor::at(wild.lease.horizon_unix_ms()));
        host.clock.set_unix_ms(START);
        match host.try_claim(2, Wish::Exactly(0), None) {
            Err(RegistryError::FloorAhead { worker: 0, floor_unix_ms, wait_ms, .. }) => {
                assert_eq!(floor_unix_ms, START + HOUR_MS + LEASE_MS);
                assert_eq!(wait_ms, HOUR_MS + LEASE_MS);
            }
            other => panic!("{other:?}"),
        }
        let other = host.claim(3, Wish::Prefer(0), None);
        assert_eq!(other.lease.worker(), 1, "a wish out of reach gives way to any");
    });
}

#[test]
fn a_proven_id_far_ahead_of_a_clock_set_back_gives_way_to_a_free_one() {
    on_each(|host| {
        let first = host.claim(1, Wish::Any, None);
        host.clock.set_unix_ms(START - HOUR_MS);
        let second = host.claim(2, Wish::Any, host.proof(&first, START + 100));
        assert_eq!((second.lease.worker(), second.wait_ms), (1, 0));
        let soon = host.proof(&second, START - HOUR_MS + 1100);
        let third = host.claim(3, Wish::Any, soon);
        assert_eq!((third.lease.worker(), third.wait_ms), (1, 1100), "a short wait is waited");
    });
}

#[test]
fn a_proof_is_worth_its_id_whatever_is_wished() {
    on_each(|host| {
        let first = host.claim(1, Wish::Exactly(5), None);
        host.release(&host.claim(2, Wish::Exactly(1), None), Floor::at(START));
        let proof = host.proof(&first, START);
        let next = host.claim(3, Wish::Prefer(1), proof);
        assert_eq!(next.lease.worker(), 5, "the proven id comes before the preferred one");
        assert_eq!(next.lease.floor(), first.lease.floor(), "nothing was issued");
        let pinned = host.claim(4, Wish::Exactly(1), host.proof(&next, START + 9));
        assert_eq!((pinned.lease.worker(), pinned.lease.floor()), (1, Floor::at(START)));
        let mut foreign = host.proof(&next, START + 9).unwrap();
        foreign.worker = Some(6);
        foreign.nonce = 0;
        let other = host.claim(5, Wish::Any, Some(foreign));
        assert_eq!(other.lease.worker(), 0, "a serial of another worker id proves nothing");
    });
}

#[test]
fn a_nonce_in_flight_proves_the_grant_that_was_never_seen() {
    on_each(|host| {
        let first = host.claim(1, Wish::Any, None);
        let unseen = host.claim(2, Wish::Any, host.proof(&first, START + 40));
        let mut file = host.proof(&first, START + 40).unwrap();
        file.nonce = 2;
        let next = host.claim(3, Wish::Any, Some(file));
        assert_eq!(next.lease.worker(), unseen.lease.worker());
        assert_eq!(next.lease.floor(), Floor::at(START + 40));
    });
}

#[test]
fn an_unknown_boot_proves_nothing() {
    on_each(|host| {
        host.clock.reboot("");
        let first = host.claim(1, Wish::Exactly(2), None);
        let answer = host.try_claim(2, Wish::Exactly(2), host.proof(&first, START));
        assert!(matches!(answer, Err(RegistryError::Held { .. })), "{answer:?}");
        host.clock.pass(LEASE_MS);
        host.claim(3, Wish::Exactly(2), None);
    });
}

#[test]
fn claims_that_no_registry_can_grant() {
    on_each(|host| {
        let space = Name::new("parcels").unwrap();
        let right = Claim {
            ids: 0..=7,
            wish: Wish::Any,
            nonce: 1,
            holder: "test".to_owned(),
            published: String::new(),
            lease_ms: LEASE_MS,
            now_unix_ms: START,
            proof: None,
        };
        let (low, high) = (3, 2);
        let wrong = [
            (Claim { ids: low..=high, ..right.clone() }, "is empty"),
            (Claim { lease_ms: 0, ..right.clone() }, "at least 1 ms"),
            (Claim { wish: Wish::Exactly(8), ..right.clone() }, "outside 0..=7"),
            (Claim { holder: "x".repeat(1025), ..right.clone() }, "at most 1024 bytes"),
            (Claim { published: "x".repeat(1025), ..right.clone() }, "publishes at most 1024"),
            (Claim { now_unix_ms: u64::MAX, ..right.clone() }, "passes 2^64-1 ms"),
        ];
        for (claim, said) in wrong {
            let error = block_on(host.registry.claim(&space, &claim)).unwrap_err();
            assert!(matches!(error, RegistryError::Refused(_)), "{error:?}");
            assert!(error.to_string().contains(said), "{error}");
        }
    });
}

#[test]
fn an_unrecorded_worker_id_waits_one_lease_once() {
    let clock = SteppedClock::at(START);
    let host = Host {
        registry: Arc::new(Unrecorded::with_clock(Arc::new(clock.clone()))),
        clock: clock.clone(),
    };
    for wish in [Wish::Any, Wish::Prefer(3)] {
        let error = host.try_claim(1, wish, None).unwrap_err().to_string();
        assert!(error.contains("must be named") && error.contains("'parcels'"), "{error}");
    }
    let waits = |nonce, worker| match host.try_claim(nonce, Wish::Exactly(worker), None) {
        Err(RegistryError::Held { retry_ms, .. }) => retry_ms,
        other => panic!("worker id {worker}: {other:?}"),
    };
    assert_eq!(waits(2, 3), LEASE_MS);
    clock.pass(LEASE_MS - 1);
    assert_eq!(waits(3, 3), 1);
    let space = Name::new("parcels").unwrap();
    assert_eq!(block_on(host.registry.list(&space)).unwrap(), [], "nobody is known");
    clock.pass(1);
    let first = host.claim(4, Wish::Exactly(3), None);
    assert_eq!((first.wait_ms, first.lease.floor()), (0, Floor::at(START + LEASE_MS)));
    assert_eq!(block_on(host.registry.list(&space)).unwrap().len(), 1);
    host.release(&first, Floor::at(START + LEASE_MS + 5));
    let next = host.claim(5, Wish::Exactly(3), None);
    assert_eq!(next.wait_ms, 5, "this process knows its own");
    assert_eq!(waits(6, 4), LEASE_MS, "another worker id");
}

fn grant_every_id(registry: impl WorkerRegistry + 'static) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(Desk::of(Arc::new(registry)).grant_every_id());
}

#[test]
fn every_worker_id_is_granted_once_in_memory() {
    grant_every_id(MemoryStore::new());
}

#[test]
fn every_worker_id_is_granted_once_by_sqlite() {
    let scratch = Scratch::new();
    grant_every_id(SqliteStore::open(scratch.file(), SqliteOptions::default()).unwrap());
}

#[test]
fn every_worker_id_is_granted_once_by_files() {
    let scratch = Scratch::new();
    grant_every_id(FileRegistry::open(scratch.directory()).unwrap());
}

#[test]
fn of_two_that_claim_an_unrecorded_worker_id_at_once_both_wait() {
    for _ in 0..300 {
        let clock = SteppedClock::at(START);
        let registry = Arc::new(Unrecorded::with_clock(Arc::new(clock.clone())));
        let (host, at_once) = (Host { clock, registry }, Barrier::new(2));
        let claim = &|nonce| {
            at_once.wait();
            host.try_claim(nonce, Wish::Exactly(3), None)
        };
        thread::scope(|scope| {
            let both = [1, 2].map(|nonce| scope.spawn(move || claim(nonce)));
            for answer in both.map(|one| one.join().unwrap()) {
                assert!(matches!(answer, Err(RegistryError::Held { .. })), "{answer:?}");
            }
        });
    }
}
