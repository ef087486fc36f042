//! A thousand callers at once on segments of ten ids from PostgreSQL.

mod crowd;

#[test]
fn a_thousand_callers_share_steps_of_ten() {
    crowd::a_thousand_callers_share_steps_of_ten("IDGEN_TEST_POSTGRES_URL");
}
