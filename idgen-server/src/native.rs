//! The native door: idgen's own binary dialect, many requests under way on each connection.
//!
//! What can be answered at once is answered in the order of its arrival; a request that has to
//! wait does so beside the connection and delays no other. Replies that come together leave with
//! one system call. A connection has a bounded number of requests that wait; beyond it nothing
//! more is read from it until one of them is answered.

use std::io::ErrorKind::{Interrupted, WouldBlock};
use std::sync::Arc;
use std::time::Duration;

use idgen_core::IdRange;
use idgen_runtime::store::Name;
use idgen_wire::native::{
    Ask, PREAMBLE, REPLY_MAX, Request, RequestDecoder, encode_health, encode_ids, encode_refusal,
};
use tokio::net::TcpStream;
use tokio::task::{JoinError, JoinSet};
use tokio::time::timeout;

use crate::answer::{Desk, Health, Reply, Request as Wanted};
use crate::door::{Drain, Over, at_once, close_gently, read_now, send_all};
use crate::{Limits, Refusal};

/// Requests are read this many bytes at a time.
const READ_BYTES: usize = 4 << 10;
/// Replies leave when this many bytes have come together.
const FLUSH_BYTES: usize = 64 << 10;

/// What all connections share.
pub(crate) struct Door {
    pub(crate) desk: Desk,
    pub(crate) limits: Limits,
}

/// The answer to one request, by its number.
type Answered = (u32, Result<Reply, Refusal>);

impl Door {
    /// Serves one connection until it ends or drains.
    pub(crate) async fn serve(self: Arc<Self>, stream: TcpStream, mut drain: Drain) {
        let mut connection = Connection {
            door: self,
            decoder: RequestDecoder::new(),
            stream,
            waiting: JoinSet::new(),
            replies: PREAMBLE.to_vec(),
        };
        let over = match connection.run(&mut drain).await {
            Err(over) => over,
            Ok(()) => match connection.finish().await {
                Err(over) => over,
                Ok(()) => Over::Close,
            },
        };
        drop(drain);
        match over {
            Over::Close => close_gently(connection.stream).await,
            Over::Gone => {}
        }
    }
}

struct Connection {
    door: Arc<Door>,
    decoder: RequestDecoder,
    stream: TcpStream,
    /// Requests that could not be answered at once.
    waiting: JoinSet<Answered>,
    /// Laid out and not yet sent.
    replies: Vec<u8>,
}

impl Connection {
    /// Reads until nothing more is to be read; what waits then is still to be answered.
    async fn run(&mut self, drain: &mut Drain) -> Result<(), Over> {
        let mut received = [0; READ_BYTES];
        loop {
            self.send().await?;
            let limits = &self.door.limits;
            let idle = if self.decoder.is_midway() { limits.body } else { limits.idle };
            let last = tokio::select! {
                biased;
                () = drain.begun() => true,
                Some(answered) = self.waiting.join_next() => {
                    self.lay_out_joined(answered)?;
                    continue;
                }
                readable = timeout(idle, self.stream.readable()) => match readable {
                    Ok(Ok(())) => false,
                    Ok(Err(_)) => return Err(Over::Gone),
                    Err(_idle) => return Ok(()),
                },
            };
            let read = if last {
                read_now(&self.stream, &mut received)
            } else {
                self.stream.try_read(&mut received)
            };
            match read {
                Ok(0) => return Ok(()),
                Ok(len) => {
                    if !self.answer_all(&received[..len]).await? {
                        return Ok(());
                    }
                }
                Err(error) if matches!(error.kind(), WouldBlock | Interrupted) => {}
                Err(_) => return Err(Over::Gone),
            }
            if last {
                return Ok(());
            }
        }
    }

    /// Answers what waits.
    async fn finish(&mut self) -> Result<(), Over> {
        while !self.waiting.is_empty() {
            self.send().await?;
            self.one_answered().await?;
        }
        self.send().await
    }

    async fn one_answered(&mut self) -> Result<(), Over> {
        match self.waiting.join_next().await {
            Some(answered) => self.lay_out_joined(answered),
            None => Ok(()),
        }
    }

