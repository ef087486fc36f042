//! What a client may cost.

use std::time::Duration;

/// Bounds on what one client can hold of the server.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How long a request may take until it is refused or, where a dialect has no word for that,
    /// its connection is closed. Default 5 s.
    pub request_deadline: Duration,
    /// Connections of one listener at a time; further ones wait in the listener's queue.
    /// Default 4096.
    pub connections: usize,
    /// How long the head of an HTTP request may take to arrive, from the end of the one before;
    /// so it also ends idle connections. Default 60 s.
    pub head: Duration,
    /// How long the body of an HTTP request, the second byte of a GenID request, or the rest of a
    /// native one may take to arrive. Default 5 s.
    pub body: Duration,
    /// The longest HTTP body, in bytes. Default 64 KiB.
    pub body_bytes: usize,
    /// The longest head of an HTTP request, in bytes, at least 8 KiB. Default 16 KiB.
    pub head_bytes: usize,
    /// How long a connection may refuse to take what was written to it. Default 10 s.
    pub write: Duration,
    /// How long a GenID or native connection may be silent. Default 10 min.
    pub idle: Duration,
    /// Requests of one native connection that may wait for their answers at a time; beyond it
    /// nothing more is read from that connection. At least 1. Default 256.
    pub in_flight: usize,
    /// How long a drain waits for connections to finish by themselves before the runtime is
    /// stopped under them. Default 2 s.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_deadline: Duration::from_secs(5),
            connections: 4096,
            head: Duration::from_secs(60),
            body: Duration::from_secs(5),
            body_bytes: 64 << 10,
            head_bytes: 16 << 10,
            write: Duration::from_secs(10),
            idle: Duration::from_secs(600),
            in_flight: 256,
            drain: Duration::from_secs(2),
        }
    }
}
