//! The real binary, driven from outside: doors, tools, crashes, errors.
//!
//! `IDGEN_BIN` names another binary to test (the release build), `IDGEN_FULL=1` runs the lengths
//! that are promised instead of slices of them.

#![expect(clippy::print_stdout, reason = "long tests tell how much they did")]

mod artisanal;
mod clients;
mod crash;
mod disk;
mod drain;
mod errors;
mod faketime;
mod frozen;
mod genid;
mod guards;
mod harness;
mod http;
mod idle;
mod idpool;
mod idpot;
mod int;
mod intd_server;
mod layouts;
mod moves;
mod native;
mod old_names;
mod peers;
mod several_stores;
mod strict;
#[path = "../servers/strict.rs"]
mod strict_order;
mod tools;
mod worker_ids;
