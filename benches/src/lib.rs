//! How idgen is measured: candidate and reference in turn, sample by sample, in one process.
//!
//! Machines are shared and change their speed; two figures taken one after the other differ by 5
//! to 60 % for no reason of the code. Here each *pair* holds one sample of the candidate and one
//! of the reference, next to each other in time, and only their ratio counts.
//!
//! ```text
//! pair:  sample of one side, sample of the other (who goes first alternates), ratio per call
//! run:   fresh subjects, calibrated to equal sample times; the median of the pairs' ratios
//! row:   the median of the runs; within 3 % of its goal it is met
//! ```
//!
//! A pair in which a thread had to wait for a processor tells of the neighbours, not of the code.
//! The kernel counts such waits ([`waits`]); disturbed pairs are set aside and counted, whatever
//! their ratio was. A row for which too few quiet ones could be had is reported as *noisy*.
//!
//! The subjects are closures; one call makes one id. They run in a loop that adds up what they
//! return, the same for both sides, so its three instructions are part of either figure.

pub mod bare;
mod budget;
mod histogram;
mod method;
mod place;
pub mod plot;
mod report;
pub mod subjects;
mod team;
pub mod waits;

pub use budget::Budget;
pub use histogram::Histogram;
pub use method::{Method, Run, as_f64};
pub use report::{Fact, Row, RowReport, TOLERANCE, Verdict, facts, table};
pub use team::batch;