    /// Begins to answer every whole request of what was received; tells whether more may follow.
    async fn answer_all(&mut self, mut received: &[u8]) -> Result<bool, Over> {
        loop {
            let (number, wanted) = match self.decoder.decode(&mut received) {
                Ok(Some((number, Ok(request)))) => (number, wanted(&request)),
                Ok(Some((number, Err(bad)))) => {
                    (number, Err(Refusal::bad_request(bad.to_string())))
                }
                Ok(None) => return Ok(true),
                Err(fault) => {
                    tracing::debug!(%fault, "a native connection is closed");
                    return Ok(false);
                }
            };
            match wanted {
                Ok((wanted, limit)) => self.begin(number, wanted, limit).await?,
                Err(refusal) => self.lay_out(number, Err(refusal)),
            }
            if self.replies.len() >= FLUSH_BYTES {
                self.send().await?;
            }
        }
    }

    async fn begin(&mut self, number: u32, wanted: Wanted, limit: Duration) -> Result<(), Over> {
        let door = self.door.clone();
        let mut answer =
            Box::pin(async move { (number, door.desk.answer_within(wanted, limit).await) });
        if let Some((number, answered)) = at_once(&mut answer).await {
            self.lay_out(number, answered);
            return Ok(());
        }
        while self.waiting.len() >= self.door.limits.in_flight.max(1) {
            self.send().await?;
            self.one_answered().await?;
        }
        self.waiting.spawn(answer);
        Ok(())
    }

    fn lay_out_joined(&mut self, joined: Result<Answered, JoinError>) -> Result<(), Over> {
        match joined {
            Ok((number, answered)) => {
                self.lay_out(number, answered);
                Ok(())
            }
            Err(error) => {
                // Its number is lost with it: without an end its client would wait in vain.
                tracing::error!(%error, "a native request failed; please report this defect");
                Err(Over::Close)
            }
        }
    }

    fn lay_out(&mut self, number: u32, answered: Result<Reply, Refusal>) {
        let mut buffer = [0; REPLY_MAX];
        let len = match answered {
            Ok(Reply::Ids(ranges)) => return self.lay_out_ids(number, &ranges, &mut buffer),
            Ok(Reply::Health(Health { ready, reasons, .. })) => {
                encode_health(number, ready, &reasons.join("; "), &mut buffer)
            }
            Ok(_) => refuse(number, &Refusal::defect(), &mut buffer),
            Err(refusal) => refuse(number, &refusal, &mut buffer),
        };
        self.replies.extend_from_slice(&buffer[..len]);
    }

    fn lay_out_ids(&mut self, number: u32, mut ranges: &[IdRange], buffer: &mut [u8; REPLY_MAX]) {
        loop {
            let (len, left) = encode_ids(number, ranges, buffer);
            self.replies.extend_from_slice(&buffer[..len]);
            if left.is_empty() {
                return;
            }
            ranges = left;
        }
    }

    async fn send(&mut self) -> Result<(), Over> {
        send_all(&mut self.stream, &mut self.replies, self.door.limits.write).await
    }
}

/// The request in the words of all doors, and how long its client waits.
fn wanted(request: &Request<'_>) -> Result<(Wanted, Duration), Refusal> {
    let wanted = match request.ask {
        Ask::Ids { sequence, count } => {
            let name = Name::new(sequence).map_err(|e| Refusal::bad_request(e.to_string()))?;
            Wanted::Ids { sequence: name, count: count.into(), listed: false }
        }
        Ask::Snowflakes { count } => Wanted::Snowflakes { count: count.into(), listed: false },
        Ask::Health => Wanted::Health,
    };
    Ok((wanted, Duration::from_millis(request.deadline_ms.into())))
}

fn refuse(number: u32, refusal: &Refusal, buffer: &mut [u8; REPLY_MAX]) -> usize {
    // Whoever is told to wait 49 days asks a person first.
    let wait_ms = |ms: u64| u32::try_from(ms).unwrap_or(u32::MAX);
    let retry_after_ms = refusal.promised_ms().map(wait_ms);
    encode_refusal(number, refusal.cause, retry_after_ms, &refusal.detail, buffer)
}
