//! One connection: a task that writes the requests of many callers and hands out their answers.
//!
//! It reads and writes at the same time, so that neither side waits for the other's buffers, and
//! takes requests only while few are under way and what is laid out is soon written. When it ends
//! it first lets its node rest and then drops what is under way: whoever learns of the end that
//! way finds another node.

use std::future::pending;
use std::io;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use crate::Settings;
use crate::dialect::Dialect;
use crate::node::Node;
use crate::nodes::random;
use crate::order::Order;

const READ_BYTES: usize = 16 << 10;
/// No more requests are laid out behind this many bytes.
const OUT_BYTES: usize = 16 << 10;

/// Why a connection ended.
#[derive(Debug)]
enum Ended {
    /// Nobody needed it.
    Unneeded,
    /// Something went wrong.
    Failed(String),
}

/// Makes a connection, and serves it until it ends.
pub(crate) async fn drive<D: Dialect>(
    node: Weak<Node<D>>,
    address: String,
    settings: Arc<Settings>,
    number: u64,
    mut orders: mpsc::Receiver<Order<D::Ask>>,
) {
    let mut link = Link::<D> {
        node: node.clone(),
        number,
        dialect: D::new(),
        out: D::greeting().to_vec(),
        quiet_since: Instant::now(),
        settings,
    };
    let ended = match connect(&address, link.settings.connect).await {
        Ok(stream) => link.run(stream, &mut orders).await,
        Err(why) => Ended::Failed(why),
    };
    if let (Ended::Failed(why), Some(node)) = (ended, node.upgrade()) {
        node.rest(why, random());
    }
}

async fn connect(address: &str, limit: Duration) -> Result<TcpStream, String> {
    let stream = match timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(format!("no connection: {error}")),
        Err(_late) => return Err(format!("no connection within {} ms", limit.as_millis())),
    };
    // Who dials a free port of this host may be given that very port to dial from.
    if let (Ok(own), Ok(peer)) = (stream.local_addr(), stream.peer_addr())
        && own == peer
    {
        return Err("no connection: nobody listens there".to_owned());
    }
    // Only a connection that is gone refuses this, and its first read will say so.
    let _gone = stream.set_nodelay(true);
    Ok(stream)
}

struct Link<D: Dialect> {
    node: Weak<Node<D>>,
    number: u64,
    dialect: D,
    /// Laid out and not yet written.
    out: Vec<u8>,
    /// Since when the node owes something and has sent nothing.
    quiet_since: Instant,
    settings: Arc<Settings>,
}

impl<D: Dialect> Link<D> {
    async fn run(
        &mut self,
        mut stream: TcpStream,
        orders: &mut mpsc::Receiver<Order<D::Ask>>,
    ) -> Ended {
        let (mut reader, mut writer) = stream.split();
        let mut received = vec![0; READ_BYTES];
        self.quiet_since = Instant::now();
        loop {
            let silent = self.silent_at();
            tokio::select! {
                read = reader.read(&mut received) => match read {
                    Ok(0) => return self.closed(orders),
                    Ok(len) => {
                        if let Err(why) = self.receive(&received[..len]) {
                            return Ended::Failed(why);
                        }
                    }
                    Err(error) => return self.broken(&error),
                },
                written = writer.write(&self.out), if !self.out.is_empty() => match written {
                    Ok(len) => drop(self.out.drain(..len)),
                    Err(error) => return self.broken(&error),
                },
                order = orders.recv(), if self.has_room() => match order {
                    Some(order) => self.stage_all(order, orders),
                    None => return Ended::Unneeded,
                },
                () = at(silent) => return self.silent(),
            }
        }
    }

    fn has_room(&self) -> bool {
        self.dialect.is_greeted()
            && self.dialect.under_way() < self.settings.in_flight
            && self.out.len() < OUT_BYTES
    }

    /// When the node has been silent for too long, if it owes anything.
    fn silent_at(&self) -> Option<Instant> {
        let limit = match (self.dialect.is_greeted(), self.dialect.under_way()) {
            (false, _) => self.settings.connect,
            (true, 0) => return None,
            (true, _) => self.settings.silence,
        };
        self.quiet_since.checked_add(limit)
    }

    fn silent(&self) -> Ended {
        let what = if self.dialect.is_greeted() { "answer" } else { "greeting" };
        Ended::Failed(format!("no {what} within {} ms", self.quiet_since.elapsed().as_millis()))
    }

    fn broken(&self, error: &io::Error) -> Ended {
        Ended::Failed(format!("the connection broke: {error}"))
    }

    fn closed(&self, orders: &mpsc::Receiver<Order<D::Ask>>) -> Ended {
        match (self.dialect.is_greeted(), self.dialect.under_way()) {
            (false, _) => Ended::Failed("it closed the connection without a greeting".to_owned()),
            (true, 0) if orders.is_empty() => Ended::Unneeded,
            (true, _) => Ended::Failed("it closed the connection without an answer".to_owned()),
        }
    }

    /// Lays out a request and those behind it.
    fn stage_all(&mut self, first: Order<D::Ask>, orders: &mut mpsc::Receiver<Order<D::Ask>>) {
        self.stage(first);
        while self.has_room() {
            let Ok(order) = orders.try_recv() else { return };
            self.stage(order);
        }
    }

    fn stage(&mut self, order: Order<D::Ask>) {
        if self.dialect.under_way() == 0 {
            self.quiet_since = Instant::now();
        }
        if order.begin() {
            self.dialect.send(order, &mut self.out);
        }
    }

    fn receive(&mut self, mut bytes: &[u8]) -> Result<(), String> {
        self.quiet_since = Instant::now();
        while let Some((order, outcome)) = self.dialect.receive(&mut bytes)? {
            if outcome.is_ok()
                && let Some(node) = self.node.upgrade()
            {
                node.well();
            }
            order.deliver(self.number, outcome);
        }
        Ok(())
    }
}

async fn at(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => pending().await,
    }
}
