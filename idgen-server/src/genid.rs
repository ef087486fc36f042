//! The GenID door: two-byte requests in, big-endian ids out.
//!
//! A connection sits in one bucket for life, the one with the fewest connections when it came, so
//! that its ids rise. Requests that arrive together are answered together: replies are laid out
//! one behind the other and leave with one system call, or several where they are long. A request
//! whose bucket has used up its second waits for the next one; what was laid out before it leaves
//! first. The dialect has no error code: a request that cannot be answered within its deadline
//! closes the connection, after the replies to those before it.

use std::io::ErrorKind::{Interrupted, WouldBlock};
use std::num::NonZeroU64;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use idgen_core::IdRange;
use idgen_wire::genid::{ReplyEncoder, Request, RequestDecoder};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::answer::{Desk, Reply, Request as Wanted};
use crate::door::{Drain, Over, at_once, close_gently, read_now, send_all};
use crate::{Limits, Refusal};

/// Requests are read this many bytes at a time: 256 of them.
const READ_BYTES: usize = 512;
/// Replies leave when this many bytes have come together.
const FLUSH_BYTES: usize = 64 << 10;

/// What all connections share.
pub(crate) struct Door {
    desk: Desk,
    limits: Limits,
    seats: Arc<Seats>,
}

/// How many connections sit in each bucket.
struct Seats(Mutex<Vec<u32>>);

/// A connection's place in its bucket; gives it back when dropped.
struct Seat {
    bucket: usize,
    seats: Arc<Seats>,
}

impl Seats {
    fn sit(self: &Arc<Self>) -> Seat {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let least = taken.iter().enumerate().min_by_key(|&(_, &taken)| taken);
        let bucket = least.map_or(0, |(bucket, _)| bucket);
        taken[bucket] += 1;
        Seat { bucket, seats: self.clone() }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken[self.bucket] -= 1;
    }
}

impl Door {
    /// A door onto a generator of `buckets` buckets, at least 1.
    pub(crate) fn new(desk: Desk, limits: Limits, buckets: u64) -> Self {
        let taken = (0..buckets.max(1)).map(|_| 0).collect();
        let seats = Arc::new(Seats(Mutex::new(taken)));
        Self { desk, limits, seats }
    }

    /// Serves one connection until it ends or drains.
    pub(crate) async fn serve(self: Arc<Self>, stream: TcpStream, mut drain: Drain) {
        let seat = self.seats.sit();
        let mut connection = Connection {
            door: &self,
            bucket: seat.bucket,
            decoder: RequestDecoder::new(),
            stream,
            replies: Vec::new(),
        };
        let over = connection.run(&mut drain).await;
        drop(drain);
        match over {
            Over::Close => close_gently(connection.stream).await,
            Over::Gone => {}
        }
    }
}

struct Connection<'a> {
    door: &'a Door,
    bucket: usize,
    decoder: RequestDecoder,
    stream: TcpStream,
    /// Laid out and not yet sent.
    replies: Vec<u8>,
}

impl Connection<'_> {
    async fn run(&mut self, drain: &mut Drain) -> Over {
        let (mut received, limits) = ([0; READ_BYTES], &self.door.limits);
        loop {
            let idle = if self.decoder.is_midway() { limits.body } else { limits.idle };
            let last = tokio::select! {
                biased;
                () = drain.begun() => true,
                readable = timeout(idle, self.stream.readable()) => match readable {
                    Ok(Ok(())) => false,
                    Ok(Err(_)) => return Over::Gone,
                    Err(_idle) => return Over::Close,
                },
            };
            let read = if last {
                read_now(&self.stream, &mut received)
            } else {
                self.stream.try_read(&mut received)
            };
            match read {
                Ok(0) => return Over::Close,
                Ok(len) => {
                    if let Err(over) = self.answer_all(&received[..len]).await {
                        return over;
                    }
                }
                Err(error) if matches!(error.kind(), WouldBlock | Interrupted) => {}
                Err(_) => return Over::Gone,
            }
            if last {
                return Over::Close;
            }
        }
    }

    /// Answers every whole request of what was received.
    async fn answer_all(&mut self, mut received: &[u8]) -> Result<(), Over> {
        loop {
            match self.decoder.decode(&mut received) {
                Ok(Some(request)) => self.answer(request).await?,
                Ok(None) => return self.send().await,
                Err(unknown) => {
                    tracing::debug!(%unknown, "a GenID connection is closed");
                    self.send().await?;
                    return Err(Over::Close);
                }
            }
        }
    }

    async fn answer(&mut self, request: Request) -> Result<(), Over> {
        let ranges = match NonZeroU64::new(request.ids().into()) {
            Some(count) => self.ids(count).await?,
            None => Vec::new(),
        };
        let from = self.replies.len();
        self.replies.resize(from + request.reply_len(), 0);
        if let Err(error) = lay_out(request, &ranges, &mut self.replies[from..]) {
            tracing::error!(%error, "a GenID reply came out wrong; please report this defect");
            self.replies.truncate(from);
            self.send().await?;
            return Err(Over::Close);
        }
        if self.replies.len() >= FLUSH_BYTES { self.send().await } else { Ok(()) }
    }

    async fn ids(&mut self, count: NonZeroU64) -> Result<Vec<IdRange>, Over> {
        let door = self.door;
        let wanted = Wanted::Bucket { bucket: self.bucket, count };
        let mut answer = pin!(door.desk.answer(wanted));
        let answered = match at_once(&mut answer).await {
            Some(answered) => answered,
            None => {
                self.send().await?;
                answer.await
            }
        };
        match answered {
            Ok(Reply::Ids(ranges)) => Ok(ranges),
            Ok(_) => Err(self.refused(&Refusal::bad_request("an answer of another kind")).await),
            Err(refusal) => Err(self.refused(&refusal).await),
        }
    }

    async fn refused(&mut self, refusal: &Refusal) -> Over {
        let cause = refusal.cause.name();
        tracing::warn!(cause, detail = %refusal, "a GenID connection is closed unanswered");
        match self.send().await {
            Ok(()) => Over::Close,
            Err(over) => over,
        }
    }

    /// Sends what is laid out.
    async fn send(&mut self) -> Result<(), Over> {
        send_all(&mut self.stream, &mut self.replies, self.door.limits.write).await
    }
}

fn lay_out(
    request: Request,
    ranges: &[IdRange],
    place: &mut [u8],
) -> Result<usize, idgen_wire::genid::EncodeError> {
    let mut reply = ReplyEncoder::new(request, place)?;
    for range in ranges {
        reply.push(range)?;
    }
    reply.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_used_bucket_is_taken() {
        let seats = Arc::new(Seats(Mutex::new(vec![0; 3])));
        let (first, second, third) = (seats.sit(), seats.sit(), seats.sit());
        assert_eq!([first.bucket, second.bucket, third.bucket], [0, 1, 2]);
        drop(second);
        assert_eq!(seats.sit().bucket, 1);
        let held: Vec<_> = (0..30).map(|_| seats.sit()).collect();
        let mut taken = seats.0.lock().unwrap().clone();
        taken.sort_unstable();
        assert_eq!(taken, [10, 11, 11]);
        drop((held, first, third));
        assert_eq!(*seats.0.lock().unwrap(), [0, 0, 0]);
    }

    #[test]
    fn a_reply_short_of_ids_is_never_sent() {
        let mut place = [0; 17];
        let ranges = [IdRange::one(7)];
        assert!(lay_out(Request::Batch(2), &ranges, &mut place).is_err());
        assert_eq!(lay_out(Request::Batch(1), &ranges, &mut place).unwrap(), 9);
    }
}
