//! Strict order on a file that two servers share.

use crate::harness::{Place, alone};
use crate::strict_order::{callers_share_steps, ids_rise_over_two_servers};

fn store(place: &Place) -> String {
    format!("sqlite:{}", place.path().join("shared.db").display())
}

#[test]
fn strict_ids_rise_over_two_servers() {
    let place = Place::new();
    ids_rise_over_two_servers(&store(&place), "orders");
}

#[test]
fn callers_who_wait_together_share_a_strict_step() {
    let (_turn, place) = (alone(), Place::new());
    callers_share_steps(&store(&place), "orders");
}
