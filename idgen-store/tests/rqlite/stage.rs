//! A cluster that one test has alone, and orders about by the stand-in's own path.

use std::sync::Arc;

use idgen_store::SequenceStore;

use crate::network::services::Alone;
use crate::network::{self, wait};
use crate::{Rqlite, http};

pub(crate) struct Stage {
    place: network::Place<Rqlite, Alone>,
}

impl Stage {
    /// A cluster whose first node leads.
    pub(crate) fn new() -> Self {
        let stage = Self { place: network::alone() };
        stage.order("calm");
        stage
    }

    /// `HOST:PORT` of a node, counted from 1.
    pub(crate) fn address(&self, node: u8) -> String {
        let first = network::address(&self.place.url());
        let port = first.rsplit(':').next().unwrap();
        format!("127.0.0.{node}:{port}")
    }

    /// Gives an order to the stand-in, by the last node, which no test takes down.
    pub(crate) fn order(&self, order: &str) -> String {
        let path = format!("/stand-in/{order}");
        let (status, body) = http(&self.address(3), "POST", &path, "");
        assert_eq!(status, 200, "this needs the stand-in of `cargo xtask services`: {body}");
        body
    }

    /// The URL of the store in this test's tables, by these nodes, with options.
    pub(crate) fn url(&self, nodes: &[u8], options: &str) -> String {
        let hosts: Vec<String> = nodes.iter().map(|node| self.address(*node)).collect();
        let prefix = self.place.prefix();
        format!("rqlite://{}?prefix={prefix}{options}", hosts.join(","))
    }

    pub(crate) fn store(&self, nodes: &[u8], options: &str) -> Arc<dyn SequenceStore> {
        idgen_store::open(&self.url(nodes, options)).unwrap().sequences
    }

    /// A store with a sequence `orders`, by its first node and with the time for an election.
    pub(crate) fn stocked(&self) -> Arc<dyn SequenceStore> {
        drop(self.place.stocked());
        let store = self.store(&[1], "");
        // It gets to know the other nodes.
        wait(store.identity()).unwrap();
        store
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.order("calm");
    }
}
